"""The messages of one side of a wall: values, and before them what they need of tensors."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coursekit.sandbox.errors import WireError
from coursekit.sandbox.wire import Handle, Reader, Writer
from coursekit.sandbox.wire.format import HEAD

if TYPE_CHECKING:
    from coursekit.sandbox.gradients import Gradients


AS_IT_IS = contextlib.nullcontext()


@dataclass(slots=True)
class Message:
    """What came in.

    Attributes:
        value: what was sent.
        shared: the mutable values in it, in order.
        paused: the other side is under `torch.no_grad()`.
        size: in bytes.
    """

    value: Any
    shared: list[Any]
    paused: bool
    size: int

    def mode(self) -> AbstractContextManager:
        """In which to do what the message asks for."""
        if not self.paused or "torch" not in sys.modules:
            return AS_IT_IS
        return sys.modules["torch"].no_grad()


class Messages:
    """Writes and reads messages. torch is loaded when a tensor crosses, and not before.

    Args:
        is_judge: the judge's side, which trusts nothing that it reads.
        export: gives the `Handle` of a value that cannot cross; raises TypeError to refuse.
        resolve: turns a `Handle` into what stands for it on this side.
        ask: asks the other side for gradients; see `Gradients`.
    """

    def __init__(
        self,
        is_judge: bool,
        export: Callable[[Any], Handle],
        resolve: Callable[[Handle], Any],
        ask: Callable[..., list],
    ):
        self._is_judge, self._export, self._resolve, self._ask = is_judge, export, resolve, ask
        self._gradients: Gradients | None = None

    def write(self, value: Any) -> tuple[bytes, list[Any]]:
        """The encoding of a value, and the mutable values in it, in order.

        Raises:
            TypeError: something in it may not cross.
            WireError: it is too large.
        """
        writer = Writer(self._export, share=self._is_judge, join=self._number_of)
        body = writer.message(value)
        torch = sys.modules.get("torch")
        if torch is None or (self._gradients is None and torch.is_grad_enabled()):
            return body, writer.shared
        return self._head(not torch.is_grad_enabled()) + body, writer.shared

    def read(self, data: bytearray) -> Message:
        """What the other side wrote.

        Raises:
            WireError: it makes no sense.
        """
        reader = Reader(data, self._resolve, share=not self._is_judge, joined=self._find)
        if not data.startswith(HEAD):
            return Message(reader.message(), reader.shared, False, len(data))
        match reader.head():
            case (bool(paused), None):
                return Message(reader.message(), reader.shared, paused, len(data))
            case (bool(paused), tuple(about)):
                self.gradients.receive(about)
                try:
                    return Message(reader.message(), reader.shared, paused, len(data))
                finally:
                    self.gradients.forget_arrived()
        raise WireError("what is said about tensors makes no sense.")

    def close(self) -> None:
        """Let go of all tensors; no message follows."""
        if self._gradients:
            self._gradients.forget()

    @property
    def gradients(self) -> Gradients:
        """The tensors that both sides know by number."""
        if self._gradients is None:
            from coursekit.sandbox.gradients import Gradients

            self._gradients = Gradients(self._is_judge, self._ask)
        return self._gradients

    def _head(self, paused: bool) -> bytes:
        about = self._gradients.head() if self._gradients else None
        return HEAD + Writer(self._export).message((paused, about))

    def _number_of(self, tensor: Any) -> int:
        return self.gradients.number_of(tensor)

    def _find(self, number: int) -> Any:
        return self.gradients.find(number)
