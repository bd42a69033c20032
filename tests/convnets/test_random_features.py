"""Least squares on random features."""

import numpy as np
import pytest
from oracles import normal

from convnets.random_features import least_squares, random_features


@pytest.mark.parametrize(("n", "m"), [(5, 12), (12, 5)])
@pytest.mark.parametrize("penalty", [0.0, 0.3])
def test_the_solution_has_no_gradient(n, m, penalty):
    z, t = normal(n, m, seed=0), normal(n, 3, seed=1)
    a = least_squares(z, t, penalty)
    np.testing.assert_allclose(z.T @ (z @ a - t) + penalty * a, 0, atol=1e-10)


def test_of_many_solutions_it_is_the_shortest():
    z, t = normal(4, 9, seed=0), normal(4, 2, seed=1)
    np.testing.assert_allclose(least_squares(z, t), np.linalg.pinv(z) @ t, atol=1e-10)


def test_features_are_rectified_and_keep_their_variance():
    z = random_features(400, 2000, rng=0)(normal(1, 400, seed=3))
    assert z.min() == 0 and 0.4 < (z**2).mean() < 0.6  # half of E[x²] = 1
    np.testing.assert_array_equal(z, random_features(400, 2000, rng=0)(normal(1, 400, seed=3)))


def test_what_makes_no_sense_is_named():
    with pytest.raises(ValueError, match="m must be an integer >= 1, but is 0"):
        random_features(3, 0, rng=0)
    with pytest.raises(ValueError, match=r"z must be \(N, M\) and targets \(N, K\)"):
        least_squares(np.ones((3, 2)), np.ones(3))
    with pytest.raises(ValueError, match="penalty must be >= 0, but is -1"):
        least_squares(np.ones((3, 2)), np.ones((3, 1)), -1)
