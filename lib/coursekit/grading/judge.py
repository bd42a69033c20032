"""Grades one submission: a student's code runs in a room, the tests run here.

Cells that set up the notebook run on both sides, from the course's own text. A student's cells run
in the room. Test cells, hidden tests included, run in this process and never go anywhere; the names
they use and that a student has defined are proxies. So points come only from checks that ran here.

with Warm() as warm:
    judgement = Judge.of(source, release, warm).grade(notebooks.read(submission))
    print(judgement.points)
"""

from __future__ import annotations

import builtins
import math
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from coursekit import notebooks
from coursekit.cell_runner import Cell, CellResult, CellRunner
from coursekit.checks import Task
from coursekit.checks.beside import calls_go_to
from coursekit.checks.foreign import Use, foreign_in_text
from coursekit.grading.room_files import room_files
from coursekit.notebooks import Kind
from coursekit.sandbox import CellRun, Limits, Room, RoomError, Warm


class JudgeError(Exception):
    """The assignment itself does not run; no student is to blame."""


@dataclass(frozen=True)
class Incident:
    """How a cell brought its room down.

    Attributes:
        kind: "time", "memory", "output", "crash" or "protocol".
        text: in words.
    """

    kind: str
    text: str


@dataclass
class Judgement:
    """What a submission earned, and how that came about.

    Attributes:
        points: test cell -> points.
        maximum: test cell -> points it is worth.
        tasks: test cell -> its `Task`, with the result of every check.
        runs: cell that ran in the room -> what it showed.
        errors: cell -> what ended it, for cells that were not carried through.
        incidents: test cell or student's cell -> how it brought its room down.
        repairs: what had to be mended in the notebook.
        seconds: test cell -> wall-clock seconds.
    """

    points: dict[str, float] = field(default_factory=dict)
    maximum: dict[str, float] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    runs: dict[str, CellRun] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    incidents: dict[str, Incident] = field(default_factory=dict)
    repairs: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """All points."""
        return sum(self.points.values())


class Judge:
    """Grades the submissions of one assignment, one after the other.

    Args:
        source: the notebook with solutions and hidden tests. Only its test cells are used.
        release: the notebook that students were given.
        folder: of the source; its modules can be imported by tests.
        files: what students were given beside the notebook: name -> content; see `room_files`.
        warm: makes the rooms.
        limits: of each room.
    """

    def __init__(
        self,
        source: NotebookNode,
        release: NotebookNode,
        folder: str | Path,
        files: Mapping[str, bytes],
        warm: Warm,
        limits: Limits | None = None,
    ):
        self.release, self.folder, self.files = release, Path(folder), room_files(files)
        self.warm, self.limits = warm, limits or Limits()
        self._tests = {
            name: (Cell(cell.id, cell.source), notebooks.points(cell))
            for name, cell in notebooks.tests(source).items()
        }
        self._set_up = {
            cell.id: Cell(cell.id, cell.source)
            for cell in release.cells
            if notebooks.kind(cell) == Kind.LOCKED
        }

    @classmethod
    def of(
        cls, source: str | Path, release: str | Path, warm: Warm, limits: Limits | None = None
    ) -> Judge:
        """The judge of the assignment whose notebooks are at these paths."""
        source, release = Path(source), Path(release)
        files = {path.name: path.read_bytes() for path in sorted(release.parent.glob("*.py"))}
        read = notebooks.read
        return cls(read(source), read(release), source.parent, files, warm, limits)

    def grade(self, submission: NotebookNode) -> Judgement:
        """Grade a submission, as `notebooks.read` returns it. Never ends because of what it holds.

        Raises:
            JudgeError: a cell of the course itself does not run.
            SandboxUnavailable: no room can be made.
        """
        notebook, repairs = notebooks.rebuild(self.release, submission)
        judgement = self.run(notebook)
        judgement.repairs += repairs
        return judgement

    def run(self, notebook: NotebookNode, only: Collection[str] | None = None) -> Judgement:
        """Grade a notebook that `notebooks.rebuild` has made; see `grade`.

        Args:
            only: tests to run; those that define what these read run too. By default all.
        """
        wanted = self._tests.keys() if only is None else self._with_helpers(only)
        judgement = Judgement()
        judgement.maximum = {n: most for n, (_, most) in self._tests.items() if n in wanted}
        with CellRunner(self.folder) as runner, _Sitting(self, runner) as sitting:
            for cell in notebook.cells:
                kind = notebooks.kind(cell)
                if cell.cell_type != "code" or kind == Kind.FRAME:
                    continue
                if kind == Kind.LOCKED:
                    _set_up(self._set_up[cell.id], sitting, judgement)
                elif kind != Kind.TEST:
                    _run(cell.id, cell.source, sitting, judgement)
                elif notebooks.grade_id(cell) in wanted:
                    self._test(notebooks.grade_id(cell), sitting, judgement)
            judgement.incidents |= sitting.dropped
        return judgement

    def _with_helpers(self, only: Collection[str]) -> set[str]:
        """These tests, and earlier ones that bind a name which they read."""
        wanted, order = set(only) & self._tests.keys(), list(self._tests)
        for name in reversed(order):
            cell = self._tests[name][0]
            later = (
                self._tests[each][0] for each in order[order.index(name) + 1 :] if each in wanted
            )
            if any(cell.binds & each.reads for each in later):
                wanted.add(name)
        return wanted

    def _test(self, name: str, sitting: _Sitting, judgement: Judgement) -> None:
        cell, maximum = self._tests[name]
        start = time.monotonic()
        played, broken = sitting.test(cell)
        task = sitting.runner.namespace.get(cell.scored or "")
        error = played.error or ("" if isinstance(task, Task) else "It has no score.")
        judgement.points[name] = 0.0 if error or broken else _points(played.text, maximum)
        judgement.seconds[name] = time.monotonic() - start
        if isinstance(task, Task):
            judgement.tasks[name] = task
        if broken:
            judgement.incidents[name] = broken
        if error:
            judgement.errors[name] = error


