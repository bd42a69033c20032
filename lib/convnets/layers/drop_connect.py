"""Linear layers that drop weights, or weights and activations; formulas in `functional`."""

from __future__ import annotations

from convnets import functional as F
from convnets.functional.drop_connect import check_masks
from convnets.functional.dropout import keep_probability
from convnets.init import Initialiser
from convnets.layers.dropout import Dropping
from convnets.layers.linear import Linear
from convnets.random import generator


class DropConnectLinear(Dropping, Linear):
    """`Linear` whose weights and biases are dropped in training, and mean weights in evaluation.

    `functional.drop_connect_gaussian` is the paper's finer inference, which needs the activation
    that follows.

    Args:
        in_features, out_features, bias, init: as for `Linear`.
        keep_prob: probability that a weight is kept, in (0, 1].
        masks: "example" for masks of each example, which cost N·M·D bytes; "batch" for the same.
        rng: seed or generator for the initial weights and then for the masks; None draws a seed.
    Reference: Wan et al. 2013, ICML.

    >>> DropConnectLinear(4, 3, rng=0)
    DropConnectLinear(4, 3, keep_prob=0.5, masks='example')
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        keep_prob: float = 0.5,
        masks: str = "example",
        bias: bool = True,
        rng=None,
        init: Initialiser = "kaiming_normal",
    ):
        check_masks(masks)
        self.masks = masks
        self._drops(keep_prob, generator(rng))
        super().__init__(in_features, out_features, bias, self.rng, init)

    def forward(self, x):
        arrays = x, self.weight.data, self.bias and self.bias.data
        y, self.cache = self._train(*arrays) if self.training else self._eval(*arrays)
        return y

    def backward(self, dy, *, input_gradient: bool = True):
        dx, self.weight.grad, db = self._gradients(dy)
        if self.bias:
            self.bias.grad = db
        return dx

    def _train(self, x, w, b):
        return F.drop_connect(x, w, b, self.keep_prob, self.rng, self.masks)

    def _eval(self, x, w, b):
        return F.drop_connect_eval(x, w, b, self.keep_prob)

    def _gradients(self, dy):
        return F.drop_connect_backward(dy, self.cache)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, keep_prob={self.keep_prob}, masks={self.masks!r}"


class DropAll(DropConnectLinear):
    """`Linear` that drops its inputs and its weights in training: Dropout and DropConnect in one.

    Args:
        keep_prob: probability that an input is kept, in (0, 1].
        keep_weight: that a weight is kept, in (0, 1].
        in_features, out_features, masks, bias, rng, init: as for `DropConnectLinear`.
    Reference: Frazão and Alexandre 2014, doi:10.1007/978-3-319-11758-4_31.

    >>> DropAll(4, 3, keep_prob=0.8, keep_weight=0.9, rng=0)
    DropAll(4, 3, keep_prob=0.8, masks='example', keep_weight=0.9)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        keep_prob: float = 0.5,
        keep_weight: float = 0.5,
        masks: str = "example",
        bias: bool = True,
        rng=None,
        init: Initialiser = "kaiming_normal",
    ):
        self.keep_weight = keep_probability(keep_weight, "keep_weight")
        super().__init__(in_features, out_features, keep_prob, masks, bias, rng, init)

    def _train(self, x, w, b):
        return F.drop_all(x, w, b, self.keep_prob, self.keep_weight, self.rng, self.masks)

    def _eval(self, x, w, b):
        return F.drop_all_eval(x, w, b, self.keep_prob, self.keep_weight)

    def _gradients(self, dy):
        return F.drop_all_backward(dy, self.cache)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, keep_weight={self.keep_weight}"
