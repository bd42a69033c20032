"""Many models as one, for the course's own layers and for `torch.nn`.

Scores, labels and gradients lie one model after the other: (S·N, K).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from convnets.engines import LayerEngine, TorchEngine, engine_for
from convnets.many import layers, modules


class LayersTogether:
    """Models of layers.

    Attributes:
        model: all of them, as one model for the optimiser.
    """

    def __init__(self, models: Sequence):
        self.models = models
        self.model = layers.together(models)
        self.engine = LayerEngine(self.model)

    def place(self, parts: Sequence[np.ndarray], targets):
        """The images of each model as one batch, and the targets, where the models are."""
        return self.engine.place(np.concatenate(parts), targets)

    def parameters(self) -> dict:
        """Everything that is learned, by name, (S, ...)."""
        return self.model.parameters()

    def training_scores(self, images):
        """(S·N, K), ready for `backward`."""
        return self.engine.training_scores(images)

    def scores(self, images):
        """(S·N, K)."""
        return self.engine.scores(images)

    def backward(self, dscores) -> None:
        """Set all gradients."""
        self.engine.backward(dscores)

    def train(self, mode: bool) -> None:
        """Set the mode of all models."""
        self.model.train(mode)
        for model in self.models:
            model.train(mode)

    def write_back(self) -> None:
        """Give each model what it has learned."""
        layers.write_back(self.model)


class ModulesTogether:
    """Models of `torch.nn`.

    Args:
        generators: for each model one of torch, from which it draws.
    Attributes:
        model: all of them, as one model for the optimiser.
    """

    def __init__(self, models: Sequence, generators: Sequence):
        self.models = models
        self.model = modules.together(models, generators)
        self.engine = TorchEngine(models[0])

    def place(self, parts: Sequence[np.ndarray], targets):
        """The images of each model as one batch, and the targets, where the models are."""
        return self.engine.place(np.stack(parts, axis=1), targets)

    def parameters(self) -> dict:
        """Everything that is learned, by name, (S, ...)."""
        return self.model.stacked()

    def training_scores(self, images):
        """(S·N, K), ready for `backward`."""
        self._graph = self.model(images).transpose(0, 1).flatten(0, 1)
        return self._graph.detach()

    def scores(self, images):
        """(S·N, K); no graph is kept."""
        import torch

        with torch.no_grad():
            return self.model(images).transpose(0, 1).flatten(0, 1)

    def backward(self, dscores) -> None:
        """Set all gradients."""
        for parameter in self.model.parameters():
            parameter.grad = None
        self._graph.backward(dscores)
        self._graph = None

    def train(self, mode: bool) -> None:
        """Set the mode of all models."""
        self.model.train(mode)
        for model in self.models:
            model.train(mode)

    def write_back(self) -> None:
        """Give each model what it has learned."""
        self.model.write_back()


def engine_of(models: Sequence, generators: Sequence) -> LayersTogether | ModulesTogether:
    """What computes all of the models as one."""
    if isinstance(engine_for(models[0]), LayerEngine):
        return LayersTogether(models)
    return ModulesTogether(models, generators)
