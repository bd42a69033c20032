"""Grading beside nbgrader's own: seconds for each submission, the ratio, and where the time goes.

`python -m benchmarks.grading` makes up a class of honest submissions of an assignment, right and
wrong ones. The judge grades all of them, start-up included. `nbgrader autograde` grades the first
few, and only what each further submission takes is counted, which is to its advantage.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from importlib.metadata import version
from pathlib import Path
from unittest import mock

from nbformat import NotebookNode
from rich.console import Console
from rich.table import Table

from benchmarks.machine import processor
from coursekit import notebooks, sandbox
from coursekit.collection import Collection, load
from coursekit.grading import autograding, classroom, workers
from coursekit.grading.gradebook import Book

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).with_name("grading.json")
JUDGE = "judge"
GOAL = 10.0  # times the throughput of nbgrader's autograde
GOODBYES = {
    "nbgrader autograde": "graceful",
    "nbgrader autograde, kernels killed": "immediate",
}


def main() -> None:
    """Entry point of `python -m benchmarks.grading`."""
    options = _options()
    if reason := sandbox.unavailable():
        sys.exit(reason)
    console = Console(width=None if Console().is_terminal else 100)
    with tempfile.TemporaryDirectory() as scratch:
        ours, theirs = Path(scratch, "judge"), Path(scratch, "stock")
        hand_in(ours, options.assignment, options.students)
        hand_in(theirs, options.assignment, options.sample)
        with _clocks() as clocks:
            begin = time.perf_counter()
            results = classroom.grade(ours, options.assignment, workers=options.workers)
            wall = time.perf_counter() - begin
        begin = time.perf_counter()
        classroom.grade(ours, options.assignment, workers=options.workers)
        again = time.perf_counter() - begin
        with console.status(f"nbgrader autograde, {options.sample} submissions"):
            stock = {
                name: stock_seconds(theirs, options.assignment, goodbye)
                for name, goodbye in GOODBYES.items()
            }
        same = differing(ours, theirs, options.assignment)
    each = {JUDGE: wall / len(results), **stock}
    shares = {f"judging, shared by {options.workers}": sum(result.seconds for result in results)}
    shares = {name: spent / len(results) for name, spent in (shares | clocks).items()}
    console.print(_table(each, options))
    console.print(_shares(shares, options.students))
    console.print(f"A second run, with nothing new: {again:.2f} s for all.")
    for name in stock:
        ratio = each[name] / each[JUDGE]
        met = "met" if ratio >= GOAL else "missed"
        console.print(f"{name}: {ratio:.1f} times as long. The goal of {GOAL:g} is {met}.")
    console.print(
        f"Scores of the {options.sample} students that both graded: "
        + ("identical." if not same else f"different for {', '.join(same)}.")
    )
    if options.store:
        found = {
            "machine": {
                "CPU": processor(),
                "cores": os.cpu_count(),
                "Python": platform.python_version(),
                "nbgrader": version("nbgrader"),
            },
            "date": f"{date.today()}",
            **{name: getattr(options, name) for name in ("assignment", "students", "workers")},
            "seconds": each,
            "shares": shares,
            "second run": again,
            "identical": not same,
        }
        RESULTS.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.grading", description=__doc__)
    parser.add_argument("--assignment", default="a02_convolution")
    parser.add_argument("--students", type=int, default=40, help="of the judge's class")
    parser.add_argument("--sample", type=int, default=5, help="of them, for nbgrader's autograde")
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--store", action="store_true", help=f"write {RESULTS.name}")
    return parser.parse_args()


def hand_in(folder: Path, assignment: str, students: int) -> None:
    """Lay out a course in which so many students have handed in, and release the assignment."""
    ignored = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints")
    source = ROOT / "solutions" / assignment
    shutil.copytree(source, folder / "solutions" / assignment, ignore=ignored)
    shutil.copy(ROOT / "nbgrader_config.py", folder)
    release = notebooks.read(autograding.register(folder, assignment))
    reference = _reference(notebooks.read(source / f"{assignment}.ipynb"))
    known = load(ROOT / "tests" / "assignments" / f"{assignment}.py")
    for number in range(students):
        notebook = copy.deepcopy(release)
        for name, text in {**reference, **_others(known, number)}.items():
            notebooks.find(notebook, name).source = text
        where = folder / "submitted" / f"student{number:03}" / assignment
        notebooks.write(notebook, where / f"{assignment}.ipynb")


def _reference(source: NotebookNode) -> dict[str, str]:
    """The course's own answers, without nbgrader's markers."""
    answers = notebooks.solutions(source)
    return {name: notebooks.without_markers(cell.source) for name, cell in answers.items()}


def _others(known: Collection, number: int) -> dict[str, str]:
    """What a student did in another way, right or wrong: nothing, one cell, two cells, ..."""
    entries = known.entries
    chosen = [entries[(number * 7 + step * 5) % len(entries)] for step in range(number % 4)]
    return {entry.cell: entry.source for entry in chosen}


def stock_seconds(folder: Path, assignment: str, goodbye: str) -> float:
    """Seconds that `nbgrader autograde` takes for each further submission.

    Args:
        goodbye: how it ends kernels: "graceful", its default, or "immediate", this course's.
    """
    scripts = sysconfig.get_path("scripts")
    program = [str(Path(scripts, "nbgrader")), "autograde", assignment, f"--course-dir={folder}"]
    program += ["--force", f"--Execute.shutdown_kernel={goodbye}"]
    path = os.pathsep.join([scripts, os.environ.get("PATH", os.defpath)])
    subprocess.run(
        program,
        cwd=folder,
        env=os.environ | {"PATH": path, "OMP_NUM_THREADS": "1"},
        check=True,
        capture_output=True,
    )
    graded = folder.glob(f"autograded/*/{assignment}/{assignment}.ipynb")
    times = sorted(path.stat().st_mtime for path in graded)
    return (times[-1] - times[0]) / (len(times) - 1)


def differing(ours: Path, theirs: Path, assignment: str) -> list[str]:
    """Students whose scores are not the same in both gradebooks."""
    with (
        autograding.open_gradebook(ours) as judge,
        autograding.open_gradebook(theirs) as stock,
    ):
        return [
            student
            for student in autograding.students_known(stock)
            if autograding.scores(judge, assignment, student)
            != autograding.scores(stock, assignment, student)
        ]


@contextmanager
def _clocks() -> Iterator[dict[str, float]]:
    """Seconds spent in parts of grading, by name, while the block runs."""
    spent: dict[str, float] = defaultdict(float)

    def timed(name, function):
        def call(*args, **kwargs):
            begin = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                spent[name] += time.perf_counter() - begin

        return call

    parts = {
        "waiting for the imports": (workers.Workers, "_await"),
        "writing gradebook and notebooks": (Book, "record"),
        "registering the assignment": (autograding, "register"),
    }
    with ExitStack() as stack:
        for name, (owner, attribute) in parts.items():
            function = timed(name, getattr(owner, attribute))
            stack.enter_context(mock.patch.object(owner, attribute, function))
        yield spent


def _table(each: dict[str, float], options: argparse.Namespace) -> Table:
    table = Table("", "submissions", "s each", "a class of 300", title=options.assignment)
    for name, seconds in each.items():
        count = options.students if name == JUDGE else options.sample
        table.add_row(name, str(count), f"{seconds:.2f}", f"{300 * seconds / 60:.1f} min")
    return table


def _shares(shares: dict[str, float], students: int) -> Table:
    """Where the judge's time goes. Judging runs in several processes, the rest in one."""
    table = Table("where the judge's time goes", "s in all", "s each")
    for name, seconds in shares.items():
        table.add_row(name, f"{seconds * students:.2f}", f"{seconds:.3f}")
    return table


if __name__ == "__main__":
    main()
