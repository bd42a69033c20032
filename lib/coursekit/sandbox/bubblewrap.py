"""The command that starts a program in Bubblewrap, with little but Python to see."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from coursekit.startup import KEEP_MEMORY

HOME = "/home/student"
_LIBRARY = Path(__file__).resolve().parents[2]  # the folder that holds coursekit
_MERGED = ("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_SETTINGS = (
    "/etc/fonts",
    "/etc/group",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/localtime",
    "/etc/passwd",
    "/etc/alternatives",
)
_SYSTEM = Path("/proc/sys")
# Settings that forbid user namespaces: key, the value that does, one that allows them.
_FORBIDS = (
    ("user.max_user_namespaces", "0", "15000"),
    ("kernel.unprivileged_userns_clone", "0", "1"),
    ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
)
_CONTAINER = (Path("/.dockerenv"), Path("/run/.containerenv"))  # of Docker, of Podman
# What Bubblewrap, or a room, says that may not have a namespace or a mount.
_FORBIDDEN = re.compile(
    r"bwrap: .*(namespace|uid map|RTM_NEW|mount|Operation not permitted|Permission denied)"
    r"|could not be made"
)
ENVIRONMENT = {
    "HOME": HOME,
    "LANG": "C.UTF-8",
    "MPLBACKEND": "agg",
    "MPLCONFIGDIR": f"{HOME}/.matplotlib",
    # One thread: two add up in another order, and a process with threads cannot be forked.
    "MKL_NUM_THREADS": "1",
    "NUMEXPR_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONHASHSEED": "0",  # a submission graded twice sees its sets in the same order
    "TMPDIR": f"{HOME}/.tmp",
    "USER": "student",
    **KEEP_MEMORY,
}


def missing() -> str:
    """Why no room can be made here, and what to do; "" where Bubblewrap is installed."""
    if not sys.platform.startswith("linux"):
        return (
            f"The sandbox needs Linux; this is {sys.platform}. Grade on a Linux server, or in a "
            "virtual machine or a container that runs Linux (Lima, Docker), with Bubblewrap in it."
        )
    if shutil.which("bwrap") is None:
        return (
            "Bubblewrap, the sandbox, is not installed. Try `apt install bubblewrap` (Debian, "
            "Ubuntu), `dnf install bubblewrap` (Fedora) or `pacman -S bubblewrap` (Arch)."
        )
    return ""


def refused(said: str) -> str:
    """Why the sandbox does not start although Bubblewrap is installed, and what to do.

    Args:
        said: by Bubblewrap, by the program in it, or by a room that could not be made.
    """
    last = said.strip().rpartition("\n")[2]
    if not _FORBIDDEN.search(last):
        return f"The sandbox does not start.\n{said.strip()[-2000:]}".strip()
    cause = re.split(r", likely|: nesting", last[:200])[0].rstrip(".")
    return (
        "The sandbox cannot start: this system forbids user namespaces, or mounts in them "
        f"({cause}). {' '.join(_allowing())}"
    )


def _allowing() -> Iterator[str]:
    """What to do so that user namespaces are allowed."""
    container = any(path.exists() for path in _CONTAINER)
    keys = [(key, good) for key, bad, good in _FORBIDS if _setting(key) == bad]
    where = " on the machine that runs this container" if container else ""
    for key, good in keys:
        yield f"Allow them{where}: `sudo sysctl -w {key}={good}`."
    if container:
        yield "Start the container with `--privileged`."
    elif not keys:
        yield "Grade on another Linux system, for example in a virtual machine."


def _setting(key: str) -> str:
    """Value of a setting of the system; "" where there is no such setting."""
    try:
        return (_SYSTEM / key.replace(".", "/")).read_text().strip()
    except OSError:
        return ""


def command(program: str) -> list[str]:
    """The command line that runs a Python program, given as text, in Bubblewrap.

    No network; only the system, Python and its packages to read; nothing to write but an empty
    home, which each room covers with its own. The program keeps the process numbers of the machine,
    because only whoever sees /proc whole may mount a new one, as each room does. What it was given
    as standard input stays open.
    """
    root = os.geteuid() == 0
    # As root it keeps the right to become another user, which each room does at once.
    rights = ["--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"]
    return [
        "bwrap",
        *(rights if root else ["--unshare-user"]),
        *("--unshare-net", "--unshare-ipc", "--unshare-uts", "--new-session"),
        *_mounts(_readable()),
        *("--bind", "/proc", "/proc", "--dev", "/dev", "--tmpfs", "/dev/shm"),
        # It makes shared memory that is counted for nobody. A device bound so cannot be opened.
        *("--ro-bind", "/dev/zero", "/dev/zero"),
        *("--perms", "0755", "--dir", "/home", "--perms", "0755", "--tmpfs", HOME),
        *_font_cache(),
        *("--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/", "--clearenv"),
        *(word for item in ENVIRONMENT.items() for word in ("--setenv", *item)),
        *python(program),
    ]


def python(program: str) -> list[str]:
    """The command line of a Python that imports from this library and the installed packages."""
    path = f"import sys; sys.path.append({str(_LIBRARY)!r})"
    return [sys.executable, "-P", "-s", "-c", f"{path}\n{program}"]


def _readable() -> list[Path]:
    """Folders of Python and its packages outside /usr, outer ones before those within."""
    found = {Path(sys.prefix), Path(sys.base_prefix), _LIBRARY}
    found |= {path.resolve() for path in found}
    system = Path("/usr")
    return sorted(path for path in found if path != system and system not in path.parents)


def _mounts(folders: Iterable[Path]) -> list[str]:
    words = ["--ro-bind", "/usr", "/usr"]
    for name in _MERGED:
        path = Path(name)
        if path.is_symlink():
            words += ["--symlink", os.readlink(path), name]
        elif path.is_dir():
            words += ["--ro-bind", name, name]
    for name in _SETTINGS:
        words += ["--ro-bind-try", name, name]
    made = {Path("/")}
    for folder in folders:
        # Bubblewrap makes the folders above with no rights for other users.
        above = [path for path in reversed(folder.parents) if path not in made]
        made.update((*above, folder))
        words += [word for path in above for word in ("--perms", "0755", "--dir", str(path))]
        words += ["--ro-bind", str(folder), str(folder)]
    return words


def fonts_folder() -> Path:
    """Where Matplotlib keeps its list of fonts, which takes seconds to make."""
    chosen = os.environ.get("MPLCONFIGDIR")
    if chosen:
        return Path(chosen)
    if not sys.platform.startswith("linux"):
        return Path.home() / ".matplotlib"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "matplotlib"


def _font_cache() -> list[str]:
    words = []
    with contextlib.suppress(PermissionError):  # another user's folder, as `sudo -u` leaves HOME
        for path in sorted(fonts_folder().glob("fontlist-*.json")):
            words += ["--ro-bind", str(path), f"{ENVIRONMENT['MPLCONFIGDIR']}/{path.name}"]
    return words
