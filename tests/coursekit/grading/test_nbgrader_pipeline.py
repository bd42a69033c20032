"""nbgrader's own commands work on this repository's assignments, from release to export."""

import csv
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile

import pytest
from nbgrader.validator import Validator
from tiny_course import ROOT

from coursekit import notebooks
from coursekit.authoring.checking import few
from coursekit.grading import autograding, classroom

pytestmark = pytest.mark.slow
ASSIGNMENTS = few(path.parent.name for path in ROOT.glob("solutions/*/*.ipynb"))
# How a learning management system names what it packs; nbgrader_config.py tells nbgrader.
UPLOADED = "ps_{student}_attempt_2026-01-31-12-00-00_{name}.ipynb"


def nbgrader(course, *arguments):
    """Run an nbgrader command as a user does, in the course folder."""
    path = os.pathsep.join([sysconfig.get_path("scripts"), os.environ["PATH"]])
    done = subprocess.run(
        [sys.executable, "-m", "nbgrader", *arguments],
        cwd=course,
        env={**os.environ, "PATH": path, "JUPYTER_PREFER_ENV_PATH": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done


def scores(course, name, student):
    with autograding.open_gradebook(course) as gradebook:
        return autograding.scores(gradebook, name, student)


@pytest.fixture(scope="module", params=ASSIGNMENTS)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def source(name):
    return notebooks.read(ROOT / "solutions" / name / f"{name}.ipynb")


@pytest.fixture(scope="module")
def released(tmp_path_factory, name):
    """A course in which `nbgrader generate_assignment` has run."""
    course = tmp_path_factory.mktemp("pipeline")
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "solutions" / name, course / "solutions" / name, ignore=ignored)
    shutil.copy(ROOT / "nbgrader_config.py", course)
    nbgrader(course, "generate_assignment", name)
    return course


@pytest.fixture(scope="module")
def collected(released, name, source):
    """Two students' uploads, unpacked by `nbgrader zip_collect`: all right, and nothing done."""
    release = notebooks.read(released / "assignments" / name / f"{name}.ipynb")
    archive = released / "downloaded" / name / "archive"
    archive.mkdir(parents=True)
    with zipfile.ZipFile(archive / "uploads.zip", "w") as uploads:
        untouched = notebooks.text_of(release)
        uploads.writestr(UPLOADED.format(student="felix", name=name), untouched)
        for cell, solved in notebooks.solutions(source).items():
            notebooks.find(release, cell).source = solved.source
        uploads.writestr(UPLOADED.format(student="ada", name=name), notebooks.text_of(release))
    nbgrader(released, "zip_collect", name)
    return released


@pytest.fixture(scope="module")
def graded(collected, name):
    nbgrader(collected, "autograde", name)
    return collected


@pytest.mark.parametrize(
    "path",
    [
        "extracted/doejane_4711_678901_a02_convolution.ipynb",
        "extracted/doejane_4711_678901_a02_convolution-2.ipynb",
        "extracted/Jane Doe_4711_assignsubmission_file/a02_convolution.ipynb",
        "extracted/Jane Doe_4711_assignsubmission_file_a02_convolution.ipynb",
        "extracted/ps_4711_attempt_2026-01-31-12-00-00_a02_convolution.ipynb",
        "extracted/4711_a02_convolution.ipynb",
        "extracted/4711/a02_convolution.ipynb",
    ],
)
def test_uploads_of_the_usual_systems_are_told_apart_by_student(path):
    pattern = autograding.configuration(ROOT).FileNameCollectorPlugin.named_regexp
    found = re.match(pattern, path)
    assert found.group("student_id", "file_id") == ("4711", "a02_convolution")


def test_generate_assignment_leaves_no_solution_and_no_hidden_test(released, name):
    notebook = notebooks.read(released / "assignments" / name / f"{name}.ipynb")
    text = notebooks.text_of(notebook)
    assert [marker for marker in notebooks.MARKERS if marker in text] == []
    assert notebooks.tests(notebook)


def test_zip_collect_finds_each_student(collected, name):
    found = {path.parents[1].name for path in collected.glob(f"submitted/*/*/{name}.ipynb")}
    assert found == {"ada", "felix"}


def test_validate_passes_a_solved_notebook_and_fails_every_stub(collected, name, tmp_path):
    shutil.copytree(collected / "assignments" / name, tmp_path, dirs_exist_ok=True)
    release = notebooks.read(tmp_path / f"{name}.ipynb")
    verdicts = {}
    for student in ("ada", "felix"):
        shutil.copy(collected / "submitted" / student / name / f"{name}.ipynb", tmp_path)
        validator = Validator(config=autograding.configuration(collected))
        verdicts[student] = validator.validate(str(tmp_path / f"{name}.ipynb"))
    assert "failed" not in verdicts["ada"]
    assert len(verdicts["felix"]["failed"]) == len(notebooks.graded(release))


def test_autograde_gives_full_marks_to_the_solution_and_none_to_the_stub(graded, name, source):
    most = {cell: notebooks.points(test) for cell, test in notebooks.tests(source).items()}
    ada, felix = scores(graded, name, "ada"), scores(graded, name, "felix")
    assert {cell: ada[cell] for cell in most} == most
    assert set(felix.values()) == {0.0}


def test_autograde_and_the_classroom_agree(graded, name, tmp_path):
    shutil.copytree(graded / "solutions", tmp_path / "solutions")
    shutil.copytree(graded / "submitted", tmp_path / "submitted")
    shutil.copy(graded / "nbgrader_config.py", tmp_path)
    ours = {result.student: dict(result.scores) for result in classroom.grade(tmp_path, name)}
    assert ours == {student: scores(graded, name, student) for student in ("ada", "felix")}


def test_generate_feedback_writes_a_page_for_each_student(graded, name):
    nbgrader(graded, "generate_feedback", name)
    pages = sorted(graded.glob(f"feedback/*/{name}/{name}.html"))
    assert [page.parents[1].name for page in pages] == ["ada", "felix"]
    assert all("Score:" in page.read_text() for page in pages)


def test_export_lists_each_student(graded, name, source, tmp_path):
    nbgrader(graded, "export", "--to", str(tmp_path / "grades.csv"))
    with (tmp_path / "grades.csv").open(newline="") as file:
        rows = {row["student_id"]: row for row in csv.DictReader(file)}
    by_running = sum(notebooks.points(test) for test in notebooks.tests(source).values())
    assert float(rows["ada"]["score"]) == by_running
    assert float(rows["felix"]["score"]) == 0
    assert float(rows["ada"]["max_score"]) == notebooks.total_points(source)
