"""A room runs what it is given, keeps it in, and answers with data."""

import os
import select
import socket
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from coursekit.checks import CheckFailed
from coursekit.checks.source import is_stub, own_line
from coursekit.sandbox import (
    Limits,
    RoomDied,
    RoomError,
    RoomTimeout,
    SandboxUnavailable,
    StudentExit,
    Warm,
    WireError,
    bubblewrap,
)
from coursekit.sandbox.errors import KINDS, rebuilt

MEBIBYTE = 2**20


@pytest.fixture
def room(warm):
    with warm.room({"beside.py": b"ANSWER = 42\n"}) as made:
        yield made


def defined(room, source, *names):
    """Run a cell; what it defined."""
    assert room.run_cell(source).error == ""
    found = room.look_up(names)
    return found[names[0]] if len(names) == 1 else [found[name] for name in names]


def printed(room, source):
    """What a cell prints to standard output."""
    run = room.run_cell(source)
    assert run.error == ""
    return "".join(out.text for out in run.outputs if out.get("name") == "stdout")


# --- cells ---------------------------------------------------------------------------------------


def test_a_cell_shows_what_a_notebook_would_show(room):
    source = "from IPython.display import display\nprint('hello')\ndisplay('shown')\n6 * 7"
    stream, shown, value = room.run_cell(source).outputs
    assert (stream.name, stream.text) == ("stdout", "hello\n")
    assert (shown.output_type, shown.data["text/plain"]) == ("display_data", "'shown'")
    assert (value.output_type, value.data["text/plain"]) == ("execute_result", "42")


def test_magics_shell_commands_and_files_beside_the_notebook_work(room):
    assert "per loop" in printed(room, "%timeit -n1 -r1 0")
    assert printed(room, "!echo from the shell") == "from the shell\n"
    assert printed(room, "import beside; print(beside.ANSWER)") == "42\n"
    assert printed(room, "import asyncio; await asyncio.sleep(0); print('waited')") == "waited\n"


def test_a_figure_comes_back_as_a_picture(room):
    run = room.run_cell("import matplotlib.pyplot as plt; plt.plot([1, 2]); plt.show()")
    assert [out.output_type for out in run.outputs] == ["display_data"]
    assert run.outputs[0].data["image/png"].startswith("iVBOR")


def test_an_error_ends_the_cell_and_nothing_else(room):
    run = room.run_cell("before = 1\n1 / 0\nafter = 2")
    assert run.error == "ZeroDivisionError: division by zero"
    assert run.outputs[-1].ename == "ZeroDivisionError"
    assert room.look_up(["before", "after"]) == {"before": 1}


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("def f(:", "SyntaxError"),
        ("input()", "StdinNotImplementedError"),
        ("raise SystemExit(3)", "SystemExit"),
    ],
)
def test_a_cell_that_cannot_go_on_says_why(room, source, error):
    assert room.run_cell(source).error.startswith(error)
    assert room.run_cell("1").error == ""


def test_output_is_cut(warm):
    with warm.room(limits=Limits(output=1000)) as room:
        run = room.run_cell("for i in range(1000): print('line', i)")
        assert "cut here" in run.outputs[-1].text
        assert 900 < sum(len(out.text) for out in run.outputs) < 1200
        many = "import sys\nfor i in range(3000): print('', file=sys.stderr if i % 2 else None)"
        assert len(room.run_cell(many).outputs) < 1000
        assert printed(room, "print('again')") == "again\n"


# --- calls ---------------------------------------------------------------------------------------


def test_arguments_and_results_go_by_value(room):
    f = defined(room, "def f(x, *, scale=1.0):\n    return x * scale, {'n': x.shape}", "f")
    got, about = f(np.arange(3.0), scale=2.0)
    np.testing.assert_array_equal(got, [0.0, 2.0, 4.0])
    assert about == {"n": (3,)}


def test_changed_arguments_are_changed_here_too(room):
    source = """
def f(x, items, table, rng, t):
    x *= 2
    items.append(3)
    table['b'] = 2
    t += 1
    return rng.random()
"""
    f = defined(room, source, "f")
    x, items, table, t = np.ones((2, 3)).T, [1, 2], {"a": 1}, torch.zeros(2)
    rng, same = np.random.default_rng(0), np.random.default_rng(0)
    assert f(x, items, table, rng, t) == same.random()
    assert rng.random() == same.random()
    assert (items, table, x.sum(), t.sum()) == ([1, 2, 3], {"a": 1, "b": 2}, 12.0, 2.0)


def test_what_a_call_prints_and_warns_comes_back(room, capsys):
    f = defined(
        room, "import warnings\ndef f():\n    print('p')\n    warnings.warn('careful')", "f"
    )
    with pytest.warns(UserWarning, match="careful"):
        f()
    assert capsys.readouterr().out.endswith("p\n")


