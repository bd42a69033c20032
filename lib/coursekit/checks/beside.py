"""Runs a function of the course beside the student's code, wherever that is.

    from coursekit import inside
    got = inside(samples.trained, train_step, state, batches, log)

In a kernel this is `samples.trained(train_step, state, batches, log)`. In the judge the call is
made in the student's room, where `train_step` and all it makes are the student's own objects. So an
optimiser of torch trains the student's Module, a loader reads the student's Dataset, and what has
to cross comes back as data. The function is named, not sent: it is looked up in a module that lies
in the room as well.

What comes back is the student's word, as that of any function of theirs: values to compare, and
never a verdict. A student can make `samples.trained` return what he likes.
"""

from __future__ import annotations

import operator
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

Where = tuple[str, str]  # a module, and the dotted name of something in it
Elsewhere = Callable[[Where, tuple, dict[str, Any]], Any]

_KEPT_OUT = re.compile(r"a\d\d_(?!samples$)\w+")  # modules of an assignment that no room has
_elsewhere: ContextVar[Elsewhere | None] = ContextVar("elsewhere", default=None)


def inside(function: Callable, /, *args: Any, **kwargs: Any) -> Any:
    """What `function` gives when it is called beside the student's code.

    Args:
        function: of a module that lies in rooms: `aNN_samples`, or an installed one.
        args: as for a function of the student: data, functions of the test, and what the student
            has written.
        kwargs: the same, by name.
    Raises:
        TypeError: the function is of no such module.
        Exception: what it raises.
    """
    where = _where(function)
    call = _elsewhere.get()
    return function(*args, **kwargs) if call is None else call(where, args, kwargs)


@contextmanager
def calls_go_to(call: Elsewhere) -> Iterator[None]:
    """Within, `inside` calls `call` with the place of a function, and its arguments."""
    before = _elsewhere.set(call)
    try:
        yield
    finally:
        _elsewhere.reset(before)


def named(where: Where) -> Callable:
    """What is at a place.

    >>> named(("os.path", "join"))("a", "b")
    'a/b'
    """
    module, name = where
    __import__(module)
    return operator.attrgetter(name)(sys.modules[module])


def _where(function: Callable) -> Where:
    """The place of a function. The same are refused on both sides of a wall."""
    module, name = (getattr(function, key, None) for key in ("__module__", "__qualname__"))
    if not isinstance(module, str) or not isinstance(name, str) or module == "__main__":
        raise _refusal(function, "is not of a module")
    if _KEPT_OUT.fullmatch(module):
        raise _refusal(function, f"is of {module}, which lies in no room")
    try:
        found = named((module, name))
    except (ImportError, AttributeError, KeyError):
        found = None
    if found is not function:
        raise _refusal(function, f"cannot be found in {module} by its name")
    return module, name


def _refusal(function: Any, why: str) -> TypeError:
    name = getattr(function, "__name__", None) or type(function).__name__
    return TypeError(
        f"inside calls a function that lies beside the student's code, and {name!r:.80} {why}. "
        "Write it in the aNN_samples.py of the assignment, at the top level, and pass what it "
        "needs; call the student's own functions without inside."
    )
