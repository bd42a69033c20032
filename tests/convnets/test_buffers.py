"""What layers keep without learning it: saved, loaded, moved, checkpointed and averaged."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import normal, repeatable

from convnets import layers as L
from convnets.arrays import to_numpy
from convnets.callbacks import Callback, Checkpoint, EarlyStopping
from convnets.data import digits, split
from convnets.engines import engine_for
from convnets.inspect import activation_shapes, count_parameters
from convnets.optim import SGD
from convnets.train import evaluate, fit, load_weights

TRAIN, VAL = split(digits()[:200], (0.7, 0.3), np.random.default_rng(0))
RATE = 0.3


class Centre(L.Layer):
    """x minus a mean: the batch's in training, the running one in evaluation."""

    def __init__(self, features):
        self.shift = L.Parameter(np.zeros(features, np.float32))
        self.running_mean = L.Buffer(np.zeros(features, np.float32))
        self.batches = L.Buffer(np.array(0))

    def forward(self, x):
        mean = self.running_mean.data
        if self.training:
            mean = x.mean(0)
            self.running_mean.data = (1 - RATE) * self.running_mean.data + RATE * mean
            self.batches.data = self.batches.data + 1
        self.cache = self.training
        return x - mean + self.shift.data

    def backward(self, dy):
        self.shift.grad = dy.sum(0)
        return dy - dy.mean(0) if self.cache else dy


class TorchCentre(torch.nn.Module):
    """The same as a module."""

    def __init__(self, features):
        super().__init__()
        self.shift = torch.nn.Parameter(torch.zeros(features))
        self.register_buffer("running_mean", torch.zeros(features))
        self.register_buffer("batches", torch.tensor(0))

    def forward(self, x):
        mean = self.running_mean
        if self.training:
            mean = x.mean(0)
            with torch.no_grad():
                self.running_mean.copy_((1 - RATE) * self.running_mean + RATE * mean)
                self.batches += 1
        return x - mean + self.shift


def layers_model(rng=1):
    return L.Sequential(L.Flatten(), Centre(64), L.Linear(64, 10, rng=rng))


def torch_model(rng=1):
    torch.manual_seed(rng)
    return torch.nn.Sequential(torch.nn.Flatten(), TorchCentre(64), torch.nn.Linear(64, 10))


MODELS = {
    "layers": layers_model,
    "layers on torch": lambda rng=1: layers_model(rng).to(torch.empty(0)),
    "torch.nn": torch_model,
}


@pytest.fixture(params=MODELS)
def make(request):
    return MODELS[request.param]


def train(model, epochs=3, **options):
    optimizer = SGD(model.parameters(), lr=0.05, momentum=0.9)
    settings = {"batch_size": 32, "rng": 5, "progress": False}
    return fit(model, optimizer, TRAIN, VAL, epochs=epochs, **settings, **options)


def state(model):
    return {name: to_numpy(value).copy() for name, value in model.state_dict().items()}


def assert_same_bits(got, want):
    assert got.keys() == want.keys()
    for name in want:
        assert got[name].dtype == want[name].dtype, name
        assert got[name].tobytes() == want[name].tobytes(), name


# Declared


def test_buffers_are_named_like_parameters_and_are_none():
    model = L.Sequential(L.Flatten(), L.Residual(Centre(4)))
    assert list(model.buffers()) == ["1.branch.running_mean", "1.branch.batches"]
    assert list(model.parameters()) == ["1.branch.shift"]
    assert list(model.state_dict()) == [
        "1.branch.shift", "1.branch.running_mean", "1.branch.batches"
    ]  # fmt: skip
    assert count_parameters(model) == 4


def test_optimisers_do_not_see_them():
    model = layers_model()
    optimizer = SGD(model.parameters(), lr=0.1)
    assert set(optimizer.parameters) == {"1.shift", "2.weight", "2.bias"}


def test_looking_at_a_model_leaves_them_alone():
    model = layers_model()
    before = state(model)
    activation_shapes(model, (1, 8, 8))
    assert_same_bits(state(model), before)


# Trained


def test_both_engines_train_and_use_them():
    ours, theirs = layers_model(), torch_model()
    theirs.load_state_dict({k: torch.tensor(v) for k, v in ours.state_dict().items()})
    first, second = train(ours), train(theirs)
    np.testing.assert_allclose(first.val_loss, second.val_loss, rtol=1e-5)
    for name, values in state(theirs).items():
        np.testing.assert_allclose(state(ours)[name], values, rtol=1e-3, atol=1e-5)
    assert state(ours)["1.batches"] == 15


def test_a_running_mean_follows_its_definition():
    layer, want = Centre(3), np.zeros(3)
    for step in range(4):
        x = normal(5, 3, seed=step)
        layer(x)
        want = (1 - RATE) * want + RATE * x.mean(0)
    np.testing.assert_allclose(layer.running_mean.data, want)
    layer.eval()
    x = normal(2, 3)
    np.testing.assert_allclose(layer(x), x - want)


def test_evaluation_changes_none(make):
    model = make()
    train(model, epochs=1)
    before = state(model)
    evaluate(model, VAL)
    assert_same_bits(state(model), before)


# Saved and loaded


def test_a_state_comes_back_bit_for_bit(make):
    source, target = make(), make(rng=2)
    train(source)
    target.load_state_dict(source.state_dict())
    assert_same_bits(state(target), state(source))
    assert evaluate(target, VAL) == evaluate(source, VAL)


