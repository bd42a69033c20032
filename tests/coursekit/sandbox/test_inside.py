"""Functions of the course beside the student's code: kernel and judge give the same points."""

import copy
import re
import shutil

import pytest
import stock
import tiny_course
import torch_course
from torch_course import OTHERS, RIGHT, TESTS, assignment, slipped

from coursekit import notebooks
from coursekit.grading import autograding, classroom
from coursekit.grading.judge import Judge
from coursekit.rehearse import Rehearsal

NAME = "a15_tiny"
MOST = {f"test_{name}": float(test.partition("points=")[2][0]) for name, test in TESTS.items()}


@pytest.fixture(scope="module")
def judge(warm, tmp_path_factory):
    folder = tmp_path_factory.mktemp("inside")
    files = torch_course.write(folder)
    return Judge(assignment(RIGHT), assignment({}), folder, files, warm)


def told(*tasks):
    return [(result.name, result.finding) for task in tasks for result in task.results]


ANSWERS = [
    pytest.param(name, slipped(name, old, new), points, id=f"{name}: {new.strip() or old.strip()}")
    for name, old, new, points in OTHERS
]


@pytest.mark.parametrize(("name", "answer", "points"), ANSWERS)
def test_an_answer_scores_the_same_in_a_kernel_and_in_the_judge(judge, name, answer, points):
    test = f"test_{name}"
    plain = Rehearsal(assignment(RIGHT), judge.folder).run({name: answer}, influenced=True)
    judgement = judge.run(assignment(RIGHT | {name: answer}), only=[test])
    got = plain.points[test], judgement.points[test]
    assert got == (points, points), told(plain.tasks[test], judgement.tasks[test])
    assert judgement.incidents == {}
    says = [result.finding and result.finding.kind for result in plain.tasks[test].results]
    assert [r.finding and r.finding.kind for r in judgement.tasks[test].results] == says


def test_right_answers_earn_everything_and_those_not_written_nothing(judge):
    plain = Rehearsal(assignment(RIGHT), judge.folder).run()
    judgement = judge.run(assignment(RIGHT))
    assert plain.points == MOST, told(*plain.tasks.values())
    assert judgement.points == MOST, told(*judgement.tasks.values())
    assert set(judge.run(assignment({})).points.values()) == {0.0}


# --- where a function of the course runs, and which ----------------------------------------------


def graded(judge, name, answer, before=""):
    """Points of one task, whose answer stands after another cell of the student."""
    return judge.run(assignment({name: f"{before}\n{answer}"}), only=[f"test_{name}"])


TAKEN = {
    "the name inside": "inside = None",
    "the names of modules": "samples = known = a15_samples = a15_known = None",
    "inside of the package": "import coursekit\ncoursekit.inside = coursekit.checks.inside = None",
}


@pytest.mark.parametrize("before", TAKEN.values(), ids=TAKEN)
def test_a_student_may_use_a_name_of_the_tests_for_something_else(judge, before):
    assert graded(judge, "ema_update", RIGHT["ema_update"], before).points == {
        "test_ema_update": 4.0
    }


def test_the_course_may_call_what_a_task_forbids_and_the_student_may_not(judge):
    """`train_step` allows torch alone; `samples.trained` around it uses NumPy as well."""
    assert graded(judge, "train_step", RIGHT["train_step"]).total == 5.0
    foreign = slipped("train_step", "loss.item()", "eval('np.asarray')(loss.item())")
    judgement = graded(judge, "train_step", foreign, "import numpy as np")
    assert judgement.total == 0.0
    first, _ = judgement.tasks["test_train_step"].results
    assert (first.finding.kind, first.finding.says) == (
        "forbidden",
        "train_step calls numpy.asarray; this task allows torch and the standard library.",
    )


REFUSED = {
    "a function of the test": "inside(lambda: 3)",
    "a function of the student": "inside(student)",
    "a reference": "inside(known.train_step)",
    "what is made by a function": "inside(known.log_to([]))",
    "what another module calls by another name": "inside(torch.relu, torch.ones(1))",
    "no function": "inside(3)",
}


