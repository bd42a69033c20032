"""Arrays, tensors, dtypes and random generators as bytes and back.

The order of the axes in memory crosses too: an array that was transposed on one side is transposed
on the other, so that a sum adds its terms in the same order on both.
"""

from __future__ import annotations

import math
import re
import sys
from typing import Any

import numpy as np

from coursekit.sandbox.errors import WireError

MAX_AXES = 32
_DTYPE = re.compile(r"[<>|](b1|[iu][1248]|f[248]|c8|c16|S[1-9]\d{0,5}|U[1-9]\d{0,5})")
_GENERATORS = ("PCG64", "PCG64DXSM", "SFC64")  # their states are numbers, of which any will do
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
        return type(value.bit_generator).__name__ in _GENERATORS
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
        return b"G", value.bit_generator.state, b""
    return b"c", *_tensor_parts(value)


def whole(tag: bytes, about: Any, raw: memoryview) -> Any:
    """What `parts` took apart.

    Raises:
        WireError: the description makes no sense, or does not fit the bytes.
    """
    try:
        return {b"a": _array, b"c": _tensor, b"G": _generator}[tag](about, raw)
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise WireError(f"an array, tensor or generator makes no sense: {error}") from error


def scalar_parts(value: np.generic) -> tuple[str, bytes]:
    """dtype and bytes of a NumPy scalar."""
    array = np.array(value)
    if not _DTYPE.fullmatch(array.dtype.str):
        raise WireError(f"a NumPy number of dtype {array.dtype} cannot cross.")
    return array.dtype.str, array.tobytes()


def scalar(name: str, raw: memoryview) -> np.generic:
    """A NumPy scalar."""
    return whole(b"a", (name, (), (), True), raw)[()]


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
    axes = _axes(value.strides)
    plain = np.asarray(value)
    about = (value.dtype.str, value.shape, axes, bool(value.flags.writeable))
    return about, plain.transpose(axes).tobytes()


def _array(about: Any, raw: memoryview) -> np.ndarray:
    name, shape, axes, writeable = about
    if not isinstance(name, str) or not _DTYPE.fullmatch(name):
        raise WireError(f"arrays of dtype {name!r:.80} may not cross.")
    kind = np.dtype(name)
    _check(shape, axes, kind.itemsize, raw)
    if kind.kind == "b":
        flat = np.frombuffer(raw, np.uint8) != 0  # a True other than 1 compares unequal to True
    else:
        flat = np.frombuffer(raw, kind).copy()
    made = flat.reshape([shape[axis] for axis in axes]).transpose(np.argsort(axes))
    made.flags.writeable = bool(writeable)
    return made


def _tensor_parts(value: Any) -> tuple[Any, bytes]:
    torch = _torch()
    axes = _axes(value.stride())
    name, device = str(value.dtype)[6:], value.device.type
    about = (name, tuple(value.shape), axes, device)
    if device == "meta":
        return about, b""
    flat = value.detach().resolve_conj().resolve_neg().permute(axes).contiguous().reshape(-1)
    return about, flat.view(torch.uint8).numpy().tobytes()


def _tensor(about: Any, raw: memoryview) -> Any:
    torch = _torch()
    name, shape, axes, device = about
    if name not in _TORCH or device not in ("cpu", "meta"):
        raise WireError(f"tensors of dtype {name!r:.80} on {device!r:.80} may not cross.")
    kind = getattr(torch, name)
    _check(shape, axes, kind.itemsize if device == "cpu" else 0, raw)
    ordered = [shape[axis] for axis in axes]
    if device == "meta":
        made = torch.empty(ordered, dtype=kind, device="meta")
    elif not raw.nbytes:
        made = torch.empty(ordered, dtype=kind)
    elif kind == torch.bool:
        made = torch.frombuffer(bytearray(raw), dtype=torch.uint8).ne(0).reshape(ordered)
    else:
        made = torch.frombuffer(bytearray(raw), dtype=kind).reshape(ordered)
    return made.permute([int(axis) for axis in np.argsort(axes)])


def _generator(about: Any, raw: memoryview) -> np.random.Generator:
    name = about["bit_generator"]
    if name not in _GENERATORS or raw.nbytes:
        raise WireError(f"random generators of kind {name!r:.80} may not cross.")
    bits = getattr(np.random, name)()
    bits.state = about
    return np.random.Generator(bits)


def _check(shape: Any, axes: Any, itemsize: int, raw: memoryview) -> None:
    if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
        raise WireError("an array has a shape that is not made of sizes.")
    if not isinstance(axes, tuple) or len(shape) > MAX_AXES:
        raise WireError(f"an array has {len(shape)} axes.")
    if not all(type(axis) is int for axis in axes) or sorted(axes) != list(range(len(shape))):
        raise WireError("an array has axes that are not in any order.")
    if math.prod(shape) * itemsize != raw.nbytes or math.prod(shape) >= 2**62:
        raise WireError(f"{raw.nbytes} bytes do not make an array of shape {shape}.")


def _axes(strides: tuple[int, ...]) -> tuple[int, ...]:
    """Axes from the slowest to the fastest in memory."""
    return tuple(sorted(range(len(strides)), key=lambda axis: -abs(strides[axis])))


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
