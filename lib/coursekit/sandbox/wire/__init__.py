"""Values as bytes and back: a data-only encoding, so that reading a message can run no code.

None, bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset, slice, range, `...`,
NumPy arrays, scalars and dtypes, torch tensors and dtypes, and NumPy random generators cross by
value. A tensor that takes part in automatic gradients crosses as a number that both sides know it
by (`coursekit.sandbox.gradients`). Everything else crosses as a `Handle`, a number that means
something on the other side only.

A message is a tree of records, each one byte that names the type, then its content. Numbers are
little-endian. Every size is checked against the bytes that are there before anything is made.
"""

from coursekit.sandbox.wire.format import Handle
from coursekit.sandbox.wire.reader import Reader
from coursekit.sandbox.wire.writer import Writer

__all__ = ["Handle", "Reader", "Writer"]
