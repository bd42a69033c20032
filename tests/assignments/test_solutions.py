"""Every known mistake loses the points it should; every right solution gets them all."""

from functools import cache
from pathlib import Path

import pytest

from coursekit import notebooks
from coursekit.authoring.demands import functions, left_to_do
from coursekit.rehearse import Rehearsal, collections_in, judge, load

ROOT = Path(__file__).parents[2]
COLLECTIONS = {path.stem: load(path) for path in collections_in(ROOT)}
ENTRIES = [
    pytest.param(name, entry, id=f"{name}-{entry}")
    for name, known in COLLECTIONS.items()
    for entry in known.entries
]


def source(name):
    return ROOT / "solutions" / name / f"{name}.ipynb"


@cache
def rehearsal(name):
    return Rehearsal.of(source(name))


@pytest.mark.parametrize(("name", "entry"), ENTRIES)
def test_a_solution_loses_exactly_the_points_it_should(name, entry):
    verdict = judge(rehearsal(name), entry)
    assert verdict.lost == pytest.approx(dict(verdict.loses)), (verdict.told, verdict.errors)
    assert verdict.as_expected, f"told {verdict.told!r}, expected {entry.says!r}"


@pytest.mark.parametrize("name", COLLECTIONS)
def test_three_quarters_of_the_wrong_solutions_are_told_which_mistake_they_make(name):
    wrong = [e for e in COLLECTIONS[name].entries if not e.is_right and not e.judge_only]
    assert sum(bool(entry.says) for entry in wrong) >= 0.75 * len(wrong)


@pytest.mark.parametrize("name", COLLECTIONS)
def test_the_reference_earns_full_marks_in_every_cell(name):
    outcome = rehearsal(name).run()
    assert outcome.points == rehearsal(name).maximum
    assert (outcome.errors, outcome.unscored) == ({}, [])


@pytest.mark.parametrize("name", COLLECTIONS)
def test_every_task_has_wrong_solutions_and_one_that_is_right_in_another_way(name):
    tasks = set(functions(notebooks.read(source(name))))
    entries = COLLECTIONS[name].entries
    assert {entry.cell for entry in entries if entry.is_right} == tasks
    assert {entry.cell for entry in entries if not entry.is_right} == tasks


@pytest.mark.parametrize("name", COLLECTIONS)
def test_nothing_is_left_to_do_but_in_a_draft(name):
    left = left_to_do(notebooks.read(source(name)), COLLECTIONS[name])
    assert left == [] or COLLECTIONS[name].draft


def test_every_assignment_has_a_collection():
    assert sorted(COLLECTIONS) == sorted(path.stem for path in ROOT.glob("solutions/*/a*.ipynb"))
