"""Notebooks that expect what a room has not: no harm is meant, and none may come of it."""

from ..case import BOTH, RIGHT, Case, Cells, in_a_call, in_a_cell
from ..observed import WALL

NOBODY = "raises StdinNotImplementedError"

CASES = [
    in_a_cell("input()", "name = input('Your name? ')", NOBODY),
    in_a_call("input() in a call", "return input()", stopped_by=NOBODY),
    in_a_cell("getpass", "import getpass\ngetpass.getpass()", "raises EOFError"),
    in_a_cell("a debugger", "breakpoint()", NOBODY),
    in_a_cell("a debugger after an error", "%pdb on\n1 / 0", NOBODY),
    in_a_cell("a GUI back-end by magic", "%matplotlib qt", "raises ImportError"),
    in_a_cell(
        "a GUI back-end by name",
        "import matplotlib\nmatplotlib.use('TkAgg')\nimport matplotlib.pyplot as plt\nplt.figure()",
        "raises ImportError",
    ),
    in_a_cell(
        "a package that is not there",
        "import a_package_that_nobody_has",
        "raises ModuleNotFoundError",
    ),
    in_a_cell("installing a package", "%pip install a-package-that-nobody-has", WALL),
    in_a_cell("a magic of Colab", "%tensorflow_version 2.x", "raises UsageError"),
    in_a_cell("a cell magic that is not there", "%%writeless f\nx = 1", "raises UsageError"),
    in_a_cell("code for Python 2", "print 'hello'", "raises SyntaxError"),
    in_a_cell("a file of the student's machine", "open('C:/data.csv')", "raises OSError"),
    in_a_cell("text on stderr", "import sys\nprint('careful', file=sys.stderr)", WALL),
    Case(
        "warnings cost nothing",
        Cells(
            "import warnings\nwarnings.warn('careful')\n"
            + RIGHT.replace("return", "warnings.warn('careful')\n    return")
        ),
        BOTH,
        WALL,
    ),
    Case(
        "warnings that are errors cost nothing",
        Cells(RIGHT, "import warnings\nwarnings.simplefilter('error')"),
        BOTH,
        WALL,
    ),
    Case(
        "a module of the student's named numpy",
        Cells(RIGHT, "open('numpy.py', 'w').write('raise SystemExit')\nimport numpy"),
        BOTH,
        WALL,
    ),
    Case(
        "asynchronous code",
        Cells(RIGHT, "import asyncio\nawait asyncio.sleep(0)"),
        BOTH,
        WALL,
    ),
]
