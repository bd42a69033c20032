"""Grades for Canvas: Gradebook, Import.

The first columns are Student, ID, SIS User ID, SIS Login ID, Section, as in a file that Canvas
exported; one column for each assignment follows, headed "name" for a new assignment or
"name (12345)" for the one with that number. A second row "Points Possible" gives the maximum.
Canvas finds a student by ID, else by SIS User ID, SIS Login ID or name. An empty cell erases the
grade it had; a row that is not there changes nothing.

Source: Canvas Instructor Guide, "How do I import grades in the Gradebook?",
https://community.canvaslms.com/t5/Instructor-Guide/ta-p/807, and the importer itself,
lib/gradebook_importer.rb of https://github.com/instructure/canvas-lms.
"""

from __future__ import annotations

import re
from pathlib import Path

from coursekit.exports.common import Export, Gradesheet, number
from coursekit.exports.roster import Roster
from coursekit.files import harmless, write_csv
from coursekit.scores import Standing

KEYS = ("ID", "SIS User ID", "SIS Login ID")
IDENTITY = ("Student", "ID", "SIS User ID", "SIS Login ID", "Section")
POINTS_POSSIBLE = "    Points Possible"  # Canvas writes the blanks too
ADVICE = "Canvas: Grades, Import, Upload a CSV; Canvas shows all changes before it makes them."


def write(sheet: Gradesheet, folder: Path, roster: Roster | None) -> Export:
    """Write <assignment>-canvas.csv."""
    if roster is None:
        identity, left_out, unknown = list(IDENTITY), (), ()
        title = sheet.assignment
        rows = [(student, _identity(student)) for student in sheet.students]
    else:
        width = roster.column("Section") + 1
        identity, title = list(roster.header[:width]), _title(roster, sheet.assignment)
        matched, left_out, unknown = _without_maximum(roster).match(sheet.students)
        rows = [(student, row[:width]) for student, row in matched]
    maximum = [POINTS_POSSIBLE, *[""] * (len(identity) - 1), number(sheet.most)]
    lines = [[harmless(name), *ids, number(student.points)] for student, (name, *ids) in rows]
    path = write_csv(
        folder / f"{sheet.assignment}-canvas.csv", [[*identity, title], maximum, *lines]
    )
    return Export(path, len(lines), (*sheet.left_out, *left_out), unknown, ADVICE)


def _identity(student: Standing) -> list[str]:
    """What Canvas may know a student by; ids in submissions that Canvas zipped are its own."""
    last_first = ", ".join(filter(None, (student.last_name, student.first_name)))
    numeric = student.lms_id or (student.student if student.student.isdigit() else "")
    login = "" if student.student.isdigit() else student.student
    return [last_first or student.student, numeric, "", login, ""]


def _title(roster: Roster, assignment: str) -> str:
    """The heading of this assignment in Canvas's file, with its number, else its name."""
    pattern = re.compile(re.escape(assignment) + r"( \(\d+\))?", re.IGNORECASE)
    return next((name for name in roster.header if pattern.fullmatch(name)), assignment)


def _without_maximum(roster: Roster) -> Roster:
    """Without rows that describe assignments: points possible, and manual posting above it."""
    rows = [row for row in roster.rows if row[0].strip() and "Points Possible" not in row[0]]
    return Roster(roster.path, roster.header, rows, roster.keys)
