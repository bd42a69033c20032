"""What can go wrong in a room, and a student's exceptions brought back from one."""

from __future__ import annotations

import builtins
import json
import re
from collections.abc import Mapping
from typing import Any

_TEXT = 4000  # characters of a message or a traceback that are kept
KINDS = ("time", "memory", "output", "crash", "protocol")
_NAME = re.compile(r"[A-Za-z_]\w{0,79}")


class SandboxUnavailable(RuntimeError):
    """No room can be made on this machine; the message says why, and what to install."""


class RoomError(Exception):
    """The room broke a rule, or is gone. What it was asked to do has no result.

    Attributes:
        kind: what it broke; one of `KINDS`.
    """

    kind = "crash"


class RoomTimeout(RoomError):
    """The room took too long, and was killed."""

    kind = "time"


class RoomDied(RoomError):
    """The process of the room ended.

    Args:
        words: how.
        kind: see `RoomError`.

    >>> RoomDied.from_bytes(RoomDied("it used too much.", "memory").to_bytes()).kind
    'memory'
    """

    def __init__(self, words: str, kind: str = "crash"):
        super().__init__(words)
        self.kind = kind

    def to_bytes(self) -> bytes:
        """What the keeper of a room says on its leash."""
        return json.dumps({"kind": self.kind, "words": str(self)}).encode()

    @classmethod
    def from_bytes(cls, said: bytes) -> RoomDied:
        """What was said on a leash; what `to_bytes` did not make is a crash in these words."""
        try:
            match json.loads(said):
                case {"kind": str(kind), "words": str(words)} if kind in KINDS:
                    return cls(words[:_TEXT], kind)
        except (ValueError, RecursionError):
            pass
        return cls(said.decode("utf-8", "replace")[:_TEXT] or "its process ended.")


class WireError(RoomError):
    """A message that is malformed, or holds what may not cross."""

    kind = "protocol"


class TooLarge(WireError):
    """A message that is too large."""

    kind = "output"


class StudentExit(Exception):
    """Code in the room tried to leave the interpreter: `sys.exit()`, `KeyboardInterrupt`."""


def rebuilt(report: Mapping[str, Any]) -> Exception:
    """An exception like the one a student's code raised.

    It is an instance of the same built-in type. A type that the student made becomes a new one of
    the same name, derived from the nearest built-in type; so no exception of the checks can be
    forged. What would end the judge becomes a `StudentExit`.

    Args:
        report: "types", the names along the method resolution order; "message"; "traceback";
            "line", which line of the student's cell raised, or ""; and, where it was told, "stub",
            whether it is that of an answer not yet written.
    Raises:
        WireError: the report is no such thing.

    >>> rebuilt({"types": ["Own", "ValueError"], "message": "no", "traceback": "", "line": ""})
    Own('no')
    >>> str(rebuilt({"types": ["KeyError"], "message": "'a'", "traceback": "", "line": ""}))
    "'a'"
    """
    names = report.get("types")
    texts = [report.get(key) for key in ("message", "traceback", "line")]
    stub = report.get("stub", False)
    if (
        not isinstance(names, list)
        or not all(isinstance(text, str) for text in (*names, *texts))
        or not isinstance(stub, bool)
    ):
        raise WireError("the room reports an exception in a form that makes no sense.")
    message, traceback, line = (text[:_TEXT] for text in texts)
    error = _instance(names, message)
    error.line_in_room, error.stub_in_room = line, stub
    error.traceback_in_room = traceback
    return error


def _instance(names: list[str], message: str) -> Exception:
    base = next(filter(None, map(_builtin, names)), Exception)
    if not issubclass(base, Exception):
        return StudentExit(f"{base.__name__}: {message}")
    name = names[0] if names and _NAME.fullmatch(names[0]) else base.__name__
    kind = base if name == base.__name__ else type(name, (base,), {})
    if issubclass(base, KeyError):  # the only one whose text is not its message
        kind = type(name, (base,), {"__str__": lambda error: error.args[0]})
    try:
        return kind(message)
    except TypeError:  # UnicodeDecodeError and the like want more than a message
        return type(name, (Exception,), {})(message)


def _builtin(name: str) -> type[BaseException] | None:
    kind = getattr(builtins, name, None)
    return kind if isinstance(kind, type) and issubclass(kind, BaseException) else None