def test_an_exception_comes_back_with_the_line_of_the_student(room):
    f = defined(room, "def f(x):\n    y = x + 1\n    return y", "f")
    with pytest.raises(TypeError, match="unsupported operand") as caught:
        f(None)
    assert own_line(caught.value) == "line 2 of the cell that defines f: `y = x + 1`"
    assert "y = x + 1" in caught.value.traceback_in_room


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("class Own(ValueError): pass\ndef f(): raise Own('no')", ValueError),
        ("def f(): raise NotImplementedError", NotImplementedError),
        ("def f(): b'\\xff'.decode()", Exception),
        ("import sys\ndef f(): sys.exit()", StudentExit),
        ("def f(): raise KeyboardInterrupt", StudentExit),
        ("def f(): raise StopIteration", StopIteration),
    ],
)
def test_exceptions_keep_their_kind_and_end_nothing_here(room, code, kind):
    with pytest.raises(kind) as caught:
        defined(room, code, "f")()
    assert isinstance(caught.value, Exception)
    assert not isinstance(caught.value, RoomError)


def test_a_stub_in_a_room_is_told_from_a_library_that_does_not_do_something(room):
    stub = defined(room, "def f(x):\n    raise NotImplementedError", "f")
    with pytest.raises(NotImplementedError) as caught:
        stub(1)
    assert is_stub(caught.value)
    lacks = defined(room, "import torch\ndef f(x):\n    return torch.nn.Module()(x)", "f")
    with pytest.raises(NotImplementedError, match="forward") as caught:
        lacks(1)
    assert not is_stub(caught.value)


@pytest.mark.parametrize("stub", ["yes", 1, None, ["f"]])
def test_a_stub_is_told_as_yes_or_no(stub):
    report = {"types": ["ValueError"], "message": "", "traceback": "", "line": ""}
    with pytest.raises(WireError, match="makes no sense"):
        rebuilt(report | {"stub": stub})


def test_the_exceptions_of_checks_cannot_be_forged(room):
    f = defined(room, "from coursekit.checks import CheckFailed\ndef f(): raise CheckFailed", "f")
    with pytest.raises(Exception, match="missing") as caught:
        f()
    assert not isinstance(caught.value, CheckFailed)


def test_objects_stay_in_the_room_and_their_methods_are_called_there(room):
    source = """
class Counter:
    def __init__(self): self.n = 0
    def add(self, k): self.n += k; return self
    def read(self): return self.n
def peek(counter): return counter.n
"""
    make, peek = defined(room, source, "Counter", "peek")
    counter = make()
    assert counter.add(2).add(3).read() == 5
    assert (peek(counter), counter.n) == (5, 5)
    assert not hasattr(counter, "missing")


def test_a_deep_copy_is_a_copy_in_the_room(room):
    import copy

    box = defined(room, "class Box:\n    def put(self, x): self.x = x\nbox = Box()", "box")
    other = copy.deepcopy(box)
    box.put(1)
    other.put(2)
    assert (box.x, other.x) == (1, 2)


def test_functions_passed_in_are_called_back(room):
    f = defined(room, "def f(g, x):\n    return g(x) + g(2 * x)", "f")
    np.testing.assert_array_equal(f(lambda x: x**2, np.array([1.0, 2.0])), [5.0, 20.0])
    twice = defined(room, "def twice(g, n): return 2 * g(n)", "twice")
    assert twice(lambda n: twice(lambda m: m + 1, n), 3) == 16  # a call in a call in a call


def test_an_exception_of_a_callback_passes_through_the_student(room):
    f = defined(room, "def f(g):\n    try: g()\n    except ValueError as e: return str(e)", "f")
    assert f(lambda: int("x")).startswith("invalid literal")


def test_an_object_that_is_no_data_is_refused_before_it_is_sent(room):
    f = defined(room, "def f(x): return x", "f")
    with pytest.raises(TypeError, match="cannot cross into the room"):
        f(object())
    assert f(1) == 1


# --- walls ---------------------------------------------------------------------------------------


def test_there_is_no_network(room):
    source = "import socket\nsocket.create_connection(('127.0.0.1', {}), 1)"
    with socket.create_server(("127.0.0.1", 0)) as server:
        run = room.run_cell(source.format(server.getsockname()[1]))
        assert "unreachable" in run.error
    assert "unreachable" in room.run_cell(source.format(53).replace("127.0.0.1", "9.9.9.9")).error


