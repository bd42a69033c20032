"""What a cell showed in a room, checked, in the form in which notebooks store it."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode, from_dict

from coursekit.sandbox.errors import TooLarge, WireError
from coursekit.sandbox.harmless import Harmless, latex, svg
from coursekit.sandbox.limits import MOST_OUTPUTS

PICTURES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
TEXTS = ("text/plain", "text/html", "text/markdown", "text/latex", "image/svg+xml")
SIDES = ("width", "height")
LARGEST_SIDE = 10_000  # pixels of a picture
SLACK = 2**20  # for tracebacks, and what surrounds an output


@dataclass(frozen=True)
class CellRun:
    """What a cell did.

    Attributes:
        outputs: as nbformat stores them: streams, errors, and displays of plain text, PNG, JPEG,
            LaTeX and HTML. Markup is made harmless; Markdown and SVG have become HTML.
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
        TooLarge: it is more than a room lets through.
    """
    match reply:
        case ("ran", list(items), dict() | None as report):
            pass
        case ("error", dict(report), *_):
            items = []
        case _:
            raise WireError("the reply to a cell makes no sense.")
    size = sum(map(_size, items))
    if size > 2 * budget + SLACK or len(items) > MOST_OUTPUTS:
        raise TooLarge(
            f"a cell shows {size} bytes in {len(items)} outputs, more than a room lets through."
        )
    harmless = Harmless()
    outputs = tuple(_output(item, harmless) for item in items)
    return CellRun(outputs, _headline(report) if report is not None else "")


def _size(value: Any) -> int:
    """How much text and bytes a value holds; messages hold values of bounded depth."""
    match value:
        case str() | bytes():
            return len(value)
        case dict():
            return sum(map(_size, value.values()))
        case list() | tuple():
            return sum(map(_size, value))
    return 0


def _headline(report: dict[str, Any]) -> str:
    match report:
        case {"types": [str(name), *_], "message": str(message)}:
            return f"{name[:80]}: {message[:2000]}"
    raise WireError("an exception makes no sense.")


def _output(item: Any, harmless: Harmless) -> NotebookNode:
    match item:
        case {"type": "stream", "name": "stdout" | "stderr" as name, "text": str(text)}:
            return NotebookNode(output_type="stream", name=name, text=text)
        case {
            "type": "display_data" | "execute_result" as kind,
            "data": dict(data),
            "sizes": dict(sizes),
        }:
            more = {"execution_count": None} if kind == "execute_result" else {}
            shown, metadata = _shown(data, harmless), _metadata(data, sizes)
            return from_dict({"output_type": kind, "data": shown, "metadata": metadata, **more})
        case {"type": "error", "name": str(name), "value": str(value), "traceback": list(lines)}:
            if all(isinstance(line, str) for line in lines):
                return NotebookNode(output_type="error", ename=name, evalue=value, traceback=lines)
    raise WireError("an output makes no sense.")


def _shown(data: dict[Any, Any], harmless: Harmless) -> dict[str, str]:
    """The representations of one value, of which a page shows the richest."""
    shown = {}
    for mime, content in data.items():
        if mime in PICTURES and isinstance(content, bytes) and content.startswith(PICTURES[mime]):
            shown[mime] = base64.b64encode(content).decode("ascii")
        elif mime not in TEXTS or not isinstance(content, str):
            raise WireError("an output is of a type that is not let through.")
    if "text/plain" in data:
        shown["text/plain"] = data["text/plain"]
    if "text/latex" in data:
        shown["text/latex"] = latex(data["text/latex"])
    markup = _markup(data, harmless)
    if markup is not None:
        shown["text/html"] = markup
    elif "text/markdown" in data:
        shown["text/plain"] = data["text/markdown"]  # more to read than the name of its type
    return shown


def _markup(data: dict[str, str], harmless: Harmless) -> str | None:
    if "text/html" in data:
        return harmless.html(data["text/html"])
    if "text/markdown" in data:
        return harmless.markdown(data["text/markdown"])
    return svg(data["image/svg+xml"]) if "image/svg+xml" in data else None


def _metadata(data: dict[str, Any], sizes: dict[Any, Any]) -> dict[str, dict[str, float]]:
    """Width and height of pictures."""
    kept = {}
    for mime in PICTURES.keys() & data.keys() & sizes.keys():
        given = sizes[mime] if isinstance(sizes[mime], dict) else {}
        sides = {side: given[side] for side in SIDES if _is_side(given.get(side))}
        if sides:
            kept[mime] = sides
    return kept


def _is_side(pixels: Any) -> bool:
    return type(pixels) in (int, float) and 0 < pixels <= LARGEST_SIDE
