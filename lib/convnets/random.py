"""Seeded randomness that comes in as an argument: nothing here touches a global generator.

A generator is a `numpy.random.Generator`, or a `torch.Generator` where numbers should be drawn on
the device that uses them. The first gives the same numbers on every device.
"""

from __future__ import annotations

import sys

import numpy as np

from convnets.arrays import asarray_like, is_torch


def generator(seed: int | np.random.Generator | None = 0) -> np.random.Generator:
    """A NumPy generator for `seed`; a generator, of NumPy or torch, passes through unchanged.

    None seeds from the operating system, so that every run differs.

    >>> int(generator(1).integers(100)) == int(generator(1).integers(100))
    True
    """
    return seed if _is_of_torch(seed) else np.random.default_rng(seed)


def uniform(rng, shape: tuple[int, ...], like):
    """Numbers from U[0, 1) with the namespace, dtype and device of the array `like`.

    They are drawn in the precision of `like`: rounding float64 to float32 could give 1.

    >>> uniform(generator(1), (2,), like=np.zeros(1, np.float32)).dtype
    dtype('float32')
    """
    return _draw(rng, shape, like, "random", "rand")


def normal(rng, shape: tuple[int, ...], like):
    """Numbers from N(0, 1) with the namespace, dtype and device of the array `like`.

    >>> normal(generator(1), (2, 3), like=np.zeros(1)).shape
    (2, 3)
    """
    return _draw(rng, shape, like, "standard_normal", "randn")


def numbers(rng, count: int) -> list[float]:
    """`count` plain numbers from U[0, 1), drawn where the generator lives.

    >>> len(numbers(generator(1), 2))
    2
    """
    if isinstance(rng, np.random.Generator):
        return rng.random(count).tolist()
    torch = _torch_of(rng)
    return torch.rand(count, generator=rng, dtype=torch.float64, device=rng.device).tolist()


def _draw(rng, shape, like, numpy_name: str, torch_name: str):
    if isinstance(rng, np.random.Generator):
        dtype = str(like.dtype).removeprefix("torch.")
        if dtype not in ("float32", "float64"):
            raise TypeError(f"a NumPy generator draws float32 or float64, not {dtype}.")
        return asarray_like(getattr(rng, numpy_name)(shape, dtype=dtype), like)
    torch = _torch_of(rng)
    if not is_torch(like):
        raise TypeError(
            "a torch.Generator draws for torch arrays only; "
            "for NumPy arrays make one with convnets.random.generator(seed)."
        )
    draw = getattr(torch, torch_name)
    return draw(shape, generator=rng, dtype=like.dtype, device=like.device)


def _torch_of(rng):
    """The torch module, where `rng` is a generator of its."""
    if not _is_of_torch(rng):
        raise TypeError(
            "rng must be a numpy.random.Generator (or a torch.Generator for torch arrays), "
            f"but is {type(rng).__name__}; make one with convnets.random.generator(seed)."
        )
    return sys.modules["torch"]


def _is_of_torch(rng) -> bool:
    """Never imports torch to find out."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(rng, torch.Generator)
