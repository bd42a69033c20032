"""The system calls behind a room that Python 3.11 does not offer."""

from __future__ import annotations

import ctypes
import os

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 32, 4096, 16384, 0x40000

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_CAPBSET_DROP = 1, 4, 24
_PR_SET_CHILD_SUBREAPER = 36
_PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 38, 47, 4
_CAPABILITY_VERSION_3 = 0x20080522
_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_SPEC_ALLOW = 1, 4
_LAST_CAPABILITY = "/proc/sys/kernel/cap_last_cap"

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """Give the calling process namespaces of its own.

    Raises:
        OSError: the kernel refuses.
    """
    _check(_libc.unshare(flags), "unshare")


def mount(source: str | None, target: str, kind: str | None, flags: int, options: str = "") -> None:
    """Mount a file system.

    Raises:
        OSError: the kernel refuses; the file name is the target.
    """
    result = _libc.mount(
        source and source.encode(),
        target.encode(),
        kind and kind.encode(),
        ctypes.c_ulong(flags),
        options.encode() or None,
    )
    _check(result, target)


def die_with_parent(signal: int) -> None:
    """Have the kernel send `signal` when the thread that forked this process ends."""
    _prctl(_PR_SET_PDEATHSIG, signal)


def adopt_orphans() -> None:
    """Become the parent of all descendants whose own parent ends before them."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def be_dumpable() -> None:
    """Own /proc/self again after a change of user."""
    _prctl(_PR_SET_DUMPABLE, 1)


def drop_privileges() -> None:
    """Give up every capability, for ever, also for programs that are started later."""
    with open(_LAST_CAPABILITY, encoding="ascii") as file:
        last = int(file.read())
    for capability in range(last + 1):
        _prctl(_PR_CAPBSET_DROP, capability)
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _check(_libc.capset(header, nothing), "capset")
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def filter_calls(seccomp: int, program: bytes) -> None:
    """Have the kernel ask a program before each call of this process, and of all it starts.

    Args:
        seccomp: number of the system call that does so.
        program: in classic BPF, eight bytes for each instruction.

    Raises:
        OSError: the kernel refuses.
    """
    # Without this flag, kernels before 5.16 slow down the processor for whoever is filtered.
    flags = ctypes.c_ulong(_SECCOMP_FILTER_FLAG_SPEC_ALLOW)
    given = _Program(len(program) // 8, program)
    operation = ctypes.c_ulong(_SECCOMP_SET_MODE_FILTER)
    result = _libc.syscall(ctypes.c_long(seccomp), operation, flags, ctypes.byref(given))
    _check(result, "seccomp")


def _prctl(option: int, value: int) -> None:
    zero = ctypes.c_ulong(0)
    _check(_libc.prctl(option, ctypes.c_ulong(value), zero, zero, zero), f"prctl {option}")


def _check(result: int, what: str) -> None:
    if result:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)
