"""Seeded numbers: range, dtype, device, and no global generator."""

import numpy as np
import pytest
import torch

from convnets.random import generator, normal, numbers, uniform

LIKES = {
    "NumPy float32": np.zeros(1, np.float32),
    "NumPy float64": np.zeros(1),
    "torch float32": torch.zeros(1),
    "torch float64": torch.zeros(1, dtype=torch.float64),
}


def test_a_generator_passes_through_and_a_seed_fixes_the_numbers():
    rng = generator(3)
    assert generator(rng) is rng
    assert generator(7).random() == generator(7).random()
    assert generator(7).random() != generator(8).random()
    assert generator(None).random() != generator(None).random()


@pytest.mark.parametrize("draw", [uniform, normal])
@pytest.mark.parametrize("like", LIKES.values(), ids=LIKES)
def test_numbers_have_namespace_dtype_and_shape_asked_for(draw, like):
    got = draw(generator(0), (2, 3), like)
    assert type(got) is type(like)
    assert got.dtype == like.dtype
    assert tuple(got.shape) == (2, 3)


@pytest.mark.parametrize("draw", [uniform, normal])
def test_a_numpy_generator_gives_torch_the_same_numbers(draw):
    for dtype in ("float32", "float64"):
        on_numpy = draw(generator(5), (100,), np.zeros(1, dtype))
        on_torch = draw(generator(5), (100,), torch.zeros(1, dtype=getattr(torch, dtype)))
        assert np.array_equal(on_numpy, on_torch.numpy())


@pytest.mark.parametrize("like", LIKES.values(), ids=LIKES)
def test_moments(like):
    u = np.asarray(uniform(generator(0), (100_000,), like))
    z = np.asarray(normal(generator(0), (100_000,), like))
    assert u.min() >= 0
    assert u.max() < 1
    # five standard errors of each estimate
    assert abs(u.mean() - 1 / 2) < 5 * np.sqrt(1 / 12 / u.size)
    assert abs(z.mean()) < 5 / np.sqrt(z.size)
    assert abs(z.var() - 1) < 5 * np.sqrt(2 / z.size)


def test_uniform_float32_never_rounds_up_to_one():
    assert np.float32(np.nextafter(1.0, 0.0)) == 1.0  # why float32 is not drawn as float64
    u = uniform(generator(0), (1000,), np.zeros(1, np.float32))
    steps = u.astype(np.float64) * 2**24
    assert np.array_equal(steps, np.floor(steps))  # multiples of 2⁻²⁴: the largest is 1 − 2⁻²⁴


def test_a_torch_generator_draws_for_torch():
    for draw in (uniform, normal):
        first, second = (
            draw(torch.Generator().manual_seed(1), (4,), torch.zeros(1)) for _ in range(2)
        )
        assert torch.equal(first, second)
        assert first.dtype == torch.float32


def test_meta_tensors_give_shapes():
    like = torch.zeros(1, device="meta")
    assert uniform(generator(0), (2, 3), like).shape == (2, 3)
    assert uniform(generator(0), (2, 3), like).device.type == "meta"


def test_plain_numbers_come_from_either_generator():
    for make in (lambda: generator(2), lambda: torch.Generator().manual_seed(2)):
        first, second = numbers(make(), 5), numbers(make(), 5)
        assert first == second
        assert all(type(u) is float and 0 <= u < 1 for u in first)


def test_global_generators_are_left_alone():
    state, torch_state = np.random.get_state()[1].copy(), torch.get_rng_state()
    uniform(generator(0), (3,), np.zeros(1))
    normal(torch.Generator().manual_seed(0), (3,), torch.zeros(1))
    assert np.array_equal(np.random.get_state()[1], state)
    assert torch.equal(torch.get_rng_state(), torch_state)


def test_errors_name_what_was_given():
    like = np.zeros(1)
    for rng in (3, None, np.random, torch.zeros(1)):
        with pytest.raises(TypeError, match=f"but is {type(rng).__name__}; make one with"):
            uniform(rng, (2,), like)
        with pytest.raises(TypeError, match=f"but is {type(rng).__name__}; make one with"):
            numbers(rng, 2)
    with pytest.raises(TypeError, match=r"a torch.Generator draws for torch arrays only"):
        uniform(torch.Generator(), (2,), like)
    with pytest.raises(TypeError, match="draws float32 or float64, not int64"):
        uniform(generator(0), (2,), np.zeros(1, np.int64))
