"""The first and the last cell: what they hold, and what they say where something is missing."""

import contextlib
import importlib
import io

import pytest
import tiny_course
from nbformat import v4

from coursekit import notebooks
from coursekit.authoring import frame
from coursekit.notebooks import INSTALL, PROGRESS, SKIP, Kind

OURS = "import numpy as np\nfrom sklearn.datasets import load_digits\nimport math, a01_known"


def lecture():
    cells = [v4.new_markdown_cell("# A lecture"), v4.new_code_cell(OURS, id="imports")]
    return notebooks.normalise(v4.new_notebook(cells=cells), "keep")


def printed(source, folder, monkeypatch):
    """What the code of a cell prints in a folder."""
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        exec(compile(source, "cell", "exec"), {})
    return output.getvalue()


def framed(beside=()):
    return frame.assignment(tiny_course.source(), tiny_course.NAME, beside)


# --- where they stand ----------------------------------------------------------------------------


def test_a_lecture_begins_its_code_with_it_and_stores_what_it_prints():
    new = frame.lecture(lecture())
    assert [cell.id for cell in new.cells] == ["text-1", INSTALL, "imports"]
    assert new.cells[1].outputs[0].text == frame.ALL_WELL + "\n"
    assert notebooks.kind(new.cells[1]) == Kind.PLAIN


def test_a_lecture_that_has_it_is_left_alone():
    new = frame.lecture(lecture())
    new.cells[1].outputs = []
    assert frame.lecture(new) == new


def test_a_lecture_that_needs_another_package_gets_another_one():
    new = frame.lecture(lecture())
    new.cells[2].source += "\nimport torch"
    again = frame.lecture(new)
    assert '"torch": "torch"' in again.cells[1].source
    assert len(again.cells) == 3


def test_an_assignment_has_both_locked_and_tagged_and_they_are_no_other_kind_of_cell():
    new = framed()
    first = next(cell for cell in new.cells if cell.cell_type == "code")
    for cell, name in ((first, INSTALL), (new.cells[-1], PROGRESS)):
        assert notebooks.grade_id(cell) == name
        assert notebooks.kind(cell) == Kind.FRAME
        assert cell.metadata.tags == [SKIP]
        assert cell.metadata.nbgrader.locked
    assert frame.assignment(new, tiny_course.NAME) == new


def test_the_last_cell_names_the_file_and_every_task_with_its_points():
    told = []
    source = framed().cells[-1].source.replace("from coursekit.checks import progress\n", "")
    exec(source, {"progress": type("", (), {"show": lambda *args: told.append(args)})})
    assert told == [("a01_tiny.ipynb", {"double": 2, "halve": 3}, {"explain_double": 4})]


def test_what_changes_in_them_changes_nothing_that_is_graded():
    old, new = framed(), framed(["a01_known.py"])
    assert old != new
    assert notebooks.changes(old, new) == []


# --- what the first one says ---------------------------------------------------------------------


def test_it_needs_what_the_notebook_imports_but_python_and_what_lies_beside_it():
    source = frame.lecture(lecture()).cells[1].source
    scope = {}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(source, scope)
    assert scope["needed"] == {
        "a01_known": "a01_known",
        "numpy": "numpy",
        "sklearn": "scikit-learn",
    }
    beside = frame.assignment(lecture(), "a01_tiny", ["a01_known.py", "notes.txt"]).cells[1].source
    with contextlib.redirect_stdout(io.StringIO()):
        exec(beside, scope)
    assert list(scope["needed"]) == ["numpy", "sklearn"]
    assert scope["came_along"] == ["a01_known.py"]


def test_a_lecture_looks_for_the_folder_of_its_drawings(tmp_path, monkeypatch):
    notebook = lecture()
    notebook.cells.append(v4.new_code_cell("from drawn import tiny", id="drawings"))
    source = frame.lecture(notebook, ["drawn", "unused"]).cells[1].source
    assert '"drawn"' in source and "unused" not in source
    (tmp_path / "a01_known.py").write_text("")
    assert "with which it came: drawn" in printed(source, tmp_path, monkeypatch)
    (tmp_path / "drawn").mkdir()
    (tmp_path / "drawn" / "__init__.py").write_text("")
    importlib.invalidate_caches()
    assert printed(source, tmp_path, monkeypatch) == frame.ALL_WELL + "\n"


def test_one_line_where_all_is_well(tmp_path, monkeypatch):
    (tmp_path / "a01_beside.py").write_text("raise RuntimeError('imported')")
    source = frame.assignment(lecture(), "a01_tiny", ["a01_beside.py", "a01_known.py"])
    (tmp_path / "a01_known.py").write_text("")
    assert printed(source.cells[1].source, tmp_path, monkeypatch) == frame.ALL_WELL + "\n"


def test_missing_packages_and_files_are_named_with_what_to_do(tmp_path, monkeypatch):
    notebook = lecture()
    notebook.cells[1].source += "\nimport no_such_thing"
    monkeypatch.setitem(frame.PACKAGES, "no_such_thing", "no-such-thing")
    source = frame.assignment(notebook, "a01_tiny", ["a01_known.py"]).cells[1].source
    said = printed(source, tmp_path, monkeypatch)
    assert "%pip install no-such-thing\n" in said
    assert "Missing beside this notebook, with which it came: a01_known.py" in said
    assert frame.ALL_WELL not in said


def test_the_library_itself_is_the_file_that_came_with_the_course():
    notebook = lecture()
    notebook.cells[1].source = "import convnets, coursekit"
    scope = {"__builtins__": __builtins__}
    with contextlib.redirect_stdout(io.StringIO()):
        exec(frame.lecture(notebook).cells[1].source, scope)
    assert set(scope["needed"].values()) == {frame.WHEEL}


@pytest.mark.parametrize("source", ["def f(:", "%matplotlib inline\nimport numpy"])
def test_cells_with_magics_or_that_are_no_python_do_not_stop_it(source):
    notebook = lecture()
    notebook.cells[1].source = source
    assert ('"numpy"' in frame.lecture(notebook).cells[1].source) == ("numpy" in source)
