"""Who gained and who lost by a change of the course, as the assistant reads it."""

import pytest

from coursekit.grading.results import Result, Status, differences


def regraded(student, before, after, changed=("tests",)):
    return Result(student, "a01", Status.GRADED, (), after, changed=changed, before=before)


def test_gains_and_losses_are_listed_by_question():
    lines = differences(
        [
            regraded("ada", {"test_f": 1.0, "test_g": 2.0}, {"test_f": 3.0, "test_g": 1.5}),
            regraded("bea", {"test_f": 3.0}, {"test_f": 1.0}, ("library", "tests")),
            regraded("cleo", {"test_f": 3.0}, {"test_f": 3.0}),
        ]
    )
    assert lines == [
        "3 graded again because of changed library, tests.",
        "1 gained",
        "  ada: +1.5 (f +2, g -0.5)",
        "1 lost",
        "  bea: -2 (f -2)",
    ]


def test_points_that_only_moved_between_questions_are_not_passed_over():
    before, after = {"test_f": 0.0, "test_g": 1.0}, {"test_f": 1.0, "test_g": 0.0}
    assert differences([regraded("ada", before, after)])[-2:] == [
        "1 changed, with the same total",
        "  ada: +0 (f +1, g -1)",
    ]


def test_rounding_is_neither_a_gain_nor_a_loss():
    result = regraded("ada", {"test_f": 0.1 + 0.2}, {"test_f": 0.3})
    assert differences([result])[1:] == ["0 gained", "0 lost"]


@pytest.mark.parametrize(
    "after", [{"test_f": None}, {"test_new": 2.0}, {}], ids=["undecided", "renamed", "removed"]
)
def test_what_cannot_be_compared_is_no_difference(after):
    assert differences([regraded("ada", {"test_f": 1.0}, after)])[1:] == ["0 gained", "0 lost"]


def test_who_changed_the_answers_is_not_compared():
    result = regraded("ada", {"test_f": 1.0}, {"test_f": 2.0}, ("answers", "tests"))
    assert differences([result]) == []
