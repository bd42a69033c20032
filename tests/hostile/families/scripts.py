"""Code meant for the browser of whoever grades, or reads the feedback."""

import re
from pathlib import Path

import nbformat
from nbformat import v4

from coursekit import notebooks

from ..case import BOTH, Case, HandedIn, Never, in_a_call, in_a_cell
from ..observed import REBUILT, WALL

MARKUP = re.compile(r"<script>alert|<iframe src=x|<(img|svg)[^>]* on\w+=|href=.?javascript:", re.I)
RUNS = Never(
    "a script reaches a page",
    lambda outcome: bool(MARKUP.search(outcome.shown) or MARKUP.search(outcome.told)),
)
TOLD = Never(RUNS.words, lambda outcome: bool(MARKUP.search(outcome.told)))  # text may say it
HTML = "<script>alert(1)</script><img src=x onerror=alert(1)><iframe src=x></iframe>"


def _shows(name, source):
    return in_a_cell(name, f"from IPython.display import *\n{source}", WALL, never=(RUNS,))


def _written(folder: Path, text: str) -> None:
    """Markup in the written answer, and in a text cell more."""
    notebook = nbformat.reads(text, as_version=4)
    notebooks.find(notebook, "explain_double").source = f"[x](javascript:alert(1)) {HTML}"
    notebook.cells.append(v4.new_markdown_cell(f"<svg onload=alert(1)>\n\n{HTML}"))
    notebooks.write(notebook, folder / f"{folder.name}.ipynb")


def _raised(folder: Path, text: str) -> None:
    """Markup in the message of an exception, and in printed text."""
    notebook = nbformat.reads(text, as_version=4)
    tag = "'<' + 'script>alert(1)</script>'"
    notebook.cells.append(v4.new_code_cell(f"print({tag})\nraise ValueError({tag})"))
    notebooks.write(notebook, folder / f"{folder.name}.ipynb")


def _named(folder: Path, text: str) -> None:
    folder.mkdir(parents=True)
    (folder / "<img src=x onerror=alert(1)>.ipynb").write_text(text)


def _page(name, put, stopped_by):
    """Looked at in the feedback."""
    return Case(name, HandedIn(put, told=True), BOTH, stopped_by, (TOLD,))


CASES = [
    _shows("HTML", f"display(HTML({HTML!r}))"),
    _shows("a value with HTML of its own", f"class A:\n    _repr_html_ = lambda s: {HTML!r}\nA()"),
    _shows("SVG", 'display(SVG(\'<svg xmlns="http://www.w3.org/2000/svg" onload="x"></svg>\'))'),
    _shows("Markdown", f"display(Markdown('[a](javascript:alert(1)) ' + {HTML!r}))"),
    _shows("LaTeX", f"display(Latex('$x$' + {HTML!r}))"),
    _shows("JavaScript", "display(Javascript('alert(1)'))"),
    _shows("a frame", "display(IFrame('javascript:alert(1)', 10, 10))"),
    _shows(
        "a type of output nobody knows",
        "display({'application/x+json': {}, 'text/html': '<script>alert(1)'}, raw=True)",
    ),
    in_a_call(
        "a message of an exception",
        f"raise ValueError({HTML!r})",
        stopped_by="raises ValueError",
        never=(TOLD,),
    ),
    _page("a written answer", _written, WALL),
    _page("text that a cell prints and raises", _raised, "raises ValueError"),
    _page("the name of the notebook", _named, REBUILT),
]
