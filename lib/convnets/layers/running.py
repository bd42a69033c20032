"""What layers with running statistics share."""

from __future__ import annotations

import numpy as np

from convnets.arrays import float_namespace, namespace, number
from convnets.layers.base import Buffer, Positionwise
from convnets.shapes import ShapeError, expect_axes, whole


class Running(Positionwise):
    """A layer that follows the statistics of its batches: r ← (1 − α) r + α · batch.

    A subclass says which axes it takes, and which layer takes the others.

    Attributes:
        features: D or C.
        momentum: α, or None for the mean over all batches.
        running_mean: buffer (features,), which begins at 0.
        num_batches_tracked: buffer, how many batches were followed.
    """

    axes = ""
    other = ""

    def _create(self, features: int, momentum: float | None) -> None:
        self.features, self.momentum = whole(features, "features"), _momentum(momentum)
        self.running_mean = Buffer(np.zeros(self.features, np.float32))
        self.num_batches_tracked = Buffer(np.array(0))

    def _follow(self, **batch) -> None:
        """Update buffers, given by name, with the statistics of a batch."""
        count = self.num_batches_tracked.data + 1
        alpha = 1 / int(count) if self.momentum is None else self.momentum
        for name, statistic in batch.items():
            running = getattr(self, name)
            running.data = (1 - alpha) * running.data + alpha * statistic
        # An array even where NumPy's + gave a scalar.
        self.num_batches_tracked.data = namespace(self.running_mean.data).asarray(count)

    def _check(self, x) -> None:
        float_namespace(x, self.running_mean.data)
        wanted = len(self.axes.split(","))
        if len(x.shape) == 6 - wanted:
            raise ShapeError(
                f"{type(self).__name__} takes {wanted} axes ({self.axes}), but x is "
                f"{tuple(x.shape)}; use {self.other} for it."
            )
        expect_axes(x, "x", self.axes)
        if x.shape[1] != self.features:
            raise ShapeError(
                f"x has {x.shape[1]} features on axis 1, but {type(self).__name__} was made for "
                f"{self.features}; make it with features={x.shape[1]}."
            )

    def _momentum_repr(self) -> str:
        return "" if self.momentum == 0.1 else f", momentum={self.momentum}"


def _momentum(value) -> float | None:
    plain = number(value)
    if plain is None:
        return None
    if isinstance(plain, bool) or not isinstance(plain, int | float) or not 0 <= plain <= 1:
        raise ValueError(
            "momentum is the weight of the new batch in the running statistics, in [0, 1], or None "
            f"for the mean over all batches, but is {value!r}; where others give 0.9, give 0.1."
        )
    return float(plain)
