"""Stands in the judge for something that lives in a room."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from coursekit.sandbox.room import Room


class Proxy:
    """A function, class or object of a student.

    Calling it, and calling its methods, happens in the room; arguments and results go by value.

    Args:
        room: where it lives.
        number: what the room knows it by.
        kind: the name of its type.
        name: what a test cell calls it.
    """

    def __init__(self, room: Room, number: int, kind: str, name: str = ""):
        self._room, self._number, self._kind = room, number, kind
        self.__name__ = name or kind

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it in the room.

        Raises:
            RoomError: the room took too long, died, or broke the protocol.
            Exception: what the student's code raised, as `errors.rebuilt` has it.
        """
        return self._room.call(self, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):  # no protocol of Python or IPython is followed into the room
            raise AttributeError(f"{self!r} has no {name!r} on this side.")
        return self._room.get(self, name)

    def __deepcopy__(self, _memo: dict) -> Any:
        return self._room.copy(self)

    def __modules_used__(self) -> set[str]:
        """Dotted names of the modules that it uses, as the room says and as the judge can read."""
        return self._room.modules_used(self)

    def __repr__(self) -> str:
        return f"<{self.__name__}: a {self._kind} of the student>"
