"""The one writer: a submission is in the gradebook whole, and what a person settled stays so."""

import os
import shutil

import pytest
import tiny_course
from tiny_course import NAME, RIGHT, answered

from coursekit import notebooks, scores
from coursekit.grading import autograding
from coursekit.grading.autograding import GradingFailed
from coursekit.grading.gradebook import Book

FULL = {"test_double": 2.0, "test_halve": 3.0}


@pytest.fixture(scope="module")
def registered(tmp_path_factory):
    root = tiny_course.build(tmp_path_factory.mktemp("course"))
    autograding.register(root, NAME)
    return root


@pytest.fixture
def course(registered, tmp_path):
    return shutil.copytree(registered, tmp_path / "course")


def record(course, student="ada", points=FULL, answers=RIGHT, **more):
    release = notebooks.read(autograding.release_of(course, NAME))
    with Book(course, NAME) as book:
        book.record(student, answered(release, answers), points, **more)
        return book.scores(student)


def settle(course, student="ada", **manual):
    """A person gives points in formgrader, which closes the cell."""
    with autograding.open_gradebook(course) as gradebook:
        for name, points in manual.items():
            grade = gradebook.find_grade(name, NAME, NAME, student)
            grade.manual_score, grade.needs_manual_grade = points, False
            gradebook.find_comment("explain_double", NAME, NAME, student).manual_comment = "Hm."
        gradebook.db.commit()


def waiting(course, student="ada"):
    """Cells that wait for a person."""
    with autograding.open_gradebook(course) as gradebook:
        marks = scores.marks(gradebook, NAME)[student]
    return {name for name, mark in marks.items() if mark.open}


# --- what a person has decided -------------------------------------------------------------------


def test_written_answers_wait_for_a_person(course):
    assert record(course) == FULL | {"explain_double": None}
    assert waiting(course) == {"explain_double"}


def test_what_a_person_settled_stays_settled_when_tests_change(course):
    record(course)
    settle(course, explain_double=3.5)
    after = record(course, points=FULL | {"test_halve": 0.0})
    assert after == {"test_double": 2.0, "test_halve": 0.0, "explain_double": 3.5}
    assert waiting(course) == set()


def test_another_written_answer_waits_again_and_keeps_its_points(course):
    record(course)
    settle(course, explain_double=3.5)
    answers = RIGHT | {"explain_double": "Because I say so."}
    assert record(course, answers=answers)["explain_double"] == 3.5
    assert waiting(course) == {"explain_double"}


def test_points_that_a_person_overruled_wait_again_only_if_the_machine_counts_otherwise(course):
    record(course, points=FULL | {"test_halve": 0.0})
    settle(course, explain_double=1.0, test_halve=2.0)
    assert record(course, points=FULL | {"test_halve": 0.0})["test_halve"] == 2.0
    assert waiting(course) == set()
    assert record(course, points=FULL)["test_halve"] == 2.0
    assert waiting(course) == {"test_halve"}


def test_what_is_flagged_waits_until_it_is_graded_without_a_flag(course):
    record(course)
    settle(course, explain_double=3.5)
    record(course, flag=True)
    assert waiting(course) == FULL.keys()
    record(course)
    assert waiting(course) == set()


def test_comments_and_extra_credit_stay(course):
    record(course)
    settle(course, explain_double=1.0)
    with autograding.open_gradebook(course) as gradebook:
        gradebook.find_grade("test_double", NAME, NAME, "ada").extra_credit = 0.5
        gradebook.db.commit()
    assert record(course)["test_double"] == 2.5
    with autograding.open_gradebook(course) as gradebook:
        assert gradebook.find_comment("explain_double", NAME, NAME, "ada").comment == "Hm."


# --- the assignment itself -----------------------------------------------------------------------


def edit(course, old, new):
    path = course / "solutions" / NAME / f"{NAME}.ipynb"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_cells_that_were_renamed_after_grading_are_named(course):
    record(course)
    edit(course, '"test_halve"', '"test_half"')
    with pytest.raises(GradingFailed, match=r"have come or gone since: -test_halve, \+test_half\."):
        autograding.register(course, NAME)


def test_cells_may_be_renamed_before_anything_is_graded(course):
    edit(course, '"test_halve"', '"test_half"')
    autograding.register(course, NAME)
    with autograding.open_gradebook(course) as gradebook:
        assert "test_half" in autograding.questions(gradebook, NAME)


def test_another_maximum_counts_at_once(course):
    record(course)
    edit(course, '"points": 3', '"points": 6')
    autograding.register(course, NAME)
    assert record(course, points={"test_double": 2.0, "test_halve": 6.0})["test_halve"] == 6.0
    with autograding.open_gradebook(course) as gradebook:
        assert autograding.questions(gradebook, NAME)["test_halve"] == 6.0


