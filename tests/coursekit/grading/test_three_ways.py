"""A student's own kernel, nbgrader's autograde and the judge agree about every known solution.

nbgrader starts a kernel for each submission, so the class is as small as it can be: each student
hands in one known solution, right or wrong, of each task, and together they hand in all of them.
In the student's own kernel only the visible checks run. A solution that is `judge_only` is one that
only a room can refuse: there the three differ, and only as they must.
"""

import ast
import os
import re
import shutil
from functools import cache
from typing import NamedTuple
from unittest.mock import patch

import pytest
import stock
import tiny_course
from nbclient import NotebookClient
from rich.console import Console
from tiny_course import ROOT

from coursekit import notebooks
from coursekit.authoring.checking import covering, some
from coursekit.collection import load
from coursekit.grading import autograding, classroom
from coursekit.grading.results import Status

pytestmark = pytest.mark.slow
SOURCES = covering(ROOT.glob("solutions/*/a*.ipynb"))
COLLECTIONS = {path.stem: load(ROOT / "tests/assignments" / f"{path.stem}.py") for path in SOURCES}
# What draws without a seed shows other numbers every time.
UNSEEDED = ("has no seed", "have no seed", "NumPy's global generator")


def chosen(entries):
    """The known solutions that are handed in."""
    return [entry for entry in some(entries) if not entry.name.endswith(UNSEEDED)]


ENTRIES = {name: chosen(known.entries) for name, known in COLLECTIONS.items()}


# --- the class -----------------------------------------------------------------------------------


@cache
def source(name):
    return notebooks.read(ROOT / "solutions" / name / f"{name}.ipynb")


@cache
def references(name):
    """Cell to fill -> the course's own answer."""
    return {cell: solved.source for cell, solved in notebooks.solutions(source(name)).items()}


def needs(name, entry):
    """Other tasks whose functions an entry calls, or whose tests it is known to fail."""
    called = {node.id for node in ast.walk(ast.parse(entry.source)) if isinstance(node, ast.Name)}
    failed = {test.removeprefix("test_") for test in entry.loses}
    return (called | failed) & references(name).keys() - {entry.cell}


@cache
def class_of(name):
    """Student -> the entries handed in, each of another task; the rest is the course's own answer.

    Entries that need most come first. Each goes to the first student who has nothing yet for its
    task, nor for those it needs.
    """
    students = []
    for entry in sorted(ENTRIES[name], key=lambda each: -len(needs(name, each))):
        needed = needs(name, entry)
        for entries, settled in students:
            taken = {each.cell for each in entries}
            if entry.cell not in taken | settled and not needed & taken:
                entries.append(entry)
                settled |= needed
                break
        else:
            students.append(([entry], set(needed)))
    return {f"student{number:02}": entries for number, (entries, _) in enumerate(students)}


def stated(name, entries, in_a_room=True):
    """Test cell -> points that are left after what the entries are known to lose."""
    points = {test: notebooks.points(cell) for test, cell in notebooks.tests(source(name)).items()}
    for entry in entries:
        for test, loses in entry.loses.items():
            points[test] -= 0 if entry.judge_only and not in_a_room else loses
    return points


def refused(name, student):
    """Test cells of a student in which only a room refuses something."""
    only = (entry for entry in class_of(name)[student] if entry.judge_only)
    return {test for entry in only for test in entry.loses}


def comparable(name, found):
    """Student -> test cell -> what came out, where no room has refused anything."""
    return {
        student: {test: each for test, each in tests.items() if test not in refused(name, student)}
        for student, tests in found.items()
    }


# --- what a test cell shows ----------------------------------------------------------------------

CHECK = re.compile(r"^  ([✓✗]) .+ \(([\d.]+) points?(?:, hidden)?\)$", re.MULTILINE)


class Shown(NamedTuple):
    """A report without its first line, and the score below it."""

    report: str
    score: float

    @property
    def visible(self):
        """The report without hidden checks."""
        parts = re.split(r"^(?=  [✓✗] )", self.report, flags=re.MULTILINE)
        return "".join(part for part in parts if not part.partition("\n")[0].endswith(", hidden)"))

    def scaled(self, most):
        """The score that the visible checks alone amount to."""
        checks = [(mark, float(points)) for mark, points in CHECK.findall(self.visible)]
        void = not self.visible.startswith("  ")
        earned = 0.0 if void else sum(points for mark, points in checks if mark == "✓")
        return float(f"{most * earned / sum(points for _, points in checks):g}")


def shown_in(notebook):
    """Test cell -> what it shows."""
    found = {}
    for test, cell in notebooks.tests(notebook).items():
        outputs = {output.output_type: output for output in cell.outputs}
        report = outputs["display_data"].data["text/plain"]
        score = outputs["execute_result"].data["text/plain"]
        found[test] = Shown(report.partition("\n")[2] + "\n", float(score))
    return found


# --- graded three ways ---------------------------------------------------------------------------


