"""Whole messages over a socket: eight bytes of length, then the content."""

from __future__ import annotations

import select
import socket
import struct
import time

from coursekit.sandbox.errors import RoomDied, RoomTimeout, TooLarge

_LENGTH = struct.Struct("<Q")
_CHUNK = 2**20


class Channel:
    """One end of a connection, for the side that has nothing to fear: it waits for ever."""

    def __init__(self, end: socket.socket):
        self._end = end

    def send(self, message: bytes) -> None:
        """Send a message."""
        self._end.sendall(_LENGTH.pack(len(message)) + message)

    def receive(self) -> bytearray:
        """The next message.

        Raises:
            EOFError: the other side is gone.
        """
        return self._exactly(_LENGTH.unpack(self._exactly(_LENGTH.size))[0])

    def _exactly(self, count: int) -> bytearray:
        data = bytearray(count)
        view, filled = memoryview(data), 0
        while filled < count:
            got = self._end.recv_into(view[filled:], min(count - filled, _CHUNK))
            if not got:
                raise EOFError("the other side closed the connection.")
            filled += got
        return data


class GuardedChannel:
    """The judge's end: never waits past a deadline, never takes a message that is too large.

    Args:
        end: the socket.
        leash: a socket on which the room's keeper reports its end.
        largest: bytes of a message that are accepted.
    """

    def __init__(self, end: socket.socket, leash: socket.socket, largest: int):
        end.setblocking(False)
        self._end, self._leash, self._largest = end, leash, largest
        self._poll = select.poll()
        self._poll.register(leash, select.POLLIN)

    def send(self, message: bytes, deadline: float) -> None:
        """Send a message before `deadline`, a time of `time.monotonic()`.

        Raises:
            RoomTimeout: the other side does not read.
            RoomDied: the other side is gone.
        """
        view = memoryview(_LENGTH.pack(len(message)) + message)
        while view:
            try:
                view = view[self._end.send(view[:_CHUNK]) :]
            except BlockingIOError:
                self._wait(select.POLLOUT, deadline)
            except OSError:
                raise self._last_words() from None

    def receive(self, deadline: float) -> bytearray:
        """The next message.

        Raises:
            RoomTimeout: it is not complete at the deadline.
            RoomDied: the room ended.
            TooLarge: it is larger than what is accepted.
        """
        size = _LENGTH.unpack(self._exactly(_LENGTH.size, deadline))[0]
        if size > self._largest:
            raise TooLarge(f"a reply of {size} bytes is too large; at most {self._largest}.")
        return self._exactly(size, deadline)

    def _exactly(self, count: int, deadline: float) -> bytearray:
        # Grows with what arrives: an announced length alone must not take memory.
        data = bytearray()
        while len(data) < count:
            if time.monotonic() > deadline:
                raise RoomTimeout("it took too long.")
            try:
                got = self._end.recv(min(count - len(data), _CHUNK))
            except BlockingIOError:
                self._wait(select.POLLIN, deadline)
                continue
            except OSError:
                got = b""
            if not got:
                raise self._last_words()
            data += got
        return data

    def _wait(self, event: int, deadline: float) -> None:
        left = deadline - time.monotonic()
        self._poll.register(self._end, event)
        ready = dict(self._poll.poll(max(left, 0) * 1000))
        if not ready:
            raise RoomTimeout("it took too long.")
        if self._end.fileno() not in ready:  # what was sent before the end still counts
            raise self._last_words()

    def _last_words(self) -> RoomDied:
        self._leash.settimeout(2.0)
        try:
            return RoomDied.from_bytes(self._leash.recv(4096))
        except OSError:
            return RoomDied.from_bytes(b"")
