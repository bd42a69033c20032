"""Which parameters an optimiser changes, and which of them go by hyperparameters of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


def read_groups(parameters: Mapping | Iterable, allowed: Sequence[str]) -> list[tuple[dict, dict]]:
    """The groups that `parameters` speaks of, each as its parameters by name and its own values.

    Args:
        parameters: a mapping or iterable of parameters, which are one group without values of its
            own; or a list of groups, dicts that hold such parameters at "params" and values of
            hyperparameters by their names.
        allowed: the names of hyperparameters.
    Raises:
        ValueError: a group without parameters or with an unknown name, a parameter in two groups,
            or none at all.

    >>> read_groups([{"params": {"w": 1}, "lr": 2}, {"params": {"w": 3}}], allowed=["lr"])
    [({'0/w': 1}, {'lr': 2}), ({'1/w': 3}, {})]
    """
    groups = parameters if isinstance(parameters, Mapping) else list(parameters)
    if isinstance(groups, list) and groups and all(isinstance(g, Mapping) for g in groups):
        read = [_read(group, i, allowed) for i, group in enumerate(groups)]
    else:
        read = [(_learning(_named(groups)), {})]
    seen = {}
    for params, _ in read:
        for name, parameter in params.items():
            if id(parameter) in seen:
                raise ValueError(
                    f"parameter {seen[id(parameter)]} is also {name}, and would be changed twice "
                    "in one step; give each parameter once, in one group."
                )
            seen[id(parameter)] = name
    if not seen:
        raise ValueError("there are no parameters to optimise; pass model.parameters().")
    return read


NEVER_DECAYED = ("beta", "bias", "gamma", "tau")


def decay_groups(parameters: Mapping, weight_decay: float) -> list[dict]:
    """Two groups for an optimiser: weights, which decay, and all that should not.

    Biases, and the scales and shifts of normalisation, do not: they are few, cannot overfit much,
    and γ near 0 would switch a channel off. These are the parameters named bias, gamma, beta or
    tau, and all with fewer than two axes.

    Args:
        parameters: by name, as `model.parameters()` of our layers, or
            `dict(model.named_parameters())` of a torch module.
        weight_decay: of the weights.
    Returns:
        The list to give to an optimiser; a group without parameters is left out.

    >>> from convnets.layers import BatchNorm1d, Linear, Sequential
    >>> model = Sequential(Linear(4, 3, rng=0), BatchNorm1d(3))
    >>> [(list(g["params"]), g["weight_decay"]) for g in decay_groups(model.parameters(), 1e-4)]
    [(['0.weight'], 0.0001), (['0.bias', '1.gamma', '1.beta'], 0.0)]
    """
    decayed, kept = {}, {}
    for name, parameter in parameters.items():
        is_weight = len(parameter.data.shape) > 1
        is_weight = is_weight and name.rpartition(".")[2] not in NEVER_DECAYED
        (decayed if is_weight else kept)[name] = parameter
    groups = ((decayed, weight_decay), (kept, 0.0))
    return [{"params": params, "weight_decay": decay} for params, decay in groups if params]


def _read(group: Mapping, which: int, allowed: Sequence[str]) -> tuple[dict, dict]:
    own = {name: value for name, value in group.items() if name != "params"}
    unknown = [name for name in own if name not in allowed]
    if "params" not in group or unknown:
        what = f"has no {', '.join(map(repr, unknown))}" if unknown else "says no 'params'"
        raise ValueError(
            f"parameter group {which} {what}; a group is a dict of 'params' and any of "
            f"{', '.join(allowed)}, as {{'params': model[0].parameters(), 'lr': 0.01}}."
        )
    named = _named(group["params"])
    # Names of layers are the same in each group: the group's number makes them different.
    return _learning({f"{which}/{name}": parameter for name, parameter in named.items()}), own


def _named(parameters: Mapping | Iterable) -> dict:
    if isinstance(parameters, Mapping):
        return dict(parameters)
    if hasattr(parameters, "data") and hasattr(parameters, "grad"):
        return {"0": parameters}  # a single parameter, as PyTorch allows it
    return {str(i): parameter for i, parameter in enumerate(parameters)}


def _learning(named: dict) -> dict:
    return {name: p for name, p in named.items() if getattr(p, "requires_grad", True)}
