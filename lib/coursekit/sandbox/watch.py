"""Watches a room from outside: what it uses, and how it ends."""

from __future__ import annotations

import contextlib
import os
import resource
import select
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

from coursekit.sandbox.errors import RoomDied
from coursekit.sandbox.limits import MEBIBYTE, Limits

WATCH_SECONDS = 0.1
_PROCESSES = Path("/proc")
_PAGE = resource.getpagesize()
_COUNTED = 0.5  # of a limit on processor time: the kernel limits ticks, and reports time


def watch(room: int, leash: socket.socket, limits: Limits) -> RoomDied:
    """Wait for the end of a room, or bring it about; why it ended.

    What its first process has started may live on; see `end_all`.

    All that the calling process has started counts as the room. Without /proc, as on macOS, what it
    uses is not watched.

    Args:
        room: its first process, a child of this one.
        leash: let go at its other end, the room is killed.
        limits: processes and memory are counted here.
    """
    poll = select.poll()
    poll.register(leash, select.POLLIN)
    memory = Memory(limits.memory)
    while True:
        dismissed = poll.poll(WATCH_SECONDS * 1000)
        ended = _end_of(room, limits)
        if ended:
            return ended
        fault = RoomDied("it was dismissed.") if dismissed else _overrun(limits, memory)
        if fault:
            os.kill(room, signal.SIGKILL)
            return fault


def end_all() -> None:
    """Kill all that this process has started, as far as it can be found, and wait for its end."""
    with contextlib.suppress(ChildProcessError):  # there is nothing any more
        while True:
            for process in descendants():
                with contextlib.suppress(OSError):  # it has just ended
                    os.kill(process, signal.SIGKILL)
            os.waitpid(-1, 0)


def descendants() -> Iterator[int]:
    """Numbers of the processes that this one has started, that those have started, and so on."""
    todo = [os.getpid()]
    while todo:
        threads = _PROCESSES / str(todo.pop()) / "task"
        with contextlib.suppress(OSError):  # it has just ended
            for thread in os.listdir(threads):
                children = [*map(int, (threads / thread / "children").read_text().split())]
                yield from children
                todo += children


class Memory:
    """Tells whether processes together use more memory than they may.

    What is measured first is cheap: bytes in memory, summed over the processes. A page that several
    of them map counts once for each, so worker processes that share all their parent has imported
    seem to use it many times. Past the limit, therefore, each page is divided among all processes
    of the machine that map it (the kernel's proportional set size), and that sum decides.

    Args:
        limit: in bytes.
    """

    def __init__(self, limit: int):
        self._limit = self._harmless = limit
        self._again = float("inf")

    def exceeded(self, processes: list[int]) -> bool:
        """Whether these processes use more than the limit."""
        resident = sum(map(_resident, processes))
        begin = time.monotonic()
        if resident <= self._harmless and (resident <= self._limit or begin < self._again):
            return False
        used = sum(map(_proportional, processes))
        # New pages show in the sum; shared ones that are written to do not. The division takes
        # milliseconds for each process, so it is made for a tenth of the time at most.
        self._harmless = resident + self._limit - used
        self._again = begin + 10 * (time.monotonic() - begin)
        return used > self._limit


def _overrun(limits: Limits, memory: Memory) -> RoomDied | None:
    processes = list(descendants())
    if len(processes) > limits.processes:
        return RoomDied(f"it had more than {limits.processes} processes.")
    if memory.exceeded(processes):
        return RoomDied(f"it used more than {limits.memory // MEBIBYTE} MiB of memory.", "memory")
    return None


def _end_of(room: int, limits: Limits) -> RoomDied | None:
    """How it ended, if it has. Processes whose parents ended before them may have come here."""
    process = -1
    while process not in (0, room):
        process, status, used = os.wait4(-1, os.WNOHANG)
    if not process:
        return None
    code = os.waitstatus_to_exitcode(status)
    if code >= 0:
        return RoomDied(f"its process ended with exit status {code}.")
    seconds = used.ru_utime + used.ru_stime
    if -code in (signal.SIGKILL, signal.SIGXCPU) and seconds > _COUNTED * limits.cpu_seconds:
        return RoomDied(f"it used {limits.cpu_seconds} s of processor time.", "time")
    if -code == signal.SIGKILL:
        return RoomDied("it was killed; perhaps the machine has no memory left.")
    return RoomDied(f"its process was ended by {signal.Signals(-code).name}.")


def _resident(process: int) -> int:
    """Bytes in memory; 0 for a process that has ended."""
    try:
        return int((_PROCESSES / str(process) / "statm").read_text().split()[1]) * _PAGE
    except OSError:
        return 0


def _proportional(process: int) -> int:
    """Bytes in memory, each page divided among those that map it."""
    try:
        for line in (_PROCESSES / str(process) / "smaps_rollup").read_text().splitlines():
            name, _, value = line.partition(":")
            if name == "Pss":
                return int(value.split()[0]) * 1024
    except OSError:  # it has ended, or hides what it maps
        return _resident(process)
    return 0
