"""Headings, the table of points and nbgrader's points follow from the cells."""

import pytest
import tiny_course
from nbformat import v4

from coursekit import notebooks
from coursekit.notebooks.outline import OutlineError, differences, renewed, sections

TABLE = """\
# Doubling

| task | what you write | points | difficulty | minutes |
|---|---|---:|:--:|---:|
| 7 | `double` | 99 | ★☆☆ | 5 |
| 1 | why, in a sentence | 0 | ★★★ | 10 |
| | **total** | **1** | | |

Good luck."""


@pytest.fixture
def notebook():
    """An assignment of three tasks whose headings and table are out of date in many ways."""
    notebook = tiny_course.source()
    notebook.cells[0].source = TABLE
    headings = {
        "double": "Read on.\n\n## Task: twice as much\n\nDouble it.",
        "halve": "## Task 7: half (as much) (1 point)",
        "explain_double": "## Task 9: explain (4.5 points)",
    }
    for name, text in headings.items():
        place = notebook.cells.index(notebooks.find(notebook, name))
        notebook.cells.insert(place, v4.new_markdown_cell(text, id=f"task-{name}"))
    return notebook


def text(notebook, cell):
    return next(each.source for each in notebook.cells if each.id == cell)


def test_headings_get_number_and_points_and_keep_the_title(notebook):
    new = renewed(notebook)
    assert (
        text(new, "task-double") == "Read on.\n\n## Task 1: twice as much (2 points)\n\nDouble it."
    )
    assert text(new, "task-halve") == "## Task 2: half (as much) (3 points)"
    assert text(new, "task-explain_double") == "## Task 3: explain (4 points)"


def test_the_table_has_a_row_for_each_task_and_what_the_author_said_of_it(notebook):
    assert renewed(notebook).cells[0].source == TABLE.replace(
        """\
| 7 | `double` | 99 | ★☆☆ | 5 |
| 1 | why, in a sentence | 0 | ★★★ | 10 |
| | **total** | **1** | | |""",
        """\
| 1 | `double` | 2 | ★☆☆ | 5 |
| 2 | `halve` | 3 | ? | ? |
| 3 | why, in a sentence | 4 | ★★★ | 10 |
| | **total** | **9** | | |""",
    )


def test_the_minutes_are_added_up_once_every_task_has_some(notebook):
    done = renewed(notebook)
    done.cells[0].source = done.cells[0].source.replace("| ? | ? |", "| ★★☆ | 20 |")
    assert "| | **total** | **9** | | **35** |" in renewed(done).cells[0].source


def test_nbgraders_points_are_those_of_the_task(notebook):
    test = notebooks.find(notebook, "test_double")
    test.source = test.source.replace("points=2)", "points=2.5)", 1)
    new = renewed(notebook)
    assert notebooks.points(notebooks.find(new, "test_double")) == 2.5
    assert "(2.5 points)" in text(new, "task-double")
    assert notebooks.points(notebooks.find(notebook, "test_double")) == 2  # left as it is


def test_one_point_is_no_points(notebook):
    notebooks.find(notebook, "explain_double").metadata.nbgrader.points = 1
    assert text(renewed(notebook), "task-explain_double") == "## Task 3: explain (1 point)"


def test_doing_it_twice_changes_nothing_more(notebook):
    once = renewed(notebook)
    assert renewed(once) == once
    assert differences(once) == ["how hard is task 2, how many minutes does it take?"]


def test_a_section_knows_what_is_written_in_it(notebook):
    first, second, third = sections(notebook)
    assert (first.functions, second.functions, third.functions) == (["double"], ["halve"], [])
    assert (first.written, third.written) == ([], ["explain_double"])


def test_a_task_has_the_name_of_its_cell(notebook):
    done = renewed(notebook)
    done.cells[0].source = done.cells[0].source.replace("?", "1")
    assert differences(renewed(done)) == []
    test = notebooks.find(done, "test_halve")
    test.source = test.source.replace('Task("halve"', 'Task("half"')
    assert differences(renewed(done)) == [
        "test_halve: its Task is called 'half', so the cell must be test_half"
    ]


@pytest.mark.parametrize(
    ("cell", "old", "new", "message"),
    [
        ("test_halve", ", points=3)\n", ")\n", "test_halve: states no points; write Task"),
        ("test_halve", "points=3)\n", "points=MANY)\n", "test_halve: states no points"),
        ("test_halve", "task =", "task = =", "test_halve: is no Python"),
        ("task-double", "## Task: twice as much", "## Twice", "double: stands under no heading"),
        ("task-halve", "half (as much)", "", "'## Task 7:  .1 point.' is not of the form"),
        ("task-halve", "## Task", "## Task: none\n## Task", "no cell with points stands under"),
        ("title", "| points |", "| marks |", "no table with a column 'points'"),
        ("title", "| minutes |", "| time |", "they must be task, what you write, points"),
    ],
)
def test_what_cannot_be_made_is_an_error_that_says_why(notebook, cell, old, new, message):
    found = next(each for each in notebook.cells if cell in (each.id, "title"))
    assert old in found.source
    found.source = found.source.replace(old, new, 1)
    with pytest.raises(OutlineError, match=message):
        renewed(notebook)
    assert differences(notebook)
