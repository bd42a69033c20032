"""Turns what the judge found out into a grade to store and a notebook to show."""

from __future__ import annotations

import copy
from collections.abc import Iterator

from nbformat import NotebookNode, v4
from nbgrader.utils import compute_checksum

from coursekit import notebooks
from coursekit.checks import Task
from coursekit.grading.grades import CheckGrade, Grade, QuestionGrade
from coursekit.grading.judge import Judgement
from coursekit.notebooks import Kind


def grade_of(judgement: Judgement, notebook: NotebookNode, *, seconds: float) -> Grade:
    """The grade that a judgement amounts to.

    Args:
        notebook: what was graded; its written answers wait for a person.
        seconds: wall-clock time in all.
    """
    questions = [
        _question(judgement, name, cell) for name, cell in notebooks.graded(notebook).items()
    ]
    return Grade(tuple(questions), tuple(_notes(judgement)), seconds)


def executed(judgement: Judgement, notebook: NotebookNode, source: NotebookNode) -> NotebookNode:
    """The graded notebook as a person reads it: with hidden tests, outputs and reports.

    Args:
        notebook: what was graded.
        source: the notebook with hidden tests.
    """
    shown, tests = copy.deepcopy(notebook), notebooks.tests(source)
    for cell in shown.cells:
        if cell.cell_type != "code":
            continue
        if notebooks.kind(cell) == Kind.TEST:
            name = notebooks.grade_id(cell)
            cell.source = tests[name].source
            cell.metadata.nbgrader.checksum = compute_checksum(cell)
            cell.outputs = _report(judgement, name)
        else:
            cell.outputs = _outputs(judgement, cell.id)
    return shown


def _question(judgement: Judgement, name: str, cell: NotebookNode) -> QuestionGrade:
    most = notebooks.points(cell)
    if notebooks.kind(cell) == Kind.MANUAL:
        return QuestionGrade(name, None, most)
    task, incident = judgement.tasks.get(name), judgement.incidents.get(name)
    return QuestionGrade(
        name,
        judgement.points.get(name, 0.0),
        most,
        tuple(_checks(task)) if task else (),
        judgement.seconds.get(name, 0.0),
        incident.kind if incident else "",
    )


def _checks(task: Task) -> Iterator[CheckGrade]:
    for result in task.results:
        finding = result.finding
        yield CheckGrade(
            result.name,
            result.points,
            result.passed,
            result.hidden,
            finding.kind if finding else "",
            finding.looks_like if finding else "",
        )


def _notes(judgement: Judgement) -> Iterator[str]:
    for name, incident in judgement.incidents.items():
        yield f"{name}: {incident.text}"
    for name in judgement.points:
        if name not in judgement.tasks and name not in judgement.incidents:
            yield f"{name} ended without a score: {judgement.errors.get(name, 'no reason known')}"


def _report(judgement: Judgement, name: str) -> list[NotebookNode]:
    outputs = []
    task = judgement.tasks.get(name)
    if task:
        data = {"text/plain": repr(task.report), "text/html": task.report._repr_html_()}
        outputs.append(v4.new_output("display_data", data=data))
    if name in judgement.errors:
        return [*outputs, _error(judgement.errors[name])]
    score = {"text/plain": f"{judgement.points.get(name, 0.0):g}"}
    return [*outputs, v4.new_output("execute_result", data=score, execution_count=None)]


def _outputs(judgement: Judgement, cell: str) -> list[NotebookNode]:
    if cell in judgement.runs:
        return list(copy.deepcopy(judgement.runs[cell].outputs))
    return [_error(judgement.errors[cell])] if cell in judgement.errors else []


def _error(text: str) -> NotebookNode:
    name, _, value = text.partition(": ")
    return v4.new_output("error", ename=name, evalue=value, traceback=[text])
