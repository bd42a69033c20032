"""What the guides show exists and runs."""

import re
import shutil
from pathlib import Path

import pytest

from coursekit import notebooks
from coursekit.authoring.demands import draft
from coursekit.authoring.renewing import renew_assignment
from coursekit.authoring.skeleton import new
from coursekit.collection import load
from coursekit.notebooks import Kind
from coursekit.rehearse import Rehearsal, judge
from coursekit.release import verify

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


def test_the_whole_small_assignment_of_the_authors_guide_runs_as_written(tmp_path):
    name, guide = "a05_batchnorm", (ROOT / "docs" / "authors.md").read_text(encoding="utf-8")
    (tmp_path / "solutions").mkdir()
    shutil.copy(ROOT / "nbgrader_config.py", tmp_path)
    written = {path: path.read_bytes() for path in new(tmp_path, name)}
    path, known, samples, collection = written
    _, _, section = guide.partition("\n## A whole small assignment\n")
    blocks = re.findall(r"```(?:python|markdown)\n(.*?)\n```", section, re.DOTALL)
    notebook = notebooks.read(path)
    cells = [cell for cell in notebook.cells if notebooks.kind(cell) != Kind.FRAME]
    for cell, text in zip(cells, blocks[:-3], strict=True):
        cell.source = text
    notebooks.write(notebook, path)
    renew_assignment(path)
    for file, text in zip((known, samples, collection), blocks[-3:], strict=True):
        file.write_text(text + "\n", encoding="utf-8")
    assert {path: path.read_bytes() for path in written} == written, "the guide is out of date"
    assert verify(tmp_path, name) == []
    verdicts = [judge(Rehearsal.of(path), entry) for entry in load(collection).entries]
    assert [verdict for verdict in verdicts if not verdict.as_expected] == []
    assert draft(tmp_path, name)
