"""Dropout in a training and at the test: schedules, prior, largest norm, Monte-Carlo averages."""

from functools import partial

import numpy as np
import pytest
import torch
from oracles import normal, same

from convnets import functional as F
from convnets.callbacks import Callback, Checkpoint
from convnets.data import digits
from convnets.dropping import KeepSchedule, NoisePrior, monte_carlo
from convnets.layers import (
    Dropout,
    Flatten,
    Linear,
    ReLU,
    Sequential,
    StochasticDepth,
    VanillaDropout,
    VariationalDropout,
)
from convnets.optim import SGD, project_max_norm
from convnets.schedules import curriculum_dropout
from convnets.shapes import ShapeError
from convnets.steering import MaxNorm
from convnets.train import fit

DATA = digits()[:64]
CURRICULUM = partial(curriculum_dropout, gamma=0.1)


def model(seed=0):
    return Sequential(
        *(Flatten(), Dropout(0.8, rng=seed), Linear(64, 16, rng=seed), ReLU()),
        *(VariationalDropout(16, rng=seed), VanillaDropout(0.5, rng=seed), Linear(16, 10, rng=1)),
    )


def train(net, callbacks, epochs=2, **options):
    options = {"batch_size": 16, "rng": 0, "progress": False, **options}
    return fit(
        net, SGD(net.parameters(), lr=0.2), DATA, epochs=epochs, callbacks=callbacks, **options
    )


class Seen(Callback):
    """Remembers what `look(model)` gave when each gradient was known."""

    def __init__(self, look):
        self.look, self.found = look, []

    def on_backward(self, run):
        self.found.append(self.look(run.engine.model))


def probabilities(net):
    return [layer.keep_prob for layer in net if hasattr(layer, "keep_prob")]


def test_curriculum_dropout_falls_from_one_to_its_end():
    values = [curriculum_dropout(t, 0.5, gamma=10 / 200) for t in range(201)]
    assert values[0] == 1 and values == sorted(values, reverse=True)
    assert values[-1] == pytest.approx(0.5, abs=1e-4)  # the paper's heuristic, γ = 10/T
    assert curriculum_dropout(7, 1.0, 0.1) == 1 and curriculum_dropout(7, 0.3, 0) == 1
    for bad in ({"keep_prob": 0, "gamma": 1}, {"keep_prob": 0.5, "gamma": -1}):
        with pytest.raises(ValueError, match="must be"):
            curriculum_dropout(0, **bad)


def test_every_step_keeps_with_its_probability_and_the_end_is_as_before():
    net, seen = model(), Seen(probabilities)
    train(net, [KeepSchedule(CURRICULUM), seen])
    assert seen.found == [[CURRICULUM(t, 0.8), CURRICULUM(t, 0.5)] for t in range(8)]
    assert probabilities(net) == [0.8, 0.5]


def test_a_rule_out_of_range_ends_the_run_and_leaves_probabilities_as_before():
    net = model()
    with pytest.raises(ValueError, match=r"in \(0, 1\], but is 0"):
        train(net, [KeepSchedule(lambda t, keep_prob: 1 - t / 2)])
    assert probabilities(net) == [0.8, 0.5]
    with pytest.raises(ValueError, match=r"KeepSchedule found no layer.*put Dropout"):
        train(Sequential(Flatten(), Linear(64, 10)), [KeepSchedule(CURRICULUM)])
    with pytest.raises(ValueError, match=r"NoisePrior found no layer.*put VariationalDropout"):
        train(Sequential(Flatten(), Linear(64, 10)), [NoisePrior()])


def test_a_resumed_run_is_the_uninterrupted_one_bit_for_bit(tmp_path):
    def callbacks(path):
        return [KeepSchedule(CURRICULUM), NoisePrior(), MaxNorm(1.5), Checkpoint(tmp_path / path)]

    whole, first, second = model(), model(), model(seed=5)
    history = train(whole, callbacks("whole.npz"), epochs=4)
    train(first, callbacks("run.npz"), epochs=2)
    resumed = train(second, callbacks("run.npz"), epochs=4, resume=tmp_path / "run.npz")
    assert resumed == history
    for name, values in whole.state_dict().items():
        assert values.tobytes() == second.state_dict()[name].tobytes(), name


