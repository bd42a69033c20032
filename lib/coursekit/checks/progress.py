"""How far somebody is in an assignment: what its last cell shows. Grading asks nothing of it.

    progress.show("a02_convolution.ipynb", {"conv2d": 8, "im2col": 8}, {"explain_convolution": 4})

What a kernel knows: the score of each task whose check was run, and the text of the cells as they
ran. What the file knows: written answers, and whether it holds what was run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from IPython import get_ipython

from coursekit.checks import kernel
from coursekit.checks.report import Report

STUB = "raise NotImplementedError"  # in every cell that waits for code
UNANSWERED = "YOUR ANSWER HERE"  # in every cell that waits for words


@dataclass(frozen=True)
class Noted:
    """A task whose check was run.

    Attributes:
        report: what it found.
        text: the cell of the function as it was then.
    """

    report: Report
    text: str


@dataclass(frozen=True)
class TaskRow:
    """One task.

    Attributes:
        most: its points.
        points: earned so far; None where no check has run.
        remark: what to do about it, or "".
    """

    name: str
    most: float
    points: float | None = None
    remark: str = ""


_noted: dict[str, Noted] = {}


def note(report: Report) -> None:
    """Remember the result of a task; in a notebook's own kernel, and nowhere else."""
    if get_ipython() is not None:
        _noted[report.name] = Noted(report, kernel.last_text(report.name))


def show(file: str, tasks: Mapping[str, float], written: Mapping[str, float]) -> None:
    """Print the points so far, what is missing, and what to hand in.

    Args:
        file: name of the notebook, which lies in the working folder.
        tasks: function -> points.
        written: grade id of a written answer -> points.
    """
    saved = _saved(Path(file))
    rows = [_task(name, most, saved) for name, most in tasks.items()]
    rows += [_answer(name, most, saved) for name, most in written.items()]
    print("\n".join([*_table(rows), "", *_words(file, rows, written, saved)]))


def _task(name: str, most: float, saved: Mapping[str, str] | None) -> TaskRow:
    noted, ran = _noted.get(name), kernel.last_text(name)
    points = None if noted is None else float(noted.report.score)
    if noted is None:
        remark = _unchecked(ran or (saved or {}).get(name, ""))
    elif ran != noted.text:
        remark = "changed since its check: run that again"
    else:
        remark = _remark(noted.report)
    if saved is not None and name not in saved:
        remark = "its cell is not in the saved notebook"
    elif saved is not None and ran and saved[name].strip() != ran.strip():
        remark = "the saved cell is not the one that ran: run it, then save the notebook"
    return TaskRow(name, most, points, remark)


def _unchecked(text: str) -> str:
    return "not written yet" if STUB in text or not text else "its check has not been run"


def _remark(report: Report) -> str:
    failed = [result.finding for result in report.results if result.finding]
    if failed and all(finding.kind == "missing" for finding in failed):
        return "not written yet"
    if report.void:
        return "uses what the task does not allow"
    return f"{len(failed)} of {len(report.results)} checks failed" if failed else ""


def _answer(name: str, most: float, saved: Mapping[str, str] | None) -> TaskRow:
    if saved is None:
        return TaskRow(name, most, remark="read by a person")
    text = saved.get(name)
    if text is None:
        return TaskRow(name, most, remark="its cell is not in the saved notebook")
    if not text.strip() or UNANSWERED in text:
        return TaskRow(name, most, remark="not answered yet, or not saved")
    return TaskRow(name, most, remark=f"answered in {len(text.split())} words; a person reads it")


def _table(rows: list[TaskRow]) -> Iterator[str]:
    """A line for each task, and their sum."""
    wide = max(len(row.name) for row in rows)
    for row in rows:
        got = "–" if row.points is None else f"{row.points:g}"
        yield f"{row.name:{wide}}  {got:>4} of {row.most:<4g}{row.remark}".rstrip()
    got, most = sum(row.points or 0 for row in rows), sum(row.most for row in rows)
    yield f"{'so far':{wide}}  {got:>4g} of {most:<4g}".rstrip()


def _words(
    file: str,
    rows: list[TaskRow],
    written: Mapping[str, float],
    saved: Mapping[str, str] | None,
) -> Iterator[str]:
    """What the points mean, and what to hand in."""
    if any(row.points for row in rows):
        yield "Points count the checks that you see; hidden checks have a say when it is graded."
    open_ones = [row.name for row in rows if row.remark and row.name not in written]
    if not open_ones:
        yield "All checks that you see pass."
    if saved is None:
        yield f"There is no {file} in this folder, so written answers could not be looked at."
        yield f"Hand in this notebook, saved, and under the name {file}."
    else:
        yield f"Save the notebook, then hand in {file}: this one file, under this name."


def _saved(path: Path) -> dict[str, str] | None:
    """Grade id -> text of the cells of a notebook on disk; None where there is none to read."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return {
            cell["metadata"]["nbgrader"]["grade_id"]: "".join(cell["source"])
            for cell in cells
            if "nbgrader" in cell.get("metadata", {})
        }
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None
