"""The demo makes a class, grades it and shows what came out."""

import csv
import os

import pytest
import tiny_course
from tiny_course import NAME

from coursekit import demo

COLLECTION = f"""\
from coursekit.collection import Collection

known = Collection("{NAME}")


@known.right("by adding")
def double(x):
    return x + x


@known.wrong("squares", loses=2)
def double(x):
    return x * x


@known.wrong("adds two", loses=2)
def double(x):
    return x + 2


@known.wrong("rounds down", loses=3)
def halve(x):
    return x // 2
"""


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    root = tiny_course.build(tmp_path_factory.mktemp("course"))
    (root / "tests" / "assignments").mkdir(parents=True)
    (root / "tests" / "assignments" / f"{NAME}.py").write_text(COLLECTION)
    return root


@pytest.fixture(scope="module")
def shown(course):
    """A demo that replaced an earlier one: what is in its table of grades."""
    folder = course / "demo"
    folder.mkdir()
    (folder / demo.MARK).touch()
    (folder / "left over").touch()
    with demo.run(folder, course).open(newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


@pytest.mark.parametrize(
    ("student", "status", "double", "halve"),
    [
        ("ada", "graded", "2", "3"),
        ("blaise", "graded", "2", "3"),
        ("carl", "graded", "0", "3"),
        ("dora", "graded", "0", "0"),
        ("emmy", "graded", "2", "0"),
        ("felix", "graded", "0", "0"),
        ("grace", "needs attention", "0", "3"),
        ("henri", "needs attention", "2", "3"),
        ("ines", "unreadable", "0", "0"),
        ("jan", "unreadable", "0", "0"),
    ],
)
def test_each_student_gets_the_points_of_their_work(shown, student, status, double, halve):
    row = shown[student]
    assert (row["status"], row["test_double"], row["test_halve"]) == (status, double, halve)


def test_everyone_gets_feedback_and_what_was_there_before_is_gone(course, shown):
    pages = course.glob(f"demo/feedback/*/{NAME}/{NAME}.html")
    assert {page.parents[1].name for page in pages} == set(shown) == set(demo.STUDENTS)
    assert not (course / "demo" / "left over").exists()


@pytest.fixture
def forbidden(tmp_path, monkeypatch):
    """Bubblewrap is there, and may make no namespace: what it says in a container."""
    program = tmp_path / "bin" / "bwrap"
    program.parent.mkdir()
    said = "bwrap: No permissions to create new namespace"
    program.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")


def test_where_no_sandbox_starts_it_says_so_and_goes_on(course, forbidden, tmp_path, capsys):
    grades = demo.run(tmp_path / "demo", course)
    with grades.open(newline="") as file:
        points = {row["student"]: row["test_double"] for row in csv.DictReader(file)}
    assert (points["ada"], points["carl"]) == ("2", "0")
    words = " ".join(capsys.readouterr().out.split())
    assert "this system forbids user namespaces" in words
    assert "students are known, so the judge grades them without" in words
    assert f"{len(demo.STUDENTS)} graded without the sandbox" in words


def test_a_folder_with_other_things_in_it_is_left_alone(course, tmp_path):
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(FileExistsError, match="is no demo's folder"):
        demo.run(tmp_path, course)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_outside_a_course_it_says_what_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match="has no solutions/ with tests/assignments/"):
        demo.run(tmp_path / "demo", tmp_path)
