"""What an assignment says of its points, made from its cells: headings and the table at its head.

The points of a task stand in its test cell, `Task("conv2d", points=8)`; those of a written answer
in the metadata of its cell. From these come the points that nbgrader knows, the heading of each
task, "## Task 2: the sum of the definition (8 points)", and the rows of the table. Titles, how hard
a task is and how long it takes are the author's, and stay.
"""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest

from nbformat import NotebookNode

from coursekit.notebooks.cells import Kind, grade_id, kind, metadata, points, tests

COLUMNS = ("task", "what you write", "points", "difficulty", "minutes")
RULES = ("---", "---", "---:", ":--:", "---:")  # how a column is set: left, left, right, centre
UNSAID = "?"  # how hard and how long, before an author says so
WRITTEN = "an explanation in your words"
NO_TABLE = "no table with a column 'points' at the head of the notebook"
REMEDY = "make release writes it anew"

FORM = "## Task 1: its title"
_HEADING = re.compile(r"## Task(?: \d+)?: (?P<title>\S.*?)(?: \([\d.]+ points?\))?")


class OutlineError(ValueError):
    """An assignment whose headings and table cannot be made; the message says why."""


@dataclass
class Section:
    """A task as a reader sees it: what stands under one heading.

    Attributes:
        number: from 1.
        title: the author's.
        cell, line: where the heading stands: index of the cell, index of the line.
        functions: names of the code cells to fill.
        written: names of the written answers.
        points: of all graded cells.
    """

    number: int
    title: str
    cell: int
    line: int
    functions: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    points: float = 0.0

    @property
    def heading(self) -> str:
        """Such as "## Task 2: the sum of the definition (8 points)"."""
        unit = "point" if self.points == 1 else "points"
        return f"## Task {self.number}: {self.title} ({self.points:g} {unit})"


def renewed(notebook: NotebookNode) -> NotebookNode:
    """A copy with points, headings and table as its cells say; doing it twice changes nothing more.

    Args:
        notebook: an assignment with solutions; left as it is.
    Raises:
        OutlineError: a test cell states no points, a graded cell stands under no heading, a heading
            has no graded cell or no title, or there is no table.
    """
    new = copy.deepcopy(notebook)
    for cell in new.cells:
        if kind(cell) == Kind.TEST:
            stated = points_stated(cell)
            metadata(cell)["points"] = int(stated) if stated == int(stated) else stated
    tasks = sections(new)
    for task in tasks:
        _put(new.cells[task.cell], task.line, [task.heading])
    place, first, last = _place_of_table(new)
    old = new.cells[place].source.splitlines()[first:last]
    _put(new.cells[place], first, _table(tasks, _rows(old)), last)
    return new


def differences(notebook: NotebookNode) -> list[str]:
    """Where headings or table do not say what the cells say, in plain words."""
    try:
        new = renewed(notebook)
    except OutlineError as error:
        return [str(error)]
    found = [text for cell in tests(new).values() for text in _misnamed(cell)]
    for old, fresh in zip(notebook.cells, new.cells, strict=True):
        before, after = old.source.splitlines(), fresh.source.splitlines()
        wrong = [line for line in before if line not in after]
        right = [line for line in after if line not in before]
        for one, other in zip_longest(wrong, right):
            says = f"the text says {one!r}" if one else "the text lacks a line"
            means = f"the cells say {other!r}" if other else "no cell says so"
            found.append(f"{says}, {means}; {REMEDY}")
    place, first, last = _place_of_table(new)
    rows = _rows(new.cells[place].source.splitlines()[first:last])
    unsaid = [row for row in rows if UNSAID in row]
    return found + [f"how hard is task {row[0]}, how many minutes does it take?" for row in unsaid]


def points_stated(cell: NotebookNode) -> float:
    """The points that a test cell gives to its `Task`.

    Raises:
        OutlineError: it has no `Task(..., points=8)`, or what stands there is no number.
    """
    for call in _tasks_in(cell):
        named = [keyword.value for keyword in call.keywords if keyword.arg == "points"]
        for value in (*named, *call.args[1:2]):
            number = getattr(value, "value", None)
            if isinstance(number, int | float) and not isinstance(number, bool):
                return float(number)
    advice = 'write Task("name", points=8), with a number'
    raise OutlineError(f"{grade_id(cell)}: states no points; {advice}")


def _tasks_in(cell: NotebookNode) -> Iterator[ast.Call]:
    """The calls `Task(...)` of a test cell."""
    try:
        nodes = list(ast.walk(ast.parse(cell.source)))
    except SyntaxError as error:
        raise OutlineError(f"{grade_id(cell)}: is no Python: {error}") from error
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id="Task")):
                yield node


