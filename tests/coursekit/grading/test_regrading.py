"""Nothing is graded twice, nothing is lost, and the gradebook keeps what people decided."""

import contextlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
import stock
import tiny_course
from nbgrader.api import Gradebook
from nbgrader.preprocessors import SaveAutoGrades
from tiny_course import NAME, RIGHT, answered, hand_in

from coursekit import notebooks
from coursekit.grading import autograding, classroom, reading, session, workers
from coursekit.grading.autograding import GradingFailed
from coursekit.grading.grades import CheckGrade, Grade, QuestionGrade
from coursekit.grading.jobs import Graded, JobResult, MaterialError
from coursekit.grading.processes import Lost
from coursekit.grading.results import Result, Status, differences
from coursekit.grading.store import Store
from coursekit.sandbox import SandboxUnavailable

WRONG = RIGHT | {"double": "def double(x):\n    return x"}
FULL = {"test_double": 2.0, "test_halve": 3.0, "explain_double": None}


class Judge:
    """Stands for the grading processes: quick, and remembers what it was asked."""

    def __init__(self):
        self.asked, self.before = [], lambda name: None
        self.tests: dict[str, set[str]] = {}

    @contextlib.contextmanager
    def workers(self, start, material=None):
        self.material = material
        yield self

    def hand_out(self, material):
        self.material = material

    def graded(self, _workers, jobs, count):
        material = self.material
        source, release = (nbformat.reads(text, 4) for text in (material.source, material.release))
        for name, job in jobs.items():
            if job.folder:
                read, notebook = reading.read(Path(job.folder), job.name, release)
            else:
                read, notebook = None, nbformat.reads(job.text, 4)
            same = job.known and job.known.answers == read.answers
            if (read and not read.readable) or (same and not job.known.stale):
                yield name, JobResult(read)
                continue
            self.asked.append(name)
            try:
                self.before(name)
            except (Lost, MaterialError) as error:
                yield name, JobResult(read, error)
                continue
            only = job.known.stale if same else None
            self.tests[name], grade = self.grade(notebook, source, only)
            yield name, JobResult(read, Graded(grade, nbformat.writes(notebook)))

    def grade(self, notebook, source, only):
        questions = [QuestionGrade("explain_double", None, 4.0)]
        for name, test in notebooks.tests(source).items():
            if only is not None and name not in only:
                continue
            answer = notebooks.find(notebook, name.removeprefix("test_")).source
            passed = RIGHT[name.removeprefix("test_")] in answer and "impossible" not in test.source
            most = notebooks.points(test)
            checks = (CheckGrade("all", most, passed),)
            questions.append(QuestionGrade(name, most * passed, most, checks, 0.1))
            shown = nbformat.v4.new_output("stream", text=f"{name} {passed}")
            notebooks.find(notebook, name).outputs = [shown]
        names = {question.name for question in questions[1:]}
        return names, Grade(tuple(questions), seconds=0.2)


@pytest.fixture
def judge(monkeypatch):
    judge = Judge()
    monkeypatch.setattr(session, "Workers", judge.workers)
    monkeypatch.setattr(workers, "graded", judge.graded)
    return judge


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory):
    root = tiny_course.build(tmp_path_factory.mktemp("course"))
    path = autograding.register(root, NAME)
    for student, answers in {"ada": RIGHT, "carl": WRONG, "zoe": RIGHT}.items():
        hand_in(root, student, answered(notebooks.read(path), answers))
    return root


@pytest.fixture
def course(handed_in, tmp_path):
    return shutil.copytree(handed_in, tmp_path / "course")


def grade(course, **options):
    return {result.student: result for result in classroom.grade(course, NAME, **options)}


def change_test(course, old, new):
    """Edit a test in the assignment's source."""
    path = course / "solutions" / NAME / f"{NAME}.ipynb"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def stored_scores(course, student):
    with autograding.open_gradebook(course) as gradebook:
        return autograding.scores(gradebook, NAME, student)