def test_the_course_cannot_be_seen(room):
    root = Path(__file__).resolve().parents[3]
    seen = defined(room, "from pathlib import Path\ndef seen(p): return Path(p).exists()", "seen")
    assert seen(str(root / "lib" / "coursekit"))
    for name in ("solutions", "tests", "assignments", "README.md"):
        assert (root / name).exists()
        assert not seen(str(root / name))
    assert printed(room, "!ls") == "beside.py\n"


def test_only_home_can_be_written(room):
    source = "def write(p):\n    open(p + '/file', 'w').write('x')"
    write = defined(room, source, "write")
    write("/home/student")
    folders = [
        "/",
        "/usr",
        "/etc",
        "/dev",
        "/dev/pts",
        "/proc/sys/kernel",
        "/home",
        os.path.dirname(np.__file__),
    ]
    for folder in folders:
        with pytest.raises(OSError, match=r"Read-only|Permission|No such"):
            write(folder)


def test_the_environment_holds_nothing_of_the_judge(room, monkeypatch):
    variables = defined(room, "import os\nvariables = dict(os.environ)", "variables")
    assert variables.keys() - bubblewrap.ENVIRONMENT.keys() <= {
        "PWD",
        "LC_CTYPE",
        "KMP_INIT_AT_FORK",
        "KMP_DUPLICATE_LIB_OK",
        "TORCHINDUCTOR_CACHE_DIR",
    }


def test_only_its_own_processes_can_be_seen(room):
    source = "import os\npids = [int(n) for n in os.listdir('/proc') if n.isdigit()], os.getpid()"
    assert defined(room, source, "pids") == ([1], 1)


def test_there_are_no_privileges_to_gain(room):
    status = defined(room, "status = open('/proc/self/status').read()", "status")
    lines = dict(line.split(":\t", 1) for line in status.splitlines())
    for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert int(lines[name], 16) == 0
    assert (lines["NoNewPrivs"], lines["Uid"].split()[0]) == ("1", "1000")
    refused = room.run_cell(
        "import subprocess\nsubprocess.run(['unshare', '-U', 'true'], check=True)"
    )
    assert "CalledProcessError" in refused.error


def test_nothing_of_the_room_outlives_it(warm):
    with warm.room() as room:
        run = room.run_cell(
            "import subprocess\n"
            "command = ['sh', '-c', 'echo up; exec sleep 86399.5']\n"
            "p = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)\n"
            "p.stdout.readline()"  # until then its command line may not be there to be seen
        )
        assert run.error == ""
        process = next(
            int(path.parent.name)
            for path in Path("/proc").glob("[0-9]*/cmdline")
            if b"86399.5" in path.read_bytes()
        )
        end = os.pidfd_open(process)
    ended, _, _ = select.select([end], [], [], 20.0)
    os.close(end)
    assert ended


def test_rooms_do_not_share_anything(warm):
    with warm.room() as one, warm.room() as other:
        one.run_cell("import numpy as np, os\nnp.pi = 3\nopen('/dev/shm/left', 'w').close()")
        assert printed(other, "import numpy as np\nprint(np.pi > 3.1)") == "True\n"
        assert printed(other, "import os; print(os.listdir('/dev/shm'))") == "[]\n"


def test_a_room_begins_like_a_fresh_notebook(room):
    """Though its shell has shown an exception, and Matplotlib a figure, before it was forked."""
    source = """
import sys
import matplotlib.pyplot as plt
begin = {
    "names": [name for name in globals() if not name.startswith("_")],
    "history": In[:-1],
    "results": Out,
    "figures": plt.get_fignums(),
    "error": hasattr(sys, "last_value"),
}
"""
    assert defined(room, source, "begin") == {
        "names": ["In", "Out", "get_ipython", "exit", "quit", "open", "sys", "plt"],
        "history": [""],
        "results": {},
        "figures": [],
        "error": False,
    }


def test_random_numbers_are_the_same_in_every_room(warm):
    source = (
        "import random, numpy as np, torch\nx = random.random(), np.random.rand(), torch.rand(1)"
    )
    with warm.room() as one, warm.room() as same, warm.room(seed=1) as other:
        first, second, third = (defined(room, source, "x") for room in (one, same, other))
    assert first == second
    assert all(a != b for a, b in zip(first, third, strict=True))


def test_random_numbers_do_not_depend_on_when_torch_is_imported(warm):
    source = "import torch\nx = torch.rand(1)"
    with Warm() as bare, bare.room() as late, warm.room() as early:
        assert not defined(late, "import sys\nloaded = 'torch' in sys.modules", "loaded")
        assert defined(late, source, "x") == defined(early, source, "x")


# --- limits --------------------------------------------------------------------------------------


