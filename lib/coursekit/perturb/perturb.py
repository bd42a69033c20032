"""Many runs of a lecture with noise on its initial weights, and what they say together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coursekit import notebooks
from coursekit.experiments.experiment import belongs
from coursekit.notebooks.running import ENVIRONMENT
from coursekit.perturb.inside import Assert, RunRecord

Say = Callable[[str], Any]
WIDTH = 74  # characters of an assert in the table


class PerturbError(ValueError):
    """There is no such lecture."""


@dataclass(frozen=True)
class Count:
    """One assert, over all runs.

    Attributes:
        noted: the assert.
        held: in how many runs it was reached and true each time.
        fell: in how many it was false.
        missed: in how many it was not reached.
    """

    noted: Assert
    held: int
    fell: int
    missed: int


def perturb(
    course: Path,
    lecture: str,
    *,
    runs: int = 20,
    workers: int = 2,
    scale: float = 1e-6,
    timeout: float = 600,
    say: Say = print,
) -> bool:
    """Run a lecture many times with noise on its initial weights, and tell what held.

    Args:
        course: the course's folder.
        lecture: "03"; "10" also stands for "10a" and "10b"; or a whole name.
        runs: how often; each has noise of its own, the same whenever the command is given.
        workers: runs at the same time, each with one thread.
        scale: standard deviation of the noise, relative to each weight.
        timeout: seconds after which a run is given up.
        say: is told what happens, a line at a time.
    Returns:
        Whether every assert held in every run, and no cell failed.
    Raises:
        PerturbError: there is no such lecture.
    """
    there = sorted((course / "course").glob("*.ipynb"))
    paths = [path for path in there if belongs(path.stem, lecture)]
    if not paths:
        names = ", ".join(path.stem for path in there) or "none at all"
        raise PerturbError(f"there is no lecture {lecture!r}; there is: {names}.")
    held = [_perturb(path, runs, workers, scale, timeout, say) for path in paths]
    return all(held)


def _perturb(path: Path, runs: int, workers: int, scale: float, timeout: float, say: Say) -> bool:
    say(f"{path.stem}: {runs} runs with initial weights × (1 + {scale:g} · noise)")
    records = []
    for seed, record, seconds in _records(path, runs, workers, scale, timeout):
        records.append(record)
        asserts = record.asserts.values()
        fell = sum(each.fell > 0 for each in asserts)
        say(f"  run {seed}: {len(asserts) - fell} asserts, {fell} fell, {seconds:.0f} s")
    for line in report(records):
        say(line)
    return all(count.held == runs for count in counts(records)) and not errors(records)


def counts(records: Sequence[RunRecord]) -> list[Count]:
    """Every assert of some runs of one lecture, in the order of the lecture."""
    noted = {place: each for record in records for place, each in record.asserts.items()}
    found = []
    for place in sorted(noted, key=lambda place: tuple(map(int, place.split(":")))):
        seen = [record.asserts.get(place) for record in records]
        fell = sum(each is not None and each.fell > 0 for each in seen)
        held = sum(each is not None and each.held > 0 and not each.fell for each in seen)
        found.append(Count(noted[place], held, fell, len(records) - held - fell))
    return found


def errors(records: Sequence[RunRecord]) -> dict[int, list[str]]:
    """Cell -> how it failed otherwise, a text for each run in which it did."""
    cells = sorted({cell for record in records for cell in record.errors})
    return {cell: [r.errors[cell] for r in records if cell in r.errors] for cell in cells}


def report(records: Sequence[RunRecord]) -> Iterator[str]:
    """What some runs of one lecture say together, line by line."""
    table, runs = counts(records), len(records)
    yield f"  {'held':>7}  cell  line  assert"
    for count in table:
        text = " ".join(count.noted.text.split())
        text = text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"
        mark = f"  <- fell in {count.fell}" if count.fell else ""
        mark += f"  <- not reached in {count.missed}" if count.missed else ""
        cell = f"[{count.noted.cell}]"
        yield f"  {f'{count.held}/{runs}':>7}  {cell:>4}  {count.noted.line:>4}  {text}{mark}"
    for cell, texts in errors(records).items():
        yield f"  cell [{cell}] failed otherwise in {len(texts)} of {runs}: {texts[0]}"
    weak = sum(count.held < runs for count in table)
    yield f"  {len(table) - weak} of {len(table)} asserts held in all {runs} runs."
    reached = min(record.perturbed for record in records)
    if reached:
        yield f"  The noise reached {reached} draws of weights in each run."
    else:
        yield "  The noise reached no weights, so these counts say nothing about rounding."


def code_cells(path: Path) -> list[str]:
    """Sources of the cells of a notebook that run, in order; their numbers are those it shows."""
    return [
        cell.source
        for cell in notebooks.read(path).cells
        if cell.cell_type == "code"
        and cell.source.strip()
        and "skip-execution" not in cell.metadata.get("tags", [])
    ]


def _records(
    path: Path, runs: int, workers: int, scale: float, timeout: float
) -> Iterator[tuple[int, RunRecord, float]]:
    """Run a notebook with the seeds 1 to `runs`; yield seed, record and seconds as each ends."""
    started: list[subprocess.Popen] = []
    with ThreadPoolExecutor(workers) as pool:
        futures = {
            pool.submit(_once, path, f"{scale!r}:{seed}", timeout, started): seed
            for seed in range(1, runs + 1)
        }
        try:
            for future in as_completed(futures):
                yield futures[future], *future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in started:
                process.kill()


def _once(
    path: Path, noise: str, timeout: float, started: list[subprocess.Popen]
) -> tuple[RunRecord, float]:
    """One run, in a process of its own: its record, with how it ended if not well; seconds."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        cells_path, record_path = Path(folder, "cells.json"), Path(folder, "record.json")
        cells_path.write_text(json.dumps(code_cells(path)), encoding="utf-8")
        variables = {**os.environ, **ENVIRONMENT, "COURSE_PERTURB": noise, "IPYTHONDIR": folder}
        variables.pop("COURSE_PERTURBED", None)
        process = subprocess.Popen(
            [sys.executable, "-m", "coursekit.perturb.inside", str(cells_path), str(record_path)],
            cwd=path.parent,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        try:
            _, complaint = process.communicate(timeout=timeout)
            last = (complaint.strip() or "without a word").splitlines()[-1]
            why = f"its process ended with exit status {process.returncode}: {last}"
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            why = f"the run took more than {timeout:g} s and was ended"
        text = record_path.read_text(encoding="utf-8") if record_path.exists() else "{}"
    record = RunRecord.of(text) if text != "{}" else RunRecord(cells=1)
    if record.done < record.cells:
        record.errors[record.done + 1] = why
    return record, time.monotonic() - start
