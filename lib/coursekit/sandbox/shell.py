"""IPython in a room: runs cells and keeps what they print, show and raise."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
import warnings
from typing import Any

from IPython.core.displayhook import DisplayHook
from IPython.core.displaypub import DisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

from coursekit.sandbox.limits import MOST_OUTPUTS

CUT = "\n… (the output is cut here)\n"
PICTURES = ("image/png", "image/jpeg")
LONGEST = 2000  # characters of an error message, or of a part of a traceback
SHOWN = ("text/plain", *PICTURES)  # HTML, SVG and LaTeX can carry scripts to whoever grades


class Outputs:
    """What one cell or call puts out, up to a number of bytes."""

    def __init__(self, budget: int):
        self._budget = budget
        self.begin()

    def begin(self) -> None:
        """Forget all, and start counting again."""
        self.items: list[dict[str, Any]] = []
        self._left, self._cut = self._budget, False

    def stream(self, name: str, text: str) -> None:
        """Printed text."""
        fits, self._left = text[: self._left], max(self._left - len(text), 0)
        if fits and self._has_room():
            self._append(name, fits)
        if len(fits) < len(text):
            self._cut_off()

    def show(self, kind: str, data: dict[str, Any]) -> None:
        """A display ("display_data") or the value of a cell ("execute_result")."""
        kept = {mime: _content(mime, data[mime]) for mime in SHOWN if mime in data}
        size = sum(map(len, kept.values()))
        if size > self._left:
            self._cut_off()
        elif kept and self._has_room():
            self._left -= size
            self.items.append({"type": kind, "data": kept})

    def error(self, name: str, value: str, traceback: list[str]) -> None:
        """An exception that ended the cell."""
        lines = [line[:LONGEST] for line in traceback[:LONGEST]]
        self.items.append(
            {"type": "error", "name": name, "value": value[:LONGEST], "traceback": lines}
        )

    def finished(self) -> list[dict[str, Any]]:
        """All of it, each stream as one string."""
        return [
            {**item, "text": "".join(item["text"])} if item["type"] == "stream" else item
            for item in self.items
        ]

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


class _Hook(DisplayHook):
    """Keeps the value of a cell."""

    def write_output_prompt(self) -> None:
        """There is none."""

    def write_format_data(self, format_dict, md_dict=None) -> None:
        self.shell.outputs.show("execute_result", format_dict)

    def finish_displayhook(self) -> None:
        self._is_active = False


class _Publisher(DisplayPublisher):
    """Keeps what `display` shows."""

    def publish(self, data, metadata=None, **others) -> None:
        self.shell.outputs.show("display_data", data)

    def clear_output(self, wait: bool = False) -> None:
        self.shell.outputs.begin()


class Shell(InteractiveShell):
    """An IPython without a terminal, a history file or a kernel."""

    def __init__(self, outputs: Outputs):
        self.outputs = outputs
        super().__init__(displayhook_class=_Hook, display_pub_class=_Publisher, colors="nocolor")

    def init_history(self) -> None:
        """Without the database."""
        self.config.HistoryManager.enabled = False
        super().init_history()

    def enable_gui(self, gui=None) -> None:
        """A room has no screen."""

    def system(self, cmd: str) -> None:
        """Run a command of the system, as `!command` does."""
        line = self.var_expand(cmd, depth=1)
        done = subprocess.run(
            line, shell=True, capture_output=True, text=True, errors="replace", check=False
        )
        sys.stdout.write(done.stdout)
        sys.stderr.write(done.stderr)
        self.user_ns["_exit_code"] = done.returncode

    def _showtraceback(self, etype, evalue, stb) -> None:
        self.outputs.error(etype.__name__, str(evalue), list(stb))


def start(outputs: Outputs) -> Shell:
    """The shell of this process, with figures inline."""
    shell = Shell.instance(outputs=outputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shell.enable_matplotlib("inline")
    return shell


def _content(mime: str, content: Any) -> str | bytes:
    """Pictures as bytes, text as text."""
    if mime in PICTURES:
        return base64.b64decode(content) if isinstance(content, str) else bytes(content)
    return str(content)
