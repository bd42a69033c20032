"""Life in a room: answers the judge's requests. All that a student writes runs here.

A student's code can change anything in this process, this module included. So nothing here is
relied on: whatever a room answers is taken as data, and earns points only by being right.
"""

from __future__ import annotations

import copy
import os
import random
import socket
import sys
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from coursekit.checks.source import modules_used, own_line
from coursekit.sandbox import mutation, shell
from coursekit.sandbox.bubblewrap import ENVIRONMENT, HOME
from coursekit.sandbox.channel import Channel
from coursekit.sandbox.limits import Limits
from coursekit.sandbox.wire import Handle, Reader, Writer


def live(descriptor: int, seed: int, limits: Limits) -> None:
    """Answer requests that come in on a socket, until the other side hangs up."""
    channel = Channel(_only(descriptor))
    for folder in (ENVIRONMENT["TMPDIR"], ENVIRONMENT["MPLCONFIGDIR"]):
        os.mkdir(folder)
    os.chdir(HOME)
    sys.path.insert(0, HOME)
    _seed(seed)
    outputs = shell.Outputs(limits.output)
    sys.stdout, sys.stderr = shell.Stream(outputs, "stdout"), shell.Stream(outputs, "stderr")
    Server(channel, shell.start(outputs)).serve()


def _only(descriptor: int) -> socket.socket:
    """The socket, with nothing else open and the standard streams leading nowhere."""
    for standard in (1, 2):
        os.dup2(0, standard)
    os.dup2(descriptor, 3)
    os.closerange(4, 65536)
    os.set_inheritable(3, False)
    return socket.socket(fileno=3)


def _seed(seed: int) -> None:
    import torch

    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


class Server:
    """Does what the judge asks.

    Args:
        channel: to the judge.
        shell: runs the cells.
    """

    def __init__(self, channel: Channel, shell: shell.Shell):
        self._channel, self._shell = channel, shell
        self._kept: list[Any] = []
        self._numbers: dict[int, int] = {}
        self._depth = 0
        self._process = os.getpid()

    def serve(self) -> None:
        """Answer until the judge hangs up."""
        while True:
            try:
                self._answer(self._receive())
            except EOFError:
                return

    def ask(self, function: int, args: tuple, kwargs: dict) -> Any:
        """The value of a function of the judge."""
        self._send(("callback", function, args, kwargs))
        while True:
            reader = self._receive()
            request = reader.message()
            if request[0] == "return":
                return request[1]
            if request[0] == "raise":
                raise _exception(*request[1:])
            self._do(request, reader.shared)

    def _receive(self) -> Reader:
        return Reader(self._channel.receive(), self._resolve, share=True)

    def _answer(self, reader: Reader) -> None:
        self._do(reader.message(), reader.shared)

    def _do(self, request: tuple, shared: list[Any]) -> None:
        """Run one request; whatever it raises is its answer."""
        action, *details = request
        if not self._depth:
            self._shell.outputs.begin()
        self._depth += 1
        try:
            reply = _ACTIONS[action](self, *details, shared)
            message = Writer(self._export).message(reply)
        except BaseException as error:
            message = Writer(self._export).message(("error", _report(error), [], "", []))
        finally:
            self._depth -= 1
        if os.getpid() != self._process:
            os._exit(0)  # a cell has forked, and this is the child
        self._channel.send(message)

    def _send(self, value: Any) -> None:
        self._channel.send(Writer(self._export).message(value))

    def _export(self, value: Any) -> Handle:
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self._kept)
            self._kept.append(value)
        return Handle(number, type(value).__name__[:80])

    def _resolve(self, handle: Handle) -> Any:
        return (
            Callback(self, handle.number) if handle.kind == "judge" else self._kept[handle.number]
        )

    def _write(self, files: dict[str, bytes], _shared: list[Any]) -> tuple:
        for name, content in files.items():
            Path(HOME, name).write_bytes(content)
        return ("done",)

    def _run(self, source: str, _shared: list[Any]) -> tuple:
        result = self._shell.run_cell(source, store_history=True)
        error = result.error_before_exec or result.error_in_exec
        return ("ran", self._shell.outputs.finished(), None if error is None else _report(error))

    def _look_up(self, names: list[str], _shared: list[Any]) -> tuple:
        namespace = self._shell.user_ns
        return ("value", {name: namespace[name] for name in names if name in namespace})

    def _get(self, target: Any, name: str, _shared: list[Any]) -> tuple:
        return ("value", getattr(target, name))

    def _copy(self, target: Any, _shared: list[Any]) -> tuple:
        return ("value", copy.deepcopy(target))

    def _modules(self, target: Any, _shared: list[Any]) -> tuple:
        return ("value", sorted(modules_used(target)))

    def _call(self, target: Any, args: tuple, kwargs: dict, shared: list[Any]) -> tuple:
        before = mutation.snapshot(shared)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("default")
            try:
                answer = ("value", target(*args, **kwargs))
            except BaseException as error:
                answer = ("error", _report(error))
        warned = [(w.category.__name__, str(w.message)) for w in caught]
        return (*answer, mutation.changed(shared, before), self._printed(), warned)

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
        """Its value for these arguments, which go over by value."""
        return self._server.ask(self.number, args, kwargs)


_ACTIONS: dict[str, Callable[..., tuple]] = {
    "write": Server._write,
    "run": Server._run,
    "names": Server._look_up,
    "get": Server._get,
    "copy": Server._copy,
    "modules": Server._modules,
    "call": Server._call,
}


def _report(error: BaseException) -> dict[str, Any]:
    """An exception as data; see `errors.rebuilt`."""
    inner = error.__traceback__.tb_next if error.__traceback__ else None
    lines = traceback.format_exception(type(error), error, inner)
    return {
        "types": [kind.__name__ for kind in type(error).__mro__[:-1]],
        "message": str(error),
        "traceback": "".join(lines)[-shell.LONGEST :],
        "line": own_line(error),
    }


def _exception(types: list[str], message: str) -> Exception:
    """An exception of the judge, raised again here."""
    from coursekit.sandbox.errors import rebuilt

    return rebuilt({"types": types, "message": message, "traceback": "", "line": ""})
