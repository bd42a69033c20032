"""Arrays, tensors, dtypes and random generators as bytes and back.

How an array lies in memory crosses too. An array that was transposed on one side is transposed on
the other, so that a sum adds its terms in the same order on both; one that runs backwards or leaves
gaps does so on the other side, so that code that takes memory for contiguous fails on both. Only
values cross: what lies in the gaps is 0.
"""

from __future__ import annotations

import math
import re
import sys
from typing import Any

import numpy as np

from coursekit.sandbox.errors import WireError
from coursekit.sandbox.wire import generators

MAX_AXES = 32
_STEPS = {1, 2, -1, -2}
_NONSENSE = (TypeError, ValueError, LookupError, AttributeError, OverflowError, RuntimeError)
_DTYPE = re.compile(r"[<>|](b1|[iu][1248]|f[248]|c8|c16|S[1-9]\d{0,5}|U[1-9]\d{0,5})")
_CLASSES = {kind.__name__: kind for kind in np.sctypeDict.values()}
_TORCH = (
    *("bool", "uint8", "int8", "int16", "int32", "int64"),
    *("float16", "bfloat16", "float32", "float64", "complex64", "complex128"),
)


def is_mutable_data(value: Any) -> bool:
    """Whether `value` is an array, a tensor or a random generator that can cross by value."""
    if isinstance(value, np.ndarray):
        return _DTYPE.fullmatch(value.dtype.str) is not None
    if isinstance(value, np.random.Generator):
        return type(value.bit_generator).__name__ in generators.KINDS
    return _is_tensor(value)


def is_joined(value: Any) -> bool:
    """Whether `value`, an array or a tensor, is a tensor that takes part in automatic gradients."""
    if isinstance(value, (np.ndarray, np.random.Generator)):
        return False
    return value.requires_grad or isinstance(value, _torch().nn.Parameter)


def parts(value: Any) -> tuple[bytes, Any, bytes | memoryview]:
    """The tag of an array, tensor or generator, a description of it, and its bytes."""
    if isinstance(value, np.ndarray):
        return b"a", *_array_parts(value)
    if isinstance(value, np.random.Generator):
        return b"G", generators.described(value), b""
    return b"c", *_tensor_parts(value)


def whole(tag: bytes, about: Any, raw: memoryview) -> Any:
    """What `parts` took apart.

    Raises:
        WireError: the description makes no sense, or does not fit the bytes.
    """
    try:
        return {b"a": _array, b"c": _tensor, b"G": _generator}[tag](about, raw)
    except _NONSENSE as error:
        raise WireError(f"an array, tensor or generator makes no sense: {error}") from error


def is_number(value: Any) -> bool:
    """Whether `value` is a NumPy scalar that can cross by value: no date, no long double."""
    return isinstance(value, np.generic) and _DTYPE.fullmatch(value.dtype.str) is not None


def scalar_parts(value: np.generic) -> tuple[str, bytes]:
    """dtype and bytes of a NumPy scalar."""
    array = np.array(value)
    return array.dtype.str, array.tobytes()


def scalar(name: str, raw: memoryview) -> np.generic:
    """A NumPy scalar."""
    return whole(b"a", (name, (), (), (), True), raw)[()]


def dtype_name(value: Any) -> str | None:
    """The name under which a dtype, or a NumPy number class, crosses; None for anything else."""
    if isinstance(value, np.dtype) and _DTYPE.fullmatch(value.str):
        return f"numpy.dtype {value.str}"
    if isinstance(value, type) and issubclass(value, np.generic):
        return f"numpy {value.__name__}" if _number_class(value.__name__) is value else None
    torch = sys.modules.get("torch")
    if torch and isinstance(value, torch.dtype) and str(value)[6:] in _TORCH:
        return f"torch {str(value)[6:]}"
    if torch and isinstance(value, torch.device) and value.type in ("cpu", "meta"):
        return f"torch.device {value.type}"
    return None


def dtype(name: str) -> Any:
    """What `dtype_name` named.

    Raises:
        WireError: there is no such dtype.
    """
    family, _, word = name.partition(" ")
    if family == "numpy.dtype" and _DTYPE.fullmatch(word):
        return np.dtype(word)
    if family == "numpy" and (found := _number_class(word)):
        return found
    if family == "torch" and word in _TORCH:
        return getattr(_torch(), word)
    if family == "torch.device" and word in ("cpu", "meta"):
        return _torch().device(word)
    raise WireError(f"{name!r:.80} names no dtype.")


def _number_class(name: str) -> type | None:
    found = _CLASSES.get(name)
    return found if found and _DTYPE.fullmatch(np.dtype(found).str) else None


def _array_parts(value: np.ndarray) -> tuple[Any, bytes]:
    plain = np.asarray(value)
    axes, steps = _layout(plain.shape, plain.strides, plain.itemsize)
    about = (plain.dtype.str, plain.shape, axes, steps, bool(plain.flags.writeable))
    return about, plain.transpose(axes).tobytes()


