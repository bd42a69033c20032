"""JupyterLab's settings for the course, and the assignments it offers."""

import json
import stat

import pytest
import tiny_course
from nbgrader.apps import NbGrader
from tiny_course import NAME

from coursekit import lab, notebooks
from coursekit.grading import autograding


@pytest.fixture
def course(tmp_path):
    root = tiny_course.build(tmp_path / "course")
    released = root / "assignments" / NAME
    released.mkdir(parents=True)
    notebooks.write(tiny_course.source(), released / f"{NAME}.ipynb")
    return root


def test_settings_lie_in_the_course_and_are_found_from_any_folder(course, tmp_path, monkeypatch):
    variables = lab.prepare(course)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    app = NbGrader()
    app.load_config_file()
    assert app.config.CourseDirectory.root == str(course)
    assert app.config.CourseDirectory.course_id == "convnets"
    assert app.config.Exchange.root == str(course / "exchange")
    assert app.config.Exchange.assignment_dir == str(course / lab.FETCHED)
    assert variables["JUPYTER_CONFIG_DIR"] == str(course / lab.SETTINGS)


def test_nothing_asks_the_network(course):
    lab.prepare(course)
    path = course / lab.SETTINGS / "labconfig" / "default_setting_overrides.json"
    (notification,) = json.loads(path.read_text()).values()
    assert notification == {"fetchNews": "false", "checkForUpdates": False}


def test_assignments_are_offered_once_and_again_when_they_change(course):
    assert lab.offer(course) == [NAME]
    assert lab.offer(course) == []
    extra = course / "assignments" / NAME / "a01_known.py"
    extra.write_text("x = 1\n")
    assert lab.offer(course) == [NAME]
    extra.write_text("x = 2\n")
    assert lab.offer(course) == [NAME]
    offered = course / "exchange" / "convnets" / "outbound" / NAME / "a01_known.py"
    assert offered.read_text() == "x = 2\n"


def test_students_can_write_to_the_exchange_but_not_read_each_other_s_work(course):
    lab.offer(course)
    inbound = course / "exchange" / "convnets" / "inbound"
    assert stat.S_IMODE((course / "exchange").stat().st_mode) == 0o777
    assert inbound.stat().st_mode & 0o077 == 0o033


def test_the_server_is_started_in_the_course_with_the_flags_passed_on(course, monkeypatch):
    started = {}

    def become(program, command, variables):
        started.update(program=program, command=command, variables=variables)

    monkeypatch.setattr(lab.os, "execve", become)
    monkeypatch.setattr(lab.os, "chdir", lambda folder: started.update(folder=folder))
    lab.run(course, ["--port=9999"])
    assert started["folder"] == course
    assert started["command"][1:3] == ["-m", "jupyterlab"]
    assert started["command"][-1] == "--port=9999"
    assert f"--ServerApp.root_dir={course}" in started["command"]
    assert started["variables"]["JUPYTER_CONFIG_DIR"] == str(course / lab.SETTINGS)
    assert (course / "exchange" / "convnets" / "outbound" / NAME).is_dir()


def test_the_course_s_settings_hold_for_commands_too(course):
    config = autograding.configuration(course)
    assert config.CourseDirectory.db_url == f"sqlite:///{course}/gradebook.db?timeout=60"
    assert config.IgnorePattern.enabled
