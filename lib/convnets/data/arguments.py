"""Checks that the generated data sets share."""

from __future__ import annotations

from operator import index


def at_least(minimum: int, **values: int) -> None:
    """Raise a ValueError that names the first value that is no integer >= `minimum`.

    >>> at_least(0, n=-1)
    Traceback (most recent call last):
    ValueError: n must be an integer >= 0, but is -1.
    """
    for name, value in values.items():
        try:
            good = index(value) >= minimum
        except TypeError:
            good = False
        if not good:
            raise ValueError(f"{name} must be an integer >= {minimum}, but is {value!r}.")
