"""A training in progress: what callbacks see, and what a checkpoint holds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from convnets import checkpoint
from convnets.arrays import is_floating
from convnets.callbacks import Callback, History
from convnets.checkpoint import CheckpointError, generator_state, restore_generator
from convnets.engines import LayerEngine, TorchEngine


class Evaluation(NamedTuple):
    """Mean loss over some examples, and the share of them that was classified correctly."""

    loss: float
    accuracy: float


class DivergenceError(ArithmeticError):
    """The loss became infinite or not a number.

    Attributes:
        history: what was recorded until then, for a look at how it came.
    """

    def __init__(self, message: str, history: History):
        super().__init__(message)
        self.history = history


def diverged(value: float, what: str, steps: int, lr: float, history: History) -> DivergenceError:
    """What to say of a loss that is not finite; `what` is how it is called."""
    return DivergenceError(
        f"the {what} became {value} at step {steps}, in epoch {len(history.lr) + 1}, with "
        f"lr={lr:g}; try lr={lr / 10:g}, and check that the images are finite and scaled to about "
        "[0, 1].",
        history,
    )


class Tally:
    """Sums over mini-batches of different sizes.

    Where the targets are no classes and no rows of probabilities, the accuracy is NaN.
    """

    def __init__(self):
        self.loss, self.correct, self.examples = 0.0, 0, 0

    def add(self, loss: float, scores, targets) -> None:
        """One mini-batch: its mean loss, its scores (N, K) and its targets (N,) or (N, K)."""
        self.loss += loss * len(targets)
        self.correct += _correct(scores, targets)
        self.examples += len(targets)

    def mean(self) -> Evaluation:
        """Over all examples so far."""
        return Evaluation(self.loss / self.examples, self.correct / self.examples)


def _correct(scores, targets) -> int | float:
    hits = are_correct(scores, targets)
    return math.nan if hits is None else int(hits.sum())


def are_correct(scores, targets):
    """(N,) booleans: which examples are classified correctly; None where targets are no classes."""
    if scores.ndim == 2 and targets.shape == scores.shape:
        targets = targets.argmax(1)
    elif scores.ndim != 2 or targets.ndim != 1 or is_floating(targets):
        return None
    return scores.argmax(1) == targets


def learning_rate(optimizer) -> float:
    """Of our optimisers and of `torch.optim`'s: that of the first parameter group."""
    groups = getattr(optimizer, "param_groups", None)
    return float(groups[0]["lr"] if groups else optimizer.lr)


@dataclass
class Run:
    """A training in progress, as callbacks see it.

    Attributes:
        engine: how the model is differentiated; `engine.model` is the model.
        optimizer: its `lr` may be set by a callback.
        rng: generator of the mini-batches' order.
        epochs: how many are planned.
        steps_per_epoch: mini-batches in an epoch.
        settings: what a resumed run must share with this one, as plain data.
        callbacks: those whose state is saved with the run, in the order in which they are told.
        observers: others, which are told after them.
        history: what was recorded so far.
        epoch: how many were finished.
        steps: how many were begun.
        loss: of the latest mini-batch.
        train, val, seconds: of the latest epoch; val is None without validation data.
        stopped: why the run ends before its time; "" if it does not.
    """

    engine: LayerEngine | TorchEngine
    optimizer: object
    rng: np.random.Generator
    epochs: int
    steps_per_epoch: int
    settings: dict
    callbacks: list[Callback]
    observers: list[Callback]
    history: History = field(default_factory=History)
    epoch: int = 0
    steps: int = 0
    loss: float = math.nan
    train: Evaluation | None = None
    val: Evaluation | None = None
    seconds: float = 0.0
    stopped: str = ""

    @property
    def lr(self) -> float:
        """Learning rate of our optimisers and of `torch.optim`'s (there, of the first group)."""
        return learning_rate(self.optimizer)

    @property
    def parameters(self) -> dict:
        """What is learned, by name: objects with `data` and `grad`, which callbacks may replace."""
        return self.engine.parameters()

    def finite(self, value: float, what: str) -> float:
        """`value`, a loss.

        Raises:
            DivergenceError: it is infinite or not a number.
        """
        if math.isfinite(value):
            return value
        raise diverged(value, what, self.steps, self.lr, self.history)

    @property
    def finished(self) -> bool:
        """Whether no further epoch follows."""
        return bool(self.stopped) or self.epoch >= self.epochs

    def stop(self, reason: str) -> None:
        """End the run after this epoch."""
        self.stopped = reason

    def interrupt(self) -> None:
        """End the run now, because the user asked for it, and say so."""
        self.history.interrupted = True
        self.stop("interrupted")
        print(
            f"interrupted in epoch {self.epoch + 1} of {self.epochs}, after "
            f"{len(self.history.step_loss)} steps; the history until then is returned."
        )

    def tell(self, moment: str) -> None:
        """Call the method `moment` of the history, of every callback and of every observer."""
        for callback in (self.history, *self.callbacks, *self.observers):
            getattr(callback, moment)(self)

    def close(self) -> None:
        """Let every callback put away what it holds."""
        for callback in (*self.callbacks, *self.observers):
            callback.close()

    def state_dict(self) -> dict:
        """Everything that a resumed run must know, as plain data."""
        return {
            "settings": self.settings,
            "progress": {"epoch": self.epoch, "steps": self.steps, "stopped": self.stopped},
            "weights": self.engine.weights(),
            "generators": {"model": self.engine.generators(), "order": generator_state(self.rng)},
            "optimizer": self.optimizer.state_dict(),
            "history": self.history.state_dict(),
            "callbacks": [callback.state_dict() for callback in self.callbacks],
        }

    def load_state_dict(self, state: dict) -> None:
        """Continue from what `state_dict` returned; may fail half-way, see `resume`."""
        self.engine.load_weights(state["weights"])
        self.engine.restore_generators(state["generators"]["model"])
        restore_generator(self.rng, state["generators"]["order"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.history.load_state_dict(state["history"])
        for callback, saved in zip(self.callbacks, state["callbacks"], strict=True):
            callback.load_state_dict(saved)
        for name, value in state["progress"].items():
            setattr(self, name, value)

    def resume(self, path) -> None:
        """Continue from the file that a `Checkpoint` wrote, or raise and change nothing."""
        state = checkpoint.load(path)
        before = self.state_dict()
        try:
            _check_settings(self.settings, state["settings"])
            self.load_state_dict(state)
        except Exception as error:
            self.load_state_dict(before)
            raise CheckpointError(
                f"{path} belongs to another run ({error}); nothing was loaded. Give fit the same "
                "arguments as then, or take over the weights alone with load_weights(model, path)."
            ) from error


def _check_settings(own: dict, saved: dict) -> None:
    differences = [
        f"{name} was {saved.get(name)!r} and is now {value!r}"
        for name, value in own.items()
        if saved.get(name) != value
    ]
    if differences:
        raise ValueError("; ".join(differences))
