"""Files for people and for other programs: written whole or not at all, and harmless to open."""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")  # as OWASP lists them


def replace(path: Path, data: bytes) -> Path:
    """Put `data` into a file in one step: a crash leaves the old file or the new one.

    Args:
        path: its folder is made if it is missing.
    Returns:
        The path.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".new-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def write_csv(path: Path, rows: Iterable[Sequence[object]]) -> Path:
    """Write rows as UTF-8 with commas, quoted where needed; returns the path."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(rows)
    return replace(path, text.getvalue().encode("utf-8", "replace"))


def harmless(text: str) -> str:
    r"""Text that a spreadsheet shows as text, whoever chose it, and never runs as a formula.

    For cells that people read; what a program is to match must stay as it is.

    Reference: OWASP, "CSV Injection", https://owasp.org/www-community/attacks/CSV_Injection.

    >>> harmless("=cmd|' /C calc'!A0"), harmless("Ada =")
    ("'=cmd|' /C calc'!A0", 'Ada =')
    """
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text
