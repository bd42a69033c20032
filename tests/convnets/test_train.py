"""The training loop: both engines, callbacks, early stopping, and exact resumption."""

import math

import numpy as np
import pytest
import torch

from convnets import checkpoint
from convnets import layers as L
from convnets.arrays import to_numpy
from convnets.callbacks import Callback, Checkpoint, EarlyStopping, History
from convnets.checkpoint import CheckpointError
from convnets.data import Dataset, digits, split
from convnets.models import lenet
from convnets.optim import SGD
from convnets.train import DivergenceError, evaluate, fit, load_weights

TRAIN, VAL = split(digits()[:300], (0.7, 0.3), np.random.default_rng(0))


def layers_model():
    """Hand-written layers; one of them draws random numbers while training."""
    rng = np.random.default_rng(1)
    return L.Sequential(
        L.Conv2d(1, 4, 3, padding=1, rng=rng),
        L.ReLU(),
        L.FractionalMaxPool2d(5, rng=rng),
        L.Flatten(),
        L.Linear(100, 10, rng=rng),
    )


def torch_model():
    """The same in `torch.nn`, with dropout and with buffers."""
    torch.manual_seed(1)
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 4, 3, padding=1),
        torch.nn.BatchNorm2d(4),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Dropout(0.3),
        torch.nn.Linear(256, 10),
    )


def sgd(model):
    return SGD(model.parameters(), lr=0.05, momentum=0.9)


def torch_adam(model):
    return torch.optim.AdamW(model.parameters(), lr=0.01)


ENGINES = {
    "layers": (layers_model, sgd),
    "layers on torch": (lambda: layers_model().to(torch.empty(0)), sgd),
    "torch.nn": (torch_model, sgd),
    "torch.nn with torch.optim": (torch_model, torch_adam),
}


@pytest.fixture(params=ENGINES)
def engine(request):
    return ENGINES[request.param]


def train(model, optimizer, data=TRAIN, val=VAL, *, epochs=3, rng=5, **options):
    options = {"batch_size": 32, "progress": False} | options
    return fit(model, optimizer, data, val, epochs=epochs, rng=rng, **options)


def weights(model):
    return {name: to_numpy(value).copy() for name, value in model.state_dict().items()}


def assert_same_weights(got, want):
    got, want = weights(got), weights(want)
    assert got.keys() == want.keys()
    for name in want:
        assert np.array_equal(got[name], want[name]), name


def linear_model(rng=0):
    return L.Sequential(L.Flatten(), L.Linear(64, 10, rng=rng))


# The loop


def test_every_engine_learns_and_records(engine):
    make, optimise = engine
    model = make()
    history = train(model, optimise(model), epochs=4)
    steps = math.ceil(len(TRAIN) / 32)
    assert len(history.step_loss) == 4 * steps
    for recorded in (history.train_loss, history.val_loss, history.val_accuracy, history.lr):
        assert len(recorded) == 4
    assert history.train_loss[-1] < 0.8 * history.train_loss[0]
    assert min(history.seconds) > 0
    assert all(type(value) is float for value in (*history.step_loss, *history.val_accuracy))


def test_layers_and_autograd_walk_the_same_path():
    ours = lenet(size=8, rng=0).to(np.empty(0))
    theirs = torch.nn.Sequential(
        torch.nn.Conv2d(1, 6, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Conv2d(6, 16, 3, padding=1), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
        torch.nn.Flatten(), torch.nn.Linear(64, 120), torch.nn.ReLU(),
        torch.nn.Linear(120, 84), torch.nn.ReLU(), torch.nn.Linear(84, 10),
    ).double()  # fmt: skip
    theirs.load_state_dict({k: torch.tensor(v) for k, v in ours.state_dict().items()})
    first = train(ours, sgd(ours))
    second = train(theirs, sgd(theirs))
    np.testing.assert_allclose(first.step_loss, second.step_loss, rtol=1e-9)
    np.testing.assert_allclose(first.val_loss, second.val_loss, rtol=1e-9)
    assert first.val_accuracy == second.val_accuracy
    for name, values in weights(theirs).items():
        np.testing.assert_allclose(ours.state_dict()[name], values, rtol=1e-7, atol=1e-10)


def test_one_step_is_the_loss_its_gradient_and_the_rule():
    model, want = linear_model(), linear_model()
    history = train(model, SGD(model.parameters(), lr=0.5), TRAIN[:32], None, epochs=1)

    x = torch.tensor(TRAIN.images[:32].reshape(32, 64))
    w, b = (torch.tensor(p.data, requires_grad=True) for p in want[1].parameters().values())
    loss = torch.nn.functional.cross_entropy(x @ w.T + b, torch.tensor(TRAIN.labels[:32]))
    loss.backward()
    assert history.step_loss == [pytest.approx(float(loss.detach()), rel=1e-6)]
    got = model[1].weight.data
    np.testing.assert_allclose(got, (w - 0.5 * w.grad).detach(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "hinge_loss"])
def test_losses_have_names(loss):
    model = linear_model()
    history = train(model, SGD(model.parameters(), lr=0.1), loss=loss, epochs=5)
    assert history.train_loss[-1] < 0.8 * history.train_loss[0]
    assert history.val_loss[-1] == evaluate(model, VAL, loss=loss).loss


def test_a_loss_may_be_a_pair_of_functions():
    def squared(scores, labels):
        error = scores - np.eye(10, dtype=scores.dtype)[labels]
        return (error**2).mean(), error

    def squared_backward(dloss, error):
        return dloss * 2 * error / error.size

    model = linear_model()
    history = train(model, SGD(model.parameters(), lr=0.1), loss=(squared, squared_backward))
    assert history.train_loss[-1] < 0.8 * history.train_loss[0]


def test_the_seed_decides_the_order():
    runs = []
    for seed in (5, 5, 6):
        model = linear_model()
        runs.append(train(model, sgd(model), rng=seed).step_loss)
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]


