"""NumPy's random generators as plain data and back: their state, and their seed with its children.

`rng.spawn(n)` makes children from the seed, its place among its ancestors, and the number of
children before. So these cross too: a generator has the same children on both sides of a wall.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.random.bit_generator import ISeedSequence

from coursekit.sandbox.errors import WireError

KINDS = ("PCG64", "PCG64DXSM", "SFC64")  # their states are numbers, of which any will do
MOST_WORDS = 1000  # of 32 bits, of a seed and of the place of a generator among its ancestors
POOLS = range(4, 17)  # sizes; NumPy mixes each word with each of them
MOST_SPAWNED = 100_000  # words of all children of one call: about 0.3 s to repeat


class Unknown(ISeedSequence):
    """In place of a seed that cannot cross: a generator that has it has no children."""

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> np.ndarray:
        """Zeros; the state of the generator is put in their place."""
        return np.zeros(n_words, dtype)


def described(generator: np.random.Generator) -> tuple[dict[str, Any], tuple | None]:
    """State and seed, as data that can be compared.

    Returns:
        The state, as its bit generator gives it, and (entropy, spawn_key, pool_size,
        n_children_spawned); None for a seed that is no such thing.
    """
    bits = generator.bit_generator
    return _listed(bits.state), _seed(bits.seed_seq)


def made(about: Any) -> np.random.Generator:
    """The generator that `described` described.

    Raises:
        WireError: such a generator may not cross.
        TypeError, ValueError, KeyError, AttributeError, OverflowError: this describes none.
    """
    state, seed = about
    name = state["bit_generator"]
    if name not in KINDS:
        raise WireError(f"random generators of kind {name!r:.80} may not cross.")
    if seed is not None and not _is_seed(seed):
        raise WireError("the seed of a random generator makes no sense.")
    bits = getattr(np.random, name)(Unknown() if seed is None else _sequence(*seed))
    bits.state = state
    return np.random.Generator(bits)


def become(generator: np.random.Generator, new: np.random.Generator) -> None:
    """Put a generator into the state of another, with as many children.

    Raises:
        ValueError: it cannot come to that by being used.
    """
    bits = generator.bit_generator
    seed, wanted = _seed(bits.seed_seq), _seed(new.bit_generator.seed_seq)
    if seed != wanted:
        if not seed or not wanted or seed[:3] != wanted[:3]:
            raise ValueError("a random generator with another seed")
        born = wanted[3] - seed[3]
        if not 0 <= born <= MOST_SPAWNED // (1 + _size(seed)):
            raise ValueError(f"a random generator with {born} more children")
        bits.seed_seq.spawn(born)  # nothing else counts them
    bits.state = new.bit_generator.state


def _sequence(entropy: Any, key: tuple, pool: int, children: int) -> np.random.SeedSequence:
    return np.random.SeedSequence(
        entropy, spawn_key=key, pool_size=pool, n_children_spawned=children
    )


def _seed(sequence: Any) -> tuple | None:
    """A seed as data, or None where it is too large, or made in a way of its own."""
    if type(sequence) is not np.random.SeedSequence:
        return None
    try:
        words = tuple(_words(sequence.entropy))
        key = tuple(_words(sequence.spawn_key))
    except (TypeError, RecursionError):  # text, for one
        return None
    entropy = words[0] if len(words) == 1 else words
    seed = (entropy, key, int(sequence.pool_size), int(sequence.n_children_spawned))
    return seed if _is_seed(seed) else None


def _words(numbers: Any) -> Iterator[int]:
    """Numbers within numbers, in order: NumPy flattens a seed just so."""
    if isinstance(numbers, (list, tuple, np.ndarray)) and np.ndim(numbers):
        for part in numbers:
            yield from _words(part)
    else:
        yield operator.index(numbers)


def _is_seed(seed: Any) -> bool:
    match seed:
        case (entropy, tuple(key), int(pool), int(children)):
            words = (*(entropy if isinstance(entropy, tuple) else (entropy,)), *key)
            numbers = all(type(word) is int and word >= 0 for word in words)
            few = numbers and _size(seed) <= MOST_WORDS
            return few and pool in POOLS and 0 <= children < 2**32
    return False


def _size(seed: tuple) -> int:
    """Words of 32 bits that a seed is made of."""
    entropy, key, *_ = seed
    words = (*(entropy if isinstance(entropy, tuple) else (entropy,)), *key)
    return sum(1 + word.bit_length() // 32 for word in words)


def _listed(state: Any) -> Any:
    """With lists in place of arrays."""
    if isinstance(state, dict):
        return {name: _listed(part) for name, part in state.items()}
    return state.tolist() if isinstance(state, np.ndarray) else state
