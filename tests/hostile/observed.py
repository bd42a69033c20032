"""What stopped a submission, told from what came of it and from nothing else."""

from __future__ import annotations

import builtins
from collections.abc import Collection
from dataclasses import dataclass, field

from nbformat import NotebookNode

from coursekit.grading.judge import Judgement
from coursekit.grading.results import Status
from coursekit.grading.store import StoredGrade

REFUSED = "not a submission that can be read"
REBUILT = "rebuilt from the release"
VOID = "the task is void"
WALL = "the wall: nothing came of it"


@dataclass
class Observed:
    """What can be seen afterwards.

    Attributes:
        refused: nothing was graded.
        incidents: kinds of the ways in which rooms were brought down.
        repaired: something had to be mended.
        raised: exceptions that ended student's cells, and calls of what they defined.
        failed: kinds of findings of checks that failed for another reason.
        void: a task gets no points, whatever its checks say.
    """

    refused: bool = False
    incidents: list[str] = field(default_factory=list)
    repaired: bool = False
    raised: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    void: bool = False

    def stopped_by(self) -> str:
        """The foremost of them, in words."""
        if self.refused:
            return REFUSED
        if self.incidents:
            return "room ended: " + _listed(self.incidents)
        if self.repaired:
            return REBUILT
        if self.void:
            return VOID
        if "forbidden" in self.failed:  # whatever else is wrong
            return "check: forbidden"
        if self.raised:
            return "raises " + _listed(self.raised)
        return "check: " + _listed(self.failed) if self.failed else WALL


def of_judgement(judgement: Judgement, tests: Collection[str]) -> Observed:
    """What a judgement holds of these tests, and of the student's cells."""
    raised = [_name(judgement.errors[cell]) for cell in judgement.runs if cell in judgement.errors]
    failed = []
    for task in (judgement.tasks[name] for name in tests if name in judgement.tasks):
        for result in task.results:
            if result.finding is None or result.hidden:
                continue
            if result.finding.kind == "exception":
                raised.append(_name(result.finding.says))
            else:
                failed.append(result.finding.kind)
    incidents = [incident.kind for incident in judgement.incidents.values()]
    void = any(judgement.tasks[name].report.void for name in tests if name in judgement.tasks)
    return Observed(False, incidents, bool(judgement.repairs), raised, failed, void)


def of_record(record: StoredGrade, graded: NotebookNode) -> Observed:
    """What is stored of a submission that was graded with its class."""
    outputs = (output for cell in graded.cells for output in cell.get("outputs", []))
    questions = record.grade.questions
    kinds = [check.kind for question in questions for check in question.checks]
    return Observed(
        refused=record.status == Status.UNREADABLE or not any(q.checks for q in questions),
        incidents=[question.stopped_by for question in questions if question.stopped_by],
        repaired=bool(record.notes),
        raised=[_name(output.ename) for output in outputs if output.output_type == "error"],
        failed=[kind for kind in kinds if kind],
    )


def _name(says: str) -> str:
    """The type of an exception; which of its errors the system raises differs between machines."""
    name = says.partition(":")[0]
    kind = getattr(builtins, name, None)
    refused = isinstance(kind, type) and issubclass(kind, OSError)
    return "OSError" if refused else name


def _listed(names: list[str]) -> str:
    return ", ".join(dict.fromkeys(names))
