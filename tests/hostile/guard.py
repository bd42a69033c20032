"""Notices what an attack has changed on the judge's side."""

from __future__ import annotations

import builtins
import hashlib
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from coursekit import checks

PATIENCE = 10_000  # milliseconds in which the processes of a room that was let go must end


@contextmanager
def watching() -> Iterator[list[str]]:
    """A list that holds, after the block, what is not as it was before it."""
    changed: list[str] = []
    before, others = _judge(), set(_descendants(os.getpid()))
    yield changed
    after = _judge()
    changed += [name for name, value in before.items() if after[name] != value]
    if any(not _ends(process) for process in set(_descendants(os.getpid())) - others):
        changed.append("a process goes on")


def files(*folders: Path) -> dict[str, str]:
    """A hash of all files below folders, and where links lead."""
    found = {}
    for path in (path for folder in folders for path in sorted(folder.rglob("*"))):
        if path.is_symlink():
            found[str(path)] = os.readlink(path)
        elif path.is_file() and os.access(path, os.R_OK):
            with path.open("rb") as file:
                found[str(path)] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def _judge() -> dict[str, Any]:
    """What of this process an attack would like to change."""
    return {
        "working folder": os.getcwd(),
        "import path": list(sys.path),
        "environment": dict(os.environ),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "streams": (sys.stdout, sys.stderr, sys.displayhook, sys.excepthook),
        "NumPy": (np.allclose, np.array_equal, np.testing.assert_allclose, np.ndarray),
        "built-ins": (builtins.isinstance, builtins.open, builtins.float, builtins.print),
        "checks": tuple(vars(checks.Task).values()),
    }


def _descendants(root: int) -> Iterator[int]:
    tasks = Path(f"/proc/{root}/task")
    try:
        threads = os.listdir(tasks)
    except OSError:
        return  # it has just ended
    for thread in threads:
        try:
            numbers = [int(word) for word in (tasks / thread / "children").read_text().split()]
        except OSError:
            continue  # so has this
        for number in numbers:
            yield number
            yield from _descendants(number)


def _ends(process: int) -> bool:
    try:
        handle = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    try:
        poll = select.poll()
        poll.register(handle, select.POLLIN)
        return bool(poll.poll(PATIENCE))
    finally:
        os.close(handle)
