"""Feedback is nbgrader's to the byte, written once, and one student's trouble is that student's."""

import io
import json
import os
import shutil
import stat
import threading

import pytest
import tiny_course
from nbformat import NotebookNode, v4
from nbgrader.coursedir import CourseDirectory
from rich.console import Console
from tiny_course import NAME, RIGHT, answered
from typer.testing import CliRunner

from coursekit import cli, notebooks
from coursekit.grading import autograding, classroom, feedback_pages, page_writer
from coursekit.grading.autograding import GradingFailed
from coursekit.grading.feedback_pages import FeedbackPages
from coursekit.grading.gradebook import Book

SHOWN = {"image/png": "iVBORw0KGgo=", "text/plain": "<Figure>"}
ODD = [
    v4.new_code_cell("%%bash\necho '<b>&quot;</b>' \"&amp;\""),
    v4.new_code_cell(""),
    v4.new_code_cell("  \n"),
    v4.new_code_cell("x = 1 <  2 # é   \u2028", outputs=[v4.new_output("display_data", SHOWN)]),
    v4.new_markdown_cell("*a* <b>b\n```python\nx < 1\n```"),
    v4.new_raw_cell("<i>raw</i>"),
]


def quiet():
    return Console(file=io.StringIO())


@pytest.fixture(scope="module")
def registered(tmp_path_factory):
    root = tiny_course.build(tmp_path_factory.mktemp("feedback") / "course")
    autograding.register(root, NAME)
    return root


@pytest.fixture
def course(registered, tmp_path):
    """A course whose assignment the gradebook knows."""
    return shutil.copytree(registered, tmp_path / "course")


def graded(course, student="ada", cells=(), answers=RIGHT):
    """Store a graded submission, with further cells."""
    notebook = answered(tiny_course.source(), answers)
    notebook.cells[2:2] = [NotebookNode(cell) for cell in cells]
    for cell in notebook.cells:
        if notebooks.grade_id(cell) == "test_double":
            shown = {"text/plain": "2.0", "text/html": "<p>Hidden: <b>−4</b></p>"}
            cell.outputs = [v4.new_output("execute_result", shown, execution_count=1)]
    with Book(course, NAME) as book:
        book.record(student, notebook, {"test_double": 2.0, "test_halve": 1.5})
    return course / "autograded" / student / NAME / f"{NAME}.ipynb"


def write(course, students=None, **options):
    return classroom.feedback(course, NAME, students, console=quiet(), **options)


def pages(course):
    """Student -> when and how the page was written."""
    found = course.glob(f"feedback/*/{NAME}/{NAME}.html")
    return {path.parts[-3]: (path.stat().st_ino, path.read_bytes()) for path in found}


def by_nbgrader(course, student):
    """The page, and everything beside it, as nbgrader's own GenerateFeedback writes it."""
    page = tiny_course.nbgraders_feedback(course, student)
    return {path.name: (path.read_bytes(), path.stat().st_mode) for path in page.parent.iterdir()}


def writer_in(course):
    """A writer in this process."""
    config = autograding.configuration(course)
    config.CourseDirectory.assignment_id = NAME
    drafts = course / ".grading" / "scratch"
    return page_writer.PageWriter(drafts, CourseDirectory(config=config), config=config)


def test_pages_are_nbgraders_to_the_byte(course):
    graded(course)
    graded(course, "bob", ODD, RIGHT | {"double": "def double(x):\n    return x + x  # <&>"})
    graded(course, "cy", [v4.new_code_cell("%%html\n<p>")], RIGHT | {"explain_double": "$a<b$"})
    (course / "autograded" / "bob" / NAME / "data").mkdir()
    (course / "autograded" / "bob" / NAME / "data.csv").write_text("1, 2")
    with Book(course, NAME) as book:
        comment = book._gradebook.find_comment("double", NAME, NAME, "bob")
        comment.manual_comment = "Well *done* <script>"
        book._gradebook.db.commit()
    ours = {}
    for student, page in write(course, workers=1).items():
        of_student = page.parent.iterdir()
        ours[student] = {path.name: (path.read_bytes(), path.stat().st_mode) for path in of_student}
    assert sorted(ours) == ["ada", "bob", "cy"]
    assert b"Well <em>done</em>" in ours["bob"][f"{NAME}.html"][0]
    assert "data.csv" in ours["bob"]
    for student, found in ours.items():
        assert found == by_nbgrader(course, student)


