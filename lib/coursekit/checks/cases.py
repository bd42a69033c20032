"""The calls that a check makes: what is passed, and what a student is told of it."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from coursekit.checks.compare import is_tensor, what_to_try
from coursekit.checks.evidence import same_values
from coursekit.checks.findings import CheckFailed, Finding
from coursekit.checks.kinds import described
from coursekit.checks.oracle import Oracle
from coursekit.checks.source import is_stub

SMALL = 9  # numbers; where an array has more, all of a case are told by their shapes
LONGEST = 60  # characters of another argument
LARGE = 2**20  # bytes; a larger array goes in a message of its own


@dataclass(frozen=True)
class Case:
    """One call.

    Attributes:
        args: positional arguments.
        trait: what is special about it, such as "with a batch of 1", or "".
        want: what is right, where that was worked out by hand; None to ask the oracle.
    """

    args: tuple
    trait: str = ""
    want: Any = None


@dataclass(frozen=True)
class Run:
    """What a student's function did in one case.

    Attributes:
        case: what it was called with; its own copies of it.
        got: what it returned, where it did.
        error: what it raised, or None.
        changed: places of the arguments that it changed.
    """

    case: Case
    got: Any = None
    error: Exception | None = None
    changed: tuple[int, ...] = ()


class Runs(list):
    """A function's `Run` for each of several cases, of which several checks can look at parts."""

    def __init__(self, function: Callable, runs: Iterable[Run] = ()):
        super().__init__(runs)
        self.function = function


def runs_of(function: Callable, cases: Iterable[Any]) -> Runs:
    """Call a function once for each case, with copies of the arguments. Whatever it raises is kept.

    Args:
        function: a student's.
        cases: tuples of positional arguments, or `Case`.
    """
    cases = [as_case(case) for case in cases]
    given = [copies(case.args) for case in cases]
    runs = Runs(function)
    outcomes = attempts(function, given)
    for case, args, (got, error) in zip(cases, given, outcomes, strict=False):
        if error is not None:
            runs.append(Run(case, error=error))
            if is_stub(error):
                return runs  # nothing is written yet; once is enough
            continue
        pairs = zip(args, case.args, strict=True)
        changed = (i for i, (now, then) in enumerate(pairs) if not same_bits(now, then))
        runs.append(Run(case, got, changed=tuple(changed)))
    return runs


def attempts(function: Callable, given: Sequence[tuple]) -> Iterable[tuple[Any, Exception | None]]:
    """(result, None) or (None, exception) of each call; those of another process come together."""
    ask = getattr(type(function), "__each__", None)
    if ask is not None and all(_is_plain(args) for args in given):
        return ask(function, list(given))
    return (_attempt(function, args) for args in given)


def _attempt(function: Callable, args: tuple) -> tuple[Any, Exception | None]:
    try:
        return kept(function(*args)), None
    except CheckFailed:
        raise
    except Exception as error:
        return None, error


def _is_plain(value: Any) -> bool:
    """Whether it is arrays and numbers alone, of which many can go in one message."""
    if isinstance(value, (tuple, list)):
        return all(map(_is_plain, value))
    if isinstance(value, np.ndarray):
        return value.nbytes <= LARGE
    return value is None or isinstance(value, (int, float, complex, str, np.generic))


def kept(value: Any) -> Any:
    """A result as it is now, whatever later calls do to the memory it lies in."""
    if type(value) in (tuple, list):
        return type(value)(kept(part) for part in value)
    if isinstance(value, np.ndarray):
        return value.copy(order="K")
    return value.clone() if is_tensor(value) else value


def as_case(case: Any) -> Case:
    """A case from a tuple of arguments.

    Raises:
        TypeError: it is something else, such as an array that was meant for an only argument.
    """
    if isinstance(case, Case):
        return case
    if not isinstance(case, tuple):
        raise TypeError(
            f"a case is a tuple of arguments, such as (x, w, b), not a {type(case).__name__}; "
            "for a function of one argument write (x,)."
        )
    return Case(case)


