"""What a cell or a call puts out, kept in the room up to one limit and ended at another."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from coursekit.sandbox.limits import MOST_OUTPUTS, Limits

CUT = "\n… (the output is cut here)\n"
PICTURES = ("image/png", "image/jpeg")
SHOWN = (
    "text/plain",
    "text/html",
    "text/markdown",
    "text/latex",
    "image/svg+xml",
    *PICTURES,
)
SIDES = ("width", "height")
LONGEST = 2000  # characters of an error message, of a part of a traceback, of a warning
MOST_WARNINGS = 100
LEAST = 256  # what a display or a warning counts for, however small


class Outputs:
    """What one cell or call puts out.

    Args:
        limits: `output` of it is kept; more than `flood` is too much.
        flooded: called once it is too much, with how much that is. Must not return.
    """

    def __init__(self, limits: Limits, flooded: Callable[[int], None]):
        self._limits, self._flooded = limits, flooded
        self.begin()

    def begin(self) -> None:
        """Forget all, and start counting again."""
        self._put_out = 0
        self._forget()

    def stream(self, name: str, text: str) -> None:
        """Printed text."""
        self._count(len(text))
        self._clear_if_due()
        fits, self._left = text[: self._left], max(self._left - len(text), 0)
        if fits and self._has_room():
            self._append(name, fits)
        if len(fits) < len(text):
            self._cut_off()

    def show(
        self, kind: str, data: dict[str, Any], metadata: dict[str, Any], name: str | None = None
    ) -> None:
        """A display ("display_data") or the value of a cell ("execute_result").

        Args:
            name: by which it can be replaced.
        """
        item = self._item(kind, data, metadata) | {"id": name}
        self._clear_if_due()
        if item["data"] and self._fits(_size(item)) and self._has_room():
            self.items.append(item)

    def replace(self, name: str, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        """Show something else where a display of this name was shown."""
        new = self._item("display_data", data, metadata)
        for old in self.items:
            if old.get("id") == name and self._fits(_size(new) - _size(old)):
                old.update(data=new["data"], sizes=new["sizes"])

    def clear(self, wait: bool) -> None:
        """Drop what was put out, now or as soon as something else is."""
        if wait:
            self._clear_due = True
        else:
            self._forget()

    def error(self, name: str, value: str, traceback: list[str]) -> None:
        """An exception that ended the cell. Of a long traceback the end tells most."""
        self._clear_if_due()
        lines, left = [], self._limits.output
        for line in reversed(traceback[-LONGEST:]):
            lines.insert(0, line[:LONGEST])
            left -= len(lines[0])
            if left < 0:
                break
        self.items.append(
            {"type": "error", "name": name, "value": value[:LONGEST], "traceback": lines}
        )

    @contextmanager
    def warned(self) -> Iterator[list[tuple[str, str]]]:
        """Keeps warnings given meanwhile: (category, text)."""
        caught: list[tuple[str, str]] = []

        def keep(message, category, *_place) -> None:
            text = str(message)
            self._count(max(len(text), LEAST))
            if len(caught) < MOST_WARNINGS:
                caught.append((category.__name__, text[:LONGEST]))

        with warnings.catch_warnings():
            warnings.simplefilter("default")
            warnings.showwarning = keep
            yield caught

    def finished(self) -> list[dict[str, Any]]:
        """All of it, each stream as one string."""
        shown = [{key: item[key] for key in item if key != "id"} for item in self.items]
        for item in shown:
            if item["type"] == "stream":
                item["text"] = "".join(item["text"])
        return shown

    def _item(self, kind: str, data: dict[str, Any], metadata: dict[str, Any]) -> dict[str, Any]:
        size = sum(len(content) for content in data.values() if isinstance(content, str | bytes))
        self._count(max(size, LEAST))
        kept = {mime: _content(mime, data[mime]) for mime in SHOWN if mime in data}
        sizes = {mime: size for mime in kept if (size := _sides(metadata.get(mime)))}
        return {"type": kind, "data": kept, "sizes": sizes}

    def _count(self, size: int) -> None:
        self._put_out += size
        if self._put_out > self._limits.flood:
            self._flooded(self._put_out)

    def _forget(self) -> None:
        self.items: list[dict[str, Any]] = []
        self._left, self._cut, self._clear_due = self._limits.output, False, False

    def _clear_if_due(self) -> None:
        if self._clear_due:
            self._forget()

    def _fits(self, size: int) -> bool:
        if size > self._left:
            self._cut_off()
            return False
        self._left -= size
        return True

    def _append(self, name: str, text: str) -> None:
        last = self.items[-1] if self.items else {}
        if (last.get("type"), last.get("name")) == ("stream", name):
            last["text"].append(text)
        else:
            self.items.append({"type": "stream", "name": name, "text": [text]})

    def _has_room(self) -> bool:
        full = len(self.items) >= MOST_OUTPUTS - 2  # one for the note below, one for an error
        if full:
            self._cut_off()
        return not full

    def _cut_off(self) -> None:
        """Say once that something is left out, and keep nothing more."""
        if not self._cut:
            self._append("stderr", CUT)
        self._cut, self._left = True, 0


class Stream(io.TextIOBase):
    """Standard output, or standard error, of a room."""

    encoding = "utf-8"

    def __init__(self, outputs: Outputs, name: str):
        self._outputs, self.name = outputs, name

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, text: str) -> int:
        """Keep the text."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        self._outputs.stream(self.name, text)
        return len(text)


def _content(mime: str, content: Any) -> str | bytes:
    """Pictures as bytes, text as text."""
    if mime in PICTURES:
        return base64.b64decode(content) if isinstance(content, str) else bytes(content)
    return str(content)


def _sides(metadata: Any) -> dict[str, float]:
    """Width and height of a picture, where they are given."""
    given = metadata if isinstance(metadata, dict) else {}
    return {side: given[side] for side in SIDES if isinstance(given.get(side), int | float)}


def _size(item: dict[str, Any]) -> int:
    return sum(map(len, item["data"].values()))
