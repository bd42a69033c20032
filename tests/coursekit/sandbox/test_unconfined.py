"""Rooms without Bubblewrap: the same answers and limits, and nothing left behind."""

import os
import select
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import tiny_course
from nbformat import v4

from coursekit.grading.judge import Judge
from coursekit.sandbox import Limits, RoomDied, RoomTimeout, Warm, bubblewrap, missing

linux_only = pytest.mark.skipif(not Path("/proc").is_dir(), reason="counts through /proc")
LIMITS = Limits(cell_seconds=20, call_seconds=20)
MEBIBYTE = 2**20


@pytest.fixture(scope="module")
def unconfined(tmp_path_factory):
    """Makes rooms, where no program but `env` can be found."""
    programs = tmp_path_factory.mktemp("programs")
    (programs / "env").symlink_to("/usr/bin/env")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", str(programs))
        patch.setenv("SECRET", "of the judge")
        with Warm(("torch",), confined=False) as started:
            yield started


@pytest.fixture
def room(unconfined):
    with unconfined.room({"beside.py": b"ANSWER = 42\n"}, LIMITS) as made:
        yield made


def defined(room, source, name):
    """Run a cell; what it defined."""
    assert room.run_cell(source).error == ""
    return room.look_up([name])[name]


def ends(process):
    """Wait until a process is no more."""
    try:
        end = os.pidfd_open(process)
    except ProcessLookupError:
        return True
    ready, _, _ = select.select([end], [], [], 20.0)
    os.close(end)
    return bool(ready)


# --- the same as with it -------------------------------------------------------------------------

WRONG = "def double(x):\n    return 3 * x"
QUICK = {"cell_seconds": 1, "call_seconds": 1}
SUBMISSIONS = {
    "right": ({}, (), {}),
    "wrong": ({"double": WRONG}, (), {}),
    "raises": ({"double": "def double(x):\n    raise ValueError"}, (), {}),
    "unreadable": ({"double": "def double(x:"}, (), {}),
    "endless cell": ({}, ("while True: pass",), QUICK),
    "endless call": ({"double": "def double(x):\n    while True: pass"}, (), QUICK),
    "leaves": ({"double": "import os\ndef double(x):\n    os._exit(0)"}, (), {}),
    "crashes": ({}, ("import ctypes; ctypes.string_at(0)",), {}),
    "closes everything": ({}, ("import os; os.closerange(0, 64)",), {}),
    "asks for too much": ({"double": "def double(x):\n    return bytearray(2**36)"}, (), {}),
}


def judged(warm, folder, answers, before, limits):
    """Points and kinds of incidents of a submission to the short assignment."""
    source = tiny_course.source()
    release = tiny_course.released(source)
    submission = tiny_course.answered(
        tiny_course.released(source), tiny_course.RIGHT | dict(answers)
    )
    submission.cells[2:2] = [v4.new_code_cell(text) for text in before]
    judge = Judge(source, release, folder, {}, warm, replace(LIMITS, **limits))
    judgement = judge.grade(submission)
    return judgement.points, [incident.kind for incident in judgement.incidents.values()]


@pytest.mark.parametrize("name", SUBMISSIONS)
def test_scores_are_the_same_as_in_bubblewrap(warm, unconfined, tmp_path, name):
    expected = judged(warm, tmp_path, *SUBMISSIONS[name])
    assert judged(unconfined, tmp_path, *SUBMISSIONS[name]) == expected


def test_figures_and_files_beside_the_notebook_work(room):
    run = room.run_cell("import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()")
    assert "image/png" in run.outputs[0].data
    assert defined(room, "import beside", "beside").ANSWER == 42


# --- limits --------------------------------------------------------------------------------------


def test_time_is_limited(unconfined):
    with unconfined.room(limits=replace(LIMITS, **QUICK)) as room:
        with pytest.raises(RoomTimeout) as caught:
            room.run_cell("while True: pass")
        assert caught.value.kind == "time"
    with unconfined.room(limits=replace(LIMITS, cpu_seconds=1)) as room:
        with pytest.raises(RoomDied, match="processor time") as caught:
            room.run_cell("while True: pass")
        assert caught.value.kind == "time"


