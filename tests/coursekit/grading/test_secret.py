"""The secret of a class: every way of grading draws from it, and nobody is told."""

import os
from dataclasses import replace

import pytest
import stock
import tiny_course
from tiny_course import NAME, RIGHT, answered, hand_in, released

from coursekit import notebooks
from coursekit.checks import inputs
from coursekit.checks.inputs import SecretError, secret_of
from coursekit.grading import autograding, classroom, hashes, session
from coursekit.grading.autograding import GradingFailed
from coursekit.grading.jobs import Job, Material, Start
from coursekit.grading.workers import Workers

SECRET = "3f0c-of-this-class"
FULL = {"test_double": 2.0, "test_halve": 3.0}
LOOKS = f"""\
def double(x):
    import os
    found = [*os.environ, *os.environ.values()]
    return 0 if {inputs.SECRET!r} in found or {SECRET[::-1]!r}[::-1] in found else 2 * x"""


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    monkeypatch.delenv(inputs.SECRET, raising=False)


def source(secret):
    """The small assignment; its hidden check holds only where it draws from this secret."""
    with inputs.drawn_from(secret):
        drawn = inputs.generator("double", "a negative number", 1, hidden=True).integers(2**40)
    notebook = tiny_course.source()
    test = notebooks.find(notebook, "test_double")
    line = f"    task.equal(int(task.rng().integers(2**40)), {drawn})\n"
    test.source = test.source.replace(
        "    task.equal(double(-4)", line + "    task.equal(double(-4)"
    )
    assert str(drawn) in test.source
    return notebook


def material(secret):
    of_class = source(SECRET)
    return Material(
        notebooks.text_of(of_class), notebooks.text_of(released(of_class)), secret=secret
    )


def points(answer):
    return {q.name: q.points for q in answer.outcome.grade.questions if q.points is not None}


# --- where it stands -----------------------------------------------------------------------------


def test_it_stands_in_the_environment_or_else_in_a_file(tmp_path, monkeypatch):
    assert secret_of(tmp_path) == inputs.PUBLISHED == inputs.secret()
    (tmp_path / "course_secret").write_text(f"{SECRET}\n")
    assert secret_of(tmp_path) == SECRET
    monkeypatch.setenv(inputs.SECRET, "another")
    assert secret_of(tmp_path) == "another" == inputs.secret()
    monkeypatch.setenv(inputs.SECRET, "")
    assert (secret_of(tmp_path), inputs.secret()) == (SECRET, inputs.PUBLISHED)


@pytest.mark.parametrize(
    ("data", "says"), [(b" \n", "is empty"), (b"\xff\xfe12", "cannot be read as text")]
)
def test_a_file_of_no_use_is_an_error_that_says_how_to_write_one(tmp_path, data, says):
    (tmp_path / "course_secret").write_bytes(data)
    with pytest.raises(SecretError, match=f"course_secret {says}.*openssl rand -hex 16") as error:
        secret_of(tmp_path)
    assert "12" not in str(error.value)
    tiny_course.build(tmp_path)
    with pytest.raises(GradingFailed, match="openssl rand"):
        classroom.grade(tmp_path, NAME)


def test_it_holds_for_a_while_and_is_put_back(monkeypatch):
    for before in (None, "before"):
        if before:
            monkeypatch.setenv(inputs.SECRET, before)
        with pytest.raises(ZeroDivisionError), inputs.drawn_from(SECRET):
            assert inputs.secret() == SECRET
            raise ZeroDivisionError
        assert os.environ.get(inputs.SECRET) == before


# --- who draws from it ---------------------------------------------------------------------------


def test_hidden_checks_of_the_judge_draw_from_it_and_rooms_are_not_told(warm, monkeypatch):
    monkeypatch.setenv(inputs.SECRET, SECRET)  # as it stands for whoever grades
    with Workers((right := material(SECRET)).start, right) as workers:
        for answers in (RIGHT, RIGHT | {"double": LOOKS}):
            text = notebooks.text_of(answered(notebooks.of_text(right.release), answers))
            answer = workers.grade(Job(f"{NAME}.ipynb", text=text))
            assert points(answer) == FULL
            assert SECRET not in answer.outcome.notebook + answer.outcome.grade.to_json()
    with Workers(Start(), material("another")) as workers:
        answer = workers.grade(Job(f"{NAME}.ipynb", text=text))
    assert points(answer) == FULL | {"test_double": 1.0}


def test_an_unconfined_room_is_not_told_either(monkeypatch):
    monkeypatch.setenv(inputs.SECRET, SECRET)
    of_class = material(SECRET)
    of_class = replace(of_class, start=Start(confined=False))
    text = notebooks.text_of(
        answered(notebooks.of_text(of_class.release), RIGHT | {"double": LOOKS})
    )
    with Workers(of_class.start, of_class) as workers:
        assert points(workers.grade(Job(f"{NAME}.ipynb", text=text))) == FULL


@pytest.fixture
def course(tmp_path):
    """A course with a secret, and one submission."""
    root = tiny_course.build(tmp_path)
    notebooks.write(source(SECRET), root / "solutions" / NAME / f"{NAME}.ipynb")
    path = autograding.register(root, NAME)
    hand_in(root, "ada", answered(notebooks.read(path), RIGHT))
    (root / inputs.FILE).write_text(SECRET)
    return root


def test_nbgraders_own_autograde_draws_from_it_too(course):
    (result,) = stock.grade(course, NAME)
    assert dict(result.scores) == FULL | {"explain_double": None}
    assert holding(course, SECRET) == [inputs.FILE]


def test_it_shows_in_no_text_of_what_carries_it():
    carried = [material(SECRET), session.Options(secret=SECRET)]
    assert not [each for each in carried if SECRET in repr(each)]
    assert hashes.secret_hash(SECRET) != hashes.secret_hash("another")


def holding(course, text):
    """Files of a course that hold a text."""
    files = (path for path in course.rglob("*") if path.is_file())
    return [p.relative_to(course).as_posix() for p in files if text.encode() in p.read_bytes()]
