"""The table of known wrong and right solutions: what each must lose, lost, and was told."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from coursekit.collection import Collection
from coursekit.rehearse import Rehearsal, Verdict, judge


def show(rehearsal: Rehearsal, known: Collection, console: Console | None = None) -> bool:
    """Run a collection and print its table.

    Returns:
        Whether the reference solution has full marks, and every entry lost exactly what was stated.
    """
    console = console or Console()
    reference = rehearsal.run()
    if reference.errors or reference.points != rehearsal.maximum:
        console.print(f"{known.assignment}: the reference solution itself has not full marks.")
        for cell, error in reference.errors.items():
            console.print(f"  cell {cell}: {error}", markup=False)
        return False
    verdicts = [judge(rehearsal, entry) for entry in known.entries]
    console.print(table(known.assignment, verdicts))
    wrong = [v for v in verdicts if not v.entry.is_right]
    told = sum(bool(v.told) for v in wrong)
    off = [v for v in verdicts if not v.as_expected]
    console.print(
        f"{known.assignment}: {len(wrong)} wrong solutions, {told} of them told which mistake "
        f"({told / max(len(wrong), 1):.0%}), "
        f"{len(verdicts) - len(wrong)} right ones; {len(off) or 'none'} not as expected."
    )
    return not off


def table(title: str, verdicts: list[Verdict]) -> Table:
    """One row for each entry; what differs from what was stated is red."""
    grid = Table(title=title)
    for name in ("cell", "solution", "loses", "lost", "told"):
        grid.add_column(name, justify="right" if name in ("loses", "lost") else "left")
    for verdict in verdicts:
        entry = verdict.entry
        said = verdict.told or next(iter(verdict.errors.values()), "")
        if verdict.told != entry.says and not entry.judge_only:
            said = f"{said or 'nothing'} (expected: {entry.says or 'nothing'})"
        if entry.judge_only:
            said = "refused in a room only"
        lost = _points(verdict.lost, entry.cell)
        colour = "green" if verdict.as_expected else "red"
        grid.add_row(
            escape(entry.cell),
            escape(entry.name),
            _points(verdict.loses, entry.cell),
            f"[{colour}]{lost}[/{colour}]",
            escape(said),
        )
    return grid


def _points(lost: Mapping[str, float], cell: str) -> str:
    """Points by test cell; the name is left out where it is the entry's own."""
    own = f"test_{cell}"
    parts = [f"{p:g}" if name == own else f"{escape(name)} {p:g}" for name, p in lost.items()]
    return ", ".join(parts) or "0"
