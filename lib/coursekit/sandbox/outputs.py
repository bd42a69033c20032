"""What a cell showed in a room, checked, in the form in which notebooks store it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode, v4

from coursekit.sandbox.errors import WireError
from coursekit.sandbox.limits import MOST_OUTPUTS

PICTURES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
SLACK = 2**20  # for tracebacks, and what surrounds an output


@dataclass(frozen=True)
class CellRun:
    """What a cell did.

    Attributes:
        outputs: as nbformat stores them: streams, plain text, PNG and JPEG pictures, errors.
        error: "ValueError: ..." where it raised, else "".
    """

    outputs: tuple[NotebookNode, ...]
    error: str = ""


def cell_run(reply: Any, budget: int) -> CellRun:
    """Read a room's reply.

    Args:
        reply: ("ran", outputs, exception or None), or the report of an exception.
        budget: bytes of output that a room was told to keep. One that sends much more than that is
            not the room that was made.
    Raises:
        WireError: it makes no sense.
    """
    match reply:
        case ("ran", list(items), dict() | None as report) if len(items) <= MOST_OUTPUTS:
            outputs = tuple(map(_output, items))
        case ("error", dict(report), *_):
            outputs = ()
        case _:
            raise WireError("the reply to a cell makes no sense, or shows too much.")
    if sum(len(str(output)) for output in outputs) > 2 * budget + SLACK:
        raise WireError("a cell shows more than a room lets through.")
    return CellRun(outputs, _headline(report) if report is not None else "")


def _headline(report: dict[str, Any]) -> str:
    match report:
        case {"types": [str(name), *_], "message": str(message)}:
            return f"{name[:80]}: {message[:2000]}"
    raise WireError("an exception makes no sense.")


def _output(item: Any) -> NotebookNode:
    match item:
        case {"type": "stream", "name": "stdout" | "stderr" as name, "text": str(text)}:
            return v4.new_output("stream", name=name, text=text)
        case {"type": "display_data" | "execute_result" as kind, "data": dict(data)}:
            more = {"execution_count": None} if kind == "execute_result" else {}
            return v4.new_output(kind, data={m: _content(m, c) for m, c in data.items()}, **more)
        case {"type": "error", "name": str(name), "value": str(value), "traceback": list(lines)}:
            if all(isinstance(line, str) for line in lines):
                return v4.new_output("error", ename=name, evalue=value, traceback=lines)
    raise WireError("an output makes no sense.")


def _content(mime: Any, content: Any) -> str:
    if mime == "text/plain" and isinstance(content, str):
        return content
    start = PICTURES.get(mime) if isinstance(mime, str) else None
    if start and isinstance(content, bytes) and content.startswith(start):
        return base64.b64encode(content).decode("ascii")
    raise WireError("an output is of a type that is not let through.")
