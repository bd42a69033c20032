"""The commands that put an installation right, ready to be pasted.

For `coursekit.doctor`, which runs on a broken installation too: the standard library only.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = shlex.quote(sys.executable)
_MANAGERS = {
    "apt-get": "{sudo}apt-get update && {sudo}apt-get install -y {name}",
    "dnf": "{sudo}dnf install -y {name}",
    "pacman": "{sudo}pacman -Sy --noconfirm {name}",
    "zypper": "{sudo}zypper install -y {name}",
    "apk": "{sudo}apk add {name}",
}


def inside() -> bool:
    """Whether this is an environment of its own, which may be changed."""
    return sys.prefix != sys.base_prefix or "CONDA_PREFIX" in os.environ


def install_course() -> str:
    """The command that installs the course with all it needs."""
    if not (ROOT / "pyproject.toml").is_file():
        return "make lab (in the course folder)"
    there = f"cd {shlex.quote(str(ROOT))} &&"
    return f"{there} {pip_install('-e', '.[test]')}" if inside() else f"{there} make lab"


def pip_install(*what: str) -> str:
    """A command of pip for this environment; in the one that make has made, the tested versions."""
    pinned = ("-c", str(ROOT / "constraints.txt")) if _is_makes_own() else ()
    return f"{PYTHON} -m pip install {shlex.join([*pinned, *what])}"


def _is_makes_own() -> bool:
    return Path(sys.prefix).resolve() == (ROOT / ".venv").resolve()


def reinstall(name: str) -> str:
    """The command that installs a package anew, in its tested version."""
    return pip_install("--force-reinstall", "--no-deps", _tested(name))


def _tested(name: str) -> str:
    """ "torch==2.13.0", or the name alone where the tested versions are not at hand."""
    try:
        pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    except OSError:
        return name
    pin = re.search(rf"^{re.escape(name)}==.*$", pins, re.MULTILINE)
    return pin.group() if pin else name


def install(name: str) -> str:
    """The command that installs a program of the system's."""
    if sys.platform == "darwin":
        return "xcode-select --install"
    if sys.platform == "win32":
        return "wsl --install (then unpack the course in there)"
    sudo = "" if os.geteuid() == 0 else "sudo "
    for manager, command in _MANAGERS.items():
        if shutil.which(manager):
            return command.format(sudo=sudo, name=name)
    return f"install {name} with the package manager of this system"
