"""Which arguments a call changed: noticed where it runs, repeated where it was made."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from coursekit.sandbox.errors import WireError
from coursekit.sandbox.wire import generators


def snapshot(values: list[Any]) -> list[Any]:
    """What is needed to tell later which of `values` were changed."""
    return [_state(value) for value in values]


def changed(values: list[Any], before: list[Any]) -> list[tuple[int, Any]]:
    """(place, value as it is now) of those that are not as they were."""
    pairs = zip(values, before, strict=True)
    return [(i, value) for i, (value, old) in enumerate(pairs) if not _same(value, old)]


def repeat(values: list[Any], changes: list[tuple[int, Any]]) -> None:
    """Change `values` in place as `changed` says.

    Raises:
        WireError: one cannot become that; an array keeps its dtype and size.
    """
    for change in changes:
        match change:
            case (int(place), new) if 0 <= place < len(values):
                _repeat(values[place], new)
            case _:
                raise WireError("a change of an argument makes no sense.")


def _repeat(value: Any, new: Any) -> None:
    try:
        _become(value, new)
    except (TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise WireError(f"an argument was changed into what it cannot become: {error}") from error


def same_tensor(value: Any, old: Any) -> bool:
    """Whether two tensors are equal in shape, dtype and values; NaN equals NaN."""
    if (value.shape, value.dtype, value.device) != (old.shape, old.dtype, old.device):
        return False
    if value.is_meta or sys.modules["torch"].equal(value, old):
        return True
    return bool(((value == old) | (value.isnan() & old.isnan())).all())


def _state(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.copy(order="K")
    if isinstance(value, np.random.Generator):
        return generators.described(value)
    if isinstance(value, (list, dict, set)):
        return value.copy()
    return value.detach().clone()


def _same(value: Any, old: Any) -> bool:
    if isinstance(value, np.ndarray):
        return value.shape == old.shape and value.tobytes() == old.tobytes()
    if isinstance(value, np.random.Generator):
        return generators.described(value) == old
    if isinstance(value, list):
        return len(value) == len(old) and all(a is b for a, b in zip(value, old, strict=True))
    if isinstance(value, dict):
        return list(value) == list(old) and all(value[key] is old[key] for key in value)
    if isinstance(value, set):
        return value == old
    return same_tensor(value.detach(), old)


def _become(value: Any, new: Any) -> None:
    base = next((kind for kind in (list, dict, set) if isinstance(value, kind)), type(value))
    if type(new) is not base:
        raise TypeError(f"{type(value).__name__} into {type(new).__name__}")
    if isinstance(value, list):
        value[:] = new
    elif isinstance(value, (dict, set)):
        value.clear()
        value.update(new)
    elif isinstance(value, np.random.Generator):
        generators.become(value, new)
    elif value.dtype != new.dtype:
        raise TypeError(f"{value.dtype} into {new.dtype}")
    elif isinstance(value, np.ndarray):
        if value.shape != new.shape:
            value.shape = new.shape
        value[...] = new
    else:
        _become_tensor(value, new)


def _become_tensor(value: Any, new: Any) -> None:
    if value.shape != new.shape or value.is_meta:
        value.data = new.data
    elif new.requires_grad:  # computed in the room: from here on part of its graph
        value.copy_(new)
    else:
        with sys.modules["torch"].no_grad():
            value.copy_(new)
