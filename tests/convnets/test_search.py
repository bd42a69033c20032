"""Random search: what is drawn, what is kept, and how it ends."""

import math

import numpy as np
import pytest

from convnets.callbacks import History
from convnets.run import DivergenceError
from convnets.search import Trial, coarse_to_fine, log_uniform, narrowed, random_search, ranked


def peak(lr, epochs=1):
    """Best at 0.01."""
    return -abs(math.log10(lr) + 2)


def test_every_decade_gets_its_share():
    drawn = log_uniform(1e-4, 1e0, rng=0, size=8000)
    counts = np.histogram(np.log10(drawn), bins=4, range=(-4, 0))[0]
    assert counts.sum() == 8000
    # 2000 ± 39 by chance; six deviations are exceeded once in 10^9
    assert abs(counts - 2000).max() < 6 * math.sqrt(8000 * 0.25 * 0.75)


def test_the_same_seed_draws_the_same_settings_whatever_the_scores():
    ranges = {"lr": (1e-5, 1.0), "weight_decay": (1e-6, 1e-2)}
    one = random_search(lambda lr, weight_decay: 0.0, ranges, 5, rng=3)
    two = random_search(lambda lr, weight_decay: lr, ranges, 5, rng=3)
    assert [t.settings for t in one.trials] == [t.settings for t in two.trials]


def test_fine_searches_look_around_the_best_and_never_outside():
    found = coarse_to_fine(peak, {"lr": (1e-6, 1.0)}, stages=((15, 1), (15, 2), (15, 3)), rng=0)
    low, high = zip(*(r["lr"] for r in found.ranges), strict=True)
    assert list(low) == sorted(low) and list(high) == sorted(high, reverse=True)
    assert low[2] <= 0.01 <= high[2] and found.best.stage == 2
    assert abs(math.log10(found.best.settings["lr"]) + 2) < 0.1


def test_later_stages_train_for_longer():
    seen = []
    coarse_to_fine(lambda lr, epochs: seen.append(epochs) or lr, {"lr": (0.1, 1)}, ((2, 1), (3, 7)))
    assert seen == [1, 1, 7, 7, 7]


def test_runs_that_are_given_up_come_last_and_say_why():
    def score(lr):
        if lr > 0.1:
            raise DivergenceError("the loss was 9", History())
        return lr if lr > 0.01 else math.nan

    found = random_search(score, {"lr": (1e-3, 1.0)}, 30, rng=0)
    reasons = [t.quit for t in ranked(found.trials)]
    assert reasons == sorted(reasons, key=bool) and {*reasons} == {
        "",
        "the loss was 9",
        "the score was not a number",
    }
    assert 0.01 < found.best.settings["lr"] <= 0.1
    assert str(found).count("\n") == 29 and "quit" in str(found)


def test_other_errors_are_not_hidden():
    def score(lr):
        raise KeyError("a slip")

    with pytest.raises(KeyError, match="a slip"):
        random_search(score, {"lr": (0.1, 1)}, 3)


def test_an_interrupt_returns_what_was_found(capsys):
    calls = []

    def score(lr, epochs):
        calls.append(lr)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return lr

    found = coarse_to_fine(score, {"lr": (0.1, 1)}, ((3, 1), (3, 1)))
    assert found.interrupted and len(found.trials) == 4 and found.best.stage == 1
    assert "interrupted after 1 of 3 trials" in capsys.readouterr().out


def test_where_all_were_given_up_there_is_no_best():
    found = random_search(lambda lr: math.nan, {"lr": (0.1, 1)}, 3)
    with pytest.raises(ValueError, match="none of the 3 trials"):
        found.best  # noqa: B018
    with pytest.raises(ValueError, match="none of the 3 trials"):
        narrowed(found.trials, {"lr": (0.1, 1)})


@pytest.mark.parametrize(
    "limits", [(0, 1), (1, 0.1), (-1, 1), (0.1,), 3, ("a", "b"), (1, math.inf)]
)
def test_bounds_that_make_no_sense_are_named(limits):
    with pytest.raises(ValueError, match="lr must be a pair"):
        random_search(peak, {"lr": limits}, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: random_search(peak, {}, 3), "nothing to search"),
        (lambda: random_search(peak, {"lr": (0.1, 1)}, 0), "trials must be at least 1"),
        (lambda: coarse_to_fine(peak, {"lr": (0.1, 1)}, ()), "there are no stages"),
        (lambda: narrowed([Trial({"lr": 1.0}, 1, 0, 0)], {"lr": (0.1, 1)}, keep=0), "keep"),
    ],
)
def test_arguments_that_make_no_sense_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
