"""A grade depends on what the judging processes load, and on nothing else of the library."""

import shutil
from pathlib import Path

import pytest
import tiny_course
from tiny_course import RIGHT, answered, released

from coursekit import notebooks
from coursekit.grading import hashes
from coursekit.grading.jobs import Job, Material, Start
from coursekit.grading.workers import Workers

IMPORTS = """
import torch
from convnets import data, layers, optim, plots
from convnets.train import fit"""
WHICH = "import sys\nfiles = [getattr(m, '__file__', None) for m in [*sys.modules.values()]]\n"
TEST = """
x = torch.ones(2, requires_grad=True)
with task.check("a gradient", points=0):
    halve(x).sum().backward()
    task.equal(x.grad, torch.full((2,), 0.5))
"""


def loaded_in_judge_and_room(folder):
    """Files of this library that each of them has loaded once two tests are done, one on torch."""
    source, told = tiny_course.source(), folder / "judge"
    notebooks.find(source, "setup").source += IMPORTS
    test = notebooks.find(source, "test_halve")
    body, score = test.source.rsplit("\n", 1)
    tell = f"open({str(told)!r}, 'w').write('\\n'.join(filter(None, files)))"
    test.source = f"{body}\n{TEST}\n{WHICH}{tell}\n{score}"
    answers = RIGHT | {"halve": f"{RIGHT['halve']}\n{WHICH}print(*filter(None, files), sep='\\n')"}
    submission = answered(released(source), answers)
    start = Start(tuple(line.split()[1] for line in IMPORTS.split("\n")[1:]))
    material = Material(notebooks.text_of(source), notebooks.text_of(released(source)), start=start)
    with Workers(start, material) as workers:
        answer = workers.grade(Job("a.ipynb", text=notebooks.text_of(submission)))
    assert not isinstance(answer.outcome, Exception), answer.outcome
    grades = {q.name: q.points for q in answer.outcome.grade.questions}
    assert grades["test_halve"] == 3.0, answer.outcome.grade
    shown = notebooks.find(notebooks.of_text(answer.outcome.notebook), "halve").outputs
    texts = told.read_text(), "".join(output.get("text", "") for output in shown)
    return [_own(text) for text in texts]


def _own(text):
    paths = {Path(line) for line in text.splitlines()}
    own = {path for path in paths if path.suffix == ".py" and path.is_relative_to(hashes.LIB)}
    return {path.relative_to(hashes.LIB).as_posix() for path in own}


@pytest.mark.usefixtures("warm")
def test_what_judging_loads_is_in_the_key(tmp_path):
    judge, room = loaded_in_judge_and_room(tmp_path)
    assert {"coursekit/grading/judge.py", "coursekit/sandbox/gradients.py"} <= judge
    assert {"coursekit/sandbox/inside.py", "convnets/functional/conv.py"} <= room
    known = {path.relative_to(hashes.LIB).as_posix() for path in hashes.judging()}
    passed_over = {
        path.relative_to(hashes.LIB).as_posix()
        for pattern in hashes.NO_MATTER
        for path in hashes.LIB.glob(pattern)
    }
    more = (judge | room) - known - passed_over
    assert not more, "add them to hashes.JUDGING, for a change there may change a grade"


@pytest.fixture(scope="module")
def lib(tmp_path_factory):
    copy = tmp_path_factory.mktemp("copy") / "lib"
    return shutil.copytree(hashes.LIB, copy, ignore=shutil.ignore_patterns("__pycache__"))


@pytest.mark.parametrize(
    ("name", "matters"),
    [
        ("convnets/functional/conv.py", True),
        ("convnets/data/glyphs.py", True),
        ("coursekit/checks/compare.py", True),
        ("coursekit/sandbox/gradients.py", True),
        ("coursekit/grading/marking.py", True),
        ("convnets/plots/pictures.py", False),
        ("convnets/plots/cells.py", False),
        ("coursekit/exports/canvas.py", False),
        ("coursekit/report/summary.py", False),
        ("coursekit/cli.py", False),
        ("coursekit/remedies.py", False),
        ("coursekit/grading/page_writer.py", False),
    ],
)
def test_a_change_matters_where_judging_loads_it(lib, name, matters):
    path, before = lib / name, hashes.library_hash(lib)
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{text}\n# changed\n", encoding="utf-8")
    try:
        assert (hashes.library_hash(lib) != before) is matters
    finally:
        path.write_text(text, encoding="utf-8")
    assert hashes.library_hash(lib) == before


def test_files_that_are_named_exist():
    patterns = (*hashes.JUDGING, *hashes.NO_MATTER)
    assert not [each for each in patterns if not any(hashes.LIB.glob(each))]


def test_where_torch_is_not_installed_a_class_is_graded_too(monkeypatch):
    here = hashes.library_hash()
    monkeypatch.setattr(hashes, "VERSIONS", (*hashes.VERSIONS, "surely-not-installed"))
    assert hashes.library_hash() != here
