"""The process that grades: it imports everything, and forks children that do the work.

The parent imports, starts the sandbox and forks; it never grades. So children begin in
milliseconds, and one that dies takes nothing with it. A child grades one submission after the
other: `Stage` leaves nothing behind, and what Python and NumPy do once need not be done again.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import importlib
import importlib.util
import json
import os
import signal
import socket
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from coursekit import notebooks
from coursekit.grading import marking
from coursekit.grading.judge import Judge, JudgeError
from coursekit.grading.paper import Paper
from coursekit.notebooks import Kind
from coursekit.sandbox import SandboxUnavailable, Warm, linux

# What a package imports when it is first used, which would then happen in every child and room.
LATE_IMPORTS = {"convnets": ("sklearn.datasets", "PIL.Image")}


def main() -> None:
    """The parent's whole life; standard input is the socket on which work is handed out."""
    control = socket.socket(fileno=os.dup(0))
    with open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as open_things:
        with Connection(_next(control)) as line:
            paper: Paper = line.recv()
            try:
                judge = _judge(paper, Path(folder), open_things)
            except SandboxUnavailable as error:
                line.send(str(error))
                return
            line.send("")
        gc.collect()
        gc.freeze()  # the collector would write to every page that children share
        while (end := _next(control)) is not None:
            _reap()
            if os.fork() == 0:
                control.close()
                _serve(judge, paper, end)
            os.close(end)


def _next(control: socket.socket) -> int | None:
    message, ends, _, _ = socket.recv_fds(control, 64, 1)
    return ends[0] if message else None


def _reap() -> None:
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass


def _judge(paper: Paper, folder: Path, open_things: contextlib.ExitStack) -> Judge:
    """Import what will be needed, here and in the room, at the same time."""
    source, release = _notebook(paper.source), _notebook(paper.release)
    for name, data in paper.beside.items():
        (folder / name).write_bytes(data)
    modules = _modules(release, paper.beside)
    warm = Warm(modules)
    with ThreadPoolExecutor(1) as pool:  # ends before the first fork
        started = pool.submit(open_things.enter_context, warm)
        for name in modules:
            importlib.import_module(name)
        started.result()
    return Judge(source, release, folder, paper.given, warm, paper.limits)


def _modules(release: NotebookNode, beside: dict[str, bytes]) -> list[str]:
    """Modules that set-up cells and the files beside the notebook import, in order."""
    cells = [cell for cell in release.cells if notebooks.kind(cell) == Kind.LOCKED]
    texts = [cell.source for cell in cells if cell.cell_type == "code"]
    names: dict[str, None] = {}
    for text in (*texts, *(data.decode() for data in beside.values())):
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Import):
                names |= dict.fromkeys(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                within = (f"{node.module}.{alias.name}" for alias in node.names)
                names |= dict.fromkeys((node.module, *within))
    late = (name for first in names for name in LATE_IMPORTS.get(first, ()))
    return [name for name in (*names, *late) if _exists(name)]


def _exists(name: str) -> bool:
    with contextlib.suppress(ModuleNotFoundError):
        return importlib.util.find_spec(name) is not None
    return False


def _notebook(text: str) -> NotebookNode:
    return nbformat.reads(text, as_version=4)


def _serve(judge: Judge, paper: Paper, end: int) -> None:
    """Grade what arrives, in this child, until nothing more does. Never returns."""
    try:
        if sys.platform.startswith("linux"):
            linux.die_with_parent(signal.SIGKILL)
        with Connection(end) as line, contextlib.suppress(EOFError):
            while True:
                notebook = _notebook(line.recv_bytes().decode())
                signal.setitimer(signal.ITIMER_REAL, paper.seconds)  # which ends the process
                answer = _answer(judge, paper, notebook)
                signal.setitimer(signal.ITIMER_REAL, 0)
                line.send_bytes(json.dumps(answer).encode())
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(0)


def _answer(judge: Judge, paper: Paper, notebook: NotebookNode) -> dict[str, str]:
    start = time.perf_counter()
    try:
        judgement = judge.grade(notebook)
    except JudgeError as error:
        return {"fault": str(error)}
    except (OSError, SandboxUnavailable) as error:  # the process that makes rooms is gone
        return {"broken": str(error)}
    seconds = time.perf_counter() - start
    grade = marking.grade_of(judgement, notebook, seconds=seconds)
    shown = marking.executed(judgement, notebook, _notebook(paper.source))
    return {"grade": grade.to_json(), "notebook": notebooks.text_of(shown)}
