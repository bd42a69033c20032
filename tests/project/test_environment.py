"""pyproject.toml, environment.yml and constraints.txt speak of the same packages."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
CONDA_NAMES = {"pytorch": "torch"}


def requirements(lines):
    """name -> the set of bounds."""
    parsed = [Requirement(line) for line in lines]
    return {canonicalize_name(each.name): each.specifier for each in parsed}


@pytest.fixture(scope="module")
def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def ranges(project):
    """All that the tests install: the core, and what their extra names, other extras included."""
    extras = project["optional-dependencies"]
    own, *lines = extras["test"]
    inner = [line for name in Requirement(own).extras for line in extras[name]]
    return requirements(project["dependencies"] + inner + lines)


NOT_TESTED = {"federated"}  # no lecture uses it yet; its versions fit the tested ones all the same


def test_the_extra_of_the_tests_holds_all_others(project):
    extras = project["optional-dependencies"]
    own = Requirement(extras["test"][0])
    assert own.name == project["name"]
    assert own.extras == extras.keys() - {"test"} - NOT_TESTED


def test_extras_that_name_a_package_twice_agree_on_its_range(project):
    found = {}
    for lines in (project["dependencies"], *project["optional-dependencies"].values()):
        for name, bounds in requirements(lines).items():
            assert found.setdefault(name, bounds) == bounds, name


def test_what_is_not_tested_fits_what_is(project, exact):
    for extra in NOT_TESTED:
        for name, bounds in requirements(project["optional-dependencies"][extra]).items():
            assert exact[name] in bounds


@pytest.fixture(scope="module")
def conda():
    """name -> bounds, by the names of PyPI; what pip installs inside conda included."""
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    *packages, by_pip = environment["dependencies"]
    lines = packages + [line for line in by_pip["pip"] if not line.startswith("-e")]
    return {CONDA_NAMES.get(name, name): bounds for name, bounds in requirements(lines).items()}


@pytest.fixture(scope="module")
def exact():
    """name -> the one tested version."""
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def test_conda_users_get_the_same_packages_in_the_same_ranges(project, ranges, conda):
    expected = {**ranges, "python": requirements([f"python{project['requires-python']}"])["python"]}
    del conda["pip"]
    assert conda == expected


def test_every_dependency_has_one_tested_version_inside_its_range(ranges, exact):
    tested = {canonicalize_name(name): version for name, version in exact.items()}
    outside = {
        name: (str(bounds), tested.get(name))
        for name, bounds in ranges.items()
        if name not in tested or not bounds.contains(tested[name])
    }
    assert outside == {}


def pythons_of(exact):
    """name -> the Pythons it asks for; of those that are installed here in the tested version."""
    found = {}
    for name, version in exact.items():
        try:
            installed = metadata.distribution(name)
        except metadata.PackageNotFoundError:
            continue
        if installed.version.partition("+")[0] == version:
            found[name] = SpecifierSet(installed.metadata.get("Requires-Python", ""))
    return found


def test_every_tested_version_installs_on_the_oldest_python_that_is_promised(project, exact):
    oldest = project["requires-python"].removeprefix(">=") + ".0"
    assert re.fullmatch(r"3\.\d+\.0", oldest)
    pythons = pythons_of(exact)
    assert pythons, "nothing is installed in its tested version: make .venv/.installed"
    too_new = {name: str(wants) for name, wants in pythons.items() if oldest not in wants}
    assert too_new == {}


def test_the_tested_versions_are_of_published_packages_only(exact):
    assert all(re.fullmatch(r"[\w.-]+", name) for name in exact), "a path or an address"
    assert not [version for version in exact.values() if "+" in version], "a local version label"
    assert "convnets-course" not in exact


@pytest.fixture
def make(tmp_path):
    """Run make in a copy of the repository without an environment."""
    (tmp_path / "lib" / "coursekit").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "lib/coursekit/installing.py"):
        shutil.copy(ROOT / name, tmp_path / name)

    def run(*arguments, **variables):
        command = ["make", "--no-print-directory", *arguments]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")} | variables
        return subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, env=environment
        )

    return run


def interpreter(folder, version, answer):
    """A program that answers like a Python of some version whose modules are not there."""
    path = folder / "python"
    path.write_text(f'#!/bin/sh\ncase "$*" in -V) echo {version};; {answer} *) exit 1;; esac\n')
    path.chmod(0o755)
    return path


def test_make_alone_lists_every_target(make):
    listed = {line.split()[0] for line in make().stdout.splitlines()[1:]}
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert listed == set(phony[1].split())


def test_make_names_a_python_that_is_too_old(make, tmp_path):
    done = make("demo", f"PYTHON={interpreter(tmp_path, 'Python 3.9.1', '')}")
    assert done.returncode == 2
    assert "Python 3.11 or newer is needed" in done.stdout
    assert "Python 3.9.1" in done.stdout
    assert not (tmp_path / ".venv").exists()


def test_make_names_a_missing_venv_module(make, tmp_path):
    new_enough = "*version_info*) exit 0;;"
    done = make("demo", f"PYTHON={interpreter(tmp_path, 'Python 3.12.1', new_enough)}")
    assert done.returncode == 2
    assert "apt install python3-venv" in done.stdout


def test_make_shows_why_pip_failed(make, tmp_path):
    # Offline and with nothing to install from: what comes first, PyTorch, cannot be found.
    where = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1"}
    done = make("demo", f"PYTHON={sys.executable}", **where)
    assert done.returncode == 2
    assert re.search(r"\n  ERROR: No matching distribution found for torch==\d", done.stdout)
    assert "There is no such version for Python" in done.stdout
    assert "network" not in done.stdout
    assert "[2/2]" not in done.stdout
    assert not (tmp_path / ".venv" / ".installed").exists()


def test_make_mends_an_environment_that_was_left_without_pip(make, tmp_path):
    left = tmp_path / ".venv" / "bin"
    left.mkdir(parents=True)
    interpreter(left, "Python 3.12.1", "")  # one that has no pip
    full = "*version_info*|*ensurepip*) exit 0;;"  # and making the environment again fails too
    done = make("demo", f"PYTHON={interpreter(tmp_path, 'Python 3.12.1', full)}")
    assert done.returncode == 2
    assert "could not be made. Is there room on this disk?" in done.stdout


def test_make_asks_which_assignment(make):
    done = make("grade", "BIN=nowhere")
    assert done.returncode == 2
    assert "make grade A=a02_convolution" in done.stdout
