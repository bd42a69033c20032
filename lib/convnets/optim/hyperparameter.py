"""The numbers that an update rule goes by."""

from __future__ import annotations

from collections.abc import Callable

from convnets.arrays import number


class Hyperparameter:
    """An attribute of an optimiser that each of its parameter groups has for itself.

    A rule declares it in its class and reads it as `self.momentum`: within `update` it is that of
    the group of the parameter at hand, elsewhere that of the first group. Assigning sets it in all
    groups, and is refused where they differ. NumPy scalars become Python numbers, which leave the
    dtype of weights alone.

    Args:
        wanted: what it must be, continuing "momentum must"; for errors.
        allowed: whether a value is.
        remedy: what to try.
        kind: what makes a plain value out of what was given: float, bool, int.

    >>> import numpy as np
    >>> class Scaled:
    ...     factor = Hyperparameter("be >= 0", lambda value: value >= 0, "try 2")
    ...     def __init__(self):
    ...         self.group, self.param_groups = None, [{"factor": 1.0}]
    >>> scaled = Scaled()
    >>> scaled.factor = np.float64(3)
    >>> scaled.factor
    3.0
    >>> scaled.factor = -1
    Traceback (most recent call last):
    ValueError: factor must be >= 0, but is -1; try 2.
    """

    def __init__(
        self, wanted: str, allowed: Callable[[object], bool], remedy: str, kind: Callable = float
    ):
        self.wanted, self.allowed, self.remedy, self.kind = wanted, allowed, remedy, kind

    def __set_name__(self, owner, name: str):
        self.name = name

    def __get__(self, optimizer, owner=None):
        if optimizer is None:
            return self
        # Converted once more, since anything may have been put into the dict.
        return number((optimizer.group or optimizer.param_groups[0])[self.name])

    def __set__(self, optimizer, value):
        value, groups = self.checked(value), optimizer.param_groups
        values = [group[self.name] for group in groups]
        if any(other != values[0] for other in values):
            raise ValueError(
                f"the {len(groups)} parameter groups have different values of {self.name}: "
                f"{', '.join(map(str, values))}; set each, as "
                f'optimizer.param_groups[0]["{self.name}"] = {value}.'
            )
        for group in groups:
            group[self.name] = value

    def checked(self, value):
        """`value` as a Python number.

        Raises:
            ValueError: it is none, or out of range.
        """
        try:
            plain = self.kind(number(value))
        except (TypeError, ValueError):
            plain = None
        if plain is None or not self.allowed(plain):
            raise ValueError(f"{self.name} must {self.wanted}, but is {value!r}; {self.remedy}.")
        return plain
