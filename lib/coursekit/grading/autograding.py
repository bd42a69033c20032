"""nbgrader's own converters, called from Python for one assignment and one student at a time."""

from __future__ import annotations

import io
import logging
import os
import sysconfig
from contextlib import contextmanager
from pathlib import Path

import nbformat
from nbgrader.api import BaseCell, Grade, Gradebook, MissingEntry
from nbgrader.converters import Autograde, GenerateAssignment
from nbgrader.converters.base import BaseConverter
from nbgrader.coursedir import CourseDirectory
from nbgrader.utils import parse_utc
from traitlets.config import Config, PyFileConfigLoader

from coursekit import build_errors, notebooks
from coursekit.grading.layout import WORK, release_of


class GradingFailed(Exception):
    """nbgrader could not process a notebook; the message says why, in a sentence."""


def configuration(course: Path) -> Config:
    """nbgrader's settings for a course: its nbgrader_config.py, and what many processes need.

    Args:
        course: the folder that holds solutions/, submitted/ and gradebook.db.
    """
    config = Config()
    if (course / "nbgrader_config.py").exists():
        config = PyFileConfigLoader("nbgrader_config.py", path=str(course)).load_config()
    defaults = Config()
    defaults.CourseDirectory.source_directory = "solutions"
    defaults.CourseDirectory.release_directory = "assignments"
    defaults.IgnorePattern.enabled = True  # text on stderr would cost a cell all its points
    defaults.IgnorePattern.pattern = "."
    defaults.merge(config)
    defaults.CourseDirectory.root = str(course)
    # Two writers of one SQLite file wait for each other instead of failing after five seconds.
    defaults.CourseDirectory.db_url = f"sqlite:///{course / 'gradebook.db'}?timeout=60"
    defaults.Execute.shutdown_kernel = "immediate"  # a graceful goodbye takes 1.5 s each
    return defaults


def source_of(course: Path, assignment: str) -> Path:
    """The notebook with solutions and hidden tests.

    Raises:
        FileNotFoundError: no such assignment; the message lists those that exist.
    """
    path = course / "solutions" / assignment / f"{assignment}.ipynb"
    if path.is_file():
        return path
    there = ", ".join(sorted(path.parent.name for path in course.glob("solutions/*/*.ipynb")))
    raise FileNotFoundError(
        f"No assignment {assignment!r} in {course}/solutions. There: {there or 'none'}."
    )


def register(course: Path, assignment: str) -> Path:
    """Tell the gradebook about an assignment, hidden tests included, as it is in solutions/ now.

    Returns:
        The released notebook to rebuild submissions from.
    Raises:
        FileNotFoundError: no such assignment; the message lists those that exist.
        GradingFailed: the gradebook refuses, for example because graded cells have changed.
    """
    path = source_of(course, assignment)
    try:
        source = notebooks.read(path)
        generate(course, assignment, course / WORK / "release", gradebook=True)
    except notebooks.NotebookError as error:
        raise GradingFailed(str(error)) from error
    except GradingFailed as error:
        renamed = _renamed(course, assignment, source)
        if not renamed:
            raise
        raise GradingFailed(
            f"{assignment} has been graded, and cells have come or gone since: {renamed}. "
            "Undo that in solutions/. Or forget all its grades, those given by hand included: "
            f"nbgrader db assignment remove {assignment} --force"
        ) from error
    return release_of(course, assignment)


def generate(course: Path, assignment: str, into: Path, *, gradebook: bool) -> None:
    """Write the student version of an assignment, as nbgrader makes it, to `into`/`assignment`.

    Args:
        gradebook: tell it about the cells.
    Raises:
        GradingFailed: nbgrader could not; the message says why.
    """
    config = configuration(course)
    config.CourseDirectory.assignment_id = assignment
    config.CourseDirectory.release_directory = str(into.resolve())
    config.GenerateAssignment.force = True
    config.GenerateAssignment.no_database = not gradebook
    config.SaveCells.enabled = gradebook
    with _environment(PATH=_programs_first()):  # nbgrader makes a new gradebook with a program
        run(GenerateAssignment(coursedir=CourseDirectory(config=config), config=config))


