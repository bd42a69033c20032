"""What large courses need, worked out from what was measured.

`python -m benchmarks.scale` measures what the one writer of gradebook and feedback takes, for a
made-up class, and rewrites the section of docs/teaching-assistants.md that follows from it. What
judging takes is read from grading.json, which `make bench-grading` writes.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import shutil
import tempfile
import textwrap
import time
from dataclasses import dataclass
from datetime import date
from math import ceil
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.grading import JUDGE, ROOT, hand_in
from benchmarks.machine import processor
from coursekit import notebooks
from coursekit.grading import classroom

JUDGING = Path(__file__).with_name("grading.json")
WRITING = Path(__file__).with_name("scale.json")
GUIDE = ROOT / "docs" / "teaching-assistants.md"

COURSES = (300, 3_000, 100_000)
MACHINES = 20  # of a cluster
LAPTOP, SERVER = 2, 16  # cores
CLUSTER = MACHINES * SERVER
PAGES = 100  # of feedback that are timed
STOCK = "nbgrader autograde"  # as benchmarks.grading calls it
SECTION = re.compile(r"^## How many students\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Costs:
    """What one submission costs.

    Attributes:
        judging: core-seconds in all.
        writing: seconds of the one process that writes the gradebook.
        feedback: core-seconds for its page.
        disk: bytes of autograded/, stored grade and gradebook.
    """

    judging: float
    writing: float
    feedback: float
    disk: float

    def seconds(self, students: int, cores: int, gradebooks: int = 1) -> float:
        """Wall-clock time to grade so many. Judging and writing go on side by side."""
        return students * max(self.judging / cores, self.writing / gradebooks)

    @property
    def useful_cores(self) -> float:
        """Cores that keep one writer busy; further ones wait for it."""
        return self.judging / self.writing

    def folders(self, cores: int) -> int:
        """Gradebooks it takes to keep so many cores busy."""
        return ceil(cores / self.useful_cores)


def main() -> None:
    """Entry point of `python -m benchmarks.scale`."""
    options = _options()
    if not options.stored:
        figures = measure(options.students, options.assignment)
        WRITING.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n", "utf-8")
    text = section(*stored())
    guide = GUIDE.read_text("utf-8")
    GUIDE.write_text(SECTION.sub(lambda _: text, guide), "utf-8")
    print(text)


def stored() -> tuple[dict[str, Any], dict[str, Any]]:
    """The figures that the two benchmarks wrote: of judging, and of writing."""
    return json.loads(JUDGING.read_text("utf-8")), json.loads(WRITING.read_text("utf-8"))


def costs(judging: dict[str, Any], writing: dict[str, Any]) -> Costs:
    """What a submission costs by these figures. Start-up is counted as judging."""
    return Costs(judging["workers"] * judging["seconds"][JUDGE], **writing["each"])


def measure(students: int, assignment: str) -> dict[str, Any]:
    """Time the writer on a class in which everybody hands in the same notebook.

    One submission is judged. The others are given its stored grade and its graded notebook, so that
    what is left to do for them is what the writer does.
    """
    quiet = Console(quiet=True)
    with tempfile.TemporaryDirectory() as scratch:
        course = Path(scratch)
        hand_in(course, assignment, 1)
        (first,) = classroom.grade(course, assignment, console=quiet)
        names = [f"{first.student}-{number}" for number in range(students)]
        for name in names:
            _copy(course, assignment, first.student, name)
        begin = time.perf_counter()
        classroom.grade(course, assignment, names, console=quiet)
        wrote = time.perf_counter()
        paged = names[:PAGES]
        for name in paged:
            _reword(course, assignment, name)
        reworded = time.perf_counter()
        classroom.feedback(course, assignment, paged, workers=1, console=quiet)
        told = time.perf_counter()
        disk = sum(_bytes(course / name) for name in ("autograded", ".grading", "gradebook.db"))
    each = {
        "writing": (wrote - begin) / students,
        "feedback": (told - reworded) / len(paged),
        "disk": disk / students,
    }
    return {
        "machine": {"CPU": processor(), "Python": platform.python_version()},
        "date": f"{date.today()}",
        "assignment": assignment,
        "students": students,
        "each": each,
    }


def section(judging: dict[str, Any], writing: dict[str, Any]) -> str:
    """The section of the guide, as Markdown."""
    each = costs(judging, writing)
    header = ("students", "core time", f"{LAPTOP} cores", f"{SERVER} cores")
    header += (f"Dask, {MACHINES} × {SERVER} cores", f"feedback, {LAPTOP} cores", "disk")
    rows = (_row(each, students) for students in COURSES)
    table = (header, ["---:"] * len(header), *rows)
    parts = [
        "## How many students",
        "<!-- Written by `python -m benchmarks.scale` from benchmarks/*.json; a test compares. -->",
        textwrap.fill(_measured(judging, each), 100),
        "\n".join(f"| {' | '.join(row)} |" for row in table),
        textwrap.fill(_limits(each), 100),
        textwrap.fill(ON_DASK, 100),
    ]
    return "\n\n".join(parts) + "\n"


ON_DASK = """`--dask ADDRESS` (`pip install 'convnets-course[dask]'`) sends submissions to the
workers of a Dask cluster, which confine them themselves; several folders may name the same
scheduler. A lost worker costs a second try, nothing else."""


def _measured(judging: dict[str, Any], each: Costs) -> str:
    return f"""Measured with {judging["students"]} submissions of `{judging["assignment"]}` and
{judging["workers"]} workers ({judging["machine"]["CPU"]}, {judging["date"]}):
{judging["seconds"][JUDGE]:.2g} seconds for each with the sandbox on, start-up included, where
nbgrader's own autograde takes {judging["seconds"][STOCK]:.2g}. That is {each.judging:.2g}
core-seconds. Of these, the one process that writes the gradebook takes
{1000 * each.writing:.0f} milliseconds; a page of feedback takes {each.feedback:.2g} core-seconds
more, and {each.disk / 1e6:.2g} MB stay on the disk. `make bench-grading` measures your machine, and
with `FLAGS="--assignment …"` another assignment: grading costs what the checks compute, so training
costs most."""


def _limits(each: Costs) -> str:
    largest, cluster = COURSES[-1], each.seconds(COURSES[-1], CLUSTER, each.folders(CLUSTER))
    return f"""Time grows with the number of submissions and shrinks with the number of cores, down
