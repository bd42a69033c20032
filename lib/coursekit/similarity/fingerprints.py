"""Fingerprints of token sequences, and how much one of them says.

Reference: Schleimer, Wilkerson, Aiken (2003), "Winnowing: local algorithms for document
fingerprinting", doi:10.1145/872757.872770.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

from coursekit.similarity.tokens import Token

K = 14  # tokens in a fingerprint: shorter coincidences are noise
WINDOW = 4  # of so many consecutive k-grams at least one is kept
COMMON = 0.25  # what this share of a class has says nothing about two of them
FEW = 40  # in a smaller class nobody can tell common from copied: weighted like one of so many


def k_grams(tokens: Sequence[Token], k: int = K) -> list[int]:
    """Hashes of all runs of `k` tokens, in order; the same in every process.

    >>> len(k_grams([Token("name", 1)] * 16, k=14))
    3
    """
    texts = [token.text for token in tokens]
    return [_hash("\0".join(texts[i : i + k])) for i in range(len(texts) - k + 1)]


def winnow(hashes: Sequence[int], window: int = WINDOW) -> list[int]:
    """Positions of the fingerprints: in every window the smallest hash, the rightmost of equals.

    A run of tokens shared by two answers gives both the same fingerprints inside the run, wherever
    it stands, and at least one if it is `window + k - 1` tokens long.

    >>> winnow([77, 74, 42, 17, 98, 50, 17, 98, 8, 88, 67, 39, 77, 74, 42, 17, 98])
    [3, 6, 8, 11, 15]
    """
    kept: list[int] = []
    for start in range(max(1, len(hashes) - window + 1)):
        inside = range(start, min(start + window, len(hashes)))
        if inside:
            position = min(inside, key=lambda i: (hashes[i], -i))
            if not kept or kept[-1] != position:
                kept.append(position)
    return kept


def fingerprints(tokens: Sequence[Token], k: int = K, window: int = WINDOW) -> set[int]:
    """The winnowed hashes of one answer."""
    hashes = k_grams(tokens, k)
    return {hashes[i] for i in winnow(hashes, window)}


def weight(holders: int, students: int) -> float:
    """How much it says that two students share a fingerprint that `holders` of them have.

    log(n / (4 · holders)) / log(n / 8): 1 if only these two have it, 0 from a quarter of the class
    on. That is how short answers which there is only one way to write stop counting.

    >>> [round(weight(holders, 100), 2) for holders in (1, 2, 5, 10, 25, 100)]
    [1.0, 1.0, 0.64, 0.36, 0.0, 0.0]
    """
    common = COMMON * max(students, FEW)
    return min(1.0, max(0.0, math.log(common / holders) / math.log(common / 2)))


def _hash(text: str) -> int:
    return int.from_bytes(
        hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "big"
    )
