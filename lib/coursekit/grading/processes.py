"""Calls functions in processes of their own, and answers for those that do not come back."""

from __future__ import annotations

import multiprocessing
import resource
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any


class Lost(Exception):
    """A process gave no answer; the message says why, in words."""


class Helper:
    """A child process that calls functions, one after the other. A context manager.

    Children are forked from a small process that runs no thread. One that dies, or takes too long,
    is replaced when it is next needed.

    Args:
        modules: what the small process imports, so that its children need not.
        memory: bytes of address space of the child; no limit by default.
    """

    def __init__(self, modules: Sequence[str], memory: int | None = None):
        self._memory = memory
        forks = "forkserver" in multiprocessing.get_all_start_methods()
        self._context = multiprocessing.get_context("forkserver" if forks else "spawn")
        if forks:
            self._context.set_forkserver_preload(["__main__", *modules])
        self._child, self._line = None, None

    def __enter__(self) -> Helper:
        return self

    def __exit__(
        self, kind: type | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __call__(self, function: Callable, *args: Any, limit: float) -> Any:
        """`function(*args)`, run in the child.

        Args:
            function: importable by its name, as pickle asks; it raises nothing.
            limit: seconds after which the child is killed.
        Raises:
            Lost: the child took too long, or died.
        """
        if self._child is None:
            self._start()
        try:
            self._line.send((function, args))
            if not self._line.poll(limit):
                raise Lost(f"stopped after {limit:g} seconds")
            return self._line.recv()
        except (EOFError, OSError):
            self.close()
            reason = "the grading process died: code that kills processes, or not enough memory"
            raise Lost(reason) from None
        except BaseException:
            self.close()
            raise

    def kill(self) -> None:
        """Kill the child; a call in progress in another thread then raises `Lost`."""
        if self._child is not None:
            self._child.kill()

    def close(self) -> None:
        """End the child."""
        if self._child is None:
            return
        self._line.close()
        self._child.kill()
        self._child.join()
        self._child = None

    def _start(self) -> None:
        self._line, theirs = self._context.Pipe()
        with theirs:
            child = self._context.Process(target=_serve, args=(theirs, self._memory))
            child.start()
        self._child = child


def _serve(line: Connection, memory: int | None) -> None:
    if memory is not None:
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    while True:
        try:
            function, args = line.recv()
        except EOFError:
            return
        line.send(function(*args))
