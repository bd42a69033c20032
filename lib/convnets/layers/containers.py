"""Layers made of layers: one after another, around, and side by side."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from itertools import accumulate, pairwise
from operator import add
from textwrap import indent

from convnets.arrays import namespace
from convnets.layers.base import Layer
from convnets.layers.fields import union
from convnets.shapes import ShapeError


class Container(Layer):
    """A layer that consists of others.

    Args:
        layers: the layers by name.
    Raises:
        TypeError: something that is no layer.
        ValueError: the same object twice; it has one cache only.
    """

    def __init__(self, layers: dict[str, Layer]):
        self._children = layers
        for name, layer in layers.items():
            if not isinstance(layer, Layer):
                raise TypeError(
                    f"{type(self).__name__} is made of layers, but {name} is {layer!r}; "
                    "give objects, as ReLU() rather than ReLU."
                )
        seen = set()
        for _, layer in self.named_layers():
            if id(layer) in seen:
                raise ValueError(
                    f"{layer!r} stands twice in one {type(self).__name__}, but a layer remembers "
                    "only its latest forward pass; make a second object."
                )
            seen.add(id(layer))

    def children(self) -> dict[str, Layer]:
        return self._children

    def __repr__(self) -> str:
        lines = (f"({name}): {layer!r}" for name, layer in self._children.items())
        body = indent("\n".join(lines), "  ")
        return f"{type(self).__name__}(\n{body}\n)" if body else f"{type(self).__name__}()"


class Sequential(Container):
    """Layers applied one after another.

    `model[i]` is a layer, `model[:i]` a Sequential that shares the first i, for example to look at
    what they compute.

    >>> from convnets.layers import Linear, ReLU
    >>> model = Sequential(Linear(4, 3, rng=0), ReLU())
    >>> model
    Sequential(
      (0): Linear(4, 3)
      (1): ReLU()
    )
    >>> list(model.parameters())
    ['0.weight', '0.bias']
    """

    def __init__(self, *layers: Layer):
        super().__init__({str(i): layer for i, layer in enumerate(layers)})
        self.layers = layers

    def forward(self, x):
        for layer in self.layers:
            x = layer(x)
        return x

    def backward(self, dy, *, input_gradient: bool = True):
        # Layers before the first that learns only pass a gradient on.
        last = None if input_gradient else self._first_that_learns()
        for layer in reversed(self.layers):
            if layer is last:
                return layer.backward_parameters(dy)
            dy = layer.backward(dy)
        return dy if input_gradient else None

    def backward_parameters(self, dy) -> None:
        self.backward(dy, input_gradient=False)

    def field(self, before):
        return reduce(lambda field, layer: layer.field(field), self.layers, before)

    def multiply_adds(self, inputs, outputs):
        return 0

    def _first_that_learns(self) -> Layer | None:
        return next((layer for layer in self.layers if layer.parameters()), None)

    def __len__(self) -> int:
        return len(self.layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self.layers)

    def __getitem__(self, index: int | slice) -> Layer:
        return Sequential(*self.layers[index]) if isinstance(index, slice) else self.layers[index]


class Residual(Container):
    """y = branch(x) + shortcut(x); without a shortcut, y = branch(x) + x.

    Reference: He et al. 2016, arXiv:1512.03385.

    >>> from convnets.layers import Conv2d
    >>> block = Residual(Conv2d(2, 4, 3, padding=1, rng=0), shortcut=Conv2d(2, 4, 1, rng=0))
    >>> list(block.parameters())
    ['branch.weight', 'branch.bias', 'shortcut.weight', 'shortcut.bias']
    """

    def __init__(self, branch: Layer, shortcut: Layer | None = None):
        super().__init__({"branch": branch} | ({"shortcut": shortcut} if shortcut else {}))
        self.branch, self.shortcut = branch, shortcut

    def forward(self, x):
        return self._added(self.branch(x), self.shortcut(x) if self.shortcut else x)

    @staticmethod
    def _added(y, around):
        if y.shape != around.shape:
            raise ShapeError(
                f"the branch gives {tuple(y.shape)} and the shortcut {tuple(around.shape)}, which "
                "cannot be added; a shortcut Conv2d(in, out, kernel_size=1, stride=...) fits them."
            )
        return y + around

    def backward(self, dy):
        return self.branch.backward(dy) + (self.shortcut.backward(dy) if self.shortcut else dy)

    def field(self, before):
        around = self.shortcut.field(before) if self.shortcut else before
        return union([self.branch.field(before), around])

    def multiply_adds(self, inputs, outputs):
        return 0


class Concat(Container):
    """The outputs of all branches, stacked along the channels.

    Branch i gives (N, C_i, H, W), the result is (N, ΣC_i, H, W).

    Reference: Szegedy et al. 2015, arXiv:1409.4842 (the Inception module).

    >>> import numpy as np
    >>> from convnets.layers import Conv2d, MaxPool2d
    >>> block = Concat(Conv2d(3, 4, 1, rng=0), MaxPool2d(3, stride=1, padding=1))
    >>> block(np.zeros((2, 3, 5, 5), np.float32)).shape
    (2, 7, 5, 5)
    """

    def __init__(self, *branches: Layer):
        if not branches:
            raise ValueError("Concat needs at least one branch.")
        super().__init__({str(i): branch for i, branch in enumerate(branches)})
        self.branches = branches

    def forward(self, x):
        outputs = [branch(x) for branch in self.branches]
        shapes = [tuple(y.shape) for y in outputs]
        if len({(n, *rest) for n, _, *rest in shapes}) > 1:
            raise ShapeError(
                f"branches must agree in all but the channels, but give {shapes}; "
                "choose stride and padding alike."
            )
        self.cache = [0, *accumulate(shape[1] for shape in shapes)]
        return namespace(*outputs).concat(outputs, axis=1)

    def backward(self, dy):
        parts = zip(self.branches, pairwise(self.cache), strict=True)
        return reduce(add, (part.backward(dy[:, start:end]) for part, (start, end) in parts))

    def field(self, before):
        return union([branch.field(before) for branch in self.branches])

    def multiply_adds(self, inputs, outputs):
        return 0
