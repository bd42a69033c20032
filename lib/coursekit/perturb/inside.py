"""Runs the cells of a notebook in this process and notes, for every assert, whether it held.

    python -m coursekit.perturb.inside CELLS RECORD

CELLS is a JSON list of their sources. RECORD is written anew after each cell, so that it tells how
far a run came that was killed.
"""

from __future__ import annotations

import ast
import json
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from coursekit.files import replace

NOTE = "__held__"  # what stands in the place of assert in the notebook's namespace


@dataclass
class Assert:
    """One assert of a notebook.

    Attributes:
        cell: number of its code cell, as the notebook shows it.
        line: in that cell.
        text: what is asserted.
        held, fell: how often it was reached and true, or false.
    """

    cell: int
    line: int
    text: str
    held: int = 0
    fell: int = 0


@dataclass
class RunRecord:
    """What came out of one run.

    Attributes:
        asserts: by their place.
        errors: cell -> the error that ended it early.
        done: the last cell that ran to its end, or to its error.
        cells: how many there are.
        perturbed: how many draws of weights the noise has reached.
    """

    asserts: dict[str, Assert] = field(default_factory=dict)
    errors: dict[int, str] = field(default_factory=dict)
    done: int = 0
    cells: int = 0
    perturbed: int = 0

    def text(self) -> str:
        """As JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def of(cls, text: str) -> RunRecord:
        """From that JSON."""
        values = json.loads(text)
        values["asserts"] = {key: Assert(**each) for key, each in values["asserts"].items()}
        values["errors"] = {int(cell): error for cell, error in values["errors"].items()}
        return cls(**values)


class Noting(ast.NodeTransformer):
    """Turns `assert x` into a call that notes whether x is true, and goes on if it is not.

    Asserts inside `try` stay as they are: there, an assert that falls may be what is meant.
    """

    def __init__(self, record: RunRecord):
        self.record, self.cell = record, 0

    def visit_Assert(self, node: ast.Assert) -> ast.stmt:
        place = f"{self.cell}:{node.lineno}:{node.col_offset}"
        self.record.asserts[place] = Assert(self.cell, node.lineno, ast.unparse(node.test))
        name = ast.Name(NOTE, ast.Load())
        call = ast.Expr(ast.Call(name, [ast.Constant(place), node.test], []))
        return ast.fix_missing_locations(ast.copy_location(call, node))

    def visit_Try(self, node: ast.Try) -> ast.stmt:
        return node

    def note(self, place: str, value: object) -> None:
        """What the calls call. Raises what the truth of `value` raises, as assert does."""
        noted = self.record.asserts[place]
        if value:
            noted.held += 1
        else:
            noted.fell += 1


def run(sources: Sequence[str], record_path: Path) -> None:
    """Run cells one after the other, also those after one that fails; keep the record written."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell.instance(config=config)
    record = RunRecord(cells=len(sources))
    noting = Noting(record)
    shell.ast_transformers.append(noting)
    shell.user_ns[NOTE] = noting.note
    for number, source in enumerate(sources, 1):
        noting.cell = number
        result = shell.run_cell(source, store_history=True)
        error = result.error_before_exec or result.error_in_exec
        if error is not None:
            record.errors[number] = f"{type(error).__name__}: {error}".split("\n")[0]
        record.done = number
        record.perturbed = int(os.environ.get("COURSE_PERTURBED", "0"))
        replace(record_path, record.text().encode())


def main() -> None:
    """The command."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends the run, not just a cell
    cells, record = map(Path, sys.argv[1:])
    run(json.loads(cells.read_text(encoding="utf-8")), record)


if __name__ == "__main__":
    main()
