"""What a release proves by running: twice with other draws, to an end, and in the judge."""

import logging
import random
import re
import signal
import time
from contextlib import nullcontext

import numpy as np
import pytest
import tiny_course
import torch
from tiny_course import NAME, released

from coursekit import notebooks, proofs
from coursekit.cell_runner import Cell, CellRunner
from coursekit.checks import inputs
from coursekit.patience import TooLong, at_most
from coursekit.proofs import Proofs
from coursekit.sandbox import Limits, SandboxUnavailable, Warm

QUICK = Limits(cell_seconds=2, call_seconds=2)
CHECK = "    task.equal(halve(3.0), 1.5)"
NAMED = "    task.equal((halve.__code__.co_argcount, halve(3.0)), (1, 1.5))"
HIDDEN = "    task.equal(double(-4), -8)"


@pytest.fixture
def prove(tmp_path):
    """Everything that is wrong with the small assignment after changes: (cell, old, new)."""

    def problems(*changes, **options):
        notebook = tiny_course.source()
        for name, old, new in changes:
            cell = notebooks.find(notebook, name)
            assert old in cell.source
            cell.source = cell.source.replace(old, new)
        source, release = (tmp_path / part / f"{NAME}.ipynb" for part in ("source", "release"))
        notebooks.write(notebook, source)
        notebooks.write(released(notebook), release)
        asked = {"secret": inputs.PUBLISHED, "limits": QUICK} | options
        return Proofs(source, release, **asked).problems()

    return problems


@pytest.fixture
def no_judge(monkeypatch):
    """Where only what happens in this process is of interest."""
    monkeypatch.setattr(Proofs, "_in_the_judge", lambda self: [])


# --- in the judge --------------------------------------------------------------------------------


@pytest.fixture
def judge(warm, monkeypatch):
    """The rooms of all other tests."""
    monkeypatch.setattr(proofs, "rooms", lambda modules: nullcontext(warm))


@pytest.mark.usefixtures("judge")
def test_what_holds_in_the_judge_too_is_fine(prove):
    assert prove() == []


@pytest.mark.usefixtures("judge")
@pytest.mark.parametrize(
    ("name", "old", "new", "says"),
    [
        (
            "test_halve",
            CHECK,
            NAMED,
            r"test_halve: holds here and not in the judge, .*: 'an odd number' \(AttributeError: ",
        ),
        (
            "test_double",
            HIDDEN,
            "    task.equal((double.__code__.co_argcount, double(-4)), (1, -8))",
            r"test_double: holds here and not in the judge, .*: 'a negative number' \(Attribute",
        ),
    ],
)
def test_a_check_that_cannot_cross_the_wall_is_named_with_the_reason(prove, name, old, new, says):
    (problem,) = prove((name, old, new))
    assert len(problem.splitlines()) == 1
    assert re.match(says, problem), problem


@pytest.mark.usefixtures("judge")
def test_a_solution_that_needs_what_no_room_has_is_named(prove, tmp_path):
    file = str(tmp_path / "source" / f"{NAME}.ipynb")
    reads = f"    open({file!r}).close()\n    return x / 2"
    (problem,) = prove(("halve", "    return x / 2", reads))
    assert problem.startswith("test_halve: holds here and not in the judge")
    assert "FileNotFoundError" in problem


def test_without_a_sandbox_the_judge_does_without_confinement(prove, monkeypatch, caplog):
    class Bare(Warm):
        def launch(self):
            if self._confined:
                raise SandboxUnavailable("Bubblewrap is not installed.")
            super().launch()

    monkeypatch.setattr(proofs, "Warm", Bare)
    (problem,) = prove(("test_halve", CHECK, NAMED))
    assert problem.startswith("test_halve: holds here and not in the judge")
    assert caplog.messages == [
        "The reference solution is judged without a sandbox: Bubblewrap is not installed."
    ]


