"""Stands in the judge for something that lives in a room."""

from __future__ import annotations

from typing import Any, Protocol

from coursekit.checks.foreign import Use
from coursekit.sandbox.permission import Terms

LONGEST = 2**24  # items; Python makes space for as many as a length says


class Home(Protocol):
    """What a proxy asks of the room it lives in; see `coursekit.sandbox.room.Room`."""

    def do(self, what: str, *args: Any, **kwargs: Any) -> Any:
        """Something done in the room to what lives there."""

    def call(self, what: str, terms: Terms | None, *args: Any, **kwargs: Any) -> Any:
        """The same, where what is done is a call that may not call everything."""

    def each(self, terms: Terms | None, target: Any, cases: list[tuple]) -> list[tuple]:
        """Several calls."""

    def step(self, iterator: Any) -> Any:
        """The next item of an iterator."""

    def foreign(self, target: Any, allow: tuple[str, ...]) -> list[Use]:
        """What a function uses that is not allowed."""

    def broken(self, words: str) -> Exception:
        """The error to raise for an answer that makes no sense."""


class Proxy:
    """A function, class or object of a student.

    Calling it, its methods and attributes, its length, items and truth: all that happens in the
    room, and raises here what the student's code raises there. Values go by value.

    Args:
        room: where it lives.
        number: what the room knows it by.
        kind: the name of its type.
        name: what a test cell calls it.
    """

    __slots__ = ("__name__", "__weakref__", "_kind", "_number", "_room", "_terms")

    def __init__(self, room: Home, number: int, kind: str, name: str = ""):
        self._room, self._number, self._kind = room, number, kind
        self._terms: Terms | None = None
        self.__name__ = name or kind

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it in the room.

        Raises:
            RoomError: the room took too long, died, or broke the protocol.
            NotAllowed: it calls what its task does not allow.
            Exception: what the student's code raised, as `errors.rebuilt` has it.
        """
        return self._room.call("call", self._terms, self, *args, **kwargs)

    def __twice__(self, first: tuple, second: tuple) -> tuple[Any, Any]:
        """What two calls give one after the other, both looked at when both are done."""
        return self._room.call("twice", self._terms, self, first, second)

    def __each__(self, cases: list[tuple]) -> list[tuple[Any, Exception | None]]:
        """What it returns for each of several tuples of arguments, or else the exception.

        They go over in one message; where the room breaks a rule, or the call is refused, all that
        is left has that exception.
        """
        return self._room.each(self._terms, self, cases)

    def __allow__(self, allow: tuple[str, ...]) -> None:
        """From now on, refuse calls of it that call other modules; see `sandbox.guard`."""
        self._terms = Terms(allow, self.__name__)

    def __foreign__(self, allow: tuple[str, ...]) -> list[Use]:
        """What it uses that is not allowed, as the room says and as the judge has read.

        Where there is something, the task is void, and no call of it is refused any more: its
        checks say what they say in a student's own kernel.
        """
        uses = self._room.foreign(self, allow)
        if uses:
            self._terms = None
        return uses

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # no protocol of Python or IPython is followed into the room
            raise AttributeError(f"{self!r} has no {name!r} on this side.")
        return self._room.do("get", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
        else:
            self._room.do("set", self, name, value)

    def __len__(self) -> int:
        length = self._room.do("length", self)
        if type(length) is not int or not 0 <= length <= LONGEST:
            raise self._room.broken(f"a length is no number from 0 to {LONGEST}.")
        return length

    def __bool__(self) -> bool:
        return self._truth("truth")

    def __contains__(self, item: Any) -> bool:
        return self._truth("contains", item)

    def __getitem__(self, key: Any) -> Any:
        return self._room.do("item", self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        self._room.do("put", self, key, value)

    def __iter__(self) -> Proxy:
        iterator = self._room.do("iterate", self)
        if not isinstance(iterator, Proxy):
            raise self._room.broken("what is to be iterated over is no iterator.")
        return iterator

    def __next__(self) -> Any:
        return self._room.step(self)

    def __deepcopy__(self, _memo: dict) -> Any:
        return self._room.do("copy", self)

    def __kind_in_room__(self) -> str:
        """The name of its type, as the room says; see `coursekit.checks.kinds`."""
        return self._kind

    def __repr__(self) -> str:
        return f"<{self.__name__}: a {self._kind} of the student>"

    def _truth(self, what: str, *args: Any) -> bool:
        answer = self._room.do(what, self, *args)
        if type(answer) is not bool:
            raise self._room.broken("the answer is neither True nor False.")
        return answer
