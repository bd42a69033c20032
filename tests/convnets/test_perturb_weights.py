"""Noise on initial weights: off by default, a little above rounding, the same for the same draw."""

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from convnets import init, models, perturb
from convnets.layers import Conv2d, Linear


@pytest.fixture
def noise(monkeypatch):
    """Switches the noise on, with a seed."""

    def switch(seed=1, scale="1e-6"):
        monkeypatch.setenv(perturb.SWITCH, f"{scale}:{seed}")

    monkeypatch.setenv(perturb.COUNT, "0")
    return switch


def relative(a, b):
    return np.abs(a - b) / np.abs(b)


def test_without_the_variable_weights_are_those_drawn(monkeypatch):
    monkeypatch.delenv(perturb.SWITCH, raising=False)
    w = np.ones(3)
    assert perturb.perturbed(w) is w


def test_the_noise_has_the_scale_asked_for(noise):
    clean = Linear(100, 200, rng=0).weight.data
    noise()
    noisy = Linear(100, 200, rng=0).weight.data
    assert noisy.dtype == clean.dtype == np.float32
    change = (noisy.astype(float) - clean) / clean
    assert 0.95e-6 < change.std() < 1.05e-6 and abs(change.mean()) < 5e-8


@pytest.mark.parametrize("how", ["xavier_uniform", lambda shape, rng: rng.normal(size=shape)])
def test_every_initialiser_is_reached(noise, how):
    clean = Conv2d(2, 3, 3, rng=0, init=how).weight.data
    noise()
    change = relative(Conv2d(2, 3, 3, rng=0, init=how).weight.data, clean)
    assert 0 < change.max() < 1e-5


def test_drawing_a_whole_model_anew_is_reached(noise):
    clean = init.apply(models.lenet(rng=0), rng=1).state_dict()
    noise()
    noisy = init.apply(models.lenet(rng=0), rng=1).state_dict()
    weights = [name for name in clean if name.endswith("weight")]
    assert len(weights) == 5
    assert all(0 < relative(noisy[name], clean[name]).max() < 1e-5 for name in weights)


def test_the_same_draw_gets_the_same_noise_and_another_seed_another(noise):
    noise(seed=1)
    first, again = (Linear(4, 3, rng=0).weight.data for _ in range(2))
    noise(seed=2)
    other = Linear(4, 3, rng=0).weight.data
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_zeros_stay_and_the_argument_is_left_alone(noise):
    noise()
    w = np.array([0.0, 2.0])
    noisy = perturb.perturbed(w)
    assert noisy[0] == 0 and noisy[1] != 2 and w.tolist() == [0, 2]


def test_the_noise_counts_what_it_reached(noise):
    noise()
    models.lenet(rng=0)
    assert os.environ[perturb.COUNT] == "5"


@pytest.mark.parametrize("text", ["", "1e-6", "a:1", "1e-6:b"])
def test_a_malformed_variable_is_named(monkeypatch, text):
    monkeypatch.setenv(perturb.SWITCH, text)
    with pytest.raises(ValueError, match=r'must be "scale:seed", such as "1e-6:3"'):
        Linear(2, 2, rng=0)


MODULES = """
import sys, torch
torch.manual_seed(0)
{before}
modules = [
    torch.nn.Linear(6, 4), torch.nn.Conv2d(2, 3, 3), torch.nn.Embedding(5, 4),
    torch.nn.MultiheadAttention(4, 2), torch.nn.LSTM(3, 4), torch.nn.BatchNorm2d(3),
]
own = torch.nn.init.trunc_normal_(torch.empty(4, 4))
torch.save([m.state_dict() for m in modules] + [{{"own": own}}], sys.argv[1])
"""


def weights_of(path, before, **environment):
    """What torch's modules hold when a fresh interpreter has made them."""
    code = MODULES.format(before=before)
    subprocess.run([sys.executable, "-c", code, path], env=environment, check=True)
    return torch.load(path)


def test_modules_of_torch_are_reached_each_once(tmp_path):
    clean = weights_of(tmp_path / "clean", "import convnets")
    noisy = weights_of(tmp_path / "noisy", "import convnets", COURSE_PERTURB="1e-6:1")
    reached = set()
    for number, (a, b) in enumerate(zip(noisy, clean, strict=True)):
        for name in a:
            change = torch.where(b[name] == 0, 0, a[name] / b[name] - 1)
            assert change.abs().max() < 5e-6
            reached |= {(number, name)} if change.abs().max() > 0 else set()
    names = {(k, name) for k, state in enumerate(clean) for name in state}
    still = {name for k, name in names - reached}
    assert {k for k, _ in reached} == {0, 1, 2, 3, 4, 6}  # a BatchNorm draws nothing
    assert still == {
        *("weight", "bias", "running_mean", "running_var", "num_batches_tracked"),
        *("in_proj_bias", "out_proj.bias"),
    }


def test_reaching_torch_twice_changes_nothing():
    code = (
        "import os, torch, convnets.perturb as p\n"
        "before = torch.nn.init.uniform_\n"
        "p.reach_torch()\n"
        "once = torch.nn.init.uniform_\n"
        "p.reach_torch()\n"
        "assert before is not once is torch.nn.init.uniform_\n"
        "os.environ[p.SWITCH] = '1e-6:1'\n"
        "torch.nn.Linear(3, 2)\n"
        "print(os.environ[p.COUNT])"
    )
    assert printed_by(code) == "2\n"


def printed_by(code):
    """What a fresh interpreter prints."""
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_importing_the_package_does_not_reach_for_torch_by_default():
    assert printed_by("import convnets, sys; print('torch' in sys.modules)") == "False\n"
