"""One form for every committed notebook: readable cell ids, no noise, outputs kept or cleared."""

from __future__ import annotations

import copy
import re
from collections import Counter
from typing import Literal

from nbformat import NotebookNode, from_dict

from coursekit.notebooks.cells import grade_id
from coursekit.notebooks.pictures import shrink

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
LANGUAGE = {"name": "python", "pygments_lexer": "ipython3"}
CELL_KEYS = {
    "alt": str,  # what its figure shows, for who cannot see it
    "deletable": bool,
    "editable": bool,
    "nbgrader": NotebookNode,
    "tags": list,
}

_UNSTABLE = {
    "an object address": re.compile(r"\bat 0x[0-9a-fA-F]{6,}"),
    "an absolute path": re.compile(
        r"(?<![\w./:<])(?:/(?:home|tmp|root|usr|Users|opt|var)/|[A-Z]:\\)\w"
    ),
    "a time that differs on every run": re.compile(
        r"\b\d+(?:\.\d+)?\s?(?:ns|µs|μs|us|ms|s|sec|seconds|it/s)\b|\bWall time\b|\bper loop\b"
    ),
}
# As JupyterLab (a UUID) and nbformat (its first eight digits) draw them.
_RANDOM_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){0,3}(?:-[0-9a-f]{12})?|[0-9a-f]{32}")
_SHORT = {"code": "code", "markdown": "text", "raw": "raw"}
_IGNORED = "nbval-ignore-output"


def normalise(notebook: NotebookNode, outputs: Literal["clear", "keep"] = "clear") -> NotebookNode:
    """A tidied copy; doing it twice changes nothing more, and sources stay as they are.

    Cell ids become the grade id; else they stay, where a person chose them; else they become the
    kind and a number ("text-3", "code-7"). Of the metadata, kernel name, language, tags, what
    nbgrader needs, alt texts and folded answers are kept; execution times, widget states and
    editors' settings go.

    Args:
        notebook: left as it is.
        outputs: "clear" them, or "keep" them with runs numbered from 1 in cell order, and pictures
            with a palette of 256 colours.
    """
    tidy = copy.deepcopy(notebook)
    tidy.metadata = from_dict({"kernelspec": KERNEL, "language_info": LANGUAGE})
    tidy.nbformat, tidy.nbformat_minor = 4, 5
    run = 0
    for cell, name in zip(tidy.cells, _ids(tidy), strict=True):
        cell.id = name
        cell.metadata = from_dict(_kept(cell.metadata))
        if cell.cell_type != "code":
            continue
        if outputs == "clear":
            cell.outputs, cell.execution_count = [], None
        elif cell.source.strip():
            run += 1
            cell.execution_count = run
            cell.outputs = _tidy_outputs(cell.outputs, run)
    return tidy


def unstable_outputs(notebook: NotebookNode) -> list[str]:
    """Stored output that cannot be the same on another run or machine, named cell by cell.

    Object addresses, absolute paths and measured times. Cells tagged `nbval-ignore-output` may
    show times, since nobody compares them.
    """
    found = []
    for cell in notebook.cells:
        ignored = _IGNORED in cell.metadata.get("tags", []) or "NBVAL_IGNORE_OUTPUT" in cell.source
        for text in _texts(cell):
            for what, pattern in _UNSTABLE.items():
                match = pattern.search(text)
                if match and not (ignored and what.startswith("a time")):
                    found.append(f"{cell.id}: {what}: {_around(text, match)!r}")
    return found


def same_results(old: NotebookNode, new: NotebookNode) -> bool:
    """Whether two runs of a notebook say the same: everything equal but the bytes of pictures.

    The same figure gets other PNG bytes from another font or zlib; a figure is tested by its data.
    """
    return _without_pictures(old) == _without_pictures(new)


def _ids(notebook: NotebookNode) -> list[str]:
    chosen = (grade_id(c) or ("" if _RANDOM_ID.fullmatch(c.id) else c.id) for c in notebook.cells)
    named = [re.sub(r"[^A-Za-z0-9_-]+", "-", name)[:64] for name in chosen]
    taken = {name for name in named if name}
    counts: Counter[str] = Counter()
    ids: list[str] = []
    for cell, name in zip(notebook.cells, named, strict=True):
        short = _SHORT[cell.cell_type]
        while not name or name in ids:
            counts[short] += 1
            candidate = f"{short}-{counts[short]}"
            name = candidate if candidate not in taken else ""
        ids.append(name)
    return ids


def _kept(metadata: dict) -> dict:
    kept = {key: metadata[key] for key in CELL_KEYS if type(metadata.get(key)) is CELL_KEYS[key]}
    jupyter = metadata.get("jupyter")
    if isinstance(jupyter, dict) and jupyter.get("outputs_hidden") is True:
        kept["jupyter"] = {"outputs_hidden": True}  # an answer that is to be asked for first
    tags = [tag for tag in kept.pop("tags", []) if isinstance(tag, str) and tag and "," not in tag]
    return kept | ({"tags": list(dict.fromkeys(tags))} if tags else {})


def _tidy_outputs(outputs: list[NotebookNode], run: int) -> list[NotebookNode]:
    tidy: list[NotebookNode] = []
    for output in outputs:
        last = tidy[-1] if tidy else None
        if output.output_type == "stream":
            if last is not None and last.output_type == "stream" and last.name == output.name:
                last.text += output.text
                continue
        elif output.output_type != "error":
            output.metadata = from_dict(_alt_of(output.metadata))
            shrink(output)
        if output.output_type == "execute_result":
            output.execution_count = run
        tidy.append(output)
    return tidy


def _alt_of(metadata: dict) -> dict:
    """The text that stands for each picture; sizes and the like go."""
    kinds = {mime: about for mime, about in metadata.items() if isinstance(about, dict)}
    alts = {mime: about.get("alt") for mime, about in kinds.items()}
    return {mime: {"alt": alt} for mime, alt in alts.items() if isinstance(alt, str) and alt}


def _texts(cell: NotebookNode) -> list[str]:
    texts = []
    for output in cell.get("outputs", []):
        if output.output_type == "stream":
            texts.append(output.text)
        elif output.output_type != "error":
            texts += [t for mime, t in output.data.items() if mime in ("text/plain", "text/html")]
    return texts


def _around(text: str, match: re.Match[str]) -> str:
    return text[max(0, match.start() - 20) : match.end() + 20].replace("\n", " ")


def _without_pictures(notebook: NotebookNode) -> NotebookNode:
    plain = copy.deepcopy(notebook)
    for cell in plain.cells:
        for output in cell.get("outputs", []):
            for mime in output.get("data", {}):
                if mime.startswith("image/"):
                    output.data[mime] = ""
    return plain
