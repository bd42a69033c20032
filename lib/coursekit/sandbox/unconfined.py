"""Rooms without Bubblewrap: a process, a home and limits of their own, and no wall.

What stays: a student's code never runs in the judge's process; a room begins with an empty home, a
clean environment and a session of its own; processor time, address space, open files and the size
of a file are limited, and where there is /proc the number of processes and their memory too; its
end ends what it has started.

What is lost: a room can read and write all that the caller may, fill the disk, use the network, and
harm every process of the caller, the judge included. No system call is filtered, so memory that no
process maps is not limited. So this is for work whose authors one trusts, and for looking for
mistakes. On Linux nothing that a room starts outlives the process that forks
rooms, unless it kills that one too; elsewhere whatever leaves its process group does.

macOS: what Apple's own frameworks have begun does not survive a fork, and NumPy may be built on
one of them (Accelerate). Should rooms crash at once there, grade on Linux.
"""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator

from coursekit.sandbox import linux
from coursekit.sandbox.bubblewrap import ENVIRONMENT, fonts_folder, python
from coursekit.sandbox.errors import RoomDied
from coursekit.sandbox.limits import Limits
from coursekit.sandbox.watch import end_all, watch

_LINUX = sys.platform.startswith("linux")


def command(program: str) -> list[str]:
    """The command line that runs a Python program, given as text, in a clean environment."""
    environment = {**ENVIRONMENT, "MPLCONFIGDIR": str(fonts_folder())}
    return [
        *("env", "-i", *(f"{name}={value}" for name, value in environment.items())),
        *python(program),
    ]


@contextlib.contextmanager
def prepared() -> Iterator[None]:
    """Where the process that forks rooms works: a folder that goes when it ends."""
    _adopt_orphans()
    folder = tempfile.mkdtemp(prefix="rooms-", dir="/tmp")
    os.environ.update(HOME=folder, TMPDIR=folder)
    try:
        yield
    finally:
        end_all()
        shutil.rmtree(folder, ignore_errors=True)


def keep(leash: socket.socket, limits: Limits, live: Callable[[], None]) -> None:
    """Make a room, call `live` in it, and kill it when it uses too much or the leash is let go.

    Returns when the room is no more and its home is removed, having said on the leash how it ended.

    Args:
        leash: held at its other end by the judge; closed there, the room is killed.
        limits: processes and memory are counted here.
        live: what the room does; it closes no descriptor but its own.
    """
    _adopt_orphans()
    home = tempfile.mkdtemp(prefix="home-", dir=os.environ["HOME"])
    try:
        room = os.fork()
        if room == 0:
            _be_the_room(leash, limits, home, live)
        end = watch(room, leash, limits)
        with contextlib.suppress(OSError):  # there is none any more
            os.killpg(room, signal.SIGKILL)
        end_all()
    except OSError as error:
        end = RoomDied(f"it could not be made: {error}")
    shutil.rmtree(home, ignore_errors=True)
    with contextlib.suppress(OSError):  # the judge may have gone
        leash.send(end.to_bytes())


def _be_the_room(leash: socket.socket, limits: Limits, home: str, live: Callable[[], None]) -> None:
    """Never returns."""
    leash.close()
    try:
        os.setsid()
        if _LINUX:
            linux.die_with_parent(signal.SIGKILL)
        os.environ.update(HOME=home, TMPDIR=f"{home}/.tmp", MPLCONFIGDIR=f"{home}/.matplotlib")
        tempfile.tempdir = None  # it was found in the environment as it was
        _limit(limits)
        live()
    finally:
        os._exit(0)


def _limit(limits: Limits) -> None:
    """As far as the system goes: macOS has no limit on address space."""
    for name, value in (
        ("RLIMIT_AS", limits.memory),
        ("RLIMIT_CORE", 0),
        ("RLIMIT_CPU", limits.cpu_seconds),
        ("RLIMIT_FSIZE", limits.disk),
        ("RLIMIT_NOFILE", limits.files),
    ):
        with contextlib.suppress(AttributeError, OSError, ValueError):
            what = getattr(resource, name)
            resource.setrlimit(what, (value, value))


def _adopt_orphans() -> None:
    if _LINUX:
        linux.adopt_orphans()
