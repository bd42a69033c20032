"""Which modules an assignment imports, so that they are there before the first submission."""

from __future__ import annotations

import ast

from IPython.core.inputtransformer2 import TransformerManager
from nbformat import NotebookNode

# What a package imports when it is first used, which would then happen in every child and room.
LATE_IMPORTS = {"convnets": ("PIL.JpegImagePlugin",)}


def modules_of(source: NotebookNode, beside: dict[str, bytes]) -> list[str]:
    """What the course's cells and the files beside the notebook import, in order.

    For `from a import b` both a and a.b are named: b may be a module.

    Args:
        source: the assignment with its solutions, which use what students will use.
        beside: file name -> content.
    """
    texts = [cell.source for cell in source.cells if cell.cell_type == "code"]
    texts += [data.decode() for name, data in beside.items() if name.endswith(".py")]
    names: dict[str, None] = {}
    for text in texts:
        for node in ast.walk(_parsed(text)):
            if isinstance(node, ast.Import):
                names |= dict.fromkeys(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                within = (f"{node.module}.{alias.name}" for alias in node.names)
                names |= dict.fromkeys((node.module, *within))
    late = (name for first in names for name in LATE_IMPORTS.get(first, ()))
    return [*names, *late]


def _parsed(text: str) -> ast.AST:
    """The code of a cell; nothing where it is no Python."""
    try:
        return ast.parse(TransformerManager().transform_cell(text))
    except SyntaxError:
        return ast.Module([], [])
