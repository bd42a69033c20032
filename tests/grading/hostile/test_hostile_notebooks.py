"""Submissions whose notebook, not whose code, is meant to earn points."""

import copy

import pytest
import tiny_course
from nbformat import v4

from coursekit import notebooks
from coursekit.grading.judge import Judge

EMPTY = {"test_double": 0.0, "test_halve": 0.0}
FULL = {"test_double": 2.0, "test_halve": 3.0}


@pytest.fixture
def judge(warm, tmp_path):
    source = tiny_course.source()
    release = notebooks.normalise(source)
    for cell in release.cells:
        for region in (notebooks.SOLUTION, notebooks.HIDDEN):
            cell.source = "\n".join(notebooks.outside_region(cell.source, region))
    for name in ("double", "halve"):
        notebooks.find(release, name).source += "\n    raise NotImplementedError"
    return Judge(source, release, tmp_path, {}, warm)


def cells_of_tests(notebook):
    return [cell for cell in notebook.cells if (notebooks.grade_id(cell) or "").startswith("test_")]


def skipped(notebook):
    """A tag that stock autograding takes for a reason not to run a cell."""
    for cell in notebook.cells:
        cell.metadata["tags"] = ["skip-execution"]


def edited(notebook):
    """Tests that print full marks."""
    for cell, points in zip(cells_of_tests(notebook), (2.0, 3.0), strict=True):
        cell.source = str(points)


def emptied(notebook):
    """Tests without output, which stock autograding takes for full marks."""
    for cell in cells_of_tests(notebook):
        cell.source = ""


def duplicated(notebook):
    """Each test once more, as a student would like it."""
    for cell in cells_of_tests(notebook):
        twin = copy.deepcopy(cell)
        twin.source = "3.0"
        notebook.cells.append(twin)


def deleted(notebook):
    """No tests."""
    notebook.cells = [cell for cell in notebook.cells if cell not in cells_of_tests(notebook)]


def worth_more(notebook):
    """Tests worth a hundred points, and not locked."""
    for cell in cells_of_tests(notebook):
        cell.metadata["nbgrader"] |= {"points": 100, "locked": False, "solution": True}


def turned_into_text(notebook):
    """Tests as Markdown."""
    for cell in cells_of_tests(notebook):
        cell.cell_type = "markdown"
        for key in ("outputs", "execution_count"):
            cell.pop(key, None)


def with_outputs(notebook):
    """Full marks stored as the output of the tests."""
    for cell in cells_of_tests(notebook):
        cell.outputs = [v4.new_output("execute_result", {"text/plain": "3.0"}, execution_count=1)]


def set_up_replaced(notebook):
    """A set-up cell that brings its own checks."""
    notebooks.find(notebook, "setup").source = "class Task: score = lambda self: 99.0"


def a_test_of_its_own(notebook):
    """The text of the tests in a cell of the student's own, after the names were taken over."""
    notebook.cells.append(v4.new_code_cell("task = 99.0\ntask"))


TRICKS = [
    skipped,
    edited,
    emptied,
    duplicated,
    deleted,
    worth_more,
    turned_into_text,
    with_outputs,
    set_up_replaced,
    a_test_of_its_own,
]


@pytest.mark.parametrize("trick", TRICKS, ids=lambda trick: trick.__name__)
def test_a_trick_earns_nothing_and_costs_nothing(judge, trick):
    empty = copy.deepcopy(judge.release)
    trick(empty)
    assert judge.grade(empty).points == EMPTY
    right = tiny_course.answered(copy.deepcopy(judge.release), tiny_course.RIGHT)
    trick(right)
    assert judge.grade(right).points == FULL
