"""Update rules, one per module."""

from convnets.optim.base import Optimizer
from convnets.optim.hyperparameter import Hyperparameter
from convnets.optim.sgd import SGD

__all__ = ["SGD", "Hyperparameter", "Optimizer"]