@pytest.mark.parametrize("call", REFUSED.values(), ids=REFUSED)
def test_only_a_function_that_has_a_place_is_called_and_both_sides_say_so(judge, call):
    check = f'with task.check("it", points=1):\n    {call}'
    test = f'task = Task("student", points=1)\n{check}\ntask.score()'
    student = "def student():\n    return 3"
    said = [what_it_says(judge, test, student, where) for where in ("kernel", "judge")]
    assert "TypeError: inside calls a function that lies beside the student's code" in said[0]
    assert said[1] == said[0]


def what_it_says(judge, test, student, where):
    """What the only check of a test finds, run in a kernel or in the judge; "" for nothing."""
    notebook = torch_course.notebook({"student": student}, {"student": test})
    if where == "kernel":
        tasks = Rehearsal(notebook, judge.folder).run().tasks
    else:
        tasks = Judge(notebook, notebook, judge.folder, judge.files, judge.warm).run(notebook).tasks
    (result,) = tasks["test_student"].results
    return result.finding.says if result.finding else ""


def test_what_is_made_inside_serves_the_test_as_if_it_were_the_students(judge):
    """An optimiser of torch on the student's parameters, step by step from the test."""
    student = "def student():\n    return samples.network()"
    test = """
task = Task("student", points=1)
weights, (batch,) = samples.weights(task.rng()), samples.batches(task.rng(), 1)
with task.check("it", points=1):
    model, want = student(), samples.loaded(weights)
    model.load_state_dict(weights)
    ours = inside(torch.optim.SGD, model.parameters(), lr=0.5)
    theirs = torch.optim.SGD(want.parameters(), lr=0.5)
    for each, optimizer in ((model, ours), (want, theirs)):
        F.cross_entropy(each(batch[0]), batch[1]).backward()
        optimizer.step()
    with torch.no_grad():
        task.equal(inside(samples.values, model), samples.values(want), rtol=1e-5)
task.score()"""
    assert what_it_says(judge, test, student, "kernel") == ""
    assert what_it_says(judge, test, student, "judge") == ""


# --- what runs there is the student's word -------------------------------------------------------

FORGED = {
    "the function of the course": "import a15_samples\na15_samples.trained = lambda *a: True",
    "torch's optimiser": (
        "def step(self, closure=None):\n"
        "    for group in self.param_groups:\n"
        "        for p in group['params']: p.data.zero_()\n"
        "torch.optim.SGD.step = step"
    ),
    "torch's comparisons": "torch.equal = torch.allclose = lambda *a, **k: True",
    "what is told of the weights": (
        "import a15_samples\na15_samples.values = lambda model: dict(model.state_dict())"
    ),
}


@pytest.mark.parametrize("before", FORGED.values(), ids=FORGED)
def test_what_a_student_patches_in_the_room_makes_no_wrong_answer_right(judge, before):
    wrong = slipped("train_step", "    optimizer.zero_grad()\n", "")
    assert graded(judge, "train_step", wrong, before).total == 0.0


def test_a_verdict_of_the_room_is_forged_at_once_and_values_are_not(judge):
    """Why `inside` has to return values."""
    verdict = """
task = Task("student", points=1)
with task.check("it", points=1):
    {}
task.score()"""
    told = "task.expect(inside(samples.is_three, student), 'no three.')"
    value = "task.equal(inside(samples.result_of, student), 3)"
    course = "\ndef is_three(f):\n    return f() == 3\n"
    files = {**judge.files, "a15_samples.py": judge.files["a15_samples.py"] + course.encode()}
    forging = (
        "import a15_samples\ndef student():\n    return 2\n"
        "a15_samples.is_three = a15_samples.result_of = lambda f: True"
    )
    for name, content in files.items():
        (judge.folder / name).write_bytes(content)
    try:
        got = []
        for check in (told, value):
            tests = {"student": verdict.format(check)}
            right = torch_course.notebook({"student": "def student():\n    return 3"}, tests)
            forged = torch_course.notebook({"student": forging}, tests)
            other = Judge(right, right, judge.folder, files, judge.warm)
            got.append([other.run(each).total for each in (right, forged)])
    finally:
        torch_course.write(judge.folder)
    assert got == [[1.0, 1.0], [1.0, 0.0]]


