"""Grades a made-up class from release to feedback, to show how it goes and what comes out.

The students' work is put together from the solutions and from the collections of known right and
wrong ones in tests/assignments/, which hold mistakes that students really make.
"""

from __future__ import annotations

import copy
import shutil
import sysconfig
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from nbformat import NotebookNode
from rich.console import Console
from rich.markup import escape

from coursekit import notebooks, sandbox
from coursekit.collection import Collection, collections_in, load
from coursekit.grading import autograding, classroom

MARK = ".made-by-demo"  # a folder without it is never deleted

Answers = Mapping[str, str]  # solution cell -> what stands in it


def run(folder: str | Path = "demo", course: str | Path = ".", workers: int = 2) -> Path:
    """Release, hand in, autograde, give feedback; print a table and where to look.

    Args:
        folder: a course folder to make; one left by an earlier demo is replaced.
        course: where solutions/ and tests/assignments/ are.
        workers: submissions graded at the same time.
    Returns:
        The file with the grades.
    Raises:
        FileExistsError: `folder` holds something that is not a demo.
        FileNotFoundError: `course` is not the course's folder.
    """
    folder, course = Path(folder).resolve(), Path(course).resolve()
    console, start = Console(), time.monotonic()
    collections = [load(path) for path in collections_in(course)]
    if not collections:
        raise FileNotFoundError(f"{course} has no solutions/ with tests/assignments/ beside it.")
    names = [known.assignment for known in collections]
    _lay_out(folder, course, names)
    console.print(f"[bold]1/4[/bold] Releasing {', '.join(names)} in {folder}")
    for known in collections:
        _release(folder, known.assignment)
    console.print(f"[bold]2/4[/bold] A class of {len(STUDENTS)} hands in")
    for known in collections:
        _hand_in(folder, known)
    sandboxed, how = _confinement()
    console.print(f"[bold]3/4[/bold] {how} {workers} at a time")
    results = [
        result
        for name in names
        for result in classroom.grade(folder, name, sandboxed=sandboxed, workers=workers)
    ]
    console.print("[bold]4/4[/bold] Feedback for every student\n")
    pages = [page for name in names for page in classroom.feedback(folder, name).values() if page]
    grades = folder / "grades.csv"
    classroom.show(folder, results, grades, console)
    console.print(f"Feedback: {len(pages)} pages, {folder}/feedback/<student>/<assignment>/")
    console.print(f"Open one: {folder / 'feedback' / EXAMPLE / names[0] / names[0]}.html")
    console.print(f"Formgrader: cd {folder} && {_coursekit()} lab")
    console.print(f"Done in {time.monotonic() - start:.0f} seconds.")
    return grades


def _confinement() -> tuple[bool, str]:
    """Whether there is a sandbox here; without one, the demo's own students are let in."""
    reason = sandbox.unavailable()
    if reason:
        without = "The demo's students are known, so the judge grades them without,"
        return False, f"{escape(reason)}\n{without}"
    return True, "The judge grades them in a sandbox,"


def _coursekit() -> Path:
    return Path(sysconfig.get_path("scripts"), "coursekit")


def _lay_out(folder: Path, course: Path, names: Iterable[str]) -> None:
    if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
        message = f"{folder} is no demo's folder; name another one, or move it away."
        raise FileExistsError(message)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / MARK).touch()
    for name in names:
        ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
        shutil.copytree(course / "solutions" / name, folder / "solutions" / name, ignore=ignored)
    shutil.copy(course / "nbgrader_config.py", folder)


def _release(folder: Path, name: str) -> None:
    released = autograding.register(folder, name).parent
    shutil.copytree(released, folder / "assignments" / name)


def _hand_in(folder: Path, known: Collection) -> None:
    name = known.assignment
    release = notebooks.read(autograding.release_of(folder, name))
    source = notebooks.read(folder / "solutions" / name / f"{name}.ipynb")
    for student, make in STUDENTS.items():
        place = folder / "submitted" / student / name
        place.mkdir(parents=True)
        make(place / f"{name}.ipynb", release, _reference(source), known)


def _reference(source: NotebookNode) -> Answers:
    """The course's own answers, without nbgrader's markers."""
    answers = notebooks.solutions(source)
    return {name: notebooks.without_markers(cell.source) for name, cell in answers.items()}


def _filled(release: NotebookNode, answers: Answers) -> NotebookNode:
    filled = copy.deepcopy(release)
    for name, text in answers.items():
        notebooks.find(filled, name).source = text
    return filled


def _mistakes(known: Collection, pick: int, cells: Iterable[str]) -> Answers:
    """The `pick`-th known mistake of each of some cells."""
    found = {}
    for cell in cells:
        wrong = [entry for entry in known.entries if entry.cell == cell and not entry.is_right]
        if wrong:
            found[cell] = wrong[pick % len(wrong)].source
    return found


def _perfect(path, release, reference, known) -> None:
    notebooks.write(_filled(release, reference), path)


def _own_style(path, release, reference, known) -> None:
    other = {entry.cell: entry.source for entry in known.entries if entry.is_right}
    notebooks.write(_filled(release, {**reference, **other}), path)


def _some_mistakes(path, release, reference, known) -> None:
    wrong = _mistakes(known, 1, list(reference)[::2])
    notebooks.write(_filled(release, {**reference, **wrong}), path)


def _many_mistakes(path, release, reference, known) -> None:
    wrong = _mistakes(known, 2, reference)
    notebooks.write(_filled(release, {**reference, **wrong}), path)


def _unfinished(path, release, reference, known) -> None:
    first_half = dict(list(reference.items())[: len(reference) // 2])
    notebooks.write(_filled(release, first_half), path)


def _untouched(path, release, reference, known) -> None:
    notebooks.write(release, path)


def _renamed(path, release, reference, known) -> None:
    other = path.with_name(f"{path.stem} (1) final.ipynb")
    notebooks.write(_filled(release, {**reference, **_mistakes(known, 0, [*reference][:1])}), other)


def _copied_cell(path, release, reference, known) -> None:
    notebook = _filled(release, reference)
    index = notebook.cells.index(notebooks.find(notebook, next(iter(reference))))
    twin = copy.deepcopy(notebook.cells[index])
    twin.id = f"{twin.id}-again"
    notebook.cells.insert(index, twin)
    notebooks.write(notebook, path)


def _cut_off(path, release, reference, known) -> None:
    text = notebooks.text_of(_filled(release, reference))
    path.write_text(text[: len(text) // 2], encoding="utf-8")


def _empty(path, release, reference, known) -> None:
    path.touch()


STUDENTS: dict[str, Callable[[Path, NotebookNode, Answers, Collection], None]] = {
    "ada": _perfect,
    "blaise": _own_style,
    "carl": _some_mistakes,
    "dora": _many_mistakes,
    "emmy": _unfinished,
    "felix": _untouched,
    "grace": _renamed,
    "henri": _copied_cell,
    "ines": _cut_off,
    "jan": _empty,
}
EXAMPLE = "carl"  # whose feedback has something to say
