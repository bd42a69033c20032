"""Mends a submission: the release with the student's own text put into it."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import NamedTuple

from nbformat import NotebookNode, v4

from coursekit.notebooks.cells import MARKERS, Kind, grade_id, kind, solutions

SIMILAR = 0.6  # share of equal text from which a cell counts as an edited copy of another


class Rebuilt(NamedTuple):
    """What to grade, and in plain words what had to be mended."""

    notebook: NotebookNode
    repairs: list[str]


def rebuild(release: NotebookNode, submission: NotebookNode) -> Rebuilt:
    """The released notebook with the student's answers, and what had to be mended on the way.

    Everything comes from the release; from the submission come the text of the cells the student
    was to fill, and the cells the student added. Answers are found by grade id and, where an
    editor stripped the metadata, by the function they define, by their place among unchanged
    cells, and by likeness to the released stub.

    Args:
        release: the student version of the assignment.
        submission: as `read` returns it; never changed.
    Raises:
        ValueError: `release` holds solutions, which would be given to whoever left a gap.
    """
    if any(marker in cell.source for cell in release.cells for marker in MARKERS):
        raise ValueError("rebuild needs the student release, but was given a source notebook.")
    matching = _Matching(release, submission)
    matching.by_grade_id()
    matching.by_equal_text()
    matching.by_name_defined()
    matching.by_place()
    matching.by_likeness()
    return Rebuilt(_assemble(matching), matching.repairs + _order_repairs(matching))


@dataclass
class _Matching:
    """Which submitted cell plays the part of which released one.

    Attributes:
        part: index of a submitted cell -> index of the released cell it stands for.
        answer: index of a released cell to fill -> index of the submitted cell to take.
    """

    release: NotebookNode
    submission: NotebookNode
    part: dict[int, int] = field(default_factory=dict)
    answer: dict[int, int] = field(default_factory=dict)
    repairs: list[str] = field(default_factory=list)

    def __post_init__(self):
        slots = solutions(self.release)
        self.slots = {i: grade_id(c) for i, c in enumerate(self.release.cells) if _in(c, slots)}

    def by_grade_id(self) -> None:
        """Cells that still know their name; of several copies the last one that was filled in."""
        index = {grade_id(c): i for i, c in enumerate(self.release.cells) if kind(c) != Kind.PLAIN}
        claims: dict[int, list[int]] = {}
        for number, cell in enumerate(self.submission.cells):
            slot = index.get(grade_id(cell))
            if slot is not None:
                claims.setdefault(slot, []).append(number)
        for slot, numbers in claims.items():
            if slot in self.slots:
                self._choose(slot, numbers)
            else:
                self.part |= dict.fromkeys(numbers, slot)
                self._note_edits(slot, numbers)

    def by_equal_text(self) -> None:
        """Cells that lost their name and not their text, in order."""
        wanted = [i for i in range(len(self.release.cells)) if i not in self.part.values()]
        left = self._left()
        pairs = SequenceMatcher(
            None,
            [_key(self.release.cells[i]) for i in wanted],
            [_key(self.submission.cells[i]) for i in left],
            autojunk=False,
        )
        for a, b, size in pairs.get_matching_blocks():
            for slot, number in zip(wanted[a : a + size], left[b : b + size], strict=True):
                self._take(slot, number)
        anywhere = {_key(self.release.cells[i]): i for i in wanted if i not in self.slots}
        for number in self._left():
            slot = anywhere.get(_key(self.submission.cells[number]))
            if slot is not None:
                self.part[number] = slot

    def by_name_defined(self) -> None:
        """Cells that define the function or class a stub defines; the last one counts."""
        for slot in self._open():
            names = _defined(self.release.cells[slot].source) or {self.slots[slot]}
            found = [
                number
                for number in self._left()
                if self.submission.cells[number].cell_type == "code"
                and names & _defined(self.submission.cells[number].source)
            ]
            if found:
                self._found(slot, found[-1], "the function it defines")

    def by_place(self) -> None:
        """The one cell that stands where an answer is expected, between cells already known."""
        for slot in self._open():
            after, before = self._neighbours(slot)
            between = [
                number
                for number in self._left()
                if after < number < before
                and self.submission.cells[number].cell_type == self.release.cells[slot].cell_type
                and self.submission.cells[number].source.strip()
            ]
            alone = [s for s in self._open() if self._neighbours(s) == (after, before)] == [slot]
            if len(between) == 1 and alone:
                self._found(slot, between[0], "its place")

    def by_likeness(self) -> None:
        """What is left and resembles a released cell: an answer, or an edited read-only cell."""
        taken = set(self.part.values())
        free = [i for i in range(len(self.release.cells)) if i not in taken]
        for number in self._left():
            cell = self.submission.cells[number]
            likeness, slot = max(
                ((_likeness(self.release.cells[i], cell), i) for i in free), default=(0.0, -1)
            )
            if likeness < SIMILAR:
                continue
            if slot in self.slots:
                self._found(slot, number, "its text")
            elif kind(self.release.cells[slot]) != Kind.PLAIN:
                self.part[number] = slot
                self._note_edits(slot, [number])
            else:
                continue  # ordinary text or code, edited: kept as a cell of the student's own
            free.remove(slot)

    def _choose(self, slot: int, numbers: list[int]) -> None:
        """Take the last filled-in cell of several with the same name; the rest stay as they are."""
        cells, stub = self.submission.cells, self.release.cells[slot]
        filled = [i for i in numbers if cells[i].source.strip() not in ("", stub.source.strip())]
        chosen = (filled or numbers)[-1]
        self._take(slot, chosen)
        self.part |= {i: slot for i in numbers if i not in filled}
        name = self.slots[slot]
        if len(numbers) > 1:
            self.repairs.append(
                f"{len(numbers)} copies of cell {name}; the last one filled in counts"
            )
        if cells[chosen].cell_type != stub.cell_type:
            was = cells[chosen].cell_type
            self.repairs.append(
                f"cell {name} had become a {was} cell; it is {stub.cell_type} again"
            )

    def _take(self, slot: int, number: int) -> None:
        self.part[number] = slot
        if slot in self.slots:
            self.answer[slot] = number

    def _found(self, slot: int, number: int, how: str) -> None:
        self._take(slot, number)
        self.repairs.append(f"cell {self.slots[slot]} had lost its name; found by {how}")

    def _note_edits(self, slot: int, numbers: Iterable[int]) -> None:
        original, numbers = self.release.cells[slot], list(numbers)
        if kind(original) == Kind.FRAME:
            return  # nothing depends on it, and many write `%pip install` there
        if any(_key(self.submission.cells[i]) != _key(original) for i in numbers):
            self.repairs.append(f"read-only cell {grade_id(original)} was edited; put back")
        if len(numbers) > 1:
            self.repairs.append(
                f"{len(numbers)} copies of read-only cell {grade_id(original)}; one kept"
            )

    def _left(self) -> list[int]:
        return [i for i in range(len(self.submission.cells)) if i not in self.part]

    def _open(self) -> list[int]:
        return [slot for slot in self.slots if slot not in self.answer]

    def _neighbours(self, slot: int) -> tuple[int, int]:
        """Submitted cells that stand for the nearest released cells before and after `slot`."""
        places = {released: number for number, released in self.part.items()}
        before = [number for released, number in places.items() if released < slot]
        after = [number for released, number in places.items() if released > slot]
        return max(before, default=-1), min(after, default=len(self.submission.cells))


def _assemble(matching: _Matching) -> NotebookNode:
    notebook = copy.deepcopy(matching.release)
    added = _added(matching)
    cells = list(added.get(-1, ()))
    for index, cell in enumerate(notebook.cells):
        if index in matching.answer:
            cell.source = matching.submission.cells[matching.answer[index]].source
        elif index in matching.slots:
            matching.repairs.append(f"cell {matching.slots[index]} is missing; graded as not done")
        elif kind(cell) not in (Kind.PLAIN, Kind.FRAME) and index not in matching.part.values():
            matching.repairs.append(f"read-only cell {grade_id(cell)} was deleted; put back")
        cells += [cell, *added.get(index, ())]
    notebook.cells = cells
    return notebook


def _added(matching: _Matching) -> dict[int, list[NotebookNode]]:
    """The student's own cells, by the released cell they follow; text only."""
    added: dict[int, list[NotebookNode]] = {}
    makers = {"code": v4.new_code_cell, "markdown": v4.new_markdown_cell, "raw": v4.new_raw_cell}
    ids = {cell.id for cell in matching.release.cells}
    follows, count = -1, 0
    for number, cell in enumerate(matching.submission.cells):
        if number in matching.part:
            follows = matching.part[number]
        elif cell.source.strip():
            count += 1
            name = f"added-{count}"
            own = makers[cell.cell_type](cell.source, id=name if name not in ids else f"{name}-own")
            added.setdefault(follows, []).append(own)
    return added


