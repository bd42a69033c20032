"""Where pip fails, its own reason is shown, and a hint that fits what happened."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from coursekit import installing

PROGRAM = Path(installing.__file__)
NOWHERE = "http://127.0.0.1:9/simple"


class Index:
    """A package index in a folder.

    Args:
        folder: an empty one.
    """

    def __init__(self, folder):
        self.folder = folder

    @property
    def address(self):
        return (self.folder / "simple").as_uri()

    def add(self, name, version, *, needs="", python=""):
        """Offer a release: what it needs, and for which Pythons it is."""
        page = self.folder / "simple" / name / "index.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        release = f"{name.replace('-', '_')}-{version}"
        wheel = page.with_name(f"{release}-py3-none-any.whl")
        about = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        about += f"Requires-Dist: {needs}\n" if needs else ""
        about += f"Requires-Python: {python}\n" if python else ""
        place = f"{release}.dist-info"
        with zipfile.ZipFile(wheel, "w") as file:
            file.writestr(f"{place}/METADATA", about)
            file.writestr(f"{place}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
            file.writestr(f"{place}/RECORD", "")
        wants = f' data-requires-python="{python.replace(">", "&gt;")}"' if python else ""
        with page.open("a") as file:
            file.write(f'<a href="{wheel.name}"{wants}>{wheel.name}</a>\n')


@pytest.fixture
def index(tmp_path):
    return Index(tmp_path / "index")


@pytest.fixture
def pip(tmp_path):
    """Really runs it; returns status and what is printed."""
    code = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv.pop(1))\n"
        "import installing; installing.LOG = Path(sys.argv.pop(1))\n"
        "sys.exit(installing.main(sys.argv[1:]))"
    )
    clean = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}

    def run(*arguments, program=sys.executable, **variables):
        command = [program, "-P", "-c", code, PROGRAM.parent, tmp_path / "install.log", *arguments]
        environment = {**clean, "PIP_CONFIG_FILE": os.devnull, **variables}
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        assert done.stderr == ""
        return done.returncode, done.stdout

    return run


@pytest.fixture
def install(tmp_path, index, pip):
    """Installs into a folder, from the index in a folder or from another one."""

    def run(*arguments, address=None):
        return pip(
            *("--target", tmp_path / "target", *arguments),
            PIP_INDEX_URL=address or index.address,
            PIP_RETRIES="1",
            PIP_REQUIRE_VIRTUALENV="0",  # these tests may run in an environment of conda
        )

    return run


def constraints(tmp_path, text):
    path = tmp_path / "constraints.txt"
    path.write_text(text)
    return path


def test_what_goes_well_says_nothing(index, install, tmp_path):
    index.add("thing", "1.0")
    assert install("thing==1.0") == (0, "")
    assert (tmp_path / "target" / "thing-1.0.dist-info").is_dir()


def test_a_version_that_does_not_exist_is_named_with_this_python(index, install, tmp_path):
    index.add("thing", "1.0")
    status, says = install("thing==2.0")
    assert status == 1
    assert "\n  ERROR: No matching distribution found for thing==2.0\n" in says
    assert f"no such version for Python {sys.version_info[0]}.{sys.version_info[1]}." in says
    assert "network" not in says
    assert "No matching distribution" in (tmp_path / "install.log").read_text()


def test_an_impossible_pin_is_named(index, install, tmp_path):
    index.add("thing", "1.0", needs="part>=1")
    index.add("part", "1.0")
    status, says = install("-c", constraints(tmp_path, "part==999"), "thing")
    assert status == 1
    assert "thing 1.0 depends on part>=1" in says
    assert "The user requested (constraint) part==999" in says
    assert "There is no such version" in says


def test_a_pin_that_needs_another_python_is_told_so(index, install, tmp_path):
    index.add("thing", "1.0", needs="other-part>=1")
    index.add("other-part", "1.0")
    index.add("other-part", "2.0", python=">=3.99")
    index.add("other-part", "3.0", python=">=3.98")
    status, says = install("-c", constraints(tmp_path, "other-part==2.0"), "thing")
    assert status == 1
    this = ".".join(map(str, sys.version_info[:3]))
    assert f"\nother_part 2.0 needs Python >=3.99; this is {this}.\n" in says
    assert "3.98" not in says
    assert "make PYTHON=" in says


def test_an_index_that_cannot_be_reached_is_told_from_a_missing_version(install):
    status, says = install("thing", address=NOWHERE)
    assert status == 1
    assert "Connection refused" in says
    assert "The package index cannot be reached" in says
    assert "no such version" not in says


def test_the_systems_own_python_is_left_alone(pip):
    # What a virtual environment's interpreter is a link to: the one that it was made with.
    program = os.path.realpath(sys.executable)
    status, says = pip("--dry-run", "pip", program=program, PIP_NO_INDEX="1")
    assert status == 1
    assert "ERROR: Could not find an activated virtualenv (required)." in says


def test_a_full_disk_is_told_with_what_is_free():
    # What pip 23 and 26 say with -v on a file system of 50 MB.
    output = (
        "Installing collected packages: numpy\n"
        "ERROR: Could not install packages due to an OSError.\n"
        "Traceback (most recent call last):\n"
        "OSError: [Errno 28] No space left on device\n"
    )
    assert "OSError: [Errno 28] No space left on device" in installing.said(output)
    hint = next(installing.hints(output))
    assert hint.startswith("The disk is full: ")
    assert f"GB are free in {sys.prefix}" in hint


def test_a_folder_of_somebody_else_is_told():
    output = (
        "ERROR: Could not install packages due to an OSError.\n"
        "PermissionError: [Errno 13] Permission denied: '/x/six.py'\n"
    )
    assert "belongs to somebody else" in next(installing.hints(output))


def test_a_package_that_cannot_be_built_is_told():
    output = "error: command 'gcc' failed: No such file\nERROR: Failed to build 'part'\n"
    assert "no ready-made file for Python" in next(installing.hints(output))


def test_what_fits_nothing_shows_the_last_lines_and_no_hint():
    output = "one\ntwo\nthree\nSegmentation fault\n"
    assert installing.said(output) == ["two", "three", "Segmentation fault"]
    assert list(installing.hints(output)) == []


def test_long_lists_of_versions_are_shortened():
    output = f"ERROR: Could not find thing (from versions: {', '.join(map(str, range(999)))})"
    (line,) = installing.said(output)
    assert line.startswith("ERROR: Could not find thing")
    assert line.endswith("998)")
    assert len(line) <= installing.LONGEST + 3


def test_a_log_that_cannot_be_written_is_not_announced(monkeypatch, tmp_path, capsys):
    failed = subprocess.CompletedProcess([], 1, "ERROR: something\n")
    monkeypatch.setattr(subprocess, "run", lambda *args, **kwargs: failed)
    monkeypatch.setattr(installing, "LOG", tmp_path / "missing" / "install.log")
    assert installing.main(["thing"]) == 1
    assert "All that pip said" not in capsys.readouterr().out
