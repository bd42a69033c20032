"""What a reader of a lecture is shown: titles, folded answers, the words beside figures."""

from __future__ import annotations

from nbformat import NotebookNode

_KINDS = ("image/png", "image/svg+xml")


def title(notebook: NotebookNode) -> str:
    """The first heading of the first level; "" where there is none."""
    texts = (cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    lines = (line for text in texts for line in text.splitlines())
    return next((line[2:].strip() for line in lines if line.startswith("# ")), "")


def is_folded(cell: NotebookNode) -> bool:
    """Whether what a code cell shows is an answer, which a reader asks for first."""
    return bool(cell.metadata.get("jupyter", {}).get("outputs_hidden"))


def alts(cell: NotebookNode) -> list[str]:
    """What each picture of a code cell shows, in words; "" where nobody has said it."""
    return [_alt(cell, output) for output in cell.outputs if _pictures(output)]


def _pictures(output: NotebookNode) -> list[str]:
    return [kind for kind in _KINDS if kind in output.get("data", {})]


def _alt(cell: NotebookNode, output: NotebookNode) -> str:
    of_output = (output.metadata.get(kind, {}).get("alt", "") for kind in _pictures(output))
    return next(filter(None, of_output), cell.metadata.get("alt", ""))
