"""Seeds that are typed in test cells: whoever reads the sources knows the inputs of hidden checks.

A test draws from `task.rng()`, which depends on the task, the check and the secret of a class. A
student's function that takes a seed is given a drawn one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from nbformat import NotebookNode

from coursekit import notebooks
from coursekit.cell_runner import Cell

# What takes a seed as its first argument, or as one of these names.
GENERATORS = ("default_rng", "RandomState", "SeedSequence", "Random", "PCG64", "Philox", "MT19937")
SEEDERS = frozenset((*GENERATORS, "SFC64", "seed", "manual_seed"))
KEYWORDS = frozenset(("seed", "entropy", "key", "x", "a"))
INSTEAD = (
    "write `task.rng()` for a generator, and `int(task.rng().integers(2**31))` for a seed, "
    "such as that of torch.Generator().manual_seed or of the student's function"
)


def typed_seeds(notebook: NotebookNode) -> list[str]:
    """Where test cells type a seed or draw without one, in plain words."""
    found = []
    for name, cell in notebooks.tests(notebook).items():
        try:
            tree = Cell(cell.id, cell.source).tree
        except (SyntaxError, ValueError):
            continue  # which running it says
        found += [f"{name}: {fault}; {INSTEAD}" for fault in _faults(tree)]
    return found


def _faults(tree: ast.Module) -> Iterator[str]:
    typed = _typed_names(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or _called(node) not in SEEDERS:
            continue
        given = [*node.args[:1], *(k.value for k in node.keywords if k.arg in KEYWORDS)]
        text = ast.unparse(node)
        if not given or all(isinstance(g, ast.Constant) and g.value is None for g in given):
            yield f"line {node.lineno}, `{text}`, draws other numbers each time"
        elif any(_is_typed(value, typed) for value in given):
            yield f"line {node.lineno}, `{text}`, holds a typed seed"


def _called(call: ast.Call) -> str:
    match call.func:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _is_typed(value: ast.expr, names: set[str]) -> bool:
    """Whether an expression is made of nothing but numbers, and of names of such."""
    match value:
        case ast.Constant(value=found):
            return isinstance(found, int | float | str | bytes)
        case ast.Name(id=name):
            return name in names
        case ast.UnaryOp(operand=operand):
            return _is_typed(operand, names)
        case ast.BinOp(left=left, right=right):
            return _is_typed(left, names) and _is_typed(right, names)
        case ast.Tuple(elts=parts) | ast.List(elts=parts) | ast.Set(elts=parts):
            return bool(parts) and all(_is_typed(part, names) for part in parts)
        case ast.Call(func=ast.Name(id="range" | "int" | "enumerate" | "list"), args=args):
            return bool(args) and all(_is_typed(arg, names) for arg in args)
    return False


def _typed_names(tree: ast.Module) -> set[str]:
    """Names that hold typed numbers: `seed = 5`, `for seed in range(3)`."""
    typed: set[str] = set()
    for _ in range(2):  # a name may be typed by way of another
        for node in ast.walk(tree):
            match node:
                case ast.Assign(targets=targets, value=value) if _is_typed(value, typed):
                    typed |= {t.id for t in targets if isinstance(t, ast.Name)}
                case (
                    ast.For(target=target, iter=value)
                    | ast.comprehension(target=target, iter=value)
                ) if _is_typed(value, typed):
                    names = (n for n in ast.walk(target) if isinstance(n, ast.Name))
                    typed |= {n.id for n in names}
    return typed
