"""What must hold before an assignment goes to students, checked by reading it and by running it.

Nothing of the solution leaks; the points agree wherever they are written; every graded cell ends
with its score; no seed is typed; the reference solution earns full marks and an untouched stub
none, whatever is drawn, here and in the judge.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode

from coursekit import notebooks
from coursekit.cell_runner import Cell
from coursekit.checks import inputs
from coursekit.grading.room_files import answers_in_rooms
from coursekit.leaks import leaks
from coursekit.notebooks import HIDDEN
from coursekit.notebooks.outline import differences
from coursekit.proofs import Proofs, code_solutions
from coursekit.sandbox import Limits
from coursekit.typed_seeds import typed_seeds


def problems(
    source: Path, released: Path, *, secret: str | None = None, limits: Limits | None = None
) -> list[str]:
    """Everything that is wrong with a release, in plain words; [] when it may go out.

    Args:
        source: the notebook with the solutions.
        released: the folder built from it.
        secret: of the class, from which hidden checks draw; by default that of this process.
        limits: what a submission may use.
    """
    original = notebooks.read(source)
    release = notebooks.read(released / source.name)
    found = [*leaks(original, released), *differences(original), *_structure(original)]
    found += [*typed_seeds(original), *_missing_stubs(original, release)]
    found += answers_in_rooms(released)
    proofs = Proofs(source, released / source.name, secret or inputs.secret(), limits or Limits())
    return found + proofs.problems()


def _structure(notebook: NotebookNode) -> list[str]:
    """Test cells that do not end in a score, or whose hidden checks are marked wrongly."""
    found = []
    for name, cell in notebooks.tests(notebook).items():
        if Cell(cell.id, cell.source).scored is None:
            found.append(f"{name}: does not end in `task.score()`; nbgrader would give full marks")
            continue
        for line, title, marked in _checks(cell.source):
            between = _is_hidden(cell.source, line)
            if between and not marked:
                found.append(f"{name}: check {title!r} is in a hidden region without hidden=True")
            if marked and not between:
                found.append(f"{name}: check {title!r} has hidden=True outside a hidden region")
    return found


def _missing_stubs(original: NotebookNode, release: NotebookNode) -> list[str]:
    stubs = dict(code_solutions(release))
    missing = [name for name, _ in code_solutions(original) if name not in stubs]
    silent = [n for n, cell in stubs.items() if "raise NotImplementedError" not in cell.source]
    return [f"{name}: is not in the released notebook" for name in missing] + [
        f"{name}: its stub does not raise NotImplementedError" for name in silent
    ]


def _checks(source: str) -> Iterator[tuple[int, str, bool]]:
    """(line, title, hidden) of every `with task.check(...)` in a test cell."""
    for node in ast.walk(Cell("", source).tree):
        if not isinstance(node, ast.With):
            continue
        for call in (item.context_expr for item in node.items):
            match call:
                case ast.Call(ast.Attribute(attr="check"), args, keywords):
                    flags = [k.value for k in keywords if k.arg == "hidden"]
                    marked = any(isinstance(f, ast.Constant) and f.value is True for f in flags)
                    yield node.lineno, ast.unparse(args[0]).strip("'\"") if args else "", marked


def _is_hidden(source: str, line: int) -> bool:
    """Whether a line, counted from 1, lies between the hidden-test markers."""
    above = "\n".join(source.splitlines()[:line])
    return above.rfind(HIDDEN[0]) > above.rfind(HIDDEN[1])
