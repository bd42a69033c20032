"""Finds out whether rooms can be made here, by making one with nothing in it.

It is a program too, `python trial.py`, for `coursekit.doctor`, which has the standard library alone
and so cannot import the package. Therefore nothing of it is imported before it is needed.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import types
from pathlib import Path

MADE = "made"
SECONDS = 60.0  # on a busy machine; a tenth of a second is usual


def unavailable() -> str:
    """Why no room can be made here, and what to do; "" where one was made."""
    from coursekit.sandbox import bubblewrap

    reason = bubblewrap.missing()
    if reason:
        return reason
    program = f"import runpy\nrunpy.run_path({__file__!r})['make_room']()"
    try:
        done = subprocess.run(
            bubblewrap.command(program),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return bubblewrap.refused(f"bwrap: no answer within {SECONDS:g} seconds")
    except OSError as error:
        return bubblewrap.refused(str(error))
    return "" if done.stdout == MADE else bubblewrap.refused(done.stderr)


def make_room() -> None:
    """In Bubblewrap: make a room that says that it is made, or say why that fails."""
    lean()
    from coursekit.sandbox import enclosure
    from coursekit.sandbox.errors import RoomDied
    from coursekit.sandbox.limits import Limits

    ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)  # the first message is the cause
    with ours, theirs, enclosure.prepared():
        enclosure.keep(theirs, Limits(), lambda: os.write(1, MADE.encode()))
        said = RoomDied.from_bytes(ours.recv(4096))
        sys.stderr.write(f"The sandbox makes no room: {said}")


def lean() -> None:
    """Have the modules of the sandbox imported by themselves, without what the packages import."""
    here = Path(__file__).resolve().parent
    for name, folder in (("coursekit", here.parent), ("coursekit.sandbox", here)):
        package = types.ModuleType(name)
        package.__path__ = [str(folder)]
        sys.modules[name] = package


if __name__ == "__main__":
    lean()
    print(unavailable())
