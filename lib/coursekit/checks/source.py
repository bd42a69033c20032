"""Looks into the code behind a function: which line raised, which modules it uses."""

from __future__ import annotations

import sys
import sysconfig
import traceback
import types
from collections.abc import Callable, Iterator
from pathlib import Path

_PACKAGES = tuple(
    str(Path(p).resolve())
    for p in {
        *sysconfig.get_paths().values(),
        sys.prefix,
        sys.base_prefix,
        Path(__file__).parents[2],
    }
)


def own_line(error: BaseException) -> str:
    """Where in the student's own cells an exception came from: 'line 3 of f: `y = x + w`', or "".

    The first frame is the check itself; frames of installed packages are passed over.
    """
    _, *inner = traceback.extract_tb(error.__traceback__) or [None]
    inner = [frame for frame in inner if _is_notebook(frame.filename)]
    if not inner:
        return ""
    last = inner[-1]
    line = f": `{last.line}`" if last.line else ""
    return f"line {last.lineno} of the cell that defines {last.name}{line}"


def _is_notebook(filename: str) -> bool:
    return not filename.startswith(("<frozen", *_PACKAGES))


def modules_used(function: Callable) -> set[str]:
    """Dotted names of the modules that `function` refers to.

    Followed into nested functions, into classes and into other functions of the same notebook.
    """
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
                found.add(value.__name__)
            elif isinstance(value, str):
                found.add(value)
            elif getattr(value, "__module__", None) == item.__module__:
                todo.append(value)
            elif getattr(value, "__module__", None):
                found.add(f"{value.__module__}.{getattr(value, '__name__', '')}")
    return found


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)
