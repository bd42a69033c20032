"""Notebooks that were tampered with, or that an editor has mangled.

Each is tried twice: nothing answered must earn nothing, and all answered must earn all.
"""

import copy

from nbformat import v4

from coursekit import notebooks

from ..case import BOTH, NOTHING, Case, Edited
from ..observed import REBUILT, WALL

MISSING = "check: missing"
LOST = "cell double had lost its name"
EDITED = "read-only cell test_double was edited; put back"


def _tests(notebook):
    return [cell for cell in notebook.cells if (notebooks.grade_id(cell) or "").startswith("test_")]


def tag_cells(notebook):
    """A tag that stock autograding takes for a reason not to run a cell."""
    for cell in notebook.cells:
        cell.metadata["tags"] = ["skip-execution", "raises-exception", "remove-cell"]


def edit_tests(notebook):
    """Tests that show full marks."""
    for cell, points in zip(_tests(notebook), (2.0, 3.0), strict=True):
        cell.source = str(points)


def empty_tests(notebook):
    """Tests without output, which stock autograding takes for full marks."""
    for cell in _tests(notebook):
        cell.source = ""


def copy_tests(notebook):
    """Each test once more, as a student would like it."""
    for cell in _tests(notebook):
        twin = copy.deepcopy(cell)
        twin.source = "3.0"
        notebook.cells.append(twin)


def delete_tests(notebook):
    """No tests."""
    notebook.cells = [cell for cell in notebook.cells if cell not in _tests(notebook)]


def raise_points(notebook):
    """Tests worth a hundred points, and not locked."""
    for cell in _tests(notebook):
        cell.metadata["nbgrader"] |= {"points": 100, "locked": False, "solution": True}


def ungrade(notebook):
    """Tests that are no graded cells any more."""
    for cell in _tests(notebook):
        cell.metadata["nbgrader"] |= {"grade": False}


def retype_tests(notebook):
    """Tests as Markdown."""
    for cell in _tests(notebook):
        cell.cell_type = "markdown"
        for key in ("outputs", "execution_count"):
            cell.pop(key, None)


def retype_answers(notebook):
    """Answers as raw text."""
    for name in ("double", "halve"):
        cell = notebooks.find(notebook, name)
        cell.cell_type = "raw"
        for key in ("outputs", "execution_count"):
            cell.pop(key, None)


def store_outputs(notebook):
    """Full marks stored as the output of the tests."""
    for cell in _tests(notebook):
        cell.outputs = [v4.new_output("execute_result", {"text/plain": "3.0"}, execution_count=1)]


def replace_set_up(notebook):
    """A set-up cell that brings its own checks."""
    notebooks.find(notebook, "setup").source = "class Task: score = lambda self: 99.0"


def add_tests(notebook):
    """A test of the student's own, after the names were taken over."""
    notebook.cells.append(v4.new_code_cell("task = 99.0\ntask"))


def add_graded_cells(notebook):
    """A graded cell that the course does not know."""
    flags = {"grade": True, "solution": False, "locked": True, "task": False, "points": 100}
    about = flags | {"grade_id": "test_bonus", "schema_version": 3, "cell_type": "code"}
    notebook.cells.append(v4.new_code_cell("100.0", metadata={"nbgrader": about}))


def strip_metadata(notebook):
    """VS Code and Colab know nothing of nbgrader."""
    for cell in notebook.cells:
        cell.metadata.clear()


def change_ids(notebook):
    """Cell ids made anew, as Colab does."""
    for number, cell in enumerate(notebook.cells):
        cell.id = f"colab-{number}"


def change_grade_ids(notebook):
    """Grade ids that the course does not know."""
    for cell in notebook.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader["grade_id"] += "-copy1"


def swap_grade_ids(notebook):
    """The tests under each other's names."""
    one, other = _tests(notebook)
    about = one.metadata.nbgrader, other.metadata.nbgrader
    other.metadata.nbgrader, one.metadata.nbgrader = about


def reorder(notebook):
    """Last cell first."""
    notebook.cells.reverse()


def copy_all(notebook):
    """Everything twice, as after a merge."""
    notebook.cells += copy.deepcopy(notebook.cells)


def old_schema(notebook):
    """Metadata of nbgrader's first version."""
    for cell in notebook.cells:
        cell.metadata.get("nbgrader", {}).update(schema_version=1)


def future_schema(notebook):
    """Metadata of a version of nbgrader that does not exist."""
    for cell in notebook.cells:
        cell.metadata.get("nbgrader", {}).update(schema_version=99)


def other_kernel(notebook):
    """A kernel that is not there."""
    notebook.metadata["kernelspec"] = {"name": "ir", "display_name": "R", "language": "R"}
    notebook.metadata["language_info"] = {"name": "R"}


def odd_metadata(notebook):
    """Metadata of no form at all."""
    for cell in notebook.cells:
        cell.metadata["nbgrader"] = "none"
    notebook.metadata["celltoolbar"] = ["x"] * 1000


# name: (what is done, what the notes say)
TRICKS = {
    "cells with skip-execution tags": (tag_cells, ""),
    "edited tests": (edit_tests, EDITED),
    "emptied tests": (empty_tests, EDITED),
    "duplicated tests": (copy_tests, "2 copies of read-only cell test_double"),
    "deleted tests": (delete_tests, "read-only cell test_double was deleted; put back"),
    "tests worth a hundred points": (raise_points, ""),
    "tests that are not graded": (ungrade, ""),
    "tests as Markdown": (retype_tests, EDITED),
    "answers as raw text": (retype_answers, "cell double had become a raw cell"),
    "full marks stored as output": (store_outputs, ""),
    "a set-up cell with checks of its own": (replace_set_up, "read-only cell setup was edited"),
    "tests of the student's own": (add_tests, ""),
    "a graded cell more": (add_graded_cells, ""),
    "stripped metadata": (strip_metadata, LOST),
    "changed ids": (change_ids, ""),
    "changed grade ids": (change_grade_ids, LOST),
    "tests under each other's names": (swap_grade_ids, "was edited; put back"),
    "cells in reverse": (reorder, "cells were moved; put back in order"),
    "every cell twice": (copy_all, "2 copies of"),
    "an old schema": (old_schema, ""),
    "a future schema": (future_schema, ""),
    "another kernel": (other_kernel, ""),
    "metadata of no form": (odd_metadata, LOST),
}


def _cases(name, change, says):
    """Nothing answered must earn nothing, and all answered must earn all."""
    untouched = "" if says == LOST else says  # a stub that lost its name is found by its text
    yield Case(
        f"{name}, nothing answered",
        Edited(change, False),
        NOTHING,
        REBUILT if untouched else MISSING,
        says=untouched,
    )
    yield Case(
        f"{name}, all answered",
        Edited(change, True),
        BOTH,
        REBUILT if says else WALL,
        says=says,
    )


CASES = [case for name, trick in TRICKS.items() for case in _cases(name, *trick)]
