"""Which modules of `torch.nn` can be computed for several models at once, and how."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from convnets.layers.state import check_state
from convnets.many.pieces import (
    BatchedConv2d,
    BatchedDropout,
    BatchedFlatten,
    BatchedLinear,
    BatchNorm,
    Elementwise,
    InTurn,
    OnePieceEach,
    Piece,
    Pooling,
)

# By exact type, since a subclass may do other things.
ELEMENTWISE = (
    "ELU", "GELU", "Hardswish", "Identity", "LeakyReLU", "ReLU", "ReLU6", "SiLU", "Sigmoid",
    "Softplus", "Tanh",
)  # fmt: skip
POOLING = ("AdaptiveAvgPool2d", "AvgPool2d", "MaxPool2d")


def together(modules: Sequence, generators: Sequence) -> Piece:
    """One piece that computes what all `modules` compute, each for its own examples.

    Args:
        modules: S modules that are built alike.
        generators: S of torch, from which each model draws.
    Raises:
        ValueError: they are not built alike, share parameters, or are not on a CPU.
    """
    _check(modules)
    return _together(modules, generators)


def _together(modules: Sequence, generators: Sequence) -> Piece:
    from torch import nn

    first = modules[0]
    kind = type(first)
    plain = not (first._forward_hooks or first._forward_pre_hooks)
    if kind is nn.Sequential and plain:
        places = zip(*(module.children() for module in modules), strict=True)
        return InTurn([_together(place, generators) for place in places])
    make = _maker(first, nn) if plain else OnePieceEach
    return make(modules, generators)


def _maker(module, nn) -> Callable:
    """What makes a piece of modules such as this one, and of their generators."""
    kind = type(module)
    if kind is nn.Linear:
        return lambda modules, _: BatchedLinear(modules)
    if kind is nn.Conv2d and module.padding_mode == "zeros":
        return lambda modules, _: BatchedConv2d(modules)
    if kind in (nn.BatchNorm1d, nn.BatchNorm2d) and _is_usual(module):
        return lambda modules, _: BatchNorm(modules)
    if kind is nn.Dropout:
        return BatchedDropout
    for names, piece in ((ELEMENTWISE, Elementwise), (POOLING, Pooling)):
        if kind in {getattr(nn, name) for name in names}:
            return lambda modules, _: piece(modules[0])
    if kind is nn.Flatten and (module.start_dim, module.end_dim) == (1, -1):
        return lambda modules, _: BatchedFlatten(modules[0])
    return OnePieceEach


def _is_usual(norm) -> bool:
    return norm.affine and norm.track_running_stats and norm.momentum is not None


def _check(modules: Sequence) -> None:
    first = modules[0]
    for module in modules:
        if _layout(module) != _layout(first):
            raise ValueError(
                "the models are not built alike: their modules differ; let `make` build the same "
                "for every seed."
            )
        check_state(first.state_dict(), module.state_dict())
        owners = [id(p) for _, p in module.named_parameters(remove_duplicate=False)]
        if len(set(owners)) < len(owners):
            raise ValueError(
                "modules that share a parameter cannot be trained many at once; use fit for each "
                "seed."
            )
        if any(p.device.type != "cpu" for p in module.parameters()):
            raise ValueError(
                "many models are trained at once on a CPU only, where the random numbers of each "
                "can be drawn as in a run of its own; use fit for each seed."
            )


def _layout(module) -> list[tuple[str, type, str]]:
    return [(name, type(inner), inner.extra_repr()) for name, inner in module.named_modules()]
