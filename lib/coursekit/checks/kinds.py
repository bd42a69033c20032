"""What a value is, as a student would say it, and what may have gone wrong where it is no result.

A value that lives in another process is known by the name of its type alone. So whatever does not
cross as data is told by that name here too, and the words are the same on both sides.
"""

from __future__ import annotations

import builtins
import sys
from typing import Any

import numpy as np

LONGEST = 40  # characters of a number or a string that are shown

_FUNCTIONS = {
    "function": "a function",
    "method": "a method",
    "partial": "a function",
    "_lru_cache_wrapper": "a function",
    "builtin_function_or_method": "a built-in function",
    "method-wrapper": "a built-in function",
    "method_descriptor": "a built-in function",
    "wrapper_descriptor": "a built-in function",
    "ufunc": "a NumPy function",
    "_ArrayFunctionDispatcher": "a NumPy function",
    "type": "a class",
    "ABCMeta": "a class",
    "EnumType": "a class",
}
_LAZY = {
    "map": "a map object",
    "filter": "a filter object",
    "zip": "a zip object",
    "enumerate": "an enumerate object",
    "reversed": "a reversed object",
    "dict_keys": "the keys of a dict",
    "dict_values": "the values of a dict",
    "dict_items": "the items of a dict",
}
_SPARSE = {
    f"{form}_{kind}"
    for form in ("bsr", "coo", "csc", "csr", "dia", "dok", "lil")
    for kind in ("matrix", "array")
}
_TABLES = {"DataFrame": "a pandas DataFrame", "Series": "a pandas Series"}
_OTHERS = {
    "generator": "a generator",
    "coroutine": "a coroutine",
    "async_generator": "an asynchronous generator",
    "ndarray": "a NumPy array of an unusual dtype",
    "Tensor": "a torch tensor of an unusual kind",
    "NotImplementedType": "NotImplemented",
    "NoneType": "None",
}
_NAMES = _FUNCTIONS | _LAZY | _TABLES | _OTHERS | dict.fromkeys(_SPARSE, "a SciPy sparse matrix")

_CALL = "Are the `()` missing? `y.copy` is a function, `y.copy()` is what it gives."
_RETURN = "Give the result with `return`, not with `yield`."
_REMEDIES = {
    "generator": _RETURN + " `[... for ...]` makes a list, `(... for ...)` a generator.",
    "async_generator": _RETURN + " And write `def`, not `async def`.",
    "coroutine": "Write `def`, not `async def`.",
    "ndarray": "NumPy makes such an array of parts that are no numbers or that differ in shape.",
    "NoneType": "Is the `return` missing?",
    "NotImplementedType": "What is to be returned has yet to be written.",
    "ellipsis": "`...` stands for what has yet to be written.",
    "matrix": "`np.asarray(...)` makes an array of it.",
}
_REMEDIES |= dict.fromkeys(_FUNCTIONS, _CALL)
_REMEDIES |= dict.fromkeys(_LAZY, "`list(...)` makes a list of it, `np.array(list(...))` an array.")
_REMEDIES |= dict.fromkeys(_TABLES, "`.to_numpy()` makes an array of it.")
_REMEDIES |= dict.fromkeys(_SPARSE, "`.toarray()` makes an array of it.")


def described(value: Any) -> str:
    """What a value is, in a few words that follow "the result is".

    >>> described(np.zeros(3)), described([1, 2]), described("relu"), described(1.5)
    ('a NumPy array', 'a list', "a string ('relu')", 'a single number (1.5)')
    >>> described(np.zeros(3).copy), described(i for i in range(3))
    ('a built-in function', 'a generator')
    """
    return _as_data(value) or _by_name(_type_name(value))


def remedy(value: Any) -> str:
    """What to try where a value of this kind is no result; "" where nothing is known.

    >>> remedy(None)
    'Is the `return` missing?'
    """
    name = _type_name(value)
    if name in ("ndarray", "Tensor") and _as_data(value):  # a usual one
        return ""
    if name in _REMEDIES:
        return _REMEDIES[name]
    if name.endswith("iterator"):
        return _REMEDIES["map"]
    if _is_exception(name):
        return f"Raise it, `raise {name}(...)`, instead of returning it."
    return ""


def _type_name(value: Any) -> str:
    """What stands for a value of another process tells by its method `__kind_in_room__`."""
    if hasattr(type(value), "__kind_in_room__"):
        return value.__kind_in_room__()
    return type(value).__name__


def _as_data(value: Any) -> str:
    """The words for what crosses to another process as data; "" for anything else."""
    if value is None:
        return "None"
    if value is ...:
        return "an ellipsis (`...`)"
    if isinstance(value, np.ndarray):
        return _array(value)
    if isinstance(value, (bool, np.bool_)):
        return f"a truth value ({bool(value)})"
    if isinstance(value, str):
        return f"a string ({_cut(repr(str(value)))})"
    if isinstance(value, (int, float, complex, np.number)):
        return _number(value)
    if torch := sys.modules.get("torch"):
        if isinstance(value, torch.Tensor):
            usual = value.layout == torch.strided and not value.is_quantized
            return f"a torch tensor on {value.device}" if usual else ""
        if isinstance(value, torch.dtype):
            return "a dtype"
    if isinstance(value, np.dtype):
        return "a dtype"
    plain = (list, tuple, dict, set, frozenset, bytes, slice, range)
    kind = next((kind.__name__ for kind in plain if isinstance(value, kind)), "")
    return "bytes" if kind == "bytes" else kind and f"a {kind}"


def _array(value: np.ndarray) -> str:
    if isinstance(value, np.matrix):
        return "a NumPy matrix"
    if isinstance(value, np.ma.MaskedArray):
        return "a masked NumPy array"
    return "a NumPy array" if _is_usual(value.dtype) else ""


def _number(value: Any) -> str:
    if isinstance(value, np.generic) and not _is_usual(value.dtype):
        return ""
    if isinstance(value, int) and abs(value) >= 10**LONGEST:  # Python refuses to write long ones
        return f"a single number (about 2**{value.bit_length() - 1})"
    return f"a single number ({_cut(str(value))})"


def _is_usual(dtype: np.dtype) -> bool:
    """Whether it is of numbers, truth values or text, and none longer than others can read."""
    if dtype.kind in "fc":
        return dtype.itemsize <= 8 * (1 + (dtype.kind == "c"))
    return dtype.kind in "biuSU"


def _by_name(name: str) -> str:
    """The words for a type's name, which may be anybody's."""
    if name in _NAMES:
        return _NAMES[name]
    if name.endswith("iterator"):
        return "an iterator"
    if not name.isidentifier():
        return "an object"
    return f"{'an' if name[0] in 'aeioAEIO' else 'a'} {_cut(name)}"


def _is_exception(name: str) -> bool:
    kind = getattr(builtins, name, None) if name.isidentifier() else None
    return isinstance(kind, type) and issubclass(kind, BaseException)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else text[:LONGEST] + " …"