def test_the_prior_adds_its_gradient_divided_by_the_examples():
    prior, plain = (Seen(lambda net: net[4].log_alpha.grad * 1) for _ in range(2))
    kl = NoisePrior()
    train(model(), [kl, prior], epochs=1, batch_size=64)
    train(model(), [plain], epochs=1, batch_size=64)
    value, gradient = F.variational_kl(np.full(16, np.log(0.5), np.float32))
    same(prior.found[0], plain.found[0] + gradient / np.float32(64))
    assert kl.kl[0] == pytest.approx(value)


def test_where_the_data_do_not_mind_the_prior_raises_alpha():
    def last(callbacks):
        net = model()
        net[6].weight.data = net[6].weight.data * 0  # what comes after the noise is ignored
        start = net[4].log_alpha.data.mean()
        fit(net, SGD([net[4].log_alpha], lr=1.0), DATA, epochs=5, batch_size=16, rng=0,
            callbacks=callbacks, progress=False)  # fmt: skip
        return net[4].log_alpha.data.mean() - start

    assert last([]) == 0
    assert last([NoisePrior()]) > 0.1


@pytest.mark.parametrize("shape", [(30, 5), (30, 2, 1, 3)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_projection_is_that_of_torch_renorm(shape, dtype):
    w = (0.8 * normal(*shape)).astype(dtype)
    want = torch.renorm(torch.tensor(w), p=2, dim=0, maxnorm=1.7)
    before = w.copy()
    got = project_max_norm(w, 1.7)
    np.testing.assert_allclose(got, want, rtol=1e-6)
    np.testing.assert_allclose(project_max_norm(torch.tensor(w), 1.7), want, rtol=1e-6)
    assert got.dtype == dtype and np.array_equal(w, before)
    short = np.linalg.norm(w.reshape(len(w), -1), axis=1) <= 1.7
    assert 0 < short.mean() < 1
    assert np.array_equal(got[short], w[short]), "short ones are left as they are, bit for bit"


def test_projection_of_zeros_and_of_huge_weights():
    w = np.array([[0.0, 0.0], [3e30, 4e30]], np.float32)
    np.testing.assert_allclose(project_max_norm(w, 1), [[0, 0], [0.6, 0.8]], rtol=1e-6)


def test_projection_names_what_is_wrong():
    for bad in (0, -1, np.nan, True, "2"):
        with pytest.raises(ValueError, match="limit must be > 0"):
            project_max_norm(np.ones((2, 2)), bad)
    with pytest.raises(ShapeError, match="biases have no incoming"):
        project_max_norm(np.ones(3), 1.0)
    with pytest.raises(ShapeError, match="several units for each filter"):
        project_max_norm(np.ones((2, 3, 3, 1, 2, 2)), 1.0)
    with pytest.raises(ValueError, match="limit must be > 0"):
        MaxNorm(0)


def norms(net):
    return [float(np.linalg.norm(np.asarray(p.data), axis=1).max()) for p in matrices(net)]


def matrices(net):
    found = net.parameters()
    return [p for p in (found.values() if isinstance(found, dict) else found) if p.data.ndim == 2]


def test_after_every_step_no_unit_has_a_longer_norm():
    net, seen, free = model(), Seen(norms), Seen(norms)
    train(net, [MaxNorm(0.9), seen])
    assert max(max(each) for each in [*seen.found[1:], norms(net)]) <= 0.9 * (1 + 1e-6)
    train(model(), [free])
    assert max(max(each) for each in free.found) > 1
    assert repr(MaxNorm(0.9)) == "MaxNorm(0.9)"


def test_modules_of_torch_are_projected_too():
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
    sgd = torch.optim.SGD(net.parameters(), lr=5.0)
    fit(net, sgd, DATA, epochs=1, batch_size=16, rng=0, callbacks=[MaxNorm(0.5)], progress=False)
    assert norms(net)[0] <= 0.5 * (1 + 1e-6)


def test_monte_carlo_is_the_mean_over_passes_with_noise():
    net, x = Sequential(Dropout(0.5, rng=0), Linear(4, 3, rng=0)), normal(5, 4, dtype=np.float32)
    mean, spread = monte_carlo(net, x, samples=7, rng=2)
    other = Sequential(Dropout(0.5, rng=2), Linear(4, 3, rng=0))
    passes = np.stack([F.softmax(other(x)) for _ in range(7)])
    same(mean, passes.mean(0))
    same(spread, passes.std(0, ddof=1))
    same(mean.sum(1), np.ones(5, np.float32))
    assert np.array_equal(monte_carlo(net, x, samples=7, rng=2).mean, mean)
    assert not np.array_equal(monte_carlo(net, x, samples=7, rng=3).mean, mean)


def test_monte_carlo_approaches_the_mean_over_all_masks():
    """16 masks, probabilities in [0, 1]; 4000 draws: Hoeffding, t = 0.06, 6·10⁻¹³ each."""
    net, x = Sequential(Dropout(0.5, rng=0), Linear(4, 3, rng=0)), normal(1, 4, dtype=np.float32)
    masks = np.array(np.meshgrid(*[[0, 2]] * 4)).reshape(4, -1).T.astype(np.float32)
    want = F.softmax(net[1](x * masks)).mean(0)
    rows = monte_carlo(net, np.repeat(x, 400, axis=0), samples=10).mean
    assert abs(rows.mean(0) - want).max() < 0.06


class Probe(Linear):
    """Remembers the mode in which it was called."""

    def forward(self, x):
        self.seen = self.training
        return super().forward(x)


def test_only_the_dropout_family_is_in_training_and_all_is_restored():
    inside = Probe(4, 4, rng=0)
    net = Sequential(
        StochasticDepth(inside, rng=0), VariationalDropout(4, rng=0), Probe(4, 3, rng=1)
    )
    net[1].training = False
    generators = [net[0].rng, net[1].rng]
    states = [rng.bit_generator.state for rng in generators]
    monte_carlo(net, normal(5, 4, dtype=np.float32), samples=20)
    assert inside.seen is net[2].seen is False
    assert [net.training, net[0].training, net[1].training] == [True, True, False]
    assert [net[0].rng, net[1].rng] == generators
    assert [rng.bit_generator.state for rng in generators] == states
    with pytest.raises(ShapeError):
        monte_carlo(net, normal(5, 7, dtype=np.float32), samples=20)
    assert [net.training, net[0].training, net[1].training] == [True, True, False]
    assert [net[0].rng, net[1].rng] == generators


def test_monte_carlo_in_batches_on_torch_and_on_images():
    net = model().to(torch.zeros(1))
    mean, spread = monte_carlo(net, DATA.images, samples=3, batch_size=20)
    assert mean.shape == spread.shape == (64, 10) and isinstance(mean, torch.Tensor)
    same(mean, monte_carlo(model(), DATA.images, samples=3, batch_size=20).mean)


def test_monte_carlo_names_what_is_wrong():
    x = np.ones((2, 4), np.float32)
    with pytest.raises(ValueError, match="nothing in the model drops"):
        monte_carlo(Linear(4, 3), x, samples=3)
    with pytest.raises(TypeError, match=r"made of convnets.layers, but is Linear"):
        monte_carlo(torch.nn.Linear(4, 3), x, samples=3)
    with pytest.raises(ShapeError, match="samples must be an integer >= 2"):
        monte_carlo(Dropout(), x, samples=1)
    with pytest.raises(ValueError, match="there are no images"):
        monte_carlo(Dropout(), x[:0], samples=3)
