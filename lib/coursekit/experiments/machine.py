"""Where something was measured: processor, cores, threads, versions, date."""

from __future__ import annotations

import datetime
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = {"numpy": "numpy", "torch": "torch", "convnets": "convnets-course"}  # name -> to install


def here(threads: int = 1) -> dict[str, Any]:
    """This machine and its software, today; nothing that names a person or a computer.

    Args:
        threads: of each run.
    """
    found = {
        "date": datetime.date.today().isoformat(),
        "cpu": _processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
    }
    found |= {name: _version(package) for name, package in PACKAGES.items()}
    found["gpu"] = _gpu()
    return {name: value for name, value in found.items() if value is not None}


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Whether two are the same but for the date."""
    return {**a, "date": ""} == {**b, "date": ""}


def sentence(on: dict[str, Any]) -> str:
    """One for people.

    >>> sentence({"date": "2025-01-31", "cpu": "Xeon", "cores": 2, "threads": 1, "numpy": "2.1"})
    '2025-01-31, Xeon (2 cores, 1 thread a run), numpy 2.1'
    """
    threads = on["threads"]
    parts = [f"{on['cpu']} ({on['cores']} cores, {threads} thread{'s' * (threads > 1)} a run)"]
    parts += [on["gpu"]] if "gpu" in on else []
    parts += [f"{name} {on[name]}" for name in ("python", *PACKAGES) if name in on]
    return ", ".join([on["date"], *parts])


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _gpu() -> str | None:
    """Name of the GPU, where the experiment has loaded torch and torch sees one."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return None
    return torch.cuda.get_device_name()
