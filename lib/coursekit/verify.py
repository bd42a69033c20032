"""What must hold before an assignment goes to students, checked by reading it and by running it.

Nothing of the solution leaks; the points agree wherever they are written; every graded cell ends
with its score; the reference solution earns full marks and an untouched stub earns none.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from nbformat import NotebookNode

from coursekit import notebooks
from coursekit.grading.room_files import answers_in_rooms
from coursekit.notebooks import HIDDEN, MARKERS, SOLUTION, Kind
from coursekit.notebooks.outline import differences
from coursekit.rehearse import Outcome, Rehearsal
from coursekit.stage import Cell

TELLING = 16  # characters from which a line is worth keeping secret: not `return y`, not `else:`
_ROUTINE = re.compile(r"[\w\s,()*]+=\s*\w+\.shape(\[[\d:]+\])?|(from|import)\s.*|#.*|[\W\d]*")


def problems(source: Path, released: Path) -> list[str]:
    """Everything that is wrong with a release, in plain words; [] when it may go out.

    Args:
        source: the notebook with the solutions.
        released: the folder built from it.
    """
    original = notebooks.read(source)
    release = notebooks.read(released / source.name)
    found = [*leaks(original, released), *differences(original), *_structure(original)]
    found += [*_missing_stubs(original, release), *answers_in_rooms(released)]
    full = Rehearsal(original, released).run()
    found += _not_full("the reference solution", original, full)
    if full.errors:
        return found  # whatever else fails fails for this reason
    found += _task_points(original, full)
    answers = {name: cell.source for name, cell in _code_solutions(original)}
    visible = Rehearsal(release, released).run(answers)
    found += _not_full("the reference solution in the released notebook", release, visible)
    stubs = {name: cell.source for name, cell in _code_solutions(release)}
    found += _not_zero("the untouched stub", Rehearsal(original, released).run(stubs))
    found += _not_zero("the released notebook as it is", Rehearsal(release, released).run())
    return found


def leaks(original: NotebookNode, released: Path) -> list[str]:
    """Lines of solutions and hidden tests, and nbgrader's markers, that are in released files.

    A line counts if it is long enough to tell something and also stands nowhere in the notebook
    where students are meant to see it.
    """
    secret = _secrets(original)
    found = []
    for path in sorted(released.rglob("*")):
        if not path.is_file():
            continue
        name = path.relative_to(released).as_posix()
        for number, line in enumerate(_lines_of(path), 1):
            where = f"{name}, line {number}" if path.suffix != ".ipynb" else name
            found += [f"{where}: holds the marker {m!r}" for m in MARKERS if m in line]
            if _bare(line) in secret:
                found.append(f"{where}: shows a line of {secret[_bare(line)]}: {line.strip()!r}")
    return list(dict.fromkeys(found))


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
    stubs = dict(_code_solutions(release))
    missing = [name for name, _ in _code_solutions(original) if name not in stubs]
    silent = [n for n, cell in stubs.items() if "raise NotImplementedError" not in cell.source]
    return [f"{name}: is not in the released notebook" for name in missing] + [
        f"{name}: its stub does not raise NotImplementedError" for name in silent
    ]


def _not_full(who: str, notebook: NotebookNode, outcome: Outcome) -> list[str]:
    if outcome.errors:
        return [f"{who} raises in cell {cell}: {error}" for cell, error in outcome.errors.items()]
    found = []
    for name, cell in notebooks.tests(notebook).items():
        got, most = outcome.points[name], notebooks.points(cell)
        if got != most:
            results = outcome.tasks[name].results if name in outcome.tasks else []
            failed = ", ".join(repr(r.name) for r in results if not r.passed) or "no check ran"
            found.append(f"{who} gets {got:g} of {most:g} points for {name}: {failed}")
    return found


def _not_zero(who: str, outcome: Outcome) -> list[str]:
    return [f"{who} gets {got:g} points for {name}" for name, got in outcome.points.items() if got]


def _task_points(notebook: NotebookNode, outcome: Outcome) -> list[str]:
    found = []
    for name, task in outcome.tasks.items():
        most = notebooks.points(notebooks.find(notebook, name))
        checks = sum(result.points for result in task.results)
        if task.points != most:
            found.append(f"{name}: its Task has {task.points:g} points, its cell {most:g}")
        if abs(checks - most) > 1e-9:
            found.append(f"{name}: its checks add up to {checks:g} points, its cell has {most:g}")
    return found


def _code_solutions(notebook: NotebookNode) -> Iterator[tuple[str, NotebookNode]]:
    for name, cell in notebooks.solutions(notebook).items():
        if notebooks.kind(cell) == Kind.SOLUTION and cell.cell_type == "code":
            yield name, cell


def _secrets(original: NotebookNode) -> dict[str, str]:
    """Telling line -> what it belongs to, for all that students must not see."""
    secret: dict[str, str] = {}
    shown: set[str] = set()
    for cell in original.cells:
        name, kind = notebooks.grade_id(cell), notebooks.kind(cell)
        hidden = notebooks.in_region(cell.source, HIDDEN)
        solved = notebooks.in_region(cell.source, SOLUTION)
        open_text = notebooks.outside_region(
            "\n".join(notebooks.outside_region(cell.source, HIDDEN)), SOLUTION
        )
        if kind in (Kind.SOLUTION, Kind.MANUAL) and not solved:
            solved, open_text = cell.source.splitlines(), []  # nbgrader replaces the whole cell
        secret |= dict.fromkeys(map(_bare, solved), f"the solution of {name}")
        secret |= dict.fromkeys(map(_bare, hidden), f"the hidden tests of {name}")
        shown |= set(map(_bare, open_text))
    return {line: of for line, of in secret.items() if _tells(line) and line not in shown}


def _tells(line: str) -> bool:
    return len(line) >= TELLING and not _ROUTINE.fullmatch(line)


def _bare(line: str) -> str:
    """A line without what does not count: indentation and spacing."""
    return " ".join(line.split())


def _lines_of(path: Path) -> list[str]:
    if path.suffix == ".ipynb":
        cells = notebooks.read(path).cells
        return [line for cell in cells for line in _texts(cell)]
    return path.read_bytes().decode("utf-8", errors="replace").splitlines()


def _texts(cell: NotebookNode) -> list[str]:
    outputs = [str(output) for output in cell.get("outputs", [])]
    return [*cell.source.splitlines(), *outputs, str(dict(cell.metadata))]


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
