"""The arguments of training, looked at before the first step.

Each error names what was given, what is needed and what to try.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator

from convnets import functional as F
from convnets.data import Dataset
from convnets.functional.losses import hinge_loss_each, softmax_cross_entropy_each
from convnets.layers import Layer

Loss = tuple[Callable, Callable]

LOSSES = {
    "softmax_cross_entropy": (F.softmax_cross_entropy, F.softmax_cross_entropy_backward),
    "hinge_loss": (F.hinge_loss, F.hinge_loss_backward),
}

# Losses of single examples by the names above, for many models at once.
LOSSES_OF_EACH = {
    "softmax_cross_entropy": softmax_cross_entropy_each,
    "hinge_loss": hinge_loss_each,
}


def loss_pair(loss: str | Loss) -> Loss:
    """Forward and backward function of a loss given by name or as a pair.

    Raises:
        ValueError: there is no such name.
        TypeError: something else than a name or two functions.
    """
    if isinstance(loss, str):
        if loss not in LOSSES:
            raise ValueError(
                f"loss must be one of {', '.join(LOSSES)}, or a pair of functions, but is {loss!r}."
            )
        return LOSSES[loss]
    if isinstance(loss, tuple | list) and len(loss) == 2 and all(map(callable, loss)):
        return tuple(loss)
    remedy = f"give a name ({', '.join(LOSSES)}) or such a pair, (loss, loss_backward)."
    if is_of_torch(loss, "nn", "Module"):
        same = "; 'softmax_cross_entropy' is the same as nn.CrossEntropyLoss()"
        remedy = f"it would need autograd{same}: {remedy}"
    raise TypeError(
        "loss must be a pair of functions, forward(scores, targets) -> (loss, cache) and "
        f"backward(dloss, cache) -> dscores, but is {_shown(loss)}; {remedy}"
    )


def loss_name(loss: str | Loss) -> str | list[str]:
    """What a saved run remembers of its loss."""
    return loss if isinstance(loss, str) else [name_of(function) for function in loss]


def name_of(function) -> str:
    """The name of a function, or of the class of a callable object."""
    return getattr(function, "__name__", type(function).__name__)


def check_data(data: Dataset, what: str) -> None:
    """Raise TypeError unless `data` is a Dataset; `what` is how the argument is called."""
    if isinstance(data, Dataset):
        return
    remedy = "make one with convnets.data.Dataset(images, labels, classes)"
    if is_of_torch(data, "utils.data", "DataLoader"):
        remedy = (
            "mini-batches are made here, of the size batch_size and in the order that rng draws; "
            f"collect its batches into arrays and {remedy}, what it does to a batch is `prepare`"
        )
    raise TypeError(f"{what} must be a convnets.data.Dataset, but is {_shown(data)}; {remedy}.")


def check_training(
    train: Dataset, val: Dataset | None, epochs: int, batch_size: int, drop_last: bool
) -> None:
    """Raise unless there are data of the right kind and at least one mini-batch of them."""
    check_data(train, "train")
    if val is not None:
        check_data(val, "val")
    for name, value in (("epochs", epochs), ("batch_size", batch_size)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1, but is {value!r}.")
    if not len(train):
        raise ValueError("the training data is empty; there is nothing to learn from.")
    if val is not None and not len(val):
        raise ValueError("the validation data is empty; leave val out to train without.")
    if drop_last and len(train) < batch_size:
        raise ValueError(
            f"drop_last leaves no mini-batch: there are {len(train)} examples and batch_size is "
            f"{batch_size}; use a batch_size of at most {len(train)}."
        )


def check_optimizer(optimizer, engine) -> None:
    """Raise unless the optimiser can change parameters of the model.

    Args:
        engine: has the `model` and its `parameters()` by name.
    Raises:
        TypeError: no optimiser, or one of `torch.optim` for layers that have no autograd.
        ValueError: it was made from the parameters of another model.
    """
    if isinstance(optimizer, type) or not callable(getattr(optimizer, "step", None)):
        raise TypeError(
            "the optimiser must be an object with a step(), as "
            f"convnets.optim.SGD(model.parameters(), lr=0.1), but is {_shown(optimizer)}."
        )
    if isinstance(engine.model, Layer) and is_of_torch(optimizer, "optim", "Optimizer"):
        raise TypeError(
            f"the optimiser is torch.optim.{type(optimizer).__name__}, but the model is made of "
            "convnets.layers, whose parameters hold `data` and `grad` without autograd; "
            "use one of convnets.optim, as SGD(model.parameters(), lr=0.1)."
        )
    own = {id(parameter) for parameter in engine.parameters().values()}
    theirs = list(_parameters_of(optimizer))
    if theirs and own.isdisjoint(map(id, theirs)):
        raise ValueError(
            f"the optimiser holds none of the model's parameters: its {len(theirs)} are "
            f"{type(theirs[0]).__name__}s of something else. Make it from the parameters of the "
            f"model you train: {type(optimizer).__name__}(model.parameters(), lr=...)."
        )


def _parameters_of(optimizer) -> Iterator:
    """What an optimiser of ours or of `torch.optim` changes; nothing where it does not say so."""
    if is_of_torch(optimizer, "optim", "Optimizer"):
        for group in optimizer.param_groups:
            yield from group["params"]
        return
    parameters = getattr(optimizer, "parameters", None)
    yield from parameters.values() if isinstance(parameters, dict) else ()


def is_of_torch(value, module: str, name: str) -> bool:
    """Whether `value` is an instance of torch.<module>.<name>; never imports torch to find out."""
    found = sys.modules.get(f"torch.{module}")
    return found is not None and isinstance(value, getattr(found, name))


def _shown(value) -> str:
    """A value in an error: short things as they are, others by their kind."""
    if isinstance(value, type):
        return f"the class {value.__name__}"
    if isinstance(value, tuple | list):
        return f"a {type(value).__name__} of {len(value)}"
    text = repr(value)
    if callable(value) and hasattr(value, "__name__"):
        return f"the function {value.__name__}"
    return (
        text
        if len(text) <= 60 and "\n" not in text and " at 0x" not in text
        else (f"a {type(value).__module__.partition('.')[0]} {type(value).__name__}")
    )
