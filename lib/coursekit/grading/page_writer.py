"""Writes pages of feedback one after the other, with nbgrader's own converter, built once.

What `GenerateFeedback` prepares for a page, its templates above all, is the same for everybody.
"""

from __future__ import annotations

import glob
import os
import signal
import tempfile
from contextlib import chdir
from functools import cache
from pathlib import Path
from typing import Any

from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory

from coursekit.grading import autograding
from coursekit.grading.autograding import GradingFailed


class PageWriter(GenerateFeedback):
    """nbgrader's `GenerateFeedback` for one student after the other, with one exporter.

    What is made lies in a folder of drafts until all of a student's feedback is there.

    Args:
        drafts: that folder, on the disk of the course.
    """

    def __init__(self, drafts: Path, coursedir: CourseDirectory, **settings: Any):
        self._drafts, self._drafting = str(drafts), True
        super().__init__(coursedir=coursedir, **settings)

    def start(self) -> None:
        """Write the feedback of the student whom `coursedir` names.

        Raises:
            Exception: nbgrader could not; it logs why.
        """
        self._drafting = True
        if not self.trait_has_value("exporter"):
            super().start()
            return
        self.init_notebooks()
        with chdir(self.coursedir.root):
            self.convert_notebooks()

    def init_notebooks(self) -> None:
        """Find the student's notebooks; to nbgrader, a name with brackets would be a pattern.

        Raises:
            GradingFailed: there are none.
        """
        folder = self._format_source(self.coursedir.assignment_id, self.coursedir.student_id)
        found = glob.glob(f"{self.coursedir.notebook_id}.ipynb", root_dir=folder)
        if not found:
            raise GradingFailed(f"there is no notebook in {folder}")
        self.assignments = {folder: [os.path.join(folder, name) for name in found]}

    def set_permissions(self, assignment_id: str, student_id: str) -> None:
        """The last step before nbgrader calls hooks: the feedback moves to where they expect it."""
        super().set_permissions(assignment_id, student_id)
        draft = self._format_dest(assignment_id, student_id)
        self._drafting = False
        _move(Path(draft), Path(self._format_dest(assignment_id, student_id)))
        super().set_permissions(assignment_id, student_id)  # of the folders above, for groups

    @property
    def _output_directory(self) -> str:
        return self._drafts if self._drafting else self.coursedir.feedback_directory


def write(course: Path, assignment: str, student: str, drafts: Path) -> str:
    """Write a student's feedback from autograded/ and the gradebook.

    For a process of its own, which keeps what it has learnt for the next student.

    Args:
        drafts: a folder on the disk of the course, for what is not finished.
    Returns:
        Why it could not be written, or "".
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever hands out the work
    try:
        writer = _writer(course, assignment, drafts)
        writer.coursedir.student_id = student
        autograding.run(writer)
    except GradingFailed as error:
        return str(error) or "nbgrader does not say why"
    return ""


@cache
def _writer(course: Path, assignment: str, drafts: Path) -> PageWriter:
    config = autograding.configuration(course)
    config.CourseDirectory.assignment_id = assignment
    return PageWriter(drafts, CourseDirectory(config=config), config=config)


def _move(new: Path, target: Path) -> None:
    """Put a folder in the place of another one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=new.parent) as box:
        if os.path.lexists(target):  # a link or a file that stands there goes too
            os.replace(target, Path(box, "old"))
        os.replace(new, target)
