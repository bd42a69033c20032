"""Progress: a bar on a terminal, few lines in a log, and the results untouched."""

import io

import pytest
from rich.console import Console

from coursekit.grading.progress import LINES, watched
from coursekit.grading.results import Result, Status


def results(count):
    statuses = [Status.GRADED, Status.ATTENTION, Status.UNREADABLE, Status.GRADED]
    return [Result(f"s{i}", "a01_tiny", statuses[i % 4], fresh=i % 4 != 3) for i in range(count)]


def shown(count, **console):
    written = io.StringIO()
    console = Console(file=written, width=80, **console)
    assert list(watched(results(count), "a01_[tiny]", count, console)) == results(count)
    return written.getvalue()


@pytest.mark.parametrize("count", [1, 3, 9, 10, 11, 300, 3000])
def test_a_log_gets_few_lines_the_last_of_which_counts_all(count):
    lines = shown(count).splitlines()
    assert len(lines) == min(count, LINES)
    assert lines[-1].startswith(f"a01_[tiny]: {count} of {count}, 0:00:00 left: ")


def test_statuses_are_counted_and_what_was_known_is_said():
    text = shown(8).splitlines()[-1]
    assert text.endswith("4 graded, 2 needs attention, 2 unreadable (2 as before)")
    assert "as before" not in shown(1)


def test_a_terminal_gets_a_bar_the_time_left_and_the_counts():
    text = shown(8, force_terminal=True, color_system=None)
    assert "a01_[tiny] ━" in text and "8/8" in text and "left 0:00:00" in text
    assert "4 graded, 2 needs attention, 2 unreadable (2 as before)" in text


@pytest.mark.parametrize("terminal", [True, False])
def test_a_class_of_nobody_needs_no_progress(terminal):
    assert "graded" not in shown(0, force_terminal=terminal)


def test_whoever_stops_listening_leaves_the_terminal_in_order():
    written = io.StringIO()
    arriving = watched(results(8), "a01", 8, Console(file=written, force_terminal=True))
    next(arriving)
    arriving.close()
    assert written.getvalue().endswith("\x1b[?25h")  # the cursor is shown again
