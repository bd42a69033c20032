"""From solutions/ to what students get: leaks, points, repeatability, cells that must stay."""

import shutil
import subprocess
import sys
import zipfile
from contextlib import nullcontext
from pathlib import Path

import nbformat
import pytest
import tiny_course
from nbformat import v4
from nbgrader.api import Gradebook
from typer.testing import CliRunner

from coursekit import notebooks, proofs, sandbox
from coursekit import release as releasing
from coursekit.authoring.demands import draft
from coursekit.cli import app
from coursekit.feedback import HideHiddenTests
from coursekit.grading import autograding
from coursekit.leaks import leaks
from coursekit.notebooks.outline import renewed
from coursekit.release import ReleaseError, release, verify
from coursekit.verify import problems

ROOT = Path(__file__).parents[2]
NAME = tiny_course.NAME
TABLE = """\
# Doubling and halving

| task | what you write | points | difficulty | minutes |
|---|---|---:|:--:|---:|
| 1 | `double` | 2 | ★☆☆ | 5 |
| 2 | `halve` | 3 | ★★☆ | 5 |
| 3 | an explanation | 4 | ★★★ | 10 |
| | **total** | **9** | | **20** |"""
HEADINGS = {
    "double": "## Task 1: twice as much (2 points)",
    "halve": "## Task 2: half as much (3 points)",
    "explain_double": "## Task 3: explain (4 points)",
}


@pytest.fixture(scope="module")
def new_gradebook(tmp_path_factory):
    """A gradebook with nothing in it; to make one takes nbgrader seconds."""
    folder = tmp_path_factory.mktemp("gradebook")
    tiny_course.build(folder)
    autograding.register(folder, NAME)
    with autograding.open_gradebook(folder) as gradebook:
        gradebook.remove_assignment(NAME)
    return folder / "gradebook.db"


@pytest.fixture(autouse=True)
def rooms_made_once(request, monkeypatch):
    """Every release is also tried out in the judge: here with the rooms of all other tests."""
    if not sandbox.unavailable():
        warm = request.getfixturevalue("warm")
        monkeypatch.setattr(proofs, "rooms", lambda modules: nullcontext(warm))


@pytest.fixture
def course(tmp_path, new_gradebook):
    """A course of one small assignment that is fit for release, with this course's settings."""
    shutil.copy(new_gradebook, tmp_path)
    (tmp_path / "nbgrader_config.py").write_text((ROOT / "nbgrader_config.py").read_text())
    edit(tmp_path, lambda notebook: None, new=True)
    return tmp_path


def source(course):
    return course / "solutions" / NAME / f"{NAME}.ipynb"


def edit(course, change, new=False):
    """Change the source notebook."""
    notebook = notebooks.read(source(course)) if not new else tiny_course.source()
    if new:
        notebook.cells[0].source = TABLE
        for name, heading in HEADINGS.items():
            place = notebook.cells.index(notebooks.find(notebook, name))
            notebook.cells.insert(place, v4.new_markdown_cell(heading, id=f"task-{name}"))
    change(notebook)
    notebooks.write(notebooks.normalise(notebook), source(course))


def replace(name, old, new):
    """A change: other text in the cell with this grade id."""

    def change(notebook):
        cell = notebooks.find(notebook, name)
        assert old in cell.source
        cell.source = cell.source.replace(old, new)

    return change


def without_halving(notebook):
    """A change: the second task is gone, with its heading."""
    gone = {"task-halve", "halve", "test_halve"}
    notebook.cells = [cell for cell in notebook.cells if cell.id not in gone]
    notebook.cells[0].source = TABLE
    notebook.cells = renewed(notebook).cells


