"""How the tests are spread, and the bill of what they cost."""

import pytest
from tests.spread import FIXED, OTHER, PAIRS, bill, part


@pytest.mark.parametrize(
    ("nodeid", "which"),
    [
        ("tests/assignments/test_solutions.py::test_it[a05_batchnorm-the mean is kept]", "05"),
        ("tests/notebooks/test_lectures.py::test_it[10b_lottery_tickets]", "10"),
        ("course/02a_convolution.ipynb::Cell 3", "02"),
        ("solutions/a02_convolution/a02_convolution.ipynb::Cell 1", "02"),
        ("tests/convnets/test_conv.py::test_shapes[3-1_2]", FIXED),
        ("tests/convnets/test_pool.py::test_it", FIXED),
    ],
    ids="abcdef",
)
def test_a_test_is_about_the_lecture_or_assignment_it_names(nodeid, which):
    assert part(nodeid) == which


def test_the_bill_adds_up_and_says_what_a_whole_course_would_cost():
    spent = {
        ("tests/a.py", FIXED): 100.0,
        ("tests/b.py", "02"): 30.0,
        ("tests/a.py", "02"): 10.0,
        ("tests/b.py", "03"): 60.0,
        ("", OTHER): 20.0,
    }
    lines = [" ".join(line.split()) for line in bill(spent, workers=2).splitlines()]
    whole = 100 + 20 + PAIRS * 50
    assert lines == [
        "100 fixed part",
        "20 starting, importing, collecting, ending",
        "40 lecture and assignment 02",
        "60 lecture and assignment 03",
        "220 together",
        f"{whole} with {PAIRS} pairs like these: {whole / 120:.0f} minutes or more on 2 cores",
        "100 of it tests/a.py (fixed part)",
        "60 of it tests/b.py (03)",
        "30 of it tests/b.py (02)",
        "10 of it tests/a.py (02)",
    ]
