"""The file of an experiment's results: JSON lines, a header and then one line for each run.

Whatever kills the writer, what is stored stays whole: the header is written in one step, a run is
one line, and a last line that was cut off is dropped by whoever reads next.
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coursekit.experiments.machine import same
from coursekit.experiments.plain import key
from coursekit.files import replace

HEADER = ("experiment", "asks", "command", "runs", "on")
RUN = ("place", "setting", "result", "seconds", "code", "on")


class ResultsError(ValueError):
    """Results that are missing, incomplete or damaged; the message says what to do."""


@dataclass
class Log:
    """What is in such a file.

    Attributes:
        path: the file.
        header: `experiment`, `asks`, `command`; `runs`, how many there are to be; `on`, the
            machines and versions that runs were measured with.
        runs: by setting (see `plain.key`), each with its `place` in the list of settings,
            `setting`, `result`, `seconds`, `code` (see `Experiment.code`), and `on`, the position
            in the header's list.
        cut_off: whether the last line in the file was not whole.
    """

    path: Path
    header: dict[str, Any] = field(default_factory=dict)
    runs: dict[str, dict[str, Any]] = field(default_factory=dict)
    cut_off: bool = False

    @classmethod
    def read(cls, path: Path) -> Log:
        """The log in a file; an empty one if there is no such file.

        Raises:
            ResultsError: a line that is not the last one is damaged.
        """
        log = cls(path)
        try:
            lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
        except FileNotFoundError:
            return log
        *whole, rest = lines
        parsed = [_parsed(line) for line in whole]
        log.cut_off = bool(rest) or (bool(parsed) and parsed[-1] is None)
        parsed = parsed[:-1] if parsed and parsed[-1] is None else parsed
        for number, line in enumerate(parsed, 1):
            if not isinstance(line, dict) or not set(RUN if number > 1 else HEADER) <= set(line):
                raise ResultsError(
                    f"{path}: line {number} is damaged. Mend it or delete it; "
                    'FLAGS="--again" measures everything anew.'
                )
        if parsed:
            log.header = parsed[0]
            log.runs = {key(run["setting"]): run for run in parsed[1:]}
        return log

    def add(self, run: dict[str, Any], on: dict[str, Any]) -> dict[str, Any]:
        """Take a run in, with where it was measured, without writing; returns it as stored."""
        machines = self.header.setdefault("on", [])
        place = next((k for k, other in enumerate(machines) if same(on, other)), len(machines))
        if place == len(machines):
            machines.append(on)
        stored = {name: run[name] for name in RUN[:-1]} | {"on": place}
        self.runs[key(run["setting"])] = stored
        return stored

    def machine(self, run: dict[str, Any]) -> dict[str, Any]:
        """Where a run was measured."""
        return self.header["on"][run["on"]]

    def write(self) -> None:
        """Write everything, in one step."""
        runs = sorted(self.runs.values(), key=lambda run: run["place"])
        replace(self.path, "".join(_line(each) for each in [self.header, *runs]).encode())

    def append(self, run: dict[str, Any]) -> None:
        """Write one more run, to the disk itself; if that fails the file is as it was.

        Raises:
            OSError: such as a full disk.
        """
        size = self.path.stat().st_size
        try:
            with open(self.path, "ab") as file:
                file.write(_line(run).encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            with contextlib.suppress(OSError):
                os.truncate(self.path, size)
            raise


def _line(values: dict[str, Any]) -> str:
    return json.dumps(values, ensure_ascii=False, allow_nan=False) + "\n"


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None
