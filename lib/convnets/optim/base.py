"""What every optimiser shares: which parameters, the step over all of them, and its state."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping

from convnets.arrays import asarray_like, contiguous, is_torch, to_numpy


class Optimizer:
    """Changes parameters along their gradients; a subclass gives the rule for one array.

    The rule is `update(w, g, state) -> new w`: it leaves w and g as they are and keeps what it
    remembers (velocities, averages, counts) in the dict `state`, one per parameter.

    Args:
        parameters: what to change: `model.parameters()`, of hand-written layers or of a
            `torch.nn.Module`; anything with `data` and `grad` will do.
        lr: learning rate, >= 0. Assign to `lr` at any time to change it.
    Raises:
        ValueError: no parameters, or a learning rate that is negative or not finite.

    >>> import numpy as np
    >>> from types import SimpleNamespace
    >>> class SignDescent(Optimizer):
    ...     def update(self, w, g, state):
    ...         return w - self.lr * np.sign(g)
    >>> p = SimpleNamespace(data=np.array([1.0, 1.0]), grad=np.array([4.0, -9.0]))
    >>> SignDescent([p], lr=0.5).step()
    >>> p.data
    array([0.5, 1.5])
    """

    hyperparameters: tuple[str, ...] = ("lr",)

    def __init__(self, parameters: Mapping | Iterable, lr: float):
        named = parameters if isinstance(parameters, Mapping) else _numbered(parameters)
        self.parameters = {name: p for name, p in named.items() if _learns(p)}
        if not self.parameters:
            raise ValueError("there are no parameters to optimise; pass model.parameters().")
        self.state = {name: {} for name in self.parameters}
        self.lr = lr

    @property
    def lr(self) -> float:
        """Learning rate."""
        return self._lr

    @lr.setter
    def lr(self, value: float):
        # A Python float: a NumPy float64 from a schedule would turn float32 weights into float64.
        self._lr = float(value)
        if not (math.isfinite(self._lr) and self._lr >= 0):
            raise ValueError(f"lr must be a finite number >= 0, but is {value!r}; try 0.1.")

    def update(self, w, g, state: dict):
        """The new value of one parameter, given its value, gradient and remembered state."""
        raise NotImplementedError(f"{type(self).__name__} must define update(w, g, state).")

    def step(self) -> None:
        """Update every parameter once.

        Raises:
            RuntimeError: a parameter has no gradient.
        """
        for name, parameter in self.parameters.items():
            if parameter.grad is None:
                raise RuntimeError(
                    f"parameter {name} has no gradient; call model.backward(...) before step(), "
                    "and make the optimiser from the parameters of the model you train."
                )
            new = self.update(parameter.data, parameter.grad, self.state[name])
            # One memory order whatever that of the gradient, so that a model restored from a
            # file continues with the same bits. Autograd already keeps the order of its tensors.
            parameter.data = new if is_torch(parameter) else contiguous(new)

    def state_dict(self) -> dict:
        """Rule, hyperparameters and remembered state as numbers and NumPy copies."""
        return {
            "rule": type(self).__name__,
            "hyperparameters": {name: getattr(self, name) for name in self.hyperparameters},
            "state": {
                name: {key: _saved(value) for key, value in memory.items()}
                for name, memory in self.state.items()
            },
        }

    def load_state_dict(self, saved: Mapping) -> None:
        """Continue from what `state_dict` returned.

        Raises:
            ValueError: another rule, other parameters or other shapes; nothing was changed.
        """
        rule = saved["rule"]
        if rule != type(self).__name__:
            raise ValueError(f"this is the state of {rule}, but the optimiser is {self!r}.")
        if saved["state"].keys() != self.state.keys():
            raise ValueError(
                f"this state is for the parameters {', '.join(saved['state'])}, but the optimiser "
                f"has {', '.join(self.state)}; build the model as it was saved."
            )
        state = {
            name: {key: _restored(value, name, self.parameters[name]) for key, value in m.items()}
            for name, m in saved["state"].items()
        }
        for name in self.hyperparameters:
            setattr(self, name, saved["hyperparameters"][name])
        self.state = state

    def __repr__(self) -> str:
        arguments = (f"{name}={getattr(self, name)!r}" for name in self.hyperparameters)
        return f"{type(self).__name__}({', '.join(arguments)})"


def _numbered(parameters: Iterable) -> dict:
    return {str(i): parameter for i, parameter in enumerate(parameters)}


def _learns(parameter) -> bool:
    return getattr(parameter, "requires_grad", True)


def _saved(value):
    return to_numpy(value).copy() if hasattr(value, "shape") else copy.copy(value)


def _restored(value, name: str, parameter):
    if not hasattr(value, "shape"):
        return copy.copy(value)
    if tuple(value.shape) != tuple(parameter.data.shape):
        raise ValueError(
            f"the state of {name} is {tuple(value.shape)}, but the parameter is "
            f"{tuple(parameter.data.shape)}; build the model as it was saved."
        )
    return asarray_like(value.copy(), parameter.data)
