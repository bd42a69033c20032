"""Every hostile submission gets what it must, and what must not happen does not happen."""

import json
import os
import subprocess
import sys

import pytest

from ..tiny_course import ROOT
from .case import SECRET, Outcome
from .row import Row
from .suite import CASES, FAMILIES, HANDED_IN
from .world import World

SHARP = {name: case for name, case in CASES.items() if case.works_in_one_process}


@pytest.fixture(scope="module")
def world(warm, tmp_path_factory):
    with World(warm, tmp_path_factory.mktemp("hostile"), HANDED_IN) as made:
        yield made


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_it_gets_what_it_must(world, case):
    assert Row(case, world.outcome(case)).faults == []


def test_names_are_told_apart():
    assert len(CASES) == sum(map(len, FAMILIES.values()))


@pytest.fixture(scope="module")
def without_walls():
    """What comes of attacks where answers and checks share a process."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.hostile.one_process"],
        cwd=ROOT,
        env=os.environ | {"HOSTILE_SECRET": SECRET},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", SHARP)
def test_the_attack_works_where_there_is_no_wall(without_walls, name):
    points, shown = without_walls[name]
    outcome = Outcome(tuple(points), "", shown=shown)
    happened = any(never.happened(outcome) for never in SHARP[name].never)
    assert happened or sum(points) > sum(SHARP[name].points)
