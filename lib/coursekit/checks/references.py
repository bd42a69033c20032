"""What code refers to beyond itself: names that it takes from outside, and what it imports.

Read from the compiled code, which knows a local name from a global one. So no text need be there;
and the text of a cell, once compiled, gives the same as the function that it made.
"""

from __future__ import annotations

import dis
import re
import types
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

COMPREHENSIONS = ("<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>")
NEVER_RUN = ("__annotate__",)  # annotations, which are code of their own from Python 3.14 on
_NOTHING = ("PUSH_NULL", "NOP", "EXTENDED_ARG", "CACHE")
_GLOBALS = ("LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS")
_CLOSURE = ("LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF")

Dotted = tuple[str, tuple[str, ...]]  # a module, and names in it one of the other


@dataclass(frozen=True)
class Reference:
    """One place where code refers to something beyond itself.

    Attributes:
        words: as it stands there: "F.conv2d", or what is imported.
        kind: what `root` is: a "global" or a "closure" name, or the name of a "module".
        root: where it starts.
        names: of attributes, one of the other.
        line: counted from 1, in the cell.
        within: the function or class of the cell that it stands in.
        called: whether the root itself is plainly called there.
    """

    words: str
    kind: str
    root: str
    names: tuple[str, ...]
    line: int
    within: str
    called: bool = False


@dataclass(frozen=True)
class _Import:
    """One name that an import binds: what is named, and what the name then stands for."""

    words: str
    named: Dotted
    local: str
    stands_for: Dotted


def references(
    code: types.CodeType, imported: Mapping[str, Dotted] | None = None
) -> Iterator[Reference]:
    """All references of the code of a function or class, in order, with those of code within it.

    Annotations and default values do not count, names of attributes and of local variables are no
    references; but a local name that an import alone has bound stands for what was imported.

    Args:
        imported: local names of the code around it that imports have bound.
    """
    steps = [step for step in _single(code) if step.opname not in _NOTHING]
    stored = Counter(step.argval for step in steps if step.opname.startswith(("STORE_", "DELETE_")))
    imports = dict(_imports(steps))
    known = {name: what for name, what in (imported or {}).items() if name not in stored}
    known |= {i.local: i.stands_for for i in imports.values() if stored[i.local] == 1}
    unread = _unread(steps)
    within = code.co_qualname.partition(".")[0]
    for index, step in enumerate(steps):
        line = step.positions.lineno or code.co_firstlineno
        if found := imports.get(index):
            yield Reference(found.words, "module", *found.named, line, within)
        elif isinstance(step.argval, types.CodeType):
            if step.argval.co_name not in NEVER_RUN:
                yield from references(step.argval, known)
        elif (kind := _kind(step, code, stored, known)) and not _is_in(step, unread):
            names = tuple(_attributes(steps[index + 1 :]))
            words = ".".join((step.argval, *names))
            root, more = known[step.argval] if kind == "module" else (step.argval, ())
            called = step.opname == "LOAD_GLOBAL" and not names and bool(step.arg & 1)
            yield Reference(words, kind, root, (*more, *names), line, within, called)


def _kind(step: dis.Instruction, code: types.CodeType, stored: Counter, known: Mapping) -> str:
    """Where a step takes a name from; "" where it takes none, or one of the code's own."""
    name, what = step.argval, step.opname
    if what in _GLOBALS:
        return "" if what == "LOAD_NAME" and name in stored else "global"
    if name in known and (what in _CLOSURE or what.startswith("LOAD_FAST")):
        return "module"
    return "closure" if what in _CLOSURE and name in code.co_freevars else ""


def _attributes(steps: Sequence[dis.Instruction]) -> Iterator[str]:
    for step in steps:
        if step.opname not in ("LOAD_ATTR", "LOAD_METHOD"):
            return
        yield step.argval


def _single(code: types.CodeType) -> Iterator[dis.Instruction]:
    """The instructions; one that does two things, as from Python 3.13 on, comes as two."""
    for step in dis.get_instructions(code):
        if "_FAST" in step.opname and isinstance(step.argval, tuple):
            kinds = re.findall("LOAD|STORE", step.opname)
            for kind, name in zip(kinds, step.argval, strict=True):
                yield step._replace(opname=f"{kind}_FAST", argval=name)
        else:
            yield step


def _imports(steps: Sequence[dis.Instruction]) -> Iterator[tuple[int, _Import]]:
    """What the code imports, by the step that does it."""
    for index, step in enumerate(steps):
        if step.opname != "IMPORT_NAME" or steps[index - 2].argval:  # a relative one has a level
            continue
        module, parts = step.argval, _parts(steps[index + 1 :])
        if steps[index - 1].argval:  # from module import names
            for at, (name, local) in enumerate(parts):
                named = module, (name,)
                yield index + 1 + 2 * at, _Import(f"{module}.{name}", named, local, named)
        else:  # import a.b as c takes one part after the other; import a.b binds a
            _, local = parts[-1] if parts else ("", steps[index + 1].argval)
            stands_for = module if parts else module.partition(".")[0]
            yield index, _Import(module, (module, ()), local, (stands_for, ()))


def _parts(steps: Sequence[dis.Instruction]) -> list[tuple[str, str]]:
    """(name, local name) of what is taken from a module; a name alone has no local one yet."""
    found: list[tuple[str, str]] = []
    for step in steps:
        match step.opname:
            case "IMPORT_FROM":
                found.append((step.argval, ""))
            case "SWAP" | "ROT_TWO" | "POP_TOP" if found and not found[-1][1]:
                pass
            case opname if opname.startswith("STORE_") and found and not found[-1][1]:
                found[-1] = (found[-1][0], step.argval)
            case _:
                break
    return found


def _unread(steps: Sequence[dis.Instruction]) -> list[tuple]:
    """Where annotations and default values stand: inside what the code itself only defines."""
    places = []
    for before, step in zip([None, *steps], steps, strict=False):
        what, of = step.argval, step.opname
        defines = isinstance(what, types.CodeType) and what.co_name not in COMPREHENSIONS
        is_class = before is not None and before.opname == "LOAD_BUILD_CLASS"
        if (defines and not is_class) or (of == "LOAD_NAME" and what == "__annotations__"):
            places.append(_place(step))
    return places


def _is_in(step: dis.Instruction, places: Sequence[tuple]) -> bool:
    start, end = _place(step)
    return any(first <= start and end <= last for first, last in places)


def _place(step: dis.Instruction) -> tuple:
    at = step.positions
    return (at.lineno or 0, at.col_offset or 0), (at.end_lineno or 0, at.end_col_offset or 0)
