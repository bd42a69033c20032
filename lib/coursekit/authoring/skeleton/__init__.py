"""A new lecture or assignment: small, and whole, so that everything about it passes from the start.

new(Path("."), "a05_batchnorm")  # solutions/a05_batchnorm/, tests/assignments/a05_batchnorm.py
new(Path("."), "05_batchnorm")  # course/05_batchnorm.ipynb
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from nbformat import NotebookNode, v4

from coursekit import notebooks
from coursekit.authoring.renewing import renew_assignment, renew_lecture
from coursekit.authoring.skeleton import assignment, lecture
from coursekit.files import replace

ASSIGNMENT = re.compile(r"a(\d\d)_[a-z][a-z0-9]*(_[a-z0-9]+)*")
LECTURE = re.compile(r"(\d\d)[a-z]?_[a-z][a-z0-9]*(_[a-z0-9]+)*")


class NewError(ValueError):
    """What was asked for cannot be made; the message says why and what to write instead."""


def new(course: Path, name: str) -> list[Path]:
    """Make a lecture or an assignment, and run what has to be run.

    Args:
        course: the folder with course/ and solutions/.
        name: such as "05_batchnorm", or "a05_batchnorm" for an assignment.
    Returns:
        The files that were written.
    Raises:
        NewError: it is no such name, the number is taken, or a file is there already. Then nothing
            has been written.
    """
    if ASSIGNMENT.fullmatch(name):
        return _assignment(course, name)
    if LECTURE.fullmatch(name):
        return _lecture(course, name)
    raise NewError(
        f"{name!r} is no name of a lecture, such as 05_batchnorm, nor of an assignment, such as "
        "a05_batchnorm: two digits, then words of small letters and digits, joined by _."
    )


def topic_of(name: str) -> str:
    """What a name is about: "a05_batch_norm" and "05_batch_norm" give "batch norm"."""
    return name.partition("_")[2].replace("_", " ")


def _assignment(course: Path, name: str) -> list[Path]:
    folder, number = course / "solutions" / name, name[:3]
    path = folder / f"{name}.ipynb"
    texts = {
        folder / f"{number}_known.py": assignment.KNOWN,
        folder / f"{number}_samples.py": assignment.SAMPLES,
        course / "tests" / "assignments" / f"{name}.py": assignment.COLLECTION,
    }
    _refuse_taken([path, *texts], course.glob(f"solutions/{number}_*"))
    _write({file: _filled(text, name) for file, text in texts.items()})
    notebooks.write(_notebook(assignment.cells(), name), path)
    renew_assignment(path)
    return [path, *texts]


def _lecture(course: Path, name: str) -> list[Path]:
    path = course / "course" / f"{name}.ipynb"
    number = name.partition("_")[0]
    _refuse_taken([path], course.glob(f"course/{number}_*.ipynb"))
    notebooks.write(_notebook(lecture.cells(), name), path)
    renew_lecture(path)
    return [path]


def _refuse_taken(files: list[Path], same_number: Iterable[Path]) -> None:
    there = next((file for file in files if file.exists()), None) or next(iter(same_number), None)
    if there:
        raise NewError(
            f"{there} is there already, and nothing is overwritten. Take another number, or remove "
            "it first."
        )


def _write(texts: Mapping[Path, str]) -> None:
    for file, text in texts.items():
        replace(file, text.encode())


def _notebook(cells: list[NotebookNode], name: str) -> NotebookNode:
    """A notebook of these cells, with the name put in."""
    for cell in cells:
        cell.source = _filled(cell.source, name)
    return notebooks.normalise(v4.new_notebook(cells=cells), "keep")


def _filled(text: str, name: str) -> str:
    """A template with a name in the place of a00_topic."""
    number = re.search(r"\d\d", name)[0]
    topic = topic_of(name)
    return (
        text.replace("a00_topic", name)
        .replace("a00", f"a{number}")
        .replace("Assignment 00", f"Assignment {number}")
        .replace("ecture 00", f"ecture {number}")
        .replace("TOPIC", topic)
        .replace("Topic", topic.capitalize())
    )
