"""JupyterLab on a course of its own, and Chromium to look at it."""

import os
import shutil
import socket
import subprocess
import sys
import threading

import pytest
import tiny_course
from tiny_course import ROOT

from coursekit import notebooks
from coursekit.grading import autograding, classroom

PICTURES = ROOT / "build" / "browser"
PATIENCE = 90_000  # ms; a busy machine is slow, not wrong
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "chrome")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def chromium_path():
    """Where Chromium is; without it these tests fail in CI and are skipped elsewhere."""
    found = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        message = "Chromium is missing. On Debian and Ubuntu: apt install chromium"
        pytest.fail(message) if os.environ.get("CI") == "true" else pytest.skip(message)
    return found


@pytest.fixture(scope="module")
def course(tmp_path_factory, chromium_path):
    """The tiny course with two graded students, and the repository's own assignments."""
    root = tiny_course.build(tmp_path_factory.mktemp("lab"))
    release = autograding.register(root, tiny_course.NAME)
    shutil.copytree(release.parent, root / "assignments" / tiny_course.NAME)
    for student in ("ada", "blaise"):
        notebook = tiny_course.answered(notebooks.read(release), tiny_course.RIGHT)
        tiny_course.hand_in(root, student, notebook)
    classroom.grade(root, tiny_course.NAME)
    for notebook in ROOT.glob("solutions/*/*.ipynb"):
        source = notebook.parent
        shutil.copytree(source, root / "solutions" / source.name)
        released = autograding.register(root, source.name).parent
        shutil.copytree(released, root / "assignments" / source.name)
    return root


@pytest.fixture(scope="module")
def lab(course, tmp_path_factory):
    """The address of JupyterLab, started as `make lab` starts it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    arguments = [f"--port={port}", "--no-browser", "--allow-root", "--IdentityProvider.token=test"]
    code = "import sys; from coursekit import lab; lab.run(sys.argv[1], sys.argv[2:])"
    server = subprocess.Popen(
        [sys.executable, "-c", code, str(course), *arguments],
        env={**os.environ, "HOME": str(tmp_path_factory.mktemp("home"))},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    log = []
    for line in server.stderr:
        log.append(line)
        if "is running at" in line:
            break
    else:
        pytest.fail("JupyterLab did not start:\n" + "".join(log[-20:]))
    reader = threading.Thread(target=log.extend, args=(server.stderr,))
    reader.start()
    yield f"http://127.0.0.1:{port}"
    server.terminate()
    server.wait(30)
    reader.join()
    server.stderr.close()


@pytest.fixture(scope="module")
def browser(lab, chromium):
    """Chromium, with JupyterLab to look at; started in this order."""
    return chromium


@pytest.fixture(scope="module")
def chromium(chromium_path):
    # Closed with the module: while it lives, nothing else in the process can run an event loop.
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium_path, args=QUIET)
        yield started
        started.close()


@pytest.fixture
def page(browser, request):
    """An empty window; a picture of it is kept in build/browser/ when the test fails."""
    context = browser.new_context(viewport={"width": 1400, "height": 1000})
    window = context.new_page()
    window.set_default_timeout(PATIENCE)
    yield window
    if request.node.stash.get(FAILED, False):
        PICTURES.mkdir(parents=True, exist_ok=True)
        window.screenshot(path=PICTURES / f"{request.node.name}.png")
    context.close()


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item):
    report = yield
    if report.when == "call":
        item.stash[FAILED] = report.failed
    return report
