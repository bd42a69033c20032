"""Architectures with a name, a file for each family."""

from convnets.models.lenet import lenet

__all__ = ["lenet"]
