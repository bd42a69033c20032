"""What has been graded already: one small file for each submission, and the key that it answers to.

A grade is valid for as long as nothing that could change it has changed.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

from coursekit import files
from coursekit.grading.grades import Grade
from coursekit.grading.hashes import Key
from coursekit.grading.layout import WORK
from coursekit.grading.results import Status


@dataclass(frozen=True)
class StoredGrade:
    """A stored grade.

    Attributes:
        key: what it was made from.
        status: of the submission.
        notes: what was mended or is wrong in the file that was handed in.
        files: `submissions.fingerprint` of the folder when it was read.
        written: hash of what else the gradebook's entry depends on, such as the time of handing in.
    """

    key: Key
    status: Status
    notes: tuple[str, ...]
    files: str
    grade: Grade
    written: str = ""


class Store:
    """The stored grades of one assignment.

    A file holds a `Grade` as `Grade.from_json` reads it; the rest of the record is in its `extra`.
    """

    def __init__(self, course: Path, assignment: str):
        self._folder = course / WORK / "grades" / assignment

    def load(self, student: str) -> StoredGrade | None:
        """What is stored; None where there is nothing, or nothing that makes sense."""
        try:
            grade = Grade.from_json(self._path(student).read_text(encoding="utf-8"))
            about = dict(grade.extra["record"])
            about["key"] = Key(**about["key"])
            about["status"] = Status(about["status"])
            about["notes"] = tuple(about["notes"])
            rest = {name: value for name, value in grade.extra.items() if name != "record"}
            return StoredGrade(**about, grade=replace(grade, extra=rest))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def students(self) -> set[str]:
        """Of whom something is stored."""
        return {path.stem for path in self._folder.glob("*.json")}

    def save(self, student: str, record: StoredGrade) -> None:
        """Store a record, in one step: a crash leaves the old file or the new one."""
        about = asdict(replace(record, grade=Grade()))
        del about["grade"]
        grade = replace(record.grade, extra={**record.grade.extra, "record": about})
        files.replace(self._path(student), grade.to_json().encode("utf-8"))

    def _path(self, student: str) -> Path:
        return self._folder / f"{student}.json"
