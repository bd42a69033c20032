"""Turns what the judge found out into a grade to store and a notebook to show."""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from nbformat import NotebookNode, from_dict

from coursekit import notebooks
from coursekit.checks import Task
from coursekit.grading.grades import CheckGrade, Grade, QuestionGrade
from coursekit.grading.judge import Judgement
from coursekit.notebooks import Kind


def grade_of(
    judgement: Judgement, notebook: NotebookNode, *, seconds: float, sandboxed: bool = True
) -> Grade:
    """The grade that a judgement amounts to, of the questions that were judged.

    Args:
        notebook: what was graded; its written answers wait for a person.
        seconds: wall-clock time in all.
    """
    questions = [
        _question(judgement, name, cell)
        for name, cell in notebooks.graded(notebook).items()
        if name in judgement.maximum or notebooks.kind(cell) == Kind.MANUAL
    ]
    notes = [
        f"{name}: {incident.text}"
        for name, incident in judgement.incidents.items()
        if name not in judgement.maximum
    ]
    return Grade(tuple(questions), tuple(notes), seconds, sandboxed)


def executed(
    judgement: Judgement, notebook: NotebookNode, tests: Mapping[str, NotebookNode]
) -> NotebookNode:
    """The graded notebook as a person reads it: with hidden tests, outputs and reports.

    Args:
        notebook: what was graded; it is changed and returned.
        tests: the test cells with hidden tests, by grade id.
    """
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        if notebooks.kind(cell) == Kind.TEST:
            name = notebooks.grade_id(cell)
            cell.source = tests[name].source
            cell.outputs = _report(judgement, name) if name in judgement.points else []
        else:
            cell.outputs = _outputs(judgement, cell.id)
    runs, tested = judgement.runs, judgement.points
    _number(c for c in notebook.cells if c.id in runs or notebooks.grade_id(c) in tested)
    return notebook


def completed(new: Grade, old: Grade, order: Iterable[str]) -> Grade:
    """A grade of some questions, with the other ones from an earlier grade.

    Args:
        order: names of all questions.
    """
    known = {q.name: q for q in (*old.questions, *new.questions)}
    questions = tuple(known[name] for name in order if name in known)
    return replace(new, questions=questions)


def complete_notebook(notebook: NotebookNode, old: NotebookNode, judged: Collection[str]) -> None:
    """Give the tests that were not judged the outputs they had before."""
    before = notebooks.tests(old)
    for name, cell in notebooks.tests(notebook).items():
        if name not in judged and name in before:
            cell.outputs = copy.deepcopy(before[name].outputs)


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
        _note(judgement, name),
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


def _note(judgement: Judgement, name: str) -> str:
    if name in judgement.incidents:
        return judgement.incidents[name].text
    if name in judgement.tasks:
        return ""
    return f"ended without a score: {judgement.errors.get(name, 'no reason known')}"


def _report(judgement: Judgement, name: str) -> list[NotebookNode]:
    outputs = []
    task = judgement.tasks.get(name)
    if task:
        data = {"text/plain": repr(task.report), "text/html": task.report._repr_html_()}
        outputs.append(_display("display_data", data))
    if name in judgement.errors:
        return [*outputs, _error(judgement.errors[name])]
    score = {"text/plain": f"{judgement.points.get(name, 0.0):g}"}
    return [*outputs, _display("execute_result", score, execution_count=None)]


def _outputs(judgement: Judgement, cell: str) -> list[NotebookNode]:
    if cell in judgement.runs:
        return list(judgement.runs[cell].outputs)
    return [_error(judgement.errors[cell])] if cell in judgement.errors else []


def _error(text: str) -> NotebookNode:
    name, _, value = text.partition(": ")
    return NotebookNode(output_type="error", ename=name, evalue=value, traceback=[text])


def _number(cells: Iterable[NotebookNode]) -> None:
    """Count code cells in the order in which they ran."""
    for count, cell in enumerate(cells, 1):
        cell.execution_count = count
        for output in cell.outputs:
            if output.output_type == "execute_result":
                output.execution_count = count


def _display(kind: str, data: dict[str, str], **more: Any) -> NotebookNode:
    return from_dict({"output_type": kind, "data": data, "metadata": {}, **more})
