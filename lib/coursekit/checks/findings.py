"""What a failed check has to say: one `Finding`, and the exception that carries it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """Why a check failed.

    Attributes:
        kind: one of the kinds below; all that a hidden check may tell.
        says: what is wrong, in one or two sentences.
        details: further lines, each a fact (expected, got, where).
        picture: a map of right and wrong elements, or "".
        looks_like: name of the known mistake whose result is equal, or "".
        hints: what to think about, the vaguest first.
    """

    kind: str
    says: str
    details: tuple[str, ...] = ()
    picture: str = ""
    looks_like: str = ""
    hints: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What is wrong, with a capital letter unless it begins with a name such as dx."""
        ordinary = self.says.startswith(("the ", "all ", "expected ", "argument "))
        return self.says[0].upper() + self.says[1:] if ordinary else self.says

    def without_data(self) -> Finding:
        """The finding of a hidden check: its kind and the mistake, no value, shape or message."""
        return Finding(self.kind, KINDS[self.kind], looks_like=self.looks_like, hints=self.hints)


KINDS = {
    "missing": "The code for this task is not there yet.",
    "exception": "Your code raised an exception.",
    "type": "The result is of the wrong type.",
    "shape": "The result has the wrong shape.",
    "dtype": "The result has the wrong dtype.",
    "values": "The values are not right.",
    "mutated": "An argument was changed.",
    "forbidden": "A function or module is used that this task asks you to write yourself.",
    "condition": "A required property does not hold.",
}


class CheckFailed(AssertionError):
    """Raised inside a check to fail it; carries the `Finding`."""

    def __init__(self, finding: Finding):
        super().__init__("\n".join((finding.says, *finding.details)))
        self.finding = finding
