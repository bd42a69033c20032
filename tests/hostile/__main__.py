"""The table of all hostile submissions: `python -m tests.hostile`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from coursekit import sandbox

from .row import Row, points
from .suite import FAMILIES, HANDED_IN
from .world import World

WIDTHS = (60, 8, 8, 44)
HEADINGS = ("submission", "expected", "got", "stopped by", "what must not happen")


def main() -> int:
    """Print the table, section by section; 1 where something is not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("families", nargs="*", metavar="FAMILY", help="only these; all by default")
    chosen = parser.parse_args().families or list(FAMILIES)
    unknown = [name for name in chosen if name not in FAMILIES]
    if unknown:
        parser.error(f"there is no family {unknown[0]!r}; there are: {', '.join(FAMILIES)}")
    start = time.monotonic()
    try:
        rows = _print(chosen)
    except sandbox.SandboxUnavailable as error:
        parser.exit(2, f"{error}\n")
    off = sum(bool(row.faults) for row in rows)
    print(f"\n{len(rows)} submissions, {len(rows) - off} as they must be, {off} not, ", end="")
    print(f"{time.monotonic() - start:.0f} s.")
    return 1 if off else 0


def _print(families: list[str]) -> list[Row]:
    """Print each row as soon as it is known; all of them."""
    rows = []
    with (
        sandbox.Warm() as warm,
        tempfile.TemporaryDirectory() as folder,
        World(warm, Path(folder), HANDED_IN) as world,
    ):
        for family in families:
            print(f"\n{family}\n{_line(HEADINGS)}")
            for case in FAMILIES[family]:
                rows.append(Row(case, world.outcome(case)))
                print(*_lines(rows[-1]), sep="\n", flush=True)
    return rows


def _lines(row: Row) -> Iterator[str]:
    case, outcome = row.case, row.outcome
    held = "HAPPENED" if any(each.happened(outcome) for each in case.forbidden) else "held"
    yield _line((case.name, points(case.points), points(outcome.points), outcome.stopped_by, held))
    yield from (f"    OFF: {fault}" for fault in row.faults)


def _line(texts: tuple[str, ...]) -> str:
    *texts, last = texts
    padded = (text.ljust(width) for text, width in zip(texts, WIDTHS, strict=True))
    return f"  {' '.join(padded)} {last}"


if __name__ == "__main__":
    sys.exit(main())
