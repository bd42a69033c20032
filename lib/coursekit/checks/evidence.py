"""Which mistake explains all that a function returned: every call of it in a task is evidence.

A wrong diagnosis is worse than none. A mistake is named only where it gives what the student's
function gave in every single case, right ones included; where it shows in at least two cases; where
it makes more than four different values there; and where no other mistake does the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from coursekit.checks.compare import as_numpy, close, is_tensor, wrong_elements
from coursekit.checks.oracle import Mistake

CASES = 2  # in which a mistake must show
VALUES = 4  # there must be more different ones than this
SINGLE = Mistake(
    "only about seven digits are right, as when something on the way is float32",
    lambda: None,
    ("np.float32, float(...) of a float32, or an array made with dtype=np.float32?",),
)


@dataclass(frozen=True)
class Trial:
    """One call of a student's function, with copies of the arguments.

    Attributes:
        args: as they were given.
        want: the right value, or the right one of several.
        got: what came back, where something did.
        error: what was raised instead, or None.
    """

    args: tuple
    want: Any
    got: Any = None
    error: Exception | None = None

    @property
    def is_right(self) -> bool:
        """Whether the values, whatever their type, are the right ones."""
        return self.error is None and same_values(self.got, self.want)


@dataclass
class Evidence:
    """All calls of one function, as far as one of its outputs goes.

    Attributes:
        function: the one called.
        mistakes: that may explain it.
        which: of several outputs, the index of the one looked at; None where there is one.
        output: the name of that one, or "".
        trials: the calls.
    """

    function: Callable
    mistakes: Sequence[Mistake]
    which: int | None = None
    output: str = ""
    trials: list[Trial] = field(default_factory=list)
    _found: tuple[int, Mistake | None] = (-1, None)

    def diagnosis(self) -> Mistake | None:
        """The one mistake that explains all trials, or a simple relation that does, or None."""
        if self._found[0] != len(self.trials):
            try:
                self._found = len(self.trials), self._look()
            except Exception:  # results can be of any kind; a report without a diagnosis is one too
                self._found = len(self.trials), None
        return self._found[1]

    def _look(self) -> Mistake | None:
        # A wrong and small case rules out most mistakes at once.
        trials = sorted(self.trials, key=lambda t: (t.is_right, _size(t.want)))
        if not trials or trials[0].is_right:
            return None
        found = [m for m in self.mistakes if _explains(self._maker(m), trials)]
        if found:
            return found[0] if len({mistake.name for mistake in found}) == 1 else None
        related = (m for m in relations(trials) if _explains(_of_want(m), trials))
        found = next(related, None) or (SINGLE if _are_single(trials) else None)
        if found and self.output:
            return replace(found, name=_about(found.name, self.output))
        return found

    def _maker(self, mistake: Mistake) -> Callable[[Trial], Any]:
        def make(trial: Trial) -> Any:
            made = mistake.make(*trial.args)
            return made if self.which is None else made[self.which]

        return make


@dataclass
class OfAnOutput:
    """What is known of the outputs of a function that raised: any of them may tell why.

    Attributes:
        parts: the evidence about each output.
    """

    parts: Sequence[Evidence]

    def diagnosis(self) -> Mistake | None:
        """The one mistake that explains an output of its, or None."""
        found = {mistake.name: mistake for part in self.parts if (mistake := part.diagnosis())}
        return next(iter(found.values())) if len(found) == 1 else None


def _about(name: str, output: str) -> str:
    """A relation, said of one of several outputs."""
    for start in (
        "every value",
        "the last two axes",
        "the values",
        "the result",
        "negative values",
    ):
        if name.startswith(start):
            of = output if start == "the result" else f"{start} of {output}"
            return of + name.removeprefix(start)
    return f"in {output}, {name}"


def same_values(a: Any, b: Any) -> bool:
    """Equal shape, and equal values up to rounding; False for what holds no numbers.

    A tuple of numbers is compared as one value.
    """
    if isinstance(a, (str, dict)) or isinstance(b, (str, dict)):
        return False
    if isinstance(b, (tuple, list)) and len(b) and not _are_numbers(b):
        return (
            isinstance(a, (tuple, list))
            and len(a) == len(b)
            and all(same_values(x, y) for x, y in zip(a, b, strict=True))
        )
    if not _is_comparable(a) or not _is_comparable(b):
        return False
    return close(a, b)


def _explains(make: Callable[[Trial], Any], trials: Sequence[Trial]) -> bool:
    """Whether a mistake gives what was got in all trials, and shows in enough of them."""
    shows: list[np.ndarray] = []
    for trial in trials:
        try:
            with np.errstate(all="ignore"):
                made = make(trial)
        except Exception:  # the mistake is not possible for these sizes
            if trial.error is None:
                return False
            continue
        if trial.error is not None or not same_values(trial.got, made):
            return False
        if not same_values(trial.want, made):
            shows.append(as_numpy(max(made, trial.want, key=_variety)).ravel())
    return _is_enough(shows)


def _is_enough(shown: Sequence[np.ndarray]) -> bool:
    return len(shown) >= CASES and len(np.unique(np.concatenate(shown))) > VALUES


# --- relations ------------------------------------------------------------------------------------


def relations(trials: Sequence[Trial]) -> Iterator[Mistake]:
    """Simple relations between right and wrong results, each a function of the right one.

    Factor and offset are those of all trials together.
    """
    pairs = [(_as_floats(t.got), _as_floats(t.want)) for t in trials if t.error is None]
    if not pairs or any(got is None or want is None for got, want in pairs):
        return
    alike = [(got, want) for got, want in pairs if got.shape == want.shape]
    if len(alike) == len(pairs):
        got, want = (
            np.concatenate([side.ravel() for side in sides]) for sides in zip(*alike, strict=True)
        )
        yield from _scaled(got, want)
        yield from _moved(got, want)
        yield from _cut()
    most = max((want.ndim for _, want in pairs), default=0)
    for axis in range(most):
        yield Mistake(
            f"the result is reversed along axis {axis}",
            lambda want, axis=axis: np.flip(want, axis) if axis < np.ndim(want) else want,
        )
    yield Mistake("the last two axes are swapped", lambda want: np.swapaxes(want, -1, -2))


def _scaled(got: np.ndarray, want: np.ndarray) -> Iterator[Mistake]:
    finite = np.isfinite(got) & np.isfinite(want)
    square = float(np.sum(want[finite] ** 2))
    factor = float(np.sum(got[finite] * want[finite])) / square if square else 1.0
    if not math.isfinite(factor) or abs(factor - 1) < 1e-8:
        return
    if abs(factor) < 1e-12:
        yield Mistake("every value is zero", lambda want: want * 0)
    elif abs(factor + 1) < 1e-6:
        yield Mistake("every value has the opposite sign", lambda want: -want)
    elif abs(factor) < 1 and abs(1 / factor - round(1 / factor)) < 1e-6:
        part = round(1 / factor)
        name = f"every value is {'−' if part < 0 else ''}1/{abs(part)} of the expected one"
        yield Mistake(name, lambda want: want / part)
    else:
        near = round(factor) if abs(factor - round(factor)) < 1e-6 else factor
        yield Mistake(f"every value is {near:.6g} times the expected one", lambda want: want * near)


def _moved(got: np.ndarray, want: np.ndarray) -> Iterator[Mistake]:
    offset = float(np.mean(got - want))
    if math.isfinite(offset) and abs(offset) > 1e-8 * float(np.max(np.abs(want), initial=0.0)):
        yield Mistake(
            f"every value differs from the expected one by {offset:+.6g}",
            lambda want: want + offset,
        )


def _are_single(trials: Sequence[Trial]) -> bool:
    """Whether all values are right to the seven digits that float32 holds, and no further."""
    shown = []
    for trial in trials:
        if trial.error is not None or not _is_comparable(trial.got):
            return False
        got, want = as_numpy(trial.got), as_numpy(trial.want)
        if got.shape != want.shape or wrong_elements(got, want, rtol=1e-5).any():
            return False
        if not trial.is_right:
            shown.append(want.ravel())
    return _is_enough(shown)


def _cut() -> Iterator[Mistake]:
    whole = "the values are cut to whole numbers, as when they are stored in an integer array"
    yield Mistake(whole, np.trunc)
    yield Mistake("the values are rounded to whole numbers", np.rint)
    yield Mistake("the values are rounded down to whole numbers", np.floor)
    for digits in range(1, 9):
        name = (
            f"the values are rounded to {digits} digit{'s' if digits > 1 else ''} after the point"
        )
        yield Mistake(name, lambda want, digits=digits: np.round(want, digits))
    yield Mistake("every value has lost its sign", np.abs)
    yield Mistake("negative values are cut off at zero", lambda want: np.maximum(want, 0))


def _of_want(mistake: Mistake) -> Callable[[Trial], Any]:
    return lambda trial: mistake.make(_as_floats(trial.want))


def _as_floats(value: Any) -> np.ndarray | None:
    if isinstance(value, (str, bool, dict, type(None))) or not _is_comparable(value):
        return None
    array = as_numpy(value)
    return array.astype(np.float64) if array.dtype.kind in "iuf" else None


def _is_comparable(value: Any) -> bool:
    if isinstance(value, (tuple, list)):
        return _are_numbers(value)
    return isinstance(value, (np.ndarray, np.generic, int, float)) or is_tensor(value)


def _are_numbers(values: Sequence) -> bool:
    return all(isinstance(value, (int, float, np.generic)) for value in values)


def _variety(value: Any) -> int:
    return len(np.unique(as_numpy(value)))


def _size(value: Any) -> int:
    if isinstance(value, (tuple, list)):
        return sum(map(_size, value))
    return math.prod(np.shape(value))
