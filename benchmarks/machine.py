"""What figures depend on."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path

from benchmarks import GIVEN

# With these, OpenBLAS is not what a user has; they cost some machines a third of their speed.
TUNED = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


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


def facts() -> dict:
    """Processor, versions, which BLAS with which kernel, and the variables that steer it."""
    return {
        "CPU": processor(),
        "Python": platform.python_version(),
        "NumPy": version("numpy"),
        "PyTorch": version("torch"),
        "BLAS": blas(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "variables": dict(GIVEN),
    }


def blas() -> str:
    """Name, version and kernel of the linear algebra that NumPy loads, as it was chosen here."""
    import numpy  # noqa: F401 (what is not loaded is not found)
    from threadpoolctl import threadpool_info

    found = [each for each in threadpool_info() if each["user_api"] == "blas"]
    names = (
        f"{each['internal_api']} {each['version']}, kernel {each.get('architecture', 'unknown')}"
        for each in found
    )
    return "; ".join(names) or "not one that threadpoolctl knows"


def warnings(known: dict) -> list[str]:
    """What in the `facts` of a run makes its figures differ from a user's."""
    found = []
    tuned = [name for name in TUNED if name in known["variables"]]
    if tuned:
        found.append(
            f"{' and '.join(tuned)} set: convolution may be a third slower than it is for others. "
            f"For figures that compare: env {' '.join(f'-u {name}' for name in tuned)} make bench"
        )
    if known["load"] is not None and known["load"] > known["cores"] / 2:
        found.append(
            f"Others use this machine (load {known['load']}, {known['cores']} cores): figures with "
            "several threads, which are by the clock on the wall, say little. The others are CPU "
            "time, and hold within some 5 %."
        )
    return found
