"""What tests of several folders share: modules of this one, the process that rooms are forked from.

A short assignment is graded with it.
"""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from nbformat import v4

sys.path.insert(0, str(Path(__file__).parent))  # which lets every test say `import tiny_course`

import tiny_course

from coursekit import sandbox
from coursekit.grading.judge import Judge

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # A shell starts what runs in its background so, and what tests start would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def warm():
    """Makes rooms; where none can be made these tests fail in CI and are skipped elsewhere."""
    reason = sandbox.unavailable()
    if reason:
        pytest.fail(reason) if os.environ.get("CI") == "true" else pytest.skip(reason)
    modules = ("convnets.data", "convnets.plots", "convnets.train", "sklearn.datasets", "torch")
    with sandbox.Warm(modules) as started:
        yield started


@pytest.fixture
def sit(warm, tmp_path):
    """Grades answers to the short assignment, by grade id; what is missing is right.

    Takes the answers, cells to put before the first answer (or at another place), and limits to
    change.
    """
    source = tiny_course.source()
    release = tiny_course.released(source)
    usual = sandbox.Limits(cell_seconds=20, call_seconds=20)

    def grade(answers, before=(), place=2, **limits):
        submission = tiny_course.answered(
            tiny_course.released(source), tiny_course.RIGHT | dict(answers)
        )
        submission.cells[place:place] = [v4.new_code_cell(text) for text in before]
        judge = Judge(source, release, tmp_path, {}, warm, replace(usual, **limits))
        return judge.grade(submission)

    return grade
