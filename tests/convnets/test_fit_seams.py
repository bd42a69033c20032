"""Where training can be extended: batch transforms, soft targets, gradients; what it refuses."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import repeatable

from convnets import functional as F
from convnets import layers as L
from convnets.arrays import to_numpy
from convnets.callbacks import Callback, Checkpoint, EarlyStopping
from convnets.data import Dataset, digits, split
from convnets.optim import SGD
from convnets.run import Tally
from convnets.train import evaluate, fit

TRAIN, VAL = split(digits()[:200], (0.7, 0.3), np.random.default_rng(0))


def layers_model(rng=1):
    return L.Sequential(L.Flatten(), L.Linear(64, 10, rng=rng))


def torch_model(rng=1):
    torch.manual_seed(rng)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 10))


MODELS = {
    "layers": layers_model,
    "layers on torch": lambda rng=1: layers_model(rng).to(torch.empty(0)),
    "torch.nn": torch_model,
}


@pytest.fixture(params=MODELS)
def make(request):
    return MODELS[request.param]


def train(model, data=TRAIN, val=VAL, *, optimizer=None, **options):
    optimizer = optimizer or SGD(model.parameters(), lr=0.05, momentum=0.9)
    settings = {"epochs": 2, "batch_size": 32, "rng": 5, "progress": False} | options
    return fit(model, optimizer, data, val, **settings)


def weights(model):
    return {name: to_numpy(value).copy() for name, value in model.state_dict().items()}


def assert_same_weights(got, want):
    for name, values in weights(want).items():
        assert np.array_equal(weights(got)[name], values), name


# prepare


def test_prepare_gets_copies_of_the_batches_and_the_generator(make):
    seen = []

    def prepare(images, labels, rng):
        seen.append((images.copy(), labels.copy(), rng))
        images[:] = 0  # its own copy
        return images, labels

    order = np.random.default_rng(5)
    before = TRAIN.images.copy()
    train(make(), prepare=prepare, rng=order, epochs=1)
    assert np.array_equal(TRAIN.images, before)
    assert [len(images) for images, _, _ in seen] == [32] * 4 + [12]
    assert all(rng is order for _, _, rng in seen)
    assert all(images.dtype == np.float32 and images.shape[1:] == (1, 8, 8) for images, *_ in seen)
    wanted = np.random.default_rng(5).permutation(len(TRAIN))
    assert np.array_equal(np.concatenate([labels for _, labels, _ in seen]), TRAIN.labels[wanted])


def test_what_prepare_returns_is_learned_from(make):
    doubled = Dataset(2 * TRAIN.images, TRAIN.labels, TRAIN.classes)
    first, second = make(), make()
    got = train(first, prepare=lambda images, labels, rng: (2 * images, labels))
    want = train(second, doubled)
    assert got == want
    assert_same_weights(first, second)


def test_a_transform_that_does_nothing_changes_nothing(make):
    first, second = make(), make()
    assert train(first, prepare=lambda *batch: batch[:2]) == train(second)
    assert_same_weights(first, second)


def test_validation_images_are_not_transformed():
    model = layers_model()
    history = train(model, prepare=lambda images, labels, rng: (0 * images, labels))
    assert history.val_loss[-1] == evaluate(model, VAL).loss


def mirrored_at_random(images, labels, rng):
    return (images[..., ::-1] if rng.random() < 0.5 else images), labels


def test_a_run_with_a_random_transform_resumes_bit_for_bit(make, tmp_path):
    path, options = tmp_path / "run.npz", {"prepare": mirrored_at_random}
    straight, first, resumed = make(), make(), make(rng=2)
    want = train(straight, epochs=4, callbacks=[Checkpoint(tmp_path / "x")], **options)
    train(first, callbacks=[Checkpoint(path)], **options)
    got = train(resumed, epochs=4, callbacks=[Checkpoint(path)], resume=path, **options)
    assert got == want
    assert_same_weights(resumed, straight)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prepare": None}, "prepare was 'mirrored_at_random' and is now None"),
        ({"drop_last": True}, "drop_last was False and is now True"),
    ],
    ids=["prepare", "drop_last"],
)
def test_a_run_with_another_transform_is_not_resumed(change, message, tmp_path):
    path = tmp_path / "run.npz"
    options = {"prepare": mirrored_at_random, "callbacks": [Checkpoint(path)]}
    train(layers_model(), **options)
    with pytest.raises(ValueError, match=message):
        train(layers_model(), epochs=4, resume=path, **options | change)


def test_a_transform_may_change_the_size_and_the_kind_of_arrays():
    def halved(images, labels, rng):
        return torch.tensor(images)[..., ::2, ::2], torch.tensor(labels)

    for model in (
        L.Sequential(L.Flatten(), L.Linear(16, 10, rng=0)),
        L.Sequential(L.Flatten(), L.Linear(16, 10, rng=0)).to(torch.empty(0)),
        torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(16, 10)),
    ):
        history = train(model, val=None, prepare=halved, epochs=4)
        assert history.train_loss[-1] < history.train_loss[0]


def test_a_transform_may_return_vectors():
    model = L.Linear(64, 10, rng=0)
    vectors = lambda images, labels, rng: (images.reshape(len(images), -1), labels)  # noqa: E731
    history = train(model, val=None, prepare=vectors, epochs=4)
    assert history.train_accuracy[-1] > history.train_accuracy[0]


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda images, labels, rng: images, r"pair \(images, targets\).* returned ndarray"),
        (lambda images, labels, rng: None, "returned NoneType; end it with `return images"),
        (lambda images, labels, rng: (images, labels[:5]), "returned 32 images and 5 targets"),
    ],
)
def test_what_prepare_returns_is_checked(prepare, message):
    with pytest.raises((TypeError, ValueError), match=message):
        train(layers_model(), prepare=prepare)


# Soft targets


def smoothed(images, labels, rng):
    return images, 0.9 * np.eye(10)[labels] + 0.01


def one_hot(images, labels, rng):
    return images, np.eye(10)[labels]


def test_soft_targets_are_learned_from_in_both_engines():
    ours, theirs = layers_model(), torch_model()
    theirs.load_state_dict(
        {name: torch.tensor(values) for name, values in ours.state_dict().items()}
    )
    first, second = train(ours, prepare=smoothed), train(theirs, prepare=smoothed)
    np.testing.assert_allclose(first.step_loss, second.step_loss, rtol=1e-5)
    assert first.train_accuracy == second.train_accuracy
    assert ours[1].weight.data.dtype == np.float32
    assert theirs[1].weight.dtype == torch.float32


@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "hinge_loss"])
def test_one_hot_rows_give_the_run_that_labels_give(make, loss):
    first, second = make(), make()
    got, want = train(first, loss=loss, prepare=one_hot), train(second, loss=loss)
    np.testing.assert_allclose(got.step_loss, want.step_loss, rtol=1e-5)
    assert got.train_accuracy == want.train_accuracy


@repeatable
@given(st.integers(1, 8), st.integers(2, 5), st.integers(0, 100), st.booleans())
def test_accuracy_counts_the_largest_target(n, k, seed, as_torch):
    rng = np.random.default_rng(seed)
    scores, targets = rng.standard_normal((n, k)), rng.random((n, k))
    place = torch.tensor if as_torch else np.array
    soft, hard = Tally(), Tally()
    soft.add(1.0, place(scores), place(targets))
    hard.add(1.0, place(scores), place(targets.argmax(1)))
    assert soft.mean() == hard.mean()
    assert soft.mean().accuracy == np.mean(scores.argmax(1) == targets.argmax(1))


def test_targets_that_are_no_classes_have_no_accuracy():
    def squared(y, x):
        return ((y - x) ** 2).mean(), y - x

    def squared_backward(dloss, difference):
        return dloss * 2 / difference.size * difference

    model = L.Sequential(L.Conv2d(1, 4, 3, padding=1, rng=0), L.ReLU(), L.Conv2d(4, 1, 1, rng=0))
    copy = lambda images, labels, rng: (images, images)  # noqa: E731
    history = train(model, val=None, prepare=copy, loss=(squared, squared_backward), epochs=4)
    assert history.train_loss[-1] < history.train_loss[0]
    assert np.isnan(history.train_accuracy).all()


# Between backward and step


class Clip(Callback):
    """Scales all gradients so that their common norm is at most `largest`."""

    def __init__(self, largest):
        self.largest, self.before, self.after = largest, [], []

    def norm(self, run):
        squares = (float((p.grad**2).sum()) for p in run.parameters.values())
        return sum(squares) ** 0.5

    def on_backward(self, run):
        self.before.append(self.norm(run))
        factor = min(1.0, self.largest / self.before[-1])
        for parameter in run.parameters.values():
            parameter.grad = parameter.grad * factor
        self.after.append(self.norm(run))


def test_gradients_can_be_clipped_before_the_step(make):
    clip, model = Clip(0.5), make()
    before = weights(model)
    rate = SGD(model.parameters(), lr=0.1)
    train(model, optimizer=rate, epochs=1, batch_size=len(TRAIN), callbacks=[clip])
    assert clip.before[0] > 0.5 and clip.after[0] == pytest.approx(0.5, rel=1e-5)
    moved = sum(((weights(model)[name] - before[name]) ** 2).sum() for name in before) ** 0.5
    assert moved == pytest.approx(0.1 * 0.5, rel=1e-4)


def test_clipping_equals_that_of_pytorch():
    class TorchClip(Callback):
        def on_backward(self, run):
            torch.nn.utils.clip_grad_norm_(run.engine.model.parameters(), 0.5)

    ours, theirs = torch_model(), torch_model()
    first = train(ours, callbacks=[Clip(0.5)])
    second = train(theirs, callbacks=[TorchClip()])
    np.testing.assert_allclose(first.step_loss, second.step_loss, rtol=1e-5)


def test_the_hook_comes_once_a_step_before_the_update(make):
    events = []

    class Watch(Callback):
        def on_backward(self, run):
            events.append(("backward", run.steps, weights(run.engine.model)))

        def on_step(self, run):
            events.append(("step", run.steps, weights(run.engine.model)))

    train(make(), epochs=1, callbacks=[Watch()])
    assert [event[:2] for event in events] == [
        (moment, step) for step in range(1, 6) for moment in ("backward", "step")
    ]
    (_, _, first), (_, _, second), (_, _, third) = events[:3]
    assert any(not np.array_equal(first[name], second[name]) for name in first)
    assert all(np.array_equal(second[name], third[name]) for name in second)


def test_frozen_parameters_are_not_among_the_run_s():
    model = torch_model()
    model[1].bias.requires_grad_(False)
    seen = []

    class Look(Callback):
        def on_backward(self, run):
            seen.append(list(run.parameters))

    train(model, epochs=1, callbacks=[Look()])
    assert seen[0] == ["1.weight"]


def test_a_constraint_holds_after_every_step(make):
    class LargestNorm(Callback):
        def on_step(self, run):
            w = run.parameters["1.weight"]
            norms = (w.data**2).sum(1)[:, None] ** 0.5
            w.data = w.data / norms

    model = make()
    train(model, callbacks=[LargestNorm()])
    np.testing.assert_allclose((weights(model)["1.weight"] ** 2).sum(1), 1, rtol=1e-5)


# The last batch


def test_a_last_batch_that_is_not_full_can_be_dropped(make):
    sizes = []

    def prepare(images, labels, rng):
        sizes.append(len(images))
        return images, labels

    history = train(make(), TRAIN[:130], prepare=prepare, drop_last=True, epochs=2)
    assert sizes == [32] * 8
    assert len(history.step_loss) == 8


def test_the_progress_bar_counts_the_batches_that_are_kept(capsys):
    train(layers_model(), TRAIN[:130], drop_last=True, progress=True)
    assert "8/8" in capsys.readouterr().out


def with_batchnorm():
    nn = torch.nn
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.BatchNorm1d(16), nn.Linear(16, 10))


def test_a_last_batch_of_one_through_batchnorm_says_what_to_do():
    message = (
        r"the last batch of the epoch holds 1 example \(129 examples in batches of 64\).*"
        r"pass drop_last=True, or another batch_size than 64"
    )
    with pytest.raises(ValueError, match=message):
        train(with_batchnorm(), TRAIN[:129], batch_size=64)
    assert len(train(with_batchnorm(), TRAIN[:129], batch_size=64, drop_last=True).step_loss) == 4


@pytest.mark.parametrize(("count", "batch_size"), [(40, 1), (1, 32)])
def test_batches_of_one_through_batchnorm_say_so(count, batch_size):
    with pytest.raises(ValueError, match=r"every batch holds 1 example .*use larger batches"):
        train(with_batchnorm(), TRAIN[:count], batch_size=batch_size)


def test_layers_of_ours_are_understood_too():
    class Norm(L.Layer):
        def forward(self, x):
            if len(x) == 1:
                raise L.base.ShapeError("expected more than 1 value per channel when training")
            self.cache = True
            return x

        def backward(self, dy):
            return dy

    model = L.Sequential(L.Flatten(), L.Linear(64, 10, rng=0), Norm())
    with pytest.raises(ValueError, match="the last batch of the epoch holds 1 example"):
        train(model, TRAIN[:33])


def test_other_errors_of_a_last_batch_of_one_stay_what_they_are():
    class Odd(L.Layer):
        def forward(self, x):
            if len(x) == 1:
                raise ValueError("something else")
            self.cache = True
            return x

        def backward(self, dy):
            return dy

    model = L.Sequential(L.Flatten(), L.Linear(64, 10, rng=0), Odd())
    with pytest.raises(ValueError, match=r"^something else$"):
        train(model, TRAIN[:33])


def test_dropping_everything_is_refused():
    with pytest.raises(ValueError, match="drop_last leaves no mini-batch: there are 20 examples"):
        train(layers_model(), TRAIN[:20], drop_last=True)


# What is refused before the first step


class TorchData(torch.utils.data.Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, index):
        return torch.zeros(1, 8, 8), 0


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ((TRAIN.images, TRAIN.labels), r"is a tuple of 2; make one with .*Dataset\(images, labels"),
        (torch.utils.data.DataLoader(TorchData()), "a torch DataLoader; mini-batches are made"),
        (TorchData(), r"TorchData; make one with convnets\.data\.Dataset"),
        (TRAIN.images, "a numpy ndarray; make one"),
        (None, "is None; make one"),
    ],
    ids=["tuple", "DataLoader", "torch Dataset", "array", "None"],
)  # fmt: skip
def test_what_is_no_dataset_is_named_with_a_remedy(data, message):
    with pytest.raises(TypeError, match=f"train must be .*{message}"):
        train(layers_model(), data)
    with pytest.raises(TypeError, match=f"the data must be .*{message}"):
        evaluate(layers_model(), data)
    if data is not None:
        with pytest.raises(TypeError, match=f"val must be .*{message}"):
            train(layers_model(), TRAIN, data)


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (torch.nn.CrossEntropyLoss(), r"is CrossEntropyLoss\(\); .*'softmax_cross_entropy' is the"),
        (torch.nn.functional.cross_entropy, "is the function cross_entropy; give a name"),
        (F.softmax_cross_entropy, "is the function softmax_cross_entropy; .*such a pair"),
        ((F.hinge_loss, None), "is a tuple of 2; give a name"),
        ((F.hinge_loss,), "is a tuple of 1; give a name"),
        (None, "is None; give a name"),
    ],
    ids=["module", "torch function", "one function", "no function", "one of two", "None"],
)
def test_what_is_no_loss_is_named_with_a_remedy(make, loss, message):
    for attempt in (lambda m: train(m, loss=loss), lambda m: evaluate(m, VAL, loss=loss)):
        with pytest.raises(TypeError, match=f"loss must be a pair of functions.* but {message}"):
            attempt(make())


def test_an_optimiser_of_torch_for_our_layers_is_refused():
    model = layers_model().to(torch.empty(0))
    foreign = torch.optim.SGD([p.data for p in model.parameters().values()], lr=0.1)
    before = weights(model)
    with pytest.raises(TypeError, match=r"torch\.optim\.SGD, but .*use one of convnets\.optim"):
        train(model, optimizer=foreign)
    assert all(np.array_equal(weights(model)[name], before[name]) for name in before)


@pytest.mark.parametrize(
    ("model", "other"),
    [
        (layers_model(), torch_model()),
        (torch_model(), layers_model()),
        (layers_model(), layers_model()),
        (torch_model(), torch_model()),
    ],
    ids=["torch for layers", "layers for torch", "other layers", "other torch"],
)
def test_an_optimiser_of_another_model_is_refused(model, other):
    with pytest.raises(ValueError, match=r"holds none of the model's parameters: its 2 are Param"):
        train(model, optimizer=SGD(other.parameters(), lr=0.1))


def test_an_optimiser_of_torch_for_another_module_is_refused():
    with pytest.raises(ValueError, match=r"Make it from .*AdamW\(model\.param"):
        train(torch_model(), optimizer=torch.optim.AdamW(torch_model().parameters()))


@pytest.mark.parametrize("optimizer", ["sgd", SGD, torch.optim.SGD, 0.1])
def test_what_is_no_optimiser_is_named(optimizer):
    with pytest.raises(TypeError, match=r"object with a step\(\), as convnets\.optim\.SGD"):
        train(layers_model(), optimizer=optimizer)


def test_an_optimiser_of_a_part_of_the_model_is_fine(make):
    model = make()
    optimizer = SGD([model[1].bias], lr=0.1)
    before = weights(model)
    train(model, optimizer=optimizer)
    changed = [name for name in before if not np.array_equal(before[name], weights(model)[name])]
    assert changed == ["1.bias"]


def test_an_optimiser_that_does_not_say_what_it_changes_is_tried(make):
    class Own:
        lr = 0.1

        def __init__(self, model):
            self.model, self.steps = model, 0

        def step(self):
            self.steps += 1

    model = make()
    own = Own(model)
    train(model, optimizer=own, epochs=1)
    assert own.steps == 5


# Interrupts


class Interrupt(Callback):
    """Ctrl-C in the middle of a step."""

    def __init__(self, at):
        self.at = at

    def on_backward(self, run):
        if run.steps == self.at:
            raise KeyboardInterrupt


def test_an_interrupt_returns_the_history_until_then(make, capsys):
    model, straight = make(), make()
    history = train(model, epochs=5, callbacks=[Interrupt(at=8)])
    want = train(straight, epochs=2)
    assert history.interrupted and not want.interrupted
    assert history.step_loss == want.step_loss[:7]
    assert history.train_loss == want.train_loss[:1]
    assert history.val_loss == want.val_loss[:1]
    assert capsys.readouterr().out == (
        "interrupted in epoch 2 of 5, after 7 steps; the history until then is returned.\n"
    )


def test_an_interrupted_model_has_learned_and_stays_in_its_mode(make):
    model, same = make(), make()
    train(model, epochs=1, callbacks=[Interrupt(at=3)])
    done = train(same, epochs=1, batch_size=32, callbacks=[Interrupt(at=4)])
    assert len(done.step_loss) == 3
    assert model.training
    assert not np.array_equal(weights(model)["1.weight"], weights(same)["1.weight"])


def test_an_interrupt_during_validation_gives_the_mode_back(make):
    class Late(L.Layer):
        def forward(self, x):
            if not self.training:
                raise KeyboardInterrupt
            self.cache = True
            return x

        def backward(self, dy):
            return dy

    model = L.Sequential(L.Flatten(), L.Linear(64, 10, rng=0), Late())
    history = train(model)
    assert history.interrupted and len(history.step_loss) == 5 and history.val_loss == []
    assert all(layer.training for _, layer in model.named_layers())


def test_callbacks_end_properly_after_an_interrupt():
    ended = []

    class Watch(Callback):
        def on_end(self, run):
            ended.append(run.stopped)

        def close(self):
            ended.append("closed")

    stop, model, seen = EarlyStopping(patience=9), layers_model(), []

    class Worse(Callback):
        def on_epoch(self, run):
            run.history.val_loss[-1] = float(run.epoch)
            seen.append(weights(run.engine.model))

    train(model, epochs=5, callbacks=[Worse(), stop, Interrupt(at=13), Watch()])
    assert ended == ["interrupted", "closed"]
    assert len(seen) == 2 and np.array_equal(weights(model)["1.weight"], seen[0]["1.weight"])


def test_an_interrupt_with_a_progress_bar_leaves_whole_lines(capsys):
    train(layers_model(), progress=True, callbacks=[Interrupt(at=3)])
    out = capsys.readouterr().out
    assert re.search(r"interrupted in epoch 1 of 2, after 2 steps", out)
