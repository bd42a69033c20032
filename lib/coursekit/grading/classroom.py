"""Grades a whole class, whatever it handed in; nothing stops it half-way.

    results = grade(course, "a02_convolution")
    show(course, results, course / "grades.csv")

Each submission is read tolerantly and rebuilt from the release into .grading/; submitted/ is only
read. The judge then runs it in a sandbox.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from coursekit.checks import inputs
from coursekit.grading import autograding, session
from coursekit.grading.autograding import GradingFailed
from coursekit.grading.feedback_pages import FeedbackPages
from coursekit.grading.layout import WORK, folder_of
from coursekit.grading.progress import watched
from coursekit.grading.results import Result, Status, differences, summary, table, write_csv
from coursekit.grading.session import Options
from coursekit.sandbox import Limits

UNCONFINED = "graded without the sandbox"
LIMIT = 600.0  # seconds for one submission; single cells have a limit of their own
NOT_TEXT = "not graded: the folder's name is not UTF-8; rename the folder and grade again"
UNKNOWN = "nobody of this name: neither in submitted/ nor in the gradebook"

log = logging.getLogger(__name__)


def grade(
    course: str | Path,
    assignment: str,
    students: Sequence[str] | None = None,
    *,
    workers: int = 2,
    limit: float = LIMIT,
    sandboxed: bool = True,
    dask: str | None = None,
    console: Console | None = None,
) -> list[Result]:
    """Grade what lies in submitted/<student>/<assignment>/, and fill gradebook and autograded/.

    May be interrupted at any moment: what is done is stored, and the next call goes on.

    Args:
        course: the course folder.
        assignment: such as "a02_convolution".
        students: only these; by default everyone with a folder or a row in the gradebook. Who is
            known to neither has a result that says so.
        workers: submissions graded at the same time.
        limit: seconds after which one submission is given up.
        sandboxed: False to let student code see and change this machine, as it does with nbgrader's
            own autograde; every result then says so.
        dask: address of a Dask scheduler whose workers judge instead of this machine.
        console: where progress is shown; by default standard error.
    Returns:
        One result for each student, by name.
    Raises:
        FileNotFoundError: there is no such assignment in solutions/.
        GradingFailed: nbgrader refuses the assignment itself, there is no sandbox here, or somebody
            else is grading in this folder.
    """
    course, console = Path(course).resolve(), console or Console(stderr=True)
    autograding.source_of(course, assignment)
    secret = _secret(course)
    begun = nullcontext() if dask else session.begun(course, assignment, sandboxed)
    with _alone(course, "grading"), begun as early:
        autograding.register(course, assignment)
        known = _everyone(course)
        everyone = sorted(known if students is None else set(students))
        there = [
            name
            for name in everyone
            if os.path.lexists(folder_of(course, assignment, name)) and _is_text(name)
        ]
        limits = limits_of(course, limit)
        options = Options(workers, limits, dask, confined=sandboxed, secret=secret)
        for setting in autograding.without_effect(autograding.configuration(course)):
            console.print(
                f"nbgrader_config.py sets {setting}; it has no effect here.",
                style="yellow",
            )
        arriving = session.results(course, assignment, there, options, early)
        found = {name: _ungraded(course, assignment, name, known) for name in everyone}
        for result in watched(arriving, assignment, len(there), console):
            marks = () if sandboxed else (UNCONFINED,)
            found[result.student] = replace(result, notes=(*result.notes, *marks))
        return [found[name] for name in everyone]


def limits_of(course: Path, seconds: float = LIMIT) -> Limits:
    """What a submission may use: as by default, but for nbgrader's own `Execute.timeout`.

    There, None and -1 mean that a cell has no limit; what is left then is that of the submission.
    """
    asked = autograding.configuration(course).Execute.get("timeout", Limits.cell_seconds)
    cell = seconds if asked is None or asked < 0 else asked
    call = min(Limits.call_seconds, cell)
    return Limits(cell_seconds=cell, call_seconds=call, notebook_seconds=seconds)


def feedback(
    course: str | Path,
    assignment: str,
    students: Sequence[str] | None = None,
    *,
    workers: int | None = None,
    force: bool = False,
    console: Console | None = None,
) -> dict[str, Path | None]:
    """Write the HTML feedback of everyone graded, where it has changed.

    May be interrupted at any moment: what is done is stored, and the next call goes on.

    Args:
        course: the course folder.
        assignment: such as "a02_convolution".
        students: only these; by default everyone graded.
        workers: pages written at the same time; by default as many as there are cores.
        force: write pages anew whose notebook and points have not changed.
        console: where progress is shown; by default standard error.
    Returns:
        Student -> the HTML file, or None where nbgrader could not write it; the log says why.
    Raises:
        GradingFailed: somebody else is writing feedback in this folder.
    """
    course, console = Path(course).resolve(), console or Console(stderr=True)
    pages = FeedbackPages(course, assignment)
    wanted = dict.fromkeys(pages.graded() if students is None else students)
    if not wanted:
        return {}
    written: dict[str, Path | None] = dict.fromkeys(wanted)
    workers = workers or os.cpu_count() or 1
    with _alone(course, "writing feedback"):
        arriving = pages.write([*wanted], workers=workers, force=force)
        with closing(watched(arriving, assignment, len(wanted), console)) as shown:
            for page in shown:
                written[page.student] = page.path
                if page.path is None:
                    log.warning("No feedback for %s: %s", page.student, page.reason)
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
    if not results:
        console.print("Nobody has handed anything in: there are no folders in submitted/.")
    for assignment in dict.fromkeys(result.assignment for result in results):
        of_one = [result for result in results if result.assignment == assignment]
        console.print(table(of_one, most_points(course, assignment)))
        for result in of_one:
            notes = "; ".join(note for note in result.notes if note != UNCONFINED)
            if notes:
                console.print(f"[bold]{escape(result.student)}[/bold]: {escape(notes)}")
        noun = "student" if len(of_one) == 1 else "students"
        console.print(f"{len(of_one)} {noun}: {summary(of_one)}")
        unconfined = sum(UNCONFINED in result.notes for result in of_one)
        if unconfined:
            console.print(f"{unconfined} {UNCONFINED}")
        for line in differences(of_one):
            console.print(escape(line))
        if any(None in result.scores.values() for result in of_one):
            console.print("? waits for a person: JupyterLab, menu Nbgrader, Formgrader")
        console.print()
    console.print(f"Grades: {write_csv(results, csv)}")


@contextmanager
def _alone(course: Path, doing: str) -> Iterator[None]:
    """Hold a lock of the course, which the system lets go however this process ends.

    Raises:
        GradingFailed: another process holds it.
    """
    path = course / WORK / f"lock-{doing.replace(' ', '-')}"
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise GradingFailed(
                f"Somebody is {doing} in {course} already; wait for that to end, or stop it."
            ) from None
        yield


def _secret(course: Path) -> str:
    """What hidden checks draw from.

    Raises:
        GradingFailed: the file that holds it is of no use.
    """
    try:
        return inputs.secret_of(course)
    except inputs.SecretError as error:
        raise GradingFailed(str(error)) from error


def _is_text(name: str) -> bool:
    """Whether a folder's name is UTF-8, as the gradebook and the terminal need it."""
    return name.encode("utf-8", "replace").decode() == name


def _ungraded(course: Path, assignment: str, student: str, known: set[str]) -> Result:
    """Why there is nothing to grade; what may be meant for it is named."""
    if not _is_text(student):
        shown = student.encode("utf-8", "replace").decode()
        return Result(shown, assignment, Status.ATTENTION, (NOT_TEXT,))
    if student not in known:
        return Result(student, assignment, Status.MISSING, (UNKNOWN,))
    folder = course / "submitted" / student
    astray = [] if folder.is_symlink() else sorted(path.name for path in folder.glob("*.ipynb"))
    notes = [
        f"submitted/{student}/{name} is not in submitted/{student}/{assignment}/" for name in astray
    ]
    return Result(student, assignment, Status.MISSING, tuple(notes))


def _everyone(course: Path) -> set[str]:
    folders = (path.name for path in course.glob("submitted/*") if path.is_dir())
    handed_in = {name for name in folders if not name.startswith((".", "__"))}
    with autograding.open_gradebook(course) as gradebook:
        return handed_in | set(autograding.students_known(gradebook))
