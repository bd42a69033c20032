"""What `make new` makes passes everything from the start, and is a draft."""

import shutil
from pathlib import Path

import pytest
import tiny_course
from typer.testing import CliRunner

from coursekit import notebooks
from coursekit.authoring import demands, rules
from coursekit.authoring.checking import SAMPLE, CheckError, command, covering, sample, subject
from coursekit.authoring.frame import is_frame
from coursekit.authoring.renewing import renew_assignment
from coursekit.authoring.skeleton import NewError, new
from coursekit.cli import app
from coursekit.collection import Collection, Entry, collections_in, load
from coursekit.notebooks.outline import differences
from coursekit.rehearse import Rehearsal, judge
from coursekit.release import verify

ROOT = Path(__file__).parents[3]
NAME = "a05_batch_norm"
ODD = [
    "batchnorm",
    "a5_x",
    "A05_x",
    "05_Batch",
    "05-batch",
    "05_",
    "a05",
    "../a05_x",
    "a05_x.y",
    "5_x",
    "005_x",
    "a05__x",
    "05_1x",
    "a10a_x",
    "05_x/y",
]


@pytest.fixture
def course(tmp_path):
    (tmp_path / "solutions").mkdir()
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A course with a new assignment in it."""
    root = tmp_path_factory.mktemp("course")
    shutil.copy(ROOT / "nbgrader_config.py", root)
    new(root, NAME)
    return root


def files(root):
    return sorted(p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file())


# --- an assignment -------------------------------------------------------------------------------


def test_an_assignment_is_four_files(course):
    written = new(course, NAME)
    assert files(course) == [
        "nbgrader_config.py",
        "solutions/a05_batch_norm/a05_batch_norm.ipynb",
        "solutions/a05_batch_norm/a05_known.py",
        "solutions/a05_batch_norm/a05_samples.py",
        "tests/assignments/a05_batch_norm.py",
    ]
    assert sorted(map(str, written)) == sorted(str(course / file) for file in files(course)[1:])


def test_its_names_are_put_in(made):
    for path in (made / file for file in files(made)[1:]):
        assert not {"a00", "TOPIC", "Topic"} & set(path.read_text().replace("`", " ").split())
    title = notebooks.read(made / "solutions" / NAME / f"{NAME}.ipynb").cells[0].source
    assert title.startswith("# Assignment 05: batch norm\n")


def test_it_is_fit_for_students(made):
    assert verify(made, NAME) == []


def test_nothing_is_left_to_renew(made):
    path = made / "solutions" / NAME / f"{NAME}.ipynb"
    assert not renew_assignment(path)
    assert differences(notebooks.read(path)) == []


def test_its_solutions_lose_what_they_should(made):
    rehearsal = Rehearsal.of(made / "solutions" / NAME / f"{NAME}.ipynb")
    known = load(made / "tests" / "assignments" / f"{NAME}.py")
    verdicts = [judge(rehearsal, entry) for entry in known.entries]
    assert [str(v.entry) for v in verdicts if not v.as_expected] == []
    assert {entry.is_right for entry in known.entries} == {True, False}


def test_it_is_a_draft_and_says_what_is_left(made):
    assert demands.draft(made, NAME) == [
        "2 tasks; there should be 4 to 7",
        "10 points; there should be 20 to 40",
        "3 wrong solutions; there should be at least 14",
        "3 wrong solutions with `says`; there should be at least 10",
        "2 right solutions; there should be at least 6",
        "then take draft=True out of tests/assignments/a05_batch_norm.py",
    ]


def test_an_assignment_without_a_collection_is_no_draft(course):
    assert demands.draft(course, NAME) is None


def test_an_assignment_that_has_all_has_nothing_left():
    name = "a02_convolution"
    notebook = notebooks.read(ROOT / "solutions" / name / f"{name}.ipynb")
    known = load(ROOT / "tests" / "assignments" / f"{name}.py")
    assert demands.left_to_do(notebook, known) == []
    notebook.cells = [c for c in notebook.cells if notebooks.grade_id(c) != "explain_convolution"]
    assert demands.left_to_do(notebook, known) == [
        "no question is answered in words; there should be one"
    ]
    assert "0 right solutions; there should be at least 6" in demands.left_to_do(
        notebook, Collection(name)
    )


# --- a lecture -----------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_lecture_is_stored_executed_and_keeps_every_rule(course):
    (path,) = new(course, "05_batch_norm")
    notebook = notebooks.read(path)
    assert path == course / "course" / "05_batch_norm.ipynb"
    assert [str(rule) for rule in rules.measure(path) if not rule.holds] == []
    assert notebook.cells[0].source.startswith("# Batch norm\n")
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 2, 3, 4]
    assert is_frame(code[0])
    (picture,) = code[-1].outputs
    assert picture.metadata["image/png"]["alt"].startswith("Bars at 1 to 4")
    assert code[2].metadata.jupyter.outputs_hidden


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["", "05_x\n", *ODD],
)
def test_an_odd_name_is_an_error_that_shows_a_good_one(course, name):
    with pytest.raises(NewError, match="such as 05_batchnorm, nor of an assignment, such as a05_"):
        new(course, name)
    assert files(course) == ["nbgrader_config.py"]


@pytest.mark.parametrize(
    ("name", "there"),
    [
        (NAME, f"solutions/{NAME}/{NAME}.ipynb"),
        (NAME, f"solutions/{NAME}/a05_known.py"),
        (NAME, f"tests/assignments/{NAME}.py"),
        (NAME, "solutions/a05_other/a05_other.ipynb"),
        ("05_batch_norm", "course/05_batch_norm.ipynb"),
        ("05_batch_norm", "course/05_other.ipynb"),
        ("10a_x", "course/10a_y.ipynb"),
    ],
)
def test_nothing_is_overwritten_and_no_number_is_taken_twice(course, name, there):
    path = course / there
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("mine")
    with pytest.raises(NewError, match="is there already"):
        new(course, name)
    assert files(course) == sorted(["nbgrader_config.py", there])
    assert path.read_text() == "mine"


# --- what a number stands for --------------------------------------------------------------------


@pytest.fixture
def several(course):
    for name in ("05_a", "10a_b", "10b_c", "11_d"):
        (course / "course").mkdir(exist_ok=True)
        (course / "course" / f"{name}.ipynb").touch()
    for name in ("a05_a", "a10_bc"):
        (course / "solutions" / name).mkdir()
    return course


@pytest.mark.parametrize(
    ("number", "names"),
    [
        ("05", ["05_a", "a05_a"]),
        ("05_a", ["05_a", "a05_a"]),
        ("a05_a", ["05_a", "a05_a"]),
        ("10", ["10a_b", "10b_c", "a10_bc"]),
        ("10b", ["10b_c", "a10_bc"]),
        ("11", ["11_d"]),
    ],
)
def test_a_number_is_a_lecture_and_its_assignment(several, number, names):
    assert subject(several, number).names == names


@pytest.mark.parametrize(
    ("number", "message"),
    [
        ("12", "no lecture 12; there are 05, 10a, 10b, 11"),
        ("5", "is no number of a lecture, such as 05 or 10a"),
        ("x", "is no number"),
    ],
)
def test_an_unknown_number_is_an_error(several, number, message):
    with pytest.raises(CheckError, match=message):
        subject(several, number)


def test_without_the_tests_there_is_no_proof(several):
    with pytest.raises(CheckError, match="proofs need a clone of the repository"):
        command(several, subject(several, "05"))


def test_the_proofs_are_the_tests_of_these_names():
    line = command(ROOT, subject(ROOT, "02"))
    names = "02a_convolution or 02b_convolutional_layers or a02_convolution"
    assert line[line.index("-k") + 1] == names
    assert all(Path(part).exists() for part in line if part.startswith(str(ROOT)))
    assert str(ROOT / "course" / "02a_convolution.ipynb") in line


@pytest.mark.parametrize("path", list(collections_in(ROOT)), ids=lambda path: path.stem)
def test_a_sample_of_the_known_solutions_has_each_kind_and_two_of_each_function(path):
    entries = load(path).entries
    chosen = sample(entries)
    assert {(e.cell, e.is_right) for e in chosen} == {(e.cell, e.is_right) for e in entries}
    for kinds in (
        lambda of: {(e.is_right, bool(e.says), e.judge_only, len(e.loses)) for e in of},
        lambda of: {e.says for e in of} & {"mutated", "kept", "dtype", "type", "forbidden"},
    ):
        assert kinds(chosen) == kinds(entries)
    assert len(chosen) < len(entries) / 5
    assert sample(chosen) == chosen


def test_a_sample_takes_a_kind_from_the_function_that_has_the_fewest():
    entries = [
        Entry("right", "a", "", {}), Entry("right", "b", "", {}),
        Entry("wrong", "a", "", {"test_a": 1}), Entry("another", "a", "", {"test_a": 1}),
        Entry("dtype", "a", "", {"test_a": 1}, "dtype"), Entry("kept", "a", "", {"a": 1}, "kept"),
        Entry("dtype", "b", "", {"test_b": 1}, "dtype"), Entry("kept", "b", "", {"b": 1}, "kept"),
    ]  # fmt: skip
    assert [str(e) for e in sample(entries)] == [
        "a: right", "b: right", "a: wrong", "a: kept", "b: dtype"
    ]  # fmt: skip


def test_what_covers_the_course_holds_every_kind_of_check_and_cell(monkeypatch, tmp_path):
    cells = {"a01_x": "task.call(f)", "a02_x": "task.call(f)\ntask.raises(f, case, never=g)"}
    cells |= {"a03_x": "task.seeded(f)", "a04_x": "task.seeded(f)\ntask.raises(f, case)"}
    paths = [tmp_path / name / f"{name}.ipynb" for name in cells]
    for path, source in zip(paths, cells.values(), strict=True):
        path.parent.mkdir()
        notebook = tiny_course.source()
        notebooks.find(notebook, "test_double").source = source
        notebooks.write(notebook, path)
    monkeypatch.delenv(SAMPLE, raising=False)
    assert covering(paths) == paths
    monkeypatch.setenv(SAMPLE, "assignment")
    assert covering(paths) == paths
    monkeypatch.setenv(SAMPLE, "course")
    assert [path.stem for path in covering(paths)] == ["a02_x", "a03_x"]
    (paths[0].parent / "a01_known.py").write_text("def f(task):\n    task.battery()\n")
    assert [path.stem for path in covering(paths)] == ["a01_x", "a02_x", "a03_x"]


# --- commands ------------------------------------------------------------------------------------


def said(*words):
    """(exit status, what a command says)."""
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, result.output


def test_new_says_what_it_wrote_and_an_odd_name_gets_a_sentence(course, monkeypatch):
    monkeypatch.chdir(course)
    status, text = said("new", NAME)
    assert status == 0
    assert text.splitlines()[0] == f"written: solutions/{NAME}/{NAME}.ipynb"
    for name in (NAME, "batchnorm"):
        status, text = said("new", name)
        assert status == 1
        assert "Traceback" not in text


def test_all_are_released_but_a_draft_and_a_draft_by_its_name_is_refused(made, monkeypatch):
    monkeypatch.chdir(made)
    draft = f"{NAME}: a draft, not released; what is left: make release A={NAME}\n"
    assert said("release") == (0, draft)
    status, text = said("release", NAME)
    assert status == 1
    assert text.startswith(f"{NAME} is a draft. Left to do:\n  - 2 tasks; there should be 4 to 7\n")
    assert not (made / "assignments").exists()


def test_a_number_that_is_nothings_gets_a_sentence(made, monkeypatch):
    monkeypatch.chdir(made)
    assert said("check", "77") == (1, "There is no lecture 77; there are none.\n")


def test_a_source_whose_headings_cannot_be_made_is_named(course, monkeypatch):
    monkeypatch.chdir(course)
    new(course, NAME)
    path = course / "solutions" / NAME / f"{NAME}.ipynb"
    path.write_text(path.read_text().replace("points=6", "points=MANY"))
    expected = 'test_centre: states no points; write Task("name", points=8), with a number\n'
    assert said("release", NAME) == (1, f"{NAME}: {expected}")
    assert said("notebooks", str(path)) == (1, f"{NAME}.ipynb: {expected}")