def test_an_endless_cell_and_an_endless_call_are_stopped(warm):
    limits = Limits(cell_seconds=0.5, call_seconds=0.5)
    with warm.room(limits=limits) as room:
        loop = defined(
            room, "def loop():\n    while True:\n        try: pass\n        except: pass", "loop"
        )
        with pytest.raises(RoomTimeout, match=r"more than 0\.5 s"):
            loop()
        with pytest.raises(RoomDied):
            loop()
    with warm.room(limits=limits) as room, pytest.raises(RoomTimeout):
        room.run_cell("while True: pass")


def test_processor_time_is_limited(warm):
    with (
        warm.room(limits=Limits(cpu_seconds=1)) as room,
        pytest.raises(RoomDied, match="1 s of processor time") as caught,
    ):
        room.run_cell("while True: pass")
    assert caught.value.kind == "time"


def test_memory_of_one_process_is_limited(room):
    assert room.run_cell("x = bytearray(50 * 2**30)").error.startswith("MemoryError")


def test_memory_of_all_processes_together_is_limited(warm):
    source = """
import os, signal
for _ in range(12):
    if os.fork() == 0:
        x = b'x' * (150 * 2**20)
        signal.pause()
signal.pause()
"""
    with (
        warm.room(limits=Limits(memory=1500 * MEBIBYTE)) as room,
        pytest.raises(RoomDied, match="1500 MiB") as caught,
    ):
        room.run_cell(source)
    assert caught.value.kind == "memory"


def test_pages_that_processes_share_are_counted_once(warm):
    source = """
import os, signal
children = []
for _ in range(12):
    child = os.fork()
    if child == 0:
        signal.pause()
    children.append(child)
for _ in range(5):
    sum(range(10**7))  # long enough to be counted
pages = [int(open(f'/proc/{n}/statm').read().split()[1]) for n in children]
together = sum(pages) * os.sysconf('SC_PAGE_SIZE')
"""
    with warm.room(limits=Limits(memory=1500 * MEBIBYTE)) as room:
        assert defined(room, source, "together") > 1500 * MEBIBYTE


def test_files_and_descriptors_are_limited(warm):
    with warm.room(limits=Limits(disk=MEBIBYTE, files=32)) as room:
        run = room.run_cell("with open('big', 'wb') as f: f.write(bytes(2 * 2**20))")
        assert run.error.startswith("OSError")
        assert room.run_cell("kept = [open('/dev/null') for _ in range(40)]").error.startswith(
            "OSE"
        )


def test_processes_are_limited(warm):
    source = """
import os, signal, threading
made = 0
try:
    for _ in range(100):
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        made += 1
except RuntimeError:
    pass
"""
    with warm.room(limits=Limits(processes=8)) as room:
        assert defined(room, source, "made") <= 8


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("import os; os._exit(3)", "exit status 3"),
        (
            "import ctypes; ctypes.string_at(0)",
            "SIGSEGV",
        ),
        ("import os; os.closerange(0, 64)", "ended"),
    ],
)
def test_a_room_that_ends_says_how(warm, source, says):
    with warm.room() as room:
        with pytest.raises(RoomDied, match=says) as caught:
            room.run_cell(source)
        assert caught.value.kind == "crash"
        assert says in str(room.failure)
    with warm.room() as room:
        assert printed(room, "print('next')") == "next\n"


def test_a_reply_that_is_too_large_is_output_that_is_too_large(warm):
    with warm.room(limits=Limits(message=2 * MEBIBYTE)) as room:
        f = defined(room, "def f(): return bytes(2**22)", "f")
        with pytest.raises(RoomError, match="too large") as caught:
            f()
        assert caught.value.kind == room.failure.kind == "output"


@pytest.mark.parametrize("kind", KINDS)
def test_how_a_room_ended_is_data(kind):
    error = RoomDied.from_bytes(RoomDied("it ended.", kind).to_bytes())
    assert (error.kind, str(error)) == (kind, "it ended.")


@pytest.mark.parametrize(
    "said",
    [b"", b"\xff", b"[]", b'{"kind": "gone", "words": ""}', b'{"kind": "time"}', b"[" * 9999],
)
def test_what_no_keeper_said_is_a_crash(said):
    assert RoomDied.from_bytes(said).kind == "crash"


def test_a_warm_process_that_was_killed_is_started_again(warm):
    warm._process.kill()
    warm._process.wait()
    with warm.room() as room:
        assert printed(room, "print('still')") == "still\n"


def test_without_bubblewrap_it_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SandboxUnavailable, match="apt install bubblewrap"), Warm():
        pass


@pytest.mark.parametrize("wrong", [{"memory": 0}, {"call_seconds": -1.0}, {"output": 2**30}])
def test_limits_must_make_sense(wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Limits(**wrong)


def test_warnings_of_the_room_do_not_become_errors_twice(room):
    f = defined(room, "import warnings\ndef f():\n    warnings.warn('odd')\n    return 1", "f")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert f() == 1
