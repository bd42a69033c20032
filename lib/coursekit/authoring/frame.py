"""The first code cell of every notebook, and the last cell of every assignment.

The first one says what to install where something is missing; it needs nothing but Python itself.
The last one shows the points so far. Both are written here and nowhere else. In assignments they
are locked, and grading never runs them.
"""

from __future__ import annotations

import ast
import copy
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from nbformat import NotebookNode, v4

from coursekit import notebooks
from coursekit.cell_runner import Cell
from coursekit.notebooks import INSTALL, PROGRESS, SKIP

WHEEL = "convnets_course*.whl"  # the library, put beside the notebook
PACKAGES = {  # module -> what pip calls it, where that is another name
    "convnets": WHEEL,
    "coursekit": WHEEL,
    "sklearn": "scikit-learn",
}
ALL_WELL = "All that this notebook needs is here."
ALWAYS = {"IPython"}  # no notebook runs without it

NEEDED = """\
# Says what is missing on this computer, if anything is.{ungraded}
from importlib.util import find_spec

needed = {needed}
missing = {{needed[name] for name in needed if not find_spec(name)}}
if missing:
    print("Missing. In the course folder, `make lab` opens a JupyterLab that has everything.")
    print("Elsewhere, run this in a cell: %pip install", *sorted(missing))
    print("{wheel} is the library: `pip wheel --no-deps .` in the course folder.")
{beside}if not missing{and_lost}:
    print("{well}")"""
UNGRADED = "\n# Write nothing here: grading does not run this cell."
BESIDE = """\
came_along = {files}
lost = [name for name in came_along if not find_spec(name.removesuffix(".py"))]
if lost:
    print("Missing beside this notebook, with which it came:", *lost)
"""
SHOWN = """\
# Your points so far, what is missing, and what to hand in. Grading does not run this cell.
from coursekit.checks import progress

progress.show({arguments})"""


def beside(path: Path) -> list[str]:
    """Names of what a notebook can import from its own folder: files and packages."""
    packages = [file.parent.name for file in path.parent.glob("*/__init__.py")]
    return sorted([file.name for file in path.parent.glob("*.py")] + packages)


def lecture(notebook: NotebookNode, beside: Iterable[str] = ()) -> NotebookNode:
    """A copy of a lecture with its first code cell, and what that prints where all is well.

    Args:
        beside: names of the folders with code that lie beside it; it may import from them.
    """
    new = copy.deepcopy(notebook)
    used = {name for cell in new.cells if not is_frame(cell) for name in _imports(cell)}
    source = _install(new, used & set(beside), "")
    before = next((cell for cell in new.cells if cell.id == INSTALL), None)
    if before is not None and before.source == source:
        return new
    new.cells = [cell for cell in new.cells if cell.id != INSTALL]
    output = v4.new_output("stream", name="stdout", text=ALL_WELL + "\n")
    _first(new, v4.new_code_cell(source, id=INSTALL, outputs=[output]))
    return new


def assignment(notebook: NotebookNode, name: str, beside: Iterable[str] = ()) -> NotebookNode:
    """A copy of an assignment with its first code cell and its last cell.

    Args:
        name: of the file that students hand in, without ".ipynb".
        beside: names of the files that lie beside it; those with code are looked for.
    """
    new = copy.deepcopy(notebook)
    new.cells = [cell for cell in new.cells if notebooks.grade_id(cell) not in (INSTALL, PROGRESS)]
    points = {key: notebooks.points(cell) for key, cell in notebooks.graded(new).items()}
    tests = notebooks.tests(new)
    tasks = {key.removeprefix("test_"): most for key, most in points.items() if key in tests}
    written = {key: most for key, most in points.items() if key not in tests}
    parts = [f'"{name}.ipynb"', _dict(tasks), _dict(written)]
    arguments = "".join(f"\n    {part}," for part in parts) + "\n"
    own = (file for file in beside if file.endswith(".py"))
    _first(new, _locked(INSTALL, _install(new, own, UNGRADED)))
    new.cells.append(_locked(PROGRESS, SHOWN.format(arguments=arguments)))
    return new


def is_frame(cell: NotebookNode) -> bool:
    """Whether a cell is one of these, in a lecture or an assignment."""
    return cell.id in (INSTALL, PROGRESS)


def _install(notebook: NotebookNode, beside: Iterable[str], ungraded: str) -> str:
    own = sorted(beside)
    used = {name for cell in notebook.cells if not is_frame(cell) for name in _imports(cell)}
    used -= {*sys.stdlib_module_names, *ALWAYS, *(Path(file).stem for file in own)}
    needed = _dict({name: PACKAGES.get(name, name) for name in sorted(used)}, "")
    files = "[\n" + "".join(f'    "{file}",\n' for file in own) + "]"
    return NEEDED.format(
        ungraded=ungraded,
        needed=needed,
        wheel=WHEEL,
        beside=BESIDE.format(files=files) if own else "",
        and_lost=" and not lost" if own else "",
        well=ALL_WELL,
    )


def _imports(cell: NotebookNode) -> Iterable[str]:
    """Packages that a cell imports."""
    if cell.cell_type != "code":
        return
    try:
        tree = Cell(cell.id, cell.source).tree
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module.partition(".")[0]


def _dict(values: Mapping[str, object], indent: str = "    ") -> str:
    """A dict as the formatter writes it, an entry a line."""
    if not values:
        return "{}"
    lines = (f'{indent}    "{key}": {_value(value)},\n' for key, value in values.items())
    return "{\n" + "".join(lines) + indent + "}"


def _value(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else f"{value:g}"


def _first(notebook: NotebookNode, cell: NotebookNode) -> None:
    """Put a cell before all other code."""
    places = [i for i, each in enumerate(notebook.cells) if each.cell_type == "code"]
    notebook.cells.insert(places[0] if places else len(notebook.cells), cell)


def _locked(name: str, source: str) -> NotebookNode:
    about = {"grade": False, "solution": False, "locked": True, "task": False}
    known = {"nbgrader": {"grade_id": name, "schema_version": 3, **about}, "tags": [SKIP]}
    return v4.new_code_cell(source, id=name, metadata=known)
