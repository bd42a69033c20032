"""What a task's result should be, and what the mistakes people really make turn it into."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from coursekit.checks.compare import as_numpy, close


@dataclass(frozen=True)
class Mistake:
    """A known mistake, as a function that makes it.

    Attributes:
        name: what a student is told the result looks like ("the kernel is flipped").
        make: takes the arguments of the task's function, returns what the mistake returns.
        hints: what to think about, the vaguest first; never the solution.
    """

    name: str
    make: Callable[..., Any]
    hints: tuple[str, ...] = ()

    def __post_init__(self):
        if isinstance(self.hints, str):
            raise TypeError(f"hints of mistake {self.name!r} must be a tuple of strings.")


@dataclass(frozen=True)
class Oracle:
    """The right answer to a task, with all that is needed to explain a wrong one.

    Attributes:
        reference: takes the arguments of the student's function, returns the right result:
            an array, a number, or a tuple of them.
        mistakes: known mistakes, tried in this order.
        outputs: names of the values returned, where there are several ("dx", "dw", "db"); each is
            compared by itself. A tuple without names is compared as one value.
        explain_shape: takes the same arguments; says in words, with the numbers put in, how the
            output's shape comes about.
        which: index of the only output to look at; None for all. See `only`.
    """

    reference: Callable[..., Any]
    mistakes: tuple[Mistake, ...] = ()
    outputs: tuple[str, ...] = ()
    explain_shape: Callable[..., str] | None = None
    which: int | None = None

    def only(self, output: str) -> Oracle:
        """This oracle, looking at one of several outputs, so that each can earn its own points."""
        if output not in self.outputs:
            raise ValueError(f"no output is called {output!r}; there are {self.outputs}.")
        return replace(self, which=self.outputs.index(output))

    def recognise(self, got: Any, want: Any, which: int | None, args, kwargs) -> Mistake | None:
        """The known mistake whose result equals `got` (its output number `which`), or None.

        A mistake that makes no difference for these arguments, or fails on them, is passed over.
        Where results of several mistakes agree none is named: a wrong diagnosis is worse than none.
        """
        found = [m for m in self.mistakes if self._makes(m, got, want, which, args, kwargs)]
        return found[0] if len({mistake.name for mistake in found}) == 1 else None

    @staticmethod
    def _makes(mistake: Mistake, got: Any, want: Any, which: int | None, args, kwargs) -> bool:
        try:
            made = mistake.make(*args, **kwargs)
        except Exception:  # a mistake may not be possible for these sizes
            return False
        made = made if which is None else made[which]
        return close(got, made) and not close(want, made)


def relation(got: Any, want: Any) -> Mistake | None:
    """A simple relation between a wrong result and the right one that holds for every element.

    >>> relation(np.array([2.0, 4.0]), np.array([-2.0, -4.0])).name
    'every value has the opposite sign'
    """
    got, want = as_numpy(got), as_numpy(want)
    if got.shape != want.shape or got.size < 2 or not np.all(np.isfinite(got)):
        return None
    got, want = got.astype(np.float64), want.astype(np.float64)
    for describe in (_scaled, _offset, _flipped, _transposed, _rounded):
        name = describe(got, want)
        if name:
            return Mistake(name, lambda: None)
    return None


def _scaled(got, want) -> str:
    square = float(np.sum(want * want))
    factor = float(np.sum(got * want)) / square if square else 0.0
    if not square or not close(got, factor * want):
        return ""
    if abs(factor) < 1e-12:
        return "every value is zero"
    if abs(factor + 1) < 1e-6:
        return "every value has the opposite sign"
    if abs(factor) < 1 and abs(1 / factor - round(1 / factor)) < 1e-6:
        return f"every value is 1/{round(1 / factor)} of the expected one"
    return f"every value is {factor:.6g} times the expected one"


def _offset(got, want) -> str:
    offset = float(np.mean(got - want))
    if close(got, want + offset):
        return f"every value differs from the expected one by {offset:+.6g}"
    return ""


def _flipped(got, want) -> str:
    for axis in range(want.ndim):
        if close(got, np.flip(want, axis)):
            return f"the result is reversed along axis {axis}"
    return ""


def _transposed(got, want) -> str:
    if want.ndim >= 2 and close(got, np.swapaxes(want, -1, -2)):
        return "the last two axes are swapped"
    return ""


def _rounded(got, want) -> str:
    if close(got, np.trunc(want)) or close(got, np.rint(want)):
        return "the values are cut to whole numbers, as when they are stored in an integer array"
    return ""
