"""A doctor for installations: says in plain words what is wrong, and what to do.

Runs on a broken installation too: it imports the standard library only, and tries everything else
in a process of its own.
"""

from __future__ import annotations

import contextlib
import importlib.metadata as metadata
import json
import locale
import operator
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

if __package__:
    from coursekit import remedies
else:  # as a program: importing the package would import what may be missing
    import remedies

PROJECT = "convnets-course"
EXTRAS = ("torch", "lab", "teach")  # what `make` installs for; tests need more
OLDEST = (3, 11)
DISK_NEEDED = 1.0  # GB: notebooks, caches and the optional data sets
SERVER_EXTENSIONS = (
    "jupyterlab",
    "nbgrader.server_extensions.assignment_list",
    "nbgrader.server_extensions.formgrader",
    "nbgrader.server_extensions.validate_assignment",
)
_COMPARE = {
    ">=": operator.ge,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
}
MISSING = "not installed"
_TRIAL = Path(__file__).resolve().parent / "sandbox" / "trial.py"


class Checked(NamedTuple):
    """One thing looked at: `remedy` is empty when all is well."""

    subject: str
    says: str
    remedy: str = ""


def run() -> int:
    """Print one line for each thing looked at.

    Returns:
        0 if all is well, 1 if something has to be done.
    """
    with contextlib.suppress(AttributeError):  # a notebook's, for one, cannot
        sys.stdout.reconfigure(errors="replace")  # a terminal that is not UTF-8 knows no arrows
    problems = 0
    for finding in examine():
        print(f"{'problem' if finding.remedy else 'ok':>8}  {finding.subject}: {finding.says}")
        if finding.remedy:
            problems += 1
            print(f"{'':>8}  → {finding.remedy}")
    print("\nAll is well." if not problems else f"\n{problems} to put right, see the arrows above.")
    return 1 if problems else 0


def examine() -> Iterator[Checked]:
    """Look at everything, the most basic first; what needs the packages only where they are."""
    yield python_version()
    yield environment()
    yield writable(remedies.ROOT)
    yield disk()
    yield port()
    yield encoding()
    yield from tools()
    found = list(packages())
    yield from found
    if any(finding.says.endswith(MISSING) for finding in found):
        return
    if _installed("torch"):
        yield torch()
    if _installed("jupyterlab"):
        yield kernel()
        yield from extensions()
    yield fonts()


def python_version(version: tuple[int, ...] = tuple(sys.version_info[:3])) -> Checked:
    """Is this Python new enough?"""
    says = ".".join(map(str, version))
    if version >= OLDEST:
        return Checked("Python", says)
    return Checked("Python", says, "install Python 3.11 or newer, then: make PYTHON=python3.11 lab")


def environment() -> Checked:
    """Which environment is this, and is it the course's own?"""
    if remedies.inside():
        return Checked("environment", sys.prefix)
    return Checked("environment", f"the system's Python, {sys.prefix}", remedies.install_course())


def tools(course: Path = remedies.ROOT) -> Iterator[Checked]:
    """Are the programs there that this folder asks for? Students, who grade nothing, need few."""
    if (course / "Makefile").is_file():
        yield tool("make")
    if (course / "solutions").is_dir():
        yield tool("git")
        yield sandbox()


def tool(name: str) -> Checked:
    """Is this program there, and does it run? On a Mac its place may be held by a stub."""
    done = _run(name, "--version")
    if done.returncode == 0:
        return Checked(name, done.stdout.partition("\n")[0])
    return Checked(name, MISSING, remedies.install(name))


def sandbox() -> Checked:
    """Can a room be made in which students' code may run? Only grading needs that."""
    if not sys.platform.startswith("linux"):
        return Checked("sandbox", "none here; grading needs Linux, all else does not")
    if sys.version_info < OLDEST:
        return Checked("sandbox", "not tried with a Python that is too old")
    if shutil.which("bwrap") is None:
        says = f"Bubblewrap is {MISSING}; grading needs it"
        return Checked("sandbox", says, remedies.install("bubblewrap"))
    done = _python(str(_TRIAL))
    if done.returncode == 0 and not done.stdout.strip():
        return Checked("sandbox", f"{_run('bwrap', '--version').stdout.strip()}, a room was made")
    reason = " ".join(done.stdout.split()) or _last_line(done)
    return Checked("sandbox", "no room can be made; grading needs that", reason)


