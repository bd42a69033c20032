"""One submission is judged: points from checks that ran here, whatever its code does there."""

import ast
from functools import cache
from itertools import zip_longest

import pytest
import tiny_course
from tiny_course import ROOT

from coursekit import notebooks
from coursekit.authoring.checking import some
from coursekit.collection import collections_in, load
from coursekit.grading.judge import Judge, JudgeError
from coursekit.notebooks import Kind
from coursekit.sandbox import Limits

FULL = {"test_double": 2.0, "test_halve": 3.0}
COLLECTIONS = {path.stem: load(path) for path in collections_in(ROOT)}


# --- the assignments of the course ---------------------------------------------------------------


def path_of(folder, name):
    return ROOT / folder / name / f"{name}.ipynb"


@cache
def source(name):
    return notebooks.read(path_of("solutions", name))


@cache
def references(name):
    """Task -> the course's own solution."""
    cells = notebooks.solutions(source(name)).items()
    return {task: cell.source for task, cell in cells if notebooks.kind(cell) == Kind.SOLUTION}


def needs(name, entry):
    """Other tasks whose functions an entry calls, or whose tests it is known to fail."""
    called = {node.id for node in ast.walk(ast.parse(entry.source)) if isinstance(node, ast.Name)}
    failed = {test.removeprefix("test_") for test in entry.loses}
    return (called | failed) & references(name).keys() - {entry.cell}


def sittings(name):
    """Entries that can be handed in together: one for each task, or one that needs others alone."""
    free = {}
    for entry in some(COLLECTIONS[name].entries):
        if needs(name, entry):
            yield [entry]
        else:
            free.setdefault(entry.cell, []).append(entry)
    yield from ([e for e in together if e] for together in zip_longest(*free.values()))


SITTINGS = [
    pytest.param(name, entries, id=f"{name}-{number}")
    for name in COLLECTIONS
    for number, entries in enumerate(sittings(name))
]


@pytest.fixture(scope="module")
def judge(warm):
    return cache(
        lambda name: Judge.of(path_of("solutions", name), path_of("assignments", name), warm)
    )


@pytest.mark.parametrize(("name", "entries"), SITTINGS)
def test_known_solutions_lose_what_they_lose_without_a_sandbox(judge, name, entries):
    answers = {need: references(name)[need] for entry in entries for need in needs(name, entry)}
    answers |= {entry.cell: entry.source for entry in entries}
    submission = notebooks.read(path_of("assignments", name))
    judgement = judge(name).grade(tiny_course.answered(submission, answers))
    full = {f"test_{task}": judgement.maximum[f"test_{task}"] for task in answers}
    expected = dict.fromkeys(judgement.maximum, 0.0) | full
    for entry in entries:
        for test, points in entry.loses.items():
            expected[test] -= points
    reports = [judgement.tasks[test] for test in judgement.tasks if test in full]
    assert judgement.points == pytest.approx(expected), [
        (result.name, result.finding) for task in reports for result in task.results
    ]
    assert judgement.incidents == {}


@pytest.mark.parametrize("name", COLLECTIONS)
def test_the_reference_earns_everything_and_the_release_nothing(judge, name):
    right = judge(name).grade(source(name))
    assert (right.points, right.errors, right.incidents) == (right.maximum, {}, {})
    unwritten = judge(name).grade(notebooks.read(path_of("assignments", name)))
    assert set(unwritten.points.values()) == {0.0}
    assert (unwritten.errors, unwritten.incidents, unwritten.repairs) == ({}, {}, [])


# --- a short assignment --------------------------------------------------------------------------


def test_right_answers_earn_full_marks(sit):
    judgement = sit({})
    assert (judgement.points, judgement.total) == (FULL, 5.0)
    assert [result.passed for result in judgement.tasks["test_double"].results] == [True, True]


def test_what_a_cell_shows_is_kept(sit):
    judgement = sit({}, before=["print('mine')\n6 * 7"])
    assert [out.get("text") for out in judgement.runs["added-1"].outputs] == ["mine\n", None]


def test_helpers_in_cells_of_the_students_own_work(sit):
    answers = {"double": "def double(x):\n    return helper(x, 2)"}
    assert sit(answers, before=["def helper(x, n): return n * x"]).points == FULL


def test_a_later_cell_can_define_a_function_anew(sit):
    answers = {"halve": "def double(x): return 0\ndef halve(x):\n    return x / 2"}
    assert sit(answers).points == FULL  # the test of `double` came before


