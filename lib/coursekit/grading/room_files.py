"""Which of the files that students were given lie in a room: none that holds an answer.

Beside a notebook lie `aNN_samples.py`, what it draws and computes with, and `aNN_known.py`, the
references and known mistakes behind its checks. In a room both names give the samples: whatever
way a student's code takes to a module, there is no reference at the end of it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from pathlib import Path

_OF_THE_COURSE = re.compile(r"(a\d\d)_\w+\.py")
NO_SAMPLES = b'"""This assignment has no samples."""\n'
# At the end of what stands for aNN_known.
HINT = b"""

def __getattr__(name):
    raise AttributeError(
        f"module {__name__!r} has no {name!r} while a notebook is graded: its references and known "
        "mistakes are not there. What fails for this reason alone costs nothing."
    )
"""


def room_files(given: Mapping[str, bytes]) -> dict[str, bytes]:
    """What is written into a room.

    Args:
        given: files beside the released notebook: name -> content.

    >>> sorted(room_files({"a01_known.py": b"ANSWER = 42", "a01_extra.py": b"", "b.py": b"B = 1"}))
    ['a01_known.py', 'b.py']
    """
    files = {name: data for name, data in given.items() if not _OF_THE_COURSE.fullmatch(name)}
    for match in filter(None, map(_OF_THE_COURSE.fullmatch, given)):
        known, samples = (f"{match[1]}_{what}.py" for what in ("known", "samples"))
        if match[0] == samples:
            files[samples] = given[samples]
        elif match[0] == known:
            files[known] = given.get(samples, NO_SAMPLES) + HINT
    return files


def answers_in_rooms(released: Path) -> list[str]:
    """Modules that lie in rooms and name what is kept from there, in words.

    That is an `Oracle`, a `Mistake`, and the modules that rooms do not get.

    Args:
        released: the folder of a released notebook.
    """
    given = {path.name: path.read_bytes() for path in sorted(released.glob("*.py"))}
    there = {name: text for name, text in room_files(given).items() if text == given[name]}
    kept = {"Mistake", "Oracle", *(Path(name).stem for name in given.keys() - there.keys())}
    return [
        f"{name}: lies in students' rooms, and names {word}; move that to aNN_known.py"
        for name, text in there.items()
        for word in sorted(_names_in(text) & kept)
    ]


def _names_in(text: bytes) -> set[str]:
    """Names, attributes and parts of imports in the text of a module."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        match node:
            case ast.Name(name) | ast.Attribute(attr=name):
                found.add(name)
            case ast.alias(name):
                found.update(name.split("."))
            case ast.ImportFrom(module=str(module)):
                found.update(module.split("."))
    return found
