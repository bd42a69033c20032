"""Every lecture keeps the rules that a program can hold, but for what is listed here.

A figure in the list is what a lecture has today. It may only get better: where a lecture has become
better than listed, the test says so, and the list is to follow.
"""

from pathlib import Path

import pytest

from coursekit.authoring.rules import measure

ROOT = Path(__file__).parents[2]
LECTURES = sorted(ROOT.glob("course/*.ipynb"))
EXCEPTIONS = {}


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in LECTURES])
def test_a_lecture_keeps_the_rules(path):
    known = EXCEPTIONS.get(path.stem, {})
    rules = measure(path)
    worse = [str(rule) for rule in rules if rule.figure > max(rule.limit, known.get(rule.name, 0))]
    assert not worse, "\n".join(worse)
    now = {rule.name: rule.figure for rule in rules if not rule.holds}
    assert now == known, f"better than listed in {Path(__file__).name}: write {now}"


def test_exceptions_are_of_lectures_that_exist():
    assert EXCEPTIONS.keys() <= {path.stem for path in LECTURES}
