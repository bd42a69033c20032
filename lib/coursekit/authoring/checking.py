"""All that is to be proved of one lecture and its assignment, and of nothing else.

The proofs are the tests of this repository; this chooses among them.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from coursekit import notebooks
from coursekit.collection import Entry
from coursekit.rehearse import TELLING

PROOFS = (  # in tests/: each has tests that carry the name of a lecture or of an assignment
    "notebooks",  # form, rules, what follows from the cells
    "assignments",  # known solutions lose what they should, and are told why
    "coursekit/test_release.py",  # assignments/ is what solutions/ gives, and fit for students
    "coursekit/grading/test_three_ways.py",  # kernel, nbgrader and judge agree
)
# The environment variable that lets slow tests take a sample: "course" has each kind once in the
# whole course, "assignment" once in each assignment. Without it they take everything.
SAMPLE = "COURSE_SAMPLE"
# One thread, because two add up in another order; one hash seed, because sets print in its order.
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0", SAMPLE: "assignment"}


class CheckError(ValueError):
    """There is nothing to check, or nothing to check it with; the message says what to do."""


@dataclass(frozen=True)
class Subject:
    """What one number stands for.

    Attributes:
        lectures: one, or two where a lecture is split; none where it is yet to be written.
        assignments: one, or none where it is yet to be written.
    """

    lectures: tuple[Path, ...]
    assignments: tuple[Path, ...]

    @property
    def names(self) -> list[str]:
        """Names of them all, such as "05_batchnorm" and "a05_batchnorm"."""
        return [path.stem for path in (*self.lectures, *self.assignments)]


def subject(course: Path, number: str) -> Subject:
    """The lecture and the assignment of a number.

    Args:
        number: two digits, such as "05"; "10" also means 10a and 10b, "10a" means that part, with
            the assignment they share. A whole name, "05_batchnorm", does as well.
    Raises:
        CheckError: it is no number, or nothing has it; the message lists those there are.
    """
    match = re.fullmatch(r"a?(\d\d)([a-z]?)(_\w+)?", number)
    there = sorted(course.glob("course/[0-9][0-9]*_*.ipynb"))
    sources = sorted(course.glob("solutions/a[0-9][0-9]_*/"))
    if not match:
        raise CheckError(f"L={number!r} is no number of a lecture, such as 05 or 10a.")
    digits, part = match[1], match[2]
    lectures = [path for path in there if re.match(rf"{digits}{part or '[a-z]?'}_", path.name)]
    folders = [path for path in sources if path.name.startswith(f"a{digits}_")]
    if not lectures and not folders:
        known = sorted({path.name.partition("_")[0] for path in there})
        raise CheckError(f"There is no lecture {number}; there are {', '.join(known) or 'none'}.")
    return Subject(tuple(lectures), tuple(folder / f"{folder.name}.ipynb" for folder in folders))


def command(course: Path, what: Subject, workers: int = 2) -> list[str]:
    """The command that proves it.

    Raises:
        CheckError: the tests, or what runs them, are not here.
    """
    proofs = [course / "tests" / part for part in PROOFS]
    gone = [path for path in proofs if not path.exists()]
    if gone:
        raise CheckError(f"{gone[0]} is missing: proofs need a clone of the repository.")
    if not importlib.util.find_spec("nbval") or not importlib.util.find_spec("xdist"):
        raise CheckError("The tests need more packages: pip install -e '.[test]'.")
    files = [*proofs, *what.lectures, *what.assignments]
    nbval = ["--nbval", "--nbval-current-env", "--nbval-cell-timeout", "120"]
    spread = ["-p", "tests.spread", "-n", str(workers), "--dist", "loadscope", "--timeout", "600"]
    chosen = " or ".join(what.names)
    return [sys.executable, "-m", "pytest", *map(str, files), "-k", chosen, "-q", *nbval, *spread]


def sample(entries: Iterable[Entry]) -> list[Entry]:
    """Some of the known solutions: of each function a right and a wrong one, and each kind once.

    Kinds are right, told which mistake it is, told by itself (such as "dtype"), not told, refused
    in a room only; each of them losing points in its own task alone, or in others too. A kind is
    taken from the function that has the fewest so far, so that few students hand in them all.
    """
    entries = list(entries)
    taken = list({(each.cell, each.is_right): each for each in reversed(entries)}.values())
    for kind in dict.fromkeys(map(_kind, entries)):
        if kind not in map(_kind, taken):
            used = Counter(each.cell for each in taken)
            alike = (each for each in entries if _kind(each) == kind)
            taken.append(min(alike, key=lambda each: used[each.cell]))
    return [each for each in entries if each in taken]


def _kind(entry: Entry) -> tuple:
    told = entry.says if entry.says in TELLING else bool(entry.says)
    return told, entry.judge_only, len(entry.loses)


def some(entries: Iterable[Entry]) -> list[Entry]:
    """Known solutions for tests that take long: all, or a sample where one is asked."""
    return sample(entries) if os.environ.get(SAMPLE) else list(entries)


def few(names: Iterable[str]) -> list[str]:
    """Assignments for tests that do the same with each: all, or the first where a sample is asked.

    What differs between assignments, their cells, checks and known solutions, other tests prove.
    """
    names = sorted(names)
    return names[:1] if os.environ.get(SAMPLE) else names


def covering(sources: Iterable[Path]) -> list[Path]:
    """Assignments for tests that grade: all, or as few as hold every kind of check and of cell.

    A kind of check is a method of `Task` with its keywords, in a test cell or in a file beside the
    notebook.

    Args:
        sources: notebooks with solutions.
    """
    kinds = {path: _kinds(path) for path in sorted(sources)}
    if os.environ.get(SAMPLE) != "course":
        return list(kinds)
    taken: list[Path] = []
    missing = set().union(*kinds.values())
    while missing:
        taken.append(max(kinds, key=lambda path: len(kinds[path] & missing)))
        missing -= kinds[taken[-1]]
    return sorted(taken)


def _kinds(path: Path) -> set[str]:
    """Kinds of cells and of checks of one assignment."""
    notebook = notebooks.read(path)
    beside = (file.read_text(encoding="utf-8") for file in path.parent.glob("*.py"))
    found = {notebooks.kind(cell).name for cell in notebook.cells}
    for source in (*(cell.source for cell in notebooks.tests(notebook).values()), *beside):
        for node in ast.walk(ast.parse(source)):
            match node:
                case ast.Call(func=ast.Attribute(value=ast.Name(id="task"), attr=name)):
                    found |= {name, *(f"{name}({each.arg}=)" for each in node.keywords)}
    return found


def check(course: Path, what: Subject, workers: int = 2) -> bool:
    """Run all proofs and show what they print; returns whether all of them hold.

    Raises:
        CheckError: see `command`.
    """
    environment = {**os.environ, **ENVIRONMENT}
    done = subprocess.run(command(course, what, workers), cwd=course, env=environment, check=False)
    return done.returncode == 0