def packages(project: str = PROJECT, course: Path = remedies.ROOT) -> Iterator[Checked]:
    """Is every package there, in the range the course asks for?

    A course folder, where `make` does the work, needs all extras but that of the tests; elsewhere
    the core is enough, and it is said which of them are there.
    """
    try:
        lines = metadata.requires(project) or []
    except metadata.PackageNotFoundError:
        yield Checked("course package", f"{project} is {MISSING}", remedies.install_course())
        return
    needed: dict[str, list[str]] = {}
    for line in lines:
        requirement, _, marker = line.partition(";")
        extra = re.search(r"extra == ['\"](\w+)", marker)
        needed.setdefault(extra[1] if extra else "", []).append(requirement.strip())
    asked = ("", *EXTRAS) if (course / "Makefile").is_file() else ("",)
    for requirement in dict.fromkeys(each for extra in asked for each in needed.get(extra, ())):
        yield package(requirement)
    for extra in EXTRAS:
        if extra not in asked:
            well = all(_installed(_parts(each)[0]) for each in needed.get(extra, ()))
            yield Checked(f"extra {extra}", "complete" if well else "not here, nor needed by all")


def package(requirement: str) -> Checked:
    """Is this one package there, in its range?

    Args:
        requirement: such as "numpy>=2.1,<3".
    """
    name, bounds = _parts(requirement)
    try:
        installed = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Checked(name, MISSING, remedies.install_course())
    if all(holds(installed, bound) for bound in bounds.split(",") if bound):
        return Checked(name, installed)
    says = f"{installed}, but the course needs {bounds}"
    return Checked(name, says, remedies.pip_install(requirement))


def _parts(requirement: str) -> tuple[str, str]:
    """Name and bounds."""
    return re.fullmatch(r"([\w.-]+)\s*(.*)", requirement).groups()


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def holds(version: str, bound: str) -> bool:
    """Whether a version keeps one bound, comparing release numbers only.

    >>> holds("2.13.0+cpu", ">=2.6"), holds("0.10.1", "<0.10"), holds("5.0rc1", "<5")
    (True, False, False)
    """
    sign, limit = re.fullmatch(r"\s*(>=|<=|==|!=|<|>)\s*([\w.+]+)\s*", bound).groups()
    left, right = _release(version), _release(limit)
    width = max(len(left), len(right))
    left, right = (numbers + (0,) * (width - len(numbers)) for numbers in (left, right))
    return _COMPARE[sign](left, right)


def _release(version: str) -> tuple[int, ...]:
    return tuple(map(int, re.match(r"\d+(\.\d+)*", version).group().split(".")))


def torch() -> Checked:
    """Does PyTorch load and compute?"""
    code = "import torch; print(torch.__version__, float(torch.ones(3).sum()))"
    done = _python("-c", code)
    if done.returncode == 0 and done.stdout.endswith("3.0\n"):
        return Checked("PyTorch", f"{done.stdout.split()[0]} loads and computes")
    remedy = remedies.reinstall("torch")
    if sys.platform == "win32":
        remedy = f"install the Microsoft Visual C++ runtime; if that is there: {remedy}"
    return Checked("PyTorch", f"does not load: {_last_line(done)}", remedy)


def kernel() -> Checked:
    """Does the notebook kernel `python3` belong to this environment?"""
    code = (
        "import json; from jupyter_client.kernelspec import KernelSpecManager;"
        "print(json.dumps(KernelSpecManager().get_kernel_spec('python3').argv))"
    )
    done = _python("-c", code)
    remedy = f"{remedies.PYTHON} -m ipykernel install --sys-prefix --name python3"
    if done.returncode:
        return Checked("notebook kernel", f"python3 is missing: {_last_line(done)}", remedy)
    program = json.loads(done.stdout)[0]
    # Jupyter starts a bare "python" or "python3" with the interpreter it runs on itself.
    is_bare = program in ("python", "python3", f"python3.{sys.version_info[1]}")
    if is_bare or _same(program, sys.executable):
        return Checked("notebook kernel", "python3 of this environment")
    return Checked("notebook kernel", f"python3 starts {program}, another Python", remedy)


def _same(program: str, executable: str) -> bool:
    """Two names of one environment's interpreter; links are not followed out of the environment."""
    return Path(program).parent.resolve() == Path(executable).parent.resolve()


