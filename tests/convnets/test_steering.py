"""Callbacks that act on the steps: the rate, the gradients, giving up."""

import numpy as np
import pytest
import torch

from convnets import schedules
from convnets.callbacks import Callback, Checkpoint
from convnets.data import digits
from convnets.layers import Flatten, Linear, ReLU, Sequential
from convnets.optim import SGD, gradient_norm
from convnets.steering import ClipNorm, ClipValue, QuitEarly, Schedule
from convnets.train import CheckpointError, DivergenceError, fit, fit_many

DATA = digits()[:64]
COSINE = {"lr": 0.2, "total": 12}


def model(seed=0):
    return Sequential(Flatten(), Linear(64, 8, rng=seed), ReLU(), Linear(8, 10, rng=seed + 1))


class Rates(Callback):
    """Remembers the rate of every update, and the norm of its gradients."""

    def __init__(self):
        self.rates, self.norms, self.largest = [], [], []

    def on_step(self, run):
        gradients = [p.grad for p in run.parameters.values()]
        self.rates.append(run.lr)
        self.norms.append(gradient_norm(gradients))
        self.largest.append(max(float(abs(g).max()) for g in gradients))


def train(callbacks, net=None, sgd=None, epochs=3, **options):
    net = model() if net is None else net
    sgd = SGD(net.parameters(), lr=0.2) if sgd is None else sgd
    options = {"batch_size": 16, "rng": 0, "progress": False, **options}
    return net, fit(net, sgd, DATA, epochs=epochs, callbacks=callbacks, **options)


def test_every_update_has_the_rate_of_its_step():
    seen = Rates()
    train([Schedule("cosine", **COSINE), seen])
    assert seen.rates == [schedules.cosine(t, **COSINE) for t in range(12)]


def test_a_function_of_the_step_serves_as_well_as_a_name():
    one, two = Rates(), Rates()
    train([Schedule("cosine", **COSINE), one])
    train([Schedule(lambda t: schedules.cosine(t, **COSINE)), two])
    assert one.rates == two.rates


def test_modules_and_optimisers_of_torch_are_scheduled_too():
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
    seen = Rates()
    train([Schedule("step", lr=0.1, every=6), seen], net, torch.optim.SGD(net.parameters(), lr=1))
    assert seen.rates == [0.1] * 6 + [0.1 * 0.1] * 6


def test_groups_keep_their_ratio():
    net = model()
    first, last = net[1].parameters(), net[3].parameters()
    groups = [{"params": first, "lr": 0.2}, {"params": last, "lr": 0.02}]
    sgd = SGD(groups, lr=0.1)
    train([Schedule("constant", lr=0.5)], net, sgd, epochs=1)
    assert [group["lr"] for group in sgd.param_groups] == [0.5, pytest.approx(0.05)]


def test_groups_whose_first_has_no_rate_are_named():
    net = model()
    groups = [{"params": net[1].parameters(), "lr": 0.0}, {"params": net[3].parameters()}]
    with pytest.raises(ValueError, match="the first is 0"):
        train([Schedule("constant", lr=0.5)], net, SGD(groups, lr=0.1))


def test_a_resumed_run_continues_the_schedule_bit_for_bit(tmp_path):
    path = tmp_path / "run.npz"
    whole, clips = [Schedule("cosine", **COSINE), ClipNorm(0.5)], ClipNorm(0.5)
    net, history = train(whole)
    train([Schedule("cosine", **COSINE), ClipNorm(0.5), Checkpoint(path)], epochs=1)
    again = [Schedule("cosine", **COSINE), clips, Checkpoint(path)]
    resumed, continued = train(again, epochs=3, resume=path)
    assert continued == history and clips.norms == whole[1].norms and len(clips.norms) == 12
    for name, value in net.state_dict().items():
        np.testing.assert_array_equal(value, resumed.state_dict()[name])


def test_another_schedule_does_not_resume_the_run(tmp_path):
    path = tmp_path / "run.npz"
    train([Schedule("cosine", **COSINE), Checkpoint(path)], epochs=1)
    with pytest.raises(CheckpointError, match="the schedule was cosine"):
        train([Schedule("step", lr=0.1, every=5), Checkpoint(path)], resume=path)


def test_gradients_are_clipped_before_the_update():
    seen, clip = Rates(), ClipNorm(0.01)
    train([clip, seen])
    assert len(clip.norms) == 12 and min(clip.norms) > 0.01
    np.testing.assert_allclose(seen.norms, 0.01, rtol=1e-3)
    seen = Rates()
    train([ClipValue(0.001), seen])
    np.testing.assert_allclose(seen.largest, 0.001, rtol=1e-6)


def test_torch_modules_are_clipped_too():
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))
    seen = Rates()
    train([ClipNorm(0.01), seen], net, SGD(net.parameters(), lr=0.1))
    np.testing.assert_allclose(seen.norms, 0.01, rtol=1e-3)


def test_a_run_that_explodes_is_given_up_at_once():
    net = model()
    with pytest.raises(DivergenceError, match=r"more than 3 times the first") as caught:
        train([QuitEarly(3)], net, SGD(net.parameters(), lr=30.0), epochs=50)
    losses = caught.value.history.step_loss
    assert losses[-1] > 3 * losses[0] >= max(losses[:-1])


def test_a_run_that_learns_is_left_alone():
    assert len(train([QuitEarly(3)])[1].step_loss) == 12


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Schedule("cosin", lr=1), ValueError, "unknown schedule"),
        (lambda: Schedule("cosine", lr=-1, total=3), ValueError, "lr must be"),
        (lambda: Schedule(lambda t: -1.0), ValueError, "finite rate >= 0, but at step 0"),
        (lambda: Schedule(lambda t: None), ValueError, "but at step 0 gives None"),
        (lambda: Schedule(lambda t: 0.1, lr=1), TypeError, "belong to a schedule that is named"),
        (lambda: ClipNorm(0), ValueError, "max_norm must be > 0"),
        (lambda: ClipValue(-1), ValueError, "limit must be > 0"),
        (lambda: QuitEarly(1), ValueError, "factor must be > 1"),
    ],
)
def test_what_makes_no_sense_is_named(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_many_models_follow_a_schedule_as_one_does_alone():
    rate = schedules.named("cosine", **COSINE)
    options = {"batch_size": 16, "epochs": 3, "progress": False}
    runs = fit_many(
        model,
        lambda net: SGD(net.parameters(), lr=9.0),
        DATA,
        seeds=[3, 4],
        schedule=rate,
        **options,
    )
    for seed, run in zip([3, 4], runs, strict=True):
        _, history = train([Schedule(rate)], model(seed), rng=seed)
        np.testing.assert_allclose(run.history.step_loss, history.step_loss, rtol=1e-4)
        assert run.history.lr == history.lr
