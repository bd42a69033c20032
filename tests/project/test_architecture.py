"""Imports run one way: between the two packages, and from higher floors to lower ones."""

import ast
import graphlib
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import convnets

LIB = Path(__file__).parents[2] / "lib"

FLOORS = {
    "convnets": [
        {"arrays", "intervals", "perturb", "random", "shapes"},
        {"augment", "data", "functional", "init", "optim", "penalties", "schedules"},
        {"layers", "tape"},
        {
            "arguments",
            "callbacks",
            "checkpoint",
            "curves",
            "dropping",
            "engines",
            "inspect",
            "many",
            "minibatches",
            "models",
            "random_features",
            "run",
            "search",
            "steering",
            "train",
        },
        {"plots"},
    ],
    "coursekit": [
        {
            "build_errors",
            "checks",
            "collection",
            "doctor",
            "extras",
            "files",
            "installing",
            "notebooks",
            "pages",
            "patience",
            "remedies",
            "scores",
            "cell_runner",
            "startup",
        },
        {"feedback", "rehearse", "sandbox"},
        {"grading", "leaks", "mistakes", "proofs", "typed_seeds", "verify"},
        {
            "authoring",
            "demo",
            "experiments",
            "exports",
            "lab",
            "perturb",
            "release",
            "report",
            "similarity",
            "site",
        },
        {"cli"},
        {"__main__"},
    ],
    "coursekit.sandbox": [
        {"bubblewrap", "errors", "guard", "harmless", "limits", "linux", "seeds"},
        {"attempts", "capture", "channel", "outputs", "permission", "seccomp", "watch", "wire"},
        {"enclosure", "mutation", "proxy", "shell", "trial", "unconfined"},
        {"gradients", "leaves", "messages"},
        {"inside", "room"},
        {"warm", "warm_process"},
    ],
    "coursekit.grading": [
        {
            "autograding",
            "grades",
            "hashes",
            "imports",
            "layout",
            "processes",
            "results",
            "room_files",
        },
        {"gradebook", "judge", "jobs", "page_writer", "store", "submissions"},
        {"feedback_pages", "marking", "progress", "reading", "stock"},
        {"grader", "worker_main", "workers"},
        {"cluster", "session"},
        {"classroom"},
    ],
}

MODULES = sorted(
    path for package in ("convnets", "coursekit") for path in (LIB / package).rglob("*.py")
)


