"""Which array library an input belongs to, and how arrays lie in memory.

Layers are written once against the part of the array interface that NumPy and torch share
(the array-API standard; `array-api-compat` evens out the differences).
"""

from __future__ import annotations

import sys

import numpy as np
from array_api_compat import array_namespace
from array_api_compat import numpy as numpy_namespace

# Bytes: images that lie a multiple apart share the places of a cache, which has this many ways or
# a few more to keep apart what shares them. 32 × 32 numbers, times any count of channels, do.
_COLLISION, _WAYS = 1024, 8

# Numbers that are copied at once, and between two images of the copy.
_BLOCK, _GAP = 2**17, 16

_USUAL = frozenset({np.dtype(np.float32), np.dtype(np.float64)})


def is_torch(x) -> bool:
    """True for a torch tensor; never imports torch to find out."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def namespace(*arrays):
    """The array-API namespace (NumPy or torch) that all `arrays` share; None is skipped.

    Raises:
        TypeError: an argument is no array; or NumPy and torch, or two devices, are mixed; or
            autograd is to follow a tensor, see `refuse_autograd`.

    >>> namespace(np.zeros(3)).__name__
    'array_api_compat.numpy'
    """
    arrays = [a for a in arrays if a is not None]
    if arrays and all(type(a) is np.ndarray for a in arrays):
        return numpy_namespace  # the usual case, answered in a tenth of the time
    for a in arrays:
        if not isinstance(a, np.ndarray) and not is_torch(a):
            raise TypeError(
                f"expected a NumPy array or a torch tensor, got {type(a).__name__}; "
                "wrap numbers and lists in np.array(...)."
            )
    refuse_autograd(*arrays)
    kinds = {_where(a) for a in arrays}
    if len(kinds) > 1:
        raise TypeError(
            f"all arrays must live in one place, got {' and '.join(sorted(kinds))}; "
            "move them with convnets.arrays.asarray_like(x, like)."
        )
    return array_namespace(*arrays)


def refuse_autograd(*arrays) -> None:
    """Raise TypeError where a tensor requires a gradient and autograd is switched on.

    The functions of this library have backward passes of their own. What they returned for such a
    tensor would look like a part of autograd's graph and be none: no gradient would arrive.
    """
    if any(is_torch(a) and a.requires_grad for a in arrays) and _following():
        raise TypeError(
            "a tensor requires a gradient, but this function has a backward pass of its own, of "
            "which autograd knows nothing; call it under torch.no_grad(), give it x.detach(), or "
            "put its two passes into a torch.autograd.Function."
        )


def _following() -> bool:
    return sys.modules["torch"].is_grad_enabled()


def float_namespace(*arrays):
    """`namespace`, for arrays that must also share one floating-point dtype; None is skipped.

    Raises:
        TypeError: as `namespace`, or a dtype is no floating-point one, or dtypes differ.

    >>> float_namespace(np.zeros(3, np.float32), None).__name__
    'array_api_compat.numpy'
    """
    arrays = [a for a in arrays if a is not None]
    xp = namespace(*arrays)
    dtypes = {a.dtype for a in arrays}
    if len(dtypes) == 1 and dtypes <= _USUAL:
        return xp
    for a in arrays:
        if not xp.isdtype(a.dtype, "real floating"):
            raise TypeError(
                f"expected floating-point numbers, got {_dtype_name(a)}; "
                "convert with np.asarray(x, dtype=np.float32) or x.float()."
            )
    names = sorted({_dtype_name(a) for a in arrays})
    if len(names) > 1:
        raise TypeError(
            f"all arrays must have one dtype, got {' and '.join(names)}; "
            "convert with convnets.arrays.asarray_like(x, like)."
        )
    return xp


def _dtype_name(a) -> str:
    return str(a.dtype).removeprefix("torch.")


def _where(a) -> str:
    return f"torch on {a.device}" if is_torch(a) else "NumPy"


def asarray_like(x, like):
    """`x` with the namespace, dtype and device of `like`; no copy where none is needed.

    So the result may share memory with `x`.

    >>> asarray_like([1, 2], like=np.zeros(3, np.float32))
    array([1., 2.], dtype=float32)
    """
    if not is_torch(like):
        return to_numpy(x).astype(like.dtype, copy=False)
    import torch

    x = x if is_torch(x) else _shareable(np.asarray(x))
    return torch.as_tensor(x, dtype=like.dtype, device=like.device)


def moved_like(x, like):
    """`x` with the namespace and device of `like`, in its own dtype; no copy where none is needed.

    >>> moved_like(np.array([1, 2]), like=np.zeros(3, np.float32))
    array([1, 2])
    """
    if not is_torch(like):
        return to_numpy(x)
    import torch

    x = x if is_torch(x) else _shareable(np.asarray(x))
    return torch.as_tensor(x, device=like.device)


def number(value):
    """A NumPy scalar or 0-d array as a Python number; anything else as it is.

    As hyperparameters, NumPy scalars do harm: a float64, as `np.logspace` gives them, turns float32
    arrays that are multiplied by it into float64.

    >>> number(np.float64(0.5)), number(np.array(3)), number(2)
    (0.5, 3, 2)
    """
    is_scalar = isinstance(value, np.generic | np.ndarray) and value.ndim == 0
    return value.item() if is_scalar else value


def is_floating(x) -> bool:
    """True for an array of floating-point numbers, NumPy or torch.

    >>> is_floating(np.zeros(2)), is_floating(np.array(3))
    (True, False)
    """
    return x.is_floating_point() if is_torch(x) else np.issubdtype(x.dtype, np.floating)


def _shareable(x: np.ndarray) -> np.ndarray:
    """`x`, copied where torch cannot share its memory: read-only, or with negative strides."""
    return x if x.flags.writeable and min(x.strides, default=0) >= 0 else x.copy()


def to_numpy(x) -> np.ndarray:
    """`x` as a NumPy array, brought back from its device if need be."""
    return x.detach().cpu().numpy() if is_torch(x) else np.asarray(x)


def batch_last(x):
    """The same (N, C, H, W) array with the batch innermost in memory, as (H, C, W, N).

    Slices along H and W are then long runs, which is what makes convolution and pooling fast.
    Indexing is unchanged. Returns `x` itself where it already lies so.

    >>> batch_last(np.zeros((8, 3, 5, 7), dtype=np.float32)).strides
    (4, 224, 672, 32)
    """
    rows = rows_of(x)
    if rows_are_contiguous(rows):
        return x
    return from_rows(_spread_rows(x) if _collides(x) else contiguous(rows))


def _collides(x) -> bool:
    """Whether the pixels (n, c, h, w) for all n fall into the same few places of a cache."""
    usual = not is_torch(x) and x.flags.c_contiguous
    return usual and x.shape[0] >= _WAYS and x.size > 0 and x.strides[0] % _COLLISION == 0


def _spread_rows(x):
    """`contiguous(rows_of(x))` by way of a copy whose images do not collide: up to 6 times faster.

    Args:
        x: (N, C, H, W), NumPy; copied some channels at a time.
    """
    n, c, h, w = x.shape
    rows = np.empty((h, c, w, n), x.dtype)
    step = min(c, max(1, _BLOCK // (n * h * w)))
    apart = np.empty((n, step * h * w + _GAP), x.dtype)
    for start in range(0, c, step):
        part = x[:, start : start + step]
        copy = apart[:, : part.shape[1] * h * w].reshape(part.shape)
        copy[...] = part
        rows[:, start : start + step] = rows_of(copy)
    return rows


def rows_of(x):
    """View (N, C, H, W) as (H, C, W, N)."""
    return permuted(x, (2, 1, 3, 0))


def from_rows(rows):
    """View (H, C, W, N) as (N, C, H, W): the inverse of `rows_of`."""
    return permuted(rows, (3, 1, 0, 2))


def permuted(x, axes: tuple[int, ...]):
    """View with the axes in the given order."""
    return x.permute(axes) if is_torch(x) else x.transpose(axes)


def rows_are_contiguous(rows) -> bool:
    """True where memory follows the index order."""
    return rows.is_contiguous() if is_torch(rows) else rows.flags.c_contiguous


def contiguous(x):
    """`x` with memory in index order; no copy where it already is."""
    # Not np.ascontiguousarray: that turns a 0-d array into a 1-d one.
    return x.contiguous() if is_torch(x) else np.asarray(x, order="C")