def test_data_is_left_alone():
    images = TRAIN.images.copy()
    model = layers_model()
    train(model, sgd(model), epochs=1)
    assert np.array_equal(TRAIN.images, images)


def test_without_validation_data_nothing_is_recorded_of_it():
    model = linear_model()
    history = train(model, sgd(model), val=None)
    assert history.val_loss == history.val_accuracy == []
    assert "val" not in repr(history)


# Evaluation


def test_evaluation_equals_its_definition_whatever_the_batch():
    model = linear_model()
    scores = torch.tensor(model(VAL.images))
    labels = torch.tensor(VAL.labels)
    want_loss = float(torch.nn.functional.cross_entropy(scores, labels))
    want_accuracy = float((scores.argmax(1) == labels).float().mean())
    for batch_size in (1, 7, 1000):
        loss, accuracy = evaluate(model, VAL, batch_size=batch_size)
        assert loss == pytest.approx(want_loss, rel=1e-5)
        assert accuracy == pytest.approx(want_accuracy)


def test_evaluation_is_done_in_evaluation_mode_and_gives_the_mode_back(engine):
    make, _ = engine
    model = make().train()
    frozen = model[1]
    frozen.eval()
    assert evaluate(model, VAL) == evaluate(model, VAL)
    assert model.training and not frozen.training


def test_training_is_done_in_training_mode(engine):
    make, optimise = engine
    modes = []

    class Watch(Callback):
        def on_step(self, run):
            modes.append(all(module.training for module in run.engine.modules()))

    model = make().eval()
    train(model, optimise(model), epochs=2, callbacks=[Watch()])
    assert len(modes) == 14 and all(modes)


def test_evaluation_leaves_no_graph_and_no_gradient():
    model = torch_model()
    evaluate(model, VAL)
    assert all(p.grad is None for p in model.parameters())


# Resumption


@pytest.mark.parametrize("stop_after", [1, 3])
def test_a_resumed_run_equals_the_straight_run_bit_for_bit(engine, stop_after, tmp_path):
    make, optimise = engine
    path = tmp_path / "run.npz"

    straight = make()
    straight_optimizer = optimise(straight)
    straight_stop = EarlyStopping(patience=9)
    want = train(
        straight,
        straight_optimizer,
        epochs=5,
        callbacks=[straight_stop, Checkpoint(tmp_path / "x")],
    )

    first = make()
    train(first, optimise(first), epochs=stop_after, callbacks=[EarlyStopping(9), Checkpoint(path)])

    torch.manual_seed(99)
    resumed = make().eval()
    perturb(resumed)
    optimizer, stop = optimise(resumed), EarlyStopping(patience=9)
    got = train(
        resumed, optimizer, epochs=5, rng=77, callbacks=[stop, Checkpoint(path)], resume=path
    )

    assert got == want
    assert len(got.seconds) == 5
    assert_same_weights(resumed, straight)
    assert (stop.best, stop.best_epoch, stop.waited) == (
        straight_stop.best, straight_stop.best_epoch, straight_stop.waited
    )  # fmt: skip
    ends = checkpoint.load(path), checkpoint.load(tmp_path / "x")
    for part in ("progress", "weights", "generators", "optimizer", "callbacks"):
        assert equal(ends[0][part], ends[1][part]), part


