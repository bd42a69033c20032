"""Why nbgrader cannot build an assignment, in a line instead of a traceback."""

from __future__ import annotations

import re
from collections.abc import Iterator

from nbformat import NotebookNode

from coursekit import notebooks
from coursekit.notebooks import HIDDEN, SOLUTION

# What follows the exception that says what is wrong.
GENERAL = (
    "NbGraderException",
    "Notebook failed to validate; the nbgrader metadata may be corrupted.",
)
_RAISED = re.compile(r"(?: {4})?(?P<kind>[A-Za-z_][\w.]*)(?:: (?P<says>.*))?")
_NO_POINTS = re.compile(r"nbgrader cell '(.*)' does not have points")


def unpaired_markers(notebook: NotebookNode) -> list[str]:
    """Cells in which a region of a solution or of hidden tests does not begin and end in turn."""
    found = []
    for number, cell in enumerate(notebook.cells, 1):
        name = notebooks.grade_id(cell) or f"number {number}"
        for begin, end in (SOLUTION, HIDDEN):
            fault = _unpaired(cell.source, begin, end)
            found += [f"cell {name}: {fault}"] if fault else []
    return found


def reason(log: str) -> str:
    """The line that says most in what nbgrader has logged."""
    raised = [(kind, says) for kind, says in _raised(log) if not {kind, says} & set(GENERAL)]
    if not raised:
        return next(
            (line.strip() for line in log.splitlines() if line.strip()), "it says no reason"
        )
    kind, says = raised[-1]
    missing = _NO_POINTS.fullmatch(says)
    if missing:
        return f"cell {missing[1]} is graded and has no points; give it some in its metadata"
    if says.startswith("Duplicate grade id: "):
        return f"two cells have the grade id {says.removeprefix('Duplicate grade id: ')}"
    if says.startswith("nbgrader cell does not have a grade_id: "):
        return f"a cell has no grade id; it begins with {says.partition(': ')[2]!r}"
    return says or kind


def _unpaired(source: str, begin: str, end: str) -> str:
    is_open = False
    for number, line in enumerate(source.splitlines(), 1):
        if begin in line and is_open:
            return f"line {number} is a second {begin} before {end}"
        if end in line and not is_open:
            return f"line {number} is {end} without {begin}"
        is_open = begin in line or (is_open and end not in line)
    return f"{begin} without {end}" if is_open else ""


def _raised(log: str) -> Iterator[tuple[str, str]]:
    """(class, message) of the exception with which each traceback ends; of a long one a line."""
    within = False
    for line in log.splitlines():
        if line.endswith("Traceback (most recent call last):"):
            within = True
        elif within and (match := _RAISED.fullmatch(line)):
            within = False
            yield match["kind"].rpartition(".")[2], (match["says"] or "").strip()
