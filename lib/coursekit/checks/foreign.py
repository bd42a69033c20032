"""What a function refers to that its task does not allow.

Two readings of the same things: of the function, where it lives; and of the text of the cells that
made it, which the judge need not run. On honest code the second finds nothing that the first does
not. Doubt favours the student: what cannot be resolved is no use.
"""

from __future__ import annotations

import contextlib
import functools
import linecache
import sys
import types
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from coursekit.checks.allowed import MISSING, Allowed, followed, public
from coursekit.checks.cells import Definition, Named, is_cell, last_definitions, words_of_line
from coursekit.checks.references import Reference, references

ITSELF = "the answer itself"  # where a task's name stands for what is not allowed
LONGEST = 400  # characters of a name or a line that are told


class Use(NamedTuple):
    """Something that a task does not allow, and where it stands.

    Attributes:
        module: that it belongs to.
        name: as it stands in the student's code: "F.conv2d", "torch".
        line: "line 7 of the cell that defines conv2d_naive: `return F.conv2d(x, w)`".
    """

    module: str
    name: str
    line: str


def foreign(function: Callable, allow: tuple[str, ...]) -> list[Use]:
    """What a function refers to that a task does not allow, in order; [] where all is well.

    Followed into nested functions, methods, decorated functions, and functions and classes of the
    same notebook. What stands for a function in another process tells by `__foreign__(allow)`.

    Args:
        allow: dotted names of modules; see `Allowed`.
    """
    ask = getattr(type(function), "__foreign__", None)
    return ask(function, allow) if ask else _Reading(allow).of(function, _name_of(function))


def foreign_in_text(
    name: str, cells: Iterable[str], namespace: Mapping[str, Any], allow: tuple[str, ...]
) -> list[Use]:
    """The same, read from the text of a notebook's cells.

    Args:
        name: of the function or class.
        cells: those that have run so far, in order.
        namespace: what names mean that no cell defines.
        allow: as above.
    """
    defined = last_definitions(cells, namespace)

    def look_up(root: str) -> Any:
        return _resolved(defined.get(root, namespace.get(root, MISSING)))

    return _Reading(allow, look_up).of(look_up(name) if name in defined else MISSING, name)


@dataclass(frozen=True, eq=False)
class _Code:
    """Code, what the names mean that it takes from outside, and its lines."""

    code: types.CodeType
    look_up: Callable[[str], Any]
    closure: Mapping[str, Any]
    line: Callable[[int], str]

    def means(self, reference: Reference) -> Any:
        """What a reference starts from."""
        if reference.kind == "module":
            return Named(reference.root)
        if reference.kind == "closure":
            return self.closure.get(reference.root, MISSING)
        value = self.look_up(reference.root)
        used = reference.called or reference.names
        is_perhaps_a_constant = type(value) is Named and value.names and not used
        return MISSING if is_perhaps_a_constant else value


