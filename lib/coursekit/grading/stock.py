"""Grades with nbgrader's own autograde: one process and one kernel for each submission.

Student code is not confined: grade strangers' code this way only on a machine where that is
acceptable. A crash, an endless loop or a malformed file costs one student's run and nobody else's.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

from coursekit import notebooks
from coursekit.grading import autograding
from coursekit.grading.autograding import GradingFailed
from coursekit.grading.layout import WORK, folder_of, prepared
from coursekit.grading.processes import Helper, Lost
from coursekit.grading.results import Result, Status
from coursekit.grading.submissions import (
    STUDENT_ID,
    UNFIT_ID,
    Submission,
    collect,
    handed_in_at,
    prepare,
    with_notes,
)


def results(
    course: Path, assignment: str, students: Sequence[str], *, workers: int, limit: float
) -> Iterator[Result]:
    """Grade submissions; yields each as it is done. `autograding.register` must have run.

    Args:
        students: who has handed something in.
        workers: submissions graded at the same time.
        limit: seconds after which one submission is given up.
    """
    with ThreadPoolExecutor(max_workers=workers) as pool:
        jobs = [pool.submit(_one, course, assignment, name, limit) for name in students]
        try:
            for job in as_completed(jobs):
                yield job.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _one(course: Path, assignment: str, student: str, limit: float) -> Result:
    """Grade in a child of its own, and answer for the child if it does not come back."""
    start = time.perf_counter()
    try:
        with Helper([__name__]) as helper:
            result = helper(_logged, course, assignment, student, limit=limit)
    except Lost as error:
        result = give_up(course, assignment, student, str(error))
    return replace(result, seconds=time.perf_counter() - start)


def _logged(course: Path, assignment: str, student: str) -> Result:
    log = course / WORK / "logs" / assignment / f"{student}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:  # kernels write here, not over the progress bar
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    return grade_one(course, assignment, student)


def grade_one(course: Path, assignment: str, student: str) -> Result:
    """Grade one submission in this process. `autograding.register` must have run."""
    release = notebooks.read(autograding.release_of(course, assignment))
    folder = folder_of(course, assignment, student)
    submission = collect(folder, release, f"{assignment}.ipynb")
    path = prepare(course, assignment, student, submission)
    stamp = handed_in_at(folder)
    if stamp:
        (path.parent / "timestamp.txt").write_text(stamp)
    if not STUDENT_ID.fullmatch(student):
        return give_up(course, assignment, student, UNFIT_ID)
    try:
        autograding.autograde(course, assignment, student)
    except GradingFailed as error:
        return give_up(course, assignment, student, str(error), submission)
    return _outcome(course, assignment, student, submission)


def give_up(
    course: Path,
    assignment: str,
    student: str,
    reason: str,
    submission: Submission | None = None,
) -> Result:
    """Record no points for what could not be run, and leave it to a person in formgrader."""
    ready = prepared(course, assignment, student)
    source = ready if ready.exists() else autograding.release_of(course, assignment)
    target = course / "autograded" / student / assignment
    shutil.rmtree(target, ignore_errors=True)
    notes = [*(submission.notes if submission else ()), reason]
    notebooks.write(with_notes(notebooks.read(source), notes), target / f"{assignment}.ipynb")
    with autograding.open_gradebook(course) as gradebook:
        autograding.set_to_zero(gradebook, assignment, student, flag=True)
        points = autograding.scores(gradebook, assignment, student)
    return Result(student, assignment, Status.ATTENTION, tuple(notes), points)


def _outcome(course: Path, assignment: str, student: str, submission: Submission) -> Result:
    """What nbgrader made of it, and what nbgrader lets pass."""
    path = course / "autograded" / student / assignment / f"{assignment}.ipynb"
    ran = notebooks.read(path)
    silent = autograding.cells_without_score(ran)
    notes = [*submission.notes]
    notes += [f"time-out in {name}" for name in autograding.timed_out_cells(ran)]
    notes += [
        f"the course's own cell {name} failed" for name in autograding.broken_read_only_cells(ran)
    ]
    notes += [f"{name} ended without a score" for name in sorted(silent)]
    with autograding.open_gradebook(course) as gradebook:
        if silent:
            autograding.set_to_zero(gradebook, assignment, student, silent, flag=True)
        if not submission.readable:
            autograding.set_to_zero(gradebook, assignment, student)
        points = autograding.scores(gradebook, assignment, student)
    if not submission.readable:
        status = Status.UNREADABLE
    else:
        status = Status.ATTENTION if notes else Status.GRADED
    return Result(student, assignment, status, tuple(notes), points)
