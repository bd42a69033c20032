"""What is done with batch normalisation after training: population statistics, and folding."""

import copy

import numpy as np
import pytest
import torch

from convnets import layers as L
from convnets.arrays import to_numpy
from convnets.data import digits
from convnets.models import example_net
from convnets.optim import SGD, decay_groups
from convnets.shapes import ShapeError
from convnets.train import evaluate, fit, fit_many

DATA = digits()[:240]


def network(seed=0, momentum=0.1):
    """Normalisation after Linear and Conv2d, with and without bias, nested, in a shortcut."""
    rng = np.random.default_rng(seed)
    block = L.Sequential(
        L.Conv2d(4, 4, 3, padding=1, bias=False, rng=rng), L.BatchNorm2d(4, momentum=momentum)
    )
    shortcut = L.Sequential(L.Conv2d(4, 4, 1, rng=rng), L.BatchNorm2d(4, affine=False))
    return L.Sequential(
        L.Conv2d(1, 4, 3, rng=rng), L.BatchNorm2d(4, eps=0.01), L.ReLU(),
        L.Residual(block, shortcut), L.Dropout(0.8, rng=seed), L.Flatten(),
        L.Linear(144, 20, rng=rng), L.BatchNorm1d(20), L.Tanh(), L.Linear(20, 10, rng=rng),
    )  # fmt: skip


def trained(model):
    fit(
        model, SGD(model.parameters(), lr=0.1), DATA, epochs=2, batch_size=40, rng=0, progress=False
    )
    return model


def assert_same_state(model, before):
    for name, value in model.state_dict().items():
        assert value.tobytes() == before[name].tobytes(), name


# Population statistics


@pytest.mark.parametrize("like", [np.zeros(0), torch.zeros(0, dtype=torch.float64)])
def test_they_are_means_over_batches(like):
    model = L.Sequential(L.Flatten(), L.BatchNorm1d(64), L.ReLU(), L.BatchNorm1d(64)).to(like)
    trained_count = model[1].num_batches_tracked.data
    model.train()[2].eval()
    L.population_statistics(model, DATA.images[:95], batch_size=30)
    batches = [DATA.images[i : i + 30].reshape(30, 64).astype(np.float64) for i in (0, 30, 60)]
    for which, layer in ((0, model[1]), (1, model[3])):
        if which:
            spread = [(b - b.mean(0)) / np.sqrt(b.var(0) + 1e-5) for b in batches]
            batches = [np.maximum(b, 0) for b in spread]
        mean = np.mean([b.mean(0) for b in batches], axis=0)
        variance = np.mean([b.var(0, ddof=1) for b in batches], axis=0)
        np.testing.assert_allclose(to_numpy(layer.running_mean.data), mean, atol=1e-10)
        np.testing.assert_allclose(to_numpy(layer.running_var.data), variance, atol=1e-10)
        assert layer.momentum == 0.1 and int(layer.num_batches_tracked.data) == int(trained_count)
    assert [layer.training for layer in model] == [True, True, False, True]


def test_dropout_is_off_and_no_number_is_drawn():
    model = trained(network())
    state = model[4].rng.bit_generator.state
    L.population_statistics(model, DATA.images, batch_size=40)
    assert model[4].rng.bit_generator.state == state
    assert evaluate(model, DATA).accuracy > 0.7


def test_they_replace_statistics_that_were_lost():
    model = trained(network())
    for name, buffer in model.buffers().items():
        buffer.data = buffer.data if "num" in name else buffer.data * np.float32(np.nan)
    L.population_statistics(model, DATA.images, batch_size=40)
    assert evaluate(model, DATA).accuracy > 0.7


def test_mean_only_ones_are_set_too():
    layer = L.MeanOnlyBatchNorm1d(1)
    L.population_statistics(layer, np.array([[1], [3], [6], [10]], np.float32), batch_size=2)
    assert layer.running_mean.data.tolist() == [5]


WITH_NAN = np.where(np.arange(64) == 5, np.nan, DATA.images.reshape(-1, 64)).reshape(-1, 1, 8, 8)


@pytest.mark.parametrize(
    ("images", "size", "error", "message"),
    [
        (WITH_NAN, 40, ValueError, r"statistics of layer 1 are not finite"),
        (DATA.images, 241, ShapeError, r"240 images, and no full batch of 241"),
        (DATA.images, 1, ShapeError, r"batch_size must be an integer >= 2"),
        (DATA.images[:, :, :7], 40, ShapeError, r"Linear\(144, 20\)"),
    ],
)
def test_a_call_that_fails_changes_nothing(images, size, error, message):
    model = trained(network(momentum=0.3))
    before, modes = model.state_dict(), [layer.training for layer in model]
    with pytest.raises(error, match=message), np.errstate(invalid="ignore"):
        L.population_statistics(model, images, batch_size=size)
    assert_same_state(model, before)
    assert [layer.training for layer in model] == modes
    assert model[3].branch[1].momentum == 0.3


def test_models_without_them_are_told():
    with pytest.raises(ValueError, match="no BatchNorm"):
        L.population_statistics(L.Sequential(L.Flatten()), DATA.images, 40)
    with pytest.raises(TypeError, match="update_bn"):
        L.population_statistics(torch.nn.BatchNorm1d(3), DATA.images, 40)


# Folding


