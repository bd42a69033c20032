"""Architectures with a name, a file for each family."""

from convnets.models.example import example_net
from convnets.models.lenet import lenet

__all__ = ["example_net", "lenet"]
