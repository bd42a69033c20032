"""A student's function beside an oracle: what differs, and which mistake explains all of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from coursekit.checks import battery
from coursekit.checks.cases import (
    Case,
    Run,
    Runs,
    copies,
    out_of_order,
    outputs_of,
    runs_of,
    told,
    wanted_in,
)
from coursekit.checks.compare import difference
from coursekit.checks.evidence import Evidence, OfAnOutput, Trial
from coursekit.checks.findings import CheckFailed, Finding
from coursekit.checks.oracle import Oracle
from coursekit.checks.report import CheckResult

EXPLAINED = ("values", "shape", "exception", "mutated")  # kinds that a mistake can explain


class Comparison:
    """All comparisons of a task: each is made with what the earlier ones have shown.

    Args:
        finding_of: what an exception means to a student.
    """

    def __init__(self, finding_of: Callable[[Exception], Finding]):
        self._finding_of = finding_of
        self._evidence: dict[tuple[int, int, int | None], Evidence] = {}

    def of(self, runs: Runs, oracle: Oracle) -> None:
        """Fail unless the function returned what the oracle does in all cases.

        Raises:
            CheckFailed: with the first difference, and how many cases are wrong.
        """
        wanted = [wanted_in(run.case, oracle) for run in runs]
        look = partial(self._compared, runs.function, oracle)
        found = [look(run, want) for run, want in zip(runs, wanted, strict=True)]
        wrong = [(run, finding) for run, finding in zip(runs, found, strict=True) if finding]
        if wrong:
            run, finding = wrong[0]
            finding = _spoilt(finding, run, oracle)
            raise CheckFailed(_among(finding, run.case, oracle, len(wrong), len(runs)))

    def called_again(self, function: Callable, oracle: Oracle, case: Case) -> None:
        """Two calls with arguments of the same shapes, looked at when both are done."""
        second = Case(battery.other(case.args), battery.AGAIN)
        first, next_one = battery.twice(function, case.args, second.args)
        try:
            self.of(Runs(function, [Run(case, first)]), oracle)
        except CheckFailed as error:
            raise CheckFailed(battery.KEPT) from error
        self.of(Runs(function, [Run(second, next_one)]), oracle)

    def with_other_inputs(self, function: Callable, oracle: Oracle, cases: Sequence[Case]) -> None:
        """Calls with other memory, dtypes, sizes of batch and values."""
        varied = [other for case in cases for other in battery.inputs(case, oracle)]
        mixed = [pair for case in cases for pair in battery.mixed(case, oracle)]
        runs = runs_of(function, [*varied, *(case for case, _ in mixed)])
        try:
            self.of(Runs(function, runs[: len(varied)]), oracle)
            self._of_dtypes(runs[len(varied) :], oracle, [dtype for _, dtype in mixed])
        except CheckFailed:
            for case in cases:  # which may be the reason, and is then told
                self.called_again(function, oracle, case)
            raise

    def _compared(self, function: Callable, oracle: Oracle, run: Run, want: Any) -> Finding | None:
        """How one run differs from what is wanted, and each output's entry in the evidence."""
        if run.error is not None:
            return self._raised(function, oracle, run, want)
        if not oracle.outputs:
            evidence = self._noted(function, oracle, None, Trial(run.case.args, want, run.got))
            finding = difference(run.got, want)
            if finding and finding.kind == "shape" and oracle.explain_shape:
                finding = replace(finding, details=(oracle.explain_shape(*run.case.args),))
            return replace(finding, evidence=evidence) if finding else None
        try:
            got = outputs_of(run.got, oracle, len(want))
        except CheckFailed as error:
            return error.finding
        first = None
        for i in range(len(want)) if oracle.which is None else (oracle.which,):
            evidence = self._noted(function, oracle, i, Trial(run.case.args, want[i], got[i]))
            finding = difference(got[i], want[i], oracle.outputs[i])
            if finding and first is None:
                order = out_of_order(got, want, oracle.outputs)
                first = replace(finding, looks_like=order, evidence=None if order else evidence)
        return first

    def _raised(self, function: Callable, oracle: Oracle, run: Run, want: Any) -> Finding:
        parts = []
        for i in range(len(want)) if oracle.outputs else (None,):
            if oracle.which in (None, i):
                part = want if i is None else want[i]
                trial = Trial(run.case.args, part, error=run.error)
                parts.append(self._noted(function, oracle, i, trial))
        finding = self._finding_of(run.error)
        if finding.kind != "exception":
            return finding
        return replace(finding, evidence=OfAnOutput(parts))

    def _noted(
        self, function: Callable, oracle: Oracle, which: int | None, trial: Trial
    ) -> Evidence:
        """The evidence about one output of one function, with one more trial."""
        key = id(function), id(oracle.reference), which
        output = oracle.outputs[which] if which is not None else ""
        fresh = Evidence(function, oracle.mistakes, which, output)
        evidence = self._evidence.setdefault(key, fresh)
        evidence.trials.append(trial)
        return evidence

    def _of_dtypes(self, runs: Sequence[Run], oracle: Oracle, dtypes: Sequence[str]) -> None:
        """Calls with arguments of two dtypes, and the dtype that each result should have."""
        for run, dtype in zip(runs, dtypes, strict=False):
            case, got = run.case, run.got
            if run.error is not None:
                raise run.error
            doubles = (
                a.astype(np.float64) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a
                for a in copies(case.args)
            )
            want, several = oracle.reference(*doubles), bool(oracle.outputs)
            wanted = want if several else (want,)
            values = outputs_of(got, oracle, len(want)) if several else (got,)
            for i in range(len(wanted)) if oracle.which is None else (oracle.which,):
                name = oracle.outputs[i] if several else "the result"
                finding = difference(values[i], wanted[i].astype(dtype), name, rtol=1e-4)
                if finding:
                    raise CheckFailed(_among(finding, case, oracle, 1, 1))


