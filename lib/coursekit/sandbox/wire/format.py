"""What both ends of a connection agree on."""

from __future__ import annotations

import struct
from dataclasses import dataclass

MAX_DEPTH = 60
MAX_RECORDS = 500_000
MAX_HASHED = 20_000  # keys that all fall into one slot of a hash table cost their number squared
MAX_STRING = 2**22  # characters
MAX_INTEGER = 1024  # bytes
HEAD = b"W"  # begins what is said about tensors before a message
FUNCTION, ITERATOR = "judge", "judge's iterator"  # kinds of handles of what lives in the judge

SIZE = struct.Struct("<Q")
FLOAT = struct.Struct("<d")
COMPLEX = struct.Struct("<dd")
TYPES = {kind.__name__: kind for kind in (bool, int, float, complex, str, bytes)}


@dataclass(frozen=True)
class Handle:
    """Something that stays where it is: `number` names it, `kind` is the name of its type."""

    number: int
    kind: str
