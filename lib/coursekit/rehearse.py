"""Runs an assignment in this process with other people's solutions put into it.

Every graded cell must lose exactly the points that the collection states. This is for code the
course's authors wrote; it is no sandbox.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

from nbformat import NotebookNode

from coursekit import notebooks
from coursekit.cell_runner import SEED, Cell, CellRunner
from coursekit.checks import Task
from coursekit.collection import Collection, Entry, collections_in, load

__all__ = [
    "Collection",
    "Entry",
    "Outcome",
    "Rehearsal",
    "Verdict",
    "collections_in",
    "judge",
    "load",
    "nbgrader_points",
]

TOLERANCE = 1e-9  # points are sums of a few fractions
TELLING = ("mutated", "kept", "dtype", "type", "forbidden")  # kinds that say what the mistake is


@dataclass(frozen=True)
class Outcome:
    """What a run of an assignment earned.

    Attributes:
        points: test cell -> points, as nbgrader would grade it.
        tasks: test cell -> its `Task`, with the result of every check.
        errors: cell -> the exception that ended it, for cells that raised.
        unscored: test cells that do not end in `task.score()`.
        late: the cell that ran for too long, with which the run ended; "" for none.
    """

    points: dict[str, float] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    unscored: list[str] = field(default_factory=list)
    late: str = ""

    def recognised(self) -> tuple[str, ...]:
        """Names of the known mistakes that failed checks reported, each once."""
        results = (result for task in self.tasks.values() for result in task.results)
        likes = (r.finding.looks_like for r in results if r.finding and r.finding.looks_like)
        return tuple(dict.fromkeys(likes))

    def kinds(self) -> tuple[str, ...]:
        """Kinds of finding, each once; "forbidden" for a task that is void."""
        tasks = self.tasks.values()
        found = [r.finding.kind for task in tasks for r in task.results if r.finding]
        found += ["forbidden" for task in tasks if task.report.void]
        return tuple(dict.fromkeys(found))


class Rehearsal:
    """An assignment, ready to be run many times.

    Args:
        notebook: with or without solutions and hidden tests.
        folder: where it lies; its `.py` files can be imported.
    """

    def __init__(self, notebook: NotebookNode, folder: str | Path):
        self.folder = Path(folder)
        code = (c for c in notebook.cells if c.cell_type == "code")
        code = (c for c in code if notebooks.kind(c) != notebooks.Kind.FRAME)
        self.cells = {c.id: Cell(c.id, c.source) for c in code}
        tests = notebooks.tests(notebook)
        self._tests = {cell.id: (name, notebooks.points(cell)) for name, cell in tests.items()}
        self._locked = {c.id for c in notebook.cells if notebooks.kind(c) == notebooks.Kind.LOCKED}
        self._slots = {name: cell.id for name, cell in notebooks.solutions(notebook).items()}
        self.maximum = dict(self._tests.values())

    @classmethod
    def of(cls, path: str | Path) -> Rehearsal:
        """The rehearsal of the notebook at `path`."""
        return cls(notebooks.read(path), Path(path).parent)

    def run(
        self,
        replacements: Mapping[str, str] | None = None,
        *,
        influenced: bool = False,
        seed: int = SEED,
        seconds: float | None = None,
    ) -> Outcome:
        """Run the code cells in a fresh namespace.

        Args:
            replacements: solution cell -> source to run in its place.
            influenced: only the test cells that use what the replaced cells define, directly or
                through other cells, and whatever those need. The outcome holds no other.
            seed: of the random states at the beginning of each test.
            seconds: that a cell may take; None for no limit. After one that takes longer no
                other runs.
        Raises:
            KeyError: a replacement for a cell that is not there; the message lists those there are.
        """
        put = {self._slot(n): Cell(n, source) for n, source in (replacements or {}).items()}
        cells = self.cells | put
        chosen = self._influenced(cells, put.keys()) if influenced else cells.keys()
        outcome = Outcome()
        with CellRunner(self.folder, seed=seed, seconds=seconds) as runner:
            for key, cell in cells.items():
                if key not in chosen:
                    continue
                runner.namespace.pop(cell.scored or "", None)  # the task of an earlier cell
                played = runner.run(cell)
                if played.error:
                    outcome.errors[key] = played.error
                if key in self._tests:
                    name, maximum = self._tests[key]
                    outcome.points[name] = nbgrader_points(played.error, played.text, maximum)
                    task = runner.namespace.get(cell.scored or "")
                    if isinstance(task, Task):
                        outcome.tasks[name] = task
                    else:
                        outcome.unscored.append(name)
                if played.late:
                    return replace(outcome, late=key)
        return outcome

    def _influenced(self, cells: Mapping[str, Cell], changed: Set[str]) -> set[str]:
        """Cells to run: tests that depend on a changed cell, all they need, and locked cells."""
        reach = {key: _closure(key, cells) for key in self._tests}
        tests = [key for key, needed in reach.items() if needed & changed]
        return set(changed) | self._locked.union(*(reach[key] for key in tests))

    def _slot(self, name: str) -> str:
        if name not in self._slots:
            there = ", ".join(self._slots)
            raise KeyError(f"there is no solution cell {name!r} to replace; there are: {there}")
        return self._slots[name]


def _closure(start: str, cells: Mapping[str, Cell]) -> set[str]:
    """A cell and all cells whose names it reads, directly or through others."""
    needed, todo = set(), [start]
    while todo:
        key = todo.pop()
        if key not in needed:
            needed.add(key)
            todo += [other for other, cell in cells.items() if cell.binds & cells[key].reads]
    return needed


def nbgrader_points(error: str, text: str | None, maximum: float) -> float:
    """Points nbgrader gives a cell: error 0, a number itself, anything else or nothing all.

    >>> nbgrader_points("", "1.5", 3), nbgrader_points("ValueError", "1.5", 3)
    (1.5, 0.0)
    >>> nbgrader_points("", None, 3)
    3.0
    """
    if error:
        return 0.0
    try:
        value = float(text or "")
    except ValueError:
        return float(maximum)
    return value if value >= 0 else float(maximum)


@dataclass(frozen=True)
class Verdict:
    """What an entry lost, and what the checks said.

    Attributes:
        lost: test cell -> points lost; cells that lost none are left out.
        recognised: known mistakes named by the checks.
        kinds: of what the checks found.
        errors: cell -> exception, for cells that raised.
    """

    entry: Entry
    lost: dict[str, float]
    recognised: tuple[str, ...]
    kinds: tuple[str, ...]
    errors: dict[str, str]

    @property
    def told(self) -> str:
        """Which mistake the student is told; see `Entry.says`."""
        if self.recognised:
            return "; ".join(self.recognised)
        return "; ".join(kind for kind in self.kinds if kind in TELLING)

    @property
    def loses(self) -> Mapping[str, float]:
        """What was stated, for a run without a room."""
        return {} if self.entry.judge_only else self.entry.loses

    @property
    def as_expected(self) -> bool:
        """Whether every cell lost exactly what was stated, and the student is told so."""
        cells = self.lost.keys() | self.loses.keys()
        says = "" if self.entry.judge_only else self.entry.says
        return self.told == says and all(
            abs(self.lost.get(cell, 0) - self.loses.get(cell, 0)) < TOLERANCE for cell in cells
        )


def judge(rehearsal: Rehearsal, entry: Entry) -> Verdict:
    """Run one entry, and the test cells it can influence; the others lose nothing.

    Raises:
        KeyError: the entry speaks of a cell that the assignment does not have.
    """
    unknown = sorted(entry.loses.keys() - rehearsal.maximum.keys())
    if unknown:
        there = ", ".join(rehearsal.maximum)
        raise KeyError(f"{entry} loses points in {unknown[0]!r}; test cells are: {there}")
    outcome = rehearsal.run({entry.cell: entry.source}, influenced=True)
    lost = {name: rehearsal.maximum[name] - points for name, points in outcome.points.items()}
    lost = {name: points for name, points in lost.items() if abs(points) > TOLERANCE}
    return Verdict(entry, lost, outcome.recognised(), outcome.kinds(), outcome.errors)
