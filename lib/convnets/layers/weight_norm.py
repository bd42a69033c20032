"""Weight normalisation and mean-only batch normalisation; formulas in `convnets.functional`."""

from __future__ import annotations

import numpy as np

from convnets import functional as F
from convnets.arrays import asarray_like, namespace, to_numpy
from convnets.init import Initialiser
from convnets.layers.base import Layer, Parameter
from convnets.layers.conv import Conv2d
from convnets.layers.linear import Linear
from convnets.layers.running import Running


class WeightNorm(Layer):
    """A `Linear` or `Conv2d` whose weights are g[f] · v[f] / ‖v[f]‖, with g and v learned.

    At first it computes what the layer did: v is its weight, and g the lengths of v.

    Args:
        layer: the layer, which is taken over: its weight is from now on computed.
    Attributes:
        layer: as given.
        v, g: parameters, the shape of the weight and (F,).
        bias: the layer's parameter, or None.
    Raises:
        TypeError: another kind of layer.
    Reference: Salimans and Kingma 2016, arXiv:1602.07868.

    >>> layer = WeightNorm(Linear(4, 3, rng=0))
    >>> layer, list(layer.parameters())
    (WeightNorm(Linear(4, 3)), ['v', 'g', 'bias'])
    """

    def __init__(self, layer: Linear | Conv2d):
        if type(layer) not in (Linear, Conv2d):
            raise TypeError(f"WeightNorm takes a Linear or a Conv2d, but got {layer!r}.")
        self.layer = layer
        self.v, self.g = Parameter(layer.weight.data), Parameter(_lengths(layer.weight.data))
        self.bias = layer.bias

    def forward(self, x):
        self.layer.weight.data, self.cache = F.weight_norm(self.v.data, self.g.data)
        return self.layer.forward(x)

    def backward(self, dy, *, input_gradient: bool = True):
        cache = self.cache
        dx = self.layer.backward(dy, input_gradient=input_gradient)
        self.v.grad, self.g.grad = F.weight_norm_backward(self.layer.weight.grad, cache)
        return dx

    def backward_parameters(self, dy) -> None:
        self.backward(dy, input_gradient=False)

    def initialise(self, init: Initialiser = "kaiming_normal", rng=None) -> None:
        """Draw v anew, with g its lengths, and set the bias to zero; see `Linear.initialise`."""
        self.layer.initialise(init, rng)
        v = asarray_like(self.layer.weight.data, self.v.data)
        self._set(v, _lengths(v))

    def initialise_from(self, x) -> None:
        """Set g and the bias so that every output has mean 0 and variance 1 on this batch.

            t = v · x / ‖v‖,  g = 1/σ[t],  b = −μ[t]/σ[t]

        Args:
            x: a batch of what the layer will see; v stays.
        Raises:
            ValueError: the layer has no bias, or an output is the same for all examples; nothing
                was changed.
        """
        if not self.bias:
            raise ValueError(f"{self!r} has no bias to set; make the layer with bias=True.")
        xp = namespace(self.g.data)
        unit, _ = F.weight_norm(self.v.data, xp.ones_like(self.g.data))
        if len(self.v.data.shape) == 2:
            t, _ = F.linear(x, unit)
        else:
            t, _ = F.conv2d(x, unit, None, self.layer.stride, self.layer.padding, self.layer.groups)
        _, found = F.batch_norm(t, None, None)
        constant = [f for f, value in enumerate(to_numpy(found.variance)) if not value > 0]
        if constant:
            raise ValueError(
                f"outputs {constant} of {self!r} are the same for all examples of this batch, and "
                "cannot be brought to variance 1; give a batch that varies, or draw v anew."
            )
        g = found.variance**-0.5
        self._set(self.v.data, g)
        self.bias.data, self.bias.grad = -found.mean * g, None

    def _set(self, v, g) -> None:
        self.v.data, self.g.data = v, g
        self.v.grad = self.g.grad = None

    def field(self, before):
        return self.layer.field(before)

    def multiply_adds(self, inputs, outputs):
        return self.layer.multiply_adds(inputs, outputs)

    def extra_repr(self) -> str:
        return repr(self.layer)


class MeanOnlyBatchNorm(Running):
    """What `MeanOnlyBatchNorm1d` and `MeanOnlyBatchNorm2d` share: all but the number of axes.

    y = x − μ + β, with the batch's mean in training, and the running mean in evaluation.

    Args:
        features: D or C.
        momentum: α in [0, 1], the weight of the new batch; None for the mean over all batches.
    Attributes:
        beta: parameter (features,), which begins at 0.
        running_mean, num_batches_tracked: buffers, as of `BatchNorm1d`.
    Raises:
        ShapeError, ValueError: as for `BatchNorm1d`.
    Reference: Salimans and Kingma 2016, arXiv:1602.07868, section 4.
    """

    def __init__(self, features: int, momentum: float | None = 0.1):
        self._create(features, momentum)
        self.beta = Parameter(np.zeros(self.features, np.float32))

    def forward(self, x):
        self._check(x)
        running = None if self.training else self.running_mean.data
        y, self.cache = F.mean_only_batch_norm(x, self.beta.data, running)
        if self.training:
            self._follow(running_mean=self.cache.mean)
        return y

    def backward(self, dy):
        dx, self.beta.grad = F.mean_only_batch_norm_backward(dy, self.cache)
        return dx

    def extra_repr(self) -> str:
        return f"{self.features}{self._momentum_repr()}"


class MeanOnlyBatchNorm1d(MeanOnlyBatchNorm):
    """The batch's mean of each feature subtracted, (N, D); see `MeanOnlyBatchNorm`.

    >>> MeanOnlyBatchNorm1d(1)(np.array([[1], [5]], np.float32))
    array([[-2.],
           [ 2.]], dtype=float32)
    """

    axes = "N, D"
    other = "MeanOnlyBatchNorm2d"


class MeanOnlyBatchNorm2d(MeanOnlyBatchNorm):
    """The batch's mean of each channel subtracted, (N, C, H, W); see `MeanOnlyBatchNorm`.

    >>> MeanOnlyBatchNorm2d(8)
    MeanOnlyBatchNorm2d(8)
    """

    axes = "N, C, H, W"
    other = "MeanOnlyBatchNorm1d"


def _lengths(v):
    """‖v[f]‖ for each output."""
    return namespace(v).sum(v * v, axis=tuple(range(1, len(v.shape)))) ** 0.5
