"""Grades for Gradescope: an autograder that looks the points up.

Gradescope imports no scores as a table. What it documents for scores from elsewhere is the result
file of a programming assignment's autograder, results/results.json with a "score". So the export is
such an autograder: a zip with setup.sh, run_autograder, and the points by e-mail address. It reads
who submitted from submission_metadata.json, runs nothing of the submission, and fails for somebody
it has no points for, which Gradescope shows to instructors.

Source: https://gradescope-autograders.readthedocs.io/en/latest/specs/ and …/submission_metadata/.
The roster is the file of Gradescope's page "Roster" (columns Name or First Name and Last Name,
Email, SID).
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

from coursekit.exports import gradescope_lookup
from coursekit.exports.common import Export, ExportError, Gradesheet
from coursekit.exports.roster import Roster
from coursekit.files import replace
from coursekit.scores import Standing

KEYS = ("Email", "SID")
ADVICE = (
    "Gradescope: a Programming Assignment with the points of this one, Configure Autograder, "
    "upload the zip; then rerun it for all submissions."
)
SETUP = (
    "#!/usr/bin/env bash\ncommand -v python3 || (apt-get update && apt-get install -y python3)\n"
)
RUN = "#!/usr/bin/env bash\nexec python3 /autograder/source/look_up.py /autograder\n"
EARLIEST = (1980, 1, 1, 0, 0, 0)  # the same grades give the same file
EXECUTABLE = 0o755 << 16


def write(sheet: Gradesheet, folder: Path, roster: Roster | None) -> Export:
    """Write <assignment>-gradescope.zip.

    Raises:
        ExportError: no e-mail address is known, or one belongs to two students.
    """
    if roster is None:
        known = [(student, _address(student)) for student in sheet.students]
        left_out, unknown = (), ()
    else:
        place = roster.column("Email")
        matched, left_out, unknown = roster.match(sheet.students)
        known = [(student, row[place]) for student, row in matched]
    nameless = tuple((s.student, "no e-mail address is known") for s, email in known if not email)
    points = _by_address(sheet, [(s, email) for s, email in known if email])
    path = folder / f"{sheet.assignment}-gradescope.zip"
    _zip(path, {"assignment": sheet.assignment, "most": sheet.most, "points": points})
    left_out = (*sheet.left_out, *left_out, *nameless)
    return Export(path, len(points), left_out, unknown, ADVICE)


def _address(student: Standing) -> str:
    return student.email or (student.student if "@" in student.student else "")


def _by_address(sheet: Gradesheet, known: list[tuple[Standing, str]]) -> dict[str, float]:
    points: dict[str, float] = {}
    for student, email in known:
        address = email.strip().casefold()
        if address in points:
            raise ExportError(f"Two students of {sheet.assignment} have the address {address}.")
        points[address] = round(student.points, 4)
    if not points:
        raise ExportError(
            "Gradescope knows students by their e-mail address, and the gradebook has none. "
            "Give the file of Gradescope's roster page, or fill in the addresses in formgrader."
        )
    return points


def _zip(path: Path, grades: dict) -> None:
    files = {
        "setup.sh": SETUP,
        "run_autograder": RUN,
        "look_up.py": Path(gradescope_lookup.__file__).read_text(encoding="utf-8"),
        "grades.json": json.dumps(grades, indent=1, sort_keys=True, ensure_ascii=False),
    }
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(name, EARLIEST)
            entry.external_attr = EXECUTABLE
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, text)
    replace(path, data.getvalue())
