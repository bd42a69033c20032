"""A place in this process where the cells of a notebook run and leave nothing behind."""

from __future__ import annotations

import ast
import contextlib
import importlib
import io
import linecache
import os
import random
import symtable
import sys
import types
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from IPython.core.inputtransformer2 import TransformerManager
from IPython.display import display

from coursekit.patience import TooLong, at_most

SEED = 0


@dataclass(frozen=True)
class Cell:
    """The code of a cell, compiled once."""

    name: str
    source: str

    @property
    def filename(self) -> str:
        """What tracebacks call the cell."""
        return f"<cell {self.name}>"

    @cached_property
    def python(self) -> str:
        """The source with magics turned into calls of `get_ipython()`."""
        return TransformerManager().transform_cell(self.source)

    @cached_property
    def tree(self) -> ast.Module:
        """The parsed code.

        Raises:
            SyntaxError: it is no Python.
        """
        return ast.parse(self.python, self.filename)

    @cached_property
    def binds(self) -> frozenset[str]:
        """Names the cell gives to the notebook; none where it does not parse."""
        top = self._scopes[:1]
        return frozenset(s.get_name() for t in top for s in t.get_symbols() if _is_bound(s))

    @cached_property
    def reads(self) -> frozenset[str]:
        """Names the cell takes from the notebook, as far as its text tells."""
        used = {
            s.get_name()
            for scope in self._scopes
            for s in scope.get_symbols()
            if s.is_referenced() and (s.is_global() or scope.get_type() == "module")
        }
        taken = {name for name in self.binds if _read_first(self.tree, name)}
        return frozenset(used - self.binds | taken)

    @cached_property
    def asks_for(self) -> frozenset[str]:
        """Names it reads, in whatever scope, and binds in none.

        Raises:
            SyntaxError: it is no Python.
        """
        names = [node for node in ast.walk(self.tree) if isinstance(node, ast.Name)]
        read = {node.id for node in names if isinstance(node.ctx, ast.Load)}
        return frozenset(read - {node.id for node in names if not isinstance(node.ctx, ast.Load)})

    @cached_property
    def _scopes(self) -> list[symtable.SymbolTable]:
        try:
            scopes = [symtable.symtable(self.python, self.filename, "exec")]
        except (SyntaxError, ValueError):
            return []
        for scope in scopes:
            scopes.extend(scope.get_children())
        return scopes

    @cached_property
    def code(self) -> tuple[types.CodeType, types.CodeType | None]:
        """All statements but a trailing expression, and that expression."""
        *body, last = self.tree.body or [None]
        value = None
        if isinstance(last, ast.Expr) and not self.source.rstrip().endswith(";"):
            value = compile(ast.Expression(last.value), self.filename, "eval")
        elif last is not None:
            body.append(last)
        return compile(ast.Module(body, []), self.filename, "exec"), value

    @cached_property
    def scored(self) -> str | None:
        """The variable whose `score()` is the cell's last expression, or None."""
        try:
            last = self.tree.body[-1:]
        except (SyntaxError, ValueError):
            return None
        match last:
            case [ast.Expr(ast.Call(ast.Attribute(ast.Name(id=name), "score")))]:
                return name
        return None


def _is_bound(symbol: symtable.Symbol) -> bool:
    return symbol.is_assigned() or symbol.is_imported() or symbol.is_namespace()


def _read_first(tree: ast.Module, name: str) -> bool:
    """Whether a cell that both reads and binds a name may read it first: `x = x + 1`, `x += 1`."""
    uses = [node for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id == name]
    if not uses:
        return False
    first = min(uses, key=lambda node: (node.lineno, node.col_offset))
    if isinstance(first.ctx, ast.Load):
        return True
    for node in ast.walk(tree):
        if isinstance(node, ast.AugAssign) and node.target is first:
            return True
        if isinstance(node, ast.Assign) and first in ast.walk(node):
            return any(use in uses for use in ast.walk(node.value))
    return False


@dataclass(frozen=True)
class CellResult:
    """What a cell did.

    Attributes:
        text: the value of its trailing expression as text, or None.
        error: "ValueError: ..." where it raised, else "".
        late: whether it ran for too long.
    """

    text: str | None = None
    error: str = ""
    late: bool = False


