"""What a function may return or raise to trouble whoever asked, in a room that is honest."""

from ..case import SECOND, WRONG, Case, Cells, in_a_call

QUICK = {"cell_seconds": 1, "call_seconds": 1}


def _answer(name, source, stopped_by):
    """An answer that is no function made of lines."""
    return Case(name, Cells(source, "", QUICK), SECOND, stopped_by)


CASES = [
    in_a_call(
        "a reply that is too large",
        "return bytes(2**22)",
        stopped_by="room ended: output",
        limits={"message": 2**21},
    ),
    in_a_call(
        "a list that holds itself",
        "a = []",
        "a.append(a)",
        "return a",
        stopped_by="raises WireError",
    ),
    in_a_call(
        "a list that unfolds without end",
        "a = [0] * 9",
        "for _ in range(20): a = [a] * 9",
        "return a",
        stopped_by="raises WireError",
        limits=QUICK,
    ),
    in_a_call("a generator without end", "return iter(int, 1)", stopped_by="check: type"),
    in_a_call(
        "keys that collide",
        "return {n * (2**61 - 1): 0 for n in range(3000)}",
        stopped_by="check: type",
    ),
    in_a_call("a string of megabytes", "return 'x' * 2**23", stopped_by="raises WireError"),
    in_a_call(
        "a number of a million digits", "return 1 << 4 * 10**6", stopped_by="raises WireError"
    ),
    in_a_call(
        "an array of objects",
        "import numpy",
        "return numpy.array([x, print])",
        stopped_by="check: type",
    ),
    in_a_call("not a number", "return float('nan')", stopped_by="check: type"),
    _answer(
        "an exception that hangs when it is read",
        "class E(Exception):\n    def __str__(self):\n        while True: pass\n"
        "def double(x): raise E",
        "room ended: time",
    ),
    _answer(
        "a class named like a built-in",
        "class KeyboardInterrupt(BaseException): pass\ndef double(x): raise KeyboardInterrupt",
        "raises StudentExit",
    ),
    _answer("a module as the answer", "import math as double", "raises TypeError"),
    _answer("a number as the answer", "double = 6", "raises TypeError"),
    _answer(
        "an attribute that hangs",
        "class double:\n    def __init__(self, x):\n        while True: pass",
        "room ended: time",
    ),
    _answer("source that no parser takes", "(" * 5000 + "\n" + WRONG, "raises SyntaxError"),
    _answer(
        "characters that are none",
        "def double(x):\n    return '\ud800'",
        "raises UnicodeEncodeError",
    ),
    _answer("a null character", "def double(x):\n    return '\0'", "raises SyntaxError"),
]
