"""Rooms: processes in which code that nobody trusts may run.

A room has no network, sees nothing of the course but the files it is given, may write to its own
empty home alone, and is limited in memory, time, processes and output. It is forked in
milliseconds from a process that has imported what notebooks use. What crosses its wall is data.

with Warm() as warm, warm.room() as room:
    room.run_cell("def double(x):\n    return 2 * x")
    double = room.look_up(["double"])["double"]
    assert double(np.ones(3)).sum() == 6.0
"""

from coursekit import extras

with extras.named():
    import nbformat  # noqa: F401, before the modules that need it do

from coursekit.sandbox.bubblewrap import missing
from coursekit.sandbox.errors import (
    RoomDied,
    RoomError,
    RoomTimeout,
    SandboxUnavailable,
    StudentExit,
    WireError,
)
from coursekit.sandbox.limits import Limits
from coursekit.sandbox.outputs import CellRun
from coursekit.sandbox.proxy import Proxy
from coursekit.sandbox.room import Room
from coursekit.sandbox.trial import unavailable
from coursekit.sandbox.warm import Warm

__all__ = [
    "CellRun",
    "Limits",
    "Proxy",
    "Room",
    "RoomDied",
    "RoomError",
    "RoomTimeout",
    "SandboxUnavailable",
    "StudentExit",
    "Warm",
    "WireError",
    "missing",
    "unavailable",
]