def perturb(model):
    """Other weights than a fresh model has, so that what is not restored shows."""
    state = {name: value + 1 for name, value in model.state_dict().items()}
    model.load_state_dict(state)


def equal(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(equal, a, b))
    return np.array_equal(a, b)


def test_a_run_killed_in_the_middle_of_an_epoch_resumes_from_the_last_whole_one(tmp_path):
    class Kill(Callback):
        armed = False

        def on_step(self, run):
            if self.armed and run.steps == 17:
                raise KeyboardInterrupt

    path = tmp_path / "run.npz"
    straight = layers_model()
    want = train(straight, sgd(straight), callbacks=[Kill(), Checkpoint(tmp_path / "x")])

    killed, kill = layers_model(), Kill()
    kill.armed = True
    so_far = train(killed, sgd(killed), callbacks=[kill, Checkpoint(path)])
    assert so_far.interrupted and so_far.step_loss == want.step_loss[:17]

    resumed = layers_model()
    got = train(resumed, sgd(resumed), callbacks=[Kill(), Checkpoint(path)], resume=path)
    assert got == want
    assert_same_weights(resumed, straight)


def test_the_learning_rate_of_a_schedule_is_resumed(engine, tmp_path):
    class Halve(Callback):
        def on_epoch(self, run):
            if isinstance(run.optimizer, SGD):
                run.optimizer.lr /= 2
            else:
                run.optimizer.param_groups[0]["lr"] /= 2

    make, optimise = engine
    path = tmp_path / "run.npz"
    first = make()
    train(first, optimise(first), epochs=2, callbacks=[Checkpoint(path), Halve()])
    second = make()
    history = train(
        second, optimise(second), epochs=4, callbacks=[Checkpoint(path), Halve()], resume=path
    )
    start = history.lr[0]
    assert history.lr == [start, start / 2, start / 4, start / 8]


def test_a_finished_run_resumes_to_what_it_was(tmp_path):
    path = tmp_path / "run.npz"
    model = linear_model()
    want = train(model, sgd(model), callbacks=[Checkpoint(path)])
    other = linear_model(rng=3)
    assert train(other, sgd(other), callbacks=[Checkpoint(path)], resume=path) == want
    assert_same_weights(other, model)


def test_checkpoints_are_written_every_so_often_and_at_the_end(tmp_path):
    path, saved = tmp_path / "run.npz", []

    class Look(Callback):
        goes_last = True

        def on_epoch(self, run):
            saved.append(checkpoint.load(path)["progress"]["epoch"] if path.exists() else 0)

    model = linear_model()
    train(model, sgd(model), epochs=5, callbacks=[Checkpoint(path, every=2), Look()])
    assert saved == [0, 2, 2, 4, 5]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 16}, "batch_size was 32 and is now 16"),
        ({"data": TRAIN[:50]}, "examples was 210 and is now 50"),
        ({"loss": "hinge_loss"}, "loss was 'softmax_cross_entropy' and is now 'hinge_loss'"),
        ({"callbacks": [EarlyStopping(2)]}, "callbacks was"),
        ({"model": L.Sequential(L.ReLU(), L.Flatten(), L.Linear(64, 10))}, "missing 2.weight"),
        ({"model": lenet(size=8, rng=3)}, "missing"),
        ({"rng": np.random.Generator(np.random.Philox(0))}, "Philox"),
    ],
    ids=lambda value: None if isinstance(value, str) else next(iter(value)),
)  # fmt: skip
def test_a_checkpoint_of_another_run_is_refused_and_nothing_changes(tmp_path, change, message):
    path = tmp_path / "run.npz"
    model = linear_model()
    train(model, sgd(model), callbacks=[Checkpoint(path)])

    options = {"callbacks": [Checkpoint(path)], "data": TRAIN, "rng": 5} | change
    other = options.pop("model", linear_model(rng=3))
    optimizer, before = sgd(other), other.state_dict()
    data = options.pop("data")
    with pytest.raises(CheckpointError, match="another run") as error:
        train(other, optimizer, data, resume=path, **options)
    assert message in str(error.value)
    assert equal(other.state_dict(), before)
    assert equal(optimizer.state_dict(), sgd(other).state_dict())


def test_a_checkpoint_that_fits_only_half_is_rolled_back(engine, tmp_path):
    make, optimise = engine
    path = tmp_path / "run.npz"
    model = make()
    train(model, optimise(model), epochs=1, callbacks=[Checkpoint(path)])
    state = checkpoint.load(path)
    del state["history"]["lr"]
    checkpoint.save(path, state)

    other = make()
    perturb(other)
    before, order = weights(other), np.random.default_rng(3)
    drawn = order.bit_generator.state
    with pytest.raises(CheckpointError, match="nothing was loaded"):
        train(other, optimise(other), rng=order, callbacks=[Checkpoint(path)], resume=path)
    assert equal(weights(other), before)
    assert order.bit_generator.state == drawn