def test_a_second_run_grades_nobody(course, judge):
    first, asked = grade(course), judge.asked[:]
    again = grade(course)
    assert sorted(asked) == ["ada", "carl", "zoe"]
    assert judge.asked == asked
    assert not any(result.fresh for result in again.values())
    assert {n: (r.status, r.scores, r.notes) for n, r in again.items()} == {
        n: (r.status, r.scores, r.notes) for n, r in first.items()
    }


def test_a_changed_answer_regrades_that_student_only(course, judge):
    grade(course)
    judge.asked.clear()
    path = autograding.release_of(course, NAME)
    hand_in(course, "carl", answered(notebooks.read(path), RIGHT))
    assert grade(course)["carl"].scores == FULL
    assert judge.asked == ["carl"]


def test_a_file_saved_again_with_the_same_cells_is_not_judged_again(course, judge):
    grade(course)
    judge.asked.clear()
    path = course / "submitted" / "ada" / NAME / f"{NAME}.ipynb"
    data = json.loads(path.read_text())
    data["metadata"]["saved_by"] = "another editor"
    path.write_text(json.dumps(data))
    assert grade(course)["ada"].scores == FULL
    assert judge.asked == []


def outputs(course, student):
    """Test cell -> what is shown below it in the graded notebook."""
    path = course / "autograded" / student / NAME / f"{NAME}.ipynb"
    tests = notebooks.tests(notebooks.read(path))
    return {name: [each.text for each in cell.outputs] for name, cell in tests.items()}


def test_a_changed_test_regrades_its_question_and_says_who_gained_and_who_lost(course, judge):
    grade(course)
    judge.asked.clear()
    change_test(course, "halve(3.0), 1.5", "halve(3.0), 'impossible'")
    results = grade(course)
    assert judge.tests == {name: {"test_halve"} for name in ("ada", "carl", "zoe")}
    assert outputs(course, "carl") == {
        "test_double": ["test_double False"],
        "test_halve": ["test_halve False"],
    }
    stored = Store(course, NAME).load("carl").grade
    assert [q.name for q in stored.questions] == ["test_double", "test_halve", "explain_double"]
    assert results["carl"].scores == {"test_double": 0, "test_halve": 0, "explain_double": None}
    assert {r.changed for r in results.values()} == {("tests",)}
    assert differences(list(results.values())) == [
        "3 graded again because of changed tests.",
        "0 gained",
        "3 lost",
        "  ada: -3 (halve -3)",
        "  carl: -3 (halve -3)",
        "  zoe: -3 (halve -3)",
    ]
    change_test(course, "halve(3.0), 'impossible'", "halve(3.0), 1.5")
    assert "3 gained" in differences(list(grade(course).values()))


def test_a_changed_test_and_a_changed_answer_regrade_all_of_that_student(course, judge):
    grade(course)
    change_test(course, "halve(3.0), 1.5", "halve(3.0), 'impossible'")
    path = autograding.release_of(course, NAME)
    hand_in(course, "carl", answered(notebooks.read(path), RIGHT))
    judge.tests.clear()
    assert grade(course)["carl"].scores == FULL | {"test_halve": 0.0}
    assert judge.tests == {
        "ada": {"test_halve"},
        "carl": {"test_double", "test_halve"},
        "zoe": {"test_halve"},
    }


def test_changed_setup_regrades_everything(course, judge):
    grade(course)
    judge.tests.clear()
    change_test(course, "from coursekit import Task", "from coursekit import Task  # checks")
    grade(course)
    assert judge.tests == {name: {"test_double", "test_halve"} for name in ("ada", "carl", "zoe")}


def test_a_student_who_handed_in_anew_is_not_among_those_who_gained():
    result = Result("ada", NAME, Status.GRADED, (), FULL, changed=("answers", "tests"))
    assert differences([replace(result, before={"test_halve": 0.0})]) == []


def test_other_limits_are_another_grading(course, judge):
    grade(course)
    assert grade(course, limit=100)["ada"].changed == ("limits",)


