"""Stochastic gradient descent with momentum."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from convnets.optim.base import Optimizer
from convnets.optim.hyperparameter import Hyperparameter


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum, Nesterov's look-ahead and weight decay.

        g ← g + weight_decay · w
        v ← ρ v + g                       (v starts at 0)
        w ← w − lr · v                    or, with nesterov, w ← w − lr · (g + ρ v)

    Args:
        parameters, lr: see `Optimizer`.
        momentum: ρ in [0, 1).
        nesterov: look ahead along v; needs momentum.
        weight_decay: coefficient of the L2 penalty's gradient, >= 0.
    Raises:
        ValueError: a value out of range, or nesterov without momentum.
    Reference: Sutskever et al. 2013, "On the importance of initialization and momentum in deep
        learning"; v is scaled as in PyTorch, so it does not contain lr.

    >>> import numpy as np
    >>> from convnets.layers import Linear
    >>> layer = Linear(2, 1, bias=False, rng=0)
    >>> layer.weight.data, layer.weight.grad = np.zeros((1, 2)), np.ones((1, 2))
    >>> optimizer = SGD(layer.parameters(), lr=0.1, momentum=0.5)
    >>> optimizer.step(), optimizer.step()
    (None, None)
    >>> layer.weight.data
    array([[-0.25, -0.25]])
    """

    momentum = Hyperparameter("lie in [0, 1)", lambda value: 0 <= value < 1, "try 0.9")
    nesterov = Hyperparameter("be True or False", lambda _: True, "try False", kind=bool)
    weight_decay = Hyperparameter("be >= 0", lambda value: value >= 0, "try 1e-4")

    def __init__(
        self,
        parameters: Mapping | Iterable,
        lr: float,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ):
        super().__init__(
            parameters, lr, momentum=momentum, nesterov=nesterov, weight_decay=weight_decay
        )

    def check(self, values):
        if values["nesterov"] and not values["momentum"]:
            raise ValueError("nesterov looks ahead along the momentum; pass momentum=0.9 as well.")

    def update(self, w, g, state):
        if self.weight_decay:
            g = g + self.weight_decay * w
        if self.momentum:
            v = state["velocity"] = self.momentum * state.get("velocity", 0.0) + g
            g = g + self.momentum * v if self.nesterov else v
        return w - self.lr * g
