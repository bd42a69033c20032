"""Stored results, for lectures that draw them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from coursekit.experiments.experiment import RESULTS
from coursekit.experiments.log import Log, ResultsError
from coursekit.experiments.machine import sentence


class Results(list):
    """A table: one dict for each run, with its setting, its result and `seconds`.

    The rows stand in the order of the experiment's settings, so columns of two variants that run
    over the same seeds are pairs.

    Attributes:
        header: `experiment`, `asks`, `command`, `runs`, and `on`, a dict for each machine.

    >>> table = Results([{"lr": 0.1, "seed": 0, "test": 0.9}, {"lr": 0.2, "seed": 0, "test": 0.8}])
    >>> table.where(lr=0.2).column("test")
    [0.8]
    """

    def __init__(self, rows: Iterable[dict[str, Any]], header: dict[str, Any] | None = None):
        super().__init__(rows)
        self.header = header or {}

    def where(self, **values: Any) -> Results:
        """The rows that have all of these values.

        Raises:
            KeyError, ValueError: no column has that name, or no row those values.
        """
        for name in values:
            self._check(name)
        rows = [row for row in self if all(row[name] == v for name, v in values.items())]
        if not rows:
            there = {name: list(dict.fromkeys(self.column(name))) for name in values}
            raise ValueError(f"no run has {values}; there are {there}.")
        return Results(rows, self.header)

    def column(self, name: str) -> list[Any]:
        """The values of one column, in the order of the rows."""
        self._check(name)
        return [row[name] for row in self]

    def best(self, column: str, over: str, lowest: bool = False) -> Results:
        """The rows of that value of `over` for which `column` is the highest on average.

        For a loss or an error give `lowest=True`.

        A value for which a run has no number there, because it diverged, is not chosen.

        Raises:
            KeyError: no column has that name.
            ValueError: there is a run without a number for every value.

        >>> table = Results([{"lr": 0.1, "seen": 0.8}, {"lr": 0.2, "seen": 0.9}])
        >>> table.best("seen", over="lr").column("lr")
        [0.2]
        """
        groups = [self.where(**{over: value}) for value in dict.fromkeys(self.column(over))]
        whole = [rows for rows in groups if None not in rows.column(column)]
        if not whole:
            raise ValueError(f"for every {over} some run has no {column}.")
        choose = min if lowest else max
        return choose(whole, key=lambda rows: sum(rows.column(column)) / len(rows))

    @property
    def measured(self) -> str:
        """How many runs, when, on which machine and with which versions, in one line."""
        return f"{len(self)} runs; " + "; ".join(map(sentence, self.header.get("on", ())))

    def _check(self, name: str) -> None:
        if self and name not in self[0]:
            raise KeyError(f"there is no column {name!r}; there are {', '.join(self[0])}.")

    def __repr__(self) -> str:
        columns = ", ".join(self[0]) if self else "no columns"
        return f"Results({self.header.get('experiment', '')}: {len(self)} runs; {columns})"


def results(name: str, folder: str | Path | None = None) -> Results:
    """The stored results of an experiment.

    Args:
        name: such as "03_pooling_rates".
        folder: where its file lies; by default course/results of the course that the working folder
            is in.
    Raises:
        ResultsError: there are none, they are not complete, or damaged.
    """
    folder = _folder() if folder is None else Path(folder)
    remedy = f"run `make results L={name.partition('_')[0]}` in the course's folder."
    log = Log.read(folder / f"{name}.jsonl")
    if not log.header:
        names = [path.stem for path in sorted(folder.glob("*.jsonl"))]
        there = ", ".join(each for each in names if not each.endswith(".aside")) or "none"
        raise ResultsError(f"there are no results of {name} in {folder} (there: {there}); {remedy}")
    if len(log.runs) < log.header["runs"]:
        raise ResultsError(
            f"{log.path.name} holds {len(log.runs)} of {log.header['runs']} runs; {remedy}"
        )
    runs = sorted(log.runs.values(), key=lambda run: run["place"])
    rows = [{**run["setting"], **run["result"], "seconds": run["seconds"]} for run in runs]
    return Results(rows, log.header)


def _folder() -> Path:
    """course/results of the course around the working folder; beside it, if there is none."""
    here = Path.cwd()
    found = (parent / RESULTS for parent in (here, *here.parents))
    return next((folder for folder in found if folder.is_dir()), here / RESULTS.name)