def test_another_secret_of_the_class_grades_everybody_anew_and_is_written_nowhere(course, judge):
    for secret, asked in (("one of theirs", 3), ("one of theirs", 3), ("another of theirs", 6)):
        (course / "course_secret").write_text(f"{secret}\n")
        results = grade(course)
        assert (len(judge.asked), judge.material.secret) == (asked, secret)
    assert {result.changed for result in results.values()} == {("secret",)}
    assert differences(results.values())[0] == "3 graded again because of changed secret."
    files = [path for path in course.rglob("*") if path.is_file()]
    assert [p.name for p in files if b"of theirs" in p.read_bytes()] == ["course_secret"]


@pytest.mark.parametrize("damage", ["", "{", '{"questions": []}', '{"extra": {"record": {}}}'])
def test_a_damaged_stored_grade_is_graded_again(course, judge, damage):
    grade(course)
    judge.asked.clear()
    (course / ".grading" / "grades" / NAME / "ada.json").write_text(damage)
    assert grade(course)["ada"].scores == FULL
    assert judge.asked == ["ada"]


def test_a_lost_gradebook_is_filled_again_without_judging(course, judge):
    grade(course)
    judge.asked.clear()
    (course / "gradebook.db").unlink()
    grade(course)
    assert judge.asked == []
    assert stored_scores(course, "ada") == FULL
    assert stored_scores(course, "carl") == FULL | {"test_double": 0.0}


def test_a_lost_notebook_is_judged_again(course, judge):
    grade(course)
    judge.asked.clear()
    (course / "autograded" / "ada" / NAME / f"{NAME}.ipynb").unlink()
    grade(course)
    assert judge.asked == ["ada"]
    assert (course / "autograded" / "ada" / NAME / f"{NAME}.ipynb").is_file()


def test_what_was_lost_waits_for_a_person_and_is_tried_again(course, judge):
    def lose(name):
        if name == "carl":
            raise Lost("the grading process died")

    judge.before = lose
    results = grade(course)
    assert results["carl"].status == Status.ATTENTION
    assert results["carl"].notes == ("the grading process died",)
    assert results["ada"].scores == results["zoe"].scores == FULL
    with autograding.open_gradebook(course) as gradebook:
        assert gradebook.find_submission(NAME, "carl").needs_manual_grade
    judge.before = lambda name: None
    assert grade(course)["carl"].scores == FULL | {"test_double": 0.0}


def test_a_submission_that_breaks_the_courses_cells_stops_nobody(course, judge):
    def accuse(name):
        if name == "carl":
            raise MaterialError("cell setup of the course raised ImportError")

    judge.before = accuse
    results = grade(course)
    assert "cell setup of the course raised" in results["carl"].notes[0]
    assert results["ada"].scores == results["zoe"].scores == FULL


def test_an_assignment_that_does_not_run_stops_the_grading(course, judge):
    def accuse(name):
        raise MaterialError("cell setup of the course raised ImportError")

    judge.before = accuse
    with pytest.raises(GradingFailed, match="itself does not run"):
        grade(course)


def test_without_a_sandbox_it_refuses_and_says_what_to_do(course, judge):
    def refuse(name):
        raise SandboxUnavailable("Bubblewrap is not installed. Try `apt install bubblewrap`.")

    judge.before = refuse
    with pytest.raises(GradingFailed, match=r"(?s)apt install bubblewrap.*--no-sandbox"):
        grade(course)


def test_an_interrupt_loses_nothing_and_the_next_run_goes_on(course, judge):
    def interrupt(name):
        if len(judge.asked) == 2:
            raise KeyboardInterrupt

    judge.before = interrupt
    with pytest.raises(KeyboardInterrupt):
        grade(course)
    first = judge.asked[0]
    assert Store(course, NAME).load(first) is not None
    judge.asked.clear()
    judge.before = lambda name: None
    assert grade(course)["ada"].scores == FULL
    assert first not in judge.asked
    assert len(judge.asked) == 2


