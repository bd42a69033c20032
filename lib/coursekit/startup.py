"""What processes of this package do before they import anything else."""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterable

# glibc gives memory back to the system whenever a large array is freed, and asks for it again page
# by page: a fifth of the time of grading. Below 256 MiB it keeps it.
KEEP_MEMORY = dict.fromkeys(("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"), str(256 * 2**20))


def skip_grammars() -> None:
    """Import nbformat in a tenth of the time.

    nbformat imports jsonschema, which builds a parser of internationalised web addresses, for 0.8
    seconds, if it finds the package for that, and likewise knows durations. Notebooks hold nothing
    of the kind to check.
    """
    for name in ("rfc3987_syntax", "isoduration"):
        sys.modules.setdefault(name, None)


def import_all(names: Iterable[str]) -> None:
    """Import modules. A name that is no module's is passed over."""
    for name in names:
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(name)
