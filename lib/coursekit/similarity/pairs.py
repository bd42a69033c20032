"""Which pairs of students share more than others do."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field

import numpy as np

from coursekit.similarity.fingerprints import K, fingerprints, k_grams, weight
from coursekit.similarity.tokens import Token

SHARE = 0.6  # of all answers, from which a pair is worth a look
SHARE_OF_ONE = 0.8  # of one answer
EVIDENCE = 20.0  # fingerprints, some fifty tokens, must be shared; short answers coincide by chance
CONTEXT = 10  # pairs that are not striking, to compare with


@dataclass(frozen=True)
class Answers:
    """What one student wrote.

    Attributes:
        sources: solution cell -> its text.
        tokens: solution cell -> its normalised tokens.
    """

    student: str
    sources: Mapping[str, str]
    tokens: Mapping[str, Sequence[Token]]


@dataclass(frozen=True)
class Overlap:
    """How much of one answer a pair shares.

    Attributes:
        share: weight of the shared fingerprints over weight of all, in the answer that shares more.
        evidence: weight of the shared ones; each counts at most 1.
    """

    share: float
    evidence: float

    @property
    def striking(self) -> bool:
        """Whether it is worth a look by itself."""
        return self.share >= SHARE_OF_ONE and self.evidence >= EVIDENCE


@dataclass(frozen=True)
class Pair:
    """Two students and what they share.

    Attributes:
        share: weight of what is shared over the weight of the smaller submission, 0 to 1.
        evidence: weight of what is shared; a fingerprint that only these two have counts 1.
        questions: solution cell -> overlap, for those with any.
    """

    first: str
    second: str
    share: float
    evidence: float
    questions: Mapping[str, Overlap] = field(default_factory=dict)

    @property
    def striking(self) -> bool:
        """Whether a person should look: much shared in all, or nearly all of one answer."""
        much = self.share >= SHARE and self.evidence >= EVIDENCE
        return much or any(overlap.striking for overlap in self.questions.values())


def compare(
    everyone: Sequence[Answers], context: int = CONTEXT, given: Set[int] = frozenset()
) -> list[Pair]:
    """The striking pairs, and some of the others for comparison; those who share most first.

    Order within a submission, names and layout do not matter.

    Args:
        everyone: the class.
        context: how many pairs to add that are not striking, those with the highest share.
        given: hashes of what was handed out, which is nobody's.
    """
    found = {each.student: _fingerprints(each, given) for each in everyone}
    students = sorted(found)
    whole = {student: set().union(*found[student].values()) for student in students}
    says = weights(whole.values(), len(students))
    evidence = _evidence([whole[student] for student in students], says)
    share = evidence / _smaller([math.fsum(says[f] for f in whole[s]) for s in students])
    pairs = []
    for i, j in _candidates(share, evidence, context):
        first, second = students[i], students[j]
        questions = _questions(found, whole, says, first, second)
        pairs.append(Pair(first, second, float(share[i, j]), float(evidence[i, j]), questions))
    pairs.sort(key=lambda p: (not p.striking, -p.share, p.first, p.second))
    return pairs[: sum(pair.striking for pair in pairs) + context]


def weights(owned: Iterable[Set[int]], students: int) -> dict[int, float]:
    """Fingerprint -> its weight, given the fingerprints of each student."""
    holders = Counter(fingerprint for own in owned for fingerprint in own)
    return {fingerprint: weight(count, students) for fingerprint, count in holders.items()}


def marked_lines(
    tokens: Sequence[Token], other: Iterable[Sequence[Token]], common: Set[int]
) -> set[int]:
    """Numbers of the lines of an answer that are, for the greater part, also in `other`.

    Args:
        tokens: of the answer.
        other: all answers of the other student.
        common: hashes of runs that much of the class has; they are not marked.
    """
    theirs = {run for answer in other for run in k_grams(answer)} - common
    shared: set[int] = set()
    for start, run in enumerate(k_grams(tokens)):
        if run in theirs:
            shared.update(range(start, start + K))
    on_line = Counter(token.line for token in tokens)
    covered = Counter(tokens[i].line for i in shared)
    return {line for line, count in covered.items() if 2 * count >= on_line[line]}


def common_runs(everyone: Sequence[Answers]) -> set[int]:
    """Hashes of the runs of tokens that have no weight: much of the class has them."""
    owned = [
        {run for tokens in each.tokens.values() for run in k_grams(tokens)} for each in everyone
    ]
    return {run for run, says in weights(owned, len(everyone)).items() if not says}


def _fingerprints(answers: Answers, given: Set[int]) -> dict[str, set[int]]:
    return {name: fingerprints(tokens) - given for name, tokens in answers.tokens.items()}


def _evidence(owned: Sequence[Set[int]], says: Mapping[int, float]) -> np.ndarray:
    """(n, n): weight of all that two students share, by way of who holds each fingerprint."""
    holders = defaultdict(list)
    for student, own in enumerate(owned):
        for fingerprint in own:
            holders[fingerprint].append(student)
    total = np.zeros((len(owned), len(owned)))
    for fingerprint in sorted(holders):  # in this order, so that rounding is always the same
        those = holders[fingerprint]
        if says[fingerprint] and len(those) > 1:
            total[np.ix_(those, those)] += says[fingerprint]
    return total


def _smaller(sizes: Sequence[float]) -> np.ndarray:
    """(n, n): the weight of the smaller submission of each pair; never 0, to divide by."""
    size = np.asarray(sizes, dtype=float)
    return np.maximum(np.minimum(size[:, None], size[None, :]), np.finfo(float).tiny)


def _candidates(share: np.ndarray, evidence: np.ndarray, context: int) -> Iterator[tuple[int, int]]:
    """Pairs i < j that may be striking, for which there must be evidence, and the next best."""
    above = np.triu(evidence, 1)
    enough = above >= EVIDENCE
    rest = np.where(enough | (above == 0), -1.0, share)
    best = np.argsort(-rest, axis=None, kind="stable")[:context]
    yield from map(tuple, np.argwhere(enough).tolist())
    for place in best.tolist():
        i, j = divmod(place, len(share))
        if rest[i, j] > 0:
            yield i, j


def _questions(found, whole, says, first: str, second: str) -> dict[str, Overlap]:
    """Cell -> overlap; a function that moved to another cell counts as shared."""
    overlaps = {}
    for name in found[first].keys() | found[second].keys():
        sides = (
            _overlap(found[first].get(name, set()), whole[second], says),
            _overlap(found[second].get(name, set()), whole[first], says),
        )
        overlap = max(sides, key=lambda side: side.share)
        if overlap.evidence:
            overlaps[name] = overlap
    return overlaps


def _overlap(own: Set[int], theirs: Set[int], says: Mapping[int, float]) -> Overlap:
    evidence = math.fsum(says[f] for f in own & theirs)
    return Overlap(evidence / math.fsum(says[f] for f in own) if evidence else 0.0, evidence)
