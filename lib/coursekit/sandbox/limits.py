"""How much a room may use."""

from __future__ import annotations

from dataclasses import dataclass

MEBIBYTE = 2**20
MOST_OUTPUT = 2 * MEBIBYTE  # what crosses in one string
MOST_OUTPUTS = 1000  # printed, shown and raised in one cell


@dataclass(frozen=True)
class Limits:
    """Limits of one room. Sizes are in bytes, times in seconds.

    Attributes:
        cell_seconds: wall-clock time of one cell.
        call_seconds: wall-clock time of one call, callbacks included.
        notebook_seconds: wall-clock time of all that is done for one submission.
        cpu_seconds: processor time of each process of the room.
        memory: of all processes of the room together; also the address space of each.
        disk: in the home folder; half as much in each of the temporary folders.
        processes: processes and threads.
        files: open files of each process.
        output: text and pictures kept of one cell or call; the rest is cut off, at no cost.
        flood: text and pictures put out by one cell or call, kept or not, at which the room is
            ended. A forgotten print in a loop must not cost points, and 32 MiB are a million lines
            of thirty characters, or more figures than are drawn in the time of a cell; what goes
            on beyond that has no end.
        message: size of one reply.
    """

    cell_seconds: float = 60.0
    call_seconds: float = 30.0
    notebook_seconds: float = 600.0
    cpu_seconds: int = 600
    memory: int = 2048 * MEBIBYTE
    disk: int = 64 * MEBIBYTE
    processes: int = 32
    files: int = 128
    output: int = MEBIBYTE
    flood: int = 32 * MEBIBYTE
    message: int = 128 * MEBIBYTE

    def __post_init__(self):
        for name, value in vars(self).items():
            if value <= 0:
                raise ValueError(f"limit {name} must be positive, but is {value}.")
        if self.output > MOST_OUTPUT:
            raise ValueError(f"limit output is {self.output} bytes; at most {MOST_OUTPUT} cross.")
