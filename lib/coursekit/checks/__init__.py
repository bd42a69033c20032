"""The checks a student runs: they say what differs, where, why, and what to think about next."""

from coursekit.checks.beside import inside
from coursekit.checks.findings import CheckFailed, Finding
from coursekit.checks.gradients import numeric_gradient, relative_error
from coursekit.checks.oracle import Mistake, Oracle
from coursekit.checks.report import CheckResult, Report, Score
from coursekit.checks.task import Task

__all__ = [
    "CheckFailed",
    "CheckResult",
    "Finding",
    "Mistake",
    "Oracle",
    "Report",
    "Score",
    "Task",
    "inside",
    "numeric_gradient",
    "relative_error",
]
