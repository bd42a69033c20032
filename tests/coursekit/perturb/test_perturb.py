"""`make perturb`: every assert is counted over many runs, and one that falls stops nothing."""

import subprocess
import sys
from pathlib import Path

import pytest
from nbformat import v4

from coursekit import notebooks
from coursekit.perturb.inside import Assert, RunRecord
from coursekit.perturb.perturb import PerturbError, counts, errors, perturb, report

FIRST = """\
import numpy as np
from convnets.layers import Linear

w = Linear(1, 1, rng=0).weight.data.item()
before = {clean!r}"""
ASSERTS = """\
assert w != before
for k in range(3):
    assert k < 2, "falls in the last round"
assert abs(w / before - 1) < 1e-5"""
FUNCTION = """\
def check(x):
    assert x > before, "falls in about half of the runs"
    return x


%time check(w)
try:
    assert False
except AssertionError:
    caught = True
assert caught"""
FAILS = """\
assert True
1 / 0
assert np.isfinite(w)"""
LAST = "assert (np.array([1, 2]) > 0).all()"


@pytest.fixture(scope="module")
def clean():
    """The weight as it is without noise."""
    from convnets.layers import Linear

    return Linear(1, 1, rng=0).weight.data.item()


def lecture(folder, cells, name="07_noise"):
    """A course with one lecture."""
    (folder / "course").mkdir(exist_ok=True)
    (folder / "solutions").mkdir(exist_ok=True)
    book = v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in cells])
    book.cells.insert(1, v4.new_markdown_cell("assert False"))
    book.cells.insert(1, v4.new_code_cell("  \n"))
    notebooks.write(notebooks.normalise(book), folder / "course" / f"{name}.ipynb")
    return folder


def test_each_assert_is_counted_and_what_follows_a_failure_still_runs(tmp_path, clean):
    course = lecture(tmp_path, [FIRST.format(clean=clean), ASSERTS, FUNCTION, FAILS, LAST])
    said = []
    assert not perturb(course, "07", runs=3, say=said.append)
    rows = [line.split(maxsplit=3) for line in said if "/3 " in line]
    table = {(cell, line): (held, text) for held, cell, line, text in rows}
    assert {place: held for place, (held, _) in table.items()} == {
        ("[2]", "1"): "3/3",
        ("[2]", "3"): "0/3",
        ("[2]", "4"): "3/3",
        ("[3]", "2"): "1/3",  # noise of either sign, the same whenever the command is given
        ("[3]", "11"): "3/3",
        ("[4]", "1"): "3/3",
        ("[4]", "3"): "0/3",
        ("[5]", "1"): "3/3",
    }
    assert table["[2]", "3"][1] == "k < 2  <- fell in 3"
    assert table["[4]", "3"][1] == "np.isfinite(w)  <- not reached in 3"
    assert said[-3:] == [
        "  cell [4] failed otherwise in 3 of 3: ZeroDivisionError: division by zero",
        "  5 of 8 asserts held in all 3 runs.",
        "  The noise reached 1 draws of weights in each run.",
    ]


def test_networks_of_torch_are_reached_too(tmp_path):
    import torch

    torch.manual_seed(0)
    clean = torch.nn.Linear(1, 1, bias=False).weight.item()
    make = "torch.manual_seed(0)\nw = torch.nn.Linear(1, 1, bias=False).weight.item()"
    course = lecture(tmp_path, [f"import torch\nimport convnets\n{make}\nassert w == {clean!r}"])
    said = []
    assert not perturb(course, "07", runs=1, say=said.append)
    assert said[-1] == "  The noise reached 1 draws of weights in each run."
    assert perturb(course, "07", runs=1, scale=0.0, say=said.append)
    assert said[-2] == "  1 of 1 asserts held in all 1 runs."


def test_noise_that_reaches_nothing_is_told(tmp_path):
    said = []
    assert perturb(lecture(tmp_path, ["assert 1 < 2"]), "07", runs=1, say=said.append)
    assert said[-1].endswith("so these counts say nothing about rounding.")


def test_a_run_whose_process_dies_says_in_which_cell(tmp_path):
    course = lecture(tmp_path, ["assert 1 < 2", "import os\nos._exit(3)", "assert 2 < 3"])
    said = []
    assert not perturb(course, "07", runs=1, say=said.append)
    ended = "its process ended with exit status 3: without a word"
    assert f"  cell [2] failed otherwise in 1 of 1: {ended}" in said
    assert any("1/1" in line and "1 < 2" in line for line in said)


def test_a_run_that_takes_too_long_is_ended_and_says_in_which_cell(tmp_path, monkeypatch):
    communicate = subprocess.Popen.communicate

    def late(process, timeout=None):
        if timeout is not None:
            assert process.stderr.readline() == "the second cell\n"
            raise subprocess.TimeoutExpired(process.args, timeout)
        return communicate(process)

    monkeypatch.setattr(subprocess.Popen, "communicate", late)
    forever = "import os, signal\nos.write(2, b'the second cell\\n')\nsignal.pause()"
    said = []
    assert not perturb(
        lecture(tmp_path, ["assert 1 < 2", forever]), "07", runs=1, timeout=9, say=said.append
    )
    assert "  cell [2] failed otherwise in 1 of 1: the run took more than 9 s and was ended" in said
    assert any("1/1" in line and "1 < 2" in line for line in said)


def test_an_interrupt_ends_what_runs(tmp_path):
    cell = "import os, signal\nos.kill(os.getppid(), signal.SIGINT)\nsignal.pause()"
    course = lecture(tmp_path, [cell])
    code = "from coursekit.cli import main; main()"
    stopped = subprocess.run(
        [sys.executable, "-c", code, "perturb", "07", "--runs", "3", "--workers", "1"],
        cwd=course,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert stopped.returncode == 1 and stopped.stderr.strip() == "Stopped."


def test_records_of_several_runs_are_put_together():
    here, there = "1:2:0", "3:1:0"
    records = [
        RunRecord({here: Assert(1, 2, "a", held=2), there: Assert(3, 1, "b", held=1)}),
        RunRecord({here: Assert(1, 2, "a", held=1, fell=1)}, errors={3: "E: x"}),
        RunRecord({here: Assert(1, 2, "a"), there: Assert(3, 1, "b", held=5)}, errors={3: "E: y"}),
    ]
    assert [(c.held, c.fell, c.missed) for c in counts(records)] == [(1, 1, 1), (2, 0, 1)]
    assert errors(records) == {3: ["E: x", "E: y"]}
    assert all(RunRecord.of(record.text()) == record for record in records)
    assert "  cell [3] failed otherwise in 2 of 3: E: x" in list(report(records))


def test_a_lecture_that_is_not_there_is_told_with_those_that_are(tmp_path):
    lecture(tmp_path, ["1"])
    with pytest.raises(PerturbError, match="no lecture '08'; there is: 07_noise"):
        perturb(tmp_path, "08")


def test_the_notebook_itself_is_left_alone(tmp_path):
    path = Path(lecture(tmp_path, ["assert 1 < 2\nprint(1)"])) / "course" / "07_noise.ipynb"
    before = path.read_bytes()
    perturb(tmp_path, "07", runs=1, say=lambda line: None)
    assert path.read_bytes() == before
    assert sorted(each.name for each in path.parent.iterdir()) == ["07_noise.ipynb"]
