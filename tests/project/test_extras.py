"""The core alone is enough to import the library and to check one's work; what is more is named."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from coursekit import extras

ROOT = Path(__file__).parents[2]
OWN = {"convnets", "coursekit", "remedies"}  # the doctor's, as a program
UNDECLARED = {"cycler": "matplotlib", "threadpoolctl": "scikit-learn", "traitlets": "ipython"}
EVERYTHING = """
import importlib, json, pkgutil, convnets, coursekit

def lacks(name):
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        return error.name
    return ""

packages = (convnets, coursekit)
names = [m.name for p in packages for m in pkgutil.walk_packages(p.__path__, p.__name__ + ".")]
print(json.dumps({name: lacks(name) for name in names}))
"""
CHECKS = """
import json, sys
sys.path.insert(0, "")
from IPython.core.interactiveshell import InteractiveShell

given, solved = (json.load(open(name, encoding="utf-8"))["cells"] for name in {notebooks})
name_of = lambda cell: cell["metadata"].get("nbgrader", {{}}).get("grade_id")
answers = {{name_of(cell): cell["source"] for cell in solved}}
shell, scores = InteractiveShell.instance(), {{}}
for cell in given:
    about = cell["metadata"].get("nbgrader", {{}})
    if cell["cell_type"] != "code":
        continue
    source = answers[name_of(cell)] if about.get("solution") and {solve} else cell["source"]
    done = shell.run_cell("".join(source))
    if {solve}:
        done.raise_error()
    if about.get("grade") and not about.get("solution"):
        scores[name_of(cell)] = done.result
print("\\n" + json.dumps(scores))
"""


def with_the_core_alone(*arguments, cwd=None):
    command = [sys.executable, ROOT / "tests" / "only_core.py", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300)


def test_of_all_modules_only_those_that_teach_need_an_extra():
    done = with_the_core_alone("-c", EVERYTHING)
    assert done.returncode == 0, done.stderr
    lacks = json.loads(done.stdout.splitlines()[-1])
    core = {"convnets", "coursekit.checks", "coursekit.cell_runner", "coursekit.files"}
    needy = {name: what for name, what in lacks.items() if what}
    assert {"coursekit.grading", "coursekit.release", "coursekit.cli"} <= needy.keys()
    assert not [n for n in needy if any(f"{n}.".startswith(f"{each}.") for each in core)]
    assert set(needy.values()) <= extras.EXTRA_OF.keys()


@pytest.mark.parametrize("solve", [True, False])
def test_the_checks_of_an_assignment_run_in_plain_ipython(solve, tmp_path):
    name = "a02_convolution"
    paths = [str(ROOT / folder / name / f"{name}.ipynb") for folder in ("assignments", "solutions")]
    program = CHECKS.format(notebooks=paths, solve=solve)
    done = with_the_core_alone("-c", program, cwd=ROOT / "assignments" / name)
    assert done.returncode == 0, done.stderr
    scores = json.loads(done.stdout.splitlines()[-1])
    assert len(scores) > 5
    assert all(score > 0 for score in scores.values()) if solve else set(scores.values()) == {0}


@pytest.mark.parametrize(
    "command", [["grade", "a02_convolution"], ["lab"], ["report", "a02_convolution"], ["--help"]]
)
def test_a_command_names_the_extra_that_it_needs(command):
    done = with_the_core_alone("coursekit", *command, cwd=ROOT)
    assert done.returncode == 1
    assert done.stderr.startswith("This needs the extra `teach`, for typer is not installed: ")
    assert done.stderr.endswith("'convnets-course[teach]'\n")
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("statement", "extra", "module"),
    [
        ("import coursekit.grading.classroom", "teach", "nbformat"),
        ("import coursekit.notebooks", "teach", "nbformat"),
        ("import coursekit.pages", "teach", "jinja2"),
        ("import coursekit.sandbox", "teach", "nbformat"),
        ("import coursekit.scores", "teach", "nbgrader"),
        ("from coursekit import lab; lab.run('.')", "lab", "jupyterlab"),
    ],
)
def test_a_feature_names_the_extra_that_it_needs(statement, extra, module):
    done = with_the_core_alone("-c", statement)
    assert done.returncode == 1
    assert f"needs the extra `{extra}`, for {module} is not installed" in done.stderr


def test_a_checkpoint_of_torch_says_what_it_needs(tmp_path):
    import torch

    from convnets import checkpoint

    checkpoint.save(tmp_path / "c.npz", {"w": torch.ones(2)})
    load = f"from convnets import checkpoint; checkpoint.load({str(tmp_path / 'c.npz')!r})"
    done = with_the_core_alone("-c", load)
    assert "holds tensors of PyTorch" in done.stderr
    assert "convnets-course[torch]" in done.stderr


def test_what_is_no_extra_is_passed_on_as_it_is():
    with pytest.raises(ModuleNotFoundError) as caught, extras.named():
        import surely_not_there  # noqa: F401
    assert not isinstance(caught.value, extras.MissingExtra)


def imported():
    """Packages of others that some module of this library imports, wherever in it."""
    found = set()
    for path in (ROOT / "lib").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found.add(node.module.partition(".")[0])
    return found - OWN - sys.stdlib_module_names


def test_all_that_is_imported_belongs_to_the_core_or_to_the_extra_that_is_named():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    layers = {"core": project["dependencies"], **project["optional-dependencies"]}
    names = {
        layer: {re.sub(r"[-_.]+", "-", Requirement(line).name).lower() for line in lines}
        for layer, lines in layers.items()
    }
    packages = metadata.packages_distributions()
    for module in imported() | extras.EXTRA_OF.keys():
        brought = {re.sub(r"[-_.]+", "-", each).lower() for each in packages.get(module, ())}
        brought |= {UNDECLARED.get(module, module)}
        layer = extras.EXTRA_OF.get(module, "core")
        assert brought & names[layer], f"{module} is not in {layer}"
        assert layer == "core" or not brought & names["core"], f"{module} is in the core"
