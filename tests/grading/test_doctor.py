"""The doctor names what is wrong with an installation, and runs on a broken one."""

import locale
import os
import shutil
import socket
import subprocess
import sys
from collections import namedtuple
from importlib import metadata

import pytest
from tiny_course import ROOT

from coursekit import doctor

DOCTOR = ROOT / "lib" / "coursekit" / "doctor.py"


def test_this_installation_is_well():
    problems = [finding for finding in doctor.examine() if finding.remedy]
    in_temporary_folder = {"Matplotlib's font cache"}  # of a machine made for one test run
    assert [each for each in problems if each.subject not in in_temporary_folder] == []


def test_it_runs_where_no_package_is_installed():
    # -S leaves out site-packages: only the standard library can be imported.
    done = subprocess.run(
        [sys.executable, "-S", str(DOCTOR)], capture_output=True, text=True, cwd=ROOT
    )
    assert done.stderr == ""
    assert done.returncode == 1
    assert "convnets-course is not installed" in done.stdout
    assert "→ run `make lab`" in done.stdout


def test_the_exit_status_and_the_last_line_say_whether_all_is_well(monkeypatch, capsys):
    well = [doctor.Finding("disk", "100 GB free")]
    monkeypatch.setattr(doctor, "examine", lambda: iter(well))
    assert doctor.run() == 0
    assert capsys.readouterr().out.endswith("All is well.\n")
    well.append(doctor.Finding("torch", "not installed", "install it"))
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
    assert finding.remedy == "python -m pip install 'numpy>=999'"


def test_what_needs_the_packages_is_left_out_where_they_are_missing(monkeypatch):
    absent = [doctor.Finding("numpy", "not installed", doctor.INSTALL)]
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
    assert "constraints.txt" in finding.remedy


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
    found = {finding.subject: bool(finding.remedy) for finding in doctor.extensions()}
    assert found["server extension jupyterlab"] is False
    assert found["server extension formgrader"] is True
    assert found["server extension validate_assignment"] is True


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path):
    assert not doctor.writable(tmp_path).remedy
    finding = doctor.writable(tmp_path / "missing")
    assert "No such file" in finding.says
    assert "copy the course" in finding.remedy


def test_a_font_cache_that_will_not_last_is_named(monkeypatch, tmp_path):
    failing_python(monkeypatch, stdout=f"{tmp_path}\n", status=0)
    assert "MPLCONFIGDIR" in doctor.fonts().remedy


def test_a_full_disk_is_named(monkeypatch):
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(2e8))
    assert doctor.disk().says == "0.2 GB free"
    assert "1 GB are needed" in doctor.disk().remedy


def test_a_closed_localhost_is_named(monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError("Name or service not known")

    monkeypatch.setattr(socket, "create_server", refuse)
    assert "Name or service not known" in doctor.port().says
    assert "127.0.0.1" in doctor.port().remedy


@pytest.mark.skipif(sys.flags.utf8_mode, reason="Python was told to use UTF-8")
def test_another_encoding_is_named(monkeypatch):
    monkeypatch.setattr(locale, "getpreferredencoding", lambda setlocale=True: "cp1252")
    finding = doctor.encoding()
    assert finding.says == "cp1252, not UTF-8"
    assert "PYTHONUTF8=1" in finding.remedy


def test_make_check_env_runs_it():
    done = subprocess.run(
        ["make", "-n", "check-env"], cwd=ROOT, capture_output=True, text=True, env=os.environ
    )
    assert "lib/coursekit/doctor.py" in done.stdout
