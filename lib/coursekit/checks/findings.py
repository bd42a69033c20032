"""What a failed check has to say: one `Finding`, and the exception that carries it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol


class Diagnosable(Protocol):
    """The calls of a function, among which the mistake is looked for that explains them all."""

    def diagnosis(self) -> Any:
        """The mistake, or None where none explains every call."""


@dataclass(frozen=True)
class Finding:
    """Why a check failed.

    Attributes:
        kind: one of the kinds below; all that a hidden check may tell, besides `trait`.
        says: what is wrong, in one or two sentences.
        details: further lines, each a fact (expected, got, where).
        picture: a map of right and wrong elements, or "".
        looks_like: name of the known mistake that explains all cases, or "".
        hints: what to think about, the vaguest first.
        trait: what was special about the call, such as "with float32 arguments", or "".
        evidence: the calls among which `looks_like` is looked for once all checks have run.
    """

    kind: str
    says: str
    details: tuple[str, ...] = ()
    picture: str = ""
    looks_like: str = ""
    hints: tuple[str, ...] = ()
    trait: str = ""
    evidence: Diagnosable | None = field(default=None, compare=False, repr=False)

    @property
    def sentence(self) -> str:
        """What is wrong, with a capital letter unless it begins with a name such as dx."""
        if self.trait:
            return f"{self.trait[0].upper()}{self.trait[1:]}: {_lowered(self.says)}"
        ordinary = self.says.startswith(("the ", "all ", "both ", "expected ", "argument "))
        return self.says[0].upper() + self.says[1:] if ordinary else self.says

    def without_data(self) -> Finding:
        """The finding of a hidden check: kind, trait and mistake, no value, shape or message.

        Which argument was changed is told: its name stands in the task.
        """
        return Finding(
            self.kind,
            self.says if self.kind == "mutated" else KINDS[self.kind],
            looks_like=self.looks_like,
            hints=self.hints,
            trait=self.trait,
            evidence=self.evidence,
        )


KINDS = {
    "missing": "The code for this task is not there yet.",
    "exception": "Your code raised an exception.",
    "type": "The result is of the wrong type.",
    "shape": "The result has the wrong shape.",
    "dtype": "The result has the wrong dtype.",
    "values": "The values are not right.",
    "mutated": "An argument was changed.",
    "kept": "An earlier result changes when the function is called again.",
    "random": "Randomness is not used as the task asks.",
    "forbidden": "A function or module is used that this task asks you to write yourself.",
    "condition": "A required property does not hold.",
}


class CheckFailed(AssertionError):
    """Raised inside a check to fail it; carries the `Finding`."""

    def __init__(self, finding: Finding):
        super().__init__("\n".join((finding.says, *finding.details)))
        self.finding = finding


class NotAllowed(Exception):
    """A graded function called what its task does not allow; that call is refused and fails."""


_FIRST_WORDS = ("The ", "All ", "Both ", "An ", "A ", "Expected ", "Your ", "Argument ")


def _lowered(sentence: str) -> str:
    """A sentence as it goes on after a colon."""
    ordinary = sentence.startswith(_FIRST_WORDS)
    return sentence[0].lower() + sentence[1:] if ordinary else sentence
