"""Puts into a committed notebook what follows from its cells, and leaves the rest as it is."""

from __future__ import annotations

from pathlib import Path

from coursekit import notebooks
from coursekit.authoring import frame
from coursekit.notebooks import outline


def renew_assignment(path: Path) -> bool:
    """Rewrite the source of an assignment: points, headings, table, first and last cell.

    Args:
        path: solutions/aNN_topic/aNN_topic.ipynb.
    Returns:
        Whether the file changed.
    Raises:
        OutlineError: they cannot be made; the message says why.
        NotebookError: there is no such notebook.
    """
    notebook = outline.renewed(notebooks.read(path))
    framed = frame.assignment(notebook, path.stem, frame.beside(path))
    return notebooks.write(notebooks.normalise(framed), path)


def renew_lecture(path: Path, timeout: float = 120) -> bool:
    """Run a lecture in a fresh kernel and store what it prints and draws; see `notebooks.refresh`.

    Its first code cell is put in, with what it prints where all is well: a lecture that only lacked
    that keeps every other output as it was.

    Returns:
        Whether the file changed.
    Raises:
        ExecutionError: a cell raised, or prints what no other run will print.
        NotebookError: there is no such notebook.
    """
    framed = frame.lecture(notebooks.read(path), frame.beside(path))
    framed = notebooks.normalise(framed, "keep")
    changed = notebooks.write(framed, path)
    return notebooks.refresh(path, timeout) or changed
