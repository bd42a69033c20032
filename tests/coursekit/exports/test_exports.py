"""Exports can be read back as the systems read them, and hold what the gradebook holds."""

import csv
import io
import json
import os
import shutil
import subprocess
import zipfile

import books
import pytest
from typer.testing import CliRunner

from coursekit import cli, exports
from coursekit.exports import ExportError, Roster, export, gradescope_lookup, select
from coursekit.exports.canvas import POINTS_POSSIBLE
from coursekit.scores import Standing

READY = {"4711": 5.0, "ada": 7.0, "jörg": 2.3333}  # points with manual grading and penalties
PEOPLE = {
    "ada": {"first_name": "Ada", "last_name": 'O\'Neil, "the First"', "email": "ada@example.org"},
    "bea": {"email": "bea@example.org"},
    "jörg": {"first_name": "Jörg", "last_name": "Müßig; 张", "email": "Joerg@Example.org"},
    "4711": {"email": "four@example.org"},
    "zoe": {"email": "zoe@example.org"},
}


@pytest.fixture(scope="module")
def gradebook(tmp_path_factory):
    course = tmp_path_factory.mktemp("course")
    with books.book(course) as gradebook:
        books.add(gradebook, "ada", 4.0, 3.0, **PEOPLE["ada"])
        books.add(gradebook, "bea", 1.0, open=True, **PEOPLE["bea"])
        books.add(gradebook, "jörg", 7 / 3, 1.0, penalty=1.0, **PEOPLE["jörg"])
        books.add(gradebook, "4711", 4.0, 1.0, **PEOPLE["4711"])
        books.add(gradebook, "zoe", **PEOPLE["zoe"])
    return course / "gradebook.db"


@pytest.fixture
def course(tmp_path, gradebook):
    shutil.copy(gradebook, tmp_path)
    (tmp_path / "solutions").mkdir()
    return tmp_path


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def roster(course, text, encoding="utf-8"):
    path = course / "roster.csv"
    path.write_text(text, encoding=encoding)
    return path


def imported_by_canvas(path):
    """Row name and identifier -> points, by the rules of Canvas's importer."""
    header, maximum, *students = rows(path)
    assert "Student" in header[0] and "ID" in header[1] and len(header) > 3
    assert [header[2], header[3], header[4]] == ["SIS User ID", "SIS Login ID", "Section"]
    assert "Points Possible" in maximum[0]
    assert {len(row) for row in (maximum, *students)} == {len(header)}
    return {row[1] or row[3]: float(row[5]) for row in students}, header[5], float(maximum[5])


# --- Canvas --------------------------------------------------------------------------------------


def test_canvas_reads_back_what_the_gradebook_holds(course):
    done = export(course, books.NAME, "canvas")
    points, title, most = imported_by_canvas(done.path)
    assert (points, title, most) == (READY, books.NAME, 7.0)
    assert done.path == course / "reports" / "a01_tiny-canvas.csv"
    assert done.written == 3


def test_names_with_commas_quotes_and_letters_survive(course):
    names = [row[0] for row in rows(export(course, books.NAME, "canvas").path)[2:]]
    assert names == ["4711", 'O\'Neil, "the First", Ada', "Müßig; 张, Jörg"]


CANVAS = """\
\ufeffStudent,ID,SIS User ID,SIS Login ID,Section,a00_intro (98),A01_Tiny (99),Current Score
,,,,,Manual Posting,,
    Points Possible,,,,,3,7,(read only)
"O'Neil, Ada",501,S1,ada,"Mon, 8:00",3,,99
Müßig,502,S2,joerg@example.org,Tue,2,1,50
Numbered,4711,S3,n1,Tue,2,1,50
"Student, Test",,,,Tue,,,
"""


def test_canvas_own_file_gives_the_rows_and_the_column(course):
    done = export(course, books.NAME, "canvas", roster=roster(course, CANVAS))
    header, maximum, *students = rows(done.path)
    assert header == [*["Student", "ID", "SIS User ID", "SIS Login ID", "Section"], "A01_Tiny (99)"]
    assert maximum == [POINTS_POSSIBLE, "", "", "", "", "7"]
    assert students == [
        ["O'Neil, Ada", "501", "S1", "ada", "Mon, 8:00", "7"],
        ["Müßig", "502", "S2", "joerg@example.org", "Tue", "2.3333"],
        ["Numbered", "4711", "S3", "n1", "Tue", "5"],
    ]
    assert done.unknown == ("Student, Test",)


