"""Reading notebooks from anywhere, with errors that have a name, and writing them stably."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import nbformat
from nbformat import NotebookNode, v4

from coursekit.files import replace

MAX_BYTES = 64 * 2**20  # a notebook with many figures has a few megabytes

_VALID_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_OUTPUT_TYPES = ("stream", "display_data", "execute_result", "error")


class NotebookError(ValueError):
    """A file that cannot be read as a notebook.

    Attributes:
        path: the file.
        reason: a short name: "missing", "not a regular file", "unreadable", "too large", "empty",
            "truncated", "not JSON" or "not a notebook".
    """

    def __init__(self, path: Path, reason: str, advice: str):
        super().__init__(f"{path}: {reason}. {advice}")
        self.path, self.reason = path, reason


class Reading(NamedTuple):
    """A notebook, and in plain words what was unusual about its file."""

    notebook: NotebookNode
    notes: list[str]


def read(path: str | Path) -> NotebookNode:
    """Read a notebook as nbformat 4.5; malformed cells and metadata are mended, not refused.

    Raises:
        NotebookError: what is there is no notebook; its `reason` says why.
    """
    return read_noting(path).notebook


def read_noting(path: str | Path) -> Reading:
    """`read`, with notes such as "nbformat 3, upgraded", "Latin-1 text", "no nbformat key"."""
    path, notes = Path(path), []
    text = _decode(_bytes_of(path), notes)
    raw = _parse(path, text)
    notebook = _upgraded(path, raw, notes) if "worksheets" in raw else _current(path, raw, notes)
    return Reading(notebook, notes)


def write(notebook: NotebookNode, path: str | Path) -> bool:
    """Write a notebook: sorted keys, one final newline; return whether the file changed.

    The file is replaced in one step, so a crash leaves the old one or the new one.

    Raises:
        nbformat.ValidationError: the notebook is not valid nbformat 4.
    """
    path, data = Path(path), text_of(notebook).encode()
    if path.is_file() and path.read_bytes() == data:
        return False
    replace(path, data)
    return True


def text_of(notebook: NotebookNode) -> str:
    """The exact text `write` stores."""
    nbformat.validate(notebook)
    return nbformat.writes(notebook, version=4) + "\n"


def of_text(text: str) -> NotebookNode:
    """The notebook in a text that this library made; it is not checked again."""
    return v4.reads(text)


def _bytes_of(path: Path) -> bytes:
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise NotebookError(path, "not a regular file", "Hand in the notebook itself, not a link.")
    try:
        if path.stat().st_size > MAX_BYTES:
            advice = f"The limit is {MAX_BYTES >> 20} MiB; clear the outputs and save again."
            raise NotebookError(path, "too large", advice)
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise NotebookError(path, "missing", "There is no file of this name.") from error
    except OSError as error:
        raise NotebookError(path, "unreadable", f"The system says: {error.strerror}.") from error
    if not data.strip():
        raise NotebookError(path, "empty", "The file has no content; save the notebook again.")
    return data


def _decode(data: bytes, notes: list[str]) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        pass
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        notes.append("UTF-16 text")
        return data.decode("utf-16", errors="replace")
    notes.append("Latin-1 text")
    return data.decode("latin-1")


def _parse(path: Path, text: str) -> dict[str, Any]:
    try:
        raw = json.loads(text)
    except json.JSONDecodeError as error:
        at_end = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
        if text.lstrip().startswith("{") and at_end:
            advice = "The file ends in the middle; save or download it again."
            raise NotebookError(path, "truncated", advice) from error
        advice = f"Line {error.lineno}: {error.msg}. Is it a notebook, renamed or edited by hand?"
        raise NotebookError(path, "not JSON", advice) from error
    except (ValueError, RecursionError) as error:  # endless digits, endless nesting
        raise NotebookError(path, "not JSON", "It holds a number or list beyond reason.") from error
    if not isinstance(raw, dict):
        raise NotebookError(path, "not a notebook", f"It is JSON, but a {type(raw).__name__}.")
    return raw


def _current(path: Path, raw: dict[str, Any], notes: list[str]) -> NotebookNode:
    if not isinstance(raw.get("cells"), list):
        raise NotebookError(path, "not a notebook", "It is JSON, but has no list of cells.")
    version = raw.get("nbformat")
    if version is None:
        notes.append("no nbformat key")
    elif version != 4:
        notes.append(f"nbformat {str(version)[:20]}, read as 4")
    cells = [_cell(each) for each in raw["cells"]]
    if None in cells:
        notes.append(f"{cells.count(None)} malformed cells left out")
    notebook = nbformat.from_dict(
        {
            "cells": [c for c in cells if c is not None],
            "metadata": _dict(raw.get("metadata")),
            "nbformat": 4,
            "nbformat_minor": 5,
        }
    )
    _give_ids(notebook)
    return notebook


def _upgraded(path: Path, raw: dict[str, Any], notes: list[str]) -> NotebookNode:
    try:
        converted = nbformat.convert(nbformat.from_dict(raw), 4)
    except Exception as error:  # a malformed old notebook fails nbformat in any number of ways
        advice = "It is in an old notebook format and cannot be converted; save it in JupyterLab."
        raise NotebookError(path, "not a notebook", advice) from error
    notes.append(f"nbformat {str(raw.get('nbformat'))[:20]}, upgraded")
    return _current(path, converted, [])


def _cell(raw: Any) -> NotebookNode | None:
    if not isinstance(raw, dict) or raw.get("cell_type") not in ("code", "markdown", "raw"):
        return None
    cell = {
        "cell_type": raw["cell_type"],
        "id": raw.get("id"),
        "metadata": _dict(raw.get("metadata")),
        "source": _text(raw.get("source")),
    }
    if raw["cell_type"] == "code":
        count, outputs = raw.get("execution_count"), raw.get("outputs")
        cell["execution_count"] = count if type(count) is int and count >= 0 else None
        known = (_output(each) for each in (outputs if isinstance(outputs, list) else ()))
        cell["outputs"] = [each for each in known if each is not None]
    else:
        attached = _dict(raw.get("attachments"))
        files = {name: _dict(data) for name, data in attached.items()}
        if files:
            cell["attachments"] = {
                name: {mime: _mime(mime, value) for mime, value in data.items()}
                for name, data in files.items()
            }
    return nbformat.from_dict(cell)


def _output(raw: Any) -> dict[str, Any] | None:
    if not isinstance(raw, dict) or raw.get("output_type") not in _OUTPUT_TYPES:
        return None
    output: dict[str, Any] = {"output_type": raw["output_type"]}
    if raw["output_type"] == "stream":
        name = raw.get("name")
        return output | {
            "name": name if isinstance(name, str) else "stdout",
            "text": _text(raw.get("text")),
        }
    if raw["output_type"] == "error":
        lines = raw.get("traceback")
        trace = [str(line) for line in lines] if isinstance(lines, list) else []
        names = {key: str(raw.get(key, "")) for key in ("ename", "evalue")}
        return output | names | {"traceback": trace}
    data = {str(key): _mime(key, value) for key, value in _dict(raw.get("data")).items()}
    output |= {"data": data, "metadata": _dict(raw.get("metadata"))}
    if raw["output_type"] == "execute_result":
        count = raw.get("execution_count")
        output["execution_count"] = count if type(count) is int and count >= 0 else None
    return output


def _mime(key: str, value: Any) -> Any:
    return value if str(key).endswith("json") else _text(value)


def _text(value: Any) -> str:
    """Text stored as a string or a list of strings; lone surrogates, which no file holds, go."""
    if isinstance(value, list):
        value = "".join(part for part in value if isinstance(part, str))
    if not isinstance(value, str):
        return ""
    return value.encode("utf-8", errors="replace").decode("utf-8")


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _give_ids(notebook: NotebookNode) -> None:
    used: set[str] = set()
    for number, cell in enumerate(notebook.cells, 1):
        given = cell.id if isinstance(cell.id, str) else ""
        if not _VALID_ID.fullmatch(given) or given in used:
            given = f"cell-{number}"
            while given in used:
                given += "x"
        used.add(given)
        cell.id = given
