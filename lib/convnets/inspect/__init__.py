"""What a model costs and sees: parameters, multiply-adds, receptive fields, linear pieces."""

from convnets.inspect.counts import activation_shapes, count_multiply_adds, count_parameters
from convnets.inspect.linear_probe import LinearProbe
from convnets.inspect.pieces import linear_pieces
from convnets.inspect.receptive import (
    Field,
    ReceptiveField,
    measured_receptive_field,
    receptive_field,
)
from convnets.inspect.table import Summary, summary

__all__ = [
    "Field",
    "LinearProbe",
    "ReceptiveField",
    "Summary",
    "activation_shapes",
    "count_multiply_adds",
    "count_parameters",
    "linear_pieces",
    "measured_receptive_field",
    "receptive_field",
    "summary",
]