def test_a_class_list_without_sections_is_not_canvas(course):
    with pytest.raises(ExportError, match=r"no column 'Section'; it has: Student, ID\."):
        export(course, books.NAME, "canvas", roster=roster(course, "Student,ID\nA,4711\n"))


# --- Moodle --------------------------------------------------------------------------------------

WORKSHEET = """\
Identifier,Full name,Email address,Status,Grade,Maximum Grade,Last modified (grade),Feedback
Participant 4711,"Four, No",no@example.org,Submitted,,7,-,
Participant 4712,Ada,ada@example.org,Submitted,1.00,7,"Monday, 5 January 2026, 9:00 AM",keep
Participant 4713,Nobody,none@example.org,No submission,,7,-,
"""


def test_only_the_grade_of_moodles_worksheet_changes(course):
    done = export(course, books.NAME, "moodle", roster=roster(course, WORKSHEET))
    before = list(csv.reader(io.StringIO(WORKSHEET)))
    header, *students = rows(done.path)
    assert header == before[0]
    assert students == [
        [*before[1][:4], "5", *before[1][5:]],
        [*before[2][:4], "7", *before[2][5:]],
    ]
    assert ("jörg", "not in the roster") in done.left_out
    assert done.unknown == ("Participant 4713",)
    assert "worksheet" in done.advice


def test_moodles_gradebook_reads_back(course):
    done = export(course, books.NAME, "moodle")
    header, *students = rows(done.path)
    assert header == ["First name", "Last name", "Username", "Email address", books.NAME]
    assert {row[2]: float(row[4]) for row in students} == READY
    assert students[2][:4] == ["Jörg", "Müßig; 张", "jörg", "Joerg@Example.org"]


def test_other_class_lists_of_moodle_give_their_identifying_columns(course):
    listed = "First name;ID number;Email address\nAda;7;ADA@example.org\nJ;8;joerg@example.org\n"
    done = export(course, books.NAME, "moodle", roster=roster(course, listed))
    assert rows(done.path) == [
        ["ID number", "Email address", books.NAME],
        ["7", "ADA@example.org", "7"],
        ["8", "joerg@example.org", "2.3333"],
    ]


# --- Gradescope ----------------------------------------------------------------------------------


def unpacked(done, folder):
    """The zip as Gradescope lays it out."""
    with zipfile.ZipFile(done.path) as archive:
        archive.extractall(folder / "source")
        names = {each.filename: each.external_attr >> 16 for each in archive.infolist()}
    assert {"setup.sh", "run_autograder"} <= names.keys()
    assert names["run_autograder"] & 0o111
    return folder


def submitted_by(folder, *emails):
    users = [{"email": email, "id": 1, "name": "x"} for email in emails]
    (folder / "submission_metadata.json").write_text(json.dumps({"users": users}))


@pytest.mark.parametrize(
    ("email", "points"), [("ada@example.org", 7.0), ("JOERG@example.org ", 2.3333)]
)
def test_gradescope_gives_each_submission_its_points(course, tmp_path, email, points):
    folder = unpacked(export(course, books.NAME, "gradescope"), tmp_path / "autograder")
    submitted_by(folder, email)
    gradescope_lookup.main(folder)
    result = json.loads((folder / "results" / "results.json").read_text())
    assert result["score"] == points
    assert result["output"] == "Graded outside Gradescope, of 7 points."


def test_the_autograder_runs_with_python_alone(course, tmp_path):
    folder = unpacked(export(course, books.NAME, "gradescope"), tmp_path / "autograder")
    submitted_by(folder, "ada@example.org")
    command = ["/usr/bin/env", "python3", "-I", "-S", "source/look_up.py", "."]
    subprocess.run(command, cwd=folder, check=True, env={"PATH": os.environ["PATH"]})
    assert json.loads((folder / "results" / "results.json").read_text())["score"] == 7.0


@pytest.mark.parametrize(
    ("emails", "why"),
    [
        (["bea@example.org"], "no points for bea@example.org"),
        (["ada@example.org", "joerg@example.org"], "different points"),
        ([], "no points"),
    ],
)
def test_gradescope_gives_no_score_to_whom_it_does_not_know(course, tmp_path, emails, why):
    folder = unpacked(export(course, books.NAME, "gradescope"), tmp_path / "autograder")
    submitted_by(folder, *emails)
    with pytest.raises(SystemExit, match=why):
        gradescope_lookup.main(folder)
    assert not (folder / "results" / "results.json").exists()


