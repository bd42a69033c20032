"""A graded task: independent, weighted checks that explain what is wrong, and a score.

    task = Task("conv2d_naive", points=4, allow="numpy")
    with task.check("H≠W, KH≠KW", points=3):
        task.compare_all(conv2d_naive, known.conv2d, known.cases(task.rng()))
    with task.check("any memory, any dtype, arguments left alone", points=1, hidden=True):
        task.battery(conv2d_naive, known.conv2d, known.cases(task.rng()))
    task.score()

A check that fails, or raises, fails alone: the others still run and still count.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from IPython import get_ipython
from IPython.display import display

from coursekit.checks import battery, inputs, kernel, progress
from coursekit.checks.cases import Case, Runs, as_case, copies, runs_of, same_bits, word_of
from coursekit.checks.check import Check, finding_of
from coursekit.checks.compare import difference
from coursekit.checks.comparison import Comparison, diagnosed
from coursekit.checks.findings import CheckFailed, Finding, NotAllowed
from coursekit.checks.kinds import described
from coursekit.checks.oracle import Oracle
from coursekit.checks.report import CheckResult, Report, Score
from coursekit.checks.source import foreign, own_line

BY_CHANCE = 0.01  # share of numbers that may be equal: float32 has few, and arrays hold many
NOT_ALL = "not all numbers are drawn from the generator"


class Task:
    """The checks of one graded cell.

    Args:
        name: what the task is called: the function the student writes.
        points: points of the cell; the points of all its checks add up to this.
        allow: modules that the function may use besides the standard library, as dotted names;
            None to ask nothing. It gets no points where it is seen to use another.
    """

    def __init__(self, name: str, points: float, allow: str | Iterable[str] | None = None):
        self.name, self.points = name, points
        self.results: list[CheckResult] = []
        self.namespace = sys._getframe(1).f_globals  # of the test cell
        self._void = self._foreign((allow,) if isinstance(allow, str) else allow)
        self._check: Check | None = None
        self._drawn: dict[str, int] = {}
        self._comparison = Comparison(lambda error: finding_of(error, self))

    def check(self, name: str, points: float = 1, *, hidden: bool = False, hint: str = "") -> Check:
        """A `with` block that is one check.

        Args:
            name: what is checked, as a student reads it.
            points: what it is worth.
            hidden: tells a student no value, shape or message: only its name, kind and hint.
            hint: shown when it fails.
        """
        return Check(self, name, points, hidden, hint)

    def rng(self, *, hidden: bool = False) -> np.random.Generator:
        """A random generator for the inputs of a check: the same in every kernel and in the judge.

        Each call gives another one. In a hidden check it depends on the secret of the class, so
        that nobody can look the inputs up; see `checks.inputs`.

        Args:
            hidden: also outside a hidden check.
        """
        where = self._check.name if self._check else ""
        hidden = hidden or bool(self._check and self._check.hidden)
        count = self._drawn[where] = self._drawn.get(where, 0) + 1
        return inputs.generator(self.name, where, count, hidden=hidden)

    @staticmethod
    def case(*args: Any, want: Any = None) -> Case:
        """Arguments of a call, and what is right there, where a person has worked it out."""
        return Case(args, want=want)

    def runs(self, function: Callable, cases: Iterable[Any]) -> Runs:
        """Call `function` once for each case; several checks can then look at what came back.

        Exceptions are kept, and raised where a check looks.
        """
        return runs_of(function, cases)

    def compare_all(
        self, function: Callable | Runs, oracle: Oracle, cases: Iterable[Any] | None = None
    ) -> None:
        """Fail unless `function` and the oracle return the same in all cases.

        Args:
            function: of the student; or its `runs`, and then no cases.
            cases: tuples of positional arguments; the function gets copies.
        Raises:
            CheckFailed: with the first difference, and how many cases are wrong.
        """
        runs = function if isinstance(function, Runs) else runs_of(function, cases)
        self._comparison.of(runs, oracle)

    def compare(self, function: Callable, oracle: Oracle, *args: Any) -> None:
        """`compare_all` with one case."""
        self.compare_all(function, oracle, [args])

    def battery(
        self, function: Callable, oracle: Oracle, cases: Iterable[Any], part: str | None = None
    ) -> None:
        """Fail unless `function` stands what every function has to stand; see `checks.battery`.

        It must be right all the while, so that a function that does nothing gains nothing.

        Args:
            cases: of the plainest kind, with several images and several different values.
            part: "calls" for calls one after the other and arguments left alone, "inputs" for
                memory, dtypes, a batch of 1 and large values; by default both.
        """
        if part not in (None, "calls", "inputs"):
            raise ValueError(f"part is 'calls', 'inputs' or None, not {part!r}.")
        cases = [as_case(case) for case in cases]
        self.compare_all(function, oracle, cases)
        for case in cases:
            if part != "inputs":
                self._comparison.called_again(function, oracle, case)
                battery.left_alone(function, case.args, oracle.parameters)
        if part != "calls":
            self._comparison.with_other_inputs(function, oracle, cases)

    def seeded(self, draw: Callable[[np.random.Generator], Iterable[np.ndarray]]) -> None:
        """Fail unless all that is drawn comes from the generator.

        One seed must give the same numbers twice; two seeds must differ in every array, but for the
        few numbers that are equal by chance.

        Args:
            draw: calls the student's function with a generator, and returns the arrays that should
                be random: weights, not biases.
        """
        seeds = self.rng().integers(2**32, size=2)
        first, same, other = (
            [np.asarray(a) for a in draw(np.random.default_rng(int(s)))]
            for s in (seeds[0], seeds[0], seeds[1])
        )
        pairs = list(zip(first, same, other, strict=True))
        if not all(np.array_equal(a, b) for a, b, _ in pairs):
            says = "the same seed gives other numbers the second time."
            raise CheckFailed(Finding("random", says, looks_like=NOT_ALL))
        fixed = [float(np.mean(a == c)) > BY_CHANCE for a, _, c in pairs]
        if any(fixed):
            says = (
                f"{sum(fixed)} of {len(fixed)} arrays hold the same numbers for two generators of "
                "different seeds."
            )
            like = "the generator is ignored" if all(fixed) else NOT_ALL
            raise CheckFailed(Finding("random", says, looks_like=like))

    def call(self, function: Callable, *args: Any, names: Sequence[str] = ()) -> Any:
        """What `function` returns for copies of the arguments.

        Args:
            args: data, and functions of the test, but no methods: a copy of a method has a copy of
                its object.
            names: of the arguments, as a student reads them.
        Raises:
            CheckFailed: it returned None, or changed an argument.
        """
        given, before = copies(args), copies(args)
        value = function(*given)
        names = (*names, *(f"argument {i + 1}" for i in range(len(names), len(args))))
        for name, now, then in zip(names, given, before, strict=True):
            if not same_bits(now, then):
                says = f"{name} was changed by the call; the caller still needs it."
                raise CheckFailed(Finding("mutated", says, battery.ALONE))
        if value is None:
            says = f"{self.name} returned None."
            raise CheckFailed(Finding("type", says, ("Is the `return` missing?",)))
        return value

    def equal(self, got: Any, want: Any, *, rtol: float | None = None, name="the result") -> None:
        """Fail unless `got` has the type, shape, dtype and values of `want`."""
        finding = difference(got, want, name, rtol=rtol)
        if finding:
            raise CheckFailed(finding)

    def raises(
        self,
        kind: type[Exception],
        function: Callable,
        cases: Iterable[Any],
        *,
        never: str = "",
        sometimes: str = "",
    ) -> None:
        """Fail unless `function` raises an exception of type `kind` in all cases.

        Args:
            never: the mistake that it is to raise in none of them.
            sometimes: the mistake that it is to raise in some of them only.
        """
        runs = runs_of(function, cases)
        for run in runs:
            unwritten = (
                isinstance(run.error, NotImplementedError) and kind is not NotImplementedError
            )
            if unwritten or isinstance(run.error, NotAllowed):
                raise run.error
            if run.error is not None and not isinstance(run.error, kind):
                raise CheckFailed(_other_exception(kind, run.error))
        returned = [run for run in runs if run.error is None]
        if returned:
            words = ", ".join(map(word_of, returned[0].case.args))
            got = described(returned[0].got)
            says = f"expected {kind.__name__} for ({words}), but the call returned {got}."
            like = never if len(returned) == len(runs) else sometimes
            raise CheckFailed(Finding("condition", says, looks_like=like))

    def expect(self, condition: Any, message: str, *, looks_like: str = "") -> None:
        """Fail with `message` unless `condition` is true.

        Args:
            looks_like: the mistake that a false condition proves, told in hidden checks too.
        """
        if not bool(condition):
            raise CheckFailed(Finding("condition", message, looks_like=looks_like))

    def score(self) -> Score:
        """Show the report, and return the points as the cell's last value, where nbgrader reads it.

        Points are scaled to the checks that ran: in the released notebook, which lacks the hidden
        checks, full marks mean that every visible check passed. No check, no points.
        """
        self.results = [diagnosed(result) for result in self.results]
        report = self.report
        display(report)
        progress.note(report)
        if not kernel.somebody_reads():
            _repeat_failures_after_the_score(report)
        return report.score

    @property
    def report(self) -> Report:
        """What the checks that ran so far have found."""
        note = kernel.newer_text_that_failed(self.name)
        return Report(
            self.name, self.points, [diagnosed(result) for result in self.results], self._void, note
        )

    # --- for checks ------------------------------------------------------------------------------

    def begin(self, check: Check | None) -> None:
        """A check begins, or none any more."""
        self._check = check

    def end(self, result: CheckResult) -> None:
        """A check has ended."""
        self.results.append(result)
        self._check = None

    # --- within ----------------------------------------------------------------------------------

    def _foreign(self, allow: Iterable[str] | None) -> str:
        """Why the task gets no points whatever its checks say, or ""."""
        function = self.namespace.get(self.name)
        if allow is None or function is None:
            return ""
        allow = tuple(allow)
        restrict = getattr(type(function), "__allow__", None)
        if restrict is not None:
            restrict(function, allow)
        uses = foreign(function, allow)
        if not uses:
            return ""
        first = uses[0]
        return (
            f"{first.line} uses `{first.name}` ({first.module}). This task allows "
            f"{_listed(allow)} and the standard library: the point is to write the rest yourself. "
            "It gets no points while that is in it."
        )


def _other_exception(kind: type[Exception], error: Exception) -> Finding:
    name = type(error).__name__
    text = str(error).strip() or "(no message)"
    line = own_line(error)
    return Finding(
        "condition",
        f"expected {kind.__name__}, but {name} was raised: {text}",
        (f"at {line}",) if line else (),
        looks_like=f"another exception is raised, not {kind.__name__}",
    )


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) if names else "plain Python"


def _repeat_failures_after_the_score(report: Report) -> None:
    """Print what failed to stderr once the cell's value is out.

    nbgrader's Validate shows error streams and nothing else; it takes the grade from the first
    value or stream of the cell, so the order keeps partial credit.
    """
    shell, text = get_ipython(), report.failures()
    if shell is None or not text:
        return

    def show(_result) -> None:
        shell.events.unregister("post_run_cell", show)
        print(text, file=sys.stderr)

    shell.events.register("post_run_cell", show)
