"""Grades for Moodle: into an assignment by its grading worksheet, or into the gradebook by CSV.

With the worksheet that an assignment offers for download (columns Identifier, Full name, Email
address, Grade, Last modified (grade), …) as the roster, only its Grade column is filled in, and
the file goes back by "Upload grading worksheet": Moodle needs Identifier, Grade and Last modified
(grade) as it wrote them. Any other file with user names, e-mail addresses or ID numbers, or none,
gives a file for Grades, Import, CSV, where "Identify user by" maps a column to Moodle's user field.
There, an empty grade erases the one that stands; a row that is not there changes nothing, and one
user that Moodle does not know stops the import.

Source: https://docs.moodle.org/en/Grade_import, and the importers themselves,
mod/assign/feedback/offline/importgradeslib.php and grade/import/csv/classes/load_data.php of
https://github.com/moodle/moodle.
"""

from __future__ import annotations

from pathlib import Path

from coursekit.exports.common import Export, Gradesheet, number
from coursekit.exports.roster import Roster
from coursekit.files import harmless, write_csv
from coursekit.scores import Standing

WORKSHEET = ("Identifier", "Grade")
KEYS = ("Identifier", "Username", "ID number", "Email address")
IDENTITY = ("First name", "Last name", "Username", "Email address")
ADVICE = "Moodle: Grades, Import, CSV file; map Username or Email address to the same user field."
ADVICE_WORKSHEET = "Moodle: the assignment, Submissions, Upload grading worksheet."


def write(sheet: Gradesheet, folder: Path, roster: Roster | None) -> Export:
    """Write <assignment>-moodle.csv."""
    path = folder / f"{sheet.assignment}-moodle.csv"
    if roster is None:
        lines = [[*_identity(student), number(student.points)] for student in sheet.students]
        write_csv(path, [[*IDENTITY, sheet.assignment], *lines])
        return Export(path, len(lines), sheet.left_out, (), ADVICE)
    matched, left_out, unknown = roster.match(sheet.students)
    worksheet = all(name in roster.header for name in WORKSHEET)
    fill = _fill_in if worksheet else _append
    write_csv(path, fill(sheet, roster, matched))
    advice = ADVICE_WORKSHEET if worksheet else ADVICE
    return Export(path, len(matched), (*sheet.left_out, *left_out), unknown, advice)


def _fill_in(sheet: Gradesheet, roster: Roster, matched) -> list[list[str]]:
    """The worksheet's own columns, with the grade in its place."""
    place = roster.column("Grade")
    lines = [[*row[:place], number(s.points), *row[place + 1 :]] for s, row in matched]
    return [list(roster.header), *lines]


def _append(sheet: Gradesheet, roster: Roster, matched) -> list[list[str]]:
    """The identifying columns of a class list, and one with the grade."""
    places = [roster.column(name) for name in roster.keys]
    lines = [[*(row[i] for i in places), number(s.points)] for s, row in matched]
    return [[*roster.keys, sheet.assignment], *lines]


def _identity(student: Standing) -> list[str]:
    names = map(harmless, (student.first_name, student.last_name))
    return [*names, student.student, student.email]
