"""Hashes of all that a grade depends on, so that one can say what has changed."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import platform
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

from nbformat import NotebookNode

from coursekit import notebooks
from coursekit.notebooks import Kind
from coursekit.sandbox import Limits

PACKAGES = ("convnets", "coursekit")  # whose sources a grade depends on
SLOW = 100_000  # rounds, a few hundredths of a second
VERSIONS = ("ipython", "numpy", "torch")


@dataclass(frozen=True)
class Key:
    """Hashes of all that a grade depends on.

    Attributes:
        answers: the student's cells.
        setup: the course's code that all tests share, and files beside the notebook.
        library: this library, and what it stands on.
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


def library_hash() -> str:
    """Hash of the sources of this library and of the versions of what it stands on."""
    texts = [platform.python_version(), *(f"{name} {version(name)}" for name in VERSIONS)]
    for package in PACKAGES:
        found = importlib.util.find_spec(package)
        for root in found.submodule_search_locations if found else ():
            texts += (_named(path, Path(root)) for path in sorted(Path(root).rglob("*.py")))
    return digest(texts)


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


def _named(path: Path, root: Path) -> str:
    return f"{path.relative_to(root)} {hashlib.sha256(path.read_bytes()).hexdigest()}"
