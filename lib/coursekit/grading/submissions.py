"""What a student handed in: which file counts, whether it can be read, what has to be mended."""

from __future__ import annotations

import copy
import hashlib
import html
import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from nbformat import NotebookNode, v4

from coursekit import notebooks
from coursekit.grading.grades import Grade

MOST_FILES = 50  # notebooks looked at in one folder
MOST_ENTRIES = 1000  # files and links noticed in one folder
# Accents and vowel signs, which \w leaves out, are in the two ranges.
STUDENT_ID = re.compile(r"(?![ .])[\w.@+ \u0300-\u1fff\u3040-\u30ff-]+(?<! )")
UNFIT_ID = "the folder's name cannot be a student's id; use letters, digits and . _ - + @"
ABOUT = "**About this submission**"
STOPPED = {
    "time": "your code ran out of time while it was checked",
    "memory": "your code ran out of memory while it was checked",
    "output": "your code put out too much while it was checked",
    "crash": "your code ended its process while it was checked",
    "protocol": "what your code returned could not be read",
}


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
        shown = _shown(str(path.relative_to(folder)))
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


def handed_in_at(folder: Path) -> str | None:
    """The text of a folder's timestamp.txt; None where nbgrader would not understand it."""
    from coursekit.grading.autograding import is_timestamp  # reading must not wait for nbgrader

    path = folder / "timestamp.txt"
    if folder.is_symlink() or path.is_symlink() or not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            text = file.read(100).decode("utf-8", "replace").strip()
    except OSError:
        return None
    return text if is_timestamp(text) else None


def fingerprint(folder: Path) -> str:
    """A hash of what `collect` looks at in a student's folder; links are noted, not followed."""
    digest = hashlib.sha256(str(folder.is_symlink() or folder.parent.is_symlink()).encode())
    for path in islice(_entries(folder), MOST_ENTRIES):
        digest.update(repr((str(path.relative_to(folder)), _facts(path, 0))).encode())
    for path in _notebooks_in(folder)[:MOST_FILES]:
        digest.update(repr((str(path.relative_to(folder)), _facts(path))).encode())
    return digest.hexdigest()


def _facts(path: Path, most: int = notebooks.MAX_BYTES) -> tuple:
    """Whether a file is a link, its size and, up to `most` bytes, a hash of what it holds."""
    try:
        size, link = path.lstat().st_size, path.is_symlink()
        if link or size > most or not path.is_file():
            return link, size
        return link, size, hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:  # it may not be read, or is gone
        return (error.errno,)


def _entries(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):  # does not follow links
        folders.sort()
        yield from (Path(parent, name) for name in sorted(files))


def with_notes(notebook: NotebookNode, notes: list[str]) -> NotebookNode:
    """A copy that begins with a text cell listing `notes`, for the student and the assistant.

    An earlier list is replaced. The list is HTML, so that nothing in a note is read as Markdown.
    """
    noted = copy.copy(notebook)
    noted.cells = [cell for cell in notebook.cells if not _is_about(cell)]
    if notes:
        lines = "\n".join(f"<li>{html.escape(' '.join(note.split()))}</li>" for note in notes)
        text = f"{ABOUT}\n\n<ul>\n{lines}\n</ul>"
        noted.cells.insert(0, v4.new_markdown_cell(text, id="about-this-submission"))
    return noted


def for_student(grade: Grade) -> list[str]:
    """What a student should know of how the judging went, for `with_notes`.

    The notes of a grade are for whoever grades: they may quote what a hidden check raised.
    """
    told = []
    for question in grade.questions:
        name = question.name.removeprefix("test_")
        if question.stopped_by:
            why = STOPPED.get(question.stopped_by, "your code was stopped while it was checked")
            told.append(f"{name}: {why}; it has 0 points")
        elif question.points is not None and not question.checks:
            why = "the checks could not be carried through with your code"
            told.append(f"{name}: {why}; it has 0 points")
    return told


def _is_about(cell: NotebookNode) -> bool:
    return cell.cell_type == "markdown" and cell.source.startswith(ABOUT)


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
    try:
        others = sorted(_shown(path.name) for path in folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        return f"the folder cannot be read: {error.strerror}"
    there = ", ".join(others[:5]) or "nothing"
    return f"no notebook was handed in; the folder holds {there}"


def _shown(name: str) -> str:
    """A file's name as text that can be printed and stored, whatever bytes it is made of."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def _unreadable(release: NotebookNode, notes: list[str]) -> Submission:
    return Submission(copy.deepcopy(release), False, notes)
