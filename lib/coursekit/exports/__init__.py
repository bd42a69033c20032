"""Grades for learning management systems, from the gradebook.

done = export(course, "a02_convolution", "canvas", roster="gradebook-from-canvas.csv")
print(done.path, done.left_out)

Points include manual grading and late penalties. Students without a grade, and those whose manual
grading is still open, are left out and named: an absent row changes nothing in any of the systems,
while an empty cell erases the grade that stands there.
"""

from __future__ import annotations

from pathlib import Path

from coursekit import scores
from coursekit.exports import canvas, gradescope, moodle, table
from coursekit.exports.common import Export, ExportError, Gradesheet, select
from coursekit.exports.roster import Roster
from coursekit.grading import autograding

__all__ = ["SYSTEMS", "Export", "ExportError", "Gradesheet", "Roster", "export", "select"]

SYSTEMS = {"canvas": canvas, "moodle": moodle, "gradescope": gradescope, "csv": table}


def export(
    course: str | Path,
    assignment: str,
    system: str,
    *,
    roster: str | Path | None = None,
    unfinished: bool = False,
    missing_as_zero: bool = False,
) -> Export:
    """Write the grades of an assignment into reports/, in a format that `system` imports.

    Args:
        course: the course folder.
        assignment: such as "a02_convolution".
        system: one of `SYSTEMS`.
        roster: a file that the system exported, by which students are matched: Canvas's gradebook,
            Moodle's grading worksheet or grader report, Gradescope's roster. Without it, students
            are named by what the gradebook knows of them.
        unfinished: include points so far where manual grading is open.
        missing_as_zero: give 0 points to those who handed nothing in.
    Raises:
        ExportError: unknown system or assignment, nobody to export, or a roster that does not fit;
            the message says what was found.
    """
    if system not in SYSTEMS:
        raise ExportError(f"Cannot export to {system!r}; choose from {', '.join(SYSTEMS)}.")
    course = Path(course).resolve()
    if not (course / "gradebook.db").is_file():
        raise ExportError(f"{course} has no gradebook yet; first: coursekit grade {assignment}")
    with autograding.open_gradebook(course) as gradebook:
        try:
            standings, most = scores.standings(gradebook, assignment)
        except KeyError as error:
            raise ExportError(error.args[0]) from None
    sheet = select(
        assignment, standings, most, unfinished=unfinished, missing_as_zero=missing_as_zero
    )
    listed = Roster.read(roster, SYSTEMS[system].KEYS) if roster else None
    return SYSTEMS[system].write(sheet, course / "reports", listed)
