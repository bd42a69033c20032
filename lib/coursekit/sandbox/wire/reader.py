"""Decodes messages, trusting none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from coursekit.sandbox.errors import WireError
from coursekit.sandbox.wire import arrays
from coursekit.sandbox.wire.format import (
    COMPLEX,
    FLOAT,
    HEAD,
    MAX_DEPTH,
    MAX_HASHED,
    MAX_INTEGER,
    MAX_RECORDS,
    MAX_STRING,
    SIZE,
    TYPES,
    Handle,
)

_HASHABLE = (type(None), bool, int, float, complex, str, bytes, np.generic)


class Reader:
    """Decodes one message.

    Args:
        data: all of it.
        resolve: turns a `Handle` into what stands for it on this side.
        share: accept references to earlier values. Off where the sender is not trusted: a few
            lists that hold each other unfold into more than any memory.
        joined: gives the tensor that both sides know by a number.

    Attributes:
        shared: the mutable values of the message, in the order of `Writer.shared`.
    """

    def __init__(
        self,
        data: bytes | bytearray,
        resolve: Callable[[Handle], Any],
        share: bool = False,
        joined: Callable[[int], Any] | None = None,
    ):
        self._data, self._size, self._resolve = memoryview(data), len(data), resolve
        self._share, self._joined = share, joined
        self._at, self._records, self._hashed = 0, 0, 0
        self.shared: list[Any] = []

    def head(self) -> Any:
        """What is said about tensors before the message, which begins with `HEAD`: plain data.

        Raises:
            WireError: it is malformed.
        """
        self._take(len(HEAD))
        of_message = self._resolve, self._joined
        self._resolve, self._joined = _refuse, None
        said = self._value(0)
        self._resolve, self._joined = of_message
        self.shared.clear()
        return said

    def message(self) -> Any:
        """The value.

        Raises:
            WireError: this is no message, or one that breaks a limit.
        """
        value = self._value(0)
        if self._at != self._size:
            raise WireError(f"{self._size - self._at} bytes follow the end of a message.")
        return value

    def _value(self, depth: int) -> Any:
        self._records += 1
        if depth > MAX_DEPTH or self._records > MAX_RECORDS:
            raise WireError("a message is nested too deeply, or holds too many values.")
        at = self._at
        if at >= self._size:
            raise WireError("a message ends too early.")
        self._at = at + 1
        read = _READERS.get(self._data[at])
        if read is None:
            raise WireError(
                f"a message holds {bytes(self._data[at : at + 1])!r}, which names no type."
            )
        return read(self, depth)

    def _take(self, count: int) -> memoryview:
        end = self._at + count
        if end > self._size:
            raise WireError("a message ends too early.")
        taken, self._at = self._data[self._at : end], end
        return taken

    def _number(self) -> int:
        at, self._at = self._at, self._at + SIZE.size
        if self._at > self._size:
            raise WireError("a message ends too early.")
        return SIZE.unpack_from(self._data, at)[0]

    def _count(self) -> int:
        """A number of values to come, each of at least one byte."""
        count = self._number()
        if count > self._size - self._at:
            raise WireError(f"a message announces {count} values, and is too short for them.")
        return count

    def _text(self) -> str:
        size = self._number()
        if size > 4 * MAX_STRING:
            raise WireError(f"a string of {size} bytes is too long.")
        try:
            return str(self._take(size), "utf-8", "surrogatepass")
        except UnicodeDecodeError as error:
            raise WireError("a string is not UTF-8.") from error

    def _integer(self, _depth: int) -> int:
        size = self._number()
        if size > MAX_INTEGER:
            raise WireError(f"an integer of {size} bytes is too long.")
        return int.from_bytes(self._take(size), "little", signed=True)

    def _type(self, _depth: int) -> type:
        name = self._text()
        if name not in TYPES:
            raise WireError(f"{name!r:.80} is no type that may cross.")
        return TYPES[name]

    def _items(self, depth: int) -> list[Any]:
        return [self._value(depth + 1) for _ in range(self._count())]

    def _keep(self, value: Any) -> Any:
        self.shared.append(value)
        return value

    def _list(self, depth: int) -> list[Any]:
        made = self._keep([])
        made += self._items(depth)
        return made

    def _dict(self, depth: int) -> dict[Any, Any]:
        made = self._keep({})
        flat = self._items(depth)
        if len(flat) % 2:
            raise WireError("a dict holds a key without a value.")
        made.update(zip(self._keys(flat[::2]), flat[1::2], strict=True))
        return made

    def _set(self, depth: int) -> set[Any]:
        made = self._keep(set())
        made.update(self._keys(self._items(depth)))
        return made

    def _keys(self, keys: list[Any]) -> list[Any]:
        self._hashed += len(keys)
        if self._hashed > MAX_HASHED:
            raise WireError(f"a message holds more than {MAX_HASHED} keys and set members.")
        if not all(map(_is_hashable, keys)):
            raise WireError("a key of a dict, or a member of a set, is not plain data.")
        return keys

    def _slice(self, depth: int) -> slice:
        return slice(*self._three(depth))

    def _range(self, depth: int) -> range:
        ends = self._three(depth)
        if not all(type(end) is int for end in ends) or ends[2] == 0:
            raise WireError("a range is not made of three integers.")
        return range(*ends)

    def _three(self, depth: int) -> list[Any]:
        items = self._items(depth)
        if len(items) != 3:
            raise WireError("a slice or range has other than three parts.")
        return items

    def _scalar(self, _depth: int) -> np.generic:
        dtype = self._text()
        return arrays.scalar(dtype, self._take(self._number()))

    def _array(self, depth: int) -> Any:
        tag = bytes(self._data[self._at - 1 : self._at])
        place = len(self.shared)
        self._keep(None)
        about = self._value(depth + 1)
        raw = self._take(self._number())
        made = self.shared[place] = arrays.whole(tag, about, raw)
        return made

    def _tensor(self, _depth: int) -> Any:
        if self._joined is None:
            raise WireError("a message names a tensor where none can be known.")
        return self._joined(self._number())

    def _reference(self, _depth: int) -> Any:
        number = self._number()
        if not self._share or number >= len(self.shared):
            raise WireError("a message refers to a value that it does not hold.")
        return self.shared[number]

    def _handle(self, _depth: int) -> Any:
        return self._resolve(Handle(self._number(), self._text()))


_READERS: dict[int, Callable[[Reader, int], Any]] = {
    ord("N"): lambda reader, depth: None,
    ord("T"): lambda reader, depth: True,
    ord("F"): lambda reader, depth: False,
    ord("E"): lambda reader, depth: Ellipsis,
    ord("i"): Reader._integer,
    ord("f"): lambda reader, depth: FLOAT.unpack(reader._take(8))[0],
    ord("j"): lambda reader, depth: complex(*COMPLEX.unpack(reader._take(16))),
    ord("s"): lambda reader, depth: reader._text(),
    ord("b"): lambda reader, depth: bytes(reader._take(reader._number())),
    ord("Y"): Reader._type,
    ord("D"): lambda reader, depth: arrays.dtype(reader._text()),
    ord("g"): Reader._scalar,
    ord("t"): lambda reader, depth: tuple(reader._items(depth)),
    ord("z"): lambda reader, depth: frozenset(reader._keys(reader._items(depth))),
    ord("S"): Reader._slice,
    ord("r"): Reader._range,
    ord("l"): Reader._list,
    ord("d"): Reader._dict,
    ord("m"): Reader._set,
    ord("a"): Reader._array,
    ord("c"): Reader._array,
    ord("G"): Reader._array,
    ord("R"): Reader._reference,
    ord("L"): Reader._tensor,
    ord("J"): lambda reader, depth: reader._keep(reader._tensor(depth)),
    ord("H"): Reader._handle,
}


def _refuse(handle: Handle) -> NoReturn:
    raise WireError(f"a {handle.kind:.80} stands where only data may stand.")


def _is_hashable(key: Any) -> bool:
    if isinstance(key, (tuple, frozenset)):
        return all(map(_is_hashable, key))
    return isinstance(key, _HASHABLE)
