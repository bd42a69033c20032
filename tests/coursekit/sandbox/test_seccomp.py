"""What the filter of system calls refuses in a room, and what it lets be."""

import errno
import platform
import struct
import sys
from types import SimpleNamespace

import pytest

from coursekit.sandbox import seccomp

MACHINE = platform.machine()
LINUX = sys.platform.startswith("linux")
KNOWN = LINUX and MACHINE in ("x86_64", "aarch64") and sys.maxsize > 2**32
filtered = pytest.mark.skipif(not KNOWN, reason=f"no filter for {sys.platform} on {MACHINE}")
MINE = 1 if MACHINE == "aarch64" else 0
CALLS = {name: numbers[MINE] for name, numbers in seccomp.REFUSED.items() if numbers[MINE]}

ERRORS_OF = """
import ctypes

def errors_of(numbers):
    call = ctypes.CDLL(None, use_errno=True).syscall
    nothing = [ctypes.c_long(-1)] * 6
    errors = []
    for number in numbers:
        ctypes.set_errno(0)
        call(ctypes.c_long(number), *nothing)
        errors.append(ctypes.get_errno())
    return errors
"""


@pytest.fixture
def room(warm):
    with warm.room() as made:
        yield made


def error_in(room, source):
    """How a cell fails; "" where it does not."""
    return room.run_cell(source).error


# --- in a room -----------------------------------------------------------------------------------


@filtered
def test_the_calls_fail_as_if_the_kernel_had_never_had_them(room):
    assert error_in(room, ERRORS_OF) == ""
    errors = room.look_up(["errors_of"])["errors_of"](list(CALLS.values()))
    assert dict(zip(CALLS, errors, strict=True)) == dict.fromkeys(CALLS, errno.ENOSYS)


@filtered
@pytest.mark.parametrize("name", ["memfd_create", "ptrace", "unshare"])
def test_outside_a_room_there_is_no_filter(name):
    outside = SimpleNamespace()
    exec(ERRORS_OF, vars(outside))
    assert outside.errors_of([CALLS[name]]) != [errno.ENOSYS]


@filtered
@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("import mmap\nmmap.mmap(-1, 4096)", "PermissionError"),
        ("import mmap\nmmap.mmap(-1, 4096, 0x03 | 0x20)", "PermissionError"),
        ("import socket\nsocket.socket(socket.AF_VSOCK)", "OSError: [Errno 97]"),
        ("import socket\nsocket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET)", "OSError"),
        ("import socket\nsocket.socketpair(30)", "OSError: [Errno 97]"),
        ("import socket\nsocket.socket().setsockopt(1, socket.SO_SNDBUF, 1)", "PermissionError"),
        ("import socket\nsocket.socket().setsockopt(1, socket.SO_RCVBUF, 1)", "PermissionError"),
        ("open('/dev/zero', 'rb')", "PermissionError"),
    ],
)
def test_some_calls_are_refused_for_what_they_ask(room, source, error):
    assert error_in(room, source).startswith(error)


@filtered
def test_processes_that_a_room_starts_are_filtered_too(room):
    source = """
import subprocess, sys
code = 'import os; os.memfd_create("f")'
done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
assert 'Function not implemented' in done.stderr, done.stderr
assert 'Seccomp:\\t2' in open('/proc/self/status').read()
"""
    assert error_in(room, source) == ""


ORDINARY = {
    "threads": """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(4) as pool:
    assert list(pool.map(abs, [-1, -2])) == [1, 2]
""",
    "subprocess": """
import subprocess
assert subprocess.check_output('echo one | cat', shell=True, text=True) == 'one\\n'
""",
    "multiprocessing": """
import multiprocessing
with multiprocessing.Pool(2) as pool:
    assert pool.map(abs, [-1, -2]) == [1, 2]
total, lock = multiprocessing.Value('i', 3), multiprocessing.Lock()
with lock, total.get_lock():
    total.value += 1
assert total.value == 4
""",
    "shared memory with a name": """
from multiprocessing.shared_memory import SharedMemory
held = SharedMemory(create=True, size=100)
held.buf[0] = 7
held.close()
held.unlink()
""",
    "files mapped into memory": """
import mmap, numpy as np
np.memmap('mapped', dtype='f4', mode='w+', shape=(4, 4))[:] = 1
assert np.fromfile('mapped', 'f4').sum() == 16
mmap.mmap(-1, 4096, mmap.MAP_PRIVATE).close()
""",
    "temporary files": """
import tempfile
with tempfile.TemporaryFile() as file:
    file.write(b'text')
""",
    "sockets": """
import socket
left, right = socket.socketpair()
left.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
left.sendall(b'text')
assert right.recv(10) == b'text'
socket.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
""",
    "asyncio": """
import asyncio
assert await asyncio.to_thread(abs, -1) == 1
""",
    "ctypes callbacks": """
import ctypes
assert ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)(abs)(-1) == 1
""",
    "matplotlib": """
import matplotlib.pyplot as plt
plt.plot([1, 2])
plt.show()
""",
    "torch": """
import torch
from torch.utils.data import DataLoader
x = torch.ones(2, 3, 8, 8, requires_grad=True)
torch.nn.Conv2d(3, 4, 3)(x).sum().backward()
assert x.grad.shape == x.shape
assert len(list(DataLoader(range(8), batch_size=4, num_workers=1))) == 2
""",
}


