"""Grades submissions in processes of their own, as many at a time as asked.

with Workers(material.start, material) as workers:
    answer = workers.grade(Job("a02_convolution.ipynb", folder="submitted/ada/a02_convolution"))
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import replace
from itertools import islice
from multiprocessing.connection import Connection

from coursekit.checks import inputs
from coursekit.grading import reading
from coursekit.grading.grades import Grade
from coursekit.grading.jobs import Graded, Job, JobResult, Material, MaterialError, Read, Start
from coursekit.grading.processes import Lost
from coursekit.sandbox import SandboxUnavailable
from coursekit.startup import KEEP_MEMORY

START_SECONDS = 180.0  # imports, twice, on a busy machine
TRIES = 2
AHEAD = 2  # jobs given out for each that is graded: the next is there when one is done
PROGRAM = """
from coursekit.startup import skip_grammars

skip_grammars()
from coursekit.grading.worker_main import main

main()
"""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
PINNED = {**ONE_THREAD, **KEEP_MEMORY, "PYTHONHASHSEED": "0", "MPLBACKEND": "agg"}


class Unreadable(Exception):
    """A folder over which a child has come to grief; `read` says so."""

    def __init__(self, read: Read):
        super().__init__(*read.notes)
        self.read = read


class Workers:
    """Grades submissions of one assignment, as many at a time as threads ask. A context manager.

    Each thread keeps a child of the grading process busy; a child that dies is replaced. Starting
    takes a second, for which only the first call of `grade` waits.

    Args:
        start: what is known at once.
        material: the assignment; where it is not known yet, `hand_out` has to follow.
    """

    def __init__(self, start: Start, material: Material | None = None):
        self._begin, self._material, self._lock = start, material, threading.Lock()
        self._process: subprocess.Popen | None = None
        self._first: Connection | None = None  # on which it says that it has started
        self._idle: list[Connection] = []

    def __enter__(self) -> Workers:
        self._start()
        return self

    def __exit__(self, *error) -> None:
        self.stop()

    def hand_out(self, material: Material) -> None:
        """Say what is to be graded; once, before `grade`."""
        self._material = material
        self._tell(material)

    def grade(self, job: Job) -> JobResult:
        """Read and grade a submission. May be called from several threads.

        What dies while it is graded is tried once more, for the machine may have been short of
        memory; the outcome is `Lost` where it takes too long, or dies twice.

        Raises:
            SandboxUnavailable: rooms cannot be made on this machine.
        """
        answer = JobResult()
        for _ in range(TRIES):
            process = self._process
            try:
                answer = self._once(job)
            except BrokenPipeError:
                self._replace(process)
            else:
                if not isinstance(answer.outcome, EOFError):
                    return answer
        lost = Lost(f"the grading process died {TRIES} times; not enough memory?")
        return replace(answer, outcome=lost)

    def stop(self) -> None:
        """End all that was started. Gradings in progress end with `Lost`."""
        with self._lock:
            self._stop()

    def _once(self, job: Job) -> JobResult:
        """Raises BrokenPipeError where no child can be had; a child's death is an outcome."""
        try:
            line = self._line()
        except Lost as error:
            return JobResult(outcome=error)
        read = None
        with contextlib.ExitStack() as end:
            end.callback(line.close)  # which ends the child
            try:
                _send(line, job)
                if job.folder:
                    read = _read(line)
                reply = _received(line, self._material.seconds)
            except Unreadable as error:
                return JobResult(error.read)
            except (Lost, EOFError) as error:
                return JobResult(read, error)
            end.pop_all()
        with self._lock:
            self._idle.append(line)
        match reply:
            case {"fault": fault}:
                return JobResult(read, MaterialError(fault))
            case {"broken": what}:
                raise BrokenPipeError(what)
            case {"grade": grade, "notebook": notebook}:
                return JobResult(read, Graded(Grade.from_json(grade), notebook))
        return JobResult(read, text=reply.get("text", ""))

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
                socket.send_fds(self._control, [b"+"], [theirs.fileno()])
            return Connection(ours.detach())

    def _replace(self, process: subprocess.Popen | None) -> None:
        """Start again, unless another thread has done so or all is over."""
        with self._lock:
            if process is not None and process is self._process:
                self._stop()
                self._start()

    def _start(self) -> None:
        self._control, theirs = socket.socketpair()
        first, its = socket.socketpair()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115, it lives as long as the process
        with theirs, its:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-s", "-c", PROGRAM],
                stdin=theirs,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                env=_environment(),
                start_new_session=True,  # Ctrl-C is for whoever hands out the work
            )
            socket.send_fds(self._control, [b"+"], [its.fileno()])
        self._first = Connection(first.detach())
        self._tell(self._begin)
        if self._material:
            self._tell(self._material)

    def _tell(self, what: Start | Material) -> None:
        """Send it to the process, which may have ended: `_await` reads why."""
        with contextlib.suppress(OSError):
            self._first.send(what)

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


def _environment() -> dict[str, str]:
    """That of the grading process, which gets the secret of the class with the assignment."""
    kept = {name: value for name, value in os.environ.items() if name != inputs.SECRET}
    return kept | PINNED


def _send(line: Connection, job: Job) -> None:
    """Hand out a job.

    Raises:
        EOFError: the child has died since its last one.
    """
    try:
        line.send(job)
    except OSError as error:
        raise EOFError from error


def _read(line: Connection) -> Read:
    """What the folder holds.

    Raises:
        Unreadable: the child has come to grief over it.
    """
    try:
        found = _received(line, reading.SECONDS)
    except (Lost, EOFError) as error:
        raise Unreadable(reading.lost(str(error) or "the process died over it")) from error
    return Read(**found | {"notes": tuple(found["notes"])})


def _received(line: Connection, seconds: float) -> dict:
    """What a child says.

    Raises:
        Lost: it says nothing for so long.
        EOFError: it has died.
    """
    try:
        if not line.poll(seconds):
            raise Lost(f"stopped after {seconds:g} seconds")
        return json.loads(line.recv_bytes())
    except OSError as error:
        raise EOFError from error


def _reply(line: Connection) -> str | None:
    """ "" where all is well, a reason where it is not, None where there is no answer."""
    try:
        return line.recv() if line.poll(START_SECONDS) else None
    except (EOFError, OSError):
        return None


def graded(
    workers: Workers, jobs: Mapping[str, Job], count: int
) -> Iterator[tuple[str, JobResult]]:
    """Grade several submissions, `count` at a time; yields name and answer as each is done.

    However large the class, no more than `AHEAD * count` answers are in memory: what has been
    yielded is not kept, and where it is written slowly, no more is graded meanwhile.

    Args:
        workers: which are stopped at the end, also if that comes early.
        jobs: by name.
    Raises:
        SandboxUnavailable: rooms cannot be made on this machine.
    """
    with ThreadPoolExecutor(count) as pool:
        waiting, given = iter(jobs.items()), {}
        try:
            while True:
                for name, job in islice(waiting, AHEAD * count - len(given)):
                    given[pool.submit(workers.grade, job)] = name
                if not given:
                    return
                done = wait(given, return_when=FIRST_COMPLETED).done.pop()
                yield given.pop(done), done.result()
        finally:
            workers.stop()  # so that nobody waits for what is not wanted any more
            pool.shutdown(cancel_futures=True)
