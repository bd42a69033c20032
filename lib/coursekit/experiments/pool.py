"""Runs of an experiment in processes of their own, each with one thread."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any
from unittest.mock import patch

from coursekit.experiments.experiment import load
from coursekit.experiments.plain import plain_dict

# One thread, because two add up in another order; one hash seed, because sets are in its order.
ENVIRONMENT = {
    "MKL_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "VECLIB_MAXIMUM_THREADS": "1",
}

# Seconds. An interrupt that comes just before a wait is seen when that ends.
AWAKE = 1.0

Setting = dict[str, Any]


@dataclass(frozen=True)
class Ended:
    """How a run ended: with a result, or with an error in words."""

    seconds: float
    result: dict[str, Any] | None = None
    error: str = ""


def outcomes(path: Path, settings: list[Setting], workers: int) -> Iterator[tuple[int, Ended]]:
    """Run settings of the experiment in a file; yield each with its position as it ends.

    A run that raises, or whose process dies, ends alone. Closing the iterator ends the processes;
    they also end when this one is killed.
    """
    waiting = list(enumerate(settings))[::-1]
    workers_at: dict[Connection, _Worker] = {}
    try:
        while waiting or workers_at:
            while waiting and len(workers_at) < workers:
                worker = _Worker(path)
                workers_at[worker.line] = worker
                worker.begin(*waiting.pop())
            for line in wait(list(workers_at), AWAKE):
                worker = workers_at[line]
                yield worker.place, worker.outcome()  # stored by the caller before it goes on
                if waiting and worker.alive:
                    worker.begin(*waiting.pop())
                else:
                    workers_at.pop(line).end()
    finally:
        for worker in workers_at.values():
            worker.end()


class _Worker:
    """A process that runs one setting after the other.

    Attributes:
        place: position of the setting in progress.
        alive: whether the process is there, as far as is known.
    """

    def __init__(self, path: Path):
        context = multiprocessing.get_context("spawn")  # a fork would copy threads in any state
        self.line, theirs = context.Pipe()
        with theirs, patch.dict(os.environ, ENVIRONMENT):
            self._process = context.Process(target=_serve, args=(theirs, path), daemon=True)
            self._process.start()
        self.alive, self.place, self._started = True, 0, 0.0

    def begin(self, place: int, setting: Setting) -> None:
        self.place, self._started = place, time.monotonic()
        with contextlib.suppress(OSError):  # it has died; `outcome` says so
            self.line.send(setting)

    def outcome(self) -> Ended:
        """How the run in progress ended; waits for it."""
        try:
            return self.line.recv()
        except (EOFError, OSError):
            self.alive = False
            self._process.join()
            code = self._process.exitcode
            why = "its process was killed; was there enough memory?"
            why = why if code == -signal.SIGKILL else f"its process died with exit status {code}."
            return Ended(time.monotonic() - self._started, error=why)

    def end(self) -> None:
        self.line.close()
        self._process.kill()
        self._process.join()


def _serve(line: Connection, path: Path) -> None:
    """Answer settings with outcomes, until the other side is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the parent ends this one
    threading.Thread(target=_end_with_parent, daemon=True).start()
    experiment = load(path)
    while True:
        try:
            setting = line.recv()
            line.send(_outcome(experiment, setting))
        except (EOFError, OSError):
            return


def _outcome(experiment, setting: Setting) -> Ended:
    start = time.perf_counter()
    try:
        result = plain_dict(experiment.run(**setting), "the result of run(...)")
        twice = sorted(set(result) & {*setting, "seconds"})
        if twice:
            raise ValueError(f"the result has names of the setting: {', '.join(twice)}.")
    except Exception:
        error = traceback.format_exc().strip()
        return Ended(time.perf_counter() - start, error=error)
    return Ended(time.perf_counter() - start, result=result)


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()
    os._exit(1)