def test_a_writer_goes_on_as_one_that_is_new(course):
    for student in ("ada", "bob"):
        graded(course, student, ODD)
    broken = graded(course, "carl")
    broken.chmod(0o644)
    broken.write_text("{")
    writer = writer_in(course)
    for student in ("ada", "carl", "bob"):
        writer.coursedir.student_id = student
        if student == "carl":
            with pytest.raises(GradingFailed, match="JSON"):
                autograding.run(writer)
        else:
            autograding.run(writer)
    ours = {student: page for student, (_, page) in pages(course).items()}
    assert sorted(ours) == ["ada", "bob"]
    for student, page in ours.items():
        assert page == by_nbgrader(course, student)[f"{NAME}.html"][0]


def test_a_second_run_writes_nothing(course, monkeypatch):
    graded(course), graded(course, "bob")
    write(course)
    before = pages(course)
    with monkeypatch.context() as patch:
        patch.setattr(feedback_pages, "Helper", None)  # no process is started
        again = write(course)
    assert pages(course) == before
    assert sorted(again) == sorted(before)
    write(course, force=True)
    after = pages(course)
    assert all(after[name][0] != before[name][0] for name in before)
    assert {name: page for name, (_, page) in after.items()} == {
        name: page for name, (_, page) in before.items()
    }


def by_hand(course, change):
    with autograding.open_gradebook(course) as gradebook:
        change(gradebook)
        gradebook.db.commit()


def mark(gradebook):
    gradebook.find_grade("explain_double", NAME, NAME, "bob").manual_score = 3.25


def remark(gradebook):
    gradebook.find_comment("halve", NAME, NAME, "bob").manual_comment = "3.25 times better"


def credit(gradebook):
    gradebook.find_grade("test_halve", NAME, NAME, "bob").extra_credit = 1.75


def penalise(gradebook):
    notebook = gradebook.find_submission_notebook(NAME, NAME, "bob")
    notebook.late_submission_penalty = 0.25


@pytest.mark.parametrize("change", [mark, remark, credit, penalise])
def test_what_a_person_changes_in_the_gradebook_rewrites_that_page_alone(course, change):
    for student in ("ada", "bob", "carl"):
        graded(course, student)
    write(course)
    before = pages(course)
    by_hand(course, change)
    write(course)
    after = pages(course)
    assert {name for name in before if after[name] != before[name]} == {"bob"}
    assert b"3.25" in after["bob"][1]


def test_a_notebook_graded_again_and_a_page_that_is_gone_are_written(course):
    for student in ("ada", "bob", "carl"):
        graded(course, student)
    first = write(course)
    before = pages(course)
    graded(course, "bob", answers=RIGHT | {"halve": "def halve(x):\n    return x * 0.5"})
    first["carl"].unlink()
    write(course)
    after = pages(course)
    assert after["ada"] == before["ada"]
    assert b"0.5" in after["bob"][1]
    assert after["carl"][1] == before["carl"][1]


def test_settings_of_the_course_count(course):
    graded(course)
    write(course)
    with (course / "nbgrader_config.py").open("a") as file:
        file.write("c.GenerateFeedback.permissions = 640\n")
    (page,) = write(course).values()
    assert stat.S_IMODE(page.stat().st_mode) == 0o640


def test_a_broken_notebook_fails_alone_and_is_named(course, caplog):
    for student in ("ada", "bob", "carl"):
        path = graded(course, student)
        if student == "bob":
            write(course, ["bob"])
            path.chmod(0o644)
            path.write_text(json.dumps({"cells": 3}))
    written = write(course, workers=2)
    assert [name for name, page in written.items() if page is None] == ["bob"]
    assert sorted(pages(course)) == ["ada", "carl"]  # what bob's page told holds no longer
    assert "No feedback for bob: " in caplog.text
    assert list((course / ".grading" / "scratch").iterdir()) == []


def test_whom_nobody_knows_gets_no_page_and_nothing_goes(course, caplog):
    graded(course)
    (course / NAME).mkdir()
    written = write(course, ["nobody", "..", "ada"])
    assert [name for name, page in written.items() if page] == ["ada"]
    assert (course / NAME).is_dir()
    assert caplog.text.count(feedback_pages.UNGRADED) == 2


def die(*_about):
    os._exit(1)


