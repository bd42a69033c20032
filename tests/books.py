"""A small gradebook, made with nbgrader's own API."""

import os
import sysconfig
from contextlib import contextmanager
from datetime import datetime
from unittest import mock

from nbgrader.api import Gradebook

NAME = "a01_tiny"
CELLS = {"test_f": 4.0, "explain_f": 3.0}


@contextmanager
def book(course):
    """A gradebook that knows the assignment a01_tiny, with 7 points in two cells."""
    url = f"sqlite:///{course / 'gradebook.db'}?timeout=60"
    programs = f"{sysconfig.get_path('scripts')}{os.pathsep}{os.environ.get('PATH', '')}"
    with mock.patch.dict(os.environ, PATH=programs):  # a new one is made with a program
        gradebook = Gradebook(url)
    with gradebook:
        gradebook.update_or_create_assignment(NAME, duedate=datetime(2026, 1, 31, 12))
        gradebook.update_or_create_notebook(NAME, NAME)
        for cell, most in CELLS.items():
            gradebook.update_or_create_grade_cell(
                cell, NAME, NAME, max_score=most, cell_type="code"
            )
            gradebook.update_or_create_source_cell(cell, NAME, NAME, source="", cell_type="code")
        yield gradebook
        gradebook.db.commit()


def add(gradebook, student, points=None, manual=None, *, open=False, penalty=0.0, **about):
    """A student; with `points` (of test_f) also a submission.

    Args:
        manual: points of explain_f; None where a person has yet to decide.
        open: mark explain_f as waiting for a person.
    """
    gradebook.update_or_create_student(student, **about)
    if points is None:
        return
    with gradebook.db.no_autoflush:
        submission = gradebook.update_or_create_submission(NAME, student)
    for notebook in submission.notebooks:
        notebook.late_submission_penalty = penalty
        for grade in notebook.grades:
            first = grade.name == "test_f"
            grade.auto_score = points if first else None
            grade.manual_score = None if first else manual
            grade.needs_manual_grade = not first and (open or manual is None)
    gradebook.db.commit()
