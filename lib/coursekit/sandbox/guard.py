"""Refuses, in a room, what a call of a graded function may not call.

While a guarded call runs, the interpreter tells of every call that is made (`sys.setprofile`). One
from the student's code to a module that the task does not allow is refused by an exception, and
remembered, so that swallowing the exception is of no use. What an allowed module calls in its turn
is its own business; importing always succeeds.

Calls that only C sees (`map(torch.relu, x)`, `np.vectorize(torch.relu)`), those of other threads,
those after the first `MOST` events, and code that passes itself off as a package's are not seen.
"""

from __future__ import annotations

import functools
import os
import sys
import types
from collections.abc import Callable
from typing import Any

from coursekit.checks.allowed import Allowed, home_of, public
from coursekit.checks.cells import is_cell
from coursekit.checks.findings import NotAllowed
from coursekit.checks.foreign import functions_of, methods_of

# What runs where a name of a module is asked for, and where an object ends: nobody has called it.
UNCALLED = ("<module>", "__getattr__", "__dir__")
MOST = 100_000  # calls and returns of one call that are looked at, which takes some 40 ms
_SET = sys.setprofile


class Guard:
    """A `with` block in which a call is guarded; one in the other takes the place of it.

    Args:
        allow: modules that may be called; None for a block without a guard.
    Attributes:
        refused: the first function that was refused, such as "torch.conv2d", or "".
    """

    def __init__(self, allow: tuple[str, ...] | None):
        self._rules = None if allow is None else _rules(allow)
        self.refused = ""

    def __enter__(self) -> Guard:
        self._before = sys.getprofile()
        self._watch = self._rules.watch(self._refuse, self._stop) if self._rules else None
        if self._watch is not self._before:
            sys.setprofile(self._watch)
        return self

    def __exit__(self, *error) -> None:
        if self._watch is not None and sys.getprofile() is not self._watch:
            self._refused_first("sys.setprofile")
        if self._watch is not self._before:
            sys.setprofile(self._before)

    def _stop(self) -> None:
        """Look at nothing more: a guard has a price, and training makes millions of calls."""
        sys.setprofile(None)
        self._watch = None

    def _refuse(self, what: str) -> None:
        self._refused_first(what)
        raise NotAllowed(f"{what} is not allowed here.")

    def _refused_first(self, what: str) -> None:
        self.refused = self.refused or what


class _Rules:
    """What one task allows, and what has been found out with it about modules, types and files."""

    def __init__(self, allow: tuple[str, ...]):
        self._allow, self._allowed = allow, Allowed(allow)
        self._home = os.environ.get("HOME", "")
        self._fine: set[str] = set()
        self._fine_types: set[type] = set()
        self._students: dict[str, bool] = {}

    def watch(self, refuse: Callable[[str], None], stop: Callable[[], None]) -> Callable:
        """A function for `sys.setprofile`. It runs a million times, which is why it looks so.

        Args:
            refuse: called with what is not allowed.
            stop: called when enough has been looked at.
        """
        fine, fine_types, students = self._fine, self._fine_types, self._students
        left = MOST

        def watch(frame: types.FrameType, event: str, arg: Any) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                return stop()
            if event == "c_call":
                if students.get(frame.f_code.co_filename) is False:
                    return
                if arg.__module__ in fine or type(arg.__self__) in fine_types:
                    return
                what = self._is_students(frame) and self._foreign_builtin(arg)
            elif event == "call" and frame.f_globals.get("__name__") not in fine:
                what = self._foreign_function(frame)
            else:
                return
            if what:
                refuse(what)

        return watch

    def _foreign_builtin(self, called: types.BuiltinFunctionType) -> str:
        """What a student's code calls that is written in C and not allowed, or ""."""
        home, owner = home_of(called), called.__self__
        if called is _SET:
            return "sys.setprofile"
        if not self._allowed.has(home):
            of = "" if isinstance(owner, types.ModuleType | type | None) else f"{_name(owner)}."
            return f"{public(home)}.{of}{called.__name__}"
        if isinstance(called.__module__, str):
            self._fine |= {home} - {"sys"}
        elif not isinstance(owner, type):
            self._fine_types.add(type(owner))
        return ""

    def _foreign_function(self, frame: types.FrameType) -> str:
        """What a student's code calls that is written in Python and not allowed, or ""."""
        home = frame.f_globals.get("__name__")
        if not isinstance(home, str) or self._allowed.has(home):
            self._fine |= {home} if isinstance(home, str) else set()
            return ""
        code, caller = frame.f_code, frame.f_back
        uncalled = code.co_qualname in UNCALLED or code.co_name == "__del__"
        if uncalled or caller is None or not self._is_students(caller) or self._is_students(frame):
            return ""
        if self._is_offered(code):
            return ""
        name = code.co_qualname.rpartition("<locals>.")[2].removesuffix(".__init__")
        return f"{public(home)}.{name}"

    def _is_offered(self, code: types.CodeType) -> bool:
        """Whether code is of what an allowed module offers, although it is from another."""
        for value in self._allowed.offered():
            of = methods_of(value) if isinstance(value, type) else functions_of(value)
            if any(code is function.__code__ for function in of):
                return True
        return False

    def _is_students(self, frame: types.FrameType) -> bool:
        """Whether code is a student's: of a cell, of a text, of a file that was written here."""
        filename = frame.f_code.co_filename
        if filename not in self._students:
            if filename.startswith("<") and not is_cell(filename):
                return not filename.startswith("<frozen") and self._is_at_home(frame.f_globals)
            here = filename.startswith(f"{self._home}/") and self._is_at_home(frame.f_globals)
            self._students[filename] = here or is_cell(filename)
        return self._students[filename]

    def _is_at_home(self, names: dict[str, Any]) -> bool:
        """Whether names are neither those of a package nor of a module that the task lists."""
        name = names.get("__name__")
        module = sys.modules.get(name) if isinstance(name, str) else None
        if module is None or name == "__main__" or vars(module) is not names:
            return True
        file = getattr(module, "__file__", None) or ""
        listed = any(f"{name}.".startswith(f"{each}.") for each in self._allow)
        return file.startswith(f"{self._home}/") and not listed


@functools.lru_cache(8)
def _rules(allow: tuple[str, ...]) -> _Rules:
    return _Rules(allow)


def _name(value: Any) -> str:
    return type(value).__name__