@pytest.mark.parametrize(
    "like", [np.zeros(0), np.zeros(0, np.float32), torch.zeros(0, dtype=torch.float64)]
)
def test_a_folded_model_is_the_same_function(like):
    model = trained(network().to(like))
    for seed, parameter in enumerate(model.parameters().values()):
        parameter.data = parameter.data * (1 + 0.1 * seed)
    before = copy.deepcopy(model.state_dict())
    folded = L.fold(model)
    images = np.ascontiguousarray(DATA.images) if isinstance(like, np.ndarray) else DATA.images
    images = like.new_tensor(images) if torch.is_tensor(like) else images.astype(like.dtype)
    model.eval()
    got, want = to_numpy(folded(images)), to_numpy(model(images))
    tolerance = 1e-4 if got.dtype == np.float32 else 1e-11
    assert got.dtype == want.dtype
    np.testing.assert_allclose(got, want, rtol=tolerance, atol=tolerance)
    assert not any("BatchNorm" in type(layer).__name__ for _, layer in folded.named_layers())
    assert folded[2].branch[0].bias is not None and not folded[3].training
    assert_same_state(model, before)
    assert folded[0].weight is not model[0].weight


def test_a_folded_model_can_be_trained_and_saved():
    folded = L.fold(trained(network()))
    other = L.fold(network(seed=5))
    other.load_state_dict(folded.state_dict())
    assert evaluate(other, DATA) == evaluate(folded, DATA)
    trained(folded)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (L.Sequential(L.BatchNorm1d(3)), r"layer 0, .* but it comes first"),
        (
            L.Sequential(L.Linear(3, 3), L.Sequential(L.ReLU(), L.BatchNorm1d(3))),
            r"layer 1\.1, .* before it stands ReLU\(\)",
        ),
        (L.Residual(L.BatchNorm2d(3)), r"layer branch, .* does not stand in a Sequential"),
        (L.BatchNorm1d(3), r"^BatchNorm1d\(3\) can only be folded into a Linear or Conv2d"),
        (
            L.Sequential(L.WeightNorm(L.Linear(3, 3)), L.BatchNorm1d(3)),
            r"before it stands WeightNorm",
        ),
    ],
)
def test_what_cannot_be_folded_is_named(model, message):
    before = repr(model)
    with pytest.raises(ValueError, match=message):
        L.fold(model)
    assert repr(model) == before


# Beside it: the example, groups of parameters, many seeds


def test_the_example_has_a_place_for_norms():
    model = example_net(norm=L.BatchNorm2d, rng=0)
    assert sum(p.data.size for p in model.parameters().values()) == 6560
    assert [type(layer).__name__ for layer in model[:4]] == [
        "Conv2d", "BatchNorm2d", "ReLU", "Conv2d"
    ]  # fmt: skip
    plain = example_net(rng=0)
    assert (plain[0].weight.data == model[0].weight.data).all()
    assert (plain[2].weight.data == model[3].weight.data).all()


def test_only_weights_decay():
    model = L.Sequential(
        L.Conv2d(1, 4, 3), L.LayerNorm((4, 6, 6)), L.ThresholdedLinear(4), L.Flatten(),
        L.WeightNorm(L.Linear(144, 5)), L.BatchNorm1d(5),
    )  # fmt: skip
    decayed, kept = decay_groups(model.parameters(), 0.1)
    assert list(decayed["params"]) == ["0.weight", "4.v"] and decayed["weight_decay"] == 0.1
    assert decayed["params"].keys() | kept["params"].keys() == model.parameters().keys()
    assert kept["weight_decay"] == 0
    optimizer = SGD(decay_groups(model.parameters(), 0.1), lr=1.0)
    for parameter in model.parameters().values():
        parameter.grad = parameter.data * 0
    before = model.state_dict()
    optimizer.step()
    for name, parameter in model.parameters().items():
        factor = 0.9 if name in ("0.weight", "4.v") else 1.0
        np.testing.assert_allclose(parameter.data, factor * before[name], rtol=1e-6, atol=0)
    torchs = torch.nn.Sequential(torch.nn.Conv2d(1, 4, 3), torch.nn.BatchNorm2d(4))
    decayed, kept = decay_groups(dict(torchs.named_parameters()), 0.1)
    assert list(decayed["params"]) == ["0.weight"]
    assert list(kept["params"]) == ["0.bias", "1.weight", "1.bias"]


@pytest.mark.parametrize("momentum", [0.1, None])
@pytest.mark.parametrize("kind", ["affine", "plain", "ghost", "images"])
def test_many_seeds_at_once_give_what_each_gives_alone(kind, momentum):
    def make(seed):
        rng = np.random.default_rng(seed)
        options = {"affine": kind != "plain", "ghost": 10 if kind == "ghost" else None}
        first = L.Sequential(L.Flatten(), L.BatchNorm1d(64, momentum=momentum, **options))
        if kind == "images":
            first = L.Sequential(L.BatchNorm2d(1, momentum=momentum), L.Flatten())
        return L.Sequential(first, L.Linear(64, 10, rng=rng)).to(np.zeros(0))

    def sgd(model):
        return SGD(model.parameters(), lr=0.1, momentum=0.9)

    options = {"epochs": 2, "batch_size": 40, "progress": False}
    runs = fit_many(make, sgd, DATA, DATA, seeds=(3, 4), **options)
    for seed, run in zip((3, 4), runs, strict=True):
        alone = make(seed)
        history = fit(alone, sgd(alone), DATA, DATA, rng=seed, **options)
        np.testing.assert_allclose(run.history.val_loss, history.val_loss, rtol=1e-9)
        for name, value in alone.state_dict().items():
            np.testing.assert_allclose(run.model.state_dict()[name], value, rtol=1e-8, atol=1e-10)
        assert evaluate(run.model, DATA).loss == pytest.approx(history.val_loss[-1])
