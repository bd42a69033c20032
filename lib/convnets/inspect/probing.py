"""Running a model to look at it, without touching it."""

from __future__ import annotations

import copy

import numpy as np

from convnets.arrays import asarray_like, batch_last
from convnets.layers import Layer


def copy_in_evaluation(model: Layer) -> Layer:
    """A copy of the model in evaluation mode, with which anything may be done."""
    if not isinstance(model, Layer):
        raise TypeError(
            f"expected a convnets.layers.Layer, got {type(model).__name__}; of a torch module, "
            "only the parameters can be counted."
        )
    return copy.deepcopy(model).eval()


def input_like(model: Layer, x: np.ndarray):
    """`x` where the model's parameters are and in their dtype; float32 if there are none."""
    parameter = next(iter(model.parameters().values()), None)
    x = asarray_like(x, np.empty(0, np.float32) if parameter is None else parameter.data)
    return batch_last(x) if x.ndim == 4 else x
