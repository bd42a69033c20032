"""What the pages are made from: front page, lectures and guides, made ready for Sphinx.

They are copied, so that `course/` and `docs/` stay as they are. A file is written only where it
has changed, for Sphinx reads anew what is younger than its page.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from pathlib import Path

from nbformat import NotebookNode

from coursekit import files, notebooks

FRONT = "index.md"
_PICTURES = {".gif", ".jpeg", ".jpg", ".png", ".svg", ".webp"}
_TREE = """
```{{toctree}}
:hidden:
:caption: {caption}

{entries}
```
"""


def assemble(course: Path, folder: Path) -> None:
    """Make `folder` hold what the pages are made from, and nothing else.

    Args:
        course: with README.md, course/ and docs/.
        folder: made if it is missing.
    """
    wanted = sources(course)
    for name, data in wanted.items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != data:
            files.replace(path, data)
    for path in folder.rglob("*"):
        if path.is_file() and path.relative_to(folder).as_posix() not in wanted:
            path.unlink()


def sources(course: Path) -> dict[str, bytes]:
    """name -> content: the same places as in the course; the front page is README.md."""
    lectures = {path: notebooks.read(path) for path in sorted(course.glob("course/*.ipynb"))}
    guides = sorted(course.glob("docs/*.md"))
    pictures = [
        path
        for folder in ("course", "docs")
        for path in sorted((course / folder).rglob("*"))
        if path.suffix in _PICTURES
    ]
    found = {path: path.read_bytes() for path in guides + pictures}
    for path, notebook in lectures.items():
        found[path] = notebooks.text_of(lecture(notebook)).encode()
    named = {path.relative_to(course).as_posix(): data for path, data in found.items()}
    return {FRONT: _front(course, lectures, guides).encode(), **named}


def lecture(notebook: NotebookNode) -> NotebookNode:
    """A copy of a lecture for readers.

    The cell that says what to install is left out, answers are folded, and each code cell carries
    the words beside its pictures, in order, as `alts`.
    """
    new = copy.deepcopy(notebook)
    new.cells = [cell for cell in new.cells if cell.id != notebooks.INSTALL]
    for cell in new.cells:
        if cell.cell_type == "code":
            cell.metadata["alts"] = notebooks.alts(cell)
            if notebooks.is_folded(cell):
                cell.metadata["tags"] = [*cell.metadata.get("tags", []), "hide-output"]
    return new


def _front(course: Path, lectures: dict[Path, NotebookNode], guides: list[Path]) -> str:
    """README.md, and after it what stands in the sidebar; guides as the README mentions them."""
    text = (course / "README.md").read_text(encoding="utf-8")
    places = {path: text.find(f"](docs/{path.name}") for path in guides}
    in_order = sorted(guides, key=lambda path: (places[path] < 0, places[path]))
    numbered = (_entry(path, notebook) for path, notebook in lectures.items())
    text += _tree("Lectures", numbered)
    return text + _tree("Guides", (f"docs/{path.stem}" for path in in_order))


def _entry(path: Path, notebook: NotebookNode) -> str:
    number = re.match(r"\d+[a-z]?(?=_)", path.stem)
    words = [number[0] if number else "", notebooks.title(notebook) or path.stem]
    return f"{' '.join(filter(None, words))} <course/{path.stem}>"


def _tree(caption: str, entries: Iterable[str]) -> str:
    listed = "\n".join(entries)
    return _TREE.format(caption=caption, entries=listed) if listed else ""
