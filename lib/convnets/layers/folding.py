"""Batch normalisation that has learned is a linear map: it can join the layer before it."""

from __future__ import annotations

import copy
from typing import TypeVar

import numpy as np

from convnets.arrays import asarray_like, to_numpy
from convnets.layers.base import Layer, Parameter
from convnets.layers.batch_norm import BatchNormNd
from convnets.layers.containers import Sequential
from convnets.layers.conv import Conv2d
from convnets.layers.linear import Linear

L = TypeVar("L", bound=Layer)


def fold(model: L) -> L:
    """The same function as the model in evaluation mode, without its batch normalisation.

    With s = γ / √(σ² + ε), each BatchNorm joins the Linear or Conv2d before it:

        w'[f] = s[f] · w[f],  b'[f] = s[f] · (b[f] − μ[f]) + β[f]

    Args:
        model: layers of ours; it stays as it is. Each BatchNorm stands in a Sequential, however
            deep inside others, and right after a Linear or Conv2d.
    Returns:
        A new model in evaluation mode, with fewer layers, so that later ones have other numbers.
        Its outputs differ from the model's by rounding.
    Raises:
        ValueError: a BatchNorm has no such layer before it; the message names it.
    Reference: Jacob et al. 2018, arXiv:1712.05877, section 3.2.

    >>> from convnets.layers import BatchNorm1d, ReLU
    >>> fold(Sequential(Linear(4, 3, rng=0), BatchNorm1d(3), ReLU()))
    Sequential(
      (0): Linear(4, 3)
      (1): ReLU()
    )
    """
    folded = copy.deepcopy(model).eval()
    _fold_inside(folded, "")
    return folded


def _fold_inside(layer: Layer, name: str) -> None:
    """Fold what is inside a layer that belongs to us."""
    if isinstance(layer, BatchNormNd):
        raise _nothing_before(name, layer, "it does not stand in a Sequential")
    if not isinstance(layer, Sequential):
        for key, child in layer.children().items():
            _fold_inside(child, f"{name}.{key}" if name else key)
        return
    kept = []
    for key, child in layer.children().items():
        full = f"{name}.{key}" if name else key
        if not isinstance(child, BatchNormNd):
            _fold_inside(child, full)
            kept.append(child)
        elif kept and type(kept[-1]) in (Linear, Conv2d):
            _join(kept[-1], child)
        else:
            before = f"before it stands {kept[-1]!r}" if kept else "it comes first"
            raise _nothing_before(full, child, before)
    Sequential.__init__(layer, *kept)


def _join(layer: Linear | Conv2d, norm: BatchNormNd) -> None:
    w = layer.weight.data
    mean, variance = _wide(norm.running_mean), _wide(norm.running_var)
    scale = (1.0 if norm.gamma is None else _wide(norm.gamma)) / np.sqrt(variance + norm.eps)
    shift = (_wide(layer.bias) if layer.bias else 0.0) - mean
    shift = scale * shift + (0.0 if norm.beta is None else _wide(norm.beta))
    folded = _wide(layer.weight) * scale.reshape(-1, *(1,) * (len(w.shape) - 1))
    layer.weight, layer.bias = (Parameter(asarray_like(a, w)) for a in (folded, shift))


def _wide(holder) -> np.ndarray:
    return to_numpy(holder.data).astype(np.float64)


def _nothing_before(name: str, norm: BatchNormNd, why: str) -> ValueError:
    return ValueError(
        f"{norm!r}{f', layer {name},' if name else ''} can only be folded into a Linear or Conv2d "
        f"right before it in the same Sequential, but {why}. Fold the other parts by themselves."
    )
