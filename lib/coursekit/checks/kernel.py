"""What the running kernel can tell a check. All of it is harmless where there is none."""

from __future__ import annotations

import ast
import re
import sys
import types
import warnings
from collections.abc import Mapping
from typing import Any

from IPython import get_ipython
from IPython.core.inputtransformer2 import TransformerManager

from coursekit.checks.kinds import described

_USUAL = {  # name in a notebook: (module, what it is called)
    "np": ("numpy", "NumPy"),
    "plt": ("matplotlib.pyplot", "Matplotlib's pyplot"),
    "torch": ("torch", "PyTorch"),
}
_KNOWN = re.compile(r"a\d\d_known")  # the module beside an assignment, imported as `known`
# At the beginning of a line, since the text may be no Python: def f, class f, f =, f: Callable =
_DEFINES = r"^(?:(?:async\s+)?def|class)\s+{0}\b|^{0}\s*(?::[^=\n]+)?=(?!=)"


def somebody_reads() -> bool:
    """Whether a person runs this cell, in JupyterLab or another front end.

    Only these can be asked for input: what runs notebooks by itself, such as nbclient, nbconvert
    and nbgrader's Validate, says with every cell that nobody answers.
    """
    kernel = getattr(get_ipython(), "kernel", None)
    if not hasattr(kernel, "get_parent"):
        return False
    asked = kernel.get_parent("shell") or {}
    return asked.get("content", {}).get("allow_stdin") is True


def last_text(name: str) -> str:
    """The cell that last defined a function, as it was run; "" where none did, or none is known.

    Args:
        name: of a function or class that a student defines.
    """
    history = getattr(get_ipython(), "history_manager", None)
    typed = getattr(history, "input_hist_raw", ())  # cells as they ran, the check's own last
    defines = re.compile(_DEFINES.format(re.escape(name)), re.MULTILINE)
    return next((text for text in reversed(typed) if defines.search(text)), "")


def newer_text_that_failed(name: str) -> str:
    """That the cell of a function was changed and run again, and is no Python; else "".

    Then the name still means what it meant before, and a check would grade that without a word.

    Args:
        name: of a function or class that a student defines.
    """
    last = last_text(name)
    error = _why_no_python(last)
    if not error:
        return ""
    has_one = name in get_ipython().user_ns
    rest = "this check ran the version before it" if has_one else "there is nothing to check yet"
    return f"The cell of {name}, as you last ran it, is no Python ({error}); {rest}."


def overwritten(namespace: Mapping[str, Any]) -> str:
    """Which names of the first cell mean something else by now, and what to do; else "".

    Args:
        namespace: of the notebook, by name. What lives in another process may stand in it.
    """
    usual = dict(_USUAL)
    for name in filter(_KNOWN.fullmatch, tuple(sys.modules)):
        usual["known"] = (name, f"the module {name}")
    return " ".join(
        f"{name} is no longer {words} but {described(namespace[name])}: you have given the name to "
        "something else. Run the first cell again."
        for name, (module, words) in usual.items()
        if name in namespace and not _is_module(namespace[name], module)
    )


def _why_no_python(text: str) -> str:
    """Why the text of a cell does not compile, such as "SyntaxError: expected ':', line 3"."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the student has seen what the compiler thinks of it
        try:
            python = TransformerManager().transform_cell(text)
            compile(python, "<cell>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        except SyntaxError as error:
            where = f", line {error.lineno}" if error.lineno else ""
            return f"{type(error).__name__}: {error.msg}{where}"
        except (ValueError, RecursionError, MemoryError, OverflowError) as error:
            return f"{type(error).__name__}: {error}"
    return ""


def _is_module(value: Any, name: str) -> bool:
    """Whether it is this module, or one of another process; True for a module nobody imported."""
    if hasattr(type(value), "__kind_in_room__"):
        return value.__kind_in_room__() == "module"
    if isinstance(value, types.ModuleType):
        there = value.__name__
        return there == name or bool(_KNOWN.fullmatch(there) and _KNOWN.fullmatch(name))
    return name not in sys.modules
