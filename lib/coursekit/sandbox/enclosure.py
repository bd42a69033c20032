"""Turns a freshly forked child of the warm process into a room, and keeps watch over it.

Two processes: the keeper stays outside the room's process space, so that it can count what the room
uses and kill it; the room itself is process 1 in there, so that its end ends all it has started.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from coursekit.sandbox import linux, seccomp
from coursekit.sandbox.bubblewrap import HOME
from coursekit.sandbox.errors import RoomDied
from coursekit.sandbox.limits import Limits
from coursekit.sandbox.watch import end_all, watch

NOBODY = 65534  # who a room is outside, where grading runs as root
STUDENT = 1000  # who it is inside
_BYTES_PER_FILE = 4096  # of what may be on disk

_OWN = (
    linux.CLONE_NEWUSER
    | linux.CLONE_NEWPID
    | linux.CLONE_NEWIPC
    | linux.CLONE_NEWUTS
    | linux.CLONE_NEWNET
)


@contextlib.contextmanager
def prepared() -> Iterator[None]:
    """Where the process that forks rooms works; Bubblewrap has made it already."""
    os.makedirs(os.environ["TMPDIR"])
    yield


def keep(leash: socket.socket, limits: Limits, live: Callable[[], None]) -> None:
    """Make a room, call `live` in it, and kill it when it uses too much or the leash is let go.

    Returns when the room is no more, having said on the leash how it ended.

    Args:
        leash: held at its other end by the judge; closed there, the room is killed.
        limits: memory is counted here, over all processes of the room.
        live: what the room does; it closes no descriptor but its own.
    """
    try:
        _take_namespaces()
        room = os.fork()
    except OSError as error:
        leash.send(_unmade(error))
        return
    if room == 0:
        _be_the_room(leash, limits, live)
    end = watch(room, leash, limits)
    end_all()
    with contextlib.suppress(OSError):  # the judge may have gone
        leash.send(end.to_bytes())


def _unmade(error: OSError) -> bytes:
    return RoomDied(f"it could not be made: {error}").to_bytes()


def _take_namespaces() -> None:
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
        linux.be_dumpable()
    user, group = os.getuid(), os.getgid()
    linux.unshare(_OWN)
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{STUDENT} {user} 1")
    Path("/proc/self/gid_map").write_text(f"{STUDENT} {group} 1")


def _be_the_room(leash: socket.socket, limits: Limits, live: Callable[[], None]) -> None:
    """Never returns."""
    try:
        linux.die_with_parent(signal.SIGKILL)
        os.setsid()
        socket.sethostname("room")
        _mount(limits.disk)
        _limit(limits)
        linux.drop_privileges()
        seccomp.install()
    except OSError as error:
        leash.send(_unmade(error))
        os._exit(1)
    leash.close()
    try:
        live()
    finally:
        os._exit(0)


def _mount(disk: int) -> None:
    """An empty home, a /proc that shows this room alone, and nothing else that can be written."""
    closed = linux.MS_NOSUID | linux.MS_NODEV
    linux.unshare(linux.CLONE_NEWNS)
    linux.mount(None, "/", None, linux.MS_PRIVATE | linux.MS_REC)
    # An empty file is of no size, and takes memory all the same.
    files = f"nr_inodes={disk // _BYTES_PER_FILE}"
    linux.mount("tmpfs", HOME, "tmpfs", closed, f"size={disk},{files},mode=0755")
    linux.mount("tmpfs", "/dev/shm", "tmpfs", closed, f"size={disk // 2},{files},mode=0777")
    linux.mount("tmpfs", "/dev/pts", "tmpfs", closed | linux.MS_RDONLY)  # shared by all rooms
    linux.mount("proc", "/proc", "proc", closed | linux.MS_NOEXEC)
    Path("/proc/sys/user/max_user_namespaces").write_text("0")
    linux.mount("/proc/sys", "/proc/sys", None, linux.MS_BIND | linux.MS_REC)
    read_only = linux.MS_REMOUNT | linux.MS_BIND | linux.MS_RDONLY | closed | linux.MS_NOEXEC
    linux.mount(None, "/proc/sys", None, read_only)


def _limit(limits: Limits) -> None:
    for what, value in (
        (resource.RLIMIT_AS, limits.memory),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_CPU, limits.cpu_seconds),
        (resource.RLIMIT_FSIZE, limits.disk),
        (resource.RLIMIT_MSGQUEUE, 0),
        (resource.RLIMIT_NOFILE, limits.files),
        (resource.RLIMIT_NPROC, limits.processes),
    ):
        resource.setrlimit(what, (value, value))
