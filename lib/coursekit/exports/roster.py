"""A class list that a learning management system exported, and whose row is whose."""

from __future__ import annotations

import csv
import io
import re
import sys
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from coursekit.exports.common import ExportError, LeftOut
from coursekit.scores import Standing

Matched = list[tuple[Standing, list[str]]]


@dataclass(frozen=True)
class Roster:
    """Rows of a CSV file, as it was.

    Attributes:
        header: the column names.
        rows: of all students.
        keys: columns that identify a student, those that the file has.
    """

    path: Path
    header: Sequence[str]
    rows: Sequence[list[str]]
    keys: Sequence[str]

    @classmethod
    def read(cls, path: str | Path, keys: Iterable[str]) -> Roster:
        """Read a CSV file with commas, semicolons or tabs, with or without a byte-order mark.

        Args:
            keys: columns that may identify a student.
        Raises:
            ExportError: it cannot be read, or has none of these columns.
        """
        path = Path(path)
        try:
            with path.open(encoding="utf-8-sig", newline="") as file:
                text = file.read()
        except (OSError, UnicodeDecodeError) as error:
            raise ExportError(f"The roster {path} cannot be read as UTF-8 text: {error}.") from None
        first = text.partition("\n")[0]
        delimiter = max(",;\t", key=first.count)
        lines = [row for row in _rows(text, delimiter) if any(row)]
        header = [name.strip() for name in lines[0]] if lines else []
        there = [name for name in keys if name in header]
        if not there:
            raise ExportError(
                f"The roster {path} has none of the columns {', '.join(keys)}; "
                f"it has: {', '.join(header) or 'no header'}."
            )
        width = len(header)
        rows = [(row + [""] * width)[:width] for row in lines[1:]]
        return cls(path, header, rows, there)

    def column(self, name: str) -> int:
        """Index of a column.

        Raises:
            ExportError: the file has no such column.
        """
        if name not in self.header:
            there = ", ".join(self.header)
            raise ExportError(f"The roster {self.path} has no column {name!r}; it has: {there}.")
        return list(self.header).index(name)

    def match(self, students: Sequence[Standing]) -> tuple[Matched, LeftOut, tuple[str, ...]]:
        """Find the row of each student: by id, number, e-mail address, or what precedes its @.

        Returns:
            Students with their rows, in the roster's order; students it does not list; names of
            rows that belong to nobody.
        Raises:
            ExportError: nobody is found, or one student fits two rows or two students one row.
        """
        exact, loose = self._index(slice(1)), self._index(slice(None))
        found: dict[int, Standing] = {}
        left_out = []
        for student in students:
            places = _places(exact, student, slice(1)) or _places(loose, student, slice(None))
            if len(places) > 1:
                who = " and ".join(self._shown(place) for place in sorted(places))
                raise ExportError(f"{student.student} fits two rows of {self.path}: {who}.")
            for place in places:
                if place in found:
                    both = f"{found[place].student} and {student.student}"
                    raise ExportError(f"{both} fit one row of {self.path}: {self._shown(place)}.")
                found[place] = student
            if not places:
                left_out.append((student.student, "not in the roster"))
        if not found:
            raise ExportError(self._nobody(students))
        matched = [(found[place], self.rows[place]) for place in sorted(found)]
        unknown = [self._shown(i) for i in range(len(self.rows)) if i not in found]
        return matched, tuple(left_out), tuple(unknown)

    def _index(self, which: slice) -> dict[str, set[int]]:
        index: dict[str, set[int]] = defaultdict(set)
        for place, row in enumerate(self.rows):
            for name in self.keys:
                for key in keys_of(row[self.column(name)])[which]:
                    index[key].add(place)
        return index

    def _shown(self, place: int) -> str:
        return next((cell for cell in self.rows[place] if cell.strip()), f"row {place + 2}").strip()

    def _nobody(self, students: Sequence[Standing]) -> str:
        ours = ", ".join(student.student for student in students[:3])
        column = self.column(self.keys[0])
        theirs = ", ".join(row[column] for row in self.rows[:3]) or "nothing"
        return (
            f"None of the {len(students)} students is in {self.path}. "
            f"The gradebook has {ours}; column {self.keys[0]!r} has {theirs}."
        )


def _rows(text: str, delimiter: str) -> list[list[str]]:
    """Rows of a CSV file, whose cells may be as long as the texts that students hand in online."""
    limit = csv.field_size_limit(sys.maxsize)
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    finally:
        csv.field_size_limit(limit)


def _places(index: dict[str, set[int]], student: Standing, which: slice) -> set[int]:
    """Rows that fit: by the first of id, number and e-mail address that fits any."""
    for value in (student.student, student.lms_id, student.email):
        for key in keys_of(value)[which]:
            if key in index:
                return index[key]
    return set()


def keys_of(value: str) -> list[str]:
    """What a cell may be matched by: itself, then what is telling in it.

    >>> keys_of(" Jane@Example.org"), keys_of("Participant 4711"), keys_of("")
    (['jane@example.org', 'jane'], ['participant 4711', '4711'], [])
    """
    text = value.strip().casefold()
    numbered = re.fullmatch(r"\D+ (\d+)", text)  # Moodle's identifier, in any language
    if "@" in text:
        return [text, text.partition("@")[0]]
    if numbered:
        return [text, numbered[1]]
    return [text] if text else []