def _misnamed(cell: NotebookNode) -> Iterator[str]:
    """That the task of a test cell has another name than the cell."""
    for call in _tasks_in(cell):
        name = getattr(call.args[0], "value", None) if call.args else None
        if isinstance(name, str) and f"test_{name}" != grade_id(cell):
            yield f"{grade_id(cell)}: its Task is called {name!r}, so the cell must be test_{name}"


def sections(notebook: NotebookNode) -> list[Section]:
    """The tasks of an assignment, by their headings.

    Raises:
        OutlineError: see `renewed`.
    """
    found: list[Section] = []
    for index, cell in enumerate(notebook.cells):
        if kind(cell) in (Kind.PLAIN, Kind.LOCKED) and cell.cell_type == "markdown":
            for line, title in _headings(cell.source):
                found.append(Section(len(found) + 1, title, index, line))
        elif kind(cell) in (Kind.SOLUTION, Kind.MANUAL, Kind.TEST):
            if not found:
                raise OutlineError(f"{grade_id(cell)}: stands under no heading, such as {FORM!r}")
            _add(cell, found[-1])
    empty = [task for task in found if not task.points]
    if empty:
        raise OutlineError(f"no cell with points stands under {empty[0].heading!r}")
    return found


def _add(cell: NotebookNode, task: Section) -> None:
    task.points += points(cell)
    if kind(cell) == Kind.SOLUTION and cell.cell_type == "code":
        task.functions.append(grade_id(cell))
    elif kind(cell) == Kind.MANUAL:
        task.written.append(grade_id(cell))


def _headings(source: str) -> Iterator[tuple[int, str]]:
    """(index of the line, title) of each task's heading."""
    for number, line in enumerate(source.splitlines()):
        if line.startswith("## Task"):
            match = _HEADING.fullmatch(line.rstrip())
            if not match:
                raise OutlineError(
                    f"the heading {line!r} is not of the form '## Task 1: its title'"
                )
            yield number, match["title"]


def _place_of_table(notebook: NotebookNode) -> tuple[int, int, int]:
    """Where the table is: index of the cell, first line, line behind its last."""
    for index, cell in enumerate(notebook.cells):
        lines = cell.source.splitlines() if cell.cell_type == "markdown" else []
        for first, line in enumerate(lines):
            titles = [title.lower().strip("* ") for title in _cells_of(line)]
            if line.lstrip().startswith("|") and "points" in titles:
                if tuple(titles) != COLUMNS:
                    raise OutlineError(
                        f"the table of points has the columns {', '.join(titles)}; "
                        f"they must be {', '.join(COLUMNS)}"
                    )
                last = first
                while last < len(lines) and lines[last].lstrip().startswith("|"):
                    last += 1
                return index, first, last
    raise OutlineError(NO_TABLE)


def _rows(table: list[str]) -> Iterator[tuple[str, ...]]:
    """The rows of an earlier table: task, what is written, points, difficulty, minutes."""
    for line in table[2:]:
        row = tuple(_cells_of(line))
        if len(row) == len(COLUMNS) and "**total**" not in row:
            yield row


def _table(tasks: list[Section], earlier: Iterator[tuple[str, ...]]) -> list[str]:
    """The table's lines; what the author said of a task in an earlier one stays."""
    said = {_key(row[1], n): row for n, row in _counted(earlier)}
    rows, prose = [], 0
    for task in tasks:
        functions = ", ".join(f"`{name}`" for name in task.functions)
        key = functions or str(prose)
        prose += not functions
        _, words, _, difficulty, minutes = said.get(key, ("", "", "", UNSAID, UNSAID))
        what = functions or words or WRITTEN
        rows.append((str(task.number), what, f"{task.points:g}", difficulty, minutes))
    total, time = sum(task.points for task in tasks), [row[4] for row in rows]
    whole = f"**{sum(map(int, time))}**" if all(t.isdecimal() for t in time) else ""
    rows.append(("", "**total**", f"**{total:g}**", "", whole))
    return [_line(COLUMNS), "|" + "|".join(RULES) + "|", *map(_line, rows)]


def _counted(rows: Iterator[tuple[str, ...]]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Rows, each with how many rows without a function came before it."""
    prose = 0
    for row in rows:
        yield prose, row
        prose += not _functions_in(row[1])


def _key(words: str, number: int) -> str:
    """What a row is about: its functions, or that it is this one of those that have none."""
    return ", ".join(f"`{name}`" for name in _functions_in(words)) or str(number)


def _functions_in(words: str) -> list[str]:
    return re.findall(r"`(\w+)`", words)


def _cells_of(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _line(row: tuple[str, ...]) -> str:
    return "|" + "|".join(f" {cell} " if cell else " " for cell in row) + "|"


def _put(cell: NotebookNode, first: int, new: list[str], last: int | None = None) -> None:
    lines = cell.source.splitlines()
    lines[first : first + 1 if last is None else last] = new
    cell.source = "\n".join(lines)
