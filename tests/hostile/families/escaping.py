"""Reaching out of the room: the network, the file system, other rooms, the machine."""

from ..case import DOOR, Never, handed_in, in_a_cell

REFUSED = "raises OSError"
OUT = Never("it gets out", lambda outcome: "OUT" in outcome.shown)
LIBC = "import ctypes\nlibc = ctypes.CDLL(None, use_errno=True)\n"


def _escape(name, source, stopped_by, **more):
    return in_a_cell(name, f"{source}\n\n\n\nprint('O' + 'UT')", stopped_by, never=(OUT,), **more)


CASES = [
    _escape(
        "a connection to another machine",
        "import socket\nsocket.create_connection(('192.0.2.1', 80), timeout=5)",
        REFUSED,
    ),
    _escape(
        "a socket on which the judge listens",
        f"import socket\nsocket.socket(socket.AF_UNIX).connect({DOOR!r})",
        REFUSED,
        works_in_one_process=True,
    ),
    _escape(
        "a name is looked up",
        "import socket\nsocket.getaddrinfo('example.org', 80)",
        "raises gaierror",
    ),
    _escape(
        "data in datagrams",
        "import socket\nsocket.socket(type=socket.SOCK_DGRAM).sendto(b'loot', ('192.0.2.1', 53))",
        REFUSED,
    ),
    _escape(
        "raw packets",
        "import socket\nsocket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
        REFUSED,
    ),
    _escape(
        "a socket to what runs this virtual machine",
        "import socket\nsocket.socket(socket.AF_VSOCK)",
        REFUSED,
    ),
    _escape(
        "a download",
        "import urllib.request\nurllib.request.urlopen('http://example.org', timeout=5)",
        "raises URLError",
    ),
    _escape("writing to /tmp", "open('/tmp/f', 'w')", REFUSED),
    _escape("writing to the system", "open('/usr/bin/python3', 'ab')", REFUSED),
    _escape(
        "writing into the installed packages",
        "import numpy, os\nopen(os.path.dirname(numpy.__file__) + '/f.py', 'w')",
        REFUSED,
    ),
    _escape(
        "writing through a symbolic link",
        "import os\nos.symlink('/usr', 'link')\nopen('link/f', 'w')",
        REFUSED,
    ),
    _escape(
        "writing to settings of the kernel",
        "open('/proc/sys/kernel/hostname', 'w').write('f')",
        REFUSED,
    ),
    _escape(
        "devices",
        "import os, stat\nos.mknod('disk', stat.S_IFBLK | 0o666, os.makedev(8, 0))",
        REFUSED,
    ),
    _escape("another user", "import os\nos.setuid(0)", REFUSED),
    _escape("a new root", "import os\nos.chroot('/home/student')", REFUSED),
    _escape(
        "a mount",
        LIBC + "if libc.mount(b'none', b'/home', b'tmpfs', 0, None): "
        "raise OSError(ctypes.get_errno(), 'mount')",
        REFUSED,
    ),
    _escape(
        "a user namespace of its own",
        LIBC + "if libc.unshare(0x10000000): raise OSError(ctypes.get_errno(), 'unshare')",
        REFUSED,
    ),
    _escape(
        "the namespaces of another process",
        "import os\n" + LIBC + "if libc.setns(os.open('/proc/1/ns/net', os.O_RDONLY), 0): "
        "raise OSError(ctypes.get_errno(), 'setns')",
        REFUSED,
    ),
    _escape(
        "a program with more rights",
        "import os, subprocess\n"
        "subprocess.run(['su', '-c', 'true'], stdin=subprocess.DEVNULL, check=True)",
        "raises CalledProcessError",
    ),
    _escape("the clock", "import time\ntime.clock_settime(0, 0.0)", REFUSED),
    _escape("the host's name", "import socket\nsocket.sethostname('f')", REFUSED),
    handed_in(
        "rows of the gradebook",
        "import sqlite3\n"
        "book = sqlite3.connect('{course}/gradebook.db')\n"
        "book.execute('update grade set manual_score = 99')\nbook.commit()\nprint('O' + 'UT')",
        "raises OperationalError",
        never=(OUT,),
        works_in_one_process=True,
    ),
    handed_in(
        "the gradebook by nbgrader's own interface",
        "from nbgrader.api import Gradebook\n"
        "with Gradebook('sqlite:///{course}/gradebook.db') as book:\n"
        "    print('O' + 'UT', book.students)",
        "raises OperationalError",
        never=(OUT,),
        works_in_one_process=True,
    ),
    handed_in(
        "a neighbour's submission is overwritten",
        "open('{course}/submitted/aaa_honest/a01_tiny/a01_tiny.ipynb', 'r+').write('{')\n"
        "print('O' + 'UT')",
        REFUSED,
        never=(OUT,),
        works_in_one_process=True,
    ),
    handed_in(
        "a neighbour's grade is overwritten",
        "import os\nos.mkdir('{course}/autograded')\nprint('O' + 'UT')",
        REFUSED,
        never=(OUT,),
        works_in_one_process=True,
    ),
    handed_in(
        "its own grade is written ahead",
        "open('{course}/.grading/f', 'w')\nprint('O' + 'UT')",
        REFUSED,
        never=(OUT,),
        works_in_one_process=True,
    ),
]
