"""What a student handed in: which file counts, whether it can be read, what has to be mended."""

from __future__ import annotations

import copy
import hashlib
import html
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from nbformat import NotebookNode, v4

from coursekit import notebooks
from coursekit.grading.autograding import WORK, is_timestamp

MOST_FILES = 50  # notebooks looked at in one folder
MOST_ENTRIES = 1000  # files and links noticed in one folder
STUDENT_ID = re.compile(r"[\w.@ -]+")
UNFIT_ID = "the folder's name cannot be a student's id; use letters, digits and . _ - @"


class Submission(NamedTuple):
    """A notebook that can be graded, made from the release and the student's answers.

    Attributes:
        notebook: the release as it is where nothing could be read.
        readable: whether anything of the student's is in it.
        notes: what was mended or is wrong, in words.
    """

    notebook: NotebookNode
    readable: bool
    notes: list[str]


class _Candidate(NamedTuple):
    name: str
    notebook: NotebookNode
    notes: list[str]
    found: int  # cells to fill that the file has
    changed: int  # cells to fill whose text is not the released one

    def rank(self, expected: str) -> tuple:
        """The file of the right name wins, unless only another one holds any work."""
        return self.found > 0, self.changed > 0, self.name == expected, self.found, self.changed


def collect(folder: Path, release: NotebookNode, name: str) -> Submission:
    """Choose and mend what lies in a student's folder, without changing anything there.

    Args:
        folder: submitted/<student>/<assignment>.
        release: the student version of the assignment.
        name: the file name asked for, such as "a02_convolution.ipynb".
    """
    if folder.is_symlink() or folder.parent.is_symlink():
        return _unreadable(release, ["the folder is a link; links are not followed"])
    files = _notebooks_in(folder)
    if not files:
        return _unreadable(release, [_nothing_in(folder)])
    candidates, faults = [], []
    for path in files[:MOST_FILES]:
        shown = str(path.relative_to(folder))
        try:
            candidates.append(_candidate(path, shown, release))
        except notebooks.NotebookError as error:
            faults.append(f"{shown}: {error.reason}")
    if not candidates:
        return _unreadable(release, faults)
    best, *others = sorted(candidates, key=lambda each: each.rank(name), reverse=True)
    if not best.found:
        belongs = f"no cell of this assignment is in it; is it another notebook than {name}?"
        return _unreadable(release, [f"{best.name}: {belongs}", *faults])
    notes = [] if best.name == name else [f"handed in as {best.name}, not {name}"]
    notes += [f"not graded: {other.name}" for other in others]
    return Submission(best.notebook, True, [*notes, *faults, *best.notes])


def folder_of(course: Path, assignment: str, student: str) -> Path:
    """Where a student's work lies, as it was handed in."""
    return course / "submitted" / student / assignment


def prepared(course: Path, assignment: str, student: str) -> Path:
    """Where the mended notebook lies that is graded."""
    return course / WORK / "submitted" / student / assignment / f"{assignment}.ipynb"


def prepare(course: Path, assignment: str, student: str, submission: Submission) -> Path:
    """Write the mended notebook to its place, alone in its folder; returns its path."""
    target = prepared(course, assignment, student)
    shutil.rmtree(target.parent, ignore_errors=True)
    notebooks.write(with_notes(submission.notebook, submission.notes), target)
    return target


def handed_in_at(folder: Path) -> str | None:
    """The text of a folder's timestamp.txt; None where nbgrader would not understand it."""
    path = folder / "timestamp.txt"
    if folder.is_symlink() or path.is_symlink() or not path.is_file():
        return None
    with path.open("rb") as file:
        text = file.read(100).decode("utf-8", "replace").strip()
    return text if is_timestamp(text) else None


def fingerprint(folder: Path) -> str:
    """A hash of all that lies in a student's folder; links are noted and not followed."""
    digest = hashlib.sha256(str(folder.is_symlink() or folder.parent.is_symlink()).encode())
    for count, path in enumerate(_entries(folder)):
        if count == MOST_ENTRIES:
            break
        size = path.lstat().st_size
        digest.update(repr((str(path.relative_to(folder)), path.is_symlink(), size)).encode())
        readable = path.is_file() and not path.is_symlink() and size <= notebooks.MAX_BYTES
        if readable and path.suffix == ".ipynb":
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _entries(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):  # does not follow links
        folders.sort()
        yield from (Path(parent, name) for name in sorted(files))


def with_notes(notebook: NotebookNode, notes: list[str]) -> NotebookNode:
    """A copy that begins with a text cell listing `notes`, for the student and the assistant."""
    noted = copy.deepcopy(notebook)
    if notes:
        lines = "\n".join(f"- {html.escape(note)}" for note in notes)
        text = f"**About this submission**\n\n{lines}"
        noted.cells.insert(0, v4.new_markdown_cell(text, id="about-this-submission"))
    return noted


def _candidate(path: Path, name: str, release: NotebookNode) -> _Candidate:
    reading = notebooks.read_noting(path)
    rebuilt = notebooks.rebuild(release, reading.notebook)
    asked, given = notebooks.solutions(release), notebooks.solutions(rebuilt.notebook)
    missing = [
        each for each in asked if f"cell {each} is missing; graded as not done" in rebuilt.repairs
    ]
    changed = sum(given[each].source != cell.source for each, cell in asked.items())
    notes = [*reading.notes, *rebuilt.repairs]
    return _Candidate(name, rebuilt.notebook, notes, len(asked) - len(missing), changed)


def _notebooks_in(folder: Path) -> list[Path]:
    found = []
    for parent, folders, files in os.walk(folder):  # does not follow links
        folders[:] = sorted(each for each in folders if not each.startswith((".", "__")))
        found += [Path(parent, each) for each in sorted(files) if each.endswith(".ipynb")]
    return found


def _nothing_in(folder: Path) -> str:
    others = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    there = ", ".join(others[:5]) or "nothing"
    return f"no notebook was handed in; the folder holds {there}"


def _unreadable(release: NotebookNode, notes: list[str]) -> Submission:
    return Submission(copy.deepcopy(release), False, notes)
