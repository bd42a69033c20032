"""What an assignment needs before it goes to students, beyond being right: enough of everything."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from nbformat import NotebookNode

from coursekit import notebooks
from coursekit.collection import Collection, load
from coursekit.notebooks import Kind

TASKS, POINTS = range(4, 8), range(20, 41)
WRONG, SAID, RIGHT = 14, 10, 6  # named solutions of the whole assignment
WRONG_EACH, RIGHT_EACH = 2, 1  # of every function that is written


def left_to_do(notebook: NotebookNode, known: Collection) -> list[str]:
    """What is still missing, in plain words; [] where nothing is."""
    graded, points = notebooks.graded(notebook), notebooks.total_points(notebook)
    wrong = [entry for entry in known.entries if not entry.is_right]
    right = [entry for entry in known.entries if entry.is_right]
    said = sum(bool(entry.says) for entry in wrong)
    found = []
    if len(graded) not in TASKS:
        found.append(f"{len(graded)} tasks; there should be {_between(TASKS)}")
    if not POINTS[0] <= points <= POINTS[-1]:
        found.append(f"{points:g} points; there should be {_between(POINTS)}")
    if not any(notebooks.kind(cell) == Kind.MANUAL for cell in graded.values()):
        found.append("no question is answered in words; there should be one")
    found += _too_few(len(wrong), WRONG, "wrong solutions")
    found += _too_few(said, SAID, "wrong solutions with `says`")
    found += _too_few(len(right), RIGHT, "right solutions")
    for name in functions(notebook):
        found += _too_few(Counter(e.cell for e in wrong)[name], WRONG_EACH, f"wrong ones of {name}")
        found += _too_few(Counter(e.cell for e in right)[name], RIGHT_EACH, f"right ones of {name}")
    return found


def functions(notebook: NotebookNode) -> list[str]:
    """Names of the code cells that students fill."""
    cells = notebooks.solutions(notebook).items()
    return [name for name, cell in cells if notebooks.kind(cell) == Kind.SOLUTION]


def draft(course: Path, assignment: str) -> list[str] | None:
    """What is left to do of an assignment that its author calls a draft; None where it is none.

    Its collection says so: `Collection("a05_batchnorm", draft=True)`.
    """
    path = course / "tests" / "assignments" / f"{assignment}.py"
    if not path.is_file():
        return None
    known = load(path)
    if not known.draft:
        return None
    source = course / "solutions" / assignment / f"{assignment}.ipynb"
    left = left_to_do(notebooks.read(source), known)
    return [*left, f"then take draft=True out of {path.relative_to(course).as_posix()}"]


def _too_few(count: int, least: int, what: str) -> list[str]:
    return [f"{count} {what}; there should be at least {least}"] if count < least else []


def _between(span: range) -> str:
    return f"{span[0]} to {span[-1]}"
