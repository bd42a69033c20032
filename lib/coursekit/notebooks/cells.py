"""What the nbgrader metadata of a cell means, read without ever raising."""

from __future__ import annotations

import math
from enum import StrEnum
from typing import Any

from nbformat import NotebookNode

SOLUTION = ("BEGIN SOLUTION", "END SOLUTION")
HIDDEN = ("BEGIN HIDDEN TESTS", "END HIDDEN TESTS")
MARKERS = (*SOLUTION, *HIDDEN, "BEGIN MARK SCHEME", "END MARK SCHEME")
INSTALL, PROGRESS = "install", "progress"  # grade ids of the cells that frame a notebook
SKIP = "skip-execution"  # a tag: nbclient, and with it nbgrader, does not run the cell


class Kind(StrEnum):
    """What a cell is for."""

    SOLUTION = "solution"  #: the student writes code here
    MANUAL = "manual"  #: the student writes here, a person grades it
    TEST = "test"  #: graded by running it
    LOCKED = "locked"  #: read-only
    FRAME = "frame"  #: for who works on the notebook; never run in grading, whatever it holds
    PLAIN = "plain"  #: unknown to nbgrader


def metadata(cell: NotebookNode) -> dict[str, Any]:
    """The nbgrader metadata of a cell; {} where there is none, or none that makes sense."""
    found = cell.get("metadata")
    found = found.get("nbgrader") if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def kind(cell: NotebookNode) -> Kind:
    """What a cell is for."""
    about = metadata(cell)
    if grade_id(cell) is None:
        return Kind.PLAIN
    if about.get("task") is True or (about.get("grade") is True and about.get("solution") is True):
        return Kind.MANUAL
    if about.get("grade") is True:
        return Kind.TEST
    if about.get("solution") is True:
        return Kind.SOLUTION
    if about.get("locked") is not True:
        return Kind.PLAIN
    return Kind.FRAME if grade_id(cell) in (INSTALL, PROGRESS) else Kind.LOCKED


def grade_id(cell: NotebookNode) -> str | None:
    """The name nbgrader knows a cell by, or None."""
    name = metadata(cell).get("grade_id")
    return name if isinstance(name, str) and name else None


def points(cell: NotebookNode) -> float:
    """Points of a graded cell; 0 for any other."""
    value = metadata(cell).get("points")
    if kind(cell) not in (Kind.TEST, Kind.MANUAL) or isinstance(value, bool):
        return 0.0
    return float(value) if isinstance(value, (int, float)) and math.isfinite(value) else 0.0


def graded(notebook: NotebookNode) -> dict[str, NotebookNode]:
    """Cells with points, by grade id: tests and manual answers, in order."""
    return _by_id(notebook, Kind.TEST, Kind.MANUAL)


def tests(notebook: NotebookNode) -> dict[str, NotebookNode]:
    """Cells graded by running them, by grade id."""
    return _by_id(notebook, Kind.TEST)


def solutions(notebook: NotebookNode) -> dict[str, NotebookNode]:
    """Cells in which the student writes, by grade id: code and manual answers."""
    return _by_id(notebook, Kind.SOLUTION, Kind.MANUAL)


def total_points(notebook: NotebookNode) -> float:
    """All points of a notebook."""
    return sum(points(cell) for cell in notebook.cells)


def find(notebook: NotebookNode, name: str) -> NotebookNode:
    """The cell with grade id `name`.

    Raises:
        KeyError: there is none; the message lists those there are.
    """
    for cell in notebook.cells:
        if grade_id(cell) == name:
            return cell
    known = ", ".join(filter(None, map(grade_id, notebook.cells))) or "none"
    raise KeyError(f"no cell has the grade id {name!r}; there are: {known}")


def in_region(source: str, region: tuple[str, str]) -> list[str]:
    """Lines between the markers of a region (`SOLUTION` or `HIDDEN`).

    >>> in_region("a\\n### BEGIN SOLUTION\\nb\\n### END SOLUTION\\nc", SOLUTION)
    ['b']
    """
    return _split(source, region)[0]


def outside_region(source: str, region: tuple[str, str]) -> list[str]:
    """Lines of a source that lie outside a region, markers left out.

    >>> outside_region("a\\n### BEGIN SOLUTION\\nb\\n### END SOLUTION\\nc", SOLUTION)
    ['a', 'c']
    """
    return _split(source, region)[1]


def without_markers(source: str) -> str:
    """A source without the lines that hold markers; what stands between them stays.

    >>> without_markers("a\\n### BEGIN SOLUTION\\nb\\n### END SOLUTION\\nc")
    'a\\nb\\nc'
    """
    lines = source.split("\n")
    return "\n".join(line for line in lines if not any(marker in line for marker in MARKERS))


def changes(old: NotebookNode, new: NotebookNode) -> list[str]:
    """In plain words, how the cells that nbgrader knows differ between two releases.

    Compares which ids there are, their kind and points, and the text of what a student may not
    edit. The wording of stubs and of ordinary text may change freely.
    """
    before, after = _known(old), _known(new)
    found = [f"{name}: removed" for name in before if name not in after]
    found += [f"{name}: added" for name in after if name not in before]
    for name in (name for name in before if name in after):
        a, b = before[name], after[name]
        if (kind(a), a.cell_type) != (kind(b), b.cell_type):
            found.append(f"{name}: was a {kind(a)} {a.cell_type} cell, now {kind(b)} {b.cell_type}")
        if points(a) != points(b):
            found.append(f"{name}: {points(a):g} points become {points(b):g}")
        if kind(b) in (Kind.TEST, Kind.LOCKED) and a.source != b.source:
            found.append(f"{name}: its text changes")
    return found


def _known(notebook: NotebookNode) -> dict[str, NotebookNode]:
    return _by_id(notebook, Kind.TEST, Kind.MANUAL, Kind.SOLUTION, Kind.LOCKED)


def _by_id(notebook: NotebookNode, *kinds: Kind) -> dict[str, NotebookNode]:
    return {grade_id(cell): cell for cell in notebook.cells if kind(cell) in kinds}


def _split(source: str, region: tuple[str, str]) -> tuple[list[str], list[str]]:
    begin, end = region
    inside: list[str] = []
    outside: list[str] = []
    target = outside
    for line in source.splitlines():
        if begin in line:
            target = inside
        elif end in line:
            target = outside
        else:
            target.append(line)
    return inside, outside
