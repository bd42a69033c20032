"""The judge's side of the process that rooms are forked from."""

from __future__ import annotations

import os
import select
import socket
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence

from coursekit.checks.foreign import Use
from coursekit.sandbox import bubblewrap, unconfined, warm_process
from coursekit.sandbox.errors import RoomDied, SandboxUnavailable
from coursekit.sandbox.limits import Limits
from coursekit.sandbox.room import Room

START_SECONDS = 120.0  # for the imports, on a busy machine


def _nothing_read(_name: str, _allow: tuple[str, ...]) -> list[Use]:
    return []


class Warm:
    """A process that has imported what notebooks use, and forks rooms. A context manager.

    with Warm() as warm, warm.room() as room:
        room.run_cell("def double(x):\\n    return 2 * x")
        room.look_up(["double"])["double"](3)

    Args:
        modules: to import besides NumPy, Matplotlib and IPython; what a course's notebooks spend
            their first seconds on, torch for one. Those that are not there are passed over.
        confined: in Bubblewrap. Without it a room keeps a process, a home and limits of its own,
            and no wall: what it may read and write is what the caller may; see `unconfined`.
    Raises:
        SandboxUnavailable: rooms cannot be made on this machine.
    """

    def __init__(self, modules: Sequence[str] = (), *, confined: bool = True):
        self._modules, self._confined = tuple(modules), confined
        self._process: subprocess.Popen | None = None
        self._owner = 0  # the process that started it; its forked children share it

    def __enter__(self) -> Warm:
        self._start()
        return self

    def launch(self) -> None:
        """Begin to start, which takes a second, and do not wait for it; `with` does."""
        reason = bubblewrap.missing() if self._confined else ""
        if reason:
            raise SandboxUnavailable(reason)
        outside = bubblewrap if self._confined else unconfined
        program = warm_process.program(self._modules, self._confined)
        self._owner = os.getpid()
        self._control, theirs = socket.socketpair()
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115, it lives until all is started
        with theirs:
            self._process = subprocess.Popen(
                outside.command(program),
                stdin=theirs,
                stdout=subprocess.DEVNULL,
                stderr=self._errors,
                start_new_session=True,  # Ctrl-C is for the judge, which then lets its rooms go
            )

    def __exit__(self, *error) -> None:
        self._stop()

    def room(
        self,
        files: Mapping[str, bytes] | None = None,
        limits: Limits | None = None,
        *,
        seed: int = 0,
        deadline: float = float("inf"),
        read: Callable[[str, tuple[str, ...]], list[Use]] = _nothing_read,
    ) -> Room:
        """A new room.

        Args:
            files: put into its home: name -> content. Names are those of the course.
            limits: what it may use.
            seed: of the random states of Python, NumPy and torch.
            deadline: time of `time.monotonic()` after which it answers nothing more.
            read: what a function uses that is not allowed, as far as its text tells: (its name,
                modules that are allowed) -> uses.
        """
        if self._is_gone():
            self._start()
        return self._forked(files or {}, limits or Limits(), seed, deadline, read)

    def _forked(self, files, limits, seed=0, deadline=float("inf"), read=_nothing_read) -> Room:
        """A new room of the process that runs; arguments as `room` has them."""
        end, theirs = socket.socketpair()
        leash, their_leash = socket.socketpair()
        request = warm_process.request(limits, seed)
        room = Room(end, leash, limits, deadline, read)
        try:
            with theirs, their_leash:
                socket.send_fds(self._control, [request], [theirs.fileno(), their_leash.fileno()])
            room.write(files)
        except (RoomDied, OSError) as error:
            room.close()
            raise SandboxUnavailable(f"The sandbox makes no room: {error}") from error
        return room

    def _start(self) -> None:
        if self._is_gone():
            self._stop()
            self.launch()
        with self._errors as errors:
            ready, _, _ = select.select([self._control], [], [], START_SECONDS)
            if not ready or self._control.recv(64) != warm_process.READY:
                self._stop()
                errors.seek(0)
                said = errors.read().decode("utf-8", "replace")
                raise SandboxUnavailable(bubblewrap.refused(said))
        if self._confined:
            self._try()

    def _try(self) -> None:
        """Make a room, for a container may allow Bubblewrap and forbid what a room does next.

        Otherwise that would show in one submission after the other.
        """
        try:
            self._forked({}, Limits()).close()
        except SandboxUnavailable as error:
            self._stop()
            raise SandboxUnavailable(bubblewrap.refused(str(error))) from error

    def _is_gone(self) -> bool:
        """Whether it has to be started. Only its own parent can ask; a forked child believes."""
        if self._process is None:
            return True
        return self._owner == os.getpid() and self._process.poll() is not None

    def _stop(self) -> None:
        if self._process is None:
            return
        self._control.close()  # it ends when nobody listens
        try:
            self._process.wait(5.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
