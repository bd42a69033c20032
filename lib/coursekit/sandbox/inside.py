"""Life in a room: answers the judge's requests. All that a student writes runs here.

A student's code can change anything in this process, this module included. So nothing here is
relied on: whatever a room answers is taken as data, and earns points only by being right.
"""

from __future__ import annotations

import copy
import operator
import os
import socket
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import GeneratorType
from typing import Any, NoReturn

from coursekit.checks.beside import Where, named
from coursekit.checks.source import foreign, is_stub, own_line
from coursekit.sandbox import attempts, mutation
from coursekit.sandbox.capture import LONGEST, Outputs, Stream
from coursekit.sandbox.channel import Channel
from coursekit.sandbox.guard import Guard
from coursekit.sandbox.limits import Limits
from coursekit.sandbox.messages import Message, Messages
from coursekit.sandbox.seeds import seed_all
from coursekit.sandbox.shell import Shell
from coursekit.sandbox.wire import Handle
from coursekit.sandbox.wire.format import FUNCTION, ITERATOR


def live(descriptor: int, seed: int, limits: Limits, shell: Shell) -> None:
    """Answer requests that come in on a socket, until the other side hangs up.

    Args:
        descriptor: of the socket.
        seed: of random states.
        limits: of what is put out.
        shell: made before this process was forked, and used nowhere else.
    """
    channel = Channel(_only(descriptor))
    home = Path(os.environ["HOME"])  # empty so far
    for name in ("TMPDIR", "MPLCONFIGDIR"):
        os.mkdir(os.environ[name])
    os.chdir(home)
    sys.path.insert(0, str(home))
    seed_all(seed)
    outputs = Outputs(limits, lambda size: server.flooded(size))
    sys.stdout, sys.stderr = Stream(outputs, "stdout"), Stream(outputs, "stderr")
    shell.outputs = outputs
    server = Server(channel, shell, home)
    server.serve()


def _only(descriptor: int) -> socket.socket:
    """The socket, with nothing else open and the standard streams leading nowhere."""
    for standard in (1, 2):
        os.dup2(0, standard)
    os.dup2(descriptor, 3)
    os.closerange(4, 65536)
    os.set_inheritable(3, False)
    return socket.socket(fileno=3)


class Server:
    """Does what the judge asks.

    Args:
        channel: to the judge.
        shell: runs the cells.
        home: where files go.
    """

    def __init__(self, channel: Channel, shell: Shell, home: Path):
        self._channel, self._shell, self._home = channel, shell, home
        self._messages = Messages(False, self._export, self._resolve, self._gradients)
        self._kept: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._lasting: dict[int, list[Any]] = {}  # what generators go on changing, by their id
        self._depth = 0
        self._process = os.getpid()

    def serve(self) -> None:
        """Answer until the judge hangs up."""
        while True:
            try:
                self._do(self._receive())
            except EOFError:
                return

    def flooded(self, size: int) -> NoReturn:
        """Say how much was put out, and end the room: an exception could be caught."""
        if os.getpid() == self._process:
            self._send(("flood", size))
        os._exit(1)

    def ask(self, *question: Any) -> Any:
        """What the judge answers; what it asks meanwhile is done."""
        message, shared = self._messages.write(question)
        self._channel.send(message)
        while True:
            answer = self._receive()
            match answer.value:
                case ("return", value, list(changes)):
                    mutation.repeat(shared, changes)
                    return value
                case ("raise", (list(types), str(text)), list(changes)):
                    mutation.repeat(shared, changes)
                    raise _exception(types, text)
                case _:
                    self._do(answer)

    def _gradients(self, known: list, likes: dict[int, Any]) -> list:
        return self.ask("gradients", known, list(likes))

    def _receive(self) -> Message:
        return self._messages.read(self._channel.receive())

    def _do(self, request: Message) -> None:
        """Run one request; whatever it raises is its answer."""
        what, *details = request.value
        if not self._depth:
            self._shell.outputs.begin()
        self._depth += 1
        try:
            with request.mode():
                if action := _ACTIONS.get(what):
                    reply = action(self, *details)
                else:
                    reply = self._deed(what, *details, request.shared)
            message, _ = self._messages.write(reply)
        except BaseException as error:
            message, _ = self._messages.write(("error", _report(error), [], "", []))
        finally:
            self._depth -= 1
        if os.getpid() != self._process:
            os._exit(0)  # a cell has forked, and this is the child
        self._channel.send(message)

    def _send(self, value: Any) -> None:
        self._channel.send(self._messages.write(value)[0])

    def _export(self, value: Any) -> Handle:
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self._kept)
            self._kept.append(value)
        return Handle(number, type(value).__name__[:80])

    def _resolve(self, handle: Handle) -> Any:
        stands_for = _OF_THE_JUDGE.get(handle.kind)
        return stands_for(self, handle.number) if stands_for else self._kept[handle.number]

    def _write(self, files: dict[str, bytes]) -> tuple:
        for name, content in files.items():
            path = self._home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return ("done",)

    def _run(self, source: str) -> tuple:
        result = self._shell.run_cell(source, store_history=True)
        error = result.error_before_exec or result.error_in_exec
        return ("ran", self._shell.outputs.finished(), None if error is None else _report(error))

    def _look_up(self, names: list[str]) -> tuple:
        namespace = self._shell.user_ns
        return ("value", {name: namespace[name] for name in names if name in namespace})

    def _foreign(self, target: Any, allow: tuple[str, ...]) -> tuple:
        return ("value", [tuple(use) for use in foreign(target, allow)])

    def _deed(
        self, name: str, args: tuple, kwargs: dict, allow: tuple[str, ...] | None, shared: list[Any]
    ) -> tuple:
        if name == "inside":
            args, allow = self._beside(*args, allow=allow)
        deed = self._differentiate if name == "gradients" else _DEEDS[name]
        if name == "next":
            shared = self._lasting.get(id(*args), shared)
        before = mutation.snapshot(shared)
        guard = Guard(allow)
        with self._shell.outputs.warned() as warned:
            try:
                with guard:
                    answer = ("value", deed(*args, **kwargs))
            except BaseException as error:
                answer = ("error", _report(error))
        if guard.refused:  # also where the student's code has swallowed the exception
            answer = ("refused", guard.refused)
        elif name == "call":
            self._note(*answer, shared)
        return (*answer, mutation.changed(shared, before), self._printed(), warned)

    def _note(self, _kind: str, answer: Any, shared: list[Any]) -> None:
        """What a generator was called with: its code runs later, and changes it then."""
        if isinstance(answer, GeneratorType):
            self._lasting[id(answer)] = shared

    def _beside(self, where: Where, *args: Any, allow: tuple[str, ...] | None) -> tuple:
        """A function of the course with its arguments, and what may be called in such a call.

        A module in the home of a room passes for the student's unless it is listed.
        """
        function, (module, _) = named(where), where
        file = getattr(sys.modules[module], "__file__", None) or ""
        is_at_home = file.startswith(f"{self._home}/")
        listed = (module,) if is_at_home and allow is not None else ()
        return (function, *args), (*allow, *listed) if listed else allow

    def _differentiate(self, known: list, wanted: list[int]) -> list:
        return self._messages.gradients.question(known, wanted)()

    def _printed(self) -> str:
        """What has been printed since the last request of the judge; shown figures are dropped."""
        if self._depth > 1:
            return ""
        items = self._shell.outputs.finished()
        return "".join(item["text"] for item in items if item["type"] == "stream")


