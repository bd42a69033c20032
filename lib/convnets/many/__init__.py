"""The same training from many seeds, all at once."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np

from convnets.arguments import LOSSES_OF_EACH, Loss, check_optimizer, check_training, loss_pair
from convnets.arrays import to_numpy
from convnets.callbacks import Bar, History
from convnets.data import Dataset, batches
from convnets.engines import engine_for
from convnets.many.engines import engine_of
from convnets.minibatches import MiniBatches, Prepare
from convnets.random import generator
from convnets.run import are_correct, diverged, learning_rate
from convnets.schedules import Rate
from convnets.steering import set_learning_rate

__all__ = ["Trained", "fit_many"]

EVALUATION_BATCH = 256


class Trained(NamedTuple):
    """A trained model and what was recorded of its training."""

    model: object
    history: History


def fit_many(
    make: Callable,
    optimizer: Callable,
    train: Dataset,
    val: Dataset | None = None,
    *,
    seeds: Sequence[int],
    epochs: int,
    batch_size: int,
    loss: str | Loss = "softmax_cross_entropy",
    prepare: Prepare | None = None,
    drop_last: bool = False,
    schedule: Rate | None = None,
    progress: bool = True,
) -> list[Trained]:
    """Train the same network from several seeds at once; small ones take little longer than one.

    For each seed this gives, up to rounding, what a run of its own gives:

        torch.manual_seed(seed)                  # where torch is used
        model = make(seed)
        history = fit(model, optimizer(model), train, val, rng=seed, ...)

    The parameters of all models are stacked, so that a step is computed once, for larger arrays:
    linear layers, BatchNorm1d, the activations and pooling, and in `torch.nn` also Conv2d,
    BatchNorm2d and Dropout in a Sequential. Batch statistics and dropout masks are those of each
    model. Other layers are computed for one model after the other: right as well, but no faster.

    Args:
        make: `make(seed) -> model`, of `convnets.layers` or of `torch.nn` on a CPU. All are built
            alike.
        optimizer: `optimizer(model) -> optimiser`, for example
            `lambda model: SGD(model.parameters(), lr=0.1)`. It is called once, with a model that
            stands for all; so the rule must treat each number of a parameter by itself, as SGD and
            Adam do.
        train, val, epochs, batch_size, loss, prepare, drop_last: as for `fit`. `prepare` is called
            for each model's mini-batch, with the model's generator.
        seeds: one for each model.
        schedule: the rate as a function of the updates made before, as of `convnets.schedules`;
            for all groups. It does what `convnets.steering.Schedule` does in `fit`.
        progress: whether to show a progress bar.
    Returns:
        For each seed the trained model and its history, in which `seconds` is the share of a model.
        After an interrupt, as they were then.
    Raises:
        TypeError, ValueError: arguments that do not fit, or models that cannot be trained at once.
        DivergenceError: the loss of a model became infinite or not a number; with its history.

    >>> from convnets.data import digits
    >>> from convnets.layers import Flatten, Linear, Sequential
    >>> from convnets.optim import SGD
    >>> make = lambda seed: Sequential(Flatten(), Linear(64, 10, rng=seed))
    >>> sgd = lambda model: SGD(model.parameters(), lr=0.2, momentum=0.9)
    >>> options = {"epochs": 2, "batch_size": 64, "progress": False}
    >>> runs = fit_many(make, sgd, digits(), seeds=range(3), **options)
    >>> min(run.history.train_accuracy[-1] for run in runs) > 0.9
    True
    """
    check_training(train, val, epochs, batch_size, drop_last)
    seeds = list(seeds)
    if not seeds:
        raise ValueError("there are no seeds; give for example seeds=range(5).")
    mini_batches = MiniBatches(train, int(batch_size), drop_last, prepare)
    losses = _Losses(loss, len(seeds))
    with _torch_left_as_it_was():
        models, generators = _made(make, seeds)
        engine = engine_of(models, generators)
        chosen = optimizer(engine.model)
        check_optimizer(chosen, engine)
        _check_rule(chosen)
        run = _Run(engine, chosen, [generator(seed) for seed in seeds], seeds, epochs, losses)
        run.schedule = schedule
        run.train(mini_batches, val, progress)
    return [Trained(*pair) for pair in zip(models, run.histories, strict=True)]


def _made(make: Callable, seeds: Sequence[int]) -> tuple[list, list]:
    """The models, and generators of torch that stand where each model's making left them."""
    torch = sys.modules.get("torch")
    models, generators = [], []
    for seed in seeds:
        if torch is not None:
            torch.manual_seed(seed)
        models.append(make(seed))
        torch = sys.modules.get("torch")
        if torch is not None:
            generators.append(torch.Generator())
            generators[-1].set_state(torch.get_rng_state())
    owners = [set(map(id, engine_for(model).parameters().values())) for model in models]
    if len(set().union(*owners)) < sum(map(len, owners)):
        raise ValueError(
            "make used the same parameters for several seeds; let it build a new model for each."
        )
    return models, generators


@contextmanager
def _torch_left_as_it_was():
    torch = sys.modules.get("torch")
    before = None if torch is None else torch.get_rng_state()
    try:
        yield
    finally:
        if before is not None:
            torch.set_rng_state(before)


# Rules of torch.optim that look at more than one number of a parameter.
NOT_ELEMENTWISE = ("Adafactor", "LBFGS", "Muon")


def _check_rule(optimizer) -> None:
    name = type(optimizer).__name__
    if name in NOT_ELEMENTWISE or not getattr(optimizer, "elementwise", True):
        raise ValueError(
            f"{name} looks at more than one number of a parameter, and would mix the models; train "
            "them with fit, one after the other."
        )


