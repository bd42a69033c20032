"""Keeps hidden tests out of what students read, and scripts out of what anybody reads."""

from __future__ import annotations

import html
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from jinja2 import pass_context
from nbformat import NotebookNode, v4
from nbgrader.preprocessors import ClearHiddenTests

from coursekit.notebooks import HIDDEN, Kind, kind
from coursekit.sandbox.harmless import Harmless

WITHHELD = "Not shown: this cell ran after hidden checks, whose data it may have kept.\n"


class HideHiddenTests(ClearHiddenTests):
    """nbgrader's `ClearHiddenTests`, fit for feedback.

    Of test cells the hidden part goes: the marker's words in an answer are a student's business
    and stop nothing. Tracebacks quote the lines around an error, so in a cell with hidden tests
    only the last line of a traceback, the message, stays. A function that was called by a hidden
    test may have kept what it was given, so nothing is shown of what a student's later cells put
    out; whoever grades sees it.
    """

    def preprocess(self, notebook: NotebookNode, resources: dict):
        """Clear a notebook; returns it and `resources`, as nbconvert expects."""
        hidden = [i for i, cell in enumerate(notebook.cells) if _has_hidden(cell)]
        for cell in notebook.cells[hidden[0] :] if hidden else []:
            if cell.cell_type == "code" and kind(cell) != Kind.TEST and cell.get("outputs"):
                cell.outputs = [v4.new_output("stream", name="stdout", text=WITHHELD)]
        return super().preprocess(notebook, resources)

    def preprocess_cell(self, cell: NotebookNode, resources: dict, cell_index: int):
        """Clear one cell; returns the cell and `resources`, as nbconvert expects."""
        if not _has_hidden(cell):
            return cell, resources
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                output.traceback = [f"{output.ename}: {output.evalue}"]
        return super().preprocess_cell(cell, resources, cell_index)


def _has_hidden(cell: NotebookNode) -> bool:
    return kind(cell) == Kind.TEST and HIDDEN[0] in cell.source


@pass_context
def harmless_markdown(context: Any, source: str) -> str:
    """Markdown as HTML in which nothing runs; what cannot be shown safely is shown as text.

    Stands in for nbconvert's filter `markdown2html`: a student's written answer may hold HTML, and
    formgrader shows it to somebody who may change grades.
    """
    attachments = context.get("cell", {}).get("attachments", {})
    return _harmless(source, attachments) if attachments else _known(source)


def _harmless(source: str, attachments: Mapping[str, Any]) -> str:
    page = Harmless().markdown(source, attachments)
    return f"<pre>{html.escape(source)}</pre>" if page is None else page


@lru_cache(256)  # what the course itself has written is the same on every page
def _known(source: str) -> str:
    return _harmless(source, {})
