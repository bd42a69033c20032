"""The dropout family in training and at the test: schedules, the prior of noise, averaging."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from convnets import functional as F
from convnets.arrays import asarray_like, namespace
from convnets.callbacks import Callback
from convnets.engines import LayerEngine
from convnets.layers import Layer, VariationalDropout
from convnets.layers.dropout import Dropping, Noisy
from convnets.random import generator
from convnets.shapes import whole


class KeepSchedule(Callback):
    """Set every layer's `keep_prob` before each step; afterwards it is again what it was.

    Args:
        rule: `rule(t, keep_prob) -> value`, given the updates made before and what the layer was
            made with, as `partial(curriculum_dropout, gamma=0.01)` of `convnets.schedules`.

    >>> from functools import partial
    >>> from convnets.schedules import curriculum_dropout
    >>> KeepSchedule(partial(curriculum_dropout, gamma=0.01))
    KeepSchedule(curriculum_dropout)
    """

    def __init__(self, rule: Callable[[int, float], float]):
        self.rule = rule
        self._own: list[tuple[Dropping, float]] = []

    def on_start(self, run):
        layers = _found(run, Dropping, "KeepSchedule", "Dropout(...)")
        self._own = [(layer, layer.keep_prob) for layer in layers]
        self._set(0)

    def on_step(self, run):
        self._set(run.steps)

    def close(self):
        for layer, keep_prob in self._own:
            layer.keep_prob = keep_prob

    def _set(self, t: int) -> None:
        self.t = t
        for layer, keep_prob in self._own:
            layer.keep_prob = self.rule(t, keep_prob)

    def state_dict(self):
        return {"t": self.t}

    def load_state_dict(self, state):
        self._set(state["t"])

    def __repr__(self) -> str:
        rule = getattr(self.rule, "func", self.rule)
        return f"KeepSchedule({getattr(rule, '__name__', 'function')})"


class NoisePrior(Callback):
    """Add the gradient of KL / N, N examples in the training set, for each `VariationalDropout`.

    The recorded loss stays that of the data.

    Attributes:
        kl: of each step so far, summed over the layers.

    >>> NoisePrior()
    NoisePrior()
    """

    def __init__(self):
        self.kl: list[float] = []

    def on_start(self, run):
        self.kl = []
        self._layers = _found(run, VariationalDropout, "NoisePrior", "VariationalDropout(...)")

    def on_backward(self, run):
        total = 0.0
        for layer in self._layers:
            kl, gradient = F.variational_kl(layer.log_alpha.data)
            layer.log_alpha.grad = layer.log_alpha.grad + gradient / run.settings["examples"]
            total += kl
        self.kl.append(total)

    def state_dict(self):
        return {"kl": list(self.kl)}

    def load_state_dict(self, state):
        self.kl = list(state["kl"])

    def __repr__(self) -> str:
        return "NoisePrior()"


def _found(run, kind: type[Noisy], callback: str, example: str) -> list:
    """The layers of a kind in the model, at least one."""
    layers = [layer for layer in run.engine.modules() if isinstance(layer, kind)]
    if not layers:
        raise ValueError(
            f"{callback} found no layer to act on; put {example} into the model, or leave the "
            "callback out."
        )
    return layers


class Averaged(NamedTuple):
    """Probabilities of the classes over several draws: mean and standard deviation, (N, K)."""

    mean: object
    spread: object


def monte_carlo(model: Layer, images, samples: int, rng=0, batch_size: int = 256) -> Averaged:
    """Predict with noise left on, many times: dropout's layers draw, all others are in evaluation.

    mean = (1/S) Σ_s softmax(scores_s),  spread = √(Σ_s (softmax(scores_s) − mean)² / (S − 1))

    Args:
        model: of `convnets.layers`, with layers of the dropout family. Its modes and generators are
            afterwards as before, also after an error.
        images: (N, C, H, W), or what else the model takes; at least one.
        samples: S, >= 2.
        rng: seed or generator of all masks.
        batch_size: images at a time, which bounds the memory; it decides which masks are drawn.
    Returns:
        (mean, spread), (N, K) each.
    Raises:
        TypeError: the model is not made of layers.
        ValueError: nothing in it drops; no images; too few samples.
    Reference: Srivastava et al. 2014, section 7.5; Gal and Ghahramani 2016, "Dropout as a Bayesian
        Approximation", arXiv:1506.02142.

    >>> import numpy as np
    >>> from convnets.layers import Dropout, Linear, Sequential
    >>> model = Sequential(Dropout(0.5, rng=0), Linear(4, 3, rng=0))
    >>> mean, spread = monte_carlo(model, np.ones((2, 4), np.float32), samples=10)
    >>> mean.shape, bool((spread > 0).all())
    ((2, 3), True)
    """
    samples, batch_size = whole(samples, "samples", minimum=2), whole(batch_size, "batch_size")
    noisy = _noisy(model)
    if not len(images):
        raise ValueError("there are no images; give at least one.")
    like = LayerEngine(model).like
    images = images if like is None else asarray_like(images, like)
    layers = [layer for _, layer in model.named_layers()]
    before = [(layer, layer.training) for layer in layers]
    own = [(layer, layer.rng) for layer in noisy]
    rng = generator(rng)
    try:
        model.eval()
        for layer in noisy:
            layer.training, layer.rng = True, rng
        parts = range(0, len(images), batch_size)
        drawn = [_averaged(model, images[i : i + batch_size], samples) for i in parts]
    finally:
        for layer, mode in before:
            layer.training = mode
        for layer, generator_before in own:
            layer.rng = generator_before
    return Averaged(*(namespace(*arrays).concat(arrays) for arrays in zip(*drawn, strict=True)))


def _averaged(model: Layer, images, samples: int) -> Averaged:
    found = [F.softmax(model(images)) for _ in range(samples)]
    xp = namespace(*found)
    found = xp.stack(found)
    return Averaged(xp.mean(found, axis=0), xp.std(found, axis=0, correction=1))


def _noisy(model: Layer) -> list[Noisy]:
    if not isinstance(model, Layer):
        raise TypeError(
            f"the model must be made of convnets.layers, but is {type(model).__name__}; with a "
            "torch.nn.Module, call .eval(), then .train() of its dropout modules, and average."
        )
    found = [layer for _, layer in model.named_layers() if isinstance(layer, Noisy)]
    if not found:
        raise ValueError(
            "nothing in the model drops, so that all samples would be alike; monte_carlo is for "
            "models with Dropout or one of its kin."
        )
    return found
