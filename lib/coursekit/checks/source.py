"""Looks into the code behind a function: which line raised, which modules it uses."""

from __future__ import annotations

import ast
import dis
import sys
import sysconfig
import traceback
import types
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager

from coursekit.checks.cells import is_cell, words_of_line
from coursekit.checks.foreign import Use, foreign, foreign_in_text

__all__ = ["Use", "foreign", "foreign_in_text", "is_stub", "own_line"]

_PACKAGES = tuple(
    str(Path(p).resolve())
    for p in {
        *sysconfig.get_paths().values(),
        sys.prefix,
        sys.base_prefix,
        Path(__file__).parents[2],
    }
)

MOST_CELLS = 200  # whose text is kept


def own_line(error: BaseException) -> str:
    """Where in the student's own cells an exception came from: 'line 3 of f: `y = x + w`', or "".

    The first frame is the check itself: frames of its cell, of files and of packages are passed
    over. An exception that comes from another process carries the line with it, as `line_in_room`.
    """
    if isinstance(line := getattr(error, "line_in_room", None), str):
        return line
    inner = _own_frames(error)
    if not inner:
        return ""
    last = inner[-1]
    around = (f.name for f in reversed(inner) if f.filename == last.filename and f.name[0] != "<")
    return words_of_line(last.lineno, next(around, last.name), last.line)


def is_stub(error: BaseException) -> bool:
    """Whether an exception is the bare `raise NotImplementedError` of an answer not yet written.

    One that a library raises in its own code says something else. An exception that comes from
    another process carries the answer with it, as `stub_in_room`.
    """
    if type(error) is not NotImplementedError or error.args not in ((), ("",)):
        return False
    if isinstance(told := getattr(error, "stub_in_room", None), bool):
        return told
    own = _own_frames(error)
    return bool(own) and own[-1] == traceback.extract_tb(error.__traceback__)[-1]


def _own_frames(error: BaseException) -> list[traceback.FrameSummary]:
    """Frames of the notebook's cells, without those of the check, which is the first frame."""
    first, *inner = traceback.extract_tb(error.__traceback__) or [None]
    return [f for f in inner if is_cell(f.filename) and f.filename != first.filename]


def _is_notebook(filename: str) -> bool:
    return not filename.startswith(("<frozen", *_PACKAGES))


def modules_used(function: Callable) -> set[str]:
    """Dotted names of the modules that `function` refers to.

    Followed into nested functions, into classes and into other functions of the same notebook. What
    stands for a function in another process tells by its method `__modules_used__`.
    """
    if hasattr(type(function), "__modules_used__"):
        return function.__modules_used__()
    found: set[str] = set()
    seen: set[int] = set()
    todo = [function]
    while todo:
        item = todo.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if isinstance(item, type):
            todo += [v for v in vars(item).values() if isinstance(v, types.FunctionType)]
        code = getattr(item, "__code__", None)
        for name in _names(code) if code else ():
            value = item.__globals__.get(name, name)
            if isinstance(value, types.ModuleType):
                found |= _names_of(value)
            elif isinstance(value, str):
                found.add(value)
            elif getattr(value, "__module__", None) == item.__module__:
                todo.append(value)
            elif getattr(value, "__module__", None):
                found.add(f"{value.__module__}.{getattr(value, '__name__', '')}")
    return found


def definitions(cells: Iterable[str]) -> dict[str, set[str]]:
    """Name that a cell defines at its top level -> names in the statements that define it.

    Read from the source of the cells, without running them. A cell that is no Python defines none.
    """
    defined: dict[str, set[str]] = {}
    for bound, used in (pair for cell in cells for pair in _bindings(cell)):
        for name in bound:
            defined.setdefault(name, set()).update(used)
    return defined


@lru_cache(MOST_CELLS)  # most cells of a class are the released ones
def _bindings(cell: str) -> tuple[tuple[frozenset[str], frozenset[str]], ...]:
    """Of each top-level statement, the names that it binds and those it uses."""
    found = []
    for code in _statements(cell):
        bound = _named_by(code, "STORE_NAME", "STORE_GLOBAL")
        used = set(_names(code)) - bound | _named_by(code, "IMPORT_NAME")
        found.append((frozenset(bound), frozenset(used)))
    return tuple(found)


def modules_named(
    name: str, defined: Mapping[str, set[str]], namespace: Mapping[str, Any]
) -> set[str]:
    """Dotted names of the modules that a function refers to, read from source without running it.

    It may find a module too many, where one name means different things in different cells; and it
    finds the names of attributes and variables, too, of which nobody asks whether they are used.

    Args:
        name: of the function or class.
        defined: the `definitions` of the cells of its notebook.
        namespace: what names mean that no cell defines.
    """
    found: set[str] = set()
    seen: set[str] = set()
    todo = [name]
    while todo:
        item = todo.pop()
        if item in seen:
            continue
        seen.add(item)
        todo += defined.get(item, ())
        if item not in defined or item in defined[item]:  # as in `import torch`
            value = namespace.get(item)
            found |= _names_of(value) if isinstance(value, types.ModuleType) else {item}
    return found


def _names_of(module: types.ModuleType) -> set[str]:
    """A module's name; for one that lies beside the notebook, also where its contents come from.

    So the references of an assignment are no way round what it forbids.
    """
    names = {module.__name__}
    if _is_notebook(getattr(module, "__file__", None) or sys.prefix):
        for value in vars(module).values():
            is_module = isinstance(value, types.ModuleType)
            source = value.__name__ if is_module else getattr(value, "__module__", None)
            names |= {source} if isinstance(source, str) else set()
    return names


def _statements(cell: str) -> Iterator[types.CodeType]:
    """Code of the top-level statements of a cell; none where it is no Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the student has seen what the compiler thinks of it
        try:
            body = ast.parse(TransformerManager().transform_cell(cell)).body
            codes = [compile(ast.Module([part], []), "<cell>", "exec") for part in body]
        except (SyntaxError, ValueError, RuntimeError, MemoryError, OverflowError):
            return  # a RuntimeError, because RecursionError is one
    yield from codes


def _named_by(code: types.CodeType, *operations: str) -> set[str]:
    """Names that some operations of a top-level statement store or import."""
    return {step.argval for step in dis.get_instructions(code) if step.opname in operations}


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)