class _Losses:
    """A loss for each of S models, of scores that lie one model after the other."""

    def __init__(self, loss: str | Loss, models: int):
        self.pair, self.models = loss_pair(loss), models
        self.each = LOSSES_OF_EACH.get(loss) if isinstance(loss, str) else None

    def __call__(self, scores, targets) -> tuple[list[float], object]:
        """Mean loss of each model, and a cache for `backward`."""
        if self.each is not None:
            losses, cache = self.each(scores, targets)
            return losses.reshape(self.models, -1).mean(1).tolist(), cache
        count = scores.shape[0] // self.models
        parts = [slice(i * count, (i + 1) * count) for i in range(self.models)]
        results = [self.pair[0](scores[part], targets[part]) for part in parts]
        return [float(value) for value, _ in results], [cache for _, cache in results]

    def backward(self, cache):
        """Gradient of the scores, of the sum of the models' losses."""
        if self.each is not None:
            return self.pair[1](float(self.models), cache)
        parts = [self.pair[1](1.0, part) for part in cache]
        if isinstance(parts[0], np.ndarray):
            return np.concatenate(parts)
        return sys.modules["torch"].cat(parts)


class _Run:
    """The training in progress."""

    def __init__(self, engine, optimizer, rngs, seeds, epochs: int, losses: _Losses):
        self.engine, self.optimizer, self.rngs, self.seeds = engine, optimizer, rngs, seeds
        self.epochs, self.losses, self.steps = epochs, losses, 0
        self.histories = [History() for _ in seeds]
        self.schedule: Rate | None = None

    def train(self, mini_batches: MiniBatches, val: Dataset | None, progress: bool) -> None:
        """All epochs."""
        total = self.epochs * len(mini_batches)
        bar = Bar(total=total, file=sys.stdout, ncols=100, unit="step", disable=not progress)
        self.engine.train(True)
        try:
            # As in fit, overflow on the way to a diverged loss is told once.
            with np.errstate(over="ignore", invalid="ignore"):
                for _ in range(self.epochs):
                    self._epoch(mini_batches, val, bar)
        except KeyboardInterrupt:
            for history in self.histories:
                history.interrupted = True
            print(f"interrupted after {self.steps} steps; what was learned until then is returned.")
        finally:
            bar.close()
            self.engine.train(True)
            self.engine.write_back()

    def _epoch(self, mini_batches: MiniBatches, val: Dataset | None, bar: Bar) -> None:
        started = time.perf_counter()
        tally = _Tallies(len(self.seeds))
        for batch in zip(*(mini_batches.epoch(rng) for rng in self.rngs), strict=True):
            self._step(batch, tally, mini_batches)
            bar.update()
        seen = None if val is None else self._evaluated(val)
        seconds = (time.perf_counter() - started) / len(self.seeds)
        for i, history in enumerate(self.histories):
            history.train_loss.append(tally.loss[i])
            history.train_accuracy.append(tally.accuracy[i])
            if seen is not None:
                self._finite(seen.loss[i], i, "validation loss")
                history.val_loss.append(seen.loss[i])
                history.val_accuracy.append(seen.accuracy[i])
            history.lr.append(learning_rate(self.optimizer))
            history.seconds.append(seconds)

    def _step(self, batch, tally: _Tallies, mini_batches: MiniBatches) -> None:
        self.steps += 1
        parts = [to_numpy(images) for images, _ in batch]
        targets = np.concatenate([to_numpy(targets) for _, targets in batch])
        images, targets = self.engine.place(parts, targets)
        try:
            scores = self.engine.training_scores(images)
        except ValueError as error:
            told = mini_batches.explained(error, len(parts[0]))
            if told is error:
                raise
            raise told from error
        losses, cache = self.losses(scores, targets)
        for i, loss in enumerate(losses):
            self._finite(loss, i, "loss")
        self.engine.backward(self.losses.backward(cache))
        if self.schedule is not None:
            set_learning_rate(self.optimizer, self.schedule(self.steps - 1))
        self.optimizer.step()
        tally.add(losses, scores, targets)
        for history, loss in zip(self.histories, losses, strict=True):
            history.step_loss.append(loss)

    def _evaluated(self, data: Dataset) -> _Tallies:
        count, tally = len(self.seeds), _Tallies(len(self.seeds))
        self.engine.train(False)
        for images, labels in batches(data, EVALUATION_BATCH):
            images, labels = self.engine.place([images] * count, np.tile(labels, count))
            scores = self.engine.scores(images)
            tally.add(self.losses(scores, labels)[0], scores, labels)
        self.engine.train(True)
        return tally

    def _finite(self, loss: float, which: int, what: str) -> None:
        if not math.isfinite(loss):
            what = f"{what} of seed {self.seeds[which]}"
            lr = learning_rate(self.optimizer)
            raise diverged(loss, what, self.steps, lr, self.histories[which])


class _Tallies:
    """Sums over mini-batches, for each model."""

    def __init__(self, models: int):
        self._loss, self._correct, self._examples = np.zeros(models), np.zeros(models), 0

    def add(self, losses: list[float], scores, targets) -> None:
        """One mini-batch of each model."""
        models = len(losses)
        count = scores.shape[0] // models
        hits = are_correct(scores, targets)
        self._loss += np.multiply(losses, count)
        self._correct += np.nan if hits is None else to_numpy(hits.reshape(models, -1).sum(1))
        self._examples += count

    @property
    def loss(self) -> list[float]:
        """Mean loss of each model."""
        return (self._loss / self._examples).tolist()

    @property
    def accuracy(self) -> list[float]:
        """Share of examples that each classified correctly."""
        return (self._correct / self._examples).tolist()