def _array(about: Any, raw: memoryview) -> np.ndarray:
    name, shape, axes, steps, writeable = about
    if not isinstance(name, str) or not _DTYPE.fullmatch(name):
        raise WireError(f"arrays of dtype {name!r:.80} may not cross.")
    kind = np.dtype(name)
    _check(shape, axes, steps, kind.itemsize, raw)
    flat = np.frombuffer(raw, np.uint8 if kind.kind == "b" else kind)
    if kind.kind == "b":
        flat = flat != 0  # a True other than 1 compares unequal to True
    ordered = [shape[axis] for axis in axes]
    if steps:
        strides, size = _strides(ordered, steps)
        ends = zip(ordered, strides, strict=True)
        first = sum((n - 1) * -stride for n, stride in ends if stride < 0)
        memory = np.zeros(size * kind.itemsize, np.uint8)
        bytewise = [stride * kind.itemsize for stride in strides]
        made = np.ndarray(ordered, kind, memory, first * kind.itemsize, bytewise)
        made[...] = flat.reshape(ordered)
    else:
        made = (flat if kind.kind == "b" else flat.copy()).reshape(ordered)
    made = made.transpose(np.argsort(axes))
    made.flags.writeable = bool(writeable)
    return made


def _tensor_parts(value: Any) -> tuple[Any, bytes]:
    torch = _torch()
    axes, steps = _layout(tuple(value.shape), value.stride(), 1)
    name, device = str(value.dtype)[6:], value.device.type
    about = (name, tuple(value.shape), axes, steps, device)
    if device == "meta":
        return about, b""
    flat = value.detach().resolve_conj().resolve_neg().permute(axes).contiguous().reshape(-1)
    return about, flat.view(torch.uint8).numpy().tobytes()


def _tensor(about: Any, raw: memoryview) -> Any:
    torch = _torch()
    name, shape, axes, steps, device = about
    if name not in _TORCH or device not in ("cpu", "meta"):
        raise WireError(f"tensors of dtype {name!r:.80} on {device!r:.80} may not cross.")
    kind = getattr(torch, name)
    _check(shape, axes, steps, kind.itemsize if device == "cpu" else 0, raw)
    ordered = [shape[axis] for axis in axes]
    if device == "meta" or not raw.nbytes:
        made = torch.empty(ordered, dtype=kind, device=device)
    elif kind == torch.bool:
        made = torch.frombuffer(bytearray(raw), dtype=torch.uint8).ne(0).reshape(ordered)
    else:
        made = torch.frombuffer(bytearray(raw), dtype=kind).reshape(ordered)
    if steps:
        strides, size = _strides(ordered, steps)
        if min(steps) < 0 or size >= 2**62:
            raise WireError("no tensor lies in memory like that.")
        spread = torch.zeros(size, dtype=kind, device=device).as_strided(ordered, strides)
        made = spread.copy_(made)
    return made.permute([int(axis) for axis in np.argsort(axes)])


def _generator(about: Any, raw: memoryview) -> np.random.Generator:
    if raw.nbytes:
        raise WireError("a random generator has bytes of its own.")
    return generators.made(about)


def _check(shape: Any, axes: Any, steps: Any, itemsize: int, raw: memoryview) -> None:
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
        raise WireError("an array has a shape that is not made of sizes.")
    if not isinstance(axes, tuple) or len(shape) > MAX_AXES:
        raise WireError(f"an array has {len(shape)} axes.")
    if not all(type(axis) is int for axis in axes) or sorted(axes) != list(range(len(shape))):
        raise WireError("an array has axes that are not in any order.")
    if math.prod(shape) * itemsize != raw.nbytes or math.prod(shape) >= 2**62:
        raise WireError(f"{raw.nbytes} bytes do not make an array of shape {shape}.")
    if not isinstance(steps, tuple) or (steps and (len(steps) != len(shape) or 0 in shape)):
        raise WireError(f"an array of shape {shape} does not lie in memory like that.")
    if not all(type(step) is int and step in _STEPS for step in steps):
        raise WireError("an array lies in memory in steps that are none.")


def _layout(
    shape: tuple[int, ...], strides: tuple[int, ...], unit: int
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """How an array lies in memory, apart from how wide its gaps are.

    Args:
        shape: sizes of the axes.
        strides: along the axes.
        unit: stride from one element to the next.
    Returns:
        The axes from the slowest to the fastest, and for each of these its step: 2 where a gap
        follows what lies inside it, else 1; negative where it runs backwards. No steps, where all
        would be 1. An array whose elements share memory has a gap too: it is not contiguous.
    """
    axes = tuple(sorted(range(len(strides)), key=lambda axis: -abs(strides[axis])))
    inner, steps, shared = unit, [1] * len(axes), None
    for place in reversed(range(len(axes))):
        n, stride = shape[axes[place]], strides[axes[place]]
        if n < 2:  # nothing lies along it
            continue
        width = abs(stride)
        steps[place] = (2 if width > inner else 1) * (-1 if stride < 0 else 1)
        if width < inner and shared is None:
            shared = place
        inner = width * n
    if shared is not None and not any(abs(step) == 2 for step in steps):
        steps[shared] *= 2
    return axes, tuple(steps) if set(steps) != {1} and 0 not in shape else ()


def _strides(sizes: list[int], steps: tuple[int, ...]) -> tuple[list[int], int]:
    """Strides, in elements, from the slowest axis to the fastest; and elements in all.

    A gap is one element wide, and only where an axis has two elements: so gaps make an array less
    than three times as large, however many there are.
    """
    strides, inner = [], 1
    for n, step in zip(reversed(sizes), reversed(steps), strict=True):
        width = inner + (n > 1 and abs(step) == 2)
        strides.insert(0, width if step > 0 else -width)
        inner = width * n
    return strides, inner


def _is_tensor(value: Any) -> bool:
    torch = sys.modules.get("torch")
    return (
        torch is not None
        and isinstance(value, torch.Tensor)
        and value.layout == torch.strided
        and value.device.type in ("cpu", "meta")
        and str(value.dtype)[6:] in _TORCH
    )


def _torch() -> Any:
    import torch

    return torch
