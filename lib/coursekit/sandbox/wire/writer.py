"""Encodes messages."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from coursekit.sandbox.errors import WireError
from coursekit.sandbox.wire import arrays
from coursekit.sandbox.wire.format import (
    COMPLEX,
    FLOAT,
    MAX_DEPTH,
    MAX_INTEGER,
    MAX_RECORDS,
    MAX_STRING,
    SIZE,
    TYPES,
    Handle,
)

_NEVER = {None: b"N", True: b"T", False: b"F", Ellipsis: b"E"}


def _integer(value: int) -> bytes:
    raw = value.to_bytes((value.bit_length() + 8) // 8, "little", signed=True)
    if len(raw) > MAX_INTEGER:
        raise WireError(f"an integer of {len(raw)} bytes is too long.")
    return b"i" + SIZE.pack(len(raw)) + raw


_SMALL = {value: _integer(value) for value in range(-1, 1024)}  # sizes, axes, strides


class Writer:
    """Encodes one message.

    Args:
        export: gives the `Handle` of a value that cannot cross; raises TypeError to refuse.
        share: write a mutable value that occurs twice once, so that it is one value again on the
            other side.
        join: gives the number by which both sides know a tensor that takes part in automatic
            gradients. Without it such tensors go as plain data.

    Attributes:
        shared: the mutable values of the message, in order. Leaves of automatic gradients are not
            among them: they have numbers, and live on both sides.
    """

    def __init__(
        self,
        export: Callable[[Any], Handle],
        share: bool = False,
        join: Callable[[Any], int] | None = None,
    ):
        self._export, self._share, self._join = export, share, join
        self._records = 0
        self._parts: list[bytes | memoryview] = []
        self._seen: dict[int, int] = {}
        self.shared: list[Any] = []

    def message(self, value: Any) -> bytes:
        """The encoding of a value.

        Raises:
            WireError: it is nested too deeply, or holds too many values, or one that is too long.
        """
        self._value(value, 0)
        return b"".join(self._parts)

    def _value(self, value: Any, depth: int) -> None:
        self._records += 1
        if depth > MAX_DEPTH or self._records > MAX_RECORDS:
            raise WireError("a value is nested too deeply, or holds too many values.")
        if type(value) is int and value in _SMALL:
            self._parts.append(_SMALL[value])
        elif value is None or value is True or value is False or value is Ellipsis:
            self._parts.append(_NEVER[value])
        elif type(value) is tuple:
            self._items(b"t", value, len(value), depth)
        elif arrays.is_number(value) and not isinstance(value, (str, bytes)):
            self._scalar(value)
        elif isinstance(value, (int, float, complex, str, bytes)):
            self._plain(value)
        elif isinstance(value, (tuple, frozenset, slice, range)):
            self._fixed(value, depth)
        elif isinstance(value, (list, dict, set)):
            self._mutable(value, depth)
        elif arrays.is_mutable_data(value):
            if self._join and arrays.is_joined(value):
                self._joined(value)
            else:
                self._mutable(value, depth)
        elif isinstance(value, type) and TYPES.get(value.__name__) is value:
            self._parts += [b"Y", _text(value.__name__)]
        elif (name := arrays.dtype_name(value)) is not None:
            self._parts += [b"D", _text(name)]
        else:
            handle = self._export(value)
            self._parts += [b"H", SIZE.pack(handle.number), _text(handle.kind)]

    def _plain(self, value: Any) -> None:
        """Numbers and strings. Subclasses go as what they are derived from."""
        if isinstance(value, int):
            self._parts.append(_integer(int.__index__(value)))
        elif isinstance(value, float):
            self._parts += [b"f", FLOAT.pack(float.__float__(value))]
        elif isinstance(value, complex):
            self._parts += [b"j", COMPLEX.pack(value.real, value.imag)]
        elif isinstance(value, str):
            self._parts += [b"s", _text(value)]
        else:
            self._parts += [b"b", SIZE.pack(len(value)), bytes(value)]

    def _scalar(self, value: np.generic) -> None:
        dtype, raw = arrays.scalar_parts(value)
        self._parts += [b"g", _text(dtype), SIZE.pack(len(raw)), raw]

    def _fixed(self, value: Any, depth: int) -> None:
        if isinstance(value, tuple):
            self._items(b"t", tuple.__iter__(value), tuple.__len__(value), depth)
        elif isinstance(value, frozenset):
            self._items(b"z", frozenset.__iter__(value), frozenset.__len__(value), depth)
        else:
            tag = b"S" if isinstance(value, slice) else b"r"
            self._items(tag, (value.start, value.stop, value.step), 3, depth)

    def _is_reference(self, value: Any) -> bool:
        """Whether a reference to `value` was written, which was there before; else it is kept."""
        if self._share and id(value) in self._seen:
            self._parts += [b"R", SIZE.pack(self._seen[id(value)])]
            return True
        self._seen[id(value)] = len(self.shared)
        self.shared.append(value)
        return False

    def _joined(self, value: Any) -> None:
        if value.is_leaf:
            self._parts += [b"L", SIZE.pack(self._join(value))]
        elif not self._is_reference(value):
            self._parts += [b"J", SIZE.pack(self._join(value))]

    def _mutable(self, value: Any, depth: int) -> None:
        if self._is_reference(value):
            return
        if isinstance(value, list):
            self._items(b"l", list.__iter__(value), list.__len__(value), depth)
        elif isinstance(value, set):
            self._items(b"m", set.__iter__(value), set.__len__(value), depth)
        elif isinstance(value, dict):
            flat = (part for item in dict.items(value) for part in item)
            self._items(b"d", flat, 2 * dict.__len__(value), depth)
        else:
            self._array(value, depth)

    def _array(self, value: Any, depth: int) -> None:
        tag, about, raw = arrays.parts(value)
        self._parts.append(tag)
        self._value(about, depth + 1)
        self._parts += [SIZE.pack(len(raw)), raw]

    def _items(self, tag: bytes, items: Iterable[Any], count: int, depth: int) -> None:
        self._parts += [tag, SIZE.pack(count)]
        for item in items:
            self._value(item, depth + 1)


def _text(value: str) -> bytes:
    if len(value) > MAX_STRING:
        raise WireError(f"a string of {len(value)} characters is too long.")
    raw = str.encode(value, "utf-8", "surrogatepass")
    return SIZE.pack(len(raw)) + raw