def contents(folder):
    """Every file below a folder, with its bytes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


# --- building ------------------------------------------------------------------------------------


def test_a_release_has_stubs_visible_checks_and_locked_cells(course):
    (course / "solutions" / NAME / "a01_known.py").write_text("ANSWER = 42\n")
    done = release(course, NAME)
    notebook = notebooks.read(done.folder / f"{NAME}.ipynb")
    stub = "def double(x):\n    # YOUR CODE HERE\n    raise NotImplementedError"
    assert notebooks.find(notebook, "double").source == stub
    test = notebooks.find(notebook, "test_double")
    assert "three" in test.source
    assert "negative" not in test.source
    assert (test.metadata.editable, test.metadata.deletable) == (False, False)
    assert notebooks.find(notebook, "explain_double").source == "YOUR ANSWER HERE"
    assert sorted(contents(done.folder)) == ["a01_known.py", f"{NAME}.ipynb"]


def test_a_second_release_changes_nothing(course):
    first = release(course, NAME)
    before = contents(first.folder), first.archive.read_bytes()
    second = release(course, NAME)
    assert (contents(second.folder), second.archive.read_bytes()) == before
    assert (first.changed, second.changed) == ((f"{NAME}.ipynb",), ())


def test_another_folder_gives_the_same_bytes(course, tmp_path_factory):
    other = tmp_path_factory.mktemp("elsewhere") / "a longer name"
    (other / "solutions" / NAME).mkdir(parents=True)
    source(other).write_bytes(source(course).read_bytes())
    (other / "nbgrader_config.py").write_text((ROOT / "nbgrader_config.py").read_text())
    here, there = release(course, NAME), release(other, NAME)
    assert contents(here.folder) == contents(there.folder)
    assert here.archive.read_bytes() == there.archive.read_bytes()


def test_plain_nbgrader_builds_the_same(course):
    ours = contents(release(course, NAME).folder)
    command = [sys.executable, "-m", "nbgrader", "generate_assignment", NAME, "--force", "--no-db"]
    subprocess.run(command, cwd=course, check=True, capture_output=True)
    assert contents(course / "assignments" / NAME) == ours


def test_what_editing_and_running_leave_behind_is_not_released(course):
    for litter in ("__pycache__/a.pyc", ".ipynb_checkpoints/a.ipynb"):
        path = course / "solutions" / NAME / litter
        path.parent.mkdir()
        path.write_text("")
    stale = course / "assignments" / NAME / "old_helper.py"
    stale.parent.mkdir(parents=True)
    stale.write_text("")
    done = release(course, NAME)
    assert list(contents(done.folder)) == [f"{NAME}.ipynb"]
    assert "old_helper.py" in done.changed


def test_the_zip_holds_the_released_folder(course):
    done = release(course, NAME)
    with zipfile.ZipFile(done.archive) as archive:
        assert archive.testzip() is None
        packed = {name: archive.read(name) for name in archive.namelist()}
    assert packed == {f"{NAME}/{name}": data for name, data in contents(done.folder).items()}


def test_the_gradebook_knows_the_hidden_tests(course):
    release(course, NAME)
    with autograding.open_gradebook(course) as gradebook:
        cell = gradebook.find_source_cell("test_double", NAME, NAME)
        assert "a negative number" in cell.source


def test_an_unknown_assignment_is_an_error_that_lists_the_known_ones(course):
    with pytest.raises(ReleaseError, match=f"no assignment 'a99'.*there: {NAME}"):
        release(course, "a99")


def about(name, **facts):
    """A change: other metadata of the cell with this grade id; None for none."""

    def change(notebook):
        known = notebooks.find(notebook, name).metadata.nbgrader
        known.update(facts)
        for key in [key for key, value in known.items() if value is None]:
            del known[key]

    return change


JULIA = {"kernelspec": {"name": "julia-1.9", "display_name": "Julia", "language": "julia"}}
UNFIT = {
    "a region does not end": (
        replace("double", "    ### END SOLUTION", ""),
        "a01_tiny cannot be built: cell double: BEGIN SOLUTION without END SOLUTION",
    ),
    "a region begins twice": (
        replace("test_double", "### END HIDDEN TESTS", "### BEGIN HIDDEN TESTS"),
        "a01_tiny cannot be built: cell test_double: line 7 is a second BEGIN HIDDEN TESTS before "
        "END HIDDEN TESTS",
    ),
    "a region does not begin": (
        replace("halve", "    ### BEGIN SOLUTION\n", ""),
        "a01_tiny cannot be built: cell halve: line 3 is END SOLUTION without BEGIN SOLUTION",
    ),
    "two cells have one grade id": (
        about("test_halve", grade_id="test_double"),
        "nbgrader cannot build a01_tiny: two cells have the grade id test_double",
    ),
    "a grade id is no name": (
        about("test_halve", grade_id="test halve!"),
        r"nbgrader cannot build a01_tiny: 'test halve!' does not match '^[a-zA-Z0-9_\\-]*$'",
    ),
    "a cell has no grade id": (
        about("halve", grade_id=None),
        "nbgrader cannot build a01_tiny: a cell has no grade id; it begins with 'def halve(x):'",
    ),
    "a cell has no points": (
        about("test_halve", points=None),
        "nbgrader cannot build a01_tiny: cell test_halve is graded and has no points; give it "
        "some in its metadata",
    ),
    "a written answer has no points": (
        about("explain_double", points=None),
        "nbgrader cannot build a01_tiny: cell explain_double is graded and has no points; give it "
        "some in its metadata",
    ),
    "it is not in Python": (
        lambda notebook: notebook.metadata.update(JULIA),
        "nbgrader cannot build a01_tiny: language 'julia' has not been specified in "
        "ClearSolutions.code_stub",
    ),
}


@pytest.mark.parametrize("fault", UNFIT)
def test_a_source_that_nbgrader_cannot_build_is_an_error_of_one_line(course, fault):
    change, says = UNFIT[fault]
    notebook = notebooks.read(source(course))
    change(notebook)
    source(course).write_text(nbformat.writes(notebook))
    with pytest.raises(ReleaseError) as refused:
        releasing.build(course, NAME, course / "out")
    assert str(refused.value) == says


def test_a_source_without_a_kernelspec_is_built_with_one(course):
    notebook = notebooks.read(source(course))
    notebook.metadata.clear()
    source(course).write_text(nbformat.writes(notebook))
    built = notebooks.read(releasing.build(course, NAME, course / "out") / f"{NAME}.ipynb")
    assert built.metadata.kernelspec.name == "python3"


def test_a_source_or_settings_that_cannot_be_read_are_errors_of_one_line(course, monkeypatch):
    text = source(course).read_text()
    source(course).write_text(text[:200])
    with pytest.raises(ReleaseError, match=r"a01_tiny cannot be built: .*: truncated\. [^\n]*$"):
        release(course, NAME)
    monkeypatch.chdir(course)
    said = CliRunner().invoke(app, ["release", NAME])
    assert (said.exit_code, len(said.output.splitlines())) == (1, 1), said.output
    assert "truncated" in said.output
    source(course).write_text(text)
    (course / "nbgrader_config.py").write_text("c = get_config()\nc.Execute.timeout = 1 / 0\n")
    with pytest.raises(ReleaseError, match=r"config\.py does not run: ZeroDivisionError: division"):
        release(course, NAME)


# --- verifying -----------------------------------------------------------------------------------


def test_a_good_assignment_verifies(course):
    assert verify(course, NAME) == []


NEEDS_HIDDEN = """\
task = Task("double", points=2)
### BEGIN HIDDEN TESTS
three = 3
### END HIDDEN TESTS
with task.check("three", points=2):
    task.equal(double(three), 6)
