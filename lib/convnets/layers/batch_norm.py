"""Batch normalisation with running statistics; formulas in `convnets.functional`."""

from __future__ import annotations

import math

import numpy as np

from convnets import functional as F
from convnets.arrays import namespace
from convnets.functional.batch_norm import small_constant
from convnets.layers.base import Buffer, Parameter
from convnets.layers.running import Running
from convnets.shapes import ShapeError, whole


class BatchNormNd(Running):
    """What `BatchNorm1d` and `BatchNorm2d` share: all but the number of axes.

    In training, x̂ is taken with the batch's mean and biased variance, and the running statistics
    follow: r ← (1 − α) r + α · batch, with the unbiased variance, m/(m − 1) times the other. In
    evaluation the running statistics take the batch's place.

    Args:
        features: D or C, the features or channels.
        eps: ε >= 0, inside the root.
        momentum: α in [0, 1], the weight of the new batch; None for the mean over all batches.
        affine: whether γ and β are learned; without, there are none.
        ghost: in training, take the statistics over this many consecutive examples at a time, and
            update the running ones with each; None takes them over the whole batch.
    Attributes:
        gamma, beta: parameters (features,), which begin at 1 and 0.
        running_mean, running_var: buffers (features,), which begin at 0 and 1.
        num_batches_tracked: buffer, how many batches, or ghost batches, they have followed.
    Raises:
        ShapeError, ValueError: arguments out of range; in training, fewer than two values of a
            feature, or a batch that ghost does not divide. Running statistics are then as before.
    Reference: Ioffe and Szegedy 2015, arXiv:1502.03167; ghost batches: Hoffer, Hubara and Soudry
        2017, arXiv:1705.08741.
    """

    def __init__(
        self,
        features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        ghost: int | None = None,
    ):
        self.eps, self.ghost = (
            small_constant(eps),
            ghost if ghost is None else whole(ghost, "ghost"),
        )
        self._create(features, momentum)
        ones, zeros = (np.full(self.features, value, np.float32) for value in (1, 0))
        self.gamma = Parameter(ones) if affine else None
        self.beta = Parameter(zeros) if affine else None
        self.running_var = Buffer(ones.copy())

    def forward(self, x):
        self._check(x)
        gamma, beta = (p and p.data for p in (self.gamma, self.beta))
        running = None if self.training else (self.running_mean.data, self.running_var.data)
        results = [F.batch_norm(part, gamma, beta, running, self.eps) for part in self._parts(x)]
        self.cache = [cache for _, cache in results]
        if self.training:
            for cache in self.cache:
                m = math.prod(cache.shape) // self.features
                unbiased = cache.variance * (m / (m - 1))
                self._follow(running_mean=cache.mean, running_var=unbiased)
        return _joined([y for y, _ in results], x)

    def backward(self, dy):
        count = dy.shape[0] // len(self.cache)
        grads = [
            F.batch_norm_backward(dy[i * count :][:count] if self.ghost else dy, cache)
            for i, cache in enumerate(self.cache)
        ]
        dx, dgamma, dbeta = zip(*grads, strict=True)
        if self.gamma:
            self.gamma.grad, self.beta.grad = sum(dgamma[1:], dgamma[0]), sum(dbeta[1:], dbeta[0])
        return _joined(dx, dy)

    def _parts(self, x) -> list:
        """Ghost batches, or the whole batch as the only one."""
        if self.ghost is None or not self.training:
            return [x]
        return [x[start : start + self.ghost] for start in range(0, x.shape[0], self.ghost)]

    def _check(self, x) -> None:
        super()._check(x)
        if self.training and self.ghost and x.shape[0] % self.ghost:
            raise ShapeError(
                f"ghost={self.ghost} must divide the batch, but there are {x.shape[0]} examples; "
                "use a batch_size that is a multiple of it, and drop_last=True."
            )

    def extra_repr(self) -> str:
        eps = "" if self.eps == 1e-5 else f", eps={self.eps}"
        affine = "" if self.gamma else ", affine=False"
        ghost = "" if self.ghost is None else f", ghost={self.ghost}"
        return f"{self.features}{eps}{self._momentum_repr()}{affine}{ghost}"


class BatchNorm1d(BatchNormNd):
    """Batch normalisation of rows of features, (N, D); arguments and attributes: `BatchNormNd`.

    >>> layer = BatchNorm1d(2)
    >>> layer(np.array([[1, 10], [3, 30]], np.float32)).round(3)
    array([[-1., -1.],
           [ 1.,  1.]], dtype=float32)
    >>> layer.running_mean.data, layer.running_var.data # 0.9 · 1 + 0.1 · 200 is 20.9
    (array([0.2, 2. ], dtype=float32), array([ 1.1, 20.9], dtype=float32))
    """

    axes = "N, D"
    other = "BatchNorm2d"


class BatchNorm2d(BatchNormNd):
    """Batch normalisation of images, (N, C, H, W); arguments and attributes: `BatchNormNd`.

    Statistics are those of a channel, over images and pixels.

    >>> layer = BatchNorm2d(8, momentum=0.01)
    >>> layer
    BatchNorm2d(8, momentum=0.01)
    >>> list(layer.parameters()), list(layer.buffers())
    (['gamma', 'beta'], ['running_mean', 'num_batches_tracked', 'running_var'])
    """

    axes = "N, C, H, W"
    other = "BatchNorm1d"


def _joined(parts, like):
    """Parts of a batch as one, lying in memory as `like` does."""
    if len(parts) == 1:
        return parts[0]
    whole_batch = namespace(like).empty_like(like)
    for i, part in enumerate(parts):
        whole_batch[i * len(part) : (i + 1) * len(part)] = part
    return whole_batch
