"""What the guides show exists and runs."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_example_in_the_readme_runs(capsys):
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})
    accuracy = float(re.search(r"accuracy=([\d.]+)", capsys.readouterr().out).group(1))
    assert accuracy > 0.9


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_links_lead_somewhere(guide):
    links = re.findall(r"\]\(([^)#]+)", guide.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (guide.parent / link).exists()] == []


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.name)
def test_make_targets_that_are_named_exist(guide):
    named = set(re.findall(r"`make ([a-z-]+)", guide.read_text(encoding="utf-8")))
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert named - set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE)) == set()
