"""What a task's result should be, and what the mistakes people really make turn it into."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any


@dataclass(frozen=True)
class Mistake:
    """A known mistake, as a function that makes it.

    Attributes:
        name: what a student is told the result looks like ("the kernel is flipped").
        make: takes the arguments of the task's function, returns what the mistake returns, and
            raises where the mistake does.
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
            an array, a number, or a tuple of them. Its parameters have the names that the task
            speaks of.
        mistakes: known mistakes, looked through in this order.
        outputs: names of the values returned, where there are several ("dx", "dw", "db"); each is
            compared by itself. A tuple without names is compared as one value.
        explain_shape: takes the same arguments; says in words, with the numbers put in, how the
            output's shape comes about.
        which: index of the only output to look at; None for all. See `only`.
        batch: parameters whose first axis runs over the images of a batch. `Task.battery` tries
            a batch of 1 with them.
        extreme: parameters that are tried with very large and very negative values.
        dtype_of: the parameter whose dtype the result has, where the task says so; then it is also
            tried with the other parameters in another dtype.
    """

    reference: Callable[..., Any]
    mistakes: tuple[Mistake, ...] = ()
    outputs: tuple[str, ...] = ()
    explain_shape: Callable[..., str] | None = None
    which: int | None = None
    batch: tuple[str, ...] = ()
    extreme: tuple[str, ...] = ()
    dtype_of: str = ""

    def __post_init__(self):
        unknown = {*self.batch, *self.extreme, *filter(None, [self.dtype_of])} - {*self.parameters}
        if unknown:
            raise ValueError(
                f"the reference has no parameter {sorted(unknown)[0]!r}; it has {self.parameters}."
            )

    def only(self, output: str) -> Oracle:
        """This oracle, looking at one of several outputs, so that each can earn its own points."""
        if output not in self.outputs:
            raise ValueError(f"no output is called {output!r}; there are {self.outputs}.")
        return replace(self, which=self.outputs.index(output))

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Names of the reference's parameters, in order."""
        return tuple(inspect.signature(self.reference).parameters)
