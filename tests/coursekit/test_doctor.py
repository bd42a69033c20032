"""The doctor names what is wrong with an installation, and runs on a broken one."""

import locale
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections import namedtuple
from importlib import metadata
from pathlib import Path

import pytest
from tiny_course import ROOT

from coursekit import doctor, remedies, sandbox

DOCTOR = ROOT / "lib" / "coursekit" / "doctor.py"


def test_this_installation_is_well():
    problems = [finding for finding in doctor.examine() if finding.remedy]
    of_this_machine = {"Matplotlib's font cache"}  # one made for a single test run
    if os.environ.get("CI") != "true":  # elsewhere the course works without it, but for grading
        of_this_machine.add("sandbox")
    assert [each for each in problems if each.subject not in of_this_machine] == []


def test_it_runs_where_no_package_is_installed():
    # The interpreter behind the environment's; -S leaves out site-packages.
    program = os.path.realpath(sys.executable)
    clean = {key: value for key, value in os.environ.items() if key != "CONDA_PREFIX"}
    done = subprocess.run(
        [program, "-S", str(DOCTOR)], capture_output=True, text=True, cwd=ROOT, env=clean
    )
    assert done.stderr == ""
    assert done.returncode == 1
    assert "convnets-course is not installed" in done.stdout
    assert f"→ cd {ROOT} && make lab" in done.stdout
    assert "  sandbox: " in done.stdout


def test_a_terminal_that_is_not_utf_8_does_not_end_it():
    environment = os.environ | {"PYTHONIOENCODING": "latin-1"}
    done = subprocess.run([sys.executable, "-S", DOCTOR], capture_output=True, env=environment)
    assert done.stderr == b""
    assert b"? cd " in done.stdout


def test_the_exit_status_and_the_last_line_say_whether_all_is_well(monkeypatch, capsys):
    well = [doctor.Checked("disk", "100 GB free")]
    monkeypatch.setattr(doctor, "examine", lambda: iter(well))
    assert doctor.run() == 0
    assert capsys.readouterr().out.endswith("All is well.\n")
    well.append(doctor.Checked("torch", "not installed", "install it"))
    assert doctor.run() == 1
    assert capsys.readouterr().out.endswith("1 to put right, see the arrows above.\n")


def test_an_old_python_is_named():
    assert "3.11" in doctor.python_version((3, 10, 4)).remedy
    assert not doctor.python_version((3, 11, 0)).remedy


@pytest.mark.parametrize(
    ("version", "bound", "kept"),
    [
        ("2.13.0+cpu", ">=2.6", True),
        ("2.5.1", ">=2.6", False),
        ("0.10.1", "<0.10", False),
        ("0.9.6", "<0.10", True),
        ("4", "<=4.0.0", True),
        ("4.0.1", "<=4", False),
        ("1.2", "==1.2.0", True),
        ("1.2", "!=1.2", False),
        ("1.10", ">1.9", True),
    ],
)
def test_bounds_are_compared_as_numbers(version, bound, kept):
    assert doctor.holds(version, bound) is kept


def test_a_missing_package_and_one_out_of_range_are_named():
    assert doctor.package("surely-not-installed>=1").says == "not installed"
    finding = doctor.package("numpy>=999")
    assert finding.says == f"{metadata.version('numpy')}, but the course needs >=999"
    assert finding.remedy.startswith(f"{sys.executable} -m pip install ")
    assert finding.remedy.endswith(" 'numpy>=999'")


def packages_of(monkeypatch, folder, *lines):
    monkeypatch.setattr(metadata, "requires", lambda project: list(lines))
    return [(finding.subject, finding.says) for finding in doctor.packages(course=folder)]


def test_a_course_folder_needs_its_extras_and_a_wheel_the_core_alone(tmp_path, monkeypatch):
    lines = (
        'gone>=1; extra == "lab"',
        'gone>=1; extra == "teach"',
        'also-gone; extra == "test"',
        'pytest>=1; extra == "torch"',
    )
    assert packages_of(monkeypatch, tmp_path, *lines) == [
        ("extra torch", "complete"),
        ("extra lab", "not here, nor needed by all"),
        ("extra teach", "not here, nor needed by all"),
    ]
    (tmp_path / "Makefile").touch()
    found = packages_of(monkeypatch, tmp_path, *lines)
    assert [subject for subject, _ in found] == ["pytest", "gone"]
    assert found[1][1] == doctor.MISSING


def test_of_what_is_not_installed_nothing_is_tried(monkeypatch):
    monkeypatch.setattr(doctor, "packages", lambda: iter(()))
    monkeypatch.setattr(doctor, "_installed", lambda name: False)
    subjects = [finding.subject for finding in doctor.examine()]
    assert not {"PyTorch", "notebook kernel", "nbgrader in JupyterLab"} & {*subjects}
    assert "Matplotlib's font cache" in subjects


