"""The beginning of the process that grades.

What takes longest, the process that rooms are forked from, is started before anything else is even
imported.
"""

from __future__ import annotations

import os
import socket
from multiprocessing.connection import Connection

from coursekit.grading.jobs import Start, handed_out
from coursekit.sandbox import SandboxUnavailable, Warm


def main() -> None:
    """Standard input is the socket on which work is handed out; see `grader.serve`."""
    control = socket.socket(fileno=os.dup(0))
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    with Connection(handed_out(control)) as line:
        start: Start = line.recv()
        warm = Warm(start.modules, confined=start.confined)
        try:
            if start.rooms:
                warm.launch()
            from coursekit.grading import grader

            grader.serve(control, line, warm if start.rooms else None, start.modules)
        except SandboxUnavailable as error:
            line.send(str(error))