def _order_repairs(matching: _Matching) -> list[str]:
    known = [
        released
        for number, released in sorted(matching.part.items())
        if kind(matching.release.cells[released]) not in (Kind.PLAIN, Kind.FRAME)
        and matching.answer.get(released, number) == number
    ]
    return ["cells were moved; put back in order"] if known != sorted(known) else []


def _in(cell: NotebookNode, names: Iterable[str]) -> bool:
    return kind(cell) in (Kind.SOLUTION, Kind.MANUAL) and grade_id(cell) in names


def _key(cell: NotebookNode) -> tuple[str, str]:
    return cell.cell_type, "\n".join(line.rstrip() for line in cell.source.strip().splitlines())


def _defined(source: str) -> set[str]:
    """Functions and classes a cell defines at its top level, also where it does not parse.

    >>> sorted(_defined("def f(x):\\n    def g(): pass\\nclass C: ..."))
    ['C', 'f']
    """
    try:
        body = ast.parse(source).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set(re.findall(r"^(?:async\s+)?(?:def|class)\s+(\w+)", source, re.MULTILINE))
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return {node.name for node in body if isinstance(node, kinds)}


def _likeness(a: NotebookNode, b: NotebookNode) -> float:
    """Share of equal text, 0 to 1; long texts are compared line by line."""
    if a.cell_type != b.cell_type:
        return 0.0
    left, right = a.source.strip(), b.source.strip()
    if max(len(left), len(right)) > 2000:
        return SequenceMatcher(None, left.splitlines(), right.splitlines(), autojunk=False).ratio()
    return SequenceMatcher(None, left, right, autojunk=False).ratio()
