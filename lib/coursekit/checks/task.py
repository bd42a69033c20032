"""A graded task: independent, weighted checks that explain what is wrong, and a score.

    task = Task("conv2d_naive", points=4)
    with task.check("one channel, by hand", points=1):
        task.equal(conv2d_naive(x, w, b, 1, 0), want)
    with task.check("stride 2, H≠W", points=3):
        task.compare(conv2d_naive, oracle, x, w, b, stride=2, padding=0)
    task.score()

A check that fails, or raises, fails alone: the others still run and still count.
"""

from __future__ import annotations

import copy
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from IPython import get_ipython
from IPython.display import display
from IPython.utils.capture import capture_output

from coursekit.checks.compare import difference, kind_of
from coursekit.checks.findings import CheckFailed, Finding
from coursekit.checks.oracle import Oracle, relation
from coursekit.checks.report import Report, Result, Score
from coursekit.checks.source import modules_used, own_line

PRINTED_LIMIT = 2000  # characters of a student's own output shown under a failed check


class Task:
    """The checks of one graded cell.

    Args:
        name: what the task is called, usually the function the student writes.
        points: points of the cell; the points of all its checks add up to this.
    """

    def __init__(self, name: str, points: float):
        self.name, self.points = name, points
        self.results: list[Result] = []
        self._void = ""

    def check(self, name: str, points: float = 1, *, hidden: bool = False, hint: str = "") -> Check:
        """A `with` block that is one check.

        Args:
            name: what is checked, as a student reads it.
            points: what it is worth.
            hidden: tells a student no value, shape or message: only its name, kind and hint.
            hint: shown when it fails.
        """
        return Check(self, name, points, hidden, hint)

    def equal(self, got: Any, want: Any, *, rtol: float | None = None, name="the result") -> None:
        """Fail unless `got` has the type, shape, dtype and values of `want`."""
        finding = difference(got, want, name, rtol=rtol)
        if finding:
            raise CheckFailed(_with_relation(finding, got, want))

    def compare(self, function: Callable, oracle: Oracle, *args: Any, **kwargs: Any) -> None:
        """Fail unless `function` and the oracle return the same for copies of the arguments.

        Raises:
            CheckFailed: with the first difference, and the known mistake it looks like.
        """
        want = oracle.reference(*copy.deepcopy(args), **copy.deepcopy(kwargs))
        got = function(*copy.deepcopy(args), **copy.deepcopy(kwargs))
        note = oracle.explain_shape(*args, **kwargs) if oracle.explain_shape else ""
        if not oracle.outputs:
            finding = difference(got, want, shape_note=note)
            if finding:
                raise CheckFailed(_explained(finding, oracle, got, want, None, args, kwargs))
            return
        names = oracle.outputs
        chosen = range(len(want)) if oracle.which is None else (oracle.which,)
        if not isinstance(got, (tuple, list)) or len(got) != len(want):
            given = f"{len(got)} values" if isinstance(got, (tuple, list)) else kind_of(got)
            says = f"expected {len(want)} values, ({', '.join(names)}), but got {given}."
            raise CheckFailed(Finding("type", says))
        for i in chosen:
            finding = difference(got[i], want[i], names[i])
            if finding:
                raise CheckFailed(_explained(finding, oracle, got[i], want[i], i, args, kwargs))

    def unchanged(self, function: Callable, *args: Any, **kwargs: Any) -> None:
        """Fail if calling `function` changes one of its array arguments."""
        given = {f"argument {i + 1}": a for i, a in enumerate(args)} | kwargs
        before = copy.deepcopy(given)
        function(*args, **kwargs)
        for name, value in given.items():
            if difference(value, before[name], rtol=0.0):
                says = f"{name} was changed by the call; the caller still needs it."
                details = ("Work on a copy, x.copy(), or make a new array: y = x + 1, not x += 1.",)
                raise CheckFailed(Finding("mutated", says, details))

    def raises(self, kind: type[Exception], function: Callable, *args: Any, **kwargs: Any) -> None:
        """Fail unless `function(*args, **kwargs)` raises an exception of type `kind`."""
        try:
            got = function(*args, **kwargs)
        except kind as error:
            if isinstance(error, NotImplementedError) and kind is not NotImplementedError:
                raise
            return
        says = f"expected {kind.__name__} for these arguments, but the call returned {got!r:.80}."
        raise CheckFailed(Finding("condition", says))

    def expect(self, condition: Any, message: str) -> None:
        """Fail with `message` unless `condition` is true."""
        if not bool(condition):
            raise CheckFailed(Finding("condition", message))

    def forbid(self, function: Callable, *modules: str) -> None:
        """Void the task if `function` uses one of `modules`, which hold the answer ready-made."""
        for used in sorted(modules_used(function)):
            for module in modules:
                if used == module or used.startswith(module + "."):
                    self._void = (
                        f"{function.__name__} uses {used}. This task asks you to write it yourself "
                        f"with plain NumPy, so it gets no points while {module} is in it."
                    )
                    raise CheckFailed(Finding("forbidden", self._void))

    def score(self) -> Score:
        """Show the report, and return the points as the cell's last value, where nbgrader reads it.

        Points are scaled to the checks that ran: in the released notebook, which lacks the hidden
        checks, full marks mean that every visible check passed. No check, no points.
        """
        display(self.report)
        _repeat_failures_after_the_score(self.report)
        return self.report.score

    @property
    def report(self) -> Report:
        """What the checks that ran so far have found."""
        return Report(self.name, self.points, self.results, self._void)