def diagnosed(result: CheckResult) -> CheckResult:
    """A result, with the mistake that explains all calls of the function, where one does."""
    finding = result.finding
    if finding is None or finding.evidence is None:
        return result
    mistake = finding.evidence.diagnosis()
    if mistake is None or finding.kind not in EXPLAINED:
        return replace(result, finding=replace(finding, evidence=None))
    hints = (*mistake.hints, *finding.hints)
    told_now = replace(finding, looks_like=mistake.name, hints=hints, evidence=None)
    return replace(result, finding=told_now)


def _spoilt(finding: Finding, run: Run, oracle: Oracle) -> Finding:
    """A wrong result of a call that changed its arguments, which may be why it is wrong."""
    if not run.changed or finding.kind not in ("values", "shape"):
        return finding
    names = [oracle.parameters[i] for i in run.changed if i < len(oracle.parameters)]
    were = "was" if len(names) == 1 else "were"
    says = f"{' and '.join(names)} {were} changed by the call, and the result is not right."
    details = (finding.sentence, *finding.details, *battery.ALONE)
    return replace(finding, kind="mutated", says=says, details=details)


def _among(finding: Finding, case: Case, oracle: Oracle, wrong: int, total: int) -> Finding:
    """A finding with the case it is about: which arguments, and how many others are wrong."""
    details = list(finding.details)
    words = told(case, oracle)
    if words and finding.kind not in ("missing", "forbidden"):
        details.append(f"called with {words}")
    if total > 1 and finding.kind not in ("missing", "forbidden"):
        count = f"{wrong} of {total}" if wrong < total else "both" if total == 2 else f"all {total}"
        one = f"1 of {total} cases is wrong: this one."
        details.append(one if wrong == 1 else f"{count} cases are wrong; this is the first.")
    return replace(finding, details=tuple(details), trait=case.trait)
