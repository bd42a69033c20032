"""Grades a whole class with nbgrader, whatever it handed in; nothing stops it half-way.

    results = grade(course, "a02_convolution")
    show(results, most_points(course, "a02_convolution"))

Each submission is read tolerantly, rebuilt from the release into .grading/ (submitted/ is only
read), and autograded in a process of its own, so that a crash, an endless loop or a malformed file
costs one student's run and nobody else's. Student code is not confined: grade strangers' code only
on a machine where that is acceptable.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import shutil
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from coursekit import autograding, notebooks
from coursekit.autograding import WORK, GradingFailed
from coursekit.results import Result, Status, summary, table, write_csv
from coursekit.submissions import Submission, collect, with_notes

LIMIT = 900.0  # seconds for one submission; single cells have a limit of their own
STUDENT_ID = re.compile(r"[\w.@ -]+")


def grade(
    course: str | Path,
    assignment: str,
    students: Sequence[str] | None = None,
    *,
    workers: int = 2,
    limit: float = LIMIT,
    console: Console | None = None,
) -> list[Result]:
    """Autograde what lies in submitted/<student>/<assignment>/, and fill gradebook and autograded/.

    Args:
        course: the course folder.
        assignment: such as "a02_convolution".
        students: only these; by default everyone with a folder or a row in the gradebook.
        workers: submissions graded at the same time.
        limit: seconds after which one submission is given up.
        console: where the progress bar goes; by default standard error.
    Returns:
        One result for each student, by name.
    Raises:
        FileNotFoundError: there is no such assignment in solutions/.
        GradingFailed: nbgrader refuses the assignment itself.
    """
    course = Path(course).resolve()
    autograding.register(course, assignment)
    everyone = sorted(students or _everyone(course))
    there = [name for name in everyone if os.path.lexists(_folder(course, assignment, name))]
    results = {
        name: Result(name, assignment, Status.MISSING) for name in everyone if name not in there
    }
    console = console or Console(stderr=True)
    with _progress(console) as bar, ThreadPoolExecutor(max_workers=workers) as pool:
        task = bar.add_task(f"grading {assignment}", total=len(there))
        jobs = [pool.submit(_in_own_process, course, assignment, name, limit) for name in there]
        for job in as_completed(jobs):
            result = job.result()
            results[result.student] = result
            bar.update(task, advance=1, description=f"{assignment}: {result.student}")
    return [results[name] for name in everyone]


def feedback(
    course: str | Path, assignment: str, students: Sequence[str] | None = None
) -> dict[str, Path | None]:
    """Write the HTML feedback of everyone graded.

    Returns:
        Student -> the HTML file, or None where nbgrader could not write it.
    """
    course = Path(course).resolve()
    graded = sorted(path.parent.name for path in course.glob(f"autograded/*/{assignment}"))
    written: dict[str, Path | None] = {}
    for name in graded if students is None else students:
        try:
            written[name] = autograding.write_feedback(course, assignment, name)
        except GradingFailed:
            written[name] = None
    return written


def most_points(course: str | Path, assignment: str) -> dict[str, float]:
    """Graded cell -> the most it can earn, in the notebook's order."""
    with autograding.open_gradebook(Path(course).resolve()) as gradebook:
        return autograding.questions(gradebook, assignment)


def show(
    course: str | Path, results: Sequence[Result], csv: Path, console: Console | None = None
) -> None:
    """Print students × questions of each assignment in `results`, and write them to `csv`."""
    console = console or Console()
    for assignment in dict.fromkeys(result.assignment for result in results):
        of_one = [result for result in results if result.assignment == assignment]
        console.print(table(of_one, most_points(course, assignment)))
        for result in of_one:
            if result.notes:
                notes = "; ".join(result.notes)
                console.print(f"[bold]{escape(result.student)}[/bold]: {escape(notes)}")
        console.print(f"{len(of_one)} students: {summary(of_one)}")
        if any(None in result.scores.values() for result in of_one):
            console.print("? waits for a person: JupyterLab, menu Nbgrader, Formgrader")
        console.print()
    console.print(f"Grades: {write_csv(results, csv)}")


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeElapsedColumn(), console=console)


def _everyone(course: Path) -> Iterable[str]:
    folders = (path.name for path in course.glob("submitted/*") if path.is_dir())
    handed_in = {name for name in folders if not name.startswith((".", "__"))}
    with autograding.open_gradebook(course) as gradebook:
        return handed_in | set(autograding.students_known(gradebook))


def _folder(course: Path, assignment: str, student: str) -> Path:
    return course / "submitted" / student / assignment


def _in_own_process(course: Path, assignment: str, student: str, limit: float) -> Result:
    """Grade one submission in a child, and answer for the child if it does not come back."""
    start = time.perf_counter()
    context = _context()
    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=_child, args=(course, assignment, student, theirs))
    child.start()
    theirs.close()
    reason = f"stopped after {limit:g} seconds"
    result = None
    try:
        if ours.poll(limit):
            result = ours.recv()
    except EOFError:
        reason = "the grading process died: code that kills processes, or not enough memory"
    if result is None:
        child.kill()
        result = give_up(course, assignment, student, reason)
    child.join()
    return replace(result, seconds=time.perf_counter() - start)


def _context():
    """Children forked from a small process that has imported nbgrader and runs no thread."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


def _child(course: Path, assignment: str, student: str, answer: Connection) -> None:
    log = course / WORK / "logs" / assignment / f"{student}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:  # kernels write here, not over the progress bar
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    answer.send(grade_one(course, assignment, student))


def grade_one(course: Path, assignment: str, student: str) -> Result:
    """Grade one submission in this process. `register` must have run."""
    release = notebooks.read(autograding.release_of(course, assignment))
    submission = collect(_folder(course, assignment, student), release, f"{assignment}.ipynb")
    _prepare(course, assignment, student, submission)
    if not STUDENT_ID.fullmatch(student):
        reason = "the folder's name cannot be a student's id; use letters, digits and . _ - @"
        return give_up(course, assignment, student, reason)
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
    prepared = _prepared(course, assignment, student)
    source = prepared if prepared.exists() else autograding.release_of(course, assignment)
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


def _prepared(course: Path, assignment: str, student: str) -> Path:
    return course / WORK / "submitted" / student / assignment / f"{assignment}.ipynb"


def _prepare(course: Path, assignment: str, student: str, submission: Submission) -> None:
    """Lay out what nbgrader shall grade: the rebuilt notebook and the time of handing in."""
    target = _prepared(course, assignment, student)
    shutil.rmtree(target.parent, ignore_errors=True)
    notebooks.write(with_notes(submission.notebook, submission.notes), target)
    stamp = _folder(course, assignment, student) / "timestamp.txt"
    if stamp.is_file() and not stamp.is_symlink() and autograding.is_timestamp(stamp):
        shutil.copy(stamp, target.parent)
