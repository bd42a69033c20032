"""Builds what students get from solutions/: nbgrader does it, this makes it repeatable and safe.

The same source gives the same bytes on every machine; nothing is released that `verify` objects
to; and once answers have been handed in, graded cells no longer change by accident.
"""

from __future__ import annotations

import filecmp
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import MissingEntry

from coursekit import build_errors, notebooks
from coursekit.authoring.demands import draft
from coursekit.checks import inputs
from coursekit.grading.autograding import (
    GradingFailed,
    configuration,
    generate,
    open_gradebook,
    register,
)
from coursekit.grading.classroom import limits_of
from coursekit.verify import problems

ZIP_TIME = (1980, 1, 1, 0, 0, 0)  # the earliest a zip file can hold; any fixed time would do


class ReleaseError(RuntimeError):
    """An assignment that cannot be released as it is; the message says why and what to do."""


@dataclass(frozen=True)
class Released:
    """A released assignment.

    Attributes:
        folder: what students get.
        archive: the same as a zip file, for a learning management system.
        changed: files of `folder` that this release wrote or removed.
    """

    folder: Path
    archive: Path
    changed: tuple[str, ...]


def assignments(course: Path) -> list[str]:
    """Names of all assignments of a course, in order."""
    return sorted(path.stem for path in course.glob("solutions/*/*.ipynb") if _is_main(path))


def source_of(course: Path, assignment: str) -> Path:
    """The notebook with the solutions.

    Raises:
        ReleaseError: there is no such assignment; the message lists those there are.
    """
    path = course / "solutions" / assignment / f"{assignment}.ipynb"
    if not path.is_file():
        there = ", ".join(assignments(course)) or "none"
        raise ReleaseError(f"there is no assignment {assignment!r} in {course}; there: {there}")
    return path


def build(course: Path, assignment: str, into: Path) -> Path:
    """Build the student version of an assignment with nbgrader, into `into`/`assignment`.

    The gradebook hears nothing of it.

    Args:
        course: the folder that holds solutions/.
        into: any folder; the course's own assignments/ is left alone unless it is this one.
    Raises:
        ReleaseError: nbgrader could not, for example for a missing END SOLUTION; or there is no
            such assignment.
    """
    _look_at(course, assignment)
    try:
        generate(course, assignment, into, gradebook=False)
    except GradingFailed as error:
        raise ReleaseError(f"nbgrader cannot build {assignment}: {error}") from error
    folder = into / assignment
    for path in folder.glob("*.ipynb"):
        notebooks.write(notebooks.normalise(notebooks.read(path)), path)
    return folder


def verify(course: Path, assignment: str) -> list[str]:
    """Everything that is wrong with an assignment, in plain words; see `coursekit.verify`.

    Raises:
        ReleaseError: it cannot even be built.
    """
    with tempfile.TemporaryDirectory() as scratch:
        return _problems(course, assignment, build(course, assignment, Path(scratch)))


def release(course: Path, assignment: str, *, force: bool = False) -> Released:
    """Build, verify and publish one assignment: assignments/, the gradebook, build/NAME.zip.

    Args:
        force: change graded cells although answers have been handed in. The gradebook is copied
            to gradebook.db.before-NAME first; grades of cells that no longer exist are lost.
    Raises:
        ReleaseError: it is a draft, does not build or verify, or graded cells would change.
    """
    left = draft(course, assignment)
    if left is not None:
        raise ReleaseError(_list(f"{assignment} is a draft. Left to do:", left))
    with tempfile.TemporaryDirectory() as scratch:
        new = build(course, assignment, Path(scratch))
        found = _problems(course, assignment, new)
        if found:
            raise ReleaseError(_list(f"{assignment} is not released:", found))
        published = course / "assignments" / assignment
        changes = _changes(published, new)
        handed_in = submissions(course, assignment)
        if changes and handed_in and not force:
            raise ReleaseError(_refusal(assignment, changes, handed_in))
        if changes and handed_in:
            _forget(course, assignment)
        try:
            register(course, assignment)
        except GradingFailed as error:
            raise ReleaseError(f"the gradebook refuses {assignment}: {error}") from error
        changed = _publish(new, published)
    return Released(published, archive(published, course / "build"), changed)


