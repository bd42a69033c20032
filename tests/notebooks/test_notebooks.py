"""The form of the committed notebooks: what is stored, how long cells are, what they import."""

import ast
import re
import statistics
from pathlib import Path

import nbformat
import pytest

from coursekit import notebooks
from coursekit.authoring import frame
from coursekit.authoring.demands import draft
from coursekit.authoring.frame import is_frame
from coursekit.cell_runner import Cell
from coursekit.notebooks import INSTALL
from coursekit.notebooks.outline import renewed

ROOT = Path(__file__).parents[2]
LECTURES = sorted(ROOT.glob("course/*.ipynb"))
SOLUTIONS = sorted(ROOT.glob("solutions/*/*.ipynb"))
RELEASED = sorted(ROOT.glob("assignments/*/*.ipynb"))
ALL = LECTURES + SOLUTIONS + RELEASED

# What a notebook may import: the course's own packages, its scientific stack, and Python's library
# for numbers, text and time. A new name here is a new thing for a student to learn.
PACKAGES = {"convnets", "coursekit", "numpy", "matplotlib", "sklearn", "torch", "IPython"}
LIBRARY = {"collections", "functools", "itertools", "math", "pathlib", "time"}
SHORT, LONG = 8, 20  # lines: the median cell, and nine cells in ten
WORDS = 300  # words of text in one cell


def named(paths):
    return [pytest.param(path, id=path.stem) for path in paths]


def sources(notebook):
    """Code cells that a student reads from top to bottom: all but tests, first and last cells."""
    tests = {cell.id for cell in notebooks.tests(notebook).values()}
    cells = (cell for cell in notebook.cells if cell.cell_type == "code")
    return {c.id: c.source for c in cells if c.id not in tests and not is_frame(c)}


def imports(source):
    """Top-level packages that a cell imports."""
    found = set()
    for node in ast.walk(Cell("", source).tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module)
    return {name.partition(".")[0] for name in found}


@pytest.mark.parametrize("path", named(ALL))
def test_it_is_valid_and_in_the_one_form_that_make_notebooks_gives(path):
    notebook = notebooks.read(path)
    nbformat.validate(notebook)
    outputs = "keep" if path in LECTURES else "clear"
    tidy = notebooks.text_of(notebooks.normalise(notebook, outputs))
    assert path.read_text(encoding="utf-8") == tidy, "make notebooks"


@pytest.mark.parametrize("path", named(LECTURES))
def test_a_lecture_begins_with_the_cell_that_says_what_to_install(path):
    notebook = notebooks.read(path)
    assert frame.lecture(notebook, frame.beside(path)) == notebook, "make notebooks"
    (first,) = (cell for cell in notebook.cells if cell.id == INSTALL)
    assert first.outputs[0].text == f"{frame.ALL_WELL}\n"


@pytest.mark.parametrize("path", named(SOLUTIONS))
def test_what_follows_from_the_cells_of_an_assignment_is_in_it(path):
    notebook = notebooks.read(path)
    new = frame.assignment(renewed(notebook), path.stem, frame.beside(path))
    assert notebooks.normalise(new) == notebook, "make notebooks"


@pytest.mark.parametrize("path", named(LECTURES))
def test_a_lecture_is_stored_executed_from_top_to_bottom(path):
    cells = [c for c in notebooks.read(path).cells if c.cell_type == "code" and c.source.strip()]
    assert [c.execution_count for c in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert not [o for o in outputs if o.output_type == "error" or o.get("name") == "stderr"]
    assert [o for o in outputs if "image/png" in o.get("data", {})]


@pytest.mark.parametrize("path", named(LECTURES))
def test_stored_output_is_the_same_on_every_run_and_machine(path):
    assert notebooks.unstable_outputs(notebooks.read(path)) == []


@pytest.mark.parametrize("path", named(ALL))
def test_cells_are_short(path):
    lengths = sorted(len(source.splitlines()) for source in sources(notebooks.read(path)).values())
    assert statistics.median(lengths) <= (SHORT if path in LECTURES else LONG)
    if path in LECTURES:
        assert lengths[int(0.9 * (len(lengths) - 1))] < LONG


@pytest.mark.parametrize("path", named(ALL))
def test_text_comes_in_small_portions(path):
    cells = [cell for cell in notebooks.read(path).cells if cell.cell_type == "markdown"]
    long = {cell.id: len(cell.source.split()) for cell in cells if len(cell.source.split()) > WORDS}
    assert long == {}


@pytest.mark.parametrize("path", named(ALL))
def test_code_parses_and_imports_only_what_the_course_is_built_on(path):
    own = {name.removesuffix(".py") for name in frame.beside(path)}
    cells = [cell for cell in notebooks.read(path).cells if cell.cell_type == "code"]
    used = set().union(*(imports(cell.source) for cell in cells if not is_frame(cell)))
    assert used <= PACKAGES | LIBRARY | own


@pytest.mark.parametrize("path", named(ALL))
def test_no_cell_names_a_place_on_somebodys_disk(path):
    place = re.compile(r"(?<![\w./:])(?:/(?:home|root|tmp|Users)/\w|[A-Z]:\\\w)")
    cells = notebooks.read(path).cells
    assert [cell.id for cell in cells if place.search(cell.source)] == []


@pytest.mark.parametrize("path", named(LECTURES))
def test_a_lecture_does_not_end_a_cell_in_a_plot_that_prints_its_address(path):
    for name, source in sources(notebooks.read(path)).items():
        lines = source.strip().splitlines()
        assert not lines or not lines[-1].endswith(";"), f"{name}: nbval does not know `;`"


def test_every_notebook_lies_where_it_is_looked_for():
    known = {path.relative_to(ROOT) for path in ALL}
    there = {
        path.relative_to(ROOT)
        for folder in ("course", "solutions", "assignments")
        for path in (ROOT / folder).rglob("*.ipynb")
        if ".ipynb_checkpoints" not in path.parts
    }
    assert there == known
    sources = {path.parts[1] for path in known if path.parts[0] == "solutions"}
    assert {path.parts[1] for path in known if path.parts[0] == "assignments"} == {
        name for name in sources if draft(ROOT, name) is None
    }
