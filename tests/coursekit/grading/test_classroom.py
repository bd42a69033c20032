"""A class that hands in whatever it likes is graded to the last student."""

import csv
import hashlib
import io
import json
import os
import shutil

import pytest
import tiny_course
from nbformat import v4
from rich.console import Console
from tiny_course import MOST, NAME, RIGHT, answered, hand_in
from typer.testing import CliRunner

from coursekit import cli, notebooks
from coursekit.grading import autograding, classroom
from coursekit.grading.autograding import GradingFailed
from coursekit.grading.results import Result, Status, write_csv

FULL = {"test_double": 2.0, "test_halve": 3.0, "explain_double": None}
NOTHING = dict.fromkeys(MOST, 0.0)


def python(name, *lines):
    """Right answers, but the function `name` begins with other lines."""
    argument, *rest = RIGHT[name].splitlines()
    return RIGHT | {name: "\n".join([argument, *(f"    {line}" for line in lines), *rest])}


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    """A course with one student for each thing that can be handed in."""
    root = tiny_course.build(tmp_path_factory.mktemp("course"))
    path = autograding.register(root, NAME)

    def release(answers=RIGHT):
        return answered(notebooks.read(path), answers)

    def text(notebook, **changes):
        return json.dumps(json.loads(notebooks.text_of(notebook)) | changes).encode()

    hand_in(root, "right", release())
    hand_in(root, "untouched", release({}))
    hand_in(root, "half", release(RIGHT | {"halve": "def halve(x):\n    return x // 2"}))
    hand_in(root, "only_visible", release(RIGHT | {"double": "def double(x):\n    return 6"}))
    hand_in(root, "truncated", data=text(release())[:300])
    hand_in(root, "empty", data=b"")
    hand_in(root, "not_json", data=b"print('hello')")
    hand_in(root, "not_a_notebook", data=b'{"answer": 42}')
    hand_in(root, "foreign", v4.new_notebook(cells=[v4.new_code_cell("import this")]))
    hand_in(root, "script", name="solution.py", data=b"def double(x): return 2 * x")
    hand_in(root, "renamed", release(), name="tiny final (2).ipynb")
    hand_in(root, "several", release({}))
    hand_in(root, "several", release(), name="copy.ipynb")
    hand_in(root, "one_broken_copy", release())
    hand_in(root, "one_broken_copy", name="backup.ipynb", data=b"{")
    hand_in(root, "latin_1", data=text(release()).replace(b"Because", b"Parce qu'\xe0"))
    hand_in(root, "no_nbformat", data=text(release(), nbformat=None))
    hand_in(root, "future_nbformat", data=text(release(), nbformat=9))

    for student, change in {
        "duplicated": lambda cells: cells.insert(3, cells[3]),
        "deleted_test": lambda cells: cells.pop(3),
        "deleted_answer": lambda cells: cells.pop(2),
        "edited_test": lambda cells: cells[3].update(source="2.0"),
        "old_schema": lambda cells: cells[3].metadata.nbgrader.update(schema_version=1),
        "new_schema": lambda cells: cells[3].metadata.nbgrader.update(schema_version=99),
        "tagged": lambda cells: cells[3].metadata.update(tags=["skip-execution"]),
        "stripped": lambda cells: [cell.metadata.clear() for cell in cells],
    }.items():
        notebook = release()
        change(notebook.cells)
        hand_in(root, student, data=json.dumps(notebook).encode())

    hand_in(root, "endless", release(python("double", "while True: pass")))
    hand_in(root, "kernel_dies", release(python("double", "import os; os._exit(1)")))
    kill = "import os, signal; os.kill(os.getppid(), signal.SIGKILL)"
    hand_in(root, "kills_its_parent", release(python("double", kill)))
    warn = "import sys; print('careful', file=sys.stderr)"
    hand_in(root, "noisy", release(RIGHT | {"halve": f"{warn}\n{RIGHT['halve']}"}))
    silent = f"import sys\n{RIGHT['double']}\nget_ipython().displayhook.__class__.__call__ = print"
    hand_in(root, "silent", release(RIGHT | {"double": silent}))
    hand_in(root, "odd[name]", release())
    hand_in(root, "late", release())
    (root / "submitted/late" / NAME / "timestamp.txt").write_text("the day before yesterday")
    hand_in(root, "elsewhere", release())
    shutil.rmtree(root / "submitted/elsewhere" / NAME)

    os.symlink(root / "submitted/right", root / "submitted/linked_student")
    (root / "submitted/linked_folder").mkdir()
    os.symlink(root / "submitted/right" / NAME, root / "submitted/linked_folder" / NAME)
    (root / "submitted/linked_file" / NAME).mkdir(parents=True)
    link = root / "submitted/linked_file" / NAME / f"{NAME}.ipynb"
    os.symlink(root / "submitted/right" / NAME / f"{NAME}.ipynb", link)
    return root