def test_a_broken_source_is_named(course):
    path = course / "solutions" / NAME / f"{NAME}.ipynb"
    path.write_text(path.read_text()[:99])
    with pytest.raises(GradingFailed, match=rf"{NAME}\.ipynb: truncated\. The file ends"):
        autograding.register(course, NAME)


# --- late penalties ------------------------------------------------------------------------------

PLUGIN = """
from nbgrader.plugins import BasePlugin


class Plugin(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return {value}


c.AssignLatePenalties.plugin_class = Plugin
"""
LATE = "2026-03-01 14:00:00 UTC"


def due(course, plugin):
    with (course / "nbgrader_config.py").open("a") as file:
        file.write(PLUGIN.format(value=plugin))
    with autograding.open_gradebook(course) as gradebook:
        gradebook.update_or_create_assignment(NAME, duedate="2026-03-01 12:00:00 UTC")


def penalty(course, student="ada"):
    with autograding.open_gradebook(course) as gradebook:
        return gradebook.find_submission(NAME, student).late_submission_penalty


def test_an_extension_takes_the_penalty_away(course):
    due(course, "total_seconds_late / 3600")
    record(course, stamp=LATE)
    assert penalty(course) == 2.0
    with Book(course, NAME) as book:
        before = book.terms("ada", LATE)
    with autograding.open_gradebook(course) as gradebook:
        gradebook.grant_extension(NAME, "ada", hours=3)
    with Book(course, NAME) as book:
        assert book.terms("ada", LATE) != before
    record(course, stamp=LATE)
    assert penalty(course) == 0.0


def test_a_penalty_is_never_more_than_the_points(course):
    due(course, "1000.0")
    record(course, stamp=LATE)
    assert penalty(course) == 5.0


def test_a_plugin_that_fails_is_named_and_nothing_is_stored(course):
    due(course, "1 / 0")
    with pytest.raises(GradingFailed, match=r"Late penalties.*Plugin.*division by zero"):
        record(course, stamp=LATE)
    with autograding.open_gradebook(course) as gradebook:
        assert gradebook.students == []
    assert not (course / "autograded" / "ada").exists()


# --- autograded/ ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["link to a folder", "dangling link", "file", "folder"])
def test_whatever_is_in_the_place_of_the_graded_notebook_gives_way(course, tmp_path, kind):
    target, elsewhere = course / "autograded" / "ada" / NAME, tmp_path / "elsewhere"
    target.parent.mkdir(parents=True)
    elsewhere.mkdir()
    (elsewhere / "mine").write_text("mine")
    match kind:
        case "link to a folder":
            target.symlink_to(elsewhere)
        case "dangling link":
            target.symlink_to(tmp_path / "nowhere")
        case "file":
            target.write_text("a file")
        case "folder":
            (target / "old").mkdir(parents=True)
    record(course)
    assert [path.name for path in target.iterdir()] == [f"{NAME}.ipynb"]
    assert not target.is_symlink()
    assert (elsewhere / "mine").read_text() == "mine"


def test_graded_notebooks_are_read_only_as_nbgrader_makes_them(course):
    (course / "solutions" / NAME / "data.csv").write_text("1,2")
    for _ in range(2):
        record(course)
        files = list((course / "autograded" / "ada" / NAME).iterdir())
        assert {path.name: path.stat().st_mode & 0o777 for path in files} == {
            f"{NAME}.ipynb": 0o444,
            "data.csv": 0o444,
        }


def test_the_configured_permissions_are_kept(course):
    with (course / "nbgrader_config.py").open("a") as file:
        file.write("c.Autograde.permissions = 640\n")
    record(course)
    path = course / "autograded" / "ada" / NAME / f"{NAME}.ipynb"
    assert path.stat().st_mode & 0o777 == 0o640


def test_an_interrupted_write_leaves_no_rubbish(course, monkeypatch):
    record(course)

    def die(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", die)
        with pytest.raises(KeyboardInterrupt):
            record(course, points=dict.fromkeys(FULL, 0.0))
    assert list((course / ".grading" / "scratch").iterdir()) == []
    with Book(course, NAME) as book:
        assert book.scores("ada")["test_double"] == 2.0


@pytest.mark.parametrize(
    "student", ["Ada Lovelace", "jane+x@uni.edu", "jo\u0308rg", "मीना", "-mal"]
)
def test_ids_of_all_kinds_go_through_to_the_feedback(course, student):
    record(course, student)
    page = tiny_course.nbgraders_feedback(course, student)
    assert page.is_file()
    with autograding.open_gradebook(course) as gradebook:
        assert [each.id for each in gradebook.students] == [student]
