"""A filter of the system calls of a room: what no notebook needs, and what escapes being counted.

The watcher of a room counts the memory that its processes map. A program could still fill memory
that none of them maps: the calls that do so are refused, as are those that reach parts of the
kernel nobody needs for a course. A refused call fails as on a kernel that has never had it
(`ENOSYS`), so that libraries do without; one refused for its arguments is not permitted.

The filter is a classic BPF program (Linux, Documentation/userspace-api/seccomp_filter.rst). Linux
remembers which calls pass whatever their arguments, and asks the program about the others only.
"""

from __future__ import annotations

import errno
import platform
import struct
import sys

from coursekit.sandbox import linux

_MACHINES = ("x86_64", "aarch64")
_AUDIT_ARCH = (0xC000003E, 0xC00000B7)
_SECCOMP = (317, 277)
_X32 = 0x40000000  # from here on: calls of a third kind of program that x86_64 kernels may run

# Name -> number on each of these machines, None where there is no such call.
REFUSED: dict[str, tuple[int | None, int | None]] = {
    # Memory in files without a name, segments nobody has attached, queues, pipes: in no process,
    # and in no file system of bounded size.
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "msgget": (68, 186),
    "semget": (64, 190),
    "vmsplice": (278, 75),  # it keeps a page of 2 MiB, and a pipe counts 4 KiB
    # Looking into other processes, which is for debuggers.
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "kcmp": (312, 272),
    # Keys that the kernel keeps for a user, so for all rooms.
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # Large parts of the kernel that are made for other work, and in which flaws are found often.
    "bpf": (321, 280),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    # Namespaces and mounts, with which most ways out of a sandbox begin. `clone` and `clone3`
    # remain, for threads: without rights they make user namespaces only, and none are allowed.
    "unshare": (272, 97),
    "setns": (308, 268),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_by_handle_at": (304, 265),
    # For programs of long ago.
    "modify_ldt": (154, None),
    "personality": (135, 92),
}

_MMAP, _SOCKET, _SOCKETPAIR, _SETSOCKOPT = (9, 222), (41, 198), (53, 199), (54, 208)
_SHARED_ANONYMOUS = 0x01 | 0x20
_FAMILIES = (1, 2, 10, 16)  # AF_UNIX, AF_INET, AF_INET6, AF_NETLINK
_SOL_SOCKET, _SO_SNDBUF, _SO_RCVBUF = 1, 7, 8

_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16  # where they lie in what the program is given

Instruction = bytes


def install() -> bool:
    """Filter the calls of this process and of all that it starts, for ever.

    Expects that no new privileges can be gained. There is no filter for a Python of 32 bits, nor
    for machines other than x86_64 and aarch64.

    Returns:
        Whether there is one.

    Raises:
        OSError: the kernel refuses.
    """
    machine = platform.machine()
    if machine not in _MACHINES or sys.maxsize < 2**32:
        return False
    linux.filter_calls(_SECCOMP[_MACHINES.index(machine)], _PROGRAMS[machine])
    return True


def program(machine: str) -> bytes:
    """The filter of a machine, "x86_64" or "aarch64": instructions of eight bytes each."""
    mine = _MACHINES.index(machine)
    refused = (numbers[mine] for numbers in REFUSED.values())
    parts = [
        [_load(_ARCH), _when_equal(_AUDIT_ARCH[mine], 1), _fail(errno.ENOSYS)],
        [_load(_NUMBER), _unless_at_least(_X32, 1), _fail(errno.ENOSYS)],
        *([_unless_equal(n, 1), _fail(errno.ENOSYS)] for n in refused if n is not None),
        _only(_MMAP[mine], _private_or_of_a_file()),
        _only(_SOCKET[mine], _of_known_families()),
        _only(_SOCKETPAIR[mine], _of_known_families()),
        _only(_SETSOCKOPT[mine], _but_sizes_of_buffers()),
        [_ALLOW],
    ]
    return b"".join(instruction for part in parts for instruction in part)


def _private_or_of_a_file() -> list[Instruction]:
    """Shared memory without a file stays when its pages are unmapped, and counts for nobody."""
    return [
        _argument(3),
        _and(_SHARED_ANONYMOUS),
        _unless_equal(_SHARED_ANONYMOUS, 1),
        _fail(errno.EPERM),
        _ALLOW,
    ]


def _of_known_families() -> list[Instruction]:
    """Not all others heed namespaces: AF_VSOCK reaches whatever runs this machine."""
    known = [line for family in _FAMILIES for line in (_unless_equal(family, 1), _ALLOW)]
    return [_argument(0), *known, _fail(errno.EAFNOSUPPORT)]


def _but_sizes_of_buffers() -> list[Instruction]:
    """What waits in sockets counts for nobody: it may be as much as is usual, and not more."""
    sizes = [
        line
        for option in (_SO_SNDBUF, _SO_RCVBUF)
        for line in (_unless_equal(option, 1), _fail(errno.EPERM))
    ]
    return [_argument(1), _unless_equal(_SOL_SOCKET, 1 + len(sizes)), _argument(2), *sizes, _ALLOW]


def _only(number: int, lines: list[Instruction]) -> list[Instruction]:
    """What is done for this call, and for no other; it must come to an end."""
    return [_unless_equal(number, len(lines)), *lines]


def _instruction(code: int, value: int, when_true: int = 0, when_false: int = 0) -> Instruction:
    return struct.pack("=HBBI", code, when_true, when_false, value)


def _load(place: int) -> Instruction:
    return _instruction(0x20, place)  # BPF_LD | BPF_W | BPF_ABS


def _argument(index: int) -> Instruction:
    return _load(_ARGUMENTS + 8 * index)  # the lower half: the kernel takes these as int


def _and(mask: int) -> Instruction:
    return _instruction(0x54, mask)  # BPF_ALU | BPF_AND | BPF_K


def _when_equal(value: int, skipped: int) -> Instruction:
    return _instruction(0x15, value, skipped, 0)  # BPF_JMP | BPF_JEQ | BPF_K


def _unless_equal(value: int, skipped: int) -> Instruction:
    return _instruction(0x15, value, 0, skipped)  # BPF_JMP | BPF_JEQ | BPF_K


def _unless_at_least(value: int, skipped: int) -> Instruction:
    return _instruction(0x35, value, 0, skipped)  # BPF_JMP | BPF_JGE | BPF_K


def _fail(number: int) -> Instruction:
    return _instruction(0x06, 0x00050000 | number)  # BPF_RET, SECCOMP_RET_ERRNO


_ALLOW = _instruction(0x06, 0x7FFF0000)  # BPF_RET, SECCOMP_RET_ALLOW
_PROGRAMS = {machine: program(machine) for machine in _MACHINES}  # rooms need not make it