def test_what_needs_the_packages_is_left_out_where_they_are_missing(monkeypatch):
    absent = [doctor.Checked("numpy", doctor.MISSING, "install it")]
    monkeypatch.setattr(doctor, "packages", lambda: iter(absent))
    subjects = [finding.subject for finding in doctor.examine()]
    assert subjects[-1] == "numpy"
    assert "disk" in subjects


def failing_python(monkeypatch, *, stdout="", stderr="", status=1):
    done = subprocess.CompletedProcess([], status, stdout, stderr)
    monkeypatch.setattr(doctor, "_python", lambda *arguments: done)


def test_a_torch_that_does_not_load_shows_its_last_word(monkeypatch):
    failing_python(monkeypatch, stderr="Traceback …\nOSError: libc10.so: no such file\n")
    finding = doctor.torch()
    assert finding.says == "does not load: OSError: libc10.so: no such file"
    assert re.search(r"--force-reinstall --no-deps torch==\d+\.\d+\.\d+$", finding.remedy)


def test_a_torch_that_crashes_without_a_word_is_named(monkeypatch):
    failing_python(monkeypatch, status=-11)
    assert "status -11" in doctor.torch().says


def test_a_kernel_of_another_python_is_named(monkeypatch):
    failing_python(monkeypatch, stdout='["/usr/bin/python3"]', status=0)
    finding = doctor.kernel()
    assert finding.says == "python3 starts /usr/bin/python3, another Python"
    assert "ipykernel install --sys-prefix" in finding.remedy


def test_extensions_that_are_switched_off_are_named(monkeypatch):
    listed = (
        "    jupyterlab \x1b[32menabled\x1b[0m\n    nbgrader.server_extensions.formgrader disabled"
    )
    failing_python(monkeypatch, stdout=listed, status=0)
    found = {finding.subject: finding.remedy for finding in doctor.extensions()}
    assert found["server extension jupyterlab"] == ""
    enable = "extension enable --sys-prefix nbgrader.server_extensions."
    assert found["server extension formgrader"].endswith(f"{enable}formgrader")
    assert found["server extension validate_assignment"].endswith(f"{enable}validate_assignment")


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    assert not doctor.writable(tmp_path).remedy
    finding = doctor.writable(tmp_path / "missing")
    assert "No such file" in finding.says
    assert finding.remedy == f"cp -r {tmp_path}/missing ~ && cd ~/missing"


def test_a_font_cache_that_will_not_last_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    once = tmp_path / "matplotlib-k8vo44w1"
    once.mkdir()
    failing_python(monkeypatch, stdout=f"{once}\n", status=0)
    assert doctor.fonts().remedy.startswith("export MPLCONFIGDIR=")


def test_a_font_cache_that_was_chosen_lasts_wherever_it_is(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    chosen = tmp_path / "build" / "matplotlib"
    chosen.mkdir(parents=True)
    failing_python(monkeypatch, stdout=f"{chosen}\n", status=0)
    assert doctor.fonts() == ("Matplotlib's font cache", str(chosen), "")


def test_a_full_disk_is_named(monkeypatch):
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(2e8))
    assert doctor.disk().says == "0.2 GB free"
    assert "1 GB are needed" in doctor.disk().remedy


def failing_server(monkeypatch, error):
    def refuse(*args, **kwargs):
        raise error

    monkeypatch.setattr(socket, "create_server", refuse)


def test_a_closed_localhost_is_named(monkeypatch):
    failing_server(monkeypatch, PermissionError("Operation not permitted"))
    assert "Operation not permitted" in doctor.port().says
    assert "firewall" in doctor.port().remedy


def test_a_localhost_without_an_address_is_named(monkeypatch):
    # `create_server` makes an OSError of the resolver's.
    error = OSError(socket.EAI_NONAME, "Name or service not known")
    failing_server(monkeypatch, error)
    assert "Name or service not known" in doctor.port().says
    assert doctor.port().remedy == "echo '127.0.0.1 localhost' | sudo tee -a /etc/hosts"


@pytest.mark.skipif(sys.flags.utf8_mode, reason="Python was told to use UTF-8")
def test_another_encoding_is_named(monkeypatch):
    monkeypatch.setattr(locale, "getpreferredencoding", lambda setlocale=True: "cp1252")
    finding = doctor.encoding()
    assert finding.says == "cp1252, not UTF-8"
    assert finding.remedy == "export PYTHONUTF8=1"


# --- programs and the sandbox -----------------------------------------------------------------


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Puts programs where they alone are found: name -> what the shell does."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(sys, "platform", "linux")

    def put(name, does="exit 0"):
        (folder / name).write_text(f"#!/bin/sh\n{does}\n")
        (folder / name).chmod(0o755)

    return put


