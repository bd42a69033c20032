"""The report an assistant reads after grading: one HTML file that opens offline.

write_page(course, "a02_convolution")
"""

from __future__ import annotations

from pathlib import Path

from coursekit import pages
from coursekit.grading.results import Status
from coursekit.report import statistics, summary
from coursekit.report.records import ClassRecord, Record, gather, read

__all__ = ["ClassRecord", "Record", "gather", "page", "read", "write_page"]


def write_page(course: str | Path, assignment: str) -> Path:
    """Write reports/<assignment>.html from stored grades and the gradebook.

    Raises:
        FileNotFoundError: nothing has been graded.
    """
    course = Path(course).resolve()
    text = page(read(course, assignment))
    return pages.write(text, course / "reports" / f"{assignment}.html")


def page(records: ClassRecord) -> str:
    """The report as HTML. Everything a student wrote is escaped."""
    totals = summary.totals(records)
    counts, edges = statistics.bins(totals, records.most)
    questions = summary.questions(records)
    return pages.render(
        "report.html",
        assignment=records.assignment,
        most=records.most,
        readable=len(totals),
        handed_in=len(records.records),
        mean=summary.mean(totals),
        median=statistics.quantile(totals, 0.5),
        full=sum(total >= records.most for total in totals) if records.most else 0,
        statuses=summary.statuses(records),
        Status=Status,
        counts=counts,
        edges=edges,
        questions=questions,
        stopped=sum(question.stopped for question in questions),
        open=[question for question in questions if question.open],
        open_students=sum(bool(record.open) for record in records.records),
        mistakes=summary.mistakes(records),
        flagged=summary.flagged(records),
        slowest=statistics.quantile(summary.seconds(records), 1.0),
        typical=statistics.quantile(summary.seconds(records), 0.5),
    )
