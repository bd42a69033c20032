"""A room as the judge sees it."""

from __future__ import annotations

import builtins
import contextlib
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from coursekit.checks.beside import Where
from coursekit.checks.foreign import Use
from coursekit.sandbox import attempts, mutation
from coursekit.sandbox.channel import GuardedChannel
from coursekit.sandbox.errors import (
    RoomDied,
    RoomError,
    RoomTimeout,
    WireError,
    rebuilt,
)
from coursekit.sandbox.messages import Message, Messages
from coursekit.sandbox.outputs import CellRun, cell_run
from coursekit.sandbox.permission import Terms, uses
from coursekit.sandbox.proxy import Proxy
from coursekit.sandbox.wire import Handle
from coursekit.sandbox.wire.format import FUNCTION, ITERATOR

MAX_NESTED = 8  # calls into the room, from callbacks, from calls into the room, ...
MAX_STEPS = 100_000  # of one iteration over something in the room
MAX_STEPS_BYTES = 2**30  # that these bring


class Room:
    """A process in which the code of one student runs. A context manager.

    Attributes:
        failure: why it is no more, or None. A room that has failed once answers nothing more.
    """

    def __init__(self, end, leash, limits, deadline, read):
        self._end, self._leash, self._limits = end, leash, limits
        self._channel = GuardedChannel(end, leash, limits.message)
        self._deadline, self._read = deadline, read
        self._messages = Messages(True, self._export, self._resolve, self._gradients)
        self._functions: list[Callable] = []
        self._steps: dict[int, list[int]] = {}
        self._lasting: dict[int, list[Any]] = {}  # what generators go on changing, by number
        self._depth, self._printed = 0, 0
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
        self._messages.close()

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

    def do(self, what: str, *args: Any, **kwargs: Any) -> Any:
        """Something done in the room to what lives there.

        Args:
            what: "call", "twice", "each", "inside", "get", "set", "length", "truth", "item", "put",
                "contains", "iterate", "next", "copy" or "gradients".
            args: of the function of Python that does it.
            kwargs: of a call.
        Raises:
            RoomError: the room took too long, died, or broke the protocol.
            Exception: what the student's code raised, as `errors.rebuilt` has it.
        """
        return self._done(what, args, kwargs)[0]

    def call(self, what: str, terms: Terms | None, *args: Any, **kwargs: Any) -> Any:
        """As `do`, where what is done is a call of something that may not call everything.

        Raises:
            NotAllowed: it called what `terms` do not allow; nothing else raises this.
        """
        if terms is None or not terms.guards_next():
            return self.do(what, *args, **kwargs)
        return self._done(what, args, kwargs, terms)[0]

    def each(
        self, terms: Terms | None, target: Proxy, cases: Sequence[tuple]
    ) -> list[tuple[Any, Exception | None]]:
        """Several calls, in as few messages as it takes; see `Proxy.__each__`."""
        done: list[tuple[Any, Exception | None]] = []
        while left := cases[len(done) :]:
            try:
                said = self.call("each", terms, target, left)
                done += self._checked(attempts.read, said, len(left))
            except Exception as error:
                done += [(None, error)] * len(left)
        return done

    def inside(self, where: Where, args: tuple, kwargs: dict[str, Any]) -> Any:
        """What a function of the course gives that is called in the room; see `checks.beside`.

        Where a function of the student is among its arguments that may not call everything, its
        terms hold, and the function of the course itself is free.

        Args:
            where: a module that lies in the room, and the name of a function in it.
        Raises:
            RoomError, NotAllowed, Exception: as for `call`.
        """
        given = [each for each in (*args, *kwargs.values()) if isinstance(each, Proxy)]
        terms = next((each._terms for each in given if each._terms), None)
        guarded = terms is not None and terms.guards_next()
        return self._done("inside", (where, *args), kwargs, terms if guarded else None)[0]

    def step(self, iterator: Proxy) -> Any:
        """The next item of an iterator, of which there may not be too many."""
        value, size = self._done("next", (iterator,), {})
        spent = self._steps.setdefault(iterator._number, [0, 0])
        spent[0] += 1
        spent[1] += size
        if spent[0] > MAX_STEPS or spent[1] > MAX_STEPS_BYTES:
            words = f"an iteration gives more than {MAX_STEPS} items, or {MAX_STEPS_BYTES} bytes."
            raise self._failed(RoomTimeout(words))
        return value

    def foreign(self, target: Proxy, allow: tuple[str, ...]) -> list[Use]:
        """What a function uses that is not allowed; see `permission.uses`."""
        said = self._value(("foreign", target, allow))
        return self._checked(uses, said, self._read(target.__name__, allow))

    def broken(self, words: str) -> WireError:
        """The error to raise for an answer that makes no sense; it is the end of the room."""
        return self._failed(WireError(words))

    def _value(self, request: tuple) -> Any:
        reply = self._ask(request, self._limits.call_seconds)
        match reply:
            case ("value", value):
                return value
            case ("error", dict() as report, *_):
                raise self._checked(rebuilt, report)
        raise self._failed(WireError("a reply makes no sense."))

    def _done(
        self, what: str, args: tuple, kwargs: dict[str, Any], terms: Terms | None = None
    ) -> tuple[Any, int]:
        """What came of it, and the size of the reply."""
        request = (what, args, kwargs, terms.allow if terms else None)
        reply, shared = self._exchange(request, self._limits.call_seconds)
        if what == "next":
            shared = self._lasting.get(args[0]._number, shared)
        value = self._checked(self._outcome, reply.value, shared, terms)
        if what == "call" and isinstance(value, Proxy) and value._kind == "generator":
            self._lasting[value._number] = shared
        return value, reply.size

    def _gradients(self, known: list, likes: dict[int, Any]) -> list:
        """What the room says of its part of a backward pass."""
        from coursekit.sandbox.gradients import checked

        got = self.do("gradients", known, list(likes))
        return self._checked(checked, got, likes)

    def _outcome(self, reply: Any, shared: list[Any], terms: Terms | None) -> Any:
        """The value of a call, once all that it did on the way is repeated on this side."""
        match reply:
            case (str(kind), result, list(changes), str(printed), list(warned)):
                mutation.repeat(shared, changes)
            case _:
                raise WireError("the reply to a call makes no sense.")
        match kind, result:
            case "value", _:
                error = None
            case "error", dict():
                error = rebuilt(result)
            case "refused", _ if terms:
                error = terms.refusal(result)
            case _:
                raise WireError("what came of a call makes no sense.")
        self._printed += len(printed)
        if self._printed <= self._limits.flood:  # thousands of calls would fill the judge's memory
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
        return self._exchange(request, seconds)[0].value

    def _exchange(self, request: tuple, seconds: float) -> tuple[Message, list[Any]]:
        """The reply to a request, and the mutable values of the request in order."""
        if self.failure:
            raise self._gone()
        if self._depth >= MAX_NESTED:
            raise RecursionError(f"more than {MAX_NESTED} calls within calls")
        message, shared = self._messages.write(request)
        deadline = min(time.monotonic() + seconds, self._deadline)
        self._depth += 1
        try:
            self._channel.send(message, deadline)
            while True:
                reply = self._messages.read(self._channel.receive(deadline))
                match reply.value:
                    case ("callback", int(number), tuple(args), dict(kwargs)):
                        answer = self._call_back(reply, number, args, kwargs)
                    case ("gradients", list(known), list(wanted)):
                        question = self._messages.gradients.question(known, wanted)
                        answer = self._answer(reply, question)
                    case ("flood", int(size)):
                        most = self._limits.flood
                        said = f"it put out {size} bytes of text and pictures; at most {most}."
                        raise RoomDied(said, "output")
                    case _:
                        return reply, shared
                self._channel.send(answer, deadline)
        except RoomTimeout:
            spent = f"it took more than {seconds:g} s."
            out = "the time for this submission is used up."
            late = time.monotonic() > self._deadline
            raise self._failed(RoomTimeout(out if late else spent)) from None
        except RoomError as error:
            raise self._failed(error) from None
        finally:
            self._depth -= 1

    def _call_back(self, asked: Message, number: int, args: tuple, kwargs: dict) -> bytes:
        """Run a function that was passed into the room; what it gives, as a message."""
        if not 0 <= number < len(self._functions):
            raise WireError("the room calls a function that it was never given.")
        if not all(isinstance(name, str) for name in kwargs):
            raise WireError("the name of an argument is no string.")
        return self._answer(asked, self._functions[number], *args, **kwargs)

    def _answer(self, asked: Message, function: Callable, /, *args: Any, **kwargs: Any) -> bytes:
        """What `function` gives and changes in its arguments, or what it raises, as a message."""
        before = mutation.snapshot(asked.shared)
        try:
            with asked.mode():
                value = function(*args, **kwargs)
            changes = mutation.changed(asked.shared, before)
            return self._messages.write(("return", value, changes))[0]
        except Exception as error:
            if self.failure:
                raise self._gone() from None
            raised = [kind.__name__ for kind in type(error).__mro__[:-1]], str(error)
        try:
            changes = mutation.changed(asked.shared, before)
            return self._messages.write(("raise", raised, changes))[0]
        except (TypeError, WireError):  # what it put into an argument may not cross
            return self._messages.write(("raise", raised, []))[0]

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
        is_iterator = isinstance(value, Iterator)
        if not callable(value) and not is_iterator:
            raise TypeError(
                f"a {type(value).__name__} cannot cross into the room; pass arrays, numbers, "
                "strings, containers of them, or functions."
            )
        self._functions.append(value.__next__ if is_iterator else value)
        return Handle(len(self._functions) - 1, ITERATOR if is_iterator else FUNCTION)

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
