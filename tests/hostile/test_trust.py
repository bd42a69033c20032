"""What docs/trust.md says is defended is tried by the suite, and the limits are those it names."""

import re
from dataclasses import asdict

import pytest

from coursekit.notebooks.files import MAX_BYTES
from coursekit.sandbox import Limits
from coursekit.sandbox.guard import MOST
from coursekit.sandbox.permission import EVERY

from ..tiny_course import ROOT
from .suite import CASES, FAMILIES

TEXT = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")


def rows(section):
    """Cells of the rows of the table in a section."""
    (body,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    lines = [line for line in body.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


CLAIMS = [(claim, re.findall(r"`([^`]+)`", tried)) for claim, _, tried in rows("What is defended")]


@pytest.mark.parametrize(("claim", "named"), CLAIMS, ids=[claim for claim, _ in CLAIMS])
def test_what_is_claimed_is_tried(claim, named):
    assert named
    assert [name for name in named if name not in FAMILIES and name not in CASES] == []


def test_every_family_stands_for_a_claim():
    assert FAMILIES.keys() <= {name for _, named in CLAIMS for name in named}


def test_the_limits_are_those_of_a_room():
    said = {name.strip("`"): amount for name, amount, _ in rows("Limits")}
    assert said == {name: shown(name, value) for name, value in asdict(Limits()).items()}
    assert f"{MAX_BYTES >> 20} MiB." in TEXT


def shown(name, value):
    """A limit as the page has it."""
    if name.endswith("_seconds"):
        return f"{value:g} s"
    return str(value) if name in ("processes", "files") else f"{value >> 20} MiB"


def test_how_much_of_a_students_calls_is_looked_at_is_what_it_says():
    words = {4: "every fourth", 5: "every fifth", 8: "every eighth", 10: "every tenth"}
    assert words[EVERY] in TEXT
    assert f"first\n{MOST} calls and returns" in TEXT


def test_the_page_says_how_to_see_the_table():
    assert "make hostile" in TEXT
    assert "-m tests.hostile $(FLAGS)" in (ROOT / "Makefile").read_text()
