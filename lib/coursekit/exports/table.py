"""Grades as plain CSV, for a spreadsheet: one row for each student."""

from __future__ import annotations

from pathlib import Path

from coursekit.exports.common import Export, Gradesheet, number
from coursekit.exports.roster import Roster
from coursekit.files import harmless, write_csv

KEYS = ("student", "Username", "SIS Login ID", "SID", "Email", "Email address")
HEADER = ("student", "first_name", "last_name", "email", "points", "late_penalty", "most")
ADVICE = "UTF-8, commas, decimal points."


def write(sheet: Gradesheet, folder: Path, roster: Roster | None) -> Export:
    """Write <assignment>-grades.csv; with a roster, only who is in it, in its order."""
    students, left_out, unknown = list(sheet.students), (), ()
    if roster is not None:
        matched, left_out, unknown = roster.match(students)
        students = [student for student, _ in matched]
    lines = [
        [
            *map(harmless, (each.student, each.first_name, each.last_name, each.email)),
            number(each.points),
            number(each.penalty),
            number(sheet.most),
        ]
        for each in students
    ]
    path = write_csv(folder / f"{sheet.assignment}-grades.csv", [HEADER, *lines])
    return Export(path, len(lines), (*sheet.left_out, *left_out), unknown, ADVICE)
