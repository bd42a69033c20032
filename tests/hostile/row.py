"""One line of the table: a case beside what became of it."""

from __future__ import annotations

from dataclasses import dataclass

from .case import Case, Outcome


@dataclass(frozen=True)
class Row:
    """A case, and what became of it."""

    case: Case
    outcome: Outcome

    @property
    def faults(self) -> list[str]:
        """In which ways it is not as it must be, in words."""
        case, outcome = self.case, self.outcome
        found = []
        if outcome.points != case.points:
            found.append(f"earned {points(outcome.points)}, not {points(case.points)}")
        if outcome.stopped_by != case.stopped_by:
            found.append(f"stopped by {outcome.stopped_by!r}, not {case.stopped_by!r}")
        if case.says not in " ".join(outcome.notes):
            found.append(f"{case.says!r} is not said in {outcome.notes}")
        found += [
            f"{n.words}: {' '.join(outcome.damage)}" for n in case.forbidden if n.happened(outcome)
        ]
        return found


def points(each: tuple[float, ...]) -> str:
    """Points of the questions.

    >>> points((2.0, 0.5))
    '2 + 0.5'
    """
    return " + ".join(f"{one:g}" for one in each)
