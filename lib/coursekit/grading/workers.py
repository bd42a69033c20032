"""Grades submissions in processes of their own, as many at a time as asked.

with Workers(paper) as workers:
    graded = workers.grade(text_of_a_rebuilt_notebook)
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from multiprocessing.connection import Connection

from coursekit.grading.grades import Grade
from coursekit.grading.paper import Graded, Paper, PaperError
from coursekit.grading.processes import Lost
from coursekit.sandbox import SandboxUnavailable

START_SECONDS = 180.0  # imports, twice, on a busy machine
TRIES = 2
PROGRAM = "from coursekit.grading.grader import main; main()"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
PINNED = {**ONE_THREAD, "PYTHONHASHSEED": "0", "MPLBACKEND": "agg"}


class Workers:
    """Grades submissions of one assignment, as many at a time as threads ask. A context manager.

    Each thread keeps a child of the grading process busy; a child that dies is replaced. Starting
    takes seconds, for which only the first call of `grade` waits.
    """

    def __init__(self, paper: Paper):
        self._paper, self._lock = paper, threading.Lock()
        self._process: subprocess.Popen | None = None
        self._first: Connection | None = None  # on which it says that it has started
        self._idle: list[Connection] = []

    def __enter__(self) -> Workers:
        self._start()
        return self

    def __exit__(self, *error) -> None:
        self.stop()

    def grade(self, notebook: str) -> Graded:
        """Grade a rebuilt notebook, given as text. May be called from several threads.

        What dies is tried once more, for the machine may have been short of memory.

        Raises:
            Lost: it took too long, or died twice.
            PaperError: a cell of the course did not run.
            SandboxUnavailable: rooms cannot be made on this machine.
        """
        for _ in range(TRIES):
            process = self._process
            try:
                return self._once(notebook)
            except EOFError:
                continue
            except BrokenPipeError:
                self._replace(process)
        raise Lost(f"the grading process died {TRIES} times; not enough memory?")

    def stop(self) -> None:
        """End all that was started. Gradings in progress end with `Lost`."""
        with self._lock:
            self._stop()

    def _once(self, notebook: str) -> Graded:
        """Raises EOFError where the child died, BrokenPipeError where no child can be had."""
        line = self._line()
        try:
            line.send_bytes(notebook.encode())
            if not line.poll(self._paper.seconds):
                raise Lost(f"stopped after {self._paper.seconds:g} seconds")
            reply = json.loads(line.recv_bytes())
        except BaseException as error:
            line.close()  # which ends the child
            if isinstance(error, OSError):
                raise EOFError from error
            raise
        with self._lock:
            self._idle.append(line)
        match reply:
            case {"fault": fault}:
                raise PaperError(fault)
            case {"broken": what}:
                raise BrokenPipeError(what)
        return Graded(Grade.from_json(reply["grade"]), reply["notebook"])

    def _line(self) -> Connection:
        """The line to a child that waits for work."""
        with self._lock:
            if self._process is None:
                raise Lost("grading was stopped")
            self._await()
            if self._idle:
                return self._idle.pop()
            ours, theirs = socket.socketpair()
            with theirs:
                socket.send_fds(self._control, [b"fork"], [theirs.fileno()])
            return Connection(ours.detach())

    def _replace(self, process: subprocess.Popen | None) -> None:
        """Start again, unless another thread has done so or all is over."""
        with self._lock:
            if process is not None and process is self._process:
                self._stop()
                self._start()

    def _start(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        first, its = socket.socketpair()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115, it lives as long as the process
        with theirs, its:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-s", "-c", PROGRAM],
                stdin=theirs,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                env=os.environ | PINNED,
                start_new_session=True,  # Ctrl-C is for whoever hands out the work
            )
            socket.send_fds(self._control, [b"paper"], [its.fileno()])
        self._first = Connection(first.detach())
        self._first.send(self._paper)

    def _await(self) -> None:
        """Wait until all is imported; called with the lock held."""
        if self._first is None:
            return
        with self._first as line:
            reply = _reply(line)
        self._first = None
        if reply != "":
            self._errors.seek(0)
            said = self._errors.read().decode("utf-8", "replace").strip()[-2000:]
            self._stop()
            raise SandboxUnavailable(reply or f"The grading process does not start.\n{said}")

    def _stop(self) -> None:
        if self._process is None:
            return
        self._control.close()  # it ends when nobody listens, and its children with it
        for line in (*self._idle, *filter(None, [self._first])):
            line.close()
        self._idle.clear()
        try:
            self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()
        self._process = self._first = None


def _reply(line: Connection) -> str | None:
    """ "" where all is well, a reason where it is not, None where there is no answer."""
    try:
        return line.recv() if line.poll(START_SECONDS) else None
    except (EOFError, OSError):
        return None


def graded(
    workers: Workers, texts: Mapping[str, str], count: int
) -> Iterator[tuple[str, Graded | Exception]]:
    """Grade several notebooks, `count` at a time.

    Args:
        workers: which are stopped at the end, also if that comes early.
        texts: name -> rebuilt notebook.
    Yields:
        Name, and what came of it: `Graded`, or the `Lost` or `PaperError` that came instead.
    Raises:
        SandboxUnavailable: rooms cannot be made on this machine.
    """
    with ThreadPoolExecutor(count) as pool:
        jobs = {pool.submit(workers.grade, text): name for name, text in texts.items()}
        try:
            for job in as_completed(jobs):
                error = job.exception()
                if isinstance(error, SandboxUnavailable):
                    raise error
                yield jobs[job], error or job.result()
        finally:
            workers.stop()  # so that nobody waits for what is not wanted any more
            pool.shutdown(cancel_futures=True)
