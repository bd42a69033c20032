"""What figures depend on."""

from __future__ import annotations

import platform
from pathlib import Path


def processor() -> str:
    """Name of this machine's processor."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    facts = dict(line.split("\t: ", 1) for line in lines if "\t: " in line)
    facts = {key.strip(): value for key, value in facts.items()}
    wide = " AVX-512" if "avx512f" in facts.get("flags", "") else ""
    return f"{facts.get('model name', platform.machine())}{wide}"
