"""A room as the judge sees it."""

from __future__ import annotations

import builtins
import contextlib
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from coursekit.sandbox import mutation
from coursekit.sandbox.channel import GuardedChannel
from coursekit.sandbox.errors import (
    RoomDied,
    RoomError,
    RoomTimeout,
    WireError,
    rebuilt,
)
from coursekit.sandbox.outputs import CellRun, cell_run
from coursekit.sandbox.proxy import Proxy
from coursekit.sandbox.wire import Handle, Reader, Writer

MAX_NESTED = 8  # calls into the room, from callbacks, from calls into the room, ...


class Room:
    """A process in which the code of one student runs. A context manager.

    Attributes:
        failure: why it is no more, or None. A room that has failed once answers nothing more.
    """

    def __init__(self, end, leash, limits, deadline, modules_named):
        self._end, self._leash, self._limits = end, leash, limits
        self._channel = GuardedChannel(end, leash, limits.message)
        self._deadline, self._named = deadline, modules_named
        self._functions: list[Callable] = []
        self._depth = 0
        self.failure: RoomError | None = None

    def __enter__(self) -> Room:
        return self

    def __exit__(self, *error) -> None:
        self.close()

    def close(self) -> None:
        """Kill it, with all that it has started."""
        self.failure = self.failure or RoomDied("it was dismissed.")
        self._end.close()
        self._leash.close()

    def write(self, files: Mapping[str, bytes]) -> None:
        """Put files into its home."""
        self._ask(("write", dict(files)), self._limits.cell_seconds)

    def run_cell(self, source: str) -> CellRun:
        """Run a cell as a notebook would.

        Raises:
            RoomError: the room took too long, died, or broke the protocol.
        """
        reply = self._ask(("run", source), self._limits.cell_seconds)
        return self._checked(cell_run, reply, self._limits.output)

    def look_up(self, names: Sequence[str]) -> dict[str, Any]:
        """Those of `names` that the room's cells have defined: data by value, else proxies."""
        found = self._value(("names", list(names)))
        if not isinstance(found, dict):
            raise self._failed(WireError("the room names things in a form that makes no sense."))
        for name in (name for name in names if isinstance(found.get(name), Proxy)):
            found[name].__name__ = name
        return {name: found[name] for name in names if name in found}

    def call(self, target: Proxy, args: tuple, kwargs: dict[str, Any]) -> Any:
        """Call something in the room; see `Proxy`."""
        request = ("call", target, args, kwargs)
        reply, shared = self._exchange(request, self._limits.call_seconds)
        return self._checked(self._outcome, reply, shared)

    def get(self, target: Proxy, name: str) -> Any:
        """An attribute."""
        return self._value(("get", target, name))

    def copy(self, target: Proxy) -> Any:
        """A deep copy."""
        return self._value(("copy", target))

    def modules_used(self, target: Proxy) -> set[str]:
        """Modules a function uses: as the room says, and as the judge reads its source."""
        said = self._value(("modules", target))
        if not isinstance(said, list) or not all(isinstance(name, str) for name in said):
            raise self._failed(WireError("the room lists modules in a form that makes no sense."))
        return set(said) | self._named(target.__name__)

    def _value(self, request: tuple) -> Any:
        reply = self._ask(request, self._limits.call_seconds)
        match reply:
            case ("value", value):
                return value
            case ("error", dict() as report, *_):
                raise self._checked(rebuilt, report)
        raise self._failed(WireError("a reply makes no sense."))

    def _outcome(self, reply: Any, shared: list[Any]) -> Any:
        """The value of a call, once all that it did on the way is repeated on this side."""
        match reply:
            case ("value" | "error" as kind, result, list(changes), str(printed), list(warned)):
                pass
            case _:
                raise WireError("the reply to a call makes no sense.")
        for change in changes:
            match change:
                case (int(place), new) if 0 <= place < len(shared):
                    mutation.repeat(shared[place], new)
                case _:
                    raise WireError("a change of an argument makes no sense.")
        error = None
        if kind == "error":
            if not isinstance(result, dict):
                raise WireError("an exception makes no sense.")
            error = rebuilt(result)
        sys.stdout.write(printed)
        for warning in warned[:100]:
            _warn_again(warning)
        if error is not None:
            raise error
        return result

    def _checked(self, read: Callable, *args: Any) -> Any:
        """`read(*args)`; a reply it cannot make sense of is the end of the room."""
        try:
            return read(*args)
        except WireError as error:
            raise self._failed(error) from None

    def _ask(self, request: tuple, seconds: float) -> Any:
        return self._exchange(request, seconds)[0]

    def _exchange(self, request: tuple, seconds: float) -> tuple[Any, list[Any]]:
        """The reply to a request, and the mutable values of the request in order."""
        if self.failure:
            raise self._gone()
        if self._depth >= MAX_NESTED:
            raise RecursionError(f"more than {MAX_NESTED} calls within calls")
        writer = Writer(self._export, share=True)
        message = writer.message(request)
        deadline = min(time.monotonic() + seconds, self._deadline)
        self._depth += 1
        try:
            self._channel.send(message, deadline)
            while True:
                reply = Reader(self._channel.receive(deadline), self._resolve).message()
                match reply:
                    case ("callback", int(number), tuple(args), dict(kwargs)):
                        self._answer(number, args, kwargs, deadline)
                    case _:
                        return reply, writer.shared
        except RoomTimeout:
            spent = f"it took more than {seconds:g} s."
            out = "the time for this submission is used up."
            late = time.monotonic() > self._deadline
            raise self._failed(RoomTimeout(out if late else spent)) from None
        except RoomError as error:
            raise self._failed(error) from None
        finally:
            self._depth -= 1

    def _answer(self, number: int, args: tuple, kwargs: dict, deadline: float) -> None:
        """Run a function that was passed into the room, and send back what it gives."""
        if not 0 <= number < len(self._functions):
            raise WireError("the room calls a function that it was never given.")
        if not all(isinstance(name, str) for name in kwargs):
            raise WireError("the name of an argument is no string.")
        try:
            answer = ("return", self._functions[number](*args, **kwargs))
            message = Writer(self._export).message(answer)
        except Exception as error:
            if self.failure:
                raise self._gone() from None
            names = [kind.__name__ for kind in type(error).__mro__[:-1]]
            message = Writer(self._export).message(("raise", names, str(error)))
        self._channel.send(message, deadline)

    def _failed(self, error: RoomError) -> RoomError:
        """`error`, after which this room is no more."""
        self.failure = self.failure or error
        self.close()
        return error

    def _gone(self) -> RoomDied:
        """For whoever asks a room that is no more."""
        error = RoomDied(str(self.failure))
        error.kind = self.failure.kind
        return error

    def _export(self, value: Any) -> Handle:
        if isinstance(value, Proxy):
            if value._room is not self:
                raise RoomDied(f"{value!r} was lost with the room it lived in.")
            return Handle(value._number, "room")
        if not callable(value):
            raise TypeError(
                f"a {type(value).__name__} cannot cross into the room; pass arrays, numbers, "
                "strings, containers of them, or functions."
            )
        self._functions.append(value)
        return Handle(len(self._functions) - 1, "judge")

    def _resolve(self, handle: Handle) -> Any:
        return Proxy(self, handle.number, handle.kind[:80])


def _warn_again(warning: Any) -> None:
    match warning:
        case (str(name), str(text)):
            kind = getattr(builtins, name, None)
            known = isinstance(kind, type) and issubclass(kind, Warning)
            with contextlib.suppress(Warning):
                warnings.warn(text[:2000], kind if known else UserWarning, stacklevel=2)
        case _:
            raise WireError("a warning makes no sense.")
