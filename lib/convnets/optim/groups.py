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
