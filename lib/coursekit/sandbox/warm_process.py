"""The warm process: it has imported what notebooks import, and forks a room for each request.

It never runs a student's code. `main` is its whole life. What every room would have to do is done
before they are forked: it imports, makes an IPython shell, and does once what takes long the first
time. A process that has threads cannot be forked safely, so it refuses to serve when one has
started.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import socket
import sys
import threading
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from coursekit.sandbox import enclosure, inside, unconfined
from coursekit.sandbox import shell as shells
from coursekit.sandbox.limits import Limits
from coursekit.startup import import_all

READY = b"ready"
_SIZE = 1024  # bytes of every request: a stream keeps no borders between messages
_WANTED = (
    "matplotlib.pyplot",
    "matplotlib_inline.backend_inline",
    # What a shell imports when it is made.
    "IPython.core.completer",
    "IPython.core.completerlib",
    "IPython.core.logger",
    "IPython.core.magics.execution",
)
_WITH_TORCH = (
    "coursekit.sandbox.gradients",
    "torch._dynamo",  # which the first optimiser imports, for most of a second
)


def program(modules: Iterable[str], confined: bool) -> str:
    """The text of the program that the warm process runs."""
    arguments = tuple(modules), confined
    return (
        "from coursekit.startup import skip_grammars\n"
        "skip_grammars()\n"
        "from coursekit.sandbox.warm_process import main\n"
        f"main(*{arguments!r})\n"
    )


def request(limits: Limits, seed: int) -> bytes:
    """What asks for a room; two sockets go with it, to the room and to its keeper."""
    return json.dumps({"limits": asdict(limits), "seed": seed}).encode().ljust(_SIZE)


def main(modules: tuple[str, ...], confined: bool) -> None:
    """Prepare, say so, and fork a room for every request, until the judge hangs up."""
    way = enclosure if confined else unconfined
    control = socket.socket(fileno=os.dup(0))
    _forget_standard_input()
    with way.prepared():
        _import(modules)
        shell = shells.start()
        _format_exception(shell)
        _draw()
        threads = _threads()
        if threads > 1:
            raise RuntimeError(f"{threads - 1} threads were started while importing {modules}.")
        gc.collect()
        gc.freeze()  # the collector would write to every page that rooms share
        control.send(READY)
        while (asked := socket.recv_fds(control, _SIZE, 2))[0]:
            _reap()
            if os.fork() == 0:
                _become_keeper(way, control, shell, *asked[:2])
            for end in asked[1]:
                os.close(end)


def _import(modules: Iterable[str]) -> None:
    for name in _WANTED:
        importlib.import_module(name)
    import_all(modules)
    for name in _WITH_TORCH if "torch" in sys.modules else ():
        importlib.import_module(name)


def _format_exception(shell: shells.Shell) -> None:
    """As IPython does, which then finds out which file each module is from."""
    try:
        raise ValueError
    except ValueError:
        shell.InteractiveTB.structured_traceback(*sys.exc_info())


def _draw() -> None:
    """A figure that nobody sees: fonts, formulas, colour maps and the PNG writer get ready."""
    from IPython.core.pylabtools import print_figure
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure()
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    left.plot([0.0, 0.5], [0.0, 1.5], label="$x_1$")
    left.set_title("a title")
    left.legend()
    figure.colorbar(right.imshow([[0.0, 1.0]]))
    print_figure(figure, fmt="png")


def _threads() -> int:
    tasks = Path("/proc/self/task")
    return len(os.listdir(tasks)) if tasks.exists() else threading.active_count()


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


def _become_keeper(way, control: socket.socket, shell, asked: bytes, ends: list[int]) -> None:
    """Never returns."""
    control.close()
    end, leash = ends
    try:
        with socket.socket(fileno=leash) as held:
            wanted = json.loads(asked)
            limits = Limits(**wanted["limits"])
            way.keep(held, limits, lambda: inside.live(end, wanted["seed"], limits, shell))
    finally:
        sys.stderr.flush()
        os._exit(0)
