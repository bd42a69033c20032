"""Collections of named arrays, as `state_dict` returns them: compared, and averaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from convnets.arrays import is_floating, is_torch


def check_state(own: Mapping, state: Mapping) -> None:
    """Compare the names and shapes of two collections of arrays.

    Args:
        own: what the model has.
        state: what it should take over.
    Raises:
        ValueError: they differ; the message names every difference.
    """
    missing = [name for name in own if name not in state]
    unexpected = [name for name in state if name not in own]
    problems = [f"missing {', '.join(missing)}"] if missing else []
    problems += [f"unexpected {', '.join(unexpected)}"] if unexpected else []
    problems += [
        f"{name} is {tuple(state[name].shape)} where the model has {tuple(array.shape)}"
        for name, array in own.items()
        if name in state and tuple(state[name].shape) != tuple(array.shape)
    ]
    if problems:
        raise ValueError(
            "this state does not fit the model: " + "; ".join(problems) + ". "
            "Build the model with the arguments it was saved with."
        )


def average_states(states: Sequence[Mapping], weights: Sequence[float] | None = None) -> dict:
    """Mean of the states of models that are built alike, parameters and buffers in the same way.

        mean[name] = Σ_i weights[i] · states[i][name] / Σ_i weights[i]

    Arrays of whole numbers, which count something, cannot be averaged: the last state's are taken.

    Args:
        states: what `state_dict` of each model returned; of ours or of `torch.nn`.
        weights: one number >= 0 for each state; equal where left out.
    Returns:
        A new state, with the dtypes of the first.
    Raises:
        ValueError: no states, states that differ in names or shapes, or unsuitable weights.

    >>> import numpy as np
    >>> average_states([{"w": np.zeros(2)}, {"w": np.ones(2)}], weights=[1, 3])
    {'w': array([0.75, 0.75])}
    """
    if not states:
        raise ValueError("there are no states to average; give a list of model.state_dict().")
    shares = [1.0] * len(states) if weights is None else [float(weight) for weight in weights]
    if len(shares) != len(states) or min(shares) < 0 or not sum(shares) > 0:
        raise ValueError(
            f"weights must be one number >= 0 for each of the {len(states)} states, not all 0, "
            f"but are {shares}."
        )
    for state in states[1:]:
        check_state(states[0], state)
    shares = [share / sum(shares) for share in shares]
    return {name: _mean([state[name] for state in states], shares) for name in states[0]}


def _mean(arrays: Sequence, shares: Sequence[float]):
    if not is_floating(arrays[0]):
        return arrays[-1].clone() if is_torch(arrays[-1]) else arrays[-1].copy()
    total = shares[0] * arrays[0]
    for share, array in zip(shares[1:], arrays[1:], strict=True):
        total = total + share * array
    return total
