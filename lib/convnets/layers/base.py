"""`Parameter`, `Buffer` and `Layer`: what every layer shares."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from convnets.arrays import asarray_like, contiguous, is_floating, moved_like, to_numpy
from convnets.layers.fields import Field
from convnets.layers.state import check_state
from convnets.shapes import ShapeError


class Parameter:
    """An array that is learned, and the gradient of the loss with respect to it.

    Attributes:
        data: the values; NumPy or torch. Optimisers put a new array here, the old one stays.
        grad: set by `backward` to an array of the same shape; None before.

    >>> Parameter(np.zeros((2, 3), np.float32))
    Parameter(2×3 float32)
    """

    __slots__ = ("data", "grad")

    def __init__(self, data):
        self.data = data
        self.grad = None

    def __repr__(self) -> str:
        return _described(self)


class Buffer:
    """An array that a layer keeps but does not learn, such as a running mean.

    It is saved, loaded, moved and averaged with the parameters; optimisers do not see it. Whole
    numbers, which count something, stay whole where a model is converted.

    Attributes:
        data: the values; NumPy or torch. `forward` puts a new array here, the old one stays.

    >>> Buffer(np.zeros(3, np.float32)), Buffer(np.array(0))
    (Buffer(3 float32), Buffer(scalar int64))
    """

    __slots__ = ("data",)

    def __init__(self, data):
        self.data = data

    def __repr__(self) -> str:
        return _described(self)


def _described(holder: Parameter | Buffer) -> str:
    size = "×".join(map(str, holder.data.shape)) or "scalar"
    return f"{type(holder).__name__}({size} {str(holder.data.dtype).removeprefix('torch.')})"


_SAVED = Parameter | Buffer


class LayerShapeError(ShapeError):
    """Sizes that do not fit a layer; the message names the layer."""


class Layer:
    """A forward and a backward pass together with their parameters, buffers and mode.

    A subclass writes `forward(x)`, which keeps what backward needs in `self.cache`, and
    `backward(dy)`, which sets (not adds to) the `grad` of each parameter and returns dx.
    Attributes that are `Parameter`s or `Buffer`s are found by themselves; a layer made of layers
    returns them from `children`. One layer object keeps one cache, so it stands only once in a
    model.

    Attributes:
        training: True after `train()`, False after `eval()`.

    >>> class Double(Layer):
    ...     def forward(self, x):
    ...         return 2 * x
    ...     def backward(self, dy):
    ...         return 2 * dy
    >>> Double()(np.ones(2)), Double()
    (array([2., 2.]), Double())
    """

    training = True
    _cache = None

    def forward(self, x):
        """The output for the input `x`."""
        raise NotImplementedError(f"{type(self).__name__} must define forward(x).")

    def backward(self, dy):
        """The loss's gradient dx for its gradient `dy` with respect to the latest output.

        The `grad` of every parameter is assigned, not added to: there is nothing to zero before.

        Raises:
            RuntimeError: there was no forward pass yet.
        """
        raise NotImplementedError(f"{type(self).__name__} must define backward(dy).")

    def backward_parameters(self, dy) -> None:
        """Set the `grad` of every parameter as `backward` does, where nobody asks for dx.

        For training. Layers that can spare themselves the work for dx define it anew.
        """
        self.backward(dy)

    def field(self, before: Field) -> Field:
        """The receptive field of this layer's outputs, given that of its inputs.

        For `convnets.inspect`. A layer made of layers asks those for theirs.
        """
        raise NotImplementedError(
            f"{self._called()} does not say which pixels its outputs depend on. Define "
            "field(self, before) in its class: `return before` where positions do not mix, "
            "`before.window(kernel_size, stride, padding)` where outputs see windows, "
            "`before.whole_image()` where they see everything."
        )

    def multiply_adds(self, inputs: tuple[int, ...], outputs: tuple[int, ...]) -> int:
        """Multiplications, each with its addition, of one forward pass for one image.

        For `convnets.inspect`. Those of layers inside this one are not counted here; nor, as in the
        literature, are those of biases, activations, pooling and normalisation.

        Args:
            inputs, outputs: shape of what goes in and what comes out, without the batch axis.
        """
        raise NotImplementedError(
            f"{self._called()} does not say how many multiply-adds it costs. Define "
            "multiply_adds(self, inputs, outputs) in its class, given shapes without the batch "
            "axis; return 0 where it has no products but those of the layers inside it."
        )

    def _called(self) -> str:
        """This layer in an error: with its arguments, but without the layers inside it."""
        return type(self).__name__ if self.children() else repr(self)

    def __call__(self, x):
        try:
            return self.forward(x)
        except LayerShapeError:
            raise
        except ShapeError as error:
            raise LayerShapeError(f"{self!r}, given input {tuple(x.shape)}: {error}") from error

    @property
    def cache(self):
        """What the latest forward pass kept for the backward pass."""
        if self._cache is None:
            raise RuntimeError(
                f"backward was called on {self!r} before forward; "
                "run y = model(x) first, then model.backward(dy)."
            )
        return self._cache

    @cache.setter
    def cache(self, value):
        self._cache = value

    def children(self) -> dict[str, Layer]:
        """The layers this layer is made of, by name, in a fixed order."""
        return {}

    def named_layers(self, name: str = "") -> Iterator[tuple[str, Layer]]:
        """This layer and all layers inside it, depth first, with dotted names ("" is itself)."""
        yield name, self
        for key, child in self.children().items():
            yield from child.named_layers(f"{name}.{key}" if name else key)

    def parameters(self) -> dict[str, Parameter]:
        """Every parameter by dotted name, in the order in which the layers were given."""
        return self._named(Parameter)

    def buffers(self) -> dict[str, Buffer]:
        """Every buffer by dotted name, in the same order."""
        return self._named(Buffer)

    def _named(self, kinds) -> dict:
        return {
            f"{name}.{key}" if name else key: value
            for name, layer in self.named_layers()
            for key, value in vars(layer).items()
            if isinstance(value, kinds)
        }

    def train(self, mode: bool = True) -> Layer:
        """Set the mode of this layer and all inside it to training; returns itself."""
        for _, layer in self.named_layers():
            layer.training = mode
        return self

    def eval(self) -> Layer:
        """Set the mode of this layer and all inside it to evaluation; returns itself."""
        return self.train(False)

    def to(self, like) -> Layer:
        """Move and convert all parameters to the namespace, dtype and device of the array `like`.

        So are buffers, but for the dtype of whole numbers. Gradients and caches are dropped.
        Returns itself.
        """
        for _, layer in self.named_layers():
            layer.cache = None
        for parameter in self.parameters().values():
            parameter.data = asarray_like(parameter.data, like)
            parameter.grad = None
        for buffer in self.buffers().values():
            move = asarray_like if is_floating(buffer.data) else moved_like
            buffer.data = move(buffer.data, like)
        return self

    def state_dict(self) -> dict[str, np.ndarray]:
        """A NumPy copy of every parameter and buffer by name."""
        return {name: to_numpy(a.data).copy() for name, a in self._named(_SAVED).items()}

    def load_state_dict(self, state: Mapping[str, np.ndarray]) -> None:
        """Set every parameter and buffer from `state`, copied; dtype and device stay those of here.

        Raises:
            ValueError: names or shapes differ; all differences are named and nothing was changed.
        """
        own = self._named(_SAVED)
        check_state({name: a.data for name, a in own.items()}, state)
        for name, holder in own.items():
            values = np.array(to_numpy(state[name]))
            holder.data = contiguous(asarray_like(values, holder.data))

    def extra_repr(self) -> str:
        """The arguments shown between the brackets of `repr`."""
        return ""

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.extra_repr()})"


class Positionwise(Layer):
    """A layer that works on every position by itself and has no products worth counting.

    Activations, normalisation and dropout are of this kind.
    """

    def field(self, before):
        return before

    def multiply_adds(self, inputs, outputs):
        return 0