def test_a_damaged_checkpoint_is_refused_before_anything_is_loaded(tmp_path):
    path = tmp_path / "run.npz"
    model = linear_model()
    train(model, sgd(model), callbacks=[Checkpoint(path)])
    path.write_bytes(path.read_bytes()[:-100])
    other = linear_model(rng=3)
    before = other.state_dict()
    with pytest.raises(CheckpointError, match="damaged"):
        train(other, sgd(other), callbacks=[Checkpoint(path)], resume=path)
    assert equal(other.state_dict(), before)


def test_weights_alone_can_be_taken_over(engine, tmp_path):
    make, optimise = engine
    path = tmp_path / "run.npz"
    model = make()
    train(model, optimise(model), callbacks=[Checkpoint(path)])
    other = make()
    perturb(other)
    load_weights(other, path)
    assert_same_weights(other, model)


def test_weights_that_do_not_fit_are_refused_whole(engine, tmp_path):
    make, _ = engine
    path = tmp_path / "run.npz"
    model = make()
    state = {name: value + 1 for name, value in model.state_dict().items()}
    last = list(state)[-1]
    checkpoint.save(path, {"weights": state | {last: state[last][:3]}})
    before = weights(model)
    with pytest.raises(CheckpointError, match="fit the model"):
        load_weights(model, path)
    assert equal(weights(model), before)


# Early stopping


class Script(Callback):
    """Makes the validation loss follow a script, by writing it into the history."""

    def __init__(self, values):
        self.values = values

    def on_epoch(self, run):
        run.history.val_loss[-1] = run.history.val_accuracy[-1] = self.values[run.epoch - 1]


def scripted(values, **options):
    model, stop, seen = linear_model(), EarlyStopping(**options), []

    class Keep(Callback):
        def on_epoch(self, run):
            seen.append(weights(run.engine.model))

    history = train(model, sgd(model), epochs=len(values), callbacks=[Script(values), stop, Keep()])
    return model, stop, seen, history


def test_it_stops_when_patience_is_over_and_restores_the_best_weights():
    model, stop, seen, history = scripted([3.0, 1.0, 2.0, 1.5, 0.1], patience=2)
    assert len(history.val_loss) == 4
    assert (stop.best, stop.best_epoch, stop.waited) == (1.0, 2, 2)
    assert equal(weights(model), seen[1])
    assert not equal(weights(model), seen[3])


def test_an_improvement_starts_the_count_anew():
    _, stop, _, history = scripted([3.0, 4.0, 2.0, 4.0, 1.0, 4.0], patience=2)
    assert len(history.val_loss) == 6
    assert stop.best_epoch == 5


def test_accuracy_is_better_when_larger():
    _, stop, _, _ = scripted([0.5, 0.9, 0.7, 0.6], patience=2, monitor="val_accuracy")
    assert (stop.best, stop.best_epoch) == (0.9, 2)


def test_changes_up_to_min_delta_do_not_count():
    _, stop, _, history = scripted([1.0, 0.95, 0.9, 0.1], patience=2, min_delta=0.1)
    assert len(history.val_loss) == 3
    assert stop.best_epoch == 1


def test_the_best_weights_are_restored_also_when_all_epochs_were_run():
    model, _, seen, _ = scripted([1.0, 2.0, 3.0], patience=9)
    assert equal(weights(model), seen[0])


def test_a_stopped_run_stays_stopped_when_resumed(tmp_path):
    def run(model, **options):
        callbacks = [
            Checkpoint(tmp_path / "run.npz"),
            Script([1.0, 2.0, 3.0, 0.5]),
            EarlyStopping(2),
        ]
        return train(model, sgd(model), epochs=4, callbacks=callbacks, **options)

    model, other = linear_model(), linear_model(rng=3)
    want = run(model)
    assert len(want.val_loss) == 3
    assert run(other, resume=tmp_path / "run.npz") == want
    assert_same_weights(other, model)


def test_it_begins_afresh_in_a_second_run():
    stop, model = EarlyStopping(patience=1), linear_model()
    stop.best, stop.best_epoch = -1.0, 4
    history = train(model, sgd(model), callbacks=[stop])
    assert stop.best == min(history.val_loss)