def _renamed(course: Path, assignment: str, source: nbformat.NotebookNode) -> str:
    """Names of cells that only the gradebook or only the source knows, such as "-f, +g"."""
    if not (course / "gradebook.db").exists():
        return ""
    with open_gradebook(course) as gradebook:
        try:
            cells = gradebook.find_notebook(assignment, assignment).source_cells
        except MissingEntry:
            return ""
        before = {cell.name for cell in cells}
    kinds = (cell for cell in source.cells if notebooks.kind(cell) != notebooks.Kind.PLAIN)
    now = {notebooks.grade_id(cell) for cell in kinds}
    gone, new = sorted(before - now), sorted(now - before)
    return ", ".join([*(f"-{name}" for name in gone), *(f"+{name}" for name in new)])


def run(converter: BaseConverter) -> None:
    """Run a converter; what it logs becomes the reason if it fails.

    Raises:
        GradingFailed: it did.
    """
    logged = io.StringIO()
    handler = logging.StreamHandler(logged)
    converter.log.addHandler(handler)
    try:
        converter.start()
    except Exception as error:
        raise GradingFailed(build_errors.reason(logged.getvalue() or str(error))) from error
    finally:
        converter.log.removeHandler(handler)


def without_effect(config: Config) -> list[str]:
    """Settings of nbgrader's autograde that only count where nbgrader itself runs the notebooks.

    They name code to run on a submission, which outside a sandbox could undo what the judge does.
    """
    names = ("pre_convert_hook", "post_convert_hook", "exclude_overwriting")
    steps = ("sanitize_preprocessors", "autograde_preprocessors")
    return [f"Autograde.{name}" for name in (*steps, *names) if name in config.Autograde]


def permissions(config: Config) -> int:
    """Mode of the files in autograded/: 0o444, so that nobody edits them, unless configured."""
    converter = Autograde(coursedir=CourseDirectory(config=config), config=config)
    return int(str(converter.permissions), 8)


def open_gradebook(course: Path) -> Gradebook:
    """The course's gradebook, as a context manager."""
    return Gradebook(configuration(course).CourseDirectory.db_url)


def scores(gradebook: Gradebook, assignment: str, student: str) -> dict[str, float | None]:
    """Graded cell -> points; None where a person has to decide."""
    submission = gradebook.find_submission(assignment, student)
    parts = [notebook.id for notebook in submission.notebooks]
    rows = gradebook.db.query(BaseCell.name, Grade).join(Grade, Grade.cell_id == BaseCell.id)
    return {
        name: None if grade.auto_score is None and grade.manual_score is None else grade.score
        for name, grade in rows.filter(Grade.notebook_id.in_(parts))
    }


def questions(gradebook: Gradebook, assignment: str) -> dict[str, float]:
    """Graded cell -> the most it can earn, in the notebook's order."""
    parts = gradebook.find_assignment(assignment).notebooks
    order = {
        cell.name: position
        for notebook in parts
        for position, cell in enumerate(notebook.source_cells)
    }
    cells = [cell for notebook in parts for cell in notebook.grade_cells]
    return {cell.name: cell.max_score for cell in sorted(cells, key=lambda c: order[c.name])}


def students_known(gradebook: Gradebook) -> list[str]:
    """Everyone in the gradebook."""
    return [student.id for student in gradebook.students]


def is_timestamp(text: str) -> bool:
    """Whether nbgrader can read a time of handing in; it fails on others."""
    try:
        return parse_utc(text) is not None
    except (ValueError, OverflowError):
        return False


@contextmanager
def _environment(**variables: str):
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def _programs_first() -> str:
    """A search path that begins with this environment, which need not be activated."""
    return os.pathsep.join([sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)])
