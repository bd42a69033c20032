"""Opens JupyterLab on a course: Validate, the assignment list and formgrader work at once.

Settings live in the course's own .jupyter/ and stay apart from the user's. Assignments are put
into exchange/, from which the assignment list fetches them into fetched/.
"""

from __future__ import annotations

import filecmp
import json
import os
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from coursekit import extras

SETTINGS = ".jupyter"
FETCHED = "fetched"

NBGRADER_CONFIG = """\
# Written by `coursekit lab`: the course's settings, found whatever folder Jupyter works in.
c = get_config()  # noqa: F821, nbgrader defines it
load_subconfig("nbgrader_config.py", path={course!r})  # noqa: F821
c.CourseDirectory.root = {course!r}
c.Exchange.root = {exchange!r}
c.Exchange.assignment_dir = {fetched!r}
c.Exchange.cache = {cache!r}
"""
# Nothing that asks the network, or the user, before the first notebook is open.
LAB_SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
    }
}


def run(course: str | Path = ".", arguments: Sequence[str] = ()) -> NoReturn:
    """Become JupyterLab; comes back only when the server ends, as its exit status.

    Args:
        course: the folder with nbgrader_config.py.
        arguments: passed on to `jupyter lab`, such as "--no-browser" or "--port=9999".
    Raises:
        MissingExtra: there is no JupyterLab.
    """
    with extras.named():
        import jupyterlab  # noqa: F401, which runs in a process of its own
    course = Path(course).resolve()
    variables = prepare(course)
    offer(course)
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={course}", *arguments]
    os.chdir(course)
    os.execve(sys.executable, command, {**os.environ, **variables})


def prepare(course: Path) -> dict[str, str]:
    """Write the course's own Jupyter settings.

    Returns:
        The environment variables that make Jupyter use them.
    """
    settings, fetched = course / SETTINGS, course / FETCHED
    fetched.mkdir(exist_ok=True)
    (settings / "labconfig").mkdir(parents=True, exist_ok=True)
    (settings / "labconfig" / "default_setting_overrides.json").write_text(json.dumps(LAB_SETTINGS))
    text = NBGRADER_CONFIG.format(
        course=str(course),
        exchange=str(course / "exchange"),
        fetched=str(fetched),
        cache=str(settings / "nbgrader_cache"),
    )
    (settings / "nbgrader_config.py").write_text(text, encoding="utf-8")
    programs = [sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)]
    return {
        "JUPYTER_CONFIG_DIR": str(settings),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "PATH": os.pathsep.join(programs),  # nbgrader looks for alembic there
    }


def offer(course: Path) -> list[str]:
    """Put released assignments into the exchange, where they are new or have changed.

    Returns:
        Names of those put there.
    """
    from nbgrader.auth import Authenticator
    from nbgrader.coursedir import CourseDirectory
    from nbgrader.exchange import ExchangeFactory

    from coursekit.grading.autograding import configuration

    config = configuration(course)
    config.Exchange.root = str(course / "exchange")
    config.ExchangeReleaseAssignment.force = True
    offered = []
    for folder in sorted(path.parent for path in course.glob("assignments/*/*.ipynb")):
        there = course / "exchange" / config.CourseDirectory.course_id / "outbound" / folder.name
        if there.is_dir() and not _differ(folder, there):
            continue
        config.CourseDirectory.assignment_id = folder.name
        ExchangeFactory(config=config).ReleaseAssignment(
            coursedir=CourseDirectory(config=config),
            authenticator=Authenticator(config=config),
            config=config,
        ).start()
        offered.append(folder.name)
    return offered


def _differ(here: Path, there: Path) -> bool:
    """Whether a file of `here` is missing or other `there`; one level is all an assignment has."""
    names = [path.name for path in here.iterdir() if path.is_file()]
    _, other, missing = filecmp.cmpfiles(here, there, names, shallow=False)
    return bool(other or missing)