class _Sitting:
    """One submission being graded: the runner of the tests, and the student's room.

    A room that was brought down is built again when it is next needed: the cells that ran before
    run again, but for those that brought a room down.

    Attributes:
        runner: where the tests run.
        dropped: cell -> how it brought a room down when it ran again.
    """

    def __init__(self, judge: Judge, runner: CellRunner):
        self.runner = runner
        self.dropped: dict[str, Incident] = {}
        self._judge = judge
        self._end = time.monotonic() + judge.limits.notebook_seconds
        self._played: dict[str, str] = {}
        self._room: Room | None = None

    def __enter__(self) -> _Sitting:
        return self

    def __exit__(self, *error) -> None:
        if self._room:
            self._room.close()

    def run(self, name: str, source: str) -> CellRun:
        """Run a cell in the room.

        Raises:
            RoomError: it brought the room down, or there is no time left.
        """
        run = self.room().run_cell(source)
        self._played[name] = source
        return run

    def room(self) -> Room:
        """A room in which all cells have run so far.

        Raises:
            RoomError: there is no time left.
        """
        while self._room is None or self._room.failure:
            judge = self._judge
            self._room = judge.warm.room(
                judge.files, judge.limits, deadline=self._end, read=self._read
            )
            self._replay()
        return self._room

    def test(self, cell: Cell) -> tuple[CellResult, Incident | None]:
        """Run a test cell here; what came of it, and how it brought the room down, if it did."""
        namespace = self.runner.namespace
        namespace.pop(cell.scored or "", None)  # the task of an earlier cell
        try:
            room = self.room()
            found = room.look_up(sorted(cell.asks_for - namespace.keys() - vars(builtins).keys()))
        except RoomError as error:
            return CellResult(error=f"{type(error).__name__}: {error}"), _incident(error)
        with _added(namespace, found), calls_go_to(room.inside):
            played = self.runner.run(cell)
        return played, _incident(room.failure) if room.failure else None

    def _replay(self) -> None:
        for name, source in list(self._played.items()):
            try:
                self._room.run_cell(source)
            except RoomError as error:
                if time.monotonic() > self._end:
                    raise
                del self._played[name]  # it went well once, and not now
                self.dropped[name] = Incident(error.kind, f"run again, {error}")
                return

    def _read(self, name: str, allow: tuple[str, ...]) -> list[Use]:
        """What a function uses that is not allowed, read from the cells that have run so far."""
        return foreign_in_text(name, self._played.values(), self.runner.namespace, allow)


def _set_up(cell: Cell, sitting: _Sitting, judgement: Judgement) -> None:
    """Run a cell of the course on both sides."""
    played = sitting.runner.run(cell)
    if played.error:
        raise JudgeError(f"cell {cell.name} of the course raised {played.error}")
    untouched = not judgement.runs and not judgement.incidents
    _run(cell.name, cell.source, sitting, judgement)
    error = judgement.errors.get(cell.name)
    if error and untouched:  # once a student's cell has run, it may be that one's fault
        raise JudgeError(f"cell {cell.name} of the course does not run in a room: {error}")


def _run(name: str, source: str, sitting: _Sitting, judgement: Judgement) -> None:
    """Run a cell in the room."""
    try:
        run = sitting.run(name, source)
    except RoomError as error:
        judgement.incidents[name] = _incident(error)
        judgement.errors[name] = str(error)
        return
    judgement.runs[name] = run
    if run.error:
        judgement.errors[name] = run.error


def _incident(error: RoomError) -> Incident:
    return Incident(error.kind, str(error))


@contextmanager
def _added(namespace: dict[str, Any], found: Mapping[str, Any]) -> Iterator[None]:
    """The student's names, for one test: the next cell may define them anew."""
    namespace.update(found)
    try:
        yield
    finally:
        for name in found:
            namespace.pop(name, None)


def _points(text: str | None, maximum: float) -> float:
    """The score that a test cell shows, from 0 to its maximum.

    >>> _points("1.5", 3.0), _points(None, 3.0), _points("nan", 3.0)
    (1.5, 0.0, 0.0)
    """
    try:
        value = float(text or "")
    except ValueError:
        return 0.0
    return min(max(value, 0.0), maximum) if math.isfinite(value) else 0.0