to what the writer takes: {each.useful_cores:.0f} cores keep one gradebook busy, further ones wait
for it. {largest:,} students take it {duration(largest * each.writing)}, whatever the cluster. Split
such a course into sections, each with a folder and a gradebook of its own: {each.folders(CLUSTER)}
of them, graded at the same time on that cluster, are done in {duration(cluster)}, and
formgrader's lists stay short."""


def duration(seconds: float) -> str:
    """A length of time in words, to two digits."""
    for unit, length, most in (("s", 1, 90), ("min", 60, 90), ("h", 3600, 48)):
        if seconds < most * length:
            return f"{seconds / length:.2g} {unit}"
    return f"{float(f'{seconds / 86400:.2g}'):g} days"


def _row(each: Costs, students: int) -> list[str]:
    times = (each.seconds(students, cores) for cores in (LAPTOP, SERVER, CLUSTER))
    parts = [students * each.judging, *times, students * each.feedback / LAPTOP]
    return [f"{students:,}", *map(duration, parts), _size(students * each.disk)]


def _size(count: float) -> str:
    unit, of = ("GB", 1e9) if count >= 1e9 else ("MB", 1e6)
    return f"{float(f'{count / of:.2g}'):g} {unit}"


def _copy(course: Path, assignment: str, student: str, name: str) -> None:
    """Give a made-up student what another one handed in and got."""
    for folder in ("submitted", "autograded"):
        shutil.copytree(course / folder / student, course / folder / name)
    grades = course / ".grading" / "grades" / assignment
    shutil.copy(grades / f"{student}.json", grades / f"{name}.json")


def _reword(course: Path, assignment: str, name: str) -> None:
    """Make graded answers differ: to write the same code twice takes less."""
    path = course / "autograded" / name / assignment / f"{assignment}.ipynb"
    notebook = notebooks.read(path)
    for cell in notebooks.solutions(notebook).values():
        cell.source += f"\n# {name}"
    notebooks.write(notebook, path)


def _bytes(path: Path) -> int:
    """Bytes of a file, or of all files in a folder, in whole blocks as the disk counts them."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return sum(512 * each.stat().st_blocks for each in files)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--assignment", default="a02_convolution")
    parser.add_argument("--students", type=int, default=300, help="of the made-up class")
    parser.add_argument(
        "--stored", action="store_true", help="measure nothing; work the section out again"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