@repeatable
@given(st.lists(st.integers(0, 3), max_size=3), st.sampled_from([np.float32, np.float64, np.int64]))
def test_buffers_of_any_shape_and_dtype_come_back(shape, dtype):
    source, target = L.Layer(), L.Layer()
    source.kept = L.Buffer(normal(*shape).astype(dtype) + np.ones(shape, dtype))
    target.kept = L.Buffer(np.zeros(shape, dtype))
    target.load_state_dict(source.state_dict())
    assert_same_bits(target.state_dict(), source.state_dict())


def test_a_missing_buffer_is_named_and_nothing_changes():
    model = layers_model()
    before = model.state_dict()
    saved = {name: value + 1 for name, value in before.items() if name != "1.running_mean"}
    with pytest.raises(ValueError, match=r"missing 1\.running_mean"):
        model.load_state_dict(saved)
    assert_same_bits(model.state_dict(), before)


def test_a_loaded_state_is_a_copy():
    model = layers_model()
    saved = model.state_dict()
    model.load_state_dict(saved)
    saved["1.running_mean"][:] = 7
    assert not model[1].running_mean.data.any()


def test_an_interrupted_run_resumes_with_them_bit_for_bit(make, tmp_path):
    straight, first, resumed = make(), make(), make(rng=2)
    want = train(straight, epochs=4, callbacks=[Checkpoint(tmp_path / "x")])
    path = tmp_path / "run.npz"
    train(first, epochs=2, callbacks=[Checkpoint(path)])
    got = train(resumed, epochs=4, callbacks=[Checkpoint(path)], resume=path)
    assert got == want
    assert_same_bits(state(resumed), state(straight))
    load_weights(other := make(rng=3), path)
    assert_same_bits(state(other), state(straight))


def test_the_best_epoch_is_restored_with_its_buffers(make):
    seen = []

    class Worse(Callback):
        def on_epoch(self, run):
            run.history.val_loss[-1] = float(run.epoch)
            seen.append(state(run.engine.model))

    model = make()
    train(model, callbacks=[Worse(), EarlyStopping(patience=9)])
    assert_same_bits(state(model), seen[0])
    assert not np.array_equal(seen[0]["1.running_mean"], seen[2]["1.running_mean"])


def test_a_snapshot_is_restored_whole(make):
    engine = engine_for(make())
    train(engine.model, epochs=1)
    before, snapshot = state(engine.model), engine.weights()
    train(engine.model, epochs=1)
    engine.load_weights(snapshot)
    assert_same_bits(state(engine.model), before)


# Moved


@pytest.mark.parametrize("like", [np.empty(0, np.float64), torch.empty(0, dtype=torch.float64)])
def test_they_move_and_convert_with_the_parameters(like):
    model = layers_model()
    train(model)
    before = model.state_dict()
    model.to(like)
    centre = model[1]
    assert centre.running_mean.data.dtype == centre.shift.data.dtype == like.dtype
    assert str(centre.batches.data.dtype).endswith("int64"), "a count stays whole"
    assert type(centre.batches.data) is type(like)
    model.to(np.empty(0, np.float32))
    assert_same_bits(model.state_dict(), before)


def test_they_go_to_a_device():
    model = layers_model().to(torch.empty(0, device="meta"))
    assert {b.data.device.type for b in model.buffers().values()} == {"meta"}
    assert model(torch.empty(4, 1, 8, 8, device="meta")).shape == (4, 10)


def test_loading_keeps_where_and_in_which_dtype_they_are():
    model = layers_model().to(torch.empty(0, dtype=torch.float64))
    model.load_state_dict({name: value + 1 for name, value in layers_model().state_dict().items()})
    assert model[1].running_mean.data.dtype == torch.float64
    assert model[1].batches.data.dtype == torch.int64 and int(model[1].batches.data) == 1


# Averaged


def test_states_are_averaged_with_their_buffers(make):
    models = [make(rng=seed) for seed in (1, 2, 3)]
    for epochs, model in enumerate(models, start=1):
        train(model, epochs=epochs)
    weights = [1, 2, 5]
    mean = L.average_states([model.state_dict() for model in models], weights)
    for name in ("1.running_mean", "2.weight"):
        want = np.average([state(model)[name] for model in models], axis=0, weights=weights)
        np.testing.assert_allclose(to_numpy(mean[name]), want, rtol=1e-6, atol=1e-7)
        assert mean[name].dtype == models[0].state_dict()[name].dtype
    assert int(mean["1.batches"]) == 15, "counts are those of the last"
    models[0].load_state_dict(mean)
    np.testing.assert_array_equal(state(models[0])["2.weight"], to_numpy(mean["2.weight"]))


def test_an_average_of_one_is_a_copy():
    one = layers_model().state_dict()
    mean = L.average_states([one])
    assert_same_bits(mean, one)
    for name, value in mean.items():
        assert not np.shares_memory(value, one[name])


@pytest.mark.parametrize(
    ("states", "weights", "message"),
    [
        ([], None, "no states to average"),
        ([{"w": np.ones(2)}, {"v": np.ones(2)}], None, "missing w; unexpected v"),
        ([{"w": np.ones(2)}] * 2, [1], "one number >= 0 for each of the 2 states"),
        ([{"w": np.ones(2)}] * 2, [1, -1], "one number >= 0"),
        ([{"w": np.ones(2)}] * 2, [0, 0], "not all 0"),
    ],
)
def test_states_that_cannot_be_averaged_are_refused(states, weights, message):
    with pytest.raises(ValueError, match=message):
        L.average_states(states, weights)
