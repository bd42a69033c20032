"""What the guide says about large courses follows from stored measurements."""

import pytest
from benchmarks import scale
from benchmarks.scale import Costs


def test_the_guide_says_what_the_stored_figures_amount_to():
    (said,) = scale.SECTION.findall(scale.GUIDE.read_text("utf-8"))
    assert said == scale.section(*scale.stored())


def test_the_section_follows_the_figures():
    judging = {
        "workers": 2,
        "students": 40,
        "assignment": "a02_convolution",
        "machine": {"CPU": "a processor"},
        "date": "2026-01-31",
        "seconds": {"judge": 0.4, "nbgrader autograde": 2.0},
    }
    writing = {"each": {"writing": 0.04, "feedback": 0.3, "disk": 250_000}}
    text = scale.section(judging, writing)
    assert "| 3,000 | 40 min | 20 min | 2.5 min | 2 min | 7.5 min | 750 MB |" in text
    text = " ".join(text.split())
    assert "20 cores keep one gradebook busy" in text
    assert "100,000 students take it 67 min" in text
    assert "16 of them" in text
    assert text != scale.section(judging | {"workers": 4}, writing)


@pytest.mark.parametrize(
    ("cores", "gradebooks", "seconds"), [(2, 1, 500.0), (100, 1, 100.0), (100, 10, 10.0)]
)
def test_judging_and_writing_go_on_side_by_side(cores, gradebooks, seconds):
    each = Costs(judging=1.0, writing=0.1, feedback=0.5, disk=1e5)
    assert each.seconds(1000, cores, gradebooks) == seconds


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (8.24, "8.2 s"),
        (80, "80 s"),
        (600, "10 min"),
        (5000, "83 min"),
        (90_000, "25 h"),
        (200_000, "2.3 days"),
    ],
)
def test_lengths_of_time_are_written_to_two_digits(seconds, words):
    assert scale.duration(seconds) == words