def test_a_check_that_asks_for_a_function_gets_a_part_of_inside(judge):
    """`compare_all` calls it, and names known mistakes, as it does with a student's function."""
    student = "def student(x):\n    return {}"
    test = """
from functools import partial
from coursekit import Mistake, Oracle
task = Task("student", points=1)
double = Oracle(
    partial(samples.result_of, lambda x: 2 * x),
    mistakes=[Mistake("it is squared", lambda x: x**2)],
)
with task.check("it", points=1):
    rng = task.rng()
    cases = [(torch.tensor(rng.standard_normal((2, 3))),) for _ in range(3)]
    task.compare_all(partial(inside, samples.result_of, student), double, cases)
task.score()"""
    for body, name in (("x + x", ""), ("x * x", "it is squared")):
        notebook = torch_course.notebook({"student": student.format(body)}, {"student": test})
        plain = Rehearsal(notebook, judge.folder).run().tasks["test_student"]
        judged = Judge(notebook, notebook, judge.folder, judge.files, judge.warm).run(notebook)
        for task in (plain, judged.tasks["test_student"]):
            (finding,) = [result.finding for result in task.report.results]
            assert (finding.looks_like if finding else "") == name


# --- the guide -----------------------------------------------------------------------------------


def test_the_task_of_the_authors_guide_runs_as_written(warm, tmp_path):
    guide = (tiny_course.ROOT / "docs" / "authors.md").read_text(encoding="utf-8")
    section = guide.partition("### Beside the student's code\n")[2].partition("\n### ")[0]
    _, samples, answer, known, test = re.findall(r"```python\n(.*?)\n```", section, re.DOTALL)
    files = {"a15_samples.py": samples.encode(), "a15_known.py": known.encode()}
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    right = torch_course.notebook({"train_step": answer}, {"train_step": test})
    slips = {
        answer: 4.0,
        answer.replace("    model.train()\n", ""): 0.0,
        answer.replace("    optimizer.zero_grad()\n", ""): 0.0,
        answer.replace("    return loss.item()", "    return loss"): 2.0,
    }
    assert len(slips) == 4
    for each, points in slips.items():
        plain = Rehearsal(right, tmp_path).run({"train_step": each})
        handed_in = torch_course.notebook({"train_step": each}, {"train_step": test})
        judgement = Judge(right, right, tmp_path, files, warm).run(handed_in)
        assert plain.points == judgement.points == {"test_train_step": points}


# --- nbgrader ------------------------------------------------------------------------------------


@pytest.fixture
def a_class(tmp_path):
    """A course in which one student hands in what is right, and one a mistake in each task."""
    folder = tmp_path / "course" / "solutions" / NAME
    source = assignment(RIGHT)
    for cell in notebooks.solutions(source).values():
        cell.source = f"### BEGIN SOLUTION\n{cell.source}\n### END SOLUTION"
    notebooks.write(source, folder / f"{NAME}.ipynb")
    torch_course.write(folder)
    course = tmp_path / "course"
    shutil.copy(tiny_course.ROOT / "nbgrader_config.py", course)
    release = notebooks.read(autograding.register(course, NAME))
    wrong = {name: slipped(name, old, new) for name, old, new, _ in OTHERS}
    for student, answers in (("right", RIGHT), ("wrong", wrong)):
        handed_in = tiny_course.answered(copy.deepcopy(release), answers)
        notebooks.write(handed_in, course / "submitted" / student / NAME / f"{NAME}.ipynb")
    return course


@pytest.mark.slow
def test_nbgraders_autograde_gives_the_points_of_the_judge(a_class, tmp_path):
    left = {f"test_{name}": float(points) for name, _, _, points in OTHERS}
    for number, grade in enumerate((stock.grade, classroom.grade)):
        course = tmp_path / str(number)
        shutil.copytree(a_class, course)
        results = grade(course, NAME)
        points = {result.student: dict(result.scores) for result in results}
        assert points == {"right": MOST, "wrong": left}
