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

from nbformat import NotebookNode

from coursekit import notebooks
from coursekit.checks import inputs
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
    course: Path,
    assignment: str,
    students: Sequence[str],
    *,
    workers: int,
    limit: float,
    secret: str = inputs.PUBLISHED,
) -> Iterator[Result]:
    """Grade submissions; yields each as it is done. `autograding.register` must have run.

    Args:
        students: who has handed something in.
        workers: submissions graded at the same time.
        limit: seconds after which one submission is given up.
        secret: of the class; see `checks.inputs`. Student code can read it here.
    """
    crew = _Crew(course, assignment, limit, secret)
    with ThreadPoolExecutor(max_workers=workers) as pool:
        jobs = [pool.submit(crew.grade, name) for name in students]
        try:
            for job in as_completed(jobs):
                yield job.result()
        finally:
            crew.stop()
            pool.shutdown(wait=True, cancel_futures=True)


class _Crew:
    """Grades each submission in a child of its own, and answers for those that do not come back."""

    def __init__(self, course: Path, assignment: str, limit: float, secret: str):
        self._course, self._assignment, self._limit = course, assignment, limit
        self._secret = secret
        self._at_work: dict[str, Helper] = {}
        self._stopped = False

    def grade(self, student: str) -> Result:
        """Grade one submission; after `stop`, the gradebook is left as it is.

        Raises:
            Lost: it was stopped.
        """
        start = time.perf_counter()
        about = self._course, self._assignment, student
        try:
            with Helper([__name__]) as self._at_work[student]:
                result = self._at_work[student](_logged, *about, self._secret, limit=self._limit)
        except Lost as error:
            if self._stopped:
                raise
            result = give_up(*about, str(error))
        finally:
            del self._at_work[student]
        return replace(result, seconds=time.perf_counter() - start)

    def stop(self) -> None:
        """End what is in progress."""
        self._stopped = True
        for helper in list(self._at_work.values()):
            helper.kill()


def _logged(course: Path, assignment: str, student: str, secret: str) -> Result:
    os.setsid()  # Ctrl-C is for whoever hands out the work
    os.environ[inputs.SECRET] = secret  # which the kernel inherits
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
    if target.is_symlink():  # which code that is not confined can leave there
        target.unlink()
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
    silent = _cells_without_score(ran)
    notes = [*submission.notes]
    notes += [f"time-out in {name}" for name in _timed_out_cells(ran)]
    notes += [f"the course's own cell {name} failed" for name in _broken_read_only_cells(ran)]
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


def _timed_out_cells(notebook: NotebookNode) -> list[str]:
    """Names of the cells of an autograded notebook that were stopped by the cell time limit."""
    return [
        cell.metadata.get("nbgrader", {}).get("grade_id", "a cell without a name")
        for cell in notebook.cells
        if any(output.get("ename") == "CellTimeoutError" for output in cell.get("outputs", ()))
    ]


def _cells_without_score(notebook: NotebookNode) -> set[str]:
    """Names of the test cells that ended with neither a value nor an error.

    nbgrader takes silence for full marks; a test cell of this course always ends with its score.
    """
    return {
        cell.metadata.nbgrader.grade_id
        for cell in notebook.cells
        if cell.cell_type == "code"
        and cell.metadata.get("nbgrader", {}).get("grade")
        and not cell.metadata.nbgrader.get("solution")
        and not any(out.output_type in ("execute_result", "error") for out in cell.outputs)
    }


def _broken_read_only_cells(notebook: NotebookNode) -> list[str]:
    """Names of the released, ungraded cells that raised, such as the imports, with the error."""
    return [
        f"{cell.metadata.nbgrader.grade_id} ({output.ename}: {output.evalue:.80})"
        for cell in notebook.cells
        if cell.metadata.get("nbgrader", {}).get("locked") and not cell.metadata.nbgrader.grade
        for output in cell.get("outputs", ())
        if output.output_type == "error"
    ]
