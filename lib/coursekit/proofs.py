"""Runs an assignment before it goes out: with its solutions and without, here and in the judge.

Each run is done twice, with other seeds of the global generators and another secret of the class:
a test that draws without a seed, or that holds only for the inputs of one class, gives two scores.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from nbformat import NotebookNode

from coursekit import notebooks
from coursekit.cell_runner import SEED
from coursekit.checks import Task, inputs
from coursekit.checks.check import opened
from coursekit.checks.report import CheckResult
from coursekit.grading.imports import modules_of
from coursekit.grading.judge import Judge, JudgeError, Judgement
from coursekit.notebooks import Kind
from coursekit.rehearse import Outcome, Rehearsal
from coursekit.sandbox import Limits, SandboxUnavailable, Warm

MOST_WORDS = 300  # characters of a reason
REFERENCE = "the reference solution"
STUB = "the untouched stub"

log = logging.getLogger(__name__)


class Proofs:
    """What a release shows when it runs.

    Args:
        source: the notebook with the solutions.
        release: the notebook that students get; files lie beside it.
        secret: of the class, from which hidden checks draw.
        limits: what a submission may use; a cell that takes longer is endless.
    """

    def __init__(self, source: Path, release: Path, secret: str, limits: Limits):
        self.source, self.release = source, release
        self.original, self.student = notebooks.read(source), notebooks.read(release)
        self.secret, self.limits = secret, limits
        self.answers = {name: cell.source for name, cell in code_solutions(self.original)}

    def problems(self) -> list[str]:
        """Everything that is wrong, in plain words; where one thing explains others, only that."""
        with opened():
            found = self._rehearsed()
            return found or self._in_the_judge()

    def _rehearsed(self) -> list[str]:
        # The folder of the release: what students do not get must not be needed.
        whole = Rehearsal(self.original, self.release.parent)
        given = Rehearsal(self.student, self.release.parent)
        first, found = self._full(REFERENCE, whole)
        if first.errors:
            return found  # whatever else fails fails for this reason
        found += _task_points(self.original, first)
        found += self._full(f"{REFERENCE} in the released notebook", given, self.answers)[1]
        stubs = {name: cell.source for name, cell in code_solutions(self.student)}
        found += self._none(STUB, whole, stubs)
        return found + self._none("the released notebook as it is", given)

    def _full(
        self, who: str, rehearsal: Rehearsal, answers: Mapping[str, str] | None = None
    ) -> tuple[Outcome, list[str]]:
        """The first outcome, and why the solution does not get full marks each time."""
        first = self._run(rehearsal, answers)
        found = _not_full(who, rehearsal, first, self.limits.cell_seconds)
        if found:
            return first, found
        return first, self._differs(who, rehearsal, answers, first)

    def _none(
        self, who: str, rehearsal: Rehearsal, answers: Mapping[str, str] | None = None
    ) -> list[str]:
        first = self._run(rehearsal, answers)
        if first.late:
            return [_endless(who, first.late, self.limits.cell_seconds)]
        found = [
            f"{who} gets {got:g} points for {name}" for name, got in first.points.items() if got
        ]
        return found or self._differs(who, rehearsal, answers, first)

    def _differs(
        self,
        who: str,
        rehearsal: Rehearsal,
        answers: Mapping[str, str] | None,
        first: Outcome,
    ) -> list[str]:
        """What comes out otherwise where other numbers are drawn, and which numbers these are."""
        second = self._run(rehearsal, answers, seed=SEED + 1, secret=f"{self.secret}, another")
        if not _differences(first, second):
            return []
        seeded = self._run(rehearsal, answers, seed=SEED + 1)
        by_seed = _differences(first, seeded)
        why = (
            "with other seeds of Python's, NumPy's and torch's own generators; a test draws its "
            "inputs from `task.rng()`"
        )
        if not by_seed:
            why = "with another secret of the class; a test holds whatever its `task.rng()` draws"
        return [f"{who}: {what} {why}" for what in by_seed or _differences(first, second)]

    def _run(
        self,
        rehearsal: Rehearsal,
        answers: Mapping[str, str] | None,
        *,
        seed: int = SEED,
        secret: str | None = None,
    ) -> Outcome:
        with inputs.drawn_from(secret or self.secret):
            return rehearsal.run(answers, seed=seed, seconds=self.limits.cell_seconds)

    # --- as the class will be graded -------------------------------------------------------------

    def _in_the_judge(self) -> list[str]:
        """What holds here and not where a wall stands between the tests and the solution."""
        beside = {path.name: path.read_bytes() for path in self.source.parent.glob("*.py")}
        submission = notebooks.read(self.release)
        for name, text in self.answers.items():
            notebooks.find(submission, name).source = text
        try:
            with rooms(modules_of(self.original, beside)) as warm, inputs.drawn_from(self.secret):
                judge = Judge.of(self.source, self.release, warm, self.limits)
                judgement = judge.grade(submission)
        except JudgeError as error:
            return [f"in the judge, {_line(str(error))}"]
        except SandboxUnavailable as error:
            log.warning("Not tried out in the judge, because no room can be made: %s", error)
            return []
        return _lost_in_the_judge(judgement)


@contextmanager
def rooms(modules: Sequence[str]) -> Iterator[Warm]:
    """What makes rooms: in a sandbox where there is one, and else without, for trusted code.

    Raises:
        SandboxUnavailable: not even that.
    """
    warm = Warm(modules)
    try:
        warm.__enter__()
    except SandboxUnavailable as error:
        log.warning("The reference solution is judged without a sandbox: %s", error)
        warm = Warm(modules, confined=False)
        warm.__enter__()
    try:
        yield warm
    finally:
        warm.__exit__(None, None, None)


def code_solutions(notebook: NotebookNode) -> Iterator[tuple[str, NotebookNode]]:
    """(name, cell) of the functions that students write."""
    for name, cell in notebooks.solutions(notebook).items():
        if notebooks.kind(cell) == Kind.SOLUTION and cell.cell_type == "code":
            yield name, cell


def _not_full(who: str, rehearsal: Rehearsal, outcome: Outcome, seconds: float) -> list[str]:
    if outcome.late:
        return [_endless(who, outcome.late, seconds)]
    if outcome.errors:
        return [f"{who} raises in cell {cell}: {error}" for cell, error in outcome.errors.items()]
    return [
        f"{who} gets {outcome.points[name]:g} of {most:g} points for {name}: "
        + _failed(outcome.tasks.get(name))
        for name, most in rehearsal.maximum.items()
        if outcome.points[name] != most
    ]


def _endless(who: str, cell: str, seconds: float) -> str:
    return (
        f"{who} does not end: cell {cell} was stopped after {seconds:g} s, the most that "
        "nbgrader_config.py gives a cell (Execute.timeout)"
    )


def _failed(task: Task | None) -> str:
    """Which checks failed, each with its reason."""
    if task is None:
        return "no check ran"
    if task.report.void:
        return _line(task.report.void)
    told = [f"{r.name!r} ({_reason(r)})" for r in task.report.results if not r.passed]
    return ", ".join(told) or "no check ran"


def _reason(result: CheckResult) -> str:
    return _line(" ".join((result.finding.says, *result.finding.details)))


def _line(text: str) -> str:
    """A text on one line, of a length that can be read."""
    line = " ".join(text.split())
    return line if len(line) <= MOST_WORDS else f"{line[:MOST_WORDS]} …"


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


def _differences(first: Outcome, second: Outcome) -> list[str]:
    """What of two runs is not the same, check by check."""
    if second.late:
        return [f"cell {second.late} does not end"]
    new = second.errors.keys() - first.errors.keys()
    found = [f"cell {cell} raises {_line(second.errors[cell])}" for cell in sorted(new)]
    for name in first.points:
        was, now = (_results(run.tasks.get(name)) for run in (first, second))
        for check in (*was, *(each for each in now if each not in was)):
            before, after = was.get(check), now.get(check)
            if before is None or after is None:
                found.append(f"{name}: check {check!r} runs or does not run")
            elif before.passed != after.passed:
                verb = "passes" if after.passed else f"fails ({_reason(after)})"
                found.append(f"{name}: check {check!r} {verb}")
        if not found and first.points[name] != second.points[name]:
            found.append(
                f"{name}: gets {second.points[name]:g} points, not {first.points[name]:g},"
            )
    return found


def _results(task: Task | None) -> dict[str, CheckResult]:
    return {result.name: result for result in task.results} if task else {}


def _lost_in_the_judge(judgement: Judgement) -> list[str]:
    found = []
    for name, most in judgement.maximum.items():
        if judgement.points.get(name) == most:
            continue
        incident = judgement.incidents.get(name)
        error = incident.text if incident else judgement.errors.get(name, "")
        reason = _line(error) or _failed(judgement.tasks.get(name))
        found.append(
            f"{name}: holds here and not in the judge, where the solution runs behind a wall "
            f"(docs/authors.md, Test cells cross a wall): {reason}"
        )
    cells = (cell for cell in judgement.errors if cell not in judgement.maximum)
    return found + [f"in the judge, cell {c}: {_line(judgement.errors[c])}" for c in cells]