class _Shell:
    """Stands for IPython where a cell uses `%matplotlib inline`; other magics are errors."""

    def run_line_magic(self, name: str, line: str) -> None:
        if name not in ("matplotlib", "config"):
            raise NotImplementedError(f"%{name} {line}: assignments use plain Python.")


class CellRunner:
    """Runs cells in one fresh namespace, in `folder`, with output captured.

    Working folder, import path, modules imported from the folder, random states, warnings and open
    figures are as before when the `with` block ends.

    Args:
        folder: where the cells run.
        seed: of the random states.
        seconds: that a cell may take; None for no limit.
    """

    def __init__(self, folder: str | Path, *, seed: int = SEED, seconds: float | None = None):
        self.folder = Path(folder).resolve()
        self._chance, self._seconds = seed, seconds
        self.namespace: dict[str, Any] = {}
        self._undo = contextlib.ExitStack()
        self._files: list[str] = []

    def __enter__(self) -> CellRunner:
        self.namespace.update(
            __name__="__main__", __builtins__=__builtins__, display=display, get_ipython=_Shell
        )
        with contextlib.ExitStack() as undo:
            undo.enter_context(_imports_from(self.folder))
            undo.enter_context(contextlib.chdir(self.folder))
            undo.enter_context(_random_states(self._chance))
            undo.enter_context(_figures())
            undo.enter_context(warnings.catch_warnings())
            undo.enter_context(np.errstate())
            undo.callback(lambda: [linecache.cache.pop(name, None) for name in self._files])
            self._undo = undo.pop_all()
        warnings.simplefilter("ignore")
        return self

    def __exit__(self, *error) -> None:
        self._undo.close()
        self.namespace.clear()

    def run(self, cell: Cell) -> CellResult:
        """Run a cell; an exception ends the cell and nothing else.

        Each test starts from the same random states, whatever was drawn in the tests before it.
        """
        if cell.scored:
            _seed(self._chance)
        text = (
            cell.python
        )  # without the empty lines above, as IPython has it; lines count from here
        lines = text.splitlines(keepends=True)
        linecache.cache[cell.filename] = (len(text), None, lines, cell.filename)
        self._files.append(cell.filename)
        output = io.StringIO()
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
            try:
                with at_most(self._seconds):
                    body, last = cell.code
                    exec(body, self.namespace)
                    value = eval(last, self.namespace) if last else None
                    return CellResult(None if value is None else repr(value))
            except TooLong as error:
                return CellResult(error=f"TooLong: {error}", late=True)
            except (Exception, SystemExit) as error:
                return CellResult(error=f"{type(error).__name__}: {error}")


@contextlib.contextmanager
def _imports_from(folder: Path):
    """Modules beside the notebook can be imported, and are forgotten afterwards."""
    path, written = sys.path[:], sys.dont_write_bytecode
    own = {file.stem for file in folder.glob("*.py")}
    own |= {file.parent.name for file in folder.glob("*/__init__.py")}
    before = {name: sys.modules.pop(name) for name in _loaded(own)}
    sys.path.insert(0, str(folder))
    sys.dont_write_bytecode = True  # no __pycache__ beside what is released
    importlib.invalidate_caches()
    try:
        yield
    finally:
        sys.path[:], sys.dont_write_bytecode = path, written
        for name in _loaded(own):
            del sys.modules[name]
        sys.modules.update(before)


def _loaded(names: set[str]) -> list[str]:
    """Those of the modules, and what is in them, that have been imported."""
    return [name for name in sys.modules if name.partition(".")[0] in names]


@contextlib.contextmanager
def _random_states(seed: int):
    """Python's, NumPy's and torch's global generators start from one seed and are put back."""
    torch = sys.modules.get("torch")
    states = random.getstate(), np.random.get_state(), torch and torch.get_rng_state()
    _seed(seed)
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        if torch:
            torch.set_rng_state(states[2])


def _seed(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(seed)


@contextlib.contextmanager
def _figures():
    """Figures are drawn without a screen and closed."""
    backend = os.environ.get("MPLBACKEND")
    os.environ["MPLBACKEND"] = "agg"
    matplotlib = sys.modules.get("matplotlib")
    try:
        with matplotlib.rc_context() if matplotlib else contextlib.nullcontext():
            yield
    finally:
        if backend is None:
            del os.environ["MPLBACKEND"]
        else:
            os.environ["MPLBACKEND"] = backend
        if "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].close("all")