def fingerprint(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def graded(course):
    before = fingerprint(course / "submitted")
    results = {result.student: result for result in classroom.grade(course, NAME)}
    assert fingerprint(course / "submitted") == before, "grading changed what was handed in"
    return results


@pytest.mark.parametrize("student", ["right", "noisy", "late"])
def test_right_work_gets_full_marks_and_no_remark(graded, student):
    result = graded[student]
    assert (result.status, result.notes, dict(result.scores)) == (Status.GRADED, (), FULL)


def test_an_untouched_notebook_is_graded_with_nothing(graded):
    assert graded["untouched"].status == Status.GRADED
    assert graded["untouched"].scores == NOTHING


def test_each_question_counts_by_itself_and_hidden_checks_count(graded):
    assert graded["half"].scores == FULL | {"test_halve": 0.0}
    assert graded["only_visible"].scores == FULL | {"test_double": 1.0}


@pytest.mark.parametrize(
    ("student", "words"),
    [
        ("truncated", "truncated"),
        ("empty", "empty"),
        ("not_json", "not JSON"),
        ("not_a_notebook", "not a notebook"),
        ("foreign", "no cell of this assignment is in it"),
        ("script", "no notebook was handed in; the folder holds solution.py"),
        ("linked_student", "the folder is a link"),
        ("linked_folder", "the folder is a link"),
        ("linked_file", "not a regular file"),
    ],
)
def test_what_cannot_be_read_gets_no_points_and_a_reason(graded, student, words):
    result = graded[student]
    assert result.status == Status.UNREADABLE
    assert words in " ".join(result.notes)
    assert result.scores == NOTHING


@pytest.mark.parametrize(
    ("student", "words"),
    [
        ("renamed", "handed in as tiny final (2).ipynb, not a01_tiny.ipynb"),
        ("several", "handed in as copy.ipynb, not a01_tiny.ipynb"),
        ("several", "not graded: a01_tiny.ipynb"),
        ("one_broken_copy", "backup.ipynb: truncated"),
        ("latin_1", "Latin-1 text"),
        ("no_nbformat", "no nbformat key"),
        ("future_nbformat", "nbformat 9"),
        ("duplicated", "2 copies of read-only cell test_double"),
        ("deleted_test", "read-only cell test_double was deleted; put back"),
        ("edited_test", "read-only cell test_double was edited; put back"),
        ("stripped", "lost its name"),
    ],
)
def test_what_can_be_mended_is_graded_in_full_and_named(graded, student, words):
    result = graded[student]
    assert result.status == Status.ATTENTION
    assert words in " ".join(result.notes)
    assert result.scores == FULL


@pytest.mark.parametrize("student", ["old_schema", "new_schema", "tagged"])
def test_submitted_metadata_is_ignored(graded, student):
    assert graded[student].scores == FULL


def test_a_deleted_answer_costs_that_question_only(graded):
    result = graded["deleted_answer"]
    assert result.status == Status.ATTENTION
    assert "cell double is missing" in " ".join(result.notes)
    assert result.scores == FULL | {"test_double": 0.0}


@pytest.mark.parametrize(
    ("student", "words"),
    [
        ("endless", "test_double: it took more than 3 s"),
        ("kernel_dies", "test_double: its process ended"),
    ],
)
def test_what_brings_the_room_down_costs_that_question_only(graded, student, words):
    result = graded[student]
    assert result.status == Status.ATTENTION
    assert words in " ".join(result.notes)
    assert result.scores == FULL | {"test_double": 0.0}


@pytest.mark.parametrize("student", ["kills_its_parent", "silent"])
def test_what_a_room_does_to_itself_stays_there(graded, student):
    assert graded[student].scores == FULL


def test_a_folder_that_is_no_id_waits_for_a_person(course, graded):
    result = graded["odd[name]"]
    assert result.status == Status.ATTENTION
    assert "cannot be a student's id" in " ".join(result.notes)
    assert result.scores == NOTHING
    with autograding.open_gradebook(course) as gradebook:
        assert gradebook.find_submission(NAME, "odd[name]").needs_manual_grade


def test_who_handed_in_nothing_is_missing(graded):
    assert graded["elsewhere"].status == Status.MISSING
    assert graded["elsewhere"].scores == {}


def test_nobody_is_forgotten(course, graded):
    assert sorted(graded) == sorted(path.name for path in (course / "submitted").iterdir())


def test_everyone_gets_feedback_that_says_what_was_mended(course, graded):
    students = ["right", "renamed", "truncated", "kernel_dies"]
    written = classroom.feedback(course, NAME, students)
    assert list(written) == students
    pages = {student: path.read_text() for student, path in written.items()}
    assert "About this submission" not in pages["right"]
    assert "handed in as tiny final (2).ipynb" in pages["renamed"]
    assert "truncated" in pages["truncated"]
    assert "its process ended" in pages["kernel_dies"]


def test_feedback_that_cannot_be_written_does_not_stop_the_rest(course, graded):
    written = classroom.feedback(course, NAME, ["nobody", "right"])
    assert written["nobody"] is None
    assert written["right"].is_file()


def test_the_table_and_the_file_hold_every_student(course, graded, tmp_path):
    path = write_csv(list(graded.values()), tmp_path / "grades.csv")
    with path.open(newline="") as file:
        rows = {row["student"]: row for row in csv.DictReader(file)}
    assert set(rows) == set(graded)
    assert (rows["right"]["total"], rows["right"]["explain_double"]) == ("5", "")
    assert (rows["elsewhere"]["status"], rows["elsewhere"]["total"]) == ("missing", "0")
    assert rows["endless"]["notes"] == "test_double: it took more than 3 s."


def test_points_given_by_a_person_survive_grading_again(course, graded):
    with autograding.open_gradebook(course) as gradebook:
        grade = gradebook.find_grade("explain_double", NAME, NAME, "right")
        grade.manual_score, grade.needs_manual_grade = 3.5, False
        gradebook.db.commit()
    (again,) = classroom.grade(course, NAME, ["right"])
    assert again.scores == FULL | {"explain_double": 3.5}


def test_a_submission_that_takes_too_long_is_cut_short(course, graded):
    (result,) = classroom.grade(course, NAME, ["endless"], limit=1)
    assert result.status == Status.ATTENTION
    assert "test_halve: the time for this submission is used up." in result.notes
    assert result.scores == FULL | {"test_double": 0.0, "test_halve": 0.0}


def test_a_notebook_beside_its_folder_is_pointed_out(course, graded):
    path = course / "submitted" / "elsewhere" / f"{NAME}.ipynb"
    path.write_text("{}")
    (result,) = classroom.grade(course, NAME, ["elsewhere"])
    assert result.status == Status.MISSING
    assert result.notes == (
        f"submitted/elsewhere/{NAME}.ipynb is not in submitted/elsewhere/{NAME}/",
    )
    path.unlink()


def test_a_misspelt_name_is_not_taken_for_a_student_who_handed_nothing_in(course, graded):
    (result,) = classroom.grade(course, NAME, ["rihgt"])
    assert result.notes == (classroom.UNKNOWN,)


def test_a_student_named_twice_is_graded_once(course, graded):
    assert [r.student for r in classroom.grade(course, NAME, ["right", "right"])] == ["right"]


def test_an_unknown_assignment_is_an_error_that_lists_the_known_ones(course):
    with pytest.raises(FileNotFoundError, match="There: a01_tiny"):
        classroom.grade(course, "a99_unknown")


@pytest.fixture
def empty(tmp_path):
    """A course to which nobody has handed anything in."""
    return tiny_course.build(tmp_path / "course")


def test_a_class_of_nobody_is_graded_and_said_to_be(empty):
    written = io.StringIO()
    console = Console(file=written)
    results = classroom.grade(empty, NAME, console=console)
    classroom.show(empty, results, empty / "grades.csv", console)
    assert results == []
    assert "Nobody has handed anything in" in written.getvalue()
    assert (empty / "grades.csv").read_text().splitlines() == [
        "student,assignment,status,total,notes"
    ]


def test_two_people_do_not_grade_in_one_folder_at_once(empty, monkeypatch):
    def meanwhile(*args):
        with pytest.raises(GradingFailed, match=r"Somebody is grading in .* already"):
            classroom.grade(empty, NAME)
        return []

    with monkeypatch.context() as patch:
        patch.setattr(classroom.session, "results", meanwhile)
        classroom.grade(empty, NAME)
    assert classroom.grade(empty, NAME) == []


def test_what_is_true_of_everybody_is_said_once(empty):
    autograding.register(empty, NAME)
    odd = Result("odd", NAME, Status.ATTENTION, ("truncated", classroom.UNCONFINED))
    results = [Result(f"s{i}", NAME, Status.GRADED, (classroom.UNCONFINED,)) for i in range(40)]
    written = io.StringIO()
    path = empty / "grades.csv"
    classroom.show(empty, [odd, *results], path, Console(file=written, width=120))
    lines = written.getvalue().splitlines()
    assert [line for line in lines if classroom.UNCONFINED in line] == [
        "41 graded without the sandbox"
    ]
    assert "odd: truncated" in lines
    assert path.read_text().count(classroom.UNCONFINED) == 41


def test_grading_one_student_leaves_the_table_of_the_class(empty, monkeypatch):
    monkeypatch.chdir(empty)
    runner = CliRunner()
    assert runner.invoke(cli.app, ["grade", NAME]).exit_code == 0
    before = (empty / f"grades-{NAME}.csv").read_text()
    assert runner.invoke(cli.app, ["grade", NAME, "--student", "zoe"]).exit_code == 0
    assert (empty / f"grades-{NAME}.csv").read_text() == before
    assert "zoe" in (empty / f"grades-{NAME}-part.csv").read_text()


def test_a_folder_that_is_no_course_stays_as_it_is(tmp_path):
    with pytest.raises(FileNotFoundError):
        classroom.grade(tmp_path, NAME)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_whose_name_is_not_text_waits_to_be_renamed(empty):
    folder = os.fsencode(empty / "submitted") + b"/J\xf6rg/" + NAME.encode()
    os.makedirs(folder)
    written = io.StringIO()
    results = classroom.grade(empty, NAME, console=Console(file=written))
    classroom.show(empty, results, empty / "grades.csv", Console(file=written))
    (result,) = results
    assert (result.student, result.status) == ("J?rg", Status.ATTENTION)
    assert "not UTF-8" in result.notes[0]
    assert "J?rg" in (empty / "grades.csv").read_text()


@pytest.mark.parametrize(("timeout", "cell"), [(7, 7), (None, 50.0), (-1, 50.0)])
def test_nbgraders_time_limit_counts(empty, timeout, cell):
    with (empty / "nbgrader_config.py").open("a") as file:
        file.write(f"c.Execute.timeout = {timeout}\n")
    limits = classroom.limits_of(empty, 50.0)
    assert limits.cell_seconds == cell
    assert limits.call_seconds <= cell


def test_settings_that_only_nbgraders_own_autograde_uses_are_named(empty):
    with (empty / "nbgrader_config.py").open("a") as file:
        file.write("c.Autograde.autograde_preprocessors = []\n")
    written = io.StringIO()
    classroom.grade(empty, NAME, console=Console(file=written, width=200))
    assert "sets Autograde.autograde_preprocessors; it has no effect here." in written.getvalue()


@pytest.mark.parametrize("name", ["=cmd|' /C calc'!A0", "@SUM(A1)", "-1+1"])
def test_the_file_for_a_spreadsheet_holds_no_formula(tmp_path, name):
    result = Result(name, NAME, Status.ATTENTION, (f"{name}.ipynb: truncated",))
    text = write_csv([result], tmp_path / "grades.csv").read_text()
    with io.StringIO(text) as file:
        (row,) = csv.DictReader(file)
    assert (row["student"], row["notes"]) == (f"'{name}", f"'{name}.ipynb: truncated")
