"""Layers that drop at random in training; formulas in `convnets.functional`.

Each draws from a generator of its own, whose state `fit` saves and restores with the weights.
"""

from __future__ import annotations

from convnets import functional as F
from convnets.arrays import namespace
from convnets.functional.dropout import keep_probability
from convnets.functional.stochastic_depth import check_mode, survivors
from convnets.layers.base import Layer, Positionwise
from convnets.layers.containers import Residual
from convnets.random import generator
from convnets.shapes import expect_axes


class Noisy:
    """A layer that puts noise into training and none into evaluation: the dropout family.

    Attributes:
        rng: generator of the noise.
    """


class Dropping(Noisy):
    """What layers share that keep things with a checked probability.

    Attributes:
        keep_prob: in (0, 1]; may be set anew, as by a schedule.
    """

    def _drops(self, keep_prob: float, rng) -> None:
        self.keep_prob = keep_prob
        self.rng = generator(rng)

    @property
    def keep_prob(self) -> float:
        """Probability that a unit is kept; PyTorch's p is 1 − keep_prob."""
        return self._keep_prob

    @keep_prob.setter
    def keep_prob(self, value: float):
        self._keep_prob = keep_probability(value)


class Dropout(Dropping, Positionwise):
    """Inverted dropout: x · m / keep_prob in training, x in evaluation.

    Args:
        keep_prob: probability that a unit is kept, in (0, 1]; PyTorch's p is 1 − keep_prob.
        rng: seed or generator for the masks; None draws a fresh seed.
    Reference: Srivastava et al. 2014, JMLR 15.

    >>> Dropout(0.8, rng=0)
    Dropout(keep_prob=0.8)
    """

    def __init__(self, keep_prob: float = 0.5, rng=None):
        self._drops(keep_prob, rng)

    def forward(self, x):
        y, self.cache = self._train(x) if self.training else self._eval(x)
        return y

    def backward(self, dy):
        return F.dropout_backward(dy, self.cache)

    def _train(self, x):
        return F.dropout(x, self.keep_prob, self.rng)

    def _eval(self, x):
        return F.vanilla_dropout_eval(x, 1.0)

    def extra_repr(self) -> str:
        return f"keep_prob={self.keep_prob}"


class VanillaDropout(Dropout):
    """Dropout as first published: x · m in training, keep_prob · x in evaluation.

    Args:
        keep_prob, rng: as for `Dropout`.

    >>> VanillaDropout(rng=0)
    VanillaDropout(keep_prob=0.5)
    """

    def _train(self, x):
        return F.vanilla_dropout(x, self.keep_prob, self.rng)

    def _eval(self, x):
        return F.vanilla_dropout_eval(x, self.keep_prob)


class DropMaps2d(Dropout):
    """Inverted dropout of whole channels of (N, C, H, W); PyTorch's Dropout2d.

    Args:
        keep_prob: probability that a channel of an image is kept, in (0, 1].
        rng: as for `Dropout`.
    Reference: Tompson et al. 2015, arXiv:1411.4280.

    >>> DropMaps2d(0.9, rng=0)
    DropMaps2d(keep_prob=0.9)
    """

    def _train(self, x):
        return F.drop_maps(x, self.keep_prob, self.rng)

    def _eval(self, x):
        expect_axes(x, "x", "N, C, H, W")
        return super()._eval(x)


class StochasticDepth(Dropping, Residual):
    """A residual block whose branch is left out at random: z · branch(x) + shortcut(x).

    In evaluation keep_prob · branch(x) + shortcut(x). Where no example needs the branch, it is not
    computed: its running statistics stay, and its gradients are zero.

    Args:
        branch: a layer.
        shortcut: a layer, or None for x itself.
        keep_prob: probability that the branch survives, in (0, 1], see `survival_probability`.
        mode: "batch" for one z for all examples, "row" for one each.
        rng: seed or generator; None draws a fresh seed.
    Reference: Huang et al. 2016, arXiv:1603.09382.

    >>> from convnets.layers import Linear
    >>> StochasticDepth(Linear(4, 4, rng=0), keep_prob=0.8, rng=0)
    StochasticDepth(keep_prob=0.8, mode='batch',
      (branch): Linear(4, 4)
    )
    """

    def __init__(
        self,
        branch: Layer,
        shortcut: Layer | None = None,
        keep_prob: float = 0.5,
        mode: str = "batch",
        rng=None,
    ):
        super().__init__(branch, shortcut)
        check_mode(mode)
        self.mode = mode
        self._drops(keep_prob, rng)

    def forward(self, x):
        around = self.shortcut(x) if self.shortcut else x
        z = survivors(x, self.keep_prob, self.rng, self.mode) if self.training else self.keep_prob
        computed = not self.training or bool(z.any())
        self.cache = z, computed
        return self._added(self.branch(x) * z, around) if computed else around * 1

    def backward(self, dy):
        z, computed = self.cache
        around = self.shortcut.backward(dy) if self.shortcut else dy
        if computed:
            return self.branch.backward(dy * z) + around
        for parameter in self.branch.parameters().values():
            parameter.grad = namespace(parameter.data).zeros_like(parameter.data)
        return around * 1

    def extra_repr(self) -> str:
        return f"keep_prob={self.keep_prob}, mode={self.mode!r}"

    def __repr__(self) -> str:
        name = f"{type(self).__name__}("
        return super().__repr__().replace(name, f"{name}{self.extra_repr()},", 1)