def test_a_process_that_dies_costs_one_page(course, monkeypatch, caplog):
    graded(course), graded(course, "bob")
    with monkeypatch.context() as patch:
        patch.setattr(feedback_pages.page_writer, "write", die)
        assert set(write(course, ["ada"]).values()) == {None}
    assert "No feedback for ada: the grading process died" in caplog.text
    assert None not in write(course).values()


def test_an_interrupt_keeps_what_is_done_and_the_rest_follows(course):
    students = [f"s{number}" for number in range(6)]
    for student in students:
        graded(course, student)
    threads = set(threading.enumerate())
    arriving = FeedbackPages(course, NAME).write(students, workers=1, force=False)
    first = next(arriving)
    with pytest.raises(KeyboardInterrupt):
        arriving.throw(KeyboardInterrupt)
    assert set(threading.enumerate()) == threads
    done = pages(course)
    assert first.student in done
    assert list((course / ".grading" / "scratch").iterdir()) == []
    everyone = write(course)
    assert None not in everyone.values() and sorted(everyone) == students
    assert pages(course)[first.student] == done[first.student]


def test_an_earlier_page_survives_an_interrupt(course):
    graded(course), graded(course, "bob")
    write(course)
    before = pages(course)
    arriving = FeedbackPages(course, NAME).write(["ada", "bob"], workers=1, force=True)
    next(arriving)
    arriving.close()
    assert {name: page for name, (_, page) in pages(course).items()} == {
        name: page for name, (_, page) in before.items()
    }


def test_hidden_tests_stay_hidden(course):
    graded(course)
    (page,) = write(course).values()
    text = page.read_text()
    assert "task" in text and "three" in text
    assert "a negative number" not in text and "BEGIN HIDDEN" not in text


@pytest.mark.parametrize("student", ["odd[name]", "a*", "Ada Lovelace", "jo\u0308rg", "-mal"])
def test_ids_of_all_kinds_get_their_own_page(course, student):
    graded(course, "another"), graded(course, student)
    before = write(course)
    assert before[student].parent.parent.name == student
    assert b"BEGIN HIDDEN" not in before[student].read_bytes()


def test_hooks_of_the_course_find_the_page_where_nbgrader_puts_it(course):
    hook = (
        "def hook(assignment, student, notebooks):\n"
        f"    page = root / 'feedback' / student / assignment / '{NAME}.html'\n"
        "    (root / 'seen').write_text(str(page.is_file()))\n"
        "c.GenerateFeedback.post_convert_hook = hook\n"
    )
    with (course / "nbgrader_config.py").open("a") as file:
        file.write(hook)
    graded(course)
    write(course)
    assert (course / "seen").read_text() == "True"


def test_two_people_do_not_write_feedback_at_once(course, monkeypatch):
    graded(course)

    def meanwhile(*_args, **_options):
        with pytest.raises(GradingFailed, match=r"Somebody is writing feedback in .* already"):
            write(course)
        return iter(())

    with monkeypatch.context() as patch:
        patch.setattr(FeedbackPages, "write", meanwhile)
        assert write(course) == {"ada": None}


def test_the_command_says_how_many_pages_and_whose_is_missing(course, monkeypatch):
    monkeypatch.chdir(course)
    runner = CliRunner()
    nobody = runner.invoke(cli.app, ["feedback", NAME])
    assert nobody.exit_code == 1 and "nobody's" in nobody.output
    for number in range(12):
        graded(course, f"s{number:02}")
    everyone = runner.invoke(cli.app, ["feedback", NAME, "--workers", "2"])
    assert everyone.exit_code == 0
    assert "12 pages, such as" in everyone.output
    assert len(everyone.output.splitlines()) <= 11
    broken = graded(course, "s03")
    broken.chmod(0o644)
    broken.write_text("")
    one = runner.invoke(cli.app, ["feedback", NAME])
    assert one.exit_code == 1
    assert "s03: could not be written" in one.output
    assert "(11 as before)" in one.output


def test_folders_and_files_may_be_read_as_nbgrader_leaves_them(course):
    graded(course)
    (page,) = write(course).values()
    ours = [stat.S_IMODE(path.stat().st_mode) for path in (page, *list(page.parents)[:3])]
    shutil.rmtree(course / "feedback")
    page = tiny_course.nbgraders_feedback(course, "ada")
    assert ours == [stat.S_IMODE(path.stat().st_mode) for path in (page, *list(page.parents)[:3])]