def extensions() -> Iterator[Checked]:
    """Are nbgrader's parts for JupyterLab there and switched on?"""
    done = _python("-m", "jupyter_server", "extension", "list")
    listed = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout + done.stderr)
    enable = f"{remedies.PYTHON} -m jupyter_server extension enable --sys-prefix"
    for name in SERVER_EXTENSIONS:
        subject = f"server extension {name.rpartition('.')[2]}"
        is_on = re.search(rf"^ *{re.escape(name)} +enabled", listed, re.MULTILINE)
        yield Checked(subject, "on") if is_on else Checked(subject, "off", f"{enable} {name}")
    folder = Path(sys.prefix, "share/jupyter/labextensions/@jupyter/nbgrader")
    remedy = remedies.reinstall("nbgrader")
    if (folder / "package.json").is_file():
        yield Checked("nbgrader in JupyterLab", "installed")
    else:
        yield Checked("nbgrader in JupyterLab", f"{folder} is missing", remedy)


def writable(folder: Path) -> Checked:
    """Can notebooks be saved in the course folder?"""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return Checked("course folder", f"{folder}, writable")
    except OSError as error:
        remedy = f"cp -r {shlex.quote(str(folder))} ~ && cd ~/{shlex.quote(folder.name)}"
        return Checked("course folder", f"{folder} cannot be written to: {error.strerror}", remedy)


def fonts() -> Checked:
    """Can Matplotlib keep its list of fonts, which otherwise costs seconds at every start?"""
    done = _python("-c", "import matplotlib; print(matplotlib.get_cachedir())")
    if done.returncode:
        remedy = remedies.reinstall("matplotlib")
        return Checked("Matplotlib", f"does not load: {_last_line(done)}", remedy)
    folder = Path(done.stdout.strip())
    # Where it may not write, Matplotlib takes a temporary folder of its own, for this once.
    is_temporary = folder.parent.resolve() == Path(tempfile.gettempdir()).resolve()
    for_once = is_temporary and folder.name.startswith("matplotlib-")
    if not for_once and os.access(folder, os.W_OK):
        return Checked("Matplotlib's font cache", str(folder))
    remedy = f"export MPLCONFIGDIR={shlex.quote(str(remedies.ROOT / 'build' / 'matplotlib'))}"
    return Checked("Matplotlib's font cache", f"{folder} will not last", remedy)


def disk(needed: float = DISK_NEEDED) -> Checked:
    """Is there room on the disk?"""
    free = shutil.disk_usage(remedies.ROOT).free / 1e9
    if free >= needed:
        return Checked("disk", f"{free:.0f} GB free")
    return Checked("disk", f"{free:.1f} GB free", f"make room: {needed:g} GB are needed")


def port() -> Checked:
    """Can JupyterLab listen on this machine, and do browser and server find each other?"""
    try:
        with socket.create_server(("localhost", 0)) as server:
            socket.create_connection(server.getsockname()[:2], timeout=5).close()
    except OSError as error:
        remedy = "check the firewall, and that the hosts file names localhost as 127.0.0.1"
        if error.errno == socket.EAI_NONAME and sys.platform != "win32":
            remedy = "echo '127.0.0.1 localhost' | sudo tee -a /etc/hosts"
        return Checked("localhost", f"cannot be reached: {error}", remedy)
    return Checked("localhost", "reachable")


def encoding() -> Checked:
    """Are files read as UTF-8? The notebooks are full of × and σ."""
    name = locale.getpreferredencoding(False)
    if name.lower().replace("-", "") == "utf8" or sys.flags.utf8_mode:
        return Checked("text encoding", name)
    remedy = "setx PYTHONUTF8 1" if sys.platform == "win32" else "export PYTHONUTF8=1"
    return Checked("text encoding", f"{name}, not UTF-8", remedy)


def _python(*arguments: str) -> subprocess.CompletedProcess:
    """Run this environment's Python, away from this folder's modules."""
    return _run(sys.executable, *arguments)


def _run(*command: str) -> subprocess.CompletedProcess:
    with tempfile.TemporaryDirectory() as folder:
        try:
            return subprocess.run(
                command, cwd=folder, capture_output=True, text=True, timeout=120, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return subprocess.CompletedProcess(command, 1, "", str(error))


def _last_line(done: subprocess.CompletedProcess) -> str:
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"it ended with status {done.returncode} and no message"


if __name__ == "__main__":
    sys.exit(run())
