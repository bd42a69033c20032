"""nbgrader's own autograde over a class: what it stops at costs one student's run."""

import shutil

import pytest
import tiny_course
from tiny_course import MOST, NAME, RIGHT, answered, hand_in

from coursekit import notebooks
from coursekit.grading import autograding, classroom, stock
from coursekit.grading.results import Status

FULL = {"test_double": 2.0, "test_halve": 3.0, "explain_double": None}
NOTHING = dict.fromkeys(MOST, 0.0)


def python(*lines):
    """Right answers, but the function `double` begins with other lines."""
    argument, *rest = RIGHT["double"].splitlines()
    return RIGHT | {"double": "\n".join([argument, *(f"    {line}" for line in lines), *rest])}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    root = tiny_course.build(tmp_path_factory.mktemp("course"))
    path = autograding.register(root, NAME)
    kill = "import os, signal; os.kill(os.getppid(), signal.SIGKILL)"
    silent = f"import sys\n{RIGHT['double']}\nget_ipython().displayhook.__class__.__call__ = print"
    for student, answers in {
        "right": RIGHT,
        "untouched": {},
        "endless": python("while True: pass"),
        "kernel_dies": python("import os; os._exit(1)"),
        "kills_its_parent": python(kill),
        "silent": RIGHT | {"double": silent},
        "odd[name]": RIGHT,
    }.items():
        hand_in(root, student, answered(notebooks.read(path), answers))
    hand_in(root, "empty", data=b"")
    return root


@pytest.fixture(scope="module")
def graded(course):
    results = classroom.grade(course, NAME, engine="stock")
    return {result.student: result for result in results}


@pytest.mark.parametrize(("student", "scores"), [("right", FULL), ("untouched", NOTHING)])
def test_ordinary_work_gets_its_points_and_no_remark_but_one(graded, student, scores):
    result = graded[student]
    assert (result.status, dict(result.scores)) == (Status.GRADED, scores)
    assert result.notes == (classroom.UNCONFINED,)


def test_an_endless_loop_costs_that_question_only(graded):
    result = graded["endless"]
    assert result.status == Status.ATTENTION
    assert result.notes == ("time-out in test_double", classroom.UNCONFINED)
    assert result.scores == FULL | {"test_double": 0.0}


@pytest.mark.parametrize(
    ("student", "words"),
    [
        ("kernel_dies", "the kernel died"),
        ("kills_its_parent", "the grading process died"),
        ("odd[name]", "cannot be a student's id"),
    ],
)
def test_what_cannot_be_run_waits_for_a_person(course, graded, student, words):
    result = graded[student]
    assert result.status == Status.ATTENTION
    assert words in " ".join(result.notes)
    assert result.scores == NOTHING
    with autograding.open_gradebook(course) as gradebook:
        assert gradebook.find_submission(NAME, student).needs_manual_grade


def test_silence_is_not_full_marks(graded):
    result = graded["silent"]
    assert "test_double ended without a score" in result.notes
    assert result.scores["test_double"] == 0.0


def test_what_cannot_be_read_gets_no_points(graded):
    assert (graded["empty"].status, graded["empty"].scores) == (Status.UNREADABLE, NOTHING)


def test_without_the_sandbox_every_result_says_so(course):
    (result,) = classroom.grade(course, NAME, ["right"], sandboxed=False)
    assert (result.notes, result.scores) == (("graded without the sandbox",), FULL)


def test_giving_up_writes_nothing_where_a_link_points(course, graded):
    neighbour, own = (course / "autograded" / name / NAME for name in ("right", "endless"))
    before = (neighbour / f"{NAME}.ipynb").read_bytes()
    shutil.rmtree(own)
    own.symlink_to(neighbour)
    stock.give_up(course, NAME, "endless", "the kernel died")
    assert (neighbour / f"{NAME}.ipynb").read_bytes() == before
    assert not own.is_symlink()
    assert "the kernel died" in (own / f"{NAME}.ipynb").read_text()


def test_an_interrupt_ends_what_is_in_progress_and_gives_nobody_zero(course, graded, monkeypatch):
    with autograding.open_gradebook(course) as gradebook:
        before = autograding.scores(gradebook, NAME, "endless")
    arriving = stock.results(course, NAME, ["right", "endless"], workers=2, limit=60)
    assert next(arriving).student == "right"
    given_up = []
    monkeypatch.setattr(stock, "give_up", lambda *about: given_up.append(about))
    arriving.close()
    assert given_up == []
    with autograding.open_gradebook(course) as gradebook:
        assert autograding.scores(gradebook, NAME, "endless") == before


def test_a_submission_that_takes_too_long_is_given_up(course, graded):
    (result,) = classroom.grade(course, NAME, ["endless"], engine="stock", limit=1)
    assert result.status == Status.ATTENTION
    assert "stopped after 1 seconds" in result.notes
    assert result.scores == NOTHING
