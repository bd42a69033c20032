"""One check of a task: a `with` block that swallows every exception and says what it means."""

from __future__ import annotations

import ast
import linecache
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, Protocol

from IPython.utils.capture import capture_output

from coursekit.checks import kernel
from coursekit.checks.findings import CheckFailed, Finding, NotAllowed
from coursekit.checks.report import CheckResult
from coursekit.checks.source import is_stub, own_line

PRINTED_LIMIT = 2000  # characters of a student's own output shown under a failed check


_open = ContextVar("whether hidden checks tell what others do", default=False)


@contextmanager
def opened() -> Iterator[None]:
    """Hidden checks tell all they know: to the author of an assignment, whose code is checked."""
    token = _open.set(True)
    try:
        yield
    finally:
        _open.reset(token)


class Owner(Protocol):
    """The task that checks belong to.

    Attributes:
        name: of the function that is checked.
        namespace: of the notebook.
    """

    name: str
    namespace: dict[str, Any]

    def begin(self, check: Check | None) -> None:
        """A check begins, or none any more."""

    def end(self, result: CheckResult) -> None:
        """A check has ended."""


class Check:
    """One check, used as `with task.check(...):`. Swallows every exception and records it."""

    def __init__(self, task: Owner, name: str, points: float, hidden: bool, hint: str):
        self._task, self.name, self.hidden = task, name, hidden
        self._points, self._hint = points, hint

    def __enter__(self) -> None:
        self._task.begin(self)
        self._capture = capture_output()
        self._output = self._capture.__enter__()
        self._catcher = warnings.catch_warnings(record=True)
        self._warnings = self._catcher.__enter__()
        warnings.simplefilter("default")

    def __exit__(self, _type, error, _traceback) -> bool:
        self._catcher.__exit__(None, None, None)
        self._capture.__exit__(None, None, None)
        if error is not None and not isinstance(error, Exception):
            self._task.begin(None)
            return False  # an interrupt stops the cell
        finding = finding_of(error, self._task) if error is not None else None
        if finding and self._hint and finding.kind not in ("missing", "forbidden"):
            finding = replace(finding, hints=(*finding.hints, self._hint))
        if finding and self.hidden and not _open.get():
            finding = finding.without_data()
        printed = "" if self.hidden else self._printed()
        self._task.end(CheckResult(self.name, self._points, self.hidden, finding, printed))
        return True

    def _printed(self) -> str:
        """What the student's code printed, and its warnings, cut to a readable length."""
        warned = (f"{w.category.__name__}: {w.message}" for w in self._warnings)
        text = "\n".join((self._output.stdout + self._output.stderr, *warned)).strip()
        return text if len(text) <= PRINTED_LIMIT else text[:PRINTED_LIMIT] + " …"


def finding_of(error: Exception, task: Owner) -> Finding:
    """What an exception in a check means to a student."""
    if isinstance(error, CheckFailed):
        return error.finding
    if isinstance(error, NotAllowed):
        return Finding("forbidden", str(error))
    if is_stub(error):
        says = "Not written yet: replace `raise NotImplementedError` by your code."
        return Finding("missing", says)
    line = own_line(error)
    if not line:
        for look in (_overwritten, _undefined, _nothing_returned):
            if finding := look(error, task):
                return finding
    text = str(error).strip() or "(no message)"
    return Finding("exception", f"{type(error).__name__}: {text}", (f"at {line}",) if line else ())


def _overwritten(_error: Exception, task: Owner) -> Finding | None:
    """The check itself failed, because a name that it needs means something else by now."""
    says = kernel.overwritten(task.namespace)
    return Finding("missing", says) if says else None


def _undefined(error: Exception, task: Owner) -> Finding | None:
    if not isinstance(error, NameError) or not error.name or not _in_test_cell(error):
        return None
    if error.name != task.name and error.name in _bound_in_cell(error):
        says = f"This check needs `{error.name}`, which a check above could not make: see there."
        return Finding("missing", says)
    says = f"`{error.name}` is not defined. Run the cell above, where you write it, first."
    return Finding("missing", says)


def _nothing_returned(error: Exception, _task: Owner) -> Finding | None:
    if "NoneType" not in str(error):
        return None
    says = "Your code returned None, and the check needs a value."
    return Finding("type", says, ("Is the `return` missing?",))


def _in_test_cell(error: Exception) -> bool:
    """Whether a line of the test cell itself raised, and not the library behind it."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    return bool(frames) and frames[0].f_code.co_filename == frames[-1].f_code.co_filename


def _bound_in_cell(error: Exception) -> set[str]:
    """Names that the test cell itself binds, as far as its text can be had."""
    if error.__traceback__ is None:
        return set()
    text = "".join(linecache.getlines(error.__traceback__.tb_frame.f_code.co_filename))
    try:
        names = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Name)]
    except SyntaxError:
        return set()
    return {node.id for node in names if isinstance(node.ctx, ast.Store)}