class Check:
    """One check, used as `with task.check(...):`. Swallows every exception and records it."""

    def __init__(self, task: Task, name: str, points: float, hidden: bool, hint: str):
        self._task, self._name, self._points = task, name, points
        self._hidden, self._hint = hidden, hint

    def __enter__(self) -> None:
        self._capture = capture_output()
        self._output = self._capture.__enter__()
        self._catcher = warnings.catch_warnings(record=True)
        self._warnings = self._catcher.__enter__()
        warnings.simplefilter("default")

    def __exit__(self, _type, error, _traceback) -> bool:
        self._catcher.__exit__(None, None, None)
        self._capture.__exit__(None, None, None)
        if error is not None and not isinstance(error, Exception):
            return False  # an interrupt stops the cell
        finding = _finding_of(error)
        if finding and self._hint:
            finding = replace(finding, hints=(*finding.hints, self._hint))
        if finding and self._hidden:
            finding = finding.without_data()
        printed = "" if self._hidden else self._printed()
        result = Result(self._name, self._points, self._hidden, finding, printed)
        self._task.results.append(result)
        return True

    def _printed(self) -> str:
        """What the student's code printed, and its warnings, cut to a readable length."""
        warned = (f"{w.category.__name__}: {w.message}" for w in self._warnings)
        text = "\n".join((self._output.stdout + self._output.stderr, *warned)).strip()
        return text if len(text) <= PRINTED_LIMIT else text[:PRINTED_LIMIT] + " …"


def _finding_of(error: Exception | None) -> Finding | None:
    if error is None:
        return None
    if isinstance(error, CheckFailed):
        return error.finding
    if type(error) is NotImplementedError:  # and not input() without anybody to ask
        says = "Not written yet: replace `raise NotImplementedError` by your code."
        return Finding("missing", says)
    if isinstance(error, NameError) and not own_line(error):
        says = f"`{error.name}` is not defined. Run the cell above, where you write it, first."
        return Finding("missing", says)
    line = own_line(error)
    details = (f"at {line}",) if line else ()
    text = str(error).strip() or "(no message)"
    return Finding("exception", f"{type(error).__name__}: {text}", details)


def _explained(finding, oracle, got, want, which, args, kwargs) -> Finding:
    mistake = oracle.recognise(got, want, which, args, kwargs) if _comparable(got) else None
    if mistake is None:
        return _with_relation(finding, got, want)
    return replace(finding, looks_like=mistake.name, hints=mistake.hints)


def _with_relation(finding: Finding, got: Any, want: Any) -> Finding:
    if finding.kind != "values" or isinstance(want, (str, bool, dict, list, tuple)):
        return finding
    found = relation(got, want)
    return replace(finding, looks_like=found.name) if found else finding


def _comparable(got: Any) -> bool:
    if isinstance(got, (tuple, list)):
        return all(isinstance(g, (int, float, np.generic)) for g in got)
    return isinstance(got, (np.ndarray, np.generic, int, float)) or hasattr(got, "detach")


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
