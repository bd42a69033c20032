"""Many seeds at once: for each of them what a run of its own gives."""

import numpy as np
import pytest
import torch
from torch import nn

from convnets import functional as F
from convnets import layers as L
from convnets.arrays import to_numpy
from convnets.data import digits, split
from convnets.models import lenet
from convnets.optim import SGD, Optimizer
from convnets.train import DivergenceError, fit, fit_many

TRAIN, VAL = split(digits()[:150], (0.7, 0.3), np.random.default_rng(0))
SEEDS = (3, 0, 11)


# Models of torch.nn, in float64: what remains of rounding is far below any mistake.


def convolutional(seed):
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(4, 6, (3, 1), stride=2, groups=2, bias=False), nn.Tanh(),
        nn.Flatten(), nn.Dropout(0.3), nn.Linear(12, 10),
    ).double()  # fmt: skip


def connected(seed):
    inner = nn.Sequential(nn.Linear(64, 12), nn.BatchNorm1d(12), nn.ReLU(), nn.Dropout(0.5))
    return nn.Sequential(nn.Flatten(), inner, nn.Linear(12, 10, bias=False)).double()


def dropping_maps(seed):
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.Dropout(0.2), nn.Dropout2d(0.3), nn.GroupNorm(2, 4), nn.GELU(),
        nn.AvgPool2d(2), nn.BatchNorm2d(4, affine=False), nn.AdaptiveAvgPool2d(2),
        nn.BatchNorm2d(4, momentum=None), nn.Flatten(), nn.Linear(16, 10),
    ).double()  # fmt: skip


