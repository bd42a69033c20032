"""Several models of the course's own layers that are built alike, computed as one.

Examples lie one model after the other, (S·N, ...). Linear layers compute all models in one batched
product, and batch normalisation of rows sees the models side by side, as features; what has no
parameters and treats each example by itself sees them as more examples. Every other layer is
computed for one model after the other.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

from convnets.arrays import contiguous, from_rows, namespace, permuted, rows_of
from convnets.layers import (
    AvgPool2d,
    BatchNorm1d,
    Concat,
    Flatten,
    GlobalAvgPool2d,
    Layer,
    Linear,
    LocalResponseNorm,
    MaxPool2d,
    Parameter,
    ReLU,
    Residual,
    Sequential,
    Sigmoid,
    Softplus,
    Tanh,
)
from convnets.layers.state import check_state

# By exact type, since a subclass may do other things.
ALIKE = (
    AvgPool2d, Flatten, GlobalAvgPool2d, LocalResponseNorm, MaxPool2d, ReLU, Sigmoid, Softplus, Tanh
)  # fmt: skip

WEIGHTS = ("gamma", "beta")


class Stacked(Layer):
    """The same layer of each model; its parameters are stacked into (S, ...).

    Args:
        layers: S of them.
    """

    def __init__(self, layers: Sequence[Layer]):
        self.layers = layers
        self.own = [layer.parameters() for layer in layers]
        xp = [namespace(p.data) for p in self.own[0].values()]
        for name, stack in zip(self.own[0], (each.stack for each in xp), strict=True):
            # Dotted names too: `parameters` finds whatever is an attribute.
            setattr(self, name, Parameter(stack([own[name].data for own in self.own])))

    def write_back(self) -> None:
        """Give each model the parameters that it has here."""
        for name in self.own[0]:
            for own, values in zip(self.own, getattr(self, name).data, strict=True):
                own[name].data, own[name].grad = values * 1, None

    def extra_repr(self) -> str:
        return f"{len(self.layers)} × {self.layers[0]!r}"


class StackedLinear(Stacked):
    """y[s] = x[s] · w[s]ᵀ + b[s] for all models s, in one batched product."""

    def forward(self, x):
        s = len(self.layers)
        x, w = x.reshape(s, x.shape[0] // s, x.shape[1]), self.weight.data
        y = x @ permuted(w, (0, 2, 1))
        if self.own[0].get("bias"):
            y = y + self.bias.data[:, None]
        self.cache = x
        return y.reshape(-1, w.shape[1])

    def backward(self, dy, *, input_gradient: bool = True):
        x, w = self.cache, self.weight.data
        dy = dy.reshape(x.shape[0], x.shape[1], w.shape[1])
        self.weight.grad = permuted(dy, (0, 2, 1)) @ x
        if self.own[0].get("bias"):
            self.bias.grad = namespace(dy).sum(dy, axis=1)
        return (dy @ w).reshape(-1, w.shape[2]) if input_gradient else None

    def backward_parameters(self, dy) -> None:
        self.backward(dy, input_gradient=False)


class StackedBatchNorm1d(Stacked):
    """Batch normalisation of rows: features of different models are different features.

    x, (S·N, D), is seen as (N, S·D); running statistics are kept so until `write_back`.
    """

    def __init__(self, layers: Sequence[Layer]):
        super().__init__(layers)
        first = layers[0]
        features = len(layers) * first.features
        self.wide = BatchNorm1d(features, first.eps, first.momentum, affine=False)
        self.wide.gamma, self.wide.beta = (self.own[0].get(n) and Parameter(None) for n in WEIGHTS)
        for name, buffer in self.wide.buffers().items():
            each = [layer.buffers()[name].data for layer in layers]
            xp = namespace(*each)
            buffer.data = xp.concat(each) if len(each[0].shape) else each[0]

    def forward(self, x):
        self.wide.train(self.training)
        for name in self.own[0]:
            getattr(self.wide, name).data = getattr(self, name).data.reshape(-1)
        return self._below(self.wide.forward(self._beside(x)))

    def backward(self, dy):
        dx = self.wide.backward(self._beside(dy))
        for name in self.own[0]:
            parameter = getattr(self, name)
            parameter.grad = getattr(self.wide, name).grad.reshape(tuple(parameter.data.shape))
        return self._below(dx)

    def write_back(self) -> None:
        super().write_back()
        for name, buffer in self.wide.buffers().items():
            shape = tuple(self.layers[0].buffers()[name].data.shape)
            for i, layer in enumerate(self.layers):
                values = buffer.data.reshape(-1, *shape)[i] if shape else buffer.data
                layer.buffers()[name].data = values * 1

    def _beside(self, x):
        """(S·N, D) as (N, S·D)."""
        s = len(self.layers)
        n, d = x.shape[0] // s, x.shape[1]
        return permuted(x.reshape(s, n, d), (1, 0, 2)).reshape(n, s * d)

    def _below(self, y):
        """(N, S·D) as (S·N, D)."""
        s = len(self.layers)
        n, d = y.shape[0], y.shape[1] // s
        return permuted(y.reshape(n, s, d), (1, 0, 2)).reshape(s * n, d)


class OneByOne(Stacked):
    """Any layer, computed for one model after the other; buffers and generators are its own."""

    @property
    def training(self) -> bool:
        """That of the layers."""
        return self.layers[0].training

    @training.setter
    def training(self, mode: bool):
        for layer in self.layers:
            layer.train(mode)

    def forward(self, x):
        for i, own in enumerate(self.own):
            for name, parameter in own.items():
                parameter.data = getattr(self, name).data[i]
        return _joined([layer(part) for layer, part in self._parts(x)])

    def backward(self, dy):
        dx = _joined([layer.backward(part) for layer, part in self._parts(dy)])
        self._gather()
        return dx

    def backward_parameters(self, dy) -> None:
        for layer, part in self._parts(dy):
            layer.backward_parameters(part)
        self._gather()

    def _parts(self, x):
        count = x.shape[0] // len(self.layers)
        return [(layer, x[i * count : (i + 1) * count]) for i, layer in enumerate(self.layers)]

    def _gather(self) -> None:
        for name in self.own[0]:
            grads = [own[name].grad for own in self.own]
            getattr(self, name).grad = namespace(*grads).stack(grads)


def _joined(parts: list):
    """Along the examples, with the batch innermost in memory where it was."""
    xp = namespace(*parts)
    if parts[0].ndim == 4:
        return from_rows(xp.concat([contiguous(rows_of(part)) for part in parts], axis=3))
    return xp.concat(parts, axis=0)


def together(layers: Sequence[Layer]) -> Layer:
    """One layer that computes what all `layers` compute, each for its own examples.

    Raises:
        ValueError: they are not built alike.
    """
    for layer in layers:
        if _layout(layer) != _layout(layers[0]):
            raise ValueError(
                "the models are not built alike: their layers differ; let `make` build the same "
                "for every seed."
            )
        check_state(layers[0].state_dict(), layer.state_dict())
    return _together(layers)


def _together(layers: Sequence[Layer]) -> Layer:
    kind = type(layers[0])
    if kind in ALIKE:
        return copy.deepcopy(layers[0])
    if kind is Linear:
        return StackedLinear(layers)
    if kind is BatchNorm1d and layers[0].ghost is None:
        return StackedBatchNorm1d(layers)
    if kind in (Sequential, Concat, Residual):
        inside = [list(layer.children().values()) for layer in layers]
        return kind(*map(_together, zip(*inside, strict=True)))
    return OneByOne(layers)


def write_back(stack: Layer) -> None:
    """Give each of the models what it has learned in `stack`."""
    for _, layer in stack.named_layers():
        if isinstance(layer, Stacked):
            layer.write_back()


def _layout(layer: Layer) -> list[tuple[str, type, str]]:
    return [(name, type(inner), inner.extra_repr()) for name, inner in layer.named_layers()]
