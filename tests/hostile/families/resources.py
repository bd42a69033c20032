"""Time, memory, disk, processes: what a limit stops."""

from ..case import LOOTED, in_a_call, in_a_cell
from ..observed import WALL

QUICK = {"cell_seconds": 1, "call_seconds": 1}
SMALL = {"memory": 1500 * 2**20}

IN_SHARED_PAGES = """
import mmap, os, time
for _ in range(4):
    ours, theirs = os.pipe()
    if os.fork() == 0:
        kept = [mmap.mmap({file}, 2**26) for _ in range(8)]
        for each in kept:
            for _ in range(16): each.write(bytes(2**22))
            each.madvise(mmap.MADV_DONTNEED)
        os.write(theirs, b'1')
        time.sleep(60)
    os.close(theirs)
    if not os.read(ours, 1): raise OSError('refused')
print('LO' + 'OT: 2 GiB')
"""
IN_SEGMENTS = """
import ctypes
libc = ctypes.CDLL(None)
libc.shmat.restype = ctypes.c_void_p
for _ in range(32):
    segment = libc.shmget(0, 2**26, 0o1600)
    if segment < 0: raise OSError('refused')
    begin = ctypes.c_void_p(libc.shmat(segment, None, 0))
    ctypes.memset(begin, 1, 2**26)
    libc.shmdt(begin)
print('LO' + 'OT: 2 GiB')
"""
IN_PIPES = """
import ctypes, fcntl, mmap, os
libc, page = ctypes.CDLL(None), 2**21
for _ in range(4):
    _, end = os.pipe()
    fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, 2**20)
    for _ in range(256):
        memory = mmap.mmap(-1, 2 * page, mmap.MAP_PRIVATE)
        memory.madvise(mmap.MADV_HUGEPAGE)
        begin = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        begin += -begin % page
        ctypes.memset(begin, 1, page)
        few = (ctypes.c_size_t * 2)(begin, 1)
        if libc.vmsplice(end, few, ctypes.c_size_t(1), 2) < 0: raise OSError('refused')
        memory.close()
print('LO' + 'OT: 2 GiB')
"""
LONG_PIPES = """
import fcntl, os, time
for _ in range(4):
    ours, theirs = os.pipe()
    if os.fork() == 0:
        for _ in range(40): fcntl.fcntl(os.pipe()[1], fcntl.F_SETPIPE_SZ, 2**20)
        os.write(theirs, b'1')
        time.sleep(60)
    os.close(theirs)
    if not os.read(ours, 1): raise OSError('refused')
print('LO' + 'OT: 160 MiB')
"""
IN_SOCKETS = """
import os, socket, time
for _ in range(3):
    ours, theirs = os.pipe()
    if os.fork() == 0:
        kept = []
        for _ in range(50):
            kept += (pair := socket.socketpair())
            for end in pair:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2**25)
                end.setblocking(False)
                try:
                    while True: end.send(bytes(2**20))
                except BlockingIOError: pass
        os.write(theirs, b'1')
        time.sleep(60)
    os.close(theirs)
    if not os.read(ours, 1): raise OSError('refused')
print('LO' + 'OT: as much as the machine allows for each socket')
"""


def _unmapped(name: str, source: str):
    """Memory that no process maps, so that none seems to use it."""
    return in_a_cell(name, source, "raises OSError", limits=SMALL, never=(LOOTED,))


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
    _unmapped(
        "memory in files without a name",
        "import os\n"
        "for _ in range(32):\n"
        "    file = os.memfd_create('kept')\n"
        "    for _ in range(16): os.write(file, bytes(2**22))\n"
        "print('LO' + 'OT: 2 GiB')",
    ),
    _unmapped("memory in segments that nobody has attached", IN_SEGMENTS),
    _unmapped("memory in shared pages", IN_SHARED_PAGES.format(file=-1)),
    _unmapped(
        "memory in shared pages of /dev/zero",
        IN_SHARED_PAGES.format(file="os.open('/dev/zero', os.O_RDWR)"),
    ),
    _unmapped("memory in pipes, a huge page for each byte", IN_PIPES),
    _unmapped("memory in pipes made long", LONG_PIPES),
    _unmapped("memory in sockets with long queues", IN_SOCKETS),
    _unmapped(
        "empty files without end",
        "import os\nfor i in range(10**6): os.mknod(str(i))\nprint('LO' + 'OT: 1 GiB')",
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
