"""Curves of trainings that go wrong, each in its own way."""

import math

import numpy as np
import pytest

from convnets import curves

SEEDS = range(8)


def symptoms(history):
    """(peak of a step against the first, plateau, gap, share of the fall in the last third)."""
    train, val = np.array(history.train_loss), np.array(history.val_loss)
    peak = max(history.step_loss) / history.step_loss[0]
    plateau = abs(train[:4] / math.log(10) - 1).max()
    late = (train[19] - train[29]) / (train[0] - train[29])
    return peak, plateau, val[-1] - train[-1], late, train[-1]


def diagnosed(history):
    """The fault, from numbers alone; thresholds lie far from every curve that was looked at."""
    peak, plateau, gap, late, end = symptoms(history)
    if peak > 3:
        return "rate too high"
    if plateau < 0.01:
        return "bad start"
    if gap > 0.5:
        return "overfitting"
    if late > 0.1:
        return "rate too low"
    return "underfitting" if end > 1 else "healthy"


@pytest.mark.parametrize("fault", curves.RECIPES)
def test_every_fault_is_told_by_its_numbers(fault):
    assert [diagnosed(curves.draw(fault, seed)) for seed in SEEDS] == [fault] * len(SEEDS)


def test_the_same_seed_gives_the_same_curve_and_another_another():
    assert curves.draw("overfitting", 3) == curves.draw("overfitting", np.int64(3))
    assert curves.draw("overfitting", 3) != curves.draw("overfitting", 4)


def test_there_are_five_faults():
    assert len(curves.FAULTS) == 5 and "healthy" not in curves.FAULTS


@pytest.mark.parametrize(
    ("fault", "seed", "message"),
    [
        ("overfiting", 0, r"unknown fault 'overfiting': did you mean 'overfitting'\?"),
        ("overfitting", -1, "seed must be an integer >= 0, but is -1"),
        ("overfitting", 1.5, "seed must be an integer"),
    ],
)
def test_what_makes_no_sense_is_named(fault, seed, message):
    with pytest.raises(ValueError, match=message):
        curves.draw(fault, seed)