def test_the_same_grades_give_the_same_zip(course):
    first = export(course, books.NAME, "gradescope").path.read_bytes()
    assert export(course, books.NAME, "gradescope").path.read_bytes() == first


def test_gradescopes_roster_supplies_the_addresses(course):
    listed = "First Name,Last Name,SID,Email\nAda,O,ada,a@uni.edu\nB,C,4711,\n"
    done = export(course, books.NAME, "gradescope", roster=roster(course, listed))
    with zipfile.ZipFile(done.path) as archive:
        assert json.loads(archive.read("grades.json"))["points"] == {"a@uni.edu": 7.0}
    assert ("4711", "no e-mail address is known") in done.left_out


def test_addresses_must_be_there_and_differ():
    def sheet(*emails):
        standings = [Standing(f"s{i}", 1.0, email=email) for i, email in enumerate(emails)]
        return select("a01", standings, 1.0)

    with pytest.raises(ExportError, match="the gradebook has none"):
        exports.gradescope.write(sheet("", ""), None, None)
    with pytest.raises(ExportError, match=r"Two students .* a@b\.c"):
        exports.gradescope.write(sheet("a@b.c", "A@B.c"), None, None)


# --- what spreadsheets do to it ------------------------------------------------------------------

FORMULA = "=cmd|' /C calc'!A0"


@pytest.fixture
def named(course):
    """A student whose name is a formula, and whose id merely looks like one."""
    with books.book(course) as gradebook:
        books.add(gradebook, "-mal", 1.0, 1.0, first_name=FORMULA, last_name="@SUM(A1)")
    return course


@pytest.mark.parametrize("system", ["canvas", "moodle", "csv"])
def test_a_name_is_never_a_formula(named, system):
    (found,) = [row for row in rows(export(named, books.NAME, system).path) if "cmd|" in str(row)]
    assert not [cell for cell in found if cell.startswith(("=", "@"))]
    assert FORMULA in " ".join(found)


@pytest.mark.parametrize(("system", "place"), [("canvas", 3), ("moodle", 2)])
def test_what_a_system_finds_a_student_by_stays_to_the_letter(named, system, place):
    assert "-mal" in [row[place] for row in rows(export(named, books.NAME, system).path)]


def test_a_worksheet_goes_back_to_moodle_to_the_letter(course):
    sheet = f'Identifier,Full name,Grade,Feedback\nParticipant 4711,"{FORMULA}",,"=1+1, -2"\n'
    done = export(course, books.NAME, "moodle", roster=roster(course, sheet))
    assert rows(done.path)[1] == ["Participant 4711", FORMULA, "5", "=1+1, -2"]


@pytest.mark.parametrize("system", ["canvas", "moodle", "csv", "gradescope"])
def test_an_export_is_written_whole_or_not_at_all(course, system, monkeypatch):
    path = export(course, books.NAME, system).path
    before = path.read_bytes()

    def die(*args):
        raise KeyboardInterrupt

    with books.book(course) as gradebook:
        books.add(gradebook, "ada", 1.0, 1.0)
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", die)
        with pytest.raises(KeyboardInterrupt):
            export(course, books.NAME, system)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
    assert export(course, books.NAME, system).path.read_bytes() != before


# --- who is in it --------------------------------------------------------------------------------


@pytest.mark.parametrize("system", exports.SYSTEMS)
def test_who_has_no_final_grade_is_left_out_and_named(course, system):
    done = export(course, books.NAME, system)
    assert done.left_out == (("bea", "manual grading is open"), ("zoe", "handed nothing in"))
    assert done.written == len(READY)


def test_who_has_no_final_grade_can_be_included(course):
    done = export(course, books.NAME, "csv", unfinished=True, missing_as_zero=True)
    header, *students = rows(done.path)
    points = {row[0]: float(row[header.index("points")]) for row in students}
    assert points == {**READY, "bea": 1.0, "zoe": 0.0}
    assert done.left_out == ()


def test_plain_csv_shows_the_late_penalty(course):
    header, *students = rows(export(course, books.NAME, "csv").path)
    found = dict(zip(header, students[2], strict=True))
    assert (found["points"], found["late_penalty"], found["most"]) == ("2.3333", "1", "7")


