"""A room whose process speaks to the judge itself, instead of the library's code."""

import random

from coursekit.sandbox.wire import Writer

from ..case import NOTHING, RIGHT, SECOND, Case, Cells, Impostor, body, in_a_cell

PROTOCOL = "room ended: protocol"
TOO_LARGE = "room ended: output"
QUICK = {"cell_seconds": 1, "call_seconds": 1}

SPEAK = """\
import os, struct, time
import numpy as np
from coursekit.sandbox.wire import Handle, Writer
REPORT = {"types": ["ValueError", "Exception"], "message": "no", "traceback": "", "line": ""}
def say(reply):
    raw = reply
    if not isinstance(raw, bytes):
        raw = Writer(lambda value: Handle(0, "x")).message(raw)
    os.write(3, struct.pack("<Q", len(raw)) + raw)
"""


def _says(name, reply, stopped_by=PROTOCOL, points=SECOND):
    """A function that answers the judge itself, and then nothing more."""
    answer = body(f"say({reply})", "time.sleep(60)")
    return Case(name, Cells(answer, SPEAK, QUICK), points, stopped_by)


def _does(name, *lines, stopped_by=PROTOCOL, points=SECOND):
    return Case(name, Cells(body(*lines), SPEAK, QUICK), points, stopped_by)


def noise(seed: int) -> list[bytes]:
    """Bytes that mean nothing."""
    rng = random.Random(seed)
    return [rng.randbytes(rng.randrange(80)) for _ in range(3)]


def nearly(seed: int) -> list[bytes]:
    """Well-formed replies, some bytes of which are others."""
    rng = random.Random(seed)
    return [bytes(_spoilt(rng, bytearray(_reply(rng)))) for _ in range(3)]


def well_formed(seed: int) -> list[bytes]:
    """Replies of the right form that say anything."""
    rng = random.Random(seed)
    return [_reply(rng) for _ in range(3)]


def _spoilt(rng: random.Random, raw: bytearray) -> bytearray:
    for _ in range(rng.randrange(1, 4)):
        raw[rng.randrange(len(raw))] = rng.randrange(256)
    return raw[: rng.randrange(1, len(raw) + 1)]


def _reply(rng: random.Random) -> bytes:
    start = rng.choice(["value", "error", "ran", "callback", "done"])
    return Writer(_refuse).message((start, *(_value(rng, 3) for _ in range(rng.randrange(5)))))


def _value(rng: random.Random, depth: int):
    """Something that may cross, of the names and shapes that replies are made of."""
    words = ["types", "message", "traceback", "line", "type", "name", "text", "data", "", "6"]
    leaves = [None, True, 6, -8, 2**70, 1.5, float("nan"), b"\x89PNG", *words]
    if not depth or rng.random() < 0.4:
        return rng.choice(leaves)
    parts = [_value(rng, depth - 1) for _ in range(rng.randrange(4))]
    return rng.choice([parts, tuple(parts), dict(zip(words, parts, strict=False))])


def _refuse(value):
    raise TypeError(value)


CASES = [
    _says("a reply that says nothing", "None"),
    _says("an empty reply", "()"),
    _says("a reply without its parts", "('value',)"),
    _says("an empty message", "b''"),
    _says("zeros", "b'\\x00' * 100"),
    _says("a list of as many values as there are", "b'l' + b'\\xff' * 8"),
    _says("an exception without a report", "('error', 'no report', [], '', [])"),
    _says("an exception of no type", "('error', REPORT | {'types': 3}, [], '', [])"),
    _says(
        "an exception of the judge's",
        "('error', REPORT | {'types': ['CheckFailed', 'AssertionError']}, [], '', [])",
        "room ended: time",
    ),
    _says("changes of arguments that were not given", "('value', 6, [(7, 2)], '', [])"),
    _says("changes into what an argument cannot be", "('value', 6, [(0, 5)], '', [])"),
    _says("printed text that is none", "('value', 6, [], 3, [])"),
    _says("warnings that are none", "('value', 6, [], '', ['a warning'])"),
    _says("a function of the judge that was never given", "('callback', 0, (), {})"),
    _says("a function of the judge by its name", "('callback', 'eval', ('1',), {})"),
    _says("a reply to another request", "('ran', [], None)"),
    _says(
        "a right answer, and then silence",
        "('value', 6, [], '', [])",
        "room ended: time",
    ),
    _does(
        "answers ahead of the questions",
        "for _ in range(9): say(('value', 6, [], '', []))",
        "return 6",
        points=(1.0, 0.0),  # the first is right; the rest answers other questions
    ),
    _does(
        "a size beyond all limits",
        "os.write(3, b'\\xff' * 8)",
        "time.sleep(60)",
        stopped_by=TOO_LARGE,
    ),
    _does(
        "a size that is announced and not sent",
        "os.write(3, struct.pack('<Q', 10**6) + b'N')",
        "time.sleep(60)",
        stopped_by="room ended: time",
    ),
    _does(
        "a reply that never ends",
        "os.write(3, struct.pack('<Q', 10**8))",
        "while True: os.write(3, b'N')",
        stopped_by="room ended: time",
    ),
    _does("no reply", "time.sleep(60)", stopped_by="room ended: time"),
    _does("nothing more is read", "os.dup2(0, 3)", "time.sleep(60)", stopped_by="room ended: time"),
    _does(
        "half a reply, and the end",
        "os.write(3, b'\\x09' + bytes(7))",
        "os._exit(0)",
        stopped_by="room ended: crash",
    ),
    in_a_cell("nonsense while a cell runs", "import os; os.write(3, b'\\xff' * 99)", TOO_LARGE),
    Case(
        "a cell's reply with a script in HTML",
        Cells(
            RIGHT,
            SPEAK + "say(('ran', [{'type': 'display_data', "
            "'data': {'text/html': '<script>alert(1)</script>'}}], None))",
        ),
        (2.0, 3.0),
        PROTOCOL,
    ),
    Case(
        "a cell's reply with a picture that is none",
        Cells(
            RIGHT,
            SPEAK + "say(('ran', [{'type': 'display_data', "
            "'data': {'image/png': b'<script>'}}], None))",
        ),
        (2.0, 3.0),
        PROTOCOL,
    ),
    Case("200 processes that answer noise", Impostor(noise, range(200)), NOTHING, PROTOCOL),
    Case("200 processes that answer nearly right", Impostor(nearly, range(200)), NOTHING, PROTOCOL),
    Case(
        "200 processes that answer well-formed nonsense",
        Impostor(well_formed, range(200)),
        NOTHING,
        PROTOCOL,
    ),
]