def test_it_needs_something_to_watch():
    model = linear_model()
    with pytest.raises(ValueError, match="no validation data"):
        train(model, sgd(model), val=None, callbacks=[EarlyStopping(2)])
    watched = EarlyStopping(2, monitor="train_loss")
    history = train(model, sgd(model), val=None, callbacks=[watched])
    assert watched.best == min(history.train_loss)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"patience": 0}, "patience must be"),
        ({"patience": 1, "min_delta": -1}, "min_delta"),
        ({"patience": 1, "monitor": "loss"}, "monitor must be"),
    ],
)
def test_arguments_of_early_stopping_are_checked(arguments, message):
    with pytest.raises(ValueError, match=message):
        EarlyStopping(**arguments)


# What is shown


def test_progress_goes_to_standard_output_in_one_line(capsys):
    model = linear_model()
    train(model, sgd(model), progress=True)
    out, err = capsys.readouterr()
    assert err == ""
    assert out.count("\n") == 1
    assert "epoch 3/3: 100%" in out and "21/21" in out and "val acc=" in out


def test_progress_of_a_resumed_run_begins_where_it_stopped(capsys, tmp_path):
    path = tmp_path / "run.npz"
    model = linear_model()
    train(model, sgd(model), epochs=1, callbacks=[Checkpoint(path)])
    train(model, sgd(model), callbacks=[Checkpoint(path)], resume=path, progress=True)
    assert " 7/21 " in capsys.readouterr().out


def test_no_progress_says_nothing(capsys):
    model = linear_model()
    train(model, sgd(model))
    assert capsys.readouterr() == ("", "")


def test_history_shows_its_last_epoch():
    assert repr(History()) == "History(0 epochs, 0 steps)"


# What goes wrong


def test_a_diverging_run_stops_with_step_rate_and_remedy():
    model = lenet(size=8, rng=0)
    with pytest.raises(
        DivergenceError, match=r"at step \d+, in epoch 1, with lr=1e\+20; try lr=1e\+19"
    ):
        train(model, SGD(model.parameters(), lr=1e20))


def test_what_a_diverging_run_recorded_can_be_looked_at():
    model = lenet(size=8, rng=0)
    with pytest.raises(DivergenceError) as error:
        train(model, SGD(model.parameters(), lr=1e20))
    losses = error.value.history.step_loss
    assert 1 <= len(losses) < 7 and losses[0] == pytest.approx(math.log(10), rel=0.3)


def test_infinite_images_are_told_at_the_first_step():
    images = TRAIN.images.copy()
    images[:, :, 2, 3] = np.inf
    model = linear_model()
    with pytest.raises(DivergenceError, match=r"at step 1, .*finite and scaled"):
        train(model, sgd(model), Dataset(images, TRAIN.labels, TRAIN.classes))


def test_a_diverged_validation_is_told_too():
    images = VAL.images.copy()
    images[0] = np.nan
    model = linear_model()
    with pytest.raises(DivergenceError, match="validation loss became nan"):
        train(model, sgd(model), val=Dataset(images, VAL.labels, VAL.classes))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, but is 0"),
        ({"batch_size": 0}, "batch_size must be at least 1, but is 0"),
        ({"loss": "mse"}, "softmax_cross_entropy, hinge_loss, or a pair .* 'mse'"),
        ({"data": TRAIN[:0]}, "training data is empty"),
        ({"val": VAL[:0]}, "validation data is empty"),
    ],
)
def test_arguments_are_checked(options, message):
    model = linear_model()
    with pytest.raises(ValueError, match=message):
        train(model, sgd(model), **options)


def test_nothing_to_evaluate_is_refused():
    with pytest.raises(ValueError, match="nothing to evaluate"):
        evaluate(linear_model(), VAL[:0])


def test_what_is_no_model_is_refused():
    with pytest.raises(TypeError, match=r"torch\.nn\.Module, but is function"):
        evaluate(lambda x: x, VAL)


def test_an_optimiser_of_another_model_is_noticed():
    model = linear_model()
    with pytest.raises(ValueError, match=r"none of the model's parameters.* model you train: SGD"):
        train(model, sgd(linear_model()))


def test_a_missing_checkpoint_is_told_before_training(tmp_path):
    model = linear_model()
    before = model.state_dict()
    with pytest.raises(FileNotFoundError, match="leave resume out"):
        train(model, sgd(model), resume=tmp_path / "none.npz")
    assert equal(model.state_dict(), before)


@pytest.mark.parametrize("every", [0, -1])
def test_checkpoints_need_a_period(every):
    with pytest.raises(ValueError, match="at least 1 epoch"):
        Checkpoint("run.npz", every=every)