def submissions(course: Path, assignment: str) -> int:
    """How many students have handed something in: in submitted/ or in the gradebook."""
    students = {path.parent.name for path in course.glob(f"submitted/*/{assignment}")}
    if (course / "gradebook.db").is_file():
        with open_gradebook(course) as gradebook:
            try:
                known = gradebook.assignment_submissions(assignment)
            except MissingEntry:
                known = []
            students |= {submission.student_id for submission in known}
    return len(students)


def archive(folder: Path, into: Path) -> Path:
    """Pack a folder into `into`/NAME.zip, the same bytes for the same files.

    Stored, not compressed: compressors differ between machines, and notebooks are small.
    """
    into.mkdir(parents=True, exist_ok=True)
    path = into / f"{folder.name}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as packed:
        for file in _files(folder):
            info = zipfile.ZipInfo(f"{folder.name}/{file}", ZIP_TIME)
            info.create_system, info.external_attr = 3, 0o100644 << 16
            packed.writestr(info, (folder / file).read_bytes())
    return path


def _problems(course: Path, assignment: str, built: Path) -> list[str]:
    """What is wrong with it, as this course grades.

    Raises:
        ReleaseError: the file with the secret of the class is of no use.
    """
    try:
        secret = inputs.secret_of(course)
    except inputs.SecretError as error:
        raise ReleaseError(str(error)) from error
    source = source_of(course, assignment)
    return problems(source, built, secret=secret, limits=limits_of(course))


def _is_main(path: Path) -> bool:
    return path.stem == path.parent.name


def _look_at(course: Path, assignment: str) -> None:
    """See whether nbgrader's settings and the source can be used.

    Raises:
        ReleaseError: one of both cannot.
    """
    try:
        source = notebooks.read(source_of(course, assignment))
    except notebooks.NotebookError as error:
        raise ReleaseError(f"{assignment} cannot be built: {error}") from error
    unpaired = build_errors.unpaired_markers(source)
    if unpaired:
        raise ReleaseError(f"{assignment} cannot be built: {'; '.join(unpaired)}")
    try:
        configuration(course)
    except Exception as error:  # it is code
        why = f"{type(error).__name__}: {error}"
        raise ReleaseError(f"{course / 'nbgrader_config.py'} does not run: {why}") from error


def _list(title: str, items: list[str]) -> str:
    return "\n  - ".join([title, *items])


def _changes(published: Path, new: Path) -> list[str]:
    """How graded and locked cells differ from what students already have."""
    old, name = published / f"{new.name}.ipynb", f"{new.name}.ipynb"
    if not old.is_file():
        return []
    return notebooks.changes(notebooks.read(old), notebooks.read(new / name))


def _refusal(assignment: str, changes: list[str], count: int) -> str:
    who = f"{count} student{' has' if count == 1 else 's have'}"
    return _list(
        f"{who} handed in {assignment} already, and these cells would change:", changes
    ) + (
        "\nWhat was handed in answers the old cells. Undo the change in solutions/; or, if it must "
        f"be, back up gradebook.db and submitted/, then: coursekit release {assignment} --force"
    )


def _forget(course: Path, assignment: str) -> None:
    """Copy the gradebook, then remove the assignment from it, so that nbgrader takes it anew."""
    gradebook = course / "gradebook.db"
    if not gradebook.is_file():
        return
    copy, number = course / f"gradebook.db.before-{assignment}", 1
    while copy.exists():
        number += 1
        copy = course / f"gradebook.db.before-{assignment}-{number}"
    shutil.copy2(gradebook, copy)
    with open_gradebook(course) as opened:
        try:
            opened.remove_assignment(assignment)
        except MissingEntry:
            return


def _publish(new: Path, published: Path) -> tuple[str, ...]:
    """Make `published` equal to `new`, touching only what differs."""
    wanted, there = _files(new), _files(published)
    changed = [f for f in wanted if f not in there or not _same(new / f, published / f)]
    for file in changed:
        (published / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(new / file, published / file)
    gone = [file for file in there if file not in wanted]
    for file in gone:
        (published / file).unlink()
    return tuple(sorted(changed + gone))


def _same(a: Path, b: Path) -> bool:
    return filecmp.cmp(a, b, shallow=False)


def _files(folder: Path) -> list[str]:
    """Files below a folder, except what running and editing leave behind."""
    return sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and not {"__pycache__", ".ipynb_checkpoints"} & set(path.parts)
    )
