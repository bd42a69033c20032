"""The calls that every function of an assignment has to stand, whatever it computes.

They come from a case that the function gets right: other memory, other dtypes, a batch of 1, large
values; the same function called again; arguments that somebody else still needs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from coursekit.checks.cases import Case, attempts, copies, same_bits, scattered
from coursekit.checks.findings import CheckFailed, Finding
from coursekit.checks.oracle import Oracle

LARGE, SMALL = 1e12, 1e-9
AGAIN = "called again with other values"
KEPT = Finding(
    "kept",
    "a result is right at first, and changes when the function is called again.",
    ("Make a new array in every call: the caller still holds the one of the call before.",),
)
ALONE = ("Work on a copy, x.copy(), or make a new array: y = x + 1, not x += 1.",)


def inputs(case: Case, oracle: Oracle) -> Iterator[Case]:
    """The same task with other memory, dtype, size of batch and values."""
    args = case.args
    yield Case(_each(args, scattered), "with arguments that are not contiguous in memory")
    yield Case(_each(args, np.asfortranarray), "with arguments in Fortran order, last axis slowest")
    if any(map(_is_double, args)):
        yield Case(_each(args, _single), "with float32 arguments")
    named = dict(zip(oracle.parameters, args, strict=False))
    if oracle.batch:
        yield Case(_changed(named, oracle.batch, _first), "with a batch of 1")
    if oracle.extreme:
        large = _changed(named, oracle.extreme, lambda x: x * LARGE)
        yield Case(large, "with very large values")
        negative = _changed(named, oracle.extreme, lambda x: -LARGE * (1 + np.abs(x)))
        yield Case(negative, "with very negative values")
        if any(map(_is_double, args)):
            yield Case(_each(args, _small), "with very small values")


def mixed(case: Case, oracle: Oracle) -> Iterator[tuple[Case, str]]:
    """The same task with arguments of two dtypes, and the dtype that the result should have."""
    if not oracle.dtype_of:
        return
    named = dict(zip(oracle.parameters, case.args, strict=False))
    others = [n for n, v in named.items() if n != oracle.dtype_of and _is_double(v)]
    if not others:
        return
    single = Case(_changed(named, [oracle.dtype_of], _single), "")
    yield Case(single.args, f"with {oracle.dtype_of} in float32 and the rest in float64"), "float32"
    double = _changed(named, others, _single)
    yield Case(double, f"with {oracle.dtype_of} in float64 and the rest in float32"), "float64"


def other(args: tuple) -> tuple:
    """Arguments of the same shapes with their rows in another order, and so other values."""
    return _each(args, _turned)


def twice(function: Callable, first: tuple, second: tuple) -> tuple[Any, Any]:
    """What a function returned first and what it returned next, both looked at after both calls."""
    ask = getattr(type(function), "__twice__", None)  # what lives in another process is asked there
    if ask is not None:
        return ask(function, copies(first), copies(second))
    return function(*copies(first)), function(*copies(second))


def left_alone(function: Callable, args: tuple, names: tuple[str, ...]) -> None:
    """Call a function, and fail unless its arguments are the same, bit for bit, before and after.

    Raises:
        CheckFailed: one was changed, or would have been had it not been read-only.
    """
    given = [copies(args), _each(args, _single), _each(args, _locked)]
    before = [copies(each) for each in given]
    for now, then, (_, error) in zip(given, before, attempts(function, given), strict=True):
        if isinstance(error, ValueError) and "read-only" in str(error):
            says = "an argument is written to while the function runs; the caller still needs it."
            raise CheckFailed(Finding("mutated", says, ALONE)) from error
        if error is not None:
            raise error
        for name, new, old in zip(names, now, then, strict=False):
            if not same_bits(new, old):
                says = f"{name} was changed by the call; the caller still needs it."
                raise CheckFailed(Finding("mutated", says, ALONE))


def _each(args: tuple, change: Callable[[np.ndarray], np.ndarray]) -> tuple:
    return tuple(change(new) if isinstance(new, np.ndarray) else new for new in copies(args))


def _changed(named: dict[str, Any], names: Any, change: Callable) -> tuple:
    return tuple(change(v) if name in names else v for name, v in named.items())


def _is_double(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == np.float64


def _single(value: np.ndarray) -> np.ndarray:
    return value.astype(np.float32) if _is_double(value) else value


def _small(value: np.ndarray) -> np.ndarray:
    return value * SMALL if _is_double(value) else value  # labels stay what they are


def _first(value: Any) -> Any:
    return (1, *value[1:]) if isinstance(value, tuple) else value[:1]


def _locked(value: np.ndarray) -> np.ndarray:
    value.flags.writeable = False
    return value


def _turned(value: np.ndarray) -> np.ndarray:
    axis = next((axis for axis, size in enumerate(value.shape) if size > 1), None)
    return value if axis is None else np.ascontiguousarray(np.flip(value, axis))