@pytest.fixture(scope="module", params=COLLECTIONS)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def course(name, tmp_path_factory):
    """A course in which the class has handed in."""
    root = tmp_path_factory.mktemp("course")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "solutions" / name, root / "solutions" / name, ignore=ignored)
    shutil.copy(ROOT / "nbgrader_config.py", root)
    release = autograding.register(root, name)
    for student, entries in class_of(name).items():
        answers = references(name) | {entry.cell: entry.source for entry in entries}
        notebook = tiny_course.answered(notebooks.read(release), answers)
        notebooks.write(notebook, root / "submitted" / student / name / f"{name}.ipynb")
    return root


@pytest.fixture(scope="module")
def judged(course, name, warm):
    return graded(
        course, name, classroom.grade(course, name, workers=1, console=Console(quiet=True))
    )


@pytest.fixture(scope="module")
def autograded(course, name, tmp_path_factory):
    twin = tmp_path_factory.mktemp("twin") / "course"
    shutil.copytree(course, twin, ignore=shutil.ignore_patterns("autograded", ".grading", "*.db"))
    return graded(twin, name, stock.grade(twin, name))


def graded(root, name, results):
    """Student -> the result, and what the graded notebook shows."""
    folder = root / "autograded"
    return {
        result.student: (
            result,
            shown_in(notebooks.read(folder / result.student / name / f"{name}.ipynb")),
        )
        for result in results
    }


@pytest.fixture(scope="module")
def own(course, name, tmp_path_factory):
    """Student -> what the notebook shows; one kernel runs them all, one after the other."""
    release = autograding.release_of(course, name)
    client = NotebookClient(
        notebooks.read(release),
        timeout=60,
        kernel_name="python3",
        allow_errors=True,
        shutdown_kernel="immediate",
        resources={"metadata": {"path": str(release.parent)}},
    )
    private = {"IPYTHONDIR": str(tmp_path_factory.mktemp("ipython")), "OMP_NUM_THREADS": "1"}
    with patch.dict(os.environ, private), client.setup_kernel():
        paths = {s: course / "submitted" / s / name / f"{name}.ipynb" for s in class_of(name)}
        return {student: shown_in(run(client, path)) for student, path in paths.items()}


def run(client, path):
    """The notebook at `path`, run in the kernel of a client."""
    client.nb = notebooks.read(path)
    for index, cell in enumerate(client.nb.cells):
        client.execute_cell(cell, index)
    return client.nb


def agree(name, one, other):
    """Whether two dicts, student -> test cell -> what came out, hold the same; else fails."""
    differing = [
        f"{student}, {test}: {value} or {other[student][test]}? Handed in: "
        + ", ".join(map(str, class_of(name)[student]))
        for student, values in one.items()
        for test, value in values.items()
        if value != other[student][test]
    ]
    assert not differing, "\n".join(differing)
    assert one.keys() == other.keys()


def test_every_known_solution_is_handed_in_once(name):
    entries = [str(entry) for entries in class_of(name).values() for entry in entries]
    assert sorted(entries) == sorted(map(str, ENTRIES[name]))


def test_the_judge_gives_each_solution_the_points_it_should_get(name, judged):
    expected = {student: stated(name, entries) for student, entries in class_of(name).items()}
    points = {student: result.scores for student, (result, _) in judged.items()}
    agree(name, expected, points)
    assert {(result.status, result.notes) for result, _ in judged.values()} == {(Status.GRADED, ())}


def test_autograde_stores_the_same_points_but_for_what_only_a_room_refuses(name, autograded):
    expected = {who: stated(name, entries, False) for who, entries in class_of(name).items()}
    agree(name, expected, {student: result.scores for student, (result, _) in autograded.items()})


def test_autograde_shows_the_same_reports(name, judged, autograded):
    ours, theirs = (
        {who: shown for who, (_, shown) in each.items()} for each in (judged, autograded)
    )
    agree(name, comparable(name, ours), comparable(name, theirs))


def test_the_students_own_kernel_shows_the_same_visible_checks(name, judged, own):
    ours = {
        who: {test: each.visible for test, each in shown.items()}
        for who, (_, shown) in judged.items()
    }
    theirs = {
        who: {test: each.report for test, each in shown.items()} for who, shown in own.items()
    }
    agree(name, comparable(name, ours), comparable(name, theirs))


def test_the_students_own_kernel_shows_the_score_that_the_visible_checks_earn(name, judged, own):
    most = stated(name, [])
    ours = {
        who: {test: each.scaled(most[test]) for test, each in shown.items()}
        for who, (_, shown) in judged.items()
    }
    theirs = {who: {test: each.score for test, each in shown.items()} for who, shown in own.items()}
    agree(name, comparable(name, ours), comparable(name, theirs))


def test_the_students_own_kernel_gives_full_marks_to_what_only_a_room_refuses(name, own):
    most = stated(name, [])
    got = {who: {test: own[who][test].score for test in refused(name, who)} for who in own}
    agree(name, got, {who: {test: most[test] for test in tests} for who, tests in got.items()})
