"""The two ways to a gradient: hand-written backward passes, and PyTorch's autograd.

The training loop asks an engine for scores and hands back their gradient; it does not know which
of the two it works with.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from convnets.arrays import asarray_like, batch_last, is_floating, moved_like
from convnets.checkpoint import generator_state, restore_generator
from convnets.layers import Layer
from convnets.layers.state import check_state


class LayerEngine:
    """A model of hand-written layers.

    Args:
        model: the layers; their parameters decide where and in which dtype is computed.
    """

    def __init__(self, model: Layer):
        self.model = model
        self.like = _first([*model.parameters().values(), *model.buffers().values()])

    def place(self, images, targets):
        """A mini-batch where the model is: images in its dtype, lying batch-last, and targets."""
        if self.like is None:
            return images, targets
        images = asarray_like(images, self.like)
        images = batch_last(images) if images.ndim == 4 else images
        return images, _targets_like(targets, self.like)

    def scores(self, images):
        """What the model says, (N, C), in its present mode."""
        return self.model(images)

    def training_scores(self, images):
        """The same, ready for `backward`."""
        return self.model(images)

    def backward(self, dscores) -> None:
        """Set the gradient of every parameter from that of the scores."""
        self.model.backward_parameters(dscores)

    def parameters(self) -> dict:
        """Everything that is learned, by name, with its `data` and `grad`."""
        return self.model.parameters()

    def modules(self) -> Iterator[Layer]:
        """The model and every layer inside it."""
        return (layer for _, layer in self.model.named_layers())

    def weights(self) -> dict:
        """A copy of all parameters and buffers by name."""
        return self.model.state_dict()

    def load_weights(self, weights: dict) -> None:
        """Set them all; changes nothing and raises ValueError if names or shapes differ."""
        self.model.load_state_dict(weights)

    def generators(self) -> dict:
        """The state of the generators that layers own, by the layer's name."""
        return {name: generator_state(rng) for name, rng in self._generators().items()}

    def restore_generators(self, states: dict) -> None:
        """Put the layers' generators into the states that `generators` returned."""
        generators = self._generators()
        if generators.keys() != states.keys():
            raise ValueError(
                f"the model draws random numbers in {list(generators) or 'no layer'}, "
                f"but the saved one did in {list(states) or 'no layer'}."
            )
        for name, rng in generators.items():
            restore_generator(rng, states[name])

    def _generators(self) -> dict:
        return {
            name: layer.rng for name, layer in self.model.named_layers() if hasattr(layer, "rng")
        }


class TorchEngine:
    """A `torch.nn.Module`, differentiated by autograd.

    Args:
        model: the module; its parameters decide where and in which dtype is computed.
    """

    def __init__(self, model):
        self.model = model
        self.like = _first(model.parameters())

    def place(self, images, targets):
        """A mini-batch where the model is: images in its dtype, and targets."""
        import torch

        like = torch.empty(0) if self.like is None else self.like
        return asarray_like(images, like), _targets_like(targets, like)

    def scores(self, images):
        """What the model says, (N, C), in its present mode; no graph is kept."""
        import torch

        with torch.no_grad():
            return self.model(images)

    def training_scores(self, images):
        """The same, ready for `backward`."""
        self._graph = self.model(images)
        return self._graph.detach()

    def backward(self, dscores) -> None:
        """Set the gradient of every parameter from that of the scores."""
        self.model.zero_grad(set_to_none=True)
        self._graph.backward(dscores)
        self._graph = None

    def parameters(self) -> dict:
        """Everything that is learned, by name, with its `data` and `grad`."""
        return {name: p for name, p in self.model.named_parameters() if p.requires_grad}

    def modules(self) -> Iterator:
        """The module and every module inside it."""
        return self.model.modules()

    def weights(self) -> dict:
        """A copy of all parameters and buffers by name."""
        return {name: value.detach().clone() for name, value in self.model.state_dict().items()}

    def load_weights(self, weights: dict) -> None:
        """Set them all; changes nothing and raises ValueError if names or shapes differ."""
        check_state(self.model.state_dict(), weights)
        self.model.load_state_dict(weights)

    def generators(self) -> dict:
        """The state of torch's own generators, which dropout modules draw from."""
        import torch

        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        return {"cpu": torch.get_rng_state(), "cuda": cuda}

    def restore_generators(self, states: dict) -> None:
        """Put torch's generators into the states that `generators` returned."""
        import torch

        torch.set_rng_state(states["cpu"])
        if torch.cuda.is_available():
            torch.cuda.set_rng_state_all(states["cuda"])


def engine_for(model) -> LayerEngine | TorchEngine:
    """The engine that differentiates `model`.

    Raises:
        TypeError: neither a layer nor a torch module.
    """
    if isinstance(model, Layer):
        return LayerEngine(model)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(model, torch.nn.Module):
        return TorchEngine(model)
    raise TypeError(
        f"the model must be a convnets.layers.Layer or a torch.nn.Module, "
        f"but is {type(model).__name__}."
    )


@contextmanager
def evaluating(engine: LayerEngine | TorchEngine):
    """Evaluation mode inside the block; afterwards each layer has the mode it had before."""
    before = [(module, module.training) for module in engine.modules()]
    engine.model.eval()
    try:
        yield
    finally:
        for module, training in before:
            module.training = training


def _first(parameters):
    parameter = next(iter(parameters), None)
    return None if parameter is None else parameter.data


def _targets_like(targets, like):
    """Class numbers where the model is; anything else also in its dtype."""
    return asarray_like(targets, like) if is_floating(targets) else moved_like(targets, like)
