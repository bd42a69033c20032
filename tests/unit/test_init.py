"""Initial weights: fans, variances, dtype, and what they are for."""

import numpy as np
import pytest
import torch

from convnets import functional as F
from convnets.init import fan_in_out, kaiming_normal, xavier_uniform, zeros
from convnets.random import generator
from convnets.shapes import ShapeError


@pytest.mark.parametrize(
    ("shape", "fans"),
    [
        ((10, 84), (84, 10)),
        ((16, 3, 5, 3), (45, 240)),
        ((8, 1, 3, 3), (9, 72)),
        ((6, 7, 16, 3, 5, 3), (45, 240)),  # locally connected: the places do not count
    ],
)
def test_fans_count_the_products_of_an_output_and_the_uses_of_an_input(shape, fans):
    assert fan_in_out(shape) == fans


@pytest.mark.parametrize("shape", [(10, 84), (16, 3, 5, 3)])
def test_fans_equal_those_of_pytorch(shape):
    calculate = torch.nn.init._calculate_fan_in_and_fan_out
    assert fan_in_out(shape) == calculate(torch.empty(shape))


@pytest.mark.parametrize("shape", [(3,), (), (2, 3, 4), (1, 2, 3, 4, 5)])
def test_shapes_without_fans_are_named(shape):
    with pytest.raises(ShapeError, match=r"not \(.*; set biases with zeros"):
        fan_in_out(shape)


@pytest.mark.parametrize(("init", "growth"), [(kaiming_normal, 1.0), (xavier_uniform, 0.5)])
def test_kaiming_makes_up_for_relu_and_xavier_does_not(init, growth):
    rng = generator(0)
    x = rng.standard_normal((512, 256))
    first, _ = F.linear(x, init((256, 256), rng, dtype=np.float64))
    last = first
    for _ in range(10):
        last, _ = F.linear(F.relu(last)[0], init((256, 256), rng, dtype=np.float64))
    assert (last.var() / first.var()) ** (1 / 10) == pytest.approx(growth, rel=0.1)


def test_kaiming_has_mean_zero_and_variance_two_over_fan_in():
    w = kaiming_normal((64, 32, 3, 5), generator(0)).astype(np.float64)
    std = np.sqrt(2 / (32 * 15))
    assert abs(w.mean()) < 5 * std / np.sqrt(w.size)
    assert w.std() == pytest.approx(std, rel=5 / np.sqrt(2 * w.size))


def test_xavier_is_uniform_between_its_bounds():
    w = xavier_uniform((200, 100), generator(0)).astype(np.float64)
    bound = np.sqrt(6 / 300)
    assert np.abs(w).max() <= bound
    assert np.abs(w).max() > 0.999 * bound
    assert abs(w.mean()) < 5 * bound / np.sqrt(3 * w.size)
    assert w.var() == pytest.approx(2 / 300, rel=0.03)


@pytest.mark.parametrize("init", [kaiming_normal, xavier_uniform])
def test_a_seed_fixes_the_weights_and_the_dtype_is_kept(init):
    for dtype in (np.float32, np.float64):
        first, second = (init((4, 3, 2, 2), generator(1), dtype=dtype) for _ in range(2))
        assert first.dtype == dtype
        assert first.shape == (4, 3, 2, 2)
        assert np.array_equal(first, second)
    assert init((2, 2), generator(0)).dtype == np.float32


def test_zeros():
    assert not zeros((3, 2)).any()
    assert zeros((3, 2)).dtype == np.float32
    assert zeros([4], dtype=np.float64).shape == (4,)
    assert zeros((4,), dtype=np.float64).dtype == np.float64


@pytest.mark.parametrize("init", [kaiming_normal, xavier_uniform])
def test_a_seed_instead_of_a_generator_is_named(init):
    with pytest.raises(TypeError, match=r"rng must be a numpy.random.Generator.* is int"):
        init((2, 2), 0)
