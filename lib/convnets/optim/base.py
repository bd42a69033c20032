"""What every optimiser shares: which parameters, the step over all of them, and its state."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping
from typing import ClassVar

from convnets.arrays import asarray_like, contiguous, is_torch, number, to_numpy
from convnets.optim.groups import read_groups
from convnets.optim.hyperparameter import Hyperparameter


class Optimizer:
    """Changes parameters along their gradients; a subclass gives the rule for one array.

    The rule is `update(w, g, state) -> new w`: it leaves w and g as they are and keeps what it
    remembers (velocities, averages, counts) in the dict `state`, one per parameter. What else it
    goes by is declared as `Hyperparameter`s in the class, and handed to `__init__` here by name.

    Args:
        parameters: what to change: `model.parameters()`, of hand-written layers or of a
            `torch.nn.Module`; anything with `data` and `grad` will do. Or a list of groups, each a
            dict of such "params" and of the hyperparameters in which they differ from the others:
            `[{"params": model[0].parameters(), "lr": 0.01}, {"params": model[2].parameters()}]`.
        lr: learning rate, >= 0, of groups that give none. Assign to `lr` at any time to change it;
            where groups differ, to `param_groups[i]["lr"]`.
        hyperparameters: those that the rule declares, likewise.

    Attributes:
        parameters: all of them by name.
        param_groups: for each group a dict of "params" and all hyperparameters.
        state: what the rule remembers, by the name of the parameter.
    Raises:
        ValueError: no parameters, groups that make no sense, or a hyperparameter out of range.

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

    lr = Hyperparameter(
        "be a finite number >= 0", lambda lr: math.isfinite(lr) and lr >= 0, "try 0.1"
    )
    hyperparameters: ClassVar[tuple[str, ...]] = ("lr",)

    # Whether `update` treats each number of an array by itself; False in rules that look at norms,
    # which cannot train many models whose parameters are stacked into one array.
    elementwise: ClassVar[bool] = True

    def __init_subclass__(cls):
        """Find the hyperparameters that the class and those above it declare, in that order."""
        declared = (
            name
            for kind in reversed(cls.__mro__)
            for name, value in vars(kind).items()
            if isinstance(value, Hyperparameter)
        )
        cls.hyperparameters = tuple(dict.fromkeys(declared))

    def __init__(self, parameters: Mapping | Iterable, lr: float, **hyperparameters):
        common = {"lr": lr, **hyperparameters}
        groups = read_groups(parameters, self.hyperparameters)
        self.group = None  # the one being updated
        self.parameters = {name: p for params, _ in groups for name, p in params.items()}
        self.param_groups = [
            {"params": list(params.values()), **self._checked(common | own)}
            for params, own in groups
        ]
        self._names = [list(params) for params, _ in groups]
        self.state = {name: {} for name in self.parameters}

    def _checked(self, values: Mapping) -> dict:
        """The hyperparameters of one group as Python numbers, in the order of declaration."""
        checked = {
            name: getattr(type(self), name).checked(values[name]) for name in self.hyperparameters
        }
        self.check(checked)
        return checked

    def check(self, values: Mapping) -> None:
        """Raise ValueError where the hyperparameters of a group do not go together."""

    def update(self, w, g, state: dict):
        """The new value of one parameter, given its value, gradient and remembered state."""
        raise NotImplementedError(f"{type(self).__name__} must define update(w, g, state).")

    def step(self) -> None:
        """Update every parameter once.

        Raises:
            RuntimeError: a parameter has no gradient.
        """
        try:
            for names, group in zip(self._names, self.param_groups, strict=True):
                self.group = group
                for name in names:
                    self._update(name)
        finally:
            self.group = None

    def _update(self, name: str) -> None:
        parameter = self.parameters[name]
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
        """Rule, hyperparameters of each group and remembered state: numbers and NumPy copies."""
        return {
            "rule": type(self).__name__,
            "groups": [self._checked(group) for group in self.param_groups],
            "state": {
                name: {key: _saved(value) for key, value in memory.items()}
                for name, memory in self.state.items()
            },
        }

    def load_state_dict(self, saved: Mapping) -> None:
        """Continue from what `state_dict` returned.

        Raises:
            ValueError: another rule, other groups, parameters or shapes; nothing was changed.
        """
        rule = saved["rule"]
        if rule != type(self).__name__:
            raise ValueError(f"this is the state of {rule}, but the optimiser is {self!r}.")
        if len(saved["groups"]) != len(self.param_groups):
            raise ValueError(
                f"this state is for {len(saved['groups'])} parameter groups, but the optimiser has "
                f"{len(self.param_groups)}; give it the groups it was saved with."
            )
        if saved["state"].keys() != self.state.keys():
            raise ValueError(
                f"this state is for the parameters {', '.join(saved['state'])}, but the optimiser "
                f"has {', '.join(self.state)}; build the model as it was saved."
            )
        state = {
            name: {key: _restored(value, name, self.parameters[name]) for key, value in m.items()}
            for name, m in saved["state"].items()
        }
        values = [self._checked(group) for group in saved["groups"]]
        for group, own in zip(self.param_groups, values, strict=True):
            group.update(own)
        self.state = state

    def __repr__(self) -> str:
        arguments = (f"{name}={self._shown(name)}" for name in self.hyperparameters)
        return f"{type(self).__name__}({', '.join(arguments)})"

    def _shown(self, name: str) -> str:
        """A hyperparameter; where groups differ, that of each."""
        values = [repr(number(group[name])) for group in self.param_groups]
        return values[0] if len(set(values)) == 1 else f"({', '.join(values)})"


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
