"""Notebooks: read, write, tidy, find cells, mend a submission, run.

The only place that knows notebook metadata.

notebook = notebooks.read(path)
for name, cell in notebooks.graded(notebook).items():
    print(name, notebooks.points(cell))
"""

from coursekit import extras

with extras.named():
    import nbformat  # noqa: F401, before the modules that need it do

from coursekit.notebooks.cells import (
    HIDDEN,
    INSTALL,
    MARKERS,
    PROGRESS,
    SKIP,
    SOLUTION,
    Kind,
    changes,
    find,
    grade_id,
    graded,
    in_region,
    kind,
    outside_region,
    points,
    solutions,
    tests,
    total_points,
    without_markers,
)
from coursekit.notebooks.files import (
    MAX_BYTES,
    NotebookError,
    Reading,
    of_text,
    read,
    read_noting,
    text_of,
    write,
)
from coursekit.notebooks.rebuild import rebuild
from coursekit.notebooks.running import ExecutionError, execute, refresh
from coursekit.notebooks.shown import alts, is_folded, title
from coursekit.notebooks.tidy import normalise, same_results, unstable_outputs

__all__ = [
    "HIDDEN",
    "INSTALL",
    "MARKERS",
    "MAX_BYTES",
    "PROGRESS",
    "SKIP",
    "SOLUTION",
    "ExecutionError",
    "Kind",
    "NotebookError",
    "Reading",
    "alts",
    "changes",
    "execute",
    "find",
    "grade_id",
    "graded",
    "in_region",
    "is_folded",
    "kind",
    "normalise",
    "of_text",
    "outside_region",
    "points",
    "read",
    "read_noting",
    "rebuild",
    "refresh",
    "same_results",
    "solutions",
    "tests",
    "text_of",
    "title",
    "total_points",
    "unstable_outputs",
    "without_markers",
    "write",
]