@linux_only
def test_memory_of_one_process_and_of_all_together_is_limited(unconfined):
    with unconfined.room(limits=replace(LIMITS, memory=1500 * MEBIBYTE)) as room:
        assert room.run_cell("x = bytearray(2**31)").error.startswith("MemoryError")
        with pytest.raises(RoomDied, match="1500 MiB") as caught:
            room.run_cell(
                "import os, signal\n"
                "for _ in range(12):\n"
                "    if os.fork() == 0:\n"
                "        x = b'x' * (150 * 2**20)\n"
                "        signal.pause()\n"
                "signal.pause()"
            )
        assert caught.value.kind == "memory"


BOMB = "import os\nwhile True: os.fork()"
DAEMONS = (
    "import os, signal\n"
    "for _ in range(60):\n"
    "    if os.fork() == 0:\n"
    "        os.setsid()\n"
    "        if os.fork() == 0:\n"
    "            signal.pause()\n"
    "        os._exit(0)\n"
    "signal.pause()"
)


@linux_only
@pytest.mark.parametrize("source", [BOMB, DAEMONS], ids=["fork bomb", "daemons"])
def test_processes_are_limited(unconfined, source):
    with (
        unconfined.room(limits=replace(LIMITS, processes=16)) as room,
        pytest.raises(RoomDied, match="more than 16 processes"),
    ):
        room.run_cell(source)


def test_files_and_descriptors_are_limited(unconfined):
    with unconfined.room(limits=replace(LIMITS, disk=MEBIBYTE, files=32)) as room:
        big = "with open('big', 'wb') as f: f.write(bytes(2 * 2**20))"
        assert room.run_cell(big).error.startswith("OSError")
        many = "kept = [open('/dev/null') for _ in range(40)]"
        assert room.run_cell(many).error.startswith("OSError")


# --- what a room begins with, and leaves ---------------------------------------------------------


def test_the_environment_is_clean(room):
    names = defined(room, "import os\nnames = list(os.environ)", "names")
    assert set(names) - bubblewrap.ENVIRONMENT.keys() <= {
        "LC_CTYPE",
        "KMP_INIT_AT_FORK",
        "KMP_DUPLICATE_LIB_OK",
        "TORCHINDUCTOR_CACHE_DIR",
        "__CF_USER_TEXT_ENCODING",  # macOS adds it
    }


@linux_only
def test_the_environment_it_was_started_with_is_clean_too(room):
    source = "given = open('/proc/self/environ').read()"
    assert "of the judge" not in defined(room, source, "given")


def test_home_is_empty_and_goes_with_the_room(unconfined):
    with unconfined.room({"a.txt": b"a"}, LIMITS) as room:
        source = "import os, tempfile\nseen = os.getcwd(), os.listdir(), tempfile.gettempdir()"
        home, names, temporary = defined(room, source, "seen")
        assert sorted(names) == [".matplotlib", ".tmp", "a.txt"]
        assert temporary == os.path.join(home, ".tmp")
        keeper = defined(room, "keeper = os.getppid()", "keeper")
    assert ends(keeper)
    assert not os.path.exists(home)
    assert os.path.isdir(os.path.dirname(home))


@linux_only
def test_nothing_of_a_room_outlives_it(unconfined):
    source = (
        "import os, signal\n"
        "read, write = os.pipe()\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        os.write(write, str(os.getpid()).encode())\n"
        "        signal.pause()\n"
        "    os._exit(0)\n"
        "daemon = int(os.read(read, 20))"
    )
    with unconfined.room(limits=LIMITS) as room:
        daemon = defined(room, source, "daemon")
        assert Path(f"/proc/{daemon}").exists()
    assert ends(daemon)


@linux_only
def test_the_process_that_forks_rooms_leaves_nothing():
    with Warm(confined=False) as warm, warm.room(limits=LIMITS) as room:
        home = defined(room, "import os\nhome = os.getcwd()", "home")
        process = defined(room, "process = os.getpid()", "process")
    assert ends(process)
    assert not os.path.exists(os.path.dirname(home))


# --- what to do without Bubblewrap ---------------------------------------------------------------


def test_what_to_install_is_said(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setenv("PATH", "/nowhere")
    for command in ("apt install bubblewrap", "dnf install bubblewrap", "pacman -S bubblewrap"):
        assert command in missing()


def test_where_to_grade_is_said_on_a_mac(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "needs Linux" in missing()
    assert "container" in missing()