@pytest.mark.parametrize("source", ORDINARY.values(), ids=ORDINARY)
def test_ordinary_work_is_not_disturbed(room, source):
    assert error_in(room, source) == ""


# --- the program, for every machine --------------------------------------------------------------

SHARED, PRIVATE, ANONYMOUS, POPULATE = 0x01, 0x02, 0x20, 0x8000  # flags of mmap on Linux
X86_64, AARCH64, I386, ARM = 0xC000003E, 0xC00000B7, 0x40000003, 0x40000028
ALLOWED = 0x7FFF0000


def decision(machine, arch, number, *arguments):
    """What the program of a machine says, told by a small interpreter; the error, or 0."""
    program = list(struct.iter_unpack("=HBBI", seccomp.program(machine)))
    arguments += (0,) * (6 - len(arguments))
    given = struct.pack("<IIQ6Q", number, arch, 0, *arguments)
    at = held = 0
    while True:
        code, when_true, when_false, value = program[at]
        at += 1
        if code == 0x20:
            (held,) = struct.unpack_from("<I", given, value)
        elif code == 0x54:
            held &= value
        elif code in (0x15, 0x35):
            holds = held == value if code == 0x15 else held >= value
            at += when_true if holds else when_false
        else:
            assert code == 0x06
            return 0 if value == ALLOWED else value - 0x00050000


BOTH = pytest.mark.parametrize(
    ("machine", "arch"), [("x86_64", X86_64), ("aarch64", AARCH64)], ids=["x86_64", "aarch64"]
)


@BOTH
def test_every_refused_number_is_refused_and_no_other(machine, arch):
    mine = 0 if machine == "x86_64" else 1
    refused = {numbers[mine] for numbers in seccomp.REFUSED.values()} - {None}
    said = {number: decision(machine, arch, number) for number in range(600)}
    socket_calls = {"x86_64": {41, 53}, "aarch64": {198, 199}}[machine]  # of the family 0
    assert {number for number, error in said.items() if error == errno.ENOSYS} == refused
    assert {number for number, error in said.items() if error} - refused == socket_calls


@pytest.mark.parametrize(
    ("machine", "arch", "number"),
    [
        ("x86_64", I386, 39),
        ("x86_64", AARCH64, 39),
        ("x86_64", X86_64, 0x40000000 + 39),
        ("x86_64", X86_64, 0xFFFFFFFF),
        ("aarch64", ARM, 20),
        ("aarch64", X86_64, 39),
    ],
)
def test_calls_of_other_kinds_of_programs_are_refused(machine, arch, number):
    assert decision(machine, arch, number) == errno.ENOSYS


@BOTH
def test_arguments_decide(machine, arch):
    mmap_, socket_, setsockopt = (9, 41, 54) if machine == "x86_64" else (222, 198, 208)
    junk = 0xDEAD << 32  # above what the kernel reads of an int
    for flags, error in (
        (PRIVATE | ANONYMOUS, 0),
        (SHARED, 0),
        (SHARED | ANONYMOUS, errno.EPERM),
        (SHARED | ANONYMOUS | POPULATE | junk, errno.EPERM),
    ):
        assert decision(machine, arch, mmap_, 0, 4096, 3, flags) == error
    for family, error in ((1, 0), (2, 0), (10, 0), (16, 0), (40 | junk, errno.EAFNOSUPPORT)):
        assert decision(machine, arch, socket_, family) == error
    for level, option, error in (
        (1, 7, errno.EPERM),
        (1 | junk, 8 | junk, errno.EPERM),
        (1, 9, 0),
        (6, 7, 0),
    ):
        assert decision(machine, arch, setsockopt, 3, level, option) == error


# --- where there is none -------------------------------------------------------------------------


def test_a_machine_that_is_not_known_gets_no_filter(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "riscv64")
    assert not seccomp.install()


def test_a_python_of_32_bits_gets_no_filter(monkeypatch):
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    monkeypatch.setattr(sys, "maxsize", 2**31 - 1)
    assert not seccomp.install()
