"""Reads what was handed in: in a process that may come to grief over it, and within limits."""

from __future__ import annotations

import contextlib
import resource
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode

from coursekit.grading.hashes import answers_hash
from coursekit.grading.jobs import Read
from coursekit.grading.submissions import STUDENT_ID, UNFIT_ID, collect, fingerprint

SECONDS = 60.0
MEMORY = 8 * 2**30  # bytes; a notebook of 64 MiB needs a twentieth of it


def read(folder: Path, name: str, release: NotebookNode) -> tuple[Read, NotebookNode]:
    """What a student's folder holds, and the release with the student's answers.

    Args:
        folder: submitted/<student>/<assignment>.
        name: the file name asked for.
        release: the student version of the assignment.
    """
    files = fingerprint(folder)  # first: what changes later is read again next time
    if not STUDENT_ID.fullmatch(folder.parent.name):
        return Read(files, notes=(UNFIT_ID,), readable=False), release
    try:
        with _bounded_memory():
            submission = collect(folder, release, name)
            answers = answers_hash(submission.notebook, release)
    except MemoryError:
        return lost("it needs too much memory", files), release
    read = Read(files, answers, tuple(submission.notes), submission.readable)
    return read, submission.notebook


def lost(reason: str, files: str = "") -> Read:
    """For a folder that could not be read to the end."""
    return Read(files, notes=(f"it cannot be read: {reason}",), readable=False)


@contextlib.contextmanager
def _bounded_memory() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_AS)
    hard = before[1]
    soft = MEMORY if hard == resource.RLIM_INFINITY else min(MEMORY, hard)
    with contextlib.suppress(ValueError, OSError):  # macOS has no such limit
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    try:
        yield
    finally:
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_AS, before)