class Block(nn.Module):
    """With a parameter, a functional dropout and batch statistics of its own."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(4, 1, 1))
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)

    def forward(self, x):
        y = nn.functional.dropout(self.norm(self.conv(x)), 0.3, self.training)
        return x + self.scale * (y - y.mean(0))


def with_blocks(seed):
    return nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1), nn.Sequential(nn.ReLU(), Block()), nn.Dropout(0.2), Block(),
        nn.Flatten(), nn.Linear(256, 10),
    ).double()  # fmt: skip


def on_rows(seed):
    """A linear layer that sees more than one axis of examples."""
    return nn.Sequential(nn.Flatten(1, 2), nn.Linear(8, 4), nn.ReLU(), nn.Flatten(),
                         nn.Linear(32, 10)).double()  # fmt: skip


# Models of our own layers.


def own_connected(seed):
    rng = np.random.default_rng(seed)
    return L.Sequential(
        L.Flatten(), L.Linear(64, 16, rng=rng), L.Tanh(), L.Linear(16, 10, bias=False, rng=rng)
    ).to(np.empty(0))


def own_lenet(seed):
    return lenet(size=8, rng=seed).to(np.empty(0))


class Centre(L.Layer):
    """Batch statistics, a buffer and random numbers in one layer."""

    def __init__(self, seed):
        self.shift = L.Parameter(np.zeros((4, 1, 1)))
        self.running = L.Buffer(np.zeros((4, 1, 1)))
        self.rng = np.random.default_rng(seed)

    def forward(self, x):
        mean, keep = self.running.data, 1.0
        if self.training:
            mean = x.mean((0, 2, 3))[:, None, None]
            self.running.data = 0.9 * self.running.data + 0.1 * mean
            keep = (self.rng.random(x.shape) < 0.8) / 0.8
        self.cache = keep
        return (x - mean) * keep + self.shift.data

    def backward(self, dy):
        self.shift.grad = dy.sum((0, 2, 3))[:, None, None]
        dy = dy * self.cache
        return dy - dy.mean((0, 2, 3))[:, None, None]


def own_branches(seed):
    rng = np.random.default_rng(seed)
    return L.Sequential(
        L.Conv2d(1, 4, 3, padding=1, rng=rng),
        L.Residual(L.Sequential(L.ReLU(), L.Conv2d(4, 4, 1, rng=rng)), L.Conv2d(4, 4, 1, rng=rng)),
        Centre(seed),
        L.Residual(L.LocalResponseNorm(3)),
        L.Concat(L.MaxPool2d(2), L.AvgPool2d(2)),
        L.FractionalMaxPool2d(3, rng=rng),
        L.Flatten(),
        L.Linear(72, 10, rng=rng),
    ).to(np.empty(0))


def own_on_torch(seed):
    return lenet(size=8, rng=seed).to(torch.empty(0, dtype=torch.float64))


NETWORKS = {
    make.__name__: make
    for make in (
        convolutional, connected, dropping_maps, with_blocks, on_rows,
        own_connected, own_lenet, own_branches, own_on_torch,
    )
}  # fmt: skip


@pytest.fixture(params=NETWORKS)
def make(request):
    return NETWORKS[request.param]


def sgd(model):
    return SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)


OPTIONS = {"epochs": 2, "batch_size": 32, "progress": False}


def alone(make, seed, optimizer=sgd, train=TRAIN, val=VAL, **options):
    torch.manual_seed(seed)
    model = make(seed)
    return model, fit(model, optimizer(model), train, val, rng=seed, **OPTIONS | options)


def at_once(make, optimizer=sgd, train=TRAIN, val=VAL, seeds=SEEDS, **options):
    return fit_many(make, optimizer, train, val, seeds=seeds, **OPTIONS | options)


def assert_same_history(got, want):
    for name in ("step_loss", "train_loss", "val_loss"):
        np.testing.assert_allclose(getattr(got, name), getattr(want, name), rtol=1e-8, err_msg=name)
    for name in ("train_accuracy", "val_accuracy", "lr"):
        np.testing.assert_allclose(getattr(got, name), getattr(want, name), err_msg=name)
    assert len(got.seconds) == len(want.seconds)


def assert_same(runs, make, **options):
    """Each run equals the one of its seed alone; and the seeds differ from one another."""
    losses = set()
    for seed, (model, history) in zip(options.get("seeds", SEEDS), runs, strict=True):
        single = {key: value for key, value in options.items() if key != "seeds"}
        want_model, want = alone(make, seed, **single)
        assert_same_history(history, want)
        state, want_state = model.state_dict(), want_model.state_dict()
        assert state.keys() == want_state.keys()
        for name, values in want_state.items():
            got = to_numpy(state[name])
            np.testing.assert_allclose(got, to_numpy(values), rtol=1e-6, atol=1e-9, err_msg=name)
            assert got.dtype == to_numpy(values).dtype
        losses.add(history.step_loss[-1])
    assert len(losses) == len(runs)


# Equality with single runs


def test_each_seed_gives_what_it_gives_alone(make):
    assert_same(at_once(make), make)


def test_batches_may_be_dropped_prepared_and_soft(make):
    def prepare(images, labels, rng):
        flip = rng.random(len(images)) < 0.5
        images[flip] = images[flip][..., ::-1]
        return images, 0.9 * np.eye(10)[labels] + 0.01

    options = {"drop_last": True, "prepare": prepare, "val": None}
    assert_same(at_once(make, **options), make, **options)


@pytest.mark.parametrize("make", [convolutional, own_lenet])
@pytest.mark.parametrize(
    "loss",
    ["hinge_loss", (F.softmax_cross_entropy, F.softmax_cross_entropy_backward)],
    ids=["hinge", "pair of functions"],
)
def test_every_loss_serves(make, loss):
    assert_same(at_once(make, loss=loss), make, loss=loss)


@pytest.mark.parametrize(
    "optimizer",
    [
        lambda model: torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, nesterov=True),
        lambda model: torch.optim.AdamW(model.parameters(), lr=1e-3),
        lambda model: SGD([{"params": model[0].parameters(), "lr": 0.01},
                           {"params": model[1:].parameters()}], lr=0.05),
    ],
    ids=["torch SGD", "AdamW", "groups"],
)  # fmt: skip
def test_every_elementwise_rule_serves(optimizer):
    def make(seed):
        model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(108, 10))
        return model.double()

    assert_same(at_once(make, optimizer), make, optimizer=optimizer)


def test_groups_of_our_own_layers_serve_too():
    def optimizer(model):
        groups = [{"params": model[1].parameters(), "lr": 0.01}, {"params": model[3].parameters()}]
        return SGD(groups, lr=0.05)

    assert_same(at_once(own_connected, optimizer), own_connected, optimizer=optimizer)


def test_frozen_parameters_stay():
    def make(seed):
        model = connected(seed)
        model[1][0].weight.requires_grad_(False)
        return model

    runs = at_once(make)
    assert_same(runs, make)
    torch.manual_seed(SEEDS[0])
    assert torch.equal(runs[0].model[1][0].weight, make(0)[1][0].weight)


def test_float32_models_agree_to_their_precision():
    runs = at_once(lambda seed: convolutional(seed).float())
    _, want = alone(lambda seed: convolutional(seed).float(), SEEDS[1])
    np.testing.assert_allclose(runs[1].history.step_loss, want.step_loss, rtol=1e-3)
    assert runs[1].model[0].weight.dtype == torch.float32


def test_one_seed_is_enough():
    assert_same(at_once(convolutional, seeds=[5]), convolutional, seeds=[5])


def test_models_can_be_used_afterwards(make):
    model, _ = at_once(make)[0]
    torch.manual_seed(1)
    before = fit(model, sgd(model), TRAIN, rng=0, **OPTIONS | {"epochs": 1})
    assert len(before.step_loss) == 4


def test_torch_draws_afterwards_as_if_nothing_had_been():
    torch.manual_seed(4)
    want = torch.rand(3)
    torch.manual_seed(4)
    at_once(convolutional)
    assert torch.equal(torch.rand(3), want)


def test_progress_is_one_line(capsys):
    at_once(own_connected, progress=True)
    out, err = capsys.readouterr()
    assert err == "" and out.count("\n") == 1 and "8/8" in out


def test_nothing_is_said_without_progress(capsys):
    at_once(own_connected)
    assert capsys.readouterr() == ("", "")


# Interrupts


def test_an_interrupt_returns_what_was_learned(capsys):
    calls = []

    def prepare(images, labels, rng):
        calls.append(1)
        if len(calls) > 5 * len(SEEDS):
            raise KeyboardInterrupt
        return images, labels

    runs = at_once(connected, prepare=prepare)
    for seed, (model, history) in zip(SEEDS, runs, strict=True):
        _, want = alone(connected, seed)
        assert history.interrupted
        np.testing.assert_allclose(history.step_loss, want.step_loss[:5], rtol=1e-8)
        torch.manual_seed(seed)
        assert not torch.equal(model[2].weight, connected(seed)[2].weight)
    assert "interrupted after 5 steps" in capsys.readouterr().out


# What is refused


def test_a_run_that_diverges_is_named_by_its_seed():
    def make(seed):
        model = own_lenet(seed)
        if seed == 11:
            model[0].weight.data = model[0].weight.data * np.inf
        return model

    with pytest.raises(DivergenceError, match="loss of seed 11 became nan at step 1") as error:
        at_once(make)
    assert error.value.history.step_loss == []


def test_a_last_batch_of_one_through_batchnorm_says_what_to_do():
    with pytest.raises(ValueError, match=r"the last batch of the epoch holds 1 example .*drop_l"):
        at_once(connected, train=TRAIN[:33])
    at_once(connected, train=TRAIN[:33], drop_last=True)


class Normed(Optimizer):
    """A rule that looks at norms."""

    elementwise = False

    def update(self, w, g, state):
        return w - self.lr * g / np.linalg.norm(g)


SHARED = nn.Linear(64, 10)


def sharing(seed):
    first, second = nn.Linear(64, 64), nn.Linear(64, 64)
    second.weight = first.weight
    return nn.Sequential(nn.Flatten(), first, second, nn.Linear(64, 10))


@pytest.mark.parametrize(
    ("make", "optimizer", "message"),
    [
        (
            lambda seed: nn.Sequential(nn.Flatten(), SHARED),
            sgd,
            "same parameters for several seeds",
        ),
        (lambda seed: SHARED, sgd, "same parameters for several seeds"),
        (lambda seed: nn.Linear(64, 10 + seed), sgd, "not built alike: their modules differ"),
        (lambda seed: L.Linear(64, 10 + seed), sgd, "not built alike: their layers differ"),
        (sharing, sgd, "share a parameter cannot be trained many at once"),
        (lambda seed: nn.Linear(2, 2, device="meta"), sgd, "on a CPU only"),
        (own_connected, lambda model: Normed(model.parameters(), lr=0.1), "Normed looks at more"),
        (connected, lambda model: torch.optim.LBFGS(model.parameters()), "LBFGS looks at more"),
        (connected, lambda model: SGD(connected(0).parameters(), lr=1), "none of the model's"),
    ],
    ids=["shared", "one model", "modules", "layers", "tied", "device", "rule", "LBFGS", "foreign"],
)
def test_what_cannot_be_trained_at_once_is_refused(make, optimizer, message):
    with pytest.raises(ValueError, match=message):
        at_once(make, optimizer)


def test_arguments_are_checked_as_those_of_fit():
    with pytest.raises(TypeError, match=r"train must be a convnets\.data\.Dataset"):
        at_once(connected, train=(TRAIN.images, TRAIN.labels))
    with pytest.raises(TypeError, match="loss must be a pair of functions"):
        at_once(connected, loss=nn.CrossEntropyLoss())
    with pytest.raises(TypeError, match=r"object with a step\(\)"):
        at_once(connected, lambda model: 0.1)
    with pytest.raises(TypeError, match=r"use one of convnets\.optim"):
        at_once(own_on_torch, lambda model: torch.optim.SGD(
            [p.data for p in model.parameters().values()], lr=0.1))  # fmt: skip
    with pytest.raises(ValueError, match="there are no seeds"):
        at_once(connected, seeds=[])
