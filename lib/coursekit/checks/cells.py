"""Cells as text: lines of them, and what names mean after them, read without running them.

Only the last definition of a name counts. What the text alone does not settle (assignments of
values, loops, branches that bind a name anew) is unknown.
"""

from __future__ import annotations

import ast
import contextlib
import re
import types
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager

from coursekit.checks.references import Dotted

MOST_CELLS = 200  # whose text is kept
UNKNOWN = object()
# What the code of cells is called as a file: by a runner, by IPython, Colab, ipykernel. A debugger
# writes the last ones to disk; and compiled libraries name files that are not there.
_CELL = re.compile(
    r"^<cell\b|(?:^|[/\\])<?ipython-input-[\w-]+(?:>|\.py)$|[/\\]ipykernel_\d+[/\\]\d+\.py$"
)


@dataclass(frozen=True, eq=False)
class Definition:
    """A function or class that a cell defines.

    Attributes:
        name: what it is called.
        codes: of the function; of a class's methods.
        bases: of a class, as (name, names of attributes).
        lines: of its cell.
    """

    name: str
    codes: tuple[types.CodeType, ...]
    bases: tuple[Dotted, ...]
    lines: tuple[str, ...]


@dataclass(frozen=True)
class _Renaming:
    """Another name for what a chain of names reaches."""

    root: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Named:
    """A module, or what a chain of names in it reaches."""

    module: str
    names: tuple[str, ...] = ()


def is_cell(filename: str) -> bool:
    """Whether code that says it is from this file is that of a notebook's cell."""
    return _CELL.search(filename) is not None


def words_of_line(number: int, name: str, text: str | None) -> str:
    """A line of a cell, as a student is told of it.

    >>> words_of_line(3, "f", "    y = x + w")
    'line 3 of the cell that defines f: `y = x + w`'
    """
    line = f": `{text.strip()}`" if text and text.strip() else ""
    return f"line {number} of the cell that defines {name}{line}"


def last_definitions(cells: Iterable[str], before: Mapping[str, Any]) -> dict[str, Any]:
    """Name -> what it means after these cells: a `Definition`, something `Named`, an object, or
    `UNKNOWN`. A cell that is no Python defines nothing.

    Args:
        cells: their text, in the order in which they ran.
        before: what names mean that no cell defines.
    """
    found: dict[str, Any] = {}
    for name, what, surely in (each for cell in cells for each in _bindings(cell)):
        clash = not surely and (name in found or name in before)
        found[name] = UNKNOWN if clash else _settled(what, found, before)
    return found


def _settled(what: Any, found: Mapping[str, Any], before: Mapping[str, Any]) -> Any:
    """What a binding means where the names before it mean what they do now."""
    if not isinstance(what, _Renaming):
        return what
    value = found.get(what.root, before.get(what.root, UNKNOWN))
    if isinstance(value, types.ModuleType):
        value = Named(value.__name__)
    if isinstance(value, Named):
        return Named(value.module, (*value.names, *what.names))
    return UNKNOWN if what.names else value


@lru_cache(MOST_CELLS)  # most cells of a class are the released ones
def _bindings(cell: str) -> tuple[tuple[str, Any, bool], ...]:
    """(name, what it is bound to, whether the statement surely runs), in order."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the student has seen what the compiler thinks of it
        try:
            text, tree = _parsed(cell)
            code = compile(tree, "<cell>", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        except (SyntaxError, ValueError, RuntimeError, MemoryError, OverflowError):
            return ()  # a RuntimeError, because RecursionError is one
    codes = [value for value in code.co_consts if isinstance(value, types.CodeType)]
    lines = tuple(text.splitlines())
    return tuple(
        (name, _defined(what, codes, lines) if isinstance(what, ast.AST) else what, surely)
        for name, what, surely in _bound(tree.body, True)
    )


def _parsed(cell: str) -> tuple[str, ast.Module]:
    """Text and tree of a cell; where there are magics in it, as IPython turns them into calls."""
    with contextlib.suppress(SyntaxError):
        return cell, ast.parse(cell)
    text = TransformerManager().transform_cell(cell)  # which takes twenty times as long
    return text, ast.parse(text)


def _bound(body: Iterable[ast.stmt], surely: bool) -> Iterator[tuple[str, Any, bool]]:
    for node in body:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name, node, surely
            case ast.Import():
                for alias in node.names:
                    name = alias.asname or alias.name.partition(".")[0]
                    yield name, Named(alias.name if alias.asname else name), surely
            case ast.ImportFrom(module=str(module), level=0):
                for alias in node.names:
                    yield alias.asname or alias.name, Named(module, (alias.name,)), surely
            case ast.Assign(targets, value) if all(isinstance(t, ast.Name) for t in targets):
                for target in targets:
                    yield target.id, _value(value), surely
            case ast.AnnAssign(ast.Name(name), value=ast.expr() as value):
                yield name, _value(value), surely
            case ast.With() | ast.AsyncWith():
                yield from _unknown(node.items, surely)
                yield from _bound(node.body, surely)
            case ast.If():
                yield from _bound([*node.body, *node.orelse], False)
            case ast.Try():
                caught = [part for handler in node.handlers for part in handler.body]
                yield from _bound([*node.body, *caught, *node.orelse, *node.finalbody], False)
            case _:
                yield from _unknown([node], surely)


def _value(value: ast.expr) -> Any:
    """What an assignment of this value binds a name to."""
    if isinstance(value, ast.Lambda):
        return value
    chain = _chain(value)
    return _Renaming(*chain) if chain else UNKNOWN


def _chain(node: ast.expr) -> Dotted | None:
    """`a.b.c` as ("a", ("b", "c")); None for what is no such chain."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.insert(0, node.attr)
        node = node.value
    return (node.id, tuple(names)) if isinstance(node, ast.Name) else None


def _unknown(nodes: Iterable[ast.AST], surely: bool) -> Iterator[tuple[str, Any, bool]]:
    """Whatever is bound somewhere in these statements."""
    for node in (part for each in nodes for part in ast.walk(each)):
        match node:
            case ast.Name(name, ast.Store() | ast.Del()):
                yield name, UNKNOWN, surely
            case ast.alias(name, other):
                yield other or name.partition(".")[0], UNKNOWN, surely
            case ast.FunctionDef(name) | ast.AsyncFunctionDef(name) | ast.ClassDef(name):
                yield name, UNKNOWN, surely


def _defined(
    node: ast.AST, codes: Iterable[types.CodeType], lines: tuple[str, ...]
) -> Definition | object:
    """The definition that a statement, or a lambda, makes."""
    name = getattr(node, "name", "<lambda>")
    first = min(part.lineno for part in (node, *getattr(node, "decorator_list", ())))
    made = [code for code in codes if (code.co_name, code.co_firstlineno) == (name, first)]
    if not made:
        return UNKNOWN
    if not isinstance(node, ast.ClassDef):
        return Definition(name, (made[-1],), (), lines)
    within = (value for value in made[-1].co_consts if isinstance(value, types.CodeType))
    methods = {code.co_name: code for code in within if not code.co_name.startswith("<")}
    bases = filter(None, map(_chain, node.bases))
    return Definition(name, tuple(methods.values()), tuple(bases), lines)
