"""A student's folder is read as it is, whatever it is called and whoever may read it."""

import copy
import os
from pathlib import Path

import pytest
import tiny_course
from nbconvert import HTMLExporter
from tiny_course import NAME, RIGHT, answered

from coursekit import notebooks
from coursekit.grading.grades import CheckGrade, Grade, QuestionGrade
from coursekit.grading.submissions import (
    MOST_ENTRIES,
    STUDENT_ID,
    collect,
    fingerprint,
    for_student,
    handed_in_at,
    with_notes,
)


@pytest.fixture(scope="module")
def release():
    handed_out = copy.deepcopy(tiny_course.source())
    for name in ("double", "halve"):
        notebooks.find(handed_out, name).source = f"def {name}(x):\n    # YOUR CODE HERE"
    notebooks.find(handed_out, "test_double").source = "task.score()"
    return handed_out


@pytest.fixture
def folder(tmp_path, release):
    folder = tmp_path / "submitted" / "ada" / NAME
    filled = answered(copy.deepcopy(release), RIGHT)
    notebooks.write(filled, folder / f"{NAME}.ipynb")
    return folder


def read(folder, release):
    return collect(folder, release, f"{NAME}.ipynb")


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "ada",
        "4711",
        "Ada Lovelace",
        "jane+x@uni.edu",
        "jörg",
        "jo\u0308rg",  # as macOS writes it
        "मीना",
        "สมชาย",
        "张伟",
        "-mal",
    ],
)
def test_names_of_all_languages_can_be_ids(name):
    assert STUDENT_ID.fullmatch(name)


@pytest.mark.parametrize(
    "name",
    ["", "*", "a?", "odd[name]", "a/b", ".hidden", " ada", "ada ", "a\nb", "\udcf6", "a\u202eb"],
)
def test_what_nbgrader_would_take_for_a_pattern_cannot(name):
    assert not STUDENT_ID.fullmatch(name)


@pytest.mark.parametrize("name", [b"L\xf6sung.ipynb", b"a\nb.ipynb"], ids=["latin", "line"])
def test_a_file_name_of_another_encoding_harms_nobody(folder, release, name):
    os.rename(folder / f"{NAME}.ipynb", os.fsencode(folder) + b"/" + name)
    found = read(folder, release)
    assert found.readable
    (note,) = found.notes
    assert note.startswith("handed in as ") and "\n" not in note
    assert note.encode()
    assert notebooks.text_of(with_notes(found.notebook, found.notes))


def test_odd_names_of_other_files_can_be_listed(tmp_path, release):
    folder = tmp_path / NAME
    folder.mkdir()
    Path(os.fsdecode(os.fsencode(folder) + b"/L\xf6sung.txt")).touch()
    (note,) = read(folder, release).notes
    assert "L?sung.txt" in note


# --- files that may not be read ------------------------------------------------------------------


def refuse(monkeypatch, *methods):
    """As for somebody who is not root, and may not read."""

    def refused(path, *args, **more):
        raise PermissionError(13, "Permission denied", str(path))

    for method in methods:
        monkeypatch.setattr(Path, method, refused)


def test_a_file_that_may_not_be_read_has_a_fingerprint_and_a_reason(folder, release, monkeypatch):
    readable = fingerprint(folder)
    refuse(monkeypatch, "read_bytes")
    assert fingerprint(folder) not in ("", readable)
    found = read(folder, release)
    assert (found.readable, found.notes) == (False, [f"{NAME}.ipynb: unreadable"])


def test_a_folder_that_may_not_be_read_has_a_reason(tmp_path, release, monkeypatch):
    refuse(monkeypatch, "iterdir")
    (tmp_path / NAME).mkdir()
    assert read(tmp_path / NAME, release).notes == ["the folder cannot be read: Permission denied"]


def test_a_file_that_vanishes_while_it_is_looked_at_stops_nothing(folder, monkeypatch):
    def gone(path):
        raise FileNotFoundError(2, "No such file or directory", str(path))

    monkeypatch.setattr(Path, "lstat", gone)
    assert fingerprint(folder)


def test_a_time_of_handing_in_that_may_not_be_read_is_none(folder, monkeypatch):
    (folder / "timestamp.txt").write_text("2026-03-01 14:00:00 UTC")
    assert handed_in_at(folder)
    refuse(monkeypatch, "open")
    assert handed_in_at(folder) is None


@pytest.mark.parametrize(
    "text", ["", "a b c", "1 2 0", "9" * 99, "10:00:00 PM UTC", "1 1 1e9", "\x00"]
)
def test_any_text_may_stand_where_a_time_should(folder, text):
    (folder / "timestamp.txt").write_text(text)
    assert handed_in_at(folder) in (None, text.strip())


def test_a_notebook_beyond_a_thousand_files_is_still_noticed(folder):
    for number in range(MOST_ENTRIES):
        (folder / f"0{number}.txt").touch()
    before = fingerprint(folder)
    path = folder / f"{NAME}.ipynb"
    path.write_bytes(path.read_bytes().replace(b"Because", b"Perhaps"))
    assert fingerprint(folder) != before


# --- what students are told ----------------------------------------------------------------------


def about(notebook):
    return [cell.source for cell in notebook.cells if "About this submission" in cell.source]


def test_notes_stand_first_once_and_follow_what_is_known(release):
    first = with_notes(release, ["handed in as other.ipynb"])
    assert first.cells[0].source == about(first)[0]
    again = with_notes(first, ["double: your code ran out of time"])
    assert len(about(again)) == 1
    assert "other.ipynb" not in about(again)[0]
    assert with_notes(again, []).cells == release.cells


def test_notes_are_text_and_neither_markup_nor_markdown(release):
    notes = ["handed in as ![x](http:evil) <b>_bold_</b>\n\n# big.ipynb"]
    html, _ = HTMLExporter().from_notebook_node(with_notes(release, notes))
    item = html[html.index("<li>") : html.index("</li>")]
    assert item.count("<") == 1
    assert "![x](http:evil)" in item and "_bold_" in item and "# big" in item


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("time", "ran out of time"),
        ("memory", "ran out of memory"),
        ("output", "put out too much"),
        ("crash", "ended its process"),
        ("protocol", "could not be read"),
        ("of tomorrow", "was stopped"),
    ],
)
def test_a_student_is_told_what_stopped_a_question(kind, words):
    grade = Grade((QuestionGrade("test_double", 0.0, 2.0, stopped_by=kind),))
    (told,) = for_student(grade)
    assert told.startswith("double: ") and words in told


def test_a_student_is_told_neither_hidden_checks_nor_the_assistants_notes():
    hidden = CheckGrade(
        "secret", 1.0, False, hidden=True, kind="value", looks_like="bias forgotten"
    )
    questions = (
        QuestionGrade("test_double", 1.0, 2.0, (hidden,)),
        QuestionGrade("test_halve", 0.0, 3.0),
        QuestionGrade("explain_double", None, 4.0),
    )
    notes = ("test_halve ended without a score: ValueError: /home/ta/solutions holds 1.5",)
    assert for_student(Grade(questions, notes)) == [
        "halve: the checks could not be carried through with your code; it has 0 points"
    ]