def test_the_line_that_raised_is_reported(sit):
    judgement = sit({"halve": "def halve(x):\n    y = x / 0\n    return y"})
    (result,) = judgement.tasks["test_halve"].results
    assert result.finding.says == "ZeroDivisionError: float division by zero"
    assert result.finding.details == ("at line 2 of the cell that defines halve: `y = x / 0`",)
    assert judgement.points == FULL | {"test_halve": 0.0}


def test_what_the_code_printed_is_reported(sit):
    judgement = sit({"halve": "def halve(x):\n    print('got', x)\n    return 0.0"})
    assert judgement.tasks["test_halve"].results[0].printed == "got 3.0"


def test_a_cell_with_an_error_costs_only_its_question(sit):
    judgement = sit({"double": "def double(x:\n    return 2 * x"})
    assert judgement.points == FULL | {"test_double": 0.0}
    assert judgement.errors["double"].startswith("SyntaxError")


@pytest.mark.parametrize(
    "body", ["while True: pass", "import os; os._exit(1)", "import ctypes; ctypes.string_at(0)"]
)
def test_a_call_that_brings_the_room_down_costs_its_question_alone(sit, body):
    answers = {"double": f"def double(x):\n    if x == 3: return 6\n    {body}"}
    judgement = sit(answers, before=["times = 1"], call_seconds=1)
    assert judgement.points == FULL | {"test_double": 0.0}
    assert list(judgement.incidents) == ["test_double"]


@pytest.mark.parametrize("line", ["while True: pass", "import os; os._exit(1)"])
def test_a_cell_that_brings_the_room_down_is_left_out_when_it_is_built_again(sit, line):
    answers = {"double": f"def double(x):\n    return 2 * x\n{line}"}
    later = {"halve": "def halve(x):\n    return x / two"}
    judgement = sit(answers | later, before=["two = 2"], cell_seconds=1)
    assert judgement.points == FULL | {"test_double": 0.0}
    assert list(judgement.incidents) == ["double"]
    assert judgement.tasks["test_double"].results[0].finding.kind == "missing"


def test_when_all_time_is_used_up_the_rest_earns_nothing(sit):
    answers = {"double": "def double(x):\n    while True: pass"}
    judgement = sit(answers, notebook_seconds=1)
    assert judgement.points == dict.fromkeys(FULL, 0.0)
    assert "used up" in judgement.errors["test_halve"]


def test_a_test_cell_without_a_score_earns_nothing(warm, tmp_path):
    notebook = tiny_course.source()
    test = notebooks.find(notebook, "test_halve")
    test.source = test.source.replace("task.score()", "3.0")
    assert Judge(notebook, _bare(notebook), tmp_path, {}, warm).grade(_bare(notebook)).points == {
        "test_double": 0.0,
        "test_halve": 0.0,
    }


@pytest.mark.parametrize("line", ["raise RuntimeError('broken')", "import nowhere_to_be_found"])
def test_a_course_that_does_not_run_is_nobodys_fault(warm, tmp_path, line):
    notebook = tiny_course.source()
    notebooks.find(notebook, "setup").source += f"\n{line}"
    with pytest.raises(JudgeError, match="setup of the course"):
        Judge(notebook, _bare(notebook), tmp_path, {}, warm).grade(_bare(notebook))


def test_a_set_up_that_a_student_has_broken_costs_the_student(sit):
    judgement = sit({}, before=["get_ipython().run_cell = None"], place=1)
    assert judgement.points == dict.fromkeys(FULL, 0.0)
    assert "not callable" in judgement.errors["setup"]


def test_files_beside_the_notebook_can_be_imported_on_both_sides(warm, tmp_path):
    (tmp_path / "beside.py").write_text("FACTOR = 2")
    notebook = tiny_course.source()
    notebooks.find(notebook, "setup").source += "\nimport beside"
    submission = tiny_course.answered(
        _bare(notebook), {"double": "def double(x):\n    return beside.FACTOR * x"}
    )
    files = {"beside.py": b"FACTOR = 2"}
    judge = Judge(notebook, _bare(notebook), tmp_path, files, warm, Limits())
    assert judge.grade(submission).points == FULL | {"test_halve": 0.0}


def _bare(notebook):
    """A release in which nothing is filled in."""
    release = notebooks.normalise(notebook)
    for cell in release.cells:
        cell.source = "\n".join(notebooks.outside_region(cell.source, notebooks.HIDDEN))
        if notebooks.kind(cell) == Kind.SOLUTION:
            cell.source = ""
    return release