class Callback:
    """A function of the judge, as a student's code sees it."""

    def __init__(self, server: Server, number: int):
        self._server, self.number = server, number

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Its value for these arguments, which go over by value; what it changes comes back."""
        return self._server.ask("callback", self.number, args, kwargs)


class Steps(Callback):
    """An iterator of the judge, as a student's code sees it."""

    def __iter__(self) -> Steps:
        return self

    def __next__(self) -> Any:
        return self()


_OF_THE_JUDGE = {FUNCTION: Callback, ITERATOR: Steps}
_ACTIONS: dict[str, Callable[..., tuple]] = {
    "write": Server._write,
    "run": Server._run,
    "names": Server._look_up,
    "foreign": Server._foreign,
}


def _twice(function: Callable, first: tuple, second: tuple) -> tuple[Any, Any]:
    """What two calls give, both looked at when both are done."""
    return function(*first), function(*second)


def _each(function: Callable, cases: list[tuple]) -> list[tuple[str, Any]]:
    """What several calls give or raise; see `attempts`."""
    return attempts.made(function, cases, _report)


# What a proxy asks for. `operator.call`, unlike a function written here, shows in no traceback.
_DEEDS: dict[str, Callable[..., Any]] = {
    "call": operator.call,
    "inside": operator.call,
    "twice": _twice,
    "each": _each,
    "get": getattr,
    "set": setattr,
    "length": len,
    "truth": bool,
    "item": operator.getitem,
    "put": operator.setitem,
    "contains": operator.contains,
    "iterate": iter,
    "next": next,
    "copy": copy.deepcopy,
}


def _report(error: BaseException) -> dict[str, Any]:
    """An exception as data; see `errors.rebuilt`."""
    inner = error.__traceback__.tb_next if error.__traceback__ else None
    lines = traceback.format_exception(type(error), error, inner)
    return {
        "types": [kind.__name__ for kind in type(error).__mro__[:-1]],
        "message": str(error)[: 2 * LONGEST],
        "traceback": "".join(lines)[-LONGEST:],
        "line": own_line(error),
        "stub": is_stub(error),
    }


def _exception(types: list[str], message: str) -> Exception:
    """An exception of the judge, raised again here."""
    from coursekit.sandbox.errors import rebuilt

    return rebuilt({"types": types, "message": message, "traceback": "", "line": ""})
