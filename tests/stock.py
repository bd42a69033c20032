"""nbgrader's own autograde over a class, for its scores to be compared with the judge's.

Student code is not confined, and what stops a run stops the test: only known solutions are graded.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from pathlib import Path
from unittest import mock

from nbgrader.converters import Autograde
from nbgrader.coursedir import CourseDirectory

from coursekit import notebooks
from coursekit.checks import inputs
from coursekit.grading import autograding
from coursekit.grading.layout import WORK, folder_of
from coursekit.grading.results import Result, Status
from coursekit.grading.submissions import collect, handed_in_at, with_notes

KERNELS = {"JUPYTER_PREFER_ENV_PATH": "1", "OMP_NUM_THREADS": "1"}


def grade(course: Path, assignment: str) -> list[Result]:
    """Grade everyone who has handed something in; one result for each student, by name."""
    autograding.register(course, assignment)
    release = notebooks.read(autograding.release_of(course, assignment))
    students = sorted(path.parent.name for path in course.glob(f"submitted/*/{assignment}"))
    for student in students:
        folder = folder_of(course, assignment, student)
        submission = collect(folder, release, f"{assignment}.ipynb")
        path = course / WORK / "submitted" / student / assignment / f"{assignment}.ipynb"
        notebooks.write(with_notes(submission.notebook, submission.notes), path)
        if stamp := handed_in_at(folder):
            (path.parent / "timestamp.txt").write_text(stamp)
        autograde(course, assignment, student)
    with autograding.open_gradebook(course) as gradebook:
        return [
            Result(student, assignment, Status.GRADED, (), points)
            for student in students
            for points in [autograding.scores(gradebook, assignment, student)]
        ]


def autograde(course: Path, assignment: str, student: str) -> None:
    """Run the prepared notebook of one student and store its scores, as nbgrader does."""
    config = autograding.configuration(course)
    config.CourseDirectory.assignment_id = assignment
    config.CourseDirectory.student_id = student
    config.CourseDirectory.submitted_directory = f"{WORK}/submitted"
    config.Autograde.force = True
    with (
        tempfile.TemporaryDirectory() as profile,
        mock.patch.dict(os.environ),
        warnings.catch_warnings(action="ignore"),  # nbgrader's, of its database
    ):
        os.environ |= KERNELS | {"IPYTHONDIR": profile, inputs.SECRET: inputs.secret_of(course)}
        autograding.run(Autograde(coursedir=CourseDirectory(config=config), config=config))
