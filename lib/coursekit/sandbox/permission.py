"""What a task allows, on the judge's side: which calls are guarded, and what a room says of it."""

from __future__ import annotations

import re
from typing import Any

from coursekit.checks.findings import NotAllowed
from coursekit.checks.foreign import Use, plain
from coursekit.sandbox.errors import WireError

EVERY = 8  # of the calls after the first, one in so many is guarded
MOST_USES = 1000
_CALLED = re.compile(r"[\w.<>]{1,200}")


class Terms:
    """What one graded function may call, and which of its calls are guarded.

    A guarded call takes up to three times as long. So the first one is, then one in `EVERY`, and
    all of them from where on one has been refused.

    Args:
        allow: modules, as dotted names.
        name: of the function.

    >>> terms = Terms(("numpy",), "f")
    >>> [terms.guards_next() for _ in range(10)].count(True)
    2
    """

    def __init__(self, allow: tuple[str, ...], name: str):
        self.allow, self._name = allow, name
        self._calls, self._refused = 0, False

    def guards_next(self) -> bool:
        """Whether the next call is guarded; that one is then counted."""
        self._calls += 1
        return self._refused or self._calls % EVERY == 1

    def refusal(self, called: Any) -> NotAllowed:
        """What to raise for a call that the room has refused.

        Only the room's own reply to a guarded call leads here: an exception that a student's code
        raises is rebuilt as another type, whatever it is called.

        Args:
            called: what the room says was called.
        Raises:
            WireError: it makes no sense.
        """
        if not isinstance(called, str) or not _CALLED.fullmatch(called):
            raise WireError("what was refused makes no sense.")
        self._refused = True
        allowed = " and ".join((*self.allow[-1:], "the standard library"))
        allowed = ", ".join((*self.allow[:-1], allowed))
        return NotAllowed(f"{self._name} calls {called}; this task allows {allowed}.")


def uses(said: Any, read: list[Use]) -> list[Use]:
    """What a function uses: as its room says, and as the judge has read in the text of its cells.

    Where the room says all that was read, it has the last word, as a student's own kernel has.

    Args:
        said: the reply of the room.
        read: by the judge.
    Raises:
        WireError: the reply makes no sense.
    """
    match said:
        case list() if len(said) <= MOST_USES and all(map(_is_use, said)):
            told = [Use(*map(plain, each)) for each in said]
        case _:
            raise WireError("the room lists what a function uses in a form that makes no sense.")
    places = {(use.name, use.line) for use in told}
    if all((use.name, use.line) in places for use in read):
        return told
    known = {(use.name, use.line) for use in read}
    return [*read, *(use for use in told if (use.name, use.line) not in known)]


def _is_use(item: Any) -> bool:
    return isinstance(item, tuple) and len(item) == 3 and all(type(text) is str for text in item)