def test_where_no_room_can_be_made_it_says_what_is_left_out(prove, monkeypatch, caplog):
    class Never(Warm):
        def launch(self):
            raise SandboxUnavailable("This system has no processes.")

    monkeypatch.setattr(proofs, "Warm", Never)
    with caplog.at_level(logging.WARNING):
        assert prove(("test_halve", CHECK, NAMED)) == []
    assert caplog.messages[-1] == (
        "Not tried out in the judge, because no room can be made: This system has no processes."
    )


# --- to an end -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_judge")
@pytest.mark.parametrize(
    ("name", "old", "new", "cell"),
    [
        ("halve", "    return x / 2", "    while True:\n        x = x", "test_halve"),
        ("setup", "import Task", "import Task\nimport time; time.sleep(60)", "setup"),
        ("test_halve", CHECK, "    while True:\n        task.rng()", "test_halve"),
    ],
)
def test_an_endless_cell_is_stopped_and_named(prove, name, old, new, cell):
    (problem,) = prove((name, old, new), limits=Limits(cell_seconds=0.5, call_seconds=0.5))
    assert problem == (
        f"the reference solution does not end: cell {cell} was stopped after 0.5 s, the most that "
        "nbgrader_config.py gives a cell (Execute.timeout)"
    )


def test_a_limit_ends_what_catches_everything_but_itself():
    with pytest.raises(TooLong, match=r"still running after 0\.05 s"), at_most(0.05):
        while True:
            try:
                time.sleep(10)
            except Exception:
                pytest.fail("it was caught as if it were an error")


def test_a_limit_leaves_another_clock_as_it_was():
    def ring(_signal, _frame):
        raise AssertionError("it rang")

    left, interval = signal.setitimer(signal.ITIMER_REAL, 0)
    old = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 500)
    try:
        with at_most(5):
            pass
        assert 400 < signal.getitimer(signal.ITIMER_REAL)[0] <= 500
        assert signal.getsignal(signal.SIGALRM) is ring
    finally:
        signal.signal(signal.SIGALRM, old)
        signal.setitimer(signal.ITIMER_REAL, left, interval)


# --- twice ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_judge")
@pytest.mark.parametrize(
    "draw", ["float(np.random.rand())", "random.random()", "float(torch.rand(()))"]
)
def test_a_check_that_hangs_on_a_global_generator_is_named(prove, draw):
    setup = "import random\nimport numpy as np\nimport torch\nfrom coursekit"
    with CellRunner(".") as runner:  # which begins with the seed of the first run
        runner.namespace.update(random=random, np=np, torch=torch)
        first = float(runner.run(Cell("", draw)).text)
    check = f"    task.expect({draw} == {first!r}, 'another number')\n{CHECK}"
    found = prove(("setup", "from coursekit", setup), ("test_halve", CHECK, check))
    assert found[0] == (
        "the reference solution: test_halve: check 'an odd number' fails (another number) with "
        "other seeds of Python's, NumPy's and torch's own generators; a test draws its inputs from "
        "`task.rng()`"
    )
    assert all("own generators" in problem for problem in found)


@pytest.mark.usefixtures("no_judge")
def test_a_check_that_hangs_on_the_secret_is_named(prove):
    with inputs.drawn_from("of this class"):
        rng = inputs.generator("double", "a negative number", 1, hidden=True)
        drawn = int(rng.integers(2**40))
    line = f"    task.expect(task.rng().integers(2**40) == {drawn}, 'out of luck')\n{HIDDEN}"
    found = prove(("test_double", HIDDEN, line), secret="of this class")
    assert found == [
        "the reference solution: test_double: check 'a negative number' fails (out of luck) with "
        "another secret of the class; a test holds whatever its `task.rng()` draws"
    ]


@pytest.mark.usefixtures("no_judge")
def test_a_hidden_check_that_fails_tells_its_author_why(prove):
    (problem, *_) = prove(("test_double", HIDDEN, "    task.equal(double(-4), -9)"))
    assert problem.startswith(
        "the reference solution gets 1 of 2 points for test_double: 'a negative number' (the "
    )
    assert "-9" in problem