@pytest.mark.parametrize(
    ("manager", "command"),
    [
        ("apt-get", "sudo apt-get update && sudo apt-get install -y git"),
        ("dnf", "sudo dnf install -y git"),
        ("pacman", "sudo pacman -Sy --noconfirm git"),
    ],
)
def test_a_missing_program_is_installed_with_this_systems_own_command(
    program, monkeypatch, manager, command
):
    program(manager)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert doctor.tool("git") == ("git", "not installed", command)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert doctor.tool("git").remedy == command.replace("sudo ", "")


def test_a_program_that_does_not_run_counts_as_missing(program, monkeypatch):
    program("git", "echo 'xcrun: error: invalid active developer path' >&2; exit 1")
    monkeypatch.setattr(sys, "platform", "darwin")
    assert doctor.tool("git") == ("git", "not installed", "xcode-select --install")


def test_a_program_that_runs_is_shown_with_its_version(program):
    program("make", "echo 'GNU Make 4.3'; echo more")
    assert doctor.tool("make") == ("make", "GNU Make 4.3", "")


def test_who_grades_nothing_is_asked_for_no_sandbox_and_no_git(tmp_path):
    assert list(doctor.tools(tmp_path)) == []
    (tmp_path / "Makefile").touch()
    assert [finding.subject for finding in doctor.tools(tmp_path)] == ["make"]
    (tmp_path / "solutions").mkdir()
    assert [finding.subject for finding in doctor.tools(tmp_path)] == ["make", "git", "sandbox"]


def test_a_sandbox_that_starts_is_well(warm):
    finding = doctor.sandbox()
    assert re.fullmatch(r"bubblewrap [\d.]+, a room was made", finding.says)
    assert not finding.remedy


def test_bubblewrap_that_is_missing_is_installed(program):
    program("apt-get")
    finding = doctor.sandbox()
    assert finding.says == "Bubblewrap is not installed; grading needs it"
    assert finding.remedy.endswith("apt-get install -y bubblewrap")


def test_a_sandbox_that_is_forbidden_is_told_as_in_grading(program):
    program("bwrap", "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1")
    finding = doctor.sandbox()
    assert finding.says == "no room can be made; grading needs that"
    assert finding.remedy == sandbox.unavailable()
    assert "forbids user namespaces" in finding.remedy


def test_a_trial_that_fails_itself_shows_its_last_word(program, monkeypatch):
    program("bwrap")
    failing_python(monkeypatch, stderr="Traceback …\nSyntaxError: invalid syntax\n")
    assert doctor.sandbox().remedy == "SyntaxError: invalid syntax"


def test_without_linux_there_is_no_sandbox_to_put_right(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "grading needs Linux" in doctor.sandbox().says
    assert not doctor.sandbox().remedy


# --- remedies ---------------------------------------------------------------------------------


@pytest.fixture
def course(tmp_path, monkeypatch):
    """A course folder with a blank in its name, whose environment this is."""
    folder = tmp_path / "the course"
    folder.mkdir()
    (folder / "pyproject.toml").touch()
    (folder / "constraints.txt").write_text("numpy==2.4.6\ntorch==2.13.0\n")
    monkeypatch.setattr(remedies, "ROOT", folder)
    monkeypatch.setattr(sys, "prefix", str(folder / ".venv"))
    return folder


def test_the_environment_of_make_gets_the_tested_versions(course):
    pins = f"-c '{course}/constraints.txt'"
    assert remedies.pip_install("numpy>=2").endswith(f" -m pip install {pins} 'numpy>=2'")
    assert remedies.install_course().startswith(f"cd '{course}' && ")
    assert remedies.install_course().endswith(f"{pins} -e '.[test]'")
    assert remedies.reinstall("torch").endswith("--force-reinstall --no-deps torch==2.13.0")


def test_another_environment_keeps_its_own_versions(course, monkeypatch):
    monkeypatch.setattr(sys, "prefix", str(course / "conda"))
    assert "-c" not in shlex.split(remedies.pip_install("numpy>=2"))


def test_the_systems_own_python_is_never_installed_into(course, monkeypatch):
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    assert remedies.install_course() == f"cd '{course}' && make lab"


def test_without_tested_versions_at_hand_any_is_installed(course):
    Path(course, "constraints.txt").unlink()
    assert remedies.reinstall("torch").endswith("--no-deps torch")


def test_make_check_env_runs_it():
    done = subprocess.run(
        ["make", "-n", "check-env"], cwd=ROOT, capture_output=True, text=True, env=os.environ
    )
    assert "lib/coursekit/doctor.py" in done.stdout