class _Reading:
    """One walk from a function over all that it leads to, the nearest first.

    Args:
        allow: see `Allowed`.
        look_up: what global names mean, where code is read from text.
    """

    def __init__(self, allow: Iterable[str], look_up: Callable[[str], Any] | None = None):
        self._allowed, self._look_up = Allowed(allow), look_up
        self._uses: dict[Use, None] = {}
        self._todo: deque[Any] = deque()
        self._seen: dict[int, Any] = {}  # the objects too, so that no other one gets their id

    def of(self, root: Any, name: str) -> list[Use]:
        """All uses of what `root` is, which the task calls `name`."""
        self._follow(root, (), lambda value: (_name_of(value) or name, ITSELF))
        while self._todo:
            item = self._todo.popleft()
            if id(item) not in self._seen:
                self._seen[id(item)] = item
                self._open(item)
        return list(self._uses)

    def _open(self, item: Any) -> None:
        """Read on in a function or class of the student."""
        if isinstance(item, types.FunctionType):
            self._read(_code_of(item))
            return
        if isinstance(item, Definition):
            name, bases = item.name, (self._base(*chain) for chain in item.bases)
            for code in item.codes:
                self._read(_Code(code, self._look_up, {}, functools.partial(_line_of, item.lines)))
        else:
            name, bases = item.__name__, item.__bases__
            self._todo.extend(methods_of(item))
        for base in bases:
            self._follow(base, (), lambda value: (_name_of(value), f"the class {name}"))

    def _read(self, place: _Code) -> None:
        for reference in references(place.code):
            text = place.line(reference.line)
            words = words_of_line(reference.line, reference.within, text)
            told = functools.partial(_told, reference.words, words)
            self._follow(place.means(reference), reference.names, told)

    def _follow(self, value: Any, names: tuple[str, ...], told: Callable) -> None:
        """Note what is not allowed; what is the student's own is read on in."""
        try:
            module = self._foreign(value, names, told)
        except Exception:  # an object of the student does what it likes when it is looked at
            return
        if module:
            name, line = told(value)
            self._uses[Use(public(module), plain(name), plain(line))] = None

    def _foreign(self, value: Any, names: tuple[str, ...], told: Callable) -> str:
        """The module that is not allowed, or ""."""
        if isinstance(value, Named):
            return self._allowed.reached(value.module, (*value.names, *names))
        if isinstance(value, types.ModuleType):
            return self._allowed.reached(value, names)
        if isinstance(value, Definition) or self._is_own(value):
            self._todo.append(value)
            return ""
        if self._is_own(type(value)):
            called = vars(type(value)).get(names[0] if names else "__call__")
            self._todo.extend(functions_of(called))
            return ""
        if inner := self._within(value):
            for each in inner:
                self._follow(each, (), told)
            return ""
        return self._allowed.foreign_home(value)

    def _is_own(self, value: Any) -> bool:
        """Whether a function or class was written in the notebook."""
        if isinstance(value, types.FunctionType):
            at_home = value.__globals__.get("__name__") == "__main__"
            return at_home or is_cell(value.__code__.co_filename)
        if not isinstance(value, type):
            return False
        return value.__module__ == "__main__" or any(map(self._is_own, methods_of(value)))

    def _within(self, value: Any) -> list[Any]:
        """What a decorated function, a method or the like calls in the end."""
        if isinstance(value, functools.partial):
            return [value.func, *value.args, *value.keywords.values()]
        about = getattr(value, "__dict__", {})
        found = [about[name] for name in ("__wrapped__", "pyfunc") if name in about]
        if isinstance(value, types.FunctionType):  # a package's, around one of the student's
            return [*found, *filter(self._is_own, _closure_of(value).values())]
        return found or functions_of(value)

    def _base(self, root: str, names: tuple[str, ...]) -> Any:
        """A base of a class, of which the text tells the name."""
        value = self._look_up(root)
        if isinstance(value, types.ModuleType):
            value = Named(value.__name__)
        return _resolved(Named(value.module, (*value.names, *names))) if names else value


def _resolved(value: Any) -> Any:
    """What something `Named` is, where that is loaded; anything else as it is."""
    if not isinstance(value, Named):
        return value
    module, left, found = followed(value.module, value.names)
    if not left:
        return sys.modules.get(module, value)
    return value if found is MISSING or left[1:] else found


def _code_of(function: types.FunctionType) -> _Code:
    code, names = function.__code__, function.__globals__
    line = functools.partial(linecache.getline, code.co_filename, module_globals=names)
    return _Code(code, lambda name: names.get(name, MISSING), _closure_of(function), line)


def _closure_of(function: types.FunctionType) -> dict[str, Any]:
    """Names of the code around a function that it uses -> their values, where they have one."""
    found = {}
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        with contextlib.suppress(ValueError):
            found[name] = cell.cell_contents
    return found


def methods_of(kind: type) -> list[types.FunctionType]:
    """The functions of Python behind what a class itself defines."""
    return [function for value in vars(kind).values() for function in functions_of(value)]


def functions_of(value: Any) -> list[types.FunctionType]:
    """The functions of Python behind a method, a property or the like."""
    match value:
        case types.FunctionType():
            return [value]
        case staticmethod() | classmethod() | types.MethodType():
            return functions_of(value.__func__)
        case functools.cached_property():
            return functions_of(value.func)
        case property():
            return [f for part in (value.fget, value.fset, value.fdel) for f in functions_of(part)]
    return []


def _name_of(value: Any) -> str:
    if isinstance(value, Named):
        return (value.module, *value.names)[-1]
    name = getattr(value, "__name__", "")
    return name if isinstance(name, str) else ""


def _told(name: str, line: str, _value: Any) -> tuple[str, str]:
    return name, line


def _line_of(lines: tuple[str, ...], number: int) -> str:
    return lines[number - 1] if 0 < number <= len(lines) else ""


def plain(text: str) -> str:
    """A text that fits a line of a report."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:LONGEST])
