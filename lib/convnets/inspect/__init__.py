"""What a model costs and sees: parameters, multiply-adds, shapes, receptive fields."""

from convnets.inspect.counts import activation_shapes, count_multiply_adds, count_parameters
from convnets.inspect.receptive import (
    Field,
    ReceptiveField,
    measured_receptive_field,
    receptive_field,
)
from convnets.inspect.table import Summary, summary

__all__ = [
    "Field",
    "ReceptiveField",
    "Summary",
    "activation_shapes",
    "count_multiply_adds",
    "count_parameters",
    "measured_receptive_field",
    "receptive_field",
    "summary",
]