@pytest.mark.parametrize("step", ["_penalise", "_publish"])
def test_a_submission_is_in_the_gradebook_whole_or_not_at_all(course, judge, monkeypatch, step):
    grade(course)
    change_test(course, "halve(3.0), 1.5", "halve(3.0), 'impossible'")

    def die(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(f"coursekit.grading.gradebook.Book.{step}", die)
        with pytest.raises(KeyboardInterrupt):
            grade(course)
    assert stored_scores(course, "ada") == FULL, "half of a submission was stored"
    assert grade(course)["ada"].scores == FULL | {"test_halve": 0.0}


def test_points_and_comments_of_a_person_survive(course, judge):
    grade(course)
    with autograding.open_gradebook(course) as gradebook:
        written = gradebook.find_grade("explain_double", NAME, NAME, "ada")
        written.manual_score, written.needs_manual_grade, written.extra_credit = 3.5, False, 0.5
        gradebook.find_comment("explain_double", NAME, NAME, "ada").manual_comment = "Well said."
        gradebook.db.commit()
    change_test(course, "halve(3.0), 1.5", "halve(3.0), 'impossible'")
    assert grade(course)["ada"].scores == {
        "test_double": 2.0,
        "test_halve": 0.0,
        "explain_double": 4.0,
    }
    with autograding.open_gradebook(course) as gradebook:
        comment = gradebook.find_comment("explain_double", NAME, NAME, "ada")
        assert comment.comment == "Well said."


PENALTY = """
from nbgrader.plugins import BasePlugin


class TenAnHour(BasePlugin):
    def late_submission_penalty(self, student_id, score, total_seconds_late):
        return total_seconds_late / 3600


c.AssignLatePenalties.plugin_class = TenAnHour
"""


def stamp(course, student, when):
    (course / "submitted" / student / NAME / "timestamp.txt").write_text(when)


def penalties(course):
    with autograding.open_gradebook(course) as gradebook:
        found = {name: gradebook.find_submission(NAME, name) for name in ("ada", "zoe")}
        return {name: (each.score, each.late_submission_penalty) for name, each in found.items()}


@pytest.mark.parametrize("by", ["judge", "nbgrader"])
def test_late_penalties_are_nbgraders_and_follow_the_time_and_the_due_date(course, judge, by):
    with (course / "nbgrader_config.py").open("a") as file:
        file.write(PENALTY)
    stamp(course, "ada", "2026-03-01 14:00:00 UTC")
    stamp(course, "zoe", "2026-03-01 11:00:00 UTC")
    with autograding.open_gradebook(course) as gradebook:
        gradebook.update_or_create_assignment(NAME, duedate="2026-03-01 12:00:00 UTC")
    grade(course) if by == "judge" else stock.grade(course, NAME)
    assert penalties(course) == {"ada": (5.0, 2.0), "zoe": (5.0, 0.0)}
    judge.asked.clear()
    stamp(course, "ada", "2026-03-01 15:00:00 UTC")
    with autograding.open_gradebook(course) as gradebook:
        gradebook.update_or_create_assignment(NAME, duedate="2026-03-01 10:00:00 UTC")
    grade(course) if by == "judge" else stock.grade(course, NAME)
    assert penalties(course) == {"ada": (5.0, 5.0), "zoe": (5.0, 1.0)}
    assert judge.asked == []


def test_the_gradebook_holds_what_stock_autograding_would_store(course, judge, tmp_path_factory):
    grade(course)

    def rows(gradebook: Gradebook):
        submission = gradebook.find_submission(NAME, "carl")
        (notebook,) = submission.notebooks
        marks = {
            each.name: (each.auto_score, each.manual_score, each.needs_manual_grade)
            for each in notebook.grades
        }
        return marks, {each.name: each.auto_comment for each in notebook.comments}

    with autograding.open_gradebook(course) as gradebook:
        ours = rows(gradebook)
    stock.grade(course, NAME)
    with autograding.open_gradebook(course) as gradebook:
        assert rows(gradebook) == ours


def test_nbgraders_preprocessor_still_has_what_the_writer_uses():
    assert {"preprocess_cell", "_add_score", "_add_comment"} <= vars(SaveAutoGrades).keys()
