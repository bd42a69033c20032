"""Update rules, one per module, and what is done to gradients before them."""

from convnets.optim.base import Optimizer
from convnets.optim.clipping import clip_by_norm, clip_by_value, gradient_norm
from convnets.optim.groups import decay_groups
from convnets.optim.hyperparameter import Hyperparameter
from convnets.optim.max_norm import project_max_norm
from convnets.optim.sgd import SGD

__all__ = [
    "SGD",
    "Hyperparameter",
    "Optimizer",
    "clip_by_norm",
    "clip_by_value",
    "decay_groups",
    "gradient_norm",
    "project_max_norm",
]
