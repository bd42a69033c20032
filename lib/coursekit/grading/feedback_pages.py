"""Feedback for a whole class: several pages at a time, and none that is as it would be written.

Each page is written by nbgrader's own converter (`coursekit.grading.page_writer`), in a process
that goes on to the next student. What comes to grief over one student's notebook costs that
student's page.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from queue import SimpleQueue

from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    SubmittedAssignment,
    SubmittedNotebook,
)
from nbgrader.coursedir import CourseDirectory

from coursekit import files
from coursekit.grading import autograding, hashes, page_writer
from coursekit.grading.layout import WORK
from coursekit.grading.processes import Helper, Lost

LIMIT = 300.0  # seconds for one page
VERSIONS = ("beautifulsoup4", "bleach", "jinja2", "mistune", "nbconvert", "nbgrader", "pygments")
UNGRADED = "there is no graded notebook; grade first"
LEFT_OUT = "nbgrader wrote none; is the student in CourseDirectory.student_id_exclude?"


class PageStatus(StrEnum):
    """What became of a page."""

    WRITTEN = "written"
    FAILED = "failed"


@dataclass(frozen=True)
class Page:
    """One student's feedback.

    Args:
        path: the HTML file; None where it could not be written.
        reason: why not.
        fresh: False where an earlier page still holds.
    """

    student: str
    path: Path | None
    reason: str = ""
    fresh: bool = True

    @property
    def status(self) -> PageStatus:
        """What became of it."""
        return PageStatus.FAILED if self.path is None else PageStatus.WRITTEN


class FeedbackPages:
    """The feedback of a class for one assignment.

    Args:
        course: the course folder.
        assignment: such as "a02_convolution".
    """

    def __init__(self, course: Path, assignment: str):
        self._course, self._assignment = course, assignment
        self._places = CourseDirectory(config=autograding.configuration(course))

    def graded(self) -> list[str]:
        """Everyone who has a graded notebook."""
        found = self._course.glob(f"autograded/*/{self._assignment}")
        return sorted(path.parent.name for path in found)

    def write(self, students: Sequence[str], *, workers: int, force: bool) -> Iterator[Page]:
        """Write pages; yields each as it is done, and those first that are there already.

        Args:
            workers: pages written at the same time.
            force: write pages anew that would be the same.
        """
        graded, keys = set(self.graded()), {}
        for student in dict.fromkeys(students):
            if student not in graded:
                yield Page(student, None, UNGRADED)
                continue
            key = self._key(student)
            if not force and self._holds(student, key):
                yield Page(student, self._page(student), fresh=False)
            else:
                keys[student] = key
        if keys:
            yield from self._written(keys, min(workers, len(keys)))

    def _written(self, keys: dict[str, str], workers: int) -> Iterator[Page]:
        scratch = self._course / WORK / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        with ExitStack() as end:
            drafts = Path(end.enter_context(tempfile.TemporaryDirectory(dir=scratch)))
            pool = end.enter_context(ThreadPoolExecutor(workers))
            helpers = [end.enter_context(Helper([page_writer.__name__])) for _ in range(workers)]
            idle: SimpleQueue[Helper] = SimpleQueue()
            for helper in helpers:
                idle.put(helper)
            jobs = [pool.submit(self._one, *each, drafts, idle) for each in keys.items()]
            try:
                for job in as_completed(jobs):
                    page = job.result()
                    if page.path is None:  # an earlier page tells what no longer holds
                        shutil.rmtree(self._page(page.student).parent, ignore_errors=True)
                    yield page
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
                for helper in helpers:
                    helper.kill()  # what is in progress is not wanted any more
                pool.shutdown()

    def _one(self, student: str, key: str, drafts: Path, idle: SimpleQueue[Helper]) -> Page:
        """Have a page written by a process that is idle, and remember what it was made from."""
        about = self._course, self._assignment, student, drafts
        helper = idle.get()
        try:
            reason = helper(page_writer.write, *about, limit=LIMIT)
        except Lost as error:
            reason = str(error)
        finally:
            idle.put(helper)
        page = self._page(student)
        if not reason and page.is_file():
            files.replace(self._known(student), key.encode())
            return Page(student, page)
        return Page(student, None, reason or LEFT_OUT)

    def _holds(self, student: str, key: str) -> bool:
        """Whether a page is there that was made from what is there now."""
        known = self._known(student)
        return self._page(student).is_file() and known.is_file() and known.read_text() == key

    def _page(self, student: str) -> Path:
        """Where nbgrader expects it."""
        of = self._places.feedback_directory, student, self._assignment
        return Path(self._places.format_path(*of), f"{self._assignment}.html")

    def _known(self, student: str) -> Path:
        """Where it is remembered what a page was made from."""
        return self._course / WORK / "feedback" / self._assignment / student

    def _key(self, student: str) -> str:
        """Hash of all that a page depends on; a template of the course's own is not seen."""
        folder = self._course / "autograded" / student / self._assignment
        beside = sorted(path for path in folder.rglob("*") if path.is_file())
        texts = (
            f"{path.relative_to(folder)} {hashlib.sha256(path.read_bytes()).hexdigest()}"
            for path in beside
        )
        return hashes.digest([self._setup, *texts, *self._marks[student]])

    @cached_property
    def _setup(self) -> str:
        """Hash of what all pages depend on."""
        config = self._course / "nbgrader_config.py"
        versions = (f"{name} {version(name)}" for name in VERSIONS)
        text = config.read_text("utf-8") if config.is_file() else ""
        return hashes.digest([platform.python_version(), *versions, hashes.sources_hash(), text])

    @cached_property
    def _marks(self) -> dict[str, list[str]]:
        """Student -> points, comments and penalties, as the gradebook has them."""
        penalty = (SubmittedNotebook.late_submission_penalty,)
        grades = (Grade.auto_score, Grade.manual_score, Grade.extra_credit, Grade.max_score)
        comments = (Comment.auto_comment, Comment.manual_comment)
        found = defaultdict(list)
        with autograding.open_gradebook(self._course) as gradebook:
            of_class = (
                gradebook.db.query(SubmittedAssignment.student_id)
                .join(SubmittedNotebook, SubmittedNotebook.assignment_id == SubmittedAssignment.id)
                .join(Assignment, Assignment.id == SubmittedAssignment.assignment_id)
                .filter(Assignment.name == self._assignment)
            )
            rows = [*of_class.add_columns(*penalty)]
            for kind, columns in ((Grade, grades), (Comment, comments)):
                marked = of_class.join(kind, kind.notebook_id == SubmittedNotebook.id)
                marked = marked.join(BaseCell, BaseCell.id == kind.cell_id)
                rows += marked.add_columns(BaseCell.name, *columns).order_by(BaseCell.name)
        for student, *values in rows:
            found[student].append(repr(values))
        return found
