"""Callbacks that act on the steps of a training: its rate, its gradients, and when to give up."""

from __future__ import annotations

from convnets.arrays import number
from convnets.callbacks import Callback
from convnets.optim import clip_by_norm, clip_by_value, project_max_norm
from convnets.optim.clipping import positive
from convnets.run import DivergenceError
from convnets.schedules import Rate, named


def set_learning_rate(optimizer, rate: float, shares: list[float] | None = None) -> None:
    """Give every parameter group the rate, or its share of it.

    Args:
        optimizer: of `convnets.optim` or `torch.optim`.
        rate: >= 0.
        shares: one factor for each group; 1 for all where None.
    """
    groups = optimizer.param_groups
    for group, share in zip(groups, shares or [1.0] * len(groups), strict=True):
        group["lr"] = rate * share


class Schedule(Callback):
    """Set the learning rate before every update, as a function of the updates made before.

    Parameter groups that start with other rates than the first keep their ratio to it.

    Args:
        rate: a function of t, the updates made before; or the name of one in
            `convnets.schedules`, whose settings then follow.
        settings: of the schedule that is named.
    Raises:
        ValueError: no such schedule, a setting or a rate out of range.

    >>> Schedule("cosine", lr=0.1, total=300)
    Schedule('cosine', lr=0.1, total=300)
    """

    def __init__(self, rate: str | Rate, **settings):
        if not isinstance(rate, str) and settings:
            raise TypeError(
                f"settings ({', '.join(settings)}) belong to a schedule that is named; put them "
                "into the function: Schedule(lambda t: cosine(t, lr=0.1, total=300))."
            )
        self.name = rate if isinstance(rate, str) else getattr(rate, "__name__", "function")
        self.settings = {key: number(value) for key, value in settings.items()}
        self.rate = named(rate, **settings) if isinstance(rate, str) else rate
        self._checked(0)
        self._shares = None

    def _checked(self, t: int) -> float:
        value = number(self.rate(t))
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e300:
            raise ValueError(
                f"a schedule must give a finite rate >= 0, but at step {t} gives {value!r}."
            )
        return float(value)

    def on_start(self, run):
        rates = [float(group["lr"]) for group in run.optimizer.param_groups]
        if len(set(rates)) == 1:
            self._shares = [1.0] * len(rates)
        elif rates[0] > 0:
            self._shares = [rate / rates[0] for rate in rates]
        else:
            raise ValueError(
                f"the parameter groups have the rates {rates}: the first is 0, so the others have "
                "no ratio to it; give it the rate that the schedule stands for."
            )

    def on_backward(self, run):
        set_learning_rate(run.optimizer, self._checked(run.steps - 1), self._shares)

    def state_dict(self):
        return {"name": self.name, "settings": dict(self.settings), "shares": self._shares}

    def load_state_dict(self, state):
        own = (self.name, self.settings)
        if own != (state["name"], state["settings"]):
            raise ValueError(
                f"the schedule was {state['name']} {state['settings']} and is now {own[0]} {own[1]}"
            )
        self._shares = list(state["shares"])

    def __repr__(self) -> str:
        settings = "".join(f", {key}={value!r}" for key, value in self.settings.items())
        return f"Schedule({self.name!r}{settings})"


class ClipNorm(Callback):
    """Shorten the gradients of each step to a norm of at most `max_norm`.

    Attributes:
        norms: ‖g‖ of each step so far, before clipping.

    >>> ClipNorm(1.0)
    ClipNorm(1.0)
    """

    def __init__(self, max_norm: float):
        clip_by_norm([], max_norm)  # raises where it is out of range
        self.max_norm, self.norms = float(max_norm), []

    def on_start(self, run):
        self.norms = []

    def on_backward(self, run):
        parameters = [p for p in run.parameters.values() if p.grad is not None]
        clipped, norm = clip_by_norm([p.grad for p in parameters], self.max_norm)
        self.norms.append(norm)
        for parameter, gradient in zip(parameters, clipped, strict=True):
            parameter.grad = gradient

    def state_dict(self):
        return {"norms": list(self.norms)}

    def load_state_dict(self, state):
        self.norms = list(state["norms"])

    def __repr__(self) -> str:
        return f"ClipNorm({self.max_norm})"


class ClipValue(Callback):
    """Move every number of the gradients of each step into [−limit, limit].

    >>> ClipValue(0.5)
    ClipValue(0.5)
    """

    def __init__(self, limit: float):
        clip_by_value([], limit)  # raises where it is out of range
        self.limit = float(limit)

    def on_backward(self, run):
        for parameter in run.parameters.values():
            if parameter.grad is not None:
                (parameter.grad,) = clip_by_value([parameter.grad], self.limit)

    def __repr__(self) -> str:
        return f"ClipValue({self.limit})"


class MaxNorm(Callback):
    """After each update, shorten the incoming weights of every unit to a norm of at most `limit`.

    Biases, and all else that has one axis, are left alone; see `optim.project_max_norm`.

    >>> MaxNorm(3)
    MaxNorm(3.0)
    """

    def __init__(self, limit: float):
        self.limit = positive(limit, "limit")

    def on_step(self, run):
        for parameter in run.parameters.values():
            if parameter.data.ndim > 1:
                parameter.data = project_max_norm(parameter.data, self.limit)

    def __repr__(self) -> str:
        return f"MaxNorm({self.limit})"


class QuitEarly(Callback):
    """End a run at once when the loss of a mini-batch exceeds `factor` times the first one.

    Args:
        factor: > 1.
    Raises:
        DivergenceError: from `fit`, with the history until then.

    >>> QuitEarly(factor=3)
    QuitEarly(factor=3.0)
    """

    def __init__(self, factor: float = 3.0):
        if not number(factor) > 1:
            raise ValueError(f"factor must be > 1, but is {factor!r}; try 3.")
        self.factor = float(factor)

    def on_step(self, run):
        first = run.history.step_loss[0]
        if run.loss > self.factor * first:
            raise DivergenceError(
                f"the loss was {run.loss:.3g} at step {run.steps}, more than {self.factor:g} times "
                f"the first, {first:.3g}, with lr={run.lr:g}; try a smaller rate.",
                run.history,
            )

    def __repr__(self) -> str:
        return f"QuitEarly(factor={self.factor})"
