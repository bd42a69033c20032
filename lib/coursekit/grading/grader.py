"""The process that grades: it imports everything, and forks children that do the work.

The parent imports, starts the sandbox and forks; it never reads or grades. So children begin in
milliseconds, and one that dies takes nothing with it. A child works on one submission after the
other: `CellRunner` leaves nothing behind, and what Python and NumPy do once need not be done again.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import py_compile
import signal
import socket
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from multiprocessing.connection import Connection
from pathlib import Path

from nbformat import NotebookNode

from coursekit import notebooks
from coursekit.checks import inputs
from coursekit.grading import marking, reading
from coursekit.grading.jobs import Job, Material, Read, handed_out
from coursekit.grading.judge import Judge, JudgeError
from coursekit.sandbox import SandboxUnavailable, Warm, linux
from coursekit.startup import import_all


def serve(
    control: socket.socket, line: Connection, warm: Warm | None, modules: Iterable[str]
) -> None:
    """The parent's whole life.

    Args:
        control: on which the lines of children come in.
        line: on which the assignment comes in; answered with "" once all is ready.
        warm: makes rooms, once it has started; None where submissions are only read.
        modules: to import for the tests, while `warm` starts.
    Raises:
        SandboxUnavailable: no room can be made.
    """
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as open_things:
        import_all(modules if warm else ())
        material = line.recv()
        os.environ[inputs.SECRET] = material.secret  # rooms have an environment of their own
        grader = Grader(material, Path(folder), warm)
        if warm:
            open_things.enter_context(warm)
        line.send("")
        line.close()
        gc.collect()
        gc.freeze()  # the collector would write to every page that children share
        children: list[int] = []
        while (end := handed_out(control)) is not None:
            child = os.fork()
            if child == 0:
                control.close()
                _live(grader, end)
            os.close(end)
            children = [*_running(children), child]
        _end(children)  # first, for they hold the sandbox open


def _running(children: list[int]) -> list[int]:
    """Those that have not ended."""
    return [child for child in children if os.waitpid(child, os.WNOHANG)[0] == 0]


def _end(children: list[int]) -> None:
    for child in _running(children):
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _live(grader: Grader, end: int) -> None:
    """Do what arrives, in this child, until nothing more does. Never returns."""
    try:
        if sys.platform.startswith("linux"):
            linux.die_with_parent(signal.SIGKILL)
        with Connection(end) as line, contextlib.suppress(EOFError):
            while True:
                for reply in grader.answer(line.recv()):
                    line.send_bytes(json.dumps(reply).encode())
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(0)


class Grader:
    """Reads and grades the submissions of one assignment.

    Args:
        material: the assignment.
        folder: an empty one, for the modules that tests and rooms import.
        warm: makes rooms; None where submissions are only read.
    """

    def __init__(self, material: Material, folder: Path, warm: Warm | None):
        self._material = material
        self._release = notebooks.of_text(material.release)
        source = notebooks.of_text(material.source)
        self._tests = notebooks.tests(source)
        self._judge = None
        if warm:
            tests, rooms = folder / "tests", folder / "rooms"
            _compiled(material.beside, tests)
            judge = Judge(source, self._release, tests, material.given, warm, material.limits)
            judge.files = _compiled(judge.files, rooms)
            self._judge = judge

    def answer(self, job: Job) -> Iterator[dict]:
        """What is found out about a submission: first of its files, then of its answers."""
        with _at_most(reading.SECONDS):
            read, notebook = self._read(job)
        if job.folder:
            yield asdict(read)
        with _at_most(self._material.seconds):
            yield self._outcome(job, read, notebook)

    def _read(self, job: Job) -> tuple[Read, NotebookNode]:
        if job.folder:
            return reading.read(Path(job.folder), job.name, self._release)
        return Read(answers=job.known.answers if job.known else ""), notebooks.of_text(job.text)

    def _outcome(self, job: Job, read: Read, notebook: NotebookNode) -> dict:
        if not read.readable:
            return {}
        if self._judge is None:
            return {"text": json.dumps(notebook)}
        known = job.known if job.known and job.known.answers == read.answers else None
        if known and not known.stale:
            return {}
        return self._graded(notebook, known.stale if known else None)

    def _graded(self, notebook: NotebookNode, only: frozenset[str] | None) -> dict:
        start = time.perf_counter()
        try:
            judgement = self._judge.run(notebook, only)
        except JudgeError as error:
            return {"fault": str(error)}
        except (OSError, SandboxUnavailable) as error:  # the process that makes rooms is gone
            return {"broken": str(error)}
        seconds = time.perf_counter() - start
        grade = marking.grade_of(
            judgement, notebook, seconds=seconds, sandboxed=self._material.start.confined
        )
        shown = marking.executed(judgement, notebook, self._tests)
        return {"grade": grade.to_json(), "notebook": json.dumps(shown)}


def _compiled(files: dict[str, bytes], folder: Path) -> dict[str, bytes]:
    """Write files into a new folder, modules compiled too; all that lies there now, by name.

    Every room and every judging imports the modules anew.
    """
    folder.mkdir()
    for name, data in files.items():
        path = folder / name
        path.write_bytes(data)
        if path.suffix == ".py":
            how = py_compile.PycInvalidationMode.UNCHECKED_HASH
            py_compile.compile(str(path), dfile=name, invalidation_mode=how, quiet=2)
    there = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in there}


@contextlib.contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """End this process after some time; whoever waits for it is told so by the system."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
