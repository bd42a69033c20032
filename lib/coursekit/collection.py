"""Named wrong and right solutions of an assignment, each with the points it must lose.

    known = Collection("a02_convolution")

    @known.wrong("the bias is forgotten", loses=5, says="the bias is not added")
    def conv2d_naive(x, w, b, stride, padding): ...

    @known.right("einsum over windows")
    def conv2d_naive(x, w, b, stride, padding): ...

Each replaces the solution cell of the same name. A collection is a Python file,
tests/assignments/aNN_topic.py. It holds code of the course's authors, which is trusted.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import CodeType, FunctionType


@dataclass(frozen=True)
class Entry:
    """One named solution.

    Attributes:
        name: what it does wrong, or how it is written.
        cell: the solution cell it replaces.
        source: its code.
        loses: test cell -> points it must lose; empty for a right solution.
        says: which mistake its author must be told, "" for none; where no known mistake is named,
            the kind of finding that tells it by itself, such as "dtype" or "mutated".
        judge_only: whether only a room can refuse it; everywhere else it gets full marks.
    """

    name: str
    cell: str
    source: str
    loses: Mapping[str, float] = field(default_factory=dict)
    says: str = ""
    judge_only: bool = False

    @property
    def is_right(self) -> bool:
        """Whether it must get full marks."""
        return not self.loses

    def __str__(self) -> str:
        return f"{self.cell}: {self.name}"


class Collection:
    """Named wrong and right solutions of one assignment.

    Args:
        assignment: its name, such as "a02_convolution".
        draft: whether its author is still at it; then it has too few of them, and is not released.
    """

    def __init__(self, assignment: str, *, draft: bool = False):
        self.assignment, self.draft = assignment, draft
        self.entries: list[Entry] = []

    def wrong(
        self,
        name: str,
        *,
        loses: float | Mapping[str, float],
        says: str = "",
        judge_only: bool = False,
    ) -> Callable[[Callable], Callable]:
        """Decorates a wrong solution.

        Args:
            name: the mistake.
            loses: points lost in the test cell of this solution; or a dict, test cell -> points
                lost there. Cells not named lose none.
            says: what its author must be told; see `Entry`.
            judge_only: see `Entry`.
        """

        def add(solution: Callable) -> Callable:
            source = _source_of(solution)
            self._append(_wrong(name, solution.__name__, source, loses, says, judge_only))
            return solution

        return add

    def right(self, name: str) -> Callable[[Callable], Callable]:
        """Decorates a right solution; `name` says how it is written."""

        def add(solution: Callable) -> Callable:
            self._append(Entry(name, solution.__name__, _source_of(solution)))
            return solution

        return add

    def slips_of(self, solution: Callable) -> Callable[..., None]:
        """Wrong solutions that differ from a right one in a few characters.

            slip = known.slips_of(conv2d_naive)
            slip("the bias is forgotten", "+ b[f]", "", loses=5, says="the bias is not added")

        Returns:
            A function of the mistake's name, the text to replace (it occurs once), the text to put
            in its place, and `loses`, `says` and `judge_only` as for `wrong`.
        """
        right = _source_of(solution)

        def slip(
            name: str,
            old: str,
            new: str,
            *,
            loses: float | Mapping[str, float],
            says: str = "",
            judge_only: bool = False,
        ) -> None:
            if right.count(old) != 1:
                raise ValueError(
                    f"slip {name!r}: {old!r} must occur once in {solution.__name__}, "
                    f"but occurs {right.count(old)} times."
                )
            source = right.replace(old, new)
            self._append(_wrong(name, solution.__name__, source, loses, says, judge_only))

        return slip

    def _append(self, entry: Entry) -> None:
        if str(entry) in map(str, self.entries):
            raise ValueError(f"there are two entries {str(entry)!r}; give one another name.")
        self.entries.append(entry)


def load(path: str | Path) -> Collection:
    """The collection in a Python file.

    Raises:
        ValueError: the file holds none, or more than one.
    """
    path = Path(path)
    name = f"coursekit_collection_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look themselves up there
    try:
        spec.loader.exec_module(module)
    finally:
        del sys.modules[name]
    found = [value for value in vars(module).values() if isinstance(value, Collection)]
    if len(found) != 1:
        raise ValueError(f"{path} must hold one Collection, but holds {len(found)}.")
    return found[0]


def collections_in(course: str | Path) -> Iterator[Path]:
    """Files of a course that hold collections: tests/assignments/aNN_topic.py."""
    for path in sorted(Path(course).glob("tests/assignments/*.py")):
        if (Path(course) / "solutions" / path.stem).is_dir():
            yield path


def _wrong(
    name: str,
    cell: str,
    source: str,
    loses: float | Mapping[str, float],
    says: str,
    judge_only: bool,
) -> Entry:
    lost = dict(loses) if isinstance(loses, Mapping) else {f"test_{cell}": loses}
    if not lost or any(points <= 0 for points in lost.values()):
        raise ValueError(f"wrong solution {name!r} must lose points, but loses={loses}.")
    return Entry(name, cell, source, lost, says, judge_only)


def _source_of(solution: Callable) -> str:
    """Source of a function or class without its decorators.

    Found by line number, since several solutions in a file have the same name.
    """
    code = _code_of(solution)
    text = Path(code.co_filename).read_text(encoding="utf-8")
    for node in _statements(text):
        named = getattr(node, "name", None) == solution.__name__
        if named and _first_line(node) <= code.co_firstlineno <= node.end_lineno:
            return "\n".join(text.splitlines()[node.lineno - 1 : node.end_lineno]) + "\n"
    raise ValueError(f"{solution.__name__} must stand at the top level of {code.co_filename}.")


@lru_cache(maxsize=1)
def _statements(text: str) -> list[ast.stmt]:
    """Those at the top level; a file is parsed once for all its solutions."""
    return ast.parse(text).body


def _code_of(solution: Callable) -> CodeType:
    """Code of a function, or of the first method of a class."""
    if not isinstance(solution, type):
        return solution.__code__
    members = (getattr(value, "__func__", value) for value in vars(solution).values())
    return next(value for value in members if isinstance(value, FunctionType)).__code__


def _first_line(node: ast.stmt) -> int:
    return min((d.lineno for d in node.decorator_list), default=node.lineno)
