"""Hashes of all that a grade depends on, so that one can say what has changed."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from nbformat import NotebookNode

from coursekit import notebooks
from coursekit.notebooks import Kind
from coursekit.sandbox import Limits

LIB = Path(__file__).resolve().parents[2]  # where convnets and coursekit lie
JUDGING = (  # what the processes that judge load, and so what a grade depends on
    "convnets/**/*.py",
    "coursekit/__init__.py",
    "coursekit/checks/**/*.py",
    "coursekit/files.py",
    "coursekit/grading/__init__.py",
    "coursekit/grading/grader.py",
    "coursekit/grading/grades.py",
    "coursekit/grading/hashes.py",
    "coursekit/grading/judge.py",
    "coursekit/grading/layout.py",
    "coursekit/grading/marking.py",
    "coursekit/grading/worker_main.py",
    "coursekit/grading/jobs.py",
    "coursekit/grading/reading.py",
    "coursekit/grading/room_files.py",
    "coursekit/grading/submissions.py",
    "coursekit/notebooks/**/*.py",
    "coursekit/patience.py",
    "coursekit/sandbox/**/*.py",
    "coursekit/cell_runner.py",
    "coursekit/startup.py",
)
NO_MATTER = (  # though it may be loaded too: it draws, or names what is missing
    "convnets/plots/**/*.py",
    "coursekit/extras.py",
    "coursekit/notebooks/outline.py",
)
SLOW = 100_000  # rounds, a few hundredths of a second
VERSIONS = ("ipython", "numpy", "torch")


@dataclass(frozen=True)
class Key:
    """Hashes of all that a grade depends on.

    Attributes:
        answers: the student's cells.
        setup: the course's code that all tests share, and files beside the notebook.
        library: what judging loads of this library, and what it stands on.
        limits: what a submission may use.
        secret: of the class, from which hidden checks draw.
        tests: test cell -> hash of the cell.
    """

    answers: str
    setup: str
    library: str
    limits: str
    secret: str
    tests: Mapping[str, str]

    def differs(self, other: Key) -> list[str]:
        """What has changed, in words such as "tests"."""
        return [name for name, value in asdict(self).items() if value != getattr(other, name)]

    def stale(self, now: Key) -> frozenset[str] | None:
        """Tests to run again where this key is stored and `now` is asked for; None for all."""
        if replace(self, tests=now.tests) != now:
            return None
        return frozenset(n for n, value in now.tests.items() if self.tests.get(n) != value)


def answers_hash(submission: NotebookNode, release: NotebookNode) -> str:
    """Hash of the cells a student wrote or changed."""
    given = {(cell.cell_type, cell.source) for cell in release.cells}
    return digest(
        json.dumps([index, notebooks.grade_id(cell), cell.cell_type, cell.source])
        for index, cell in enumerate(submission.cells)
        if (cell.cell_type, cell.source) not in given
    )


def test_hashes(source: NotebookNode) -> dict[str, str]:
    """Test cell -> hash of its code and of what it is worth."""
    return {
        name: digest([str(notebooks.points(cell)), cell.source])
        for name, cell in notebooks.tests(source).items()
    }


def setup_hash(release: NotebookNode, beside: dict[str, bytes]) -> str:
    """Hash of the course's code besides the tests: given cells, their order, files.

    Text may be reworded and answers in the source improved without a new grading.
    """
    code = [
        cell
        for cell in release.cells
        if cell.cell_type == "code" and notebooks.kind(cell) != Kind.FRAME
    ]
    texts = (
        f"{notebooks.grade_id(cell)} {'' if notebooks.kind(cell) == Kind.TEST else cell.source}"
        for cell in code
    )
    known = (f"{name} {hashlib.sha256(data).hexdigest()}" for name, data in sorted(beside.items()))
    return digest((*texts, *known))


def library_hash(lib: Path = LIB) -> str:
    """Hash of what judging loads of this library, and of the versions of what it stands on."""
    versions = (f"{name} {_version(name)}" for name in VERSIONS)
    return digest([platform.python_version(), *versions, *_named(judging(lib), lib)])


def sources_hash(lib: Path = LIB) -> str:
    """Hash of all sources of the course machinery."""
    return digest(_named(lib.glob("coursekit/**/*.py"), lib))


def judging(lib: Path = LIB) -> set[Path]:
    """The files that a grade depends on."""
    files = {path for pattern in JUDGING for path in lib.glob(pattern)}
    return files.difference(*(lib.glob(pattern) for pattern in NO_MATTER))


def limits_hash(limits: Limits, confined: bool = True) -> str:
    """Hash of what a submission may use, and whether it is confined."""
    return digest([json.dumps(asdict(limits), sort_keys=True), str(confined)])


def secret_hash(secret: str) -> str:
    """Hash of the secret of a class, from which nobody finds it by trying others fast."""
    salt = b"coursekit: what hidden checks draw from"
    return hashlib.pbkdf2_hmac("sha256", secret.encode(), salt, SLOW).hex()


def digest(texts: Iterable[str]) -> str:
    """Hash of texts, one after the other."""
    found = hashlib.sha256()
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        found.update(len(data).to_bytes(8, "little") + data)
    return found.hexdigest()


def _named(paths: Iterable[Path], lib: Path) -> list[str]:
    """A line for each file: where it lies, and a hash of what it holds."""
    return [
        f"{path.relative_to(lib).as_posix()} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        for path in sorted(paths)
    ]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:  # torch is an extra
        return "none"
