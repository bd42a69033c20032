"""Keeps hidden tests out of what students read."""

from __future__ import annotations

from nbformat import NotebookNode
from nbgrader.preprocessors import ClearHiddenTests

from coursekit.notebooks import HIDDEN, Kind, kind


class HideHiddenTests(ClearHiddenTests):
    """nbgrader's `ClearHiddenTests`, fit for feedback.

    Only graded test cells are touched: the marker's words in an answer are a student's business
    and stop nothing. Tracebacks quote the lines around an error, so in a cell with hidden tests
    only the last line of a traceback, the message, stays.
    """

    def preprocess_cell(self, cell: NotebookNode, resources: dict, cell_index: int):
        """Clear one cell; returns the cell and `resources`, as nbconvert expects."""
        if kind(cell) != Kind.TEST or HIDDEN[0] not in cell.source:
            return cell, resources
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                output.traceback = [f"{output.ename}: {output.evalue}"]
        return super().preprocess_cell(cell, resources, cell_index)
