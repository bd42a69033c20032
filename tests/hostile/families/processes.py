"""Ending, killing and wrecking processes."""

from ..case import in_a_call, in_a_cell
from ..observed import WALL

CRASH = "room ended: crash"

CASES = [
    in_a_cell("os._exit", "import os; os._exit(0)", CRASH),
    in_a_call("os._exit in a call", "import os; os._exit(0)", stopped_by=CRASH),
    in_a_cell("sys.exit", "import sys; sys.exit(0)", "raises SystemExit"),
    in_a_call("sys.exit in a call", "import sys; sys.exit(0)", stopped_by="raises StudentExit"),
    in_a_call("a KeyboardInterrupt", "raise KeyboardInterrupt", stopped_by="raises StudentExit"),
    in_a_cell("quit", "quit()", WALL),
    in_a_cell("killing the parent", "import os; os.kill(os.getppid(), 9)", WALL),
    in_a_cell("killing its group", "import os; os.killpg(0, 9)", WALL),
    in_a_cell("killing every process", "import os; os.kill(-1, 9)", "raises OSError"),
    in_a_cell(
        "killing each process that it can see",
        "import os, signal\n"
        "for name in os.listdir('/proc'):\n"
        "    if name.isdigit() and int(name) != os.getpid():\n"
        "        os.kill(int(name), signal.SIGKILL)",
        WALL,
    ),
    in_a_cell(
        "killing each process number there may be",
        "import os\n"
        "for number in range(2, 40000):\n"
        "    try: os.kill(number, 9)\n"
        "    except ProcessLookupError: pass",
        WALL,
    ),
    in_a_cell("stopping itself", "import os; os.kill(os.getpid(), 19)", WALL),
    in_a_call("a crash in C", "import ctypes; ctypes.string_at(0)", stopped_by=CRASH),
    in_a_call("abort", "import os; os.abort()", stopped_by=CRASH),
    in_a_cell("closing all descriptors", "import os; os.closerange(0, 99)", CRASH),
    in_a_cell(
        "closing all descriptors in a child",
        "import os\nif os.fork() == 0:\n    os.closerange(0, 99)\n    os._exit(0)",
        WALL,
    ),
    in_a_cell(
        "a child that answers too",
        "import os\nchild = os.fork()",
        WALL,
    ),
    in_a_cell(
        "a process that goes on alone",
        "import subprocess\nsubprocess.Popen(['sleep', '3600'], start_new_session=True)",
        WALL,
    ),
    in_a_cell(
        "a daemon",
        "import os\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    if os.fork() == 0:\n"
        "        while True: pass\n"
        "    os._exit(0)",
        WALL,
    ),
]