def name_of(path):
    """Dotted name of the module in a file."""
    parts = path.relative_to(LIB).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(path, top_level_only=False):
    """Dotted names that a module imports; by default also those inside functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top_level_only else ast.walk(tree)
    package = name_of(path) if path.name == "__init__.py" else name_of(path).rpartition(".")[0]
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            source = ".".join([*(above if node.level else []), *filter(None, [node.module])])
            # `from convnets import layers` names a module too, so every name counts.
            found |= {f"{source}.{alias.name}" for alias in node.names}
    return found


def family(name, package=None):
    """(package, module in it) of a dotted name: "convnets.data.fonts" -> convnets, data."""
    package = package or name.partition(".")[0]
    return package, name.removeprefix(package).lstrip(".").partition(".")[0]


def floor(package, module):
    return next((i for i, names in enumerate(FLOORS[package]) if module in names), None)


def packages_of(name):
    """Packages with floors that a module is in, outer ones first."""
    return [package for package in FLOORS if f"{name}.".startswith(f"{package}.")]


def upward(path):
    """Imports of `path` that climb to a higher floor, or cross to the other package."""
    own, wrong = name_of(path), []
    for name in imports_of(path):
        common = [package for package in packages_of(name) if package in packages_of(own)]
        crosses = packages_of(name) and not common
        if crosses or any(climbs(own, name, package) for package in common):
            wrong.append(name)
    return wrong


def climbs(own, name, package):
    """Whether a module imports one that stands on a higher floor of their common package."""
    module, target = (family(each, package)[1] for each in (own, name))
    there = floor(package, target)
    return bool(module) and there is not None and there > floor(package, module)


def test_there_are_modules_to_look_at():
    assert {package for path in MODULES for package in packages_of(name_of(path))} == set(FLOORS)
    assert LIB / "convnets" / "layers" / "conv.py" in MODULES


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_every_module_has_a_floor(path):
    for package in packages_of(name_of(path)):
        module = family(name_of(path), package)[1]
        assert not module or floor(package, module) is not None, (
            f"give {module} a floor in FLOORS and in docs"
        )


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_run_downwards(path):
    assert upward(path) == []


def imported(path, names):
    """Modules that a module imports, itself left out."""
    found = set()
    for name in imports_of(path):
        while name and name not in names:
            name = name.rpartition(".")[0]
        found |= {name} - {"", name_of(path)}
    return found


def test_no_module_imports_itself_by_way_of_others():
    names = {name_of(path) for path in MODULES}
    graph = {name_of(path): imported(path, names) for path in MODULES}
    assert graph["convnets.layers.conv"] & {"convnets.functional"}
    order = list(graphlib.TopologicalSorter(graph).static_order())  # or it names the circle
    assert set(order) == names


@pytest.mark.parametrize("package", ["convnets", "coursekit"])
def test_no_two_classes_of_a_package_have_the_same_name(package):
    classes = Counter(
        node.name
        for path in MODULES
        if name_of(path).startswith(package)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
    )
    assert [name for name, count in classes.items() if count > 1] == []


@pytest.mark.parametrize(
    ("where", "source", "wrong"),
    [
        ("convnets/init.py", "from convnets.layers import ReLU", ["convnets.layers.ReLU"]),
        ("convnets/init.py", "def f():\n    from convnets import train", ["convnets.train"]),
        ("convnets/data/x.py", "from ..layers import ReLU", ["convnets.layers.ReLU"]),
        ("convnets/data/x.py", "from . import fonts", []),
        ("convnets/train.py", "import coursekit.checks", ["coursekit.checks"]),
        ("coursekit/checks.py", "from convnets import functional", ["convnets.functional"]),
        ("convnets/train.py", "from convnets import layers\nimport numpy", []),
        ("coursekit/grading/grades.py", "from coursekit import release", ["coursekit.release"]),
        (
            "coursekit/grading/grades.py",
            "from coursekit.grading import judge",
            ["coursekit.grading.judge"],
        ),
        ("coursekit/grading/judge.py", "from coursekit.grading import grades", []),
    ],
)
def test_the_rule_sees_what_it_forbids(where, source, wrong, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "LIB", tmp_path)
    path = tmp_path / where
    path.parent.mkdir(parents=True)
    path.write_text(source)
    assert upward(path) == wrong


LIGHT = [path for path in MODULES if family(name_of(path))[0] == "convnets"]


@pytest.mark.parametrize("path", LIGHT, ids=name_of)
def test_slow_libraries_are_imported_where_they_are_used(path):
    package, module = family(name_of(path))
    draws = floor(package, module) == len(FLOORS[package]) - 1
    slow = {"torch", "sklearn"} | (set() if draws else {"matplotlib"})
    top = {name.partition(".")[0] for name in imports_of(path, top_level_only=True)}
    assert not top & slow


def loaded_by(statement):
    """Names of the modules in a fresh interpreter after a statement."""
    code = f"{statement}\nimport sys\nprint(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return set(result.stdout.split())


@pytest.mark.parametrize(
    "statement",
    ["import convnets", "import convnets.layers, convnets.models", "import convnets.train"],
)
def test_importing_the_library_loads_nothing_slow(statement):
    loaded = loaded_by(statement)
    assert "convnets" in loaded
    assert not loaded & {"torch", "matplotlib", "sklearn", "IPython", "scipy"}


def test_importing_the_package_alone_does_not_load_numpy():
    assert "numpy" not in loaded_by("import convnets")


def test_modules_are_loaded_when_they_are_named():
    before = loaded_by("import convnets")
    after = loaded_by("import convnets\nconvnets.layers.ReLU()\nconvnets.models.lenet(rng=0)")
    assert "convnets.layers" not in before and "convnets.layers" in after
    assert not after & {"torch", "matplotlib", "convnets.train"}


def test_every_module_of_the_library_can_be_named():
    names = {family(name_of(path))[1] for path in LIGHT} - {""}
    assert len(names) > 15
    script = "import convnets\n" + "\n".join(f"convnets.{name}" for name in sorted(names))
    assert {f"convnets.{name}" for name in names} <= loaded_by(script)
    assert names <= set(dir(convnets))


def test_a_module_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(AttributeError, match=r"no attribute 'layer'; its modules are .*layers"):
        convnets.layer  # noqa: B018
    assert not hasattr(convnets, "__wrapped__")
