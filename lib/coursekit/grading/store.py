"""What has been graded already: one small file for each submission, and the key that it answers to.

A grade is valid for as long as nothing that could change it has changed: the student's cells, the
tests, the library, the limits. Each of the four is a hash, so that one can say which it was.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import platform
import tempfile
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

from nbformat import NotebookNode

from coursekit import notebooks
from coursekit.grading.autograding import WORK
from coursekit.grading.grades import Grade
from coursekit.grading.results import Status
from coursekit.notebooks import Kind
from coursekit.sandbox import Limits

PACKAGES = ("convnets", "coursekit")  # whose sources a grade depends on
VERSIONS = ("ipython", "numpy", "torch")


@dataclass(frozen=True)
class Key:
    """Hashes of all that a grade depends on."""

    answers: str
    tests: str
    library: str
    limits: str

    def differs(self, other: Key) -> list[str]:
        """What has changed, in words such as "tests"."""
        return [name for name, value in asdict(self).items() if value != getattr(other, name)]


@dataclass(frozen=True)
class Record:
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

    def load(self, student: str) -> Record | None:
        """What is stored; None where there is nothing, or nothing that makes sense."""
        try:
            grade = Grade.from_json(self._path(student).read_text(encoding="utf-8"))
            about = dict(grade.extra["record"])
            about["key"] = Key(**about["key"])
            about["status"] = Status(about["status"])
            about["notes"] = tuple(about["notes"])
            rest = {name: value for name, value in grade.extra.items() if name != "record"}
            return Record(**about, grade=replace(grade, extra=rest))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def save(self, student: str, record: Record) -> None:
        """Store a record, in one step: a crash leaves the old file or the new one."""
        about = asdict(replace(record, grade=Grade()))
        del about["grade"]
        grade = replace(record.grade, extra={**record.grade.extra, "record": about})
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=self._folder, prefix=".")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(grade.to_json())
        os.replace(temporary, self._path(student))

    def _path(self, student: str) -> Path:
        return self._folder / f"{student}.json"


def answers_hash(submission: NotebookNode, release: NotebookNode) -> str:
    """Hash of the cells a student wrote or changed."""
    given = {(cell.cell_type, cell.source) for cell in release.cells}
    return _hash(
        json.dumps([index, notebooks.grade_id(cell), cell.cell_type, cell.source])
        for index, cell in enumerate(submission.cells)
        if (cell.cell_type, cell.source) not in given
    )


def tests_hash(source: NotebookNode, release: NotebookNode, beside: dict[str, bytes]) -> str:
    """Hash of the course's own code: tests, set-up, and the files beside the notebook.

    Text may be reworded and answers in the source improved without a new grading.
    """
    cells = [cell for cell in source.cells if notebooks.kind(cell) in (Kind.TEST, Kind.LOCKED)]
    code = [cell for cell in release.cells if cell.cell_type == "code"]
    texts = (f"{notebooks.grade_id(c)} {notebooks.points(c)} {c.source}" for c in (*cells, *code))
    files = (f"{name} {hashlib.sha256(data).hexdigest()}" for name, data in sorted(beside.items()))
    return _hash((*texts, *files))


def library_hash() -> str:
    """Hash of the sources of this library and of the versions of what it stands on."""
    texts = [platform.python_version(), *(f"{name} {version(name)}" for name in VERSIONS)]
    for package in PACKAGES:
        found = importlib.util.find_spec(package)
        for root in found.submodule_search_locations if found else ():
            texts += (_named(path, Path(root)) for path in sorted(Path(root).rglob("*.py")))
    return _hash(texts)


def limits_hash(limits: Limits) -> str:
    """Hash of what a submission may use."""
    return _hash([json.dumps(asdict(limits), sort_keys=True)])


def _named(path: Path, root: Path) -> str:
    return f"{path.relative_to(root)} {hashlib.sha256(path.read_bytes()).hexdigest()}"


def _hash(texts: Iterable[str]) -> str:
    digest = hashlib.sha256()
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()
