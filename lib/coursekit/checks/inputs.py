"""What the inputs of checks are drawn from: the task, the check, and a secret of the class.

The sources of an assignment are public, hidden checks included. With a secret of its own, a class
has hidden inputs that nobody can look up. It is set once, beside nbgrader_config.py:

    openssl rand -hex 16 > course_secret
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

SECRET = "COURSE_SECRET"  # the environment variable from which hidden checks draw
FILE = "course_secret"  # beside nbgrader_config.py, where the variable is not set; git ignores it
PUBLISHED = "published"  # the secret of a class that has set none


class SecretError(Exception):
    """The file with the secret cannot be used; the message says why and what to do."""


def generator(task: str, check: str, count: int, *, hidden: bool) -> np.random.Generator:
    """The generator for one call of `Task.rng`, the same in every process and on every machine.

    Args:
        task: its name.
        check: its name; "" outside of checks.
        count: which call within this check, from 1.
        hidden: whether it depends on the secret.
    """
    text = "\n".join((task, check, str(count), secret() if hidden else ""))
    return np.random.default_rng(int(hashlib.sha256(text.encode()).hexdigest()[:16], 16))


def secret() -> str:
    """What hidden checks in this process draw from."""
    return os.environ.get(SECRET) or PUBLISHED


def secret_of(course: Path) -> str:
    """The secret of a class: the environment's, or else that of the file, or the published one.

    Raises:
        SecretError: the file is empty or no text.
    """
    if os.environ.get(SECRET):
        return os.environ[SECRET]
    path = course / FILE
    try:
        found = path.read_text("utf-8").strip()
    except FileNotFoundError:
        return PUBLISHED
    except (OSError, UnicodeDecodeError) as error:
        why = f"cannot be read as text ({type(error).__name__})"  # the error might quote it
        raise SecretError(_unfit(path, why)) from None
    if not found:
        raise SecretError(_unfit(path, "is empty"))
    return found


@contextmanager
def drawn_from(secret: str) -> Iterator[None]:
    """Hidden checks draw from this secret, in this process and in those that it starts."""
    before = os.environ.get(SECRET)
    os.environ[SECRET] = secret
    try:
        yield
    finally:
        if before is None:
            del os.environ[SECRET]
        else:
            os.environ[SECRET] = before


def _unfit(path: Path, why: str) -> str:
    return (
        f"{path} {why}; it holds the secret that hidden checks draw from. Write one, once for all "
        f"of a course (another one grades everybody anew): openssl rand -hex 16 > {path.name}"
    )
