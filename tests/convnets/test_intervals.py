"""Intervals of means over seeds."""

import numpy as np
import pytest
from scipy import stats

from convnets.intervals import Interval, mean_interval


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_the_interval_is_that_of_student(level):
    values = np.random.default_rng(0).normal(2, 3, 7)
    low, high = stats.t.interval(level, 6, values.mean(), stats.sem(values))
    mean, half = mean_interval(values, level)
    assert (mean - half, mean + half) == pytest.approx((low, high))


def test_it_holds_the_true_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(1)
    held = [mean_interval(rng.normal(5, 2, 6)).holds(5) for _ in range(2000)]
    assert 0.93 < np.mean(held) < 0.97


def test_it_reads_as_it_is_written():
    assert str(Interval(-1.517, 0.832)) == "−1.52 ± 0.83"


@pytest.mark.parametrize("values", [[1.0], [1.0, np.nan], [[1.0, 2.0]]])
def test_what_has_no_interval_is_refused(values):
    with pytest.raises(ValueError, match="two or more finite"):
        mean_interval(values)
