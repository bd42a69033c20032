"""Values that JSON holds without loss: what settings and results are made of."""

from __future__ import annotations

import json
import math
from typing import Any


def plain(value: Any, what: str) -> Any:
    """A value as JSON keeps it: NumPy's and torch's numbers become Python's, tuples lists.

    Args:
        value: None, a truth value, number, string or array, or a list or tuple of these.
        what: its name in an error.
    Raises:
        ValueError: it is something else, or a number that is not finite.

    >>> plain((1, None, "max"), "x")
    [1, None, 'max']
    """
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [plain(each, what) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{what} is {value}; give None where there is no number.")
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(
        f"{what} is a {type(value).__name__}; give numbers, strings, None, or lists of them."
    )


def plain_dict(values: Any, what: str) -> dict[str, Any]:
    """A dict from names to plain values.

    Raises:
        ValueError: it is no such dict.

    >>> plain_dict({"lr": 0.1, "sizes": (8, 16)}, "a setting")
    {'lr': 0.1, 'sizes': [8, 16]}
    """
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise ValueError(f"{what} must be a dict with names as keys, but is {values!r:.200}.")
    return {name: plain(value, f"{what}: {name!r}") for name, value in values.items()}


def key(setting: dict[str, Any]) -> str:
    """One text for each setting, whatever the order of its names.

    >>> key({"seed": 0, "lr": 0.1}) == key({"lr": 0.1, "seed": 0})
    True
    """
    return json.dumps(setting, sort_keys=True)


def shown(values: dict[str, Any]) -> str:
    """A setting or result for people.

    >>> shown({"pool": "max", "lr": 0.03, "test": 0.9693593})
    'pool=max lr=0.03 test=0.9694'
    """
    pairs = ((name, f"{v:.4g}" if isinstance(v, float) else v) for name, v in values.items())
    return " ".join(f"{name}={value}" for name, value in pairs)