def wanted_in(case: Case, oracle: Oracle) -> Any:
    """What is right in a case."""
    return oracle.reference(*copies(case.args)) if case.want is None else case.want


def copies(args: Sequence) -> tuple:
    """Copies of arguments, with the layout in memory and the flags of the originals."""
    return tuple(_copy(value) for value in args)


def _copy(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        made = _like(value)
        made.flags.writeable = value.flags.writeable
        return made
    return copy.deepcopy(value)


def _like(value: np.ndarray) -> np.ndarray:
    """A copy in memory of its own, not contiguous where the original is not."""
    if value.flags.c_contiguous or value.flags.f_contiguous or not value.size:
        return value.copy(order="K")
    return scattered(value)


def same_bits(a: Any, b: Any) -> bool:
    """Whether an argument is what it was, bit for bit; what is not data may do as it likes."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return (a.shape, a.dtype) == (b.shape, b.dtype) and a.tobytes() == b.tobytes()
    if isinstance(a, np.random.Generator):
        return True  # drawing from it is what it is for
    if is_tensor(a):
        a, b = (np.asarray(value.detach()) for value in (a, b))
        return a.tobytes() == b.tobytes()
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)):
        return len(a) == len(b) and all(map(same_bits, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return list(a) == list(b) and all(same_bits(a[key], b[key]) for key in a)
    return callable(a) or bool(a == b) or bool(a != a and b != b)  # NaN is unlike itself


def scattered(value: np.ndarray) -> np.ndarray:
    """The same values, every second number of a larger array that is read backwards.

    >>> scattered(np.arange(3)).strides
    (-16,)
    """
    if value.ndim == 0:
        return value.copy()
    wide = np.zeros((*value.shape[:-1], 2 * value.shape[-1]), value.dtype)
    view = wide[..., ::-2]
    view[...] = value
    return view


def told(case: Case, oracle: Oracle) -> str:
    """What a student is told of the arguments: "x of shape (2, 3, 6, 9), stride = 2"."""
    names = oracle.parameters
    if len(names) < len(case.args):
        return ""
    most = SMALL if all(_size(arg) <= SMALL for arg in case.args) else 1
    named = ((n, v) for n, v in zip(names, case.args, strict=False) if not callable(v))
    words = ((name, word_of(value, most)) for name, value in named)
    return ", ".join(f"{n} {w}" if w.startswith("of ") else f"{n} = {w}" for n, w in words)


def word_of(value: Any, most: int = SMALL) -> str:
    """An argument in a few words: its value, or its shape where it has more numbers than `most`."""
    if isinstance(value, np.random.Generator):
        return "a random generator"
    if isinstance(value, np.ndarray) or is_tensor(value):
        flat = np.asarray(value.detach() if is_tensor(value) else value)
        if flat.size > most:
            return f"of shape {tuple(value.shape)}"
        return " ".join(np.array2string(flat, precision=4, separator=", ").split())
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _size(value: Any) -> int:
    return math.prod(value.shape) if hasattr(value, "shape") else 0


def outputs_of(got: Any, oracle: Oracle, count: int) -> Sequence:
    """The values that a function with several outputs returned.

    Raises:
        CheckFailed: there are not as many as there should be.
    """
    if isinstance(got, (tuple, list)) and len(got) == count:
        return got
    is_several = isinstance(got, (tuple, list))
    given = f"{described(got)} of {len(got)}" if is_several else described(got)
    says = f"expected {count} values, ({', '.join(oracle.outputs)}), but got {given}."
    raise CheckFailed(Finding("type", says, what_to_try(got)))


def out_of_order(got: Sequence, want: Sequence, names: Sequence[str]) -> str:
    """Which mistake it is to return the right values in another order; "" where it is not that."""
    right = range(len(want))
    if all(same_values(got[i], want[i]) for i in right):
        return ""
    for order in itertools.permutations(right):
        if all(same_values(got[i], want[j]) for i, j in enumerate(order)):
            given, asked = (", ".join(names[i] for i in each) for each in (order, right))
            return f"the values are returned as ({given}), not as ({asked})"
    return ""
