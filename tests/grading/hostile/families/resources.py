"""Time, memory, disk, processes: what a limit stops."""

from ..case import in_a_call, in_a_cell
from ..observed import WALL

QUICK = {"cell_seconds": 1, "call_seconds": 1}
SMALL = {"memory": 1500 * 2**20}

CASES = [
    in_a_cell("endless loop in a cell", "while True: pass", "room ended: time", limits=QUICK),
    in_a_call("endless loop", "while True: pass", stopped_by="room ended: time", limits=QUICK),
    in_a_call(
        "endless loop that catches what would stop it",
        "while True:",
        "    try: pass",
        "    except BaseException: pass",
        stopped_by="room ended: time",
        limits=QUICK,
    ),
    in_a_cell(
        "signals are ignored",
        "import signal\n"
        "for number in (2, 14, 15): signal.signal(number, signal.SIG_IGN)\n"
        "while True: pass",
        "room ended: time",
        limits=QUICK,
    ),
    in_a_cell(
        "waiting for nothing",
        "import threading\nthreading.Event().wait()",
        "room ended: time",
        limits=QUICK,
    ),
    in_a_call(
        "one operation that never ends",
        "return sum(range(10**18))",
        stopped_by="room ended: time",
        limits=QUICK,
    ),
    in_a_call(
        "more processor time than allowed",
        "while True: pass",
        stopped_by="room ended: time",
        limits={"cpu_seconds": 1},
    ),
    in_a_call("50 GB", "return len(bytearray(50 * 2**30))", stopped_by="raises MemoryError"),
    in_a_call(
        "50 GB as an array",
        "import numpy",
        "return numpy.ones(50 * 2**27).sum()",
        stopped_by="raises MemoryError",
    ),
    in_a_call(
        "50 GB in small pieces",
        "return len([bytearray(2**24) for _ in range(3000)])",
        stopped_by="raises MemoryError",
        limits=SMALL,
    ),
    in_a_cell(
        "50 GB in many processes",
        "import os, time\n"
        "for _ in range(8):\n"
        "    if os.fork() == 0:\n"
        "        kept = [bytearray(b'x' * 2**24) for _ in range(18)]\n"
        "        time.sleep(60)\n"
        "time.sleep(60)",
        "room ended: memory",
        limits=SMALL,
    ),
    in_a_cell(
        "memory in files",
        "for name in ('/home/student/f', '/dev/shm/f'):\n"
        "    while True: open(name, 'ab').write(bytes(2**22))",
        "raises OSError",
    ),
    in_a_cell("one huge file", "open('f', 'wb').truncate(2**40)", "raises OSError"),
    in_a_cell(
        "open files without end", "kept = [open('f', 'w') for _ in range(5000)]", "raises OSError"
    ),
    in_a_cell(
        "fork bomb",
        "import os\nfor _ in range(12): os.fork()",
        "raises OSError",
    ),
    in_a_cell(
        "fork bomb of a shell",
        "!bomb() { bomb | bomb & }; bomb; wait",
        WALL,
        limits={"cell_seconds": 5},
    ),
    in_a_cell(
        "threads without end",
        "import threading\n"
        "for _ in range(5000): threading.Thread(target=threading.Event().wait).start()",
        "raises RuntimeError",
    ),
    in_a_cell(
        "threads that go on",
        "import threading\n"
        "def spin():\n"
        "    while True: pass\n"
        "threading.Thread(target=spin, daemon=True).start()",
        WALL,
    ),
    in_a_call("endless recursion", "return double(x)", stopped_by="raises RecursionError"),
    in_a_cell(
        "its own limits are raised",
        "import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))",
        "raises ValueError",
    ),
    in_a_cell("a number of a billion digits", "x = 7 ** 10**9", "room ended: time", limits=QUICK),
    in_a_cell(
        "a pattern that backtracks for ever",
        "import re\nre.match('(a+)+$', 'a' * 60 + 'b')",
        "room ended: time",
        limits=QUICK,
    ),
]
