"""Schedules against PyTorch's, in float64."""

import math

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler as theirs

from convnets import schedules

TOTAL = 60


def of_torch(make, lr=0.3, steps=TOTAL):
    """The rates of a scheduler of PyTorch, before each step."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    scheduler, rates = make(optimizer), []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


CASES = {
    "step": ({"every": 7, "factor": 0.5}, lambda o: theirs.StepLR(o, 7, 0.5)),
    "exponential": ({"factor": 0.97}, lambda o: theirs.ExponentialLR(o, 0.97)),
    "linear": (
        {"total": 50, "end": 0.03},
        lambda o: theirs.LinearLR(o, 1.0, 0.1, total_iters=50),
    ),
    "cosine": (
        {"total": TOTAL, "end": 0.01},
        lambda o: theirs.CosineAnnealingLR(o, TOTAL, eta_min=0.01),
    ),
    "warm_restarts": (
        {"period": 5, "growth": 2, "end": 0.01},
        lambda o: theirs.CosineAnnealingWarmRestarts(o, 5, 2, eta_min=0.01),
    ),
    "warm_up": ({"steps": 10}, lambda o: theirs.LinearLR(o, 0.1, 1.0, total_iters=9)),
    "inverse": ({"k": 0.1}, lambda o: theirs.LambdaLR(o, lambda t: 1 / (1 + 0.1 * t))),
    "exp": ({"k": 0.1}, lambda o: theirs.LambdaLR(o, lambda t: math.exp(-0.1 * t))),
    "square_root": (
        {"total": TOTAL},
        lambda o: theirs.PolynomialLR(o, total_iters=TOTAL, power=0.5),
    ),
    "one_cycle": (
        {"total": TOTAL},
        lambda o: theirs.OneCycleLR(o, 0.3, total_steps=TOTAL, cycle_momentum=False),
    ),
    "constant": ({}, lambda o: theirs.ConstantLR(o, 1.0)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_schedule_equals_pytorchs(name):
    settings, make = CASES[name]
    steps = TOTAL - 1 if name == "one_cycle" else TOTAL  # theirs allows no step after the last
    rate = schedules.named(name, lr=0.3, **settings)
    np.testing.assert_allclose([rate(t) for t in range(steps)], of_torch(make, steps=steps), 1e-12)


def test_every_schedule_is_compared():
    assert CASES.keys() == schedules.SCHEDULES.keys()


def test_one_cycle_ends_where_pytorchs_ends():
    rate = schedules.one_cycle(TOTAL - 1, 0.3, TOTAL)
    assert rate == pytest.approx(0.3 / 25 / 1e4, rel=1e-9)


@pytest.mark.parametrize("name", ["linear", "cosine", "square_root", "one_cycle"])
def test_after_its_end_a_schedule_stays_there(name):
    rate = schedules.named(name, lr=1.0, total=10)
    assert rate(10) == rate(1000) == pytest.approx(0, abs=1e-5)


def test_restarts_without_growth_repeat():
    rate = schedules.named("warm_restarts", lr=1.0, period=8)
    assert [rate(t) for t in range(8)] == [rate(t + 8000) for t in range(8)]


def test_a_warm_up_goes_before_another_schedule():
    rates = [schedules.warm_up(t, schedules.cosine(t, 0.1, 100), steps=5) for t in range(100)]
    assert rates[:3] == sorted(rates[:3]) and rates[0] == pytest.approx(0.02)
    assert rates[5:] == [schedules.cosine(t, 0.1, 100) for t in range(5, 100)]


def test_numpy_scalars_give_plain_floats():
    rate = schedules.named("cosine", lr=np.float64(0.1), total=np.int64(10))
    assert type(rate(np.int64(3))) is float


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("cosin", {"lr": 1, "total": 9}, r"unknown schedule 'cosin': did you mean 'cosine'\?"),
        ("cosine", {"lr": -1, "total": 9}, r"lr must be a finite number >= 0, but is -1; try"),
        ("cosine", {"lr": math.nan, "total": 9}, "lr must be"),
        ("cosine", {"lr": "much", "total": 9}, "lr must be"),
        ("cosine", {"lr": 1, "total": 0}, "total must be an integer >= 1, but is 0"),
        ("cosine", {"lr": 1, "total": 2.5}, "total must be an integer"),
        ("step", {"lr": 1, "every": 5, "factor": 1.5}, r"factor must be a number in \(0, 1\]"),
        ("exp", {"lr": 1, "k": -1}, "k must be"),
        ("one_cycle", {"lr": 1, "total": 1}, "one_cycle needs total >= 2"),
        ("one_cycle", {"lr": 1, "total": 9, "rise": 1}, "rise must be"),
    ],
)
def test_what_makes_no_sense_is_named(name, settings, message):
    with pytest.raises(ValueError, match=message):
        schedules.named(name, **settings)


def test_a_step_before_the_first_is_named():
    with pytest.raises(ValueError, match="t must be a number of steps >= 0, but is -1"):
        schedules.constant(-1, 0.1)