task.score()"""
HIDDEN = "### BEGIN HIDDEN TESTS\n"
FAULTS = {
    "the notebook's table gives other points": (
        lambda notebook: notebook.cells[0].update(source=TABLE.replace("` | 2", "` | 3")),
        "the text says '| 1 | `double` | 3 | ★☆☆ | 5 |', the cells say '| 1 | `double` | 2 |",
    ),
    "a heading gives other points": (
        lambda notebook: notebook.cells[2].update(source="## Task 1: twice as much (3 points)"),
        "the text says '## Task 1: twice as much (3 points)', the cells say '## Task 1: twice as",
    ),
    "a heading has another number": (
        lambda notebook: notebook.cells[2].update(source="## Task 4: twice as much (2 points)"),
        "the text says '## Task 4: twice as much (2 points)', the cells say '## Task 1: twice as",
    ),
    "a task has no heading": (
        lambda notebook: notebook.cells.pop(2),
        "double: stands under no heading, such as '## Task 1: its title'",
    ),
    "there is no table": (
        lambda notebook: notebook.cells[0].update(source="# Doubling"),
        "no table with a column 'points'",
    ),
    "a graded cell does not end in its score": (
        replace("test_halve", "task.score()", "print(task.score())"),
        "test_halve: does not end in `task.score()`",
    ),
    "the task has other points than its cell": (
        replace("test_halve", "points=3)\nwith", "points=2)\nwith"),
        "test_halve: its Task has 2 points, its cell 3",
    ),
    "checks do not add up": (
        replace("test_halve", 'number", points=3', 'number", points=2'),
        "test_halve: its checks add up to 2 points, its cell has 3",
    ),
    "a hidden check is not marked": (
        replace("test_double", ", hidden=True", ""),
        "test_double: check 'a negative number' is in a hidden region without hidden=True",
    ),
    "a visible check is marked as hidden": (
        replace("test_double", '"three", points=1', '"three", points=1, hidden=True'),
        "test_double: check 'three' has hidden=True outside a hidden region",
    ),
    "the reference solution is wrong": (
        replace("halve", "x / 2", "x / 3"),
        "the reference solution gets 0 of 3 points for test_halve: 'an odd number'",
    ),
    "a test cell raises": (
        replace("test_halve", "task.score()", "1 / 0\ntask.score()"),
        "the reference solution raises in cell test_halve: ZeroDivisionError",
    ),
    "a stub that runs earns points": (
        replace("test_halve", "halve(3.0), 1.5", "1.5, 1.5"),
        "the untouched stub gets 3 points for test_halve",
    ),
    "visible checks need what only hidden ones define": (
        lambda notebook: notebooks.find(notebook, "test_double").update(source=NEEDS_HIDDEN),
        "the reference solution in the released notebook gets 0 of 2 points for test_double",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_named(course, fault):
    change, expected = FAULTS[fault]
    edit(course, change)
    found = verify(course, NAME)
    assert any(problem.startswith(expected) for problem in found), found


def test_nothing_is_published_when_something_is_wrong(course):
    before = contents(release(course, NAME).folder)
    edit(course, replace("halve", "x / 2", "x / 3"))
    with pytest.raises(ReleaseError, match=r"not released:\n  - the reference solution gets 0"):
        release(course, NAME)
    assert contents(course / "assignments" / NAME) == before


def test_a_draft_is_not_released_and_what_is_left_is_named(course):
    path = course / "tests" / "assignments" / f"{NAME}.py"
    path.parent.mkdir(parents=True)
    text = "from coursekit.collection import Collection\nknown = Collection('a01_tiny', draft={})\n"
    path.write_text(text.format(True))
    with pytest.raises(ReleaseError) as refused:
        release(course, NAME)
    assert str(refused.value).splitlines() == [
        "a01_tiny is a draft. Left to do:",
        "  - 3 tasks; there should be 4 to 7",
        "  - 9 points; there should be 20 to 40",
        "  - 0 wrong solutions; there should be at least 14",
        "  - 0 wrong solutions with `says`; there should be at least 10",
        "  - 0 right solutions; there should be at least 6",
        "  - 0 wrong ones of double; there should be at least 2",
        "  - 0 right ones of double; there should be at least 1",
        "  - 0 wrong ones of halve; there should be at least 2",
        "  - 0 right ones of halve; there should be at least 1",
        "  - then take draft=True out of tests/assignments/a01_tiny.py",
    ]
    assert not (course / "assignments").exists()
    path.write_text(text.format(False))
    assert release(course, NAME).changed == (f"{NAME}.ipynb",)


SECRET = "    return sum((x, x)) + 0 * len('a line that tells')"


@pytest.mark.parametrize(
    ("file", "text", "found"),
    [
        ("a01_known.py", f"def f(x):\n{SECRET}\n", "a line of the solution of double"),
        ("notes.md", SECRET.strip(), "a line of the solution of double"),
        ("a01_known.py", "with task.check('very  much hidden', points=1):", "the hidden tests of"),
        ("data.bin", "\xff### BEGIN SOLUTION", "the marker 'BEGIN SOLUTION'"),
        ("a01_known.py", "return 2 * x\nimport numpy as np\n", None),
    ],
)
def test_leaks_into_files_beside_the_notebook_are_found(course, file, text, found):
    edit(course, replace("double", "    return 2 * x", SECRET))
    edit(course, replace("test_double", HIDDEN, f"{HIDDEN}# {SECRET}\n"))
    original = notebooks.read(source(course))
    hidden = "### BEGIN HIDDEN TESTS\nwith task.check('very much hidden', points=1):"
    test = notebooks.find(original, "test_double")
    test.source = test.source.replace("### BEGIN HIDDEN TESTS", hidden)
    folder = course / "out"
    folder.mkdir()
    (folder / file).write_text(text, encoding="latin-1")
    problems = leaks(original, folder)
    assert (found is None and problems == []) or found in problems[0]
    assert len(problems) == (found is not None)


def test_leaks_into_the_notebook_are_found(course):
    original = notebooks.read(source(course))
    folder = course / "out"
    for secret, of in (
        ("task.equal(double(-4), -8)", "the hidden tests of test_double"),
        ("Why can every number be doubled?", "the solution of explain_double"),
    ):
        leaky = v4.new_notebook(cells=[v4.new_markdown_cell(secret)])
        notebooks.write(leaky, folder / "a.ipynb")
        (problem,) = leaks(original, folder)
        assert of in problem


def test_a_line_that_students_see_anyway_is_no_leak(course):
    same = "    values = [number for number in range(10)]\n    return 2 * x"
    edit(course, replace("double", "    return 2 * x", same))
    edit(course, replace("setup", "import Task", "import Task\nvalues = 1"))
    edit(
        course,
        lambda notebook: notebook.cells.insert(
            1, v4.new_markdown_cell("values = [number for number in range(10)]")
        ),
    )
    assert verify(course, NAME) == []


# --- after students handed in --------------------------------------------------------------------

# nbgrader makes a submission before it joins the session, of which SQLAlchemy warns.
NBGRADER_WARNS = pytest.mark.filterwarnings("ignore:Object of type <Submitted")
STRICTER = replace("test_halve", "halve(3.0), 1.5", "halve(5.0), 2.5")


@pytest.fixture
def handed_in(course):
    """The course after one student handed in and was put into the gradebook."""
    done = release(course, NAME)
    tiny_course.hand_in(course, "ann", notebooks.read(done.folder / f"{NAME}.ipynb"))
    return course


def test_graded_cells_do_not_change_after_hand_in(handed_in):
    before = contents(handed_in / "assignments")
    edit(handed_in, STRICTER)
    message = r"1 student has handed in.*\n  - test_halve: its text changes\n.*--force"
    with pytest.raises(ReleaseError, match=message):
        release(handed_in, NAME)
    assert contents(handed_in / "assignments") == before


def test_what_is_not_graded_may_change_after_hand_in(handed_in):
    edit(handed_in, lambda notebook: notebook.cells[0].update(source=TABLE + "\n\nA clearer word."))
    edit(handed_in, replace("test_double", "double(-4), -8", "double(-5), -10"))
    assert release(handed_in, NAME).changed == (f"{NAME}.ipynb",)
    with autograding.open_gradebook(handed_in) as gradebook:
        assert "double(-5)" in gradebook.find_source_cell("test_double", NAME, NAME).source


@NBGRADER_WARNS
def test_a_submission_in_the_gradebook_alone_counts(course):
    release(course, NAME)
    with autograding.open_gradebook(course) as gradebook:
        gradebook.update_or_create_student("bob")
        gradebook.update_or_create_submission(NAME, "bob")
    assert releasing.submissions(course, NAME) == 1
    edit(course, STRICTER)
    with pytest.raises(ReleaseError, match="1 student has handed in"):
        release(course, NAME)


@NBGRADER_WARNS
def test_force_changes_them_and_keeps_a_copy_of_the_gradebook(handed_in):
    with autograding.open_gradebook(handed_in) as gradebook:
        gradebook.update_or_create_student("ann")
        gradebook.update_or_create_submission(NAME, "ann")
    edit(handed_in, without_halving)
    done = release(handed_in, NAME, force=True)
    assert "test_halve" not in notebooks.graded(notebooks.read(done.folder / f"{NAME}.ipynb"))
    copy = handed_in / f"gradebook.db.before-{NAME}"
    with Gradebook(f"sqlite:///{copy}") as old:
        assert [s.student_id for s in old.assignment_submissions(NAME)] == ["ann"]
    with autograding.open_gradebook(handed_in) as new:
        assert [c.name for c in new.find_notebook(NAME, NAME).grade_cells] == [
            "test_double",
            "explain_double",
        ]


# --- feedback ------------------------------------------------------------------------------------


def hidden(notebook):
    """A notebook as the feedback preprocessor leaves it."""
    return HideHiddenTests().preprocess(notebook, {})[0]


def test_feedback_shows_no_hidden_test():
    notebook = tiny_course.source()
    test = notebooks.find(notebook, "test_double")
    trace = ["frame", "---> task.equal(double(-4), -8)", "NameError: x"]
    test.outputs = [v4.new_output("error", ename="NameError", evalue="x", traceback=trace)]
    text = nbformat.writes(hidden(notebook))
    assert "double(-4)" not in text
    assert "a negative number" not in text
    assert "NameError: x" in text
    assert "three" in text


def test_feedback_withholds_what_cells_put_out_after_hidden_tests():
    notebook = tiny_course.source()
    for name in ("double", "halve"):  # before and after the hidden tests of double
        output = v4.new_output("stream", name="stdout", text="what I was given: -4")
        notebooks.find(notebook, name).outputs = [output]
    cleared = hidden(notebook)
    assert "what I was given" in notebooks.find(cleared, "double").outputs[0].text
    assert "Not shown" in notebooks.find(cleared, "halve").outputs[0].text
    assert "what I was given" not in nbformat.writes(cleared).replace("what I was given: -4", "", 1)


def test_feedback_survives_an_answer_that_speaks_of_markers():
    notebook = tiny_course.source()
    answer = "### BEGIN HIDDEN TESTS\ndef double(x): return 2 * x"
    notebooks.find(notebook, "double").source = answer
    assert notebooks.find(hidden(notebook), "double").source == answer


# --- this course ---------------------------------------------------------------------------------

ASSIGNMENTS = [name for name in releasing.assignments(ROOT) if draft(ROOT, name) is None]


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_committed_assignments_are_what_their_solutions_give(name, tmp_path):
    built = releasing.build(ROOT, name, tmp_path)
    committed = contents(ROOT / "assignments" / name)
    committed = {file: data for file, data in committed.items() if "__pycache__" not in file}
    assert committed == contents(built), f"assignments/{name} is out of date: make release A={name}"


@pytest.mark.parametrize("name", ASSIGNMENTS)
def test_committed_assignments_are_fit_for_students(name):
    folder = ROOT / "assignments" / name
    assert problems(ROOT / "solutions" / name / f"{name}.ipynb", folder) == []
