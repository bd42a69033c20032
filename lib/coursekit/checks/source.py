"""Looks into a student's code: which line raised, whether it is written, what it uses."""

from __future__ import annotations

import traceback

from coursekit.checks.cells import is_cell, words_of_line
from coursekit.checks.foreign import Use, foreign, foreign_in_text

__all__ = ["Use", "foreign", "foreign_in_text", "is_stub", "own_line"]


def own_line(error: BaseException) -> str:
    """Where in the student's own cells an exception came from, or "".

    Such as "line 3 of the cell that defines f: `y = x + w`". The first frame is the check itself:
    frames of its cell, of files and of packages are passed over. An exception that comes from
    another process carries the line with it, as `line_in_room`.
    """
    if isinstance(line := getattr(error, "line_in_room", None), str):
        return line
    inner = _own_frames(error)
    if not inner:
        return ""
    last = inner[-1]
    around = (f.name for f in reversed(inner) if f.filename == last.filename and f.name[0] != "<")
    return words_of_line(last.lineno, next(around, last.name), last.line)


def is_stub(error: BaseException) -> bool:
    """Whether an exception is the bare `raise NotImplementedError` of an answer not yet written.

    One that a library raises in its own code says something else. An exception that comes from
    another process carries the answer with it, as `stub_in_room`.
    """
    if type(error) is not NotImplementedError or error.args not in ((), ("",)):
        return False
    if isinstance(told := getattr(error, "stub_in_room", None), bool):
        return told
    own = _own_frames(error)
    return bool(own) and own[-1] == traceback.extract_tb(error.__traceback__)[-1]


def _own_frames(error: BaseException) -> list[traceback.FrameSummary]:
    """Frames of the notebook's cells, without those of the check, which is the first frame."""
    first, *inner = traceback.extract_tb(error.__traceback__) or [None]
    return [f for f in inner if is_cell(f.filename) and f.filename != first.filename]
