"""The pieces of the input space in which a network of ReLUs is linear."""

from __future__ import annotations

import numpy as np

from convnets.arrays import to_numpy
from convnets.inspect.probing import copy_in_evaluation, input_like
from convnets.layers import Layer, ReLU, Sequential


def linear_pieces(model: Layer, x: np.ndarray) -> np.ndarray:
    """In which linear piece of the network each input lies.

    Where the same ReLUs pass their input on, the network is one linear function; such inputs get
    the same number. So the number of different numbers is at most that of the pieces, and as many
    as the inputs find: take them close enough. On a line, a new piece begins wherever the number
    changes.

    Args:
        model: a Sequential, also with others inside, of linear layers, ReLUs and reshaping.
        x: (N, ...) inputs of the model.
    Returns:
        (N,) integers from 0.
    Raises:
        TypeError: no Sequential, or no ReLU in it.
    Reference: Montúfar, Pascanu, Cho, Bengio 2014, arXiv:1402.1869.

    >>> from convnets.layers import Linear
    >>> model = Sequential(Linear(1, 2, rng=0), ReLU(), Linear(2, 1, rng=0))
    >>> model[0].weight.data[:], model[0].bias.data[:] = 1, np.array([0, -1])
    >>> linear_pieces(model, np.array([[-1.0], [0.5], [0.6], [3.0]])).tolist()
    [0, 1, 1, 2]
    """
    if not isinstance(model, Sequential):
        raise TypeError(f"expected a Sequential, got {type(model).__name__}.")
    copied, patterns = copy_in_evaluation(model), []
    h = input_like(copied, x)
    for layer in _flat(copied):
        h = layer(h)
        if isinstance(layer, ReLU):
            patterns.append(to_numpy(h).reshape(len(x), -1) > 0)
    if not patterns:
        raise TypeError("the model has no ReLU; without one it is a single linear function.")
    bits = np.packbits(np.concatenate(patterns, axis=1), axis=1)
    keys = np.ascontiguousarray(bits).view(f"V{bits.shape[1]}")[:, 0]
    _, first, numbers = np.unique(keys, return_index=True, return_inverse=True)
    order = np.argsort(np.argsort(first))  # numbered as they come
    return order[numbers]


def _flat(model: Sequential) -> list[Layer]:
    """The layers of a Sequential, those of Sequentials inside it among them."""
    parts = ([layer] if not isinstance(layer, Sequential) else _flat(layer) for layer in model)
    return [layer for part in parts for layer in part]