def test_a_penalty_never_takes_more_than_there_is(course):
    with books.book(course) as gradebook:
        books.add(gradebook, "ada", 1.0, 1.0, penalty=5.0)
    assert imported_by_canvas(export(course, books.NAME, "canvas").path)[0]["ada"] == 0.0


def test_nobody_to_export_is_an_error():
    with pytest.raises(ExportError, match=r"no finished grade .*ada: handed nothing in"):
        select("a01", [Standing("ada", None)], 1.0)


# --- rosters -------------------------------------------------------------------------------------


def test_strangers_are_told_apart_by_name(course):
    with pytest.raises(ExportError, match=r"None of the 3 students .* 4711, ada, jörg; .* x1, x2"):
        export(course, books.NAME, "csv", roster=roster(course, "SID\nx1\nx2\n"))


@pytest.mark.parametrize(
    ("listed", "why"),
    [
        ("SID,Email\nada,x@y\nx,y@z\nada,z@y\n", "ada fits two rows .* ada and ada"),
        ("SID,Email\nada,joerg@example.org\n", "ada and jörg fit one row"),
        ("Name,Points\nada,1\n", "none of the columns .* it has: Name, Points"),
        ("", "it has: no header"),
    ],
)
def test_a_roster_that_does_not_fit_is_refused(course, listed, why):
    with pytest.raises(ExportError, match=why):
        export(course, books.NAME, "csv", roster=roster(course, listed))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_rosters_come_in_many_dialects(course, delimiter, encoding):
    path = roster(course, f"Name{delimiter}SID\nJörg{delimiter}jörg\n\n", encoding)
    read = Roster.read(path, ["SID"])
    assert (read.header, read.rows) == (["Name", "SID"], [["Jörg", "jörg"]])


def test_a_roster_that_is_no_text_is_named(course):
    path = course / "roster.csv"
    path.write_bytes(b"\xff\xfe\x00PK")
    with pytest.raises(ExportError, match=r"roster\.csv cannot be read"):
        Roster.read(path, ["SID"])
    with pytest.raises(ExportError, match=r"none\.csv cannot be read"):
        Roster.read(course / "none.csv", ["SID"])


@pytest.mark.parametrize("odd", ["\u2028", "\x85", "\x0b", "\x1c"])
def test_only_line_ends_end_a_line(course, odd):
    read = Roster.read(roster(course, f"Name,SID\nA{odd}B,ada\n"), ["SID"])
    assert read.rows == [[f"A{odd}B", "ada"]]


def test_long_online_texts_of_a_worksheet_are_read(course):
    long = "word " * 40_000
    path = roster(course, f'Identifier,Grade,Online text\nParticipant 4711,,"{long}"\n')
    limit = csv.field_size_limit()
    assert Roster.read(path, ["Identifier"]).rows[0][2] == long
    assert csv.field_size_limit() == limit


def test_an_id_counts_before_what_precedes_an_at_sign(course):
    listed = "Name,SID,Email\nOther,x,ada@elsewhere.org\nAda,ada,a@uni.edu\n"
    matched, *_ = Roster.read(roster(course, listed), ["SID", "Email"]).match([Standing("ada", 1)])
    assert [row[0] for _, row in matched] == ["Ada"]


def test_short_rows_are_filled_up(course):
    read = Roster.read(roster(course, "SID,Name\nada\n"), ["SID"])
    assert read.rows == [["ada", ""]]


# --- errors and the command ----------------------------------------------------------------------


def test_what_is_not_there_is_said(course):
    with pytest.raises(ExportError, match="choose from canvas, moodle, gradescope, csv"):
        export(course, books.NAME, "blackboard")
    with pytest.raises(ExportError, match="no assignment 'a09'; it has: a01_tiny"):
        export(course, "a09", "canvas")
    with pytest.raises(ExportError, match="no gradebook yet; first: coursekit grade a01_tiny"):
        export(course / "solutions", books.NAME, "canvas")


def test_the_command_names_who_was_left_out(course, monkeypatch):
    monkeypatch.chdir(course)
    ran = CliRunner().invoke(cli.app, ["export", books.NAME, "--to", "moodle"])
    assert ran.exit_code == 0
    assert "left out: zoe, handed nothing in" in ran.output
    assert "3 grades: " in ran.output


def test_the_command_fails_with_a_sentence(course, monkeypatch):
    monkeypatch.chdir(course)
    ran = CliRunner().invoke(cli.app, ["export", "a09"])
    assert ran.exit_code == 1
    assert "no assignment 'a09'" in ran.output
