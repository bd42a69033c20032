"""The warm process: it has imported what notebooks import, and forks a room for each request.

It never runs a student's code. `main` is its whole life. A process that has threads cannot be
forked safely, so it refuses to serve when an import has started one.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import socket
import sys
from collections.abc import Iterable

from coursekit.sandbox import enclosure, inside
from coursekit.sandbox.bubblewrap import ENVIRONMENT
from coursekit.sandbox.limits import Limits

READY = b"ready"
_WANTED = (
    "matplotlib.pyplot",
    "matplotlib_inline.backend_inline",
    # What a shell imports when it is made.
    "IPython.core.completer",
    "IPython.core.completerlib",
    "IPython.core.logger",
    "IPython.core.magics.execution",
)


def program(modules: Iterable[str]) -> str:
    """The text of the program that the warm process runs."""
    return f"from coursekit.sandbox.warm_process import main\nmain({tuple(modules)!r})\n"


def main(modules: tuple[str, ...]) -> None:
    """Import, say so, and fork a room for every request, until the judge hangs up."""
    os.makedirs(ENVIRONMENT["TMPDIR"])
    _import()
    for name in modules:
        importlib.import_module(name)
    threads = len(os.listdir("/proc/self/task"))
    if threads > 1:
        raise RuntimeError(f"{threads - 1} threads were started while importing {modules}.")
    control = socket.socket(fileno=os.dup(0))
    _forget_standard_input()
    gc.collect()
    gc.freeze()  # the collector would write to every page that rooms share
    control.send(READY)
    while True:
        request, ends, _, _ = socket.recv_fds(control, 4096, 2)
        if not request:
            return
        _reap()
        if os.fork() == 0:
            _become_keeper(control, json.loads(request), *ends)
        for end in ends:
            os.close(end)


def _import() -> None:
    import torch

    torch.set_num_threads(1)
    for name in _WANTED:
        importlib.import_module(name)


def _forget_standard_input() -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.close(nothing)


def _reap() -> None:
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                return
        except ChildProcessError:
            return


def _become_keeper(control: socket.socket, request: dict, end: int, leash: int) -> None:
    """Never returns."""
    control.close()
    try:
        with socket.socket(fileno=leash) as held:
            limits = Limits(**request["limits"])
            enclosure.keep(held, limits, lambda: inside.live(end, request["seed"], limits))
    finally:
        sys.stderr.flush()
        os._exit(0)
