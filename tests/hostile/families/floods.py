"""More output than anybody can want."""

from ..case import in_a_call, in_a_cell
from ..observed import WALL

OUTPUT = "room ended: output"
LOW = {"flood": 2**20}


def _flood(name, source, **more):
    return in_a_cell(name, source, OUTPUT, limits=LOW, **more)


CASES = [
    _flood("text", "while True: print('x' * 10**5)"),
    _flood("text in one piece", "print('x' * 10**8)"),
    _flood("empty lines", "while True: print()"),
    _flood("text on stderr", "import sys\nwhile True: print('x' * 10**5, file=sys.stderr)"),
    in_a_call("text in a call", "while True: print('x' * 10**5)", stopped_by=OUTPUT, limits=LOW),
    _flood("a command of the system", "!yes"),
    _flood("displays", "while True: display('x' * 10**4)"),
    _flood(
        "HTML", "from IPython.display import HTML\nwhile True: display(HTML('<b>x</b>' * 10**4))"
    ),
    _flood(
        "pictures",
        "from IPython.display import Image\n"
        "picture = Image(data=b'\\x89PNG\\r\\n\\x1a\\n' + bytes(2**20), format='png')\n"
        "while True: display(picture)",
    ),
    _flood("one value", "'x' * 10**8"),
    in_a_cell("megabytes of text, which are cut", "for _ in range(30): print('x' * 10**5)", WALL),
    in_a_cell(
        "text past the streams of Python",
        "import os\nfor _ in range(200): os.write(1, b'x' * 10**5)",
        WALL,
    ),
    in_a_call(
        "warnings",
        "import warnings",
        "for i in range(3000): warnings.warn(str(i))",
        stopped_by="check: type",
    ),
    in_a_call(
        "a message of megabytes",
        "raise ValueError('x' * 2**23)",
        stopped_by="raises ValueError",
    ),
]
