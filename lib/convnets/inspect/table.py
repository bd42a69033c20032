"""A model at a glance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from convnets.inspect.counts import count_parameters, passed_shapes
from convnets.inspect.receptive import receptive_field
from convnets.layers import Layer


@dataclass(frozen=True)
class Summary:
    """A table of a model's layers; prints as text, and as a table in a notebook.

    Attributes:
        rows: one per layer without layers inside, or with parameters or products of its own: name,
            layer, output shape, parameters, multiply-adds, receptive field.
        parameters, multiply_adds: of the whole model, for one image.
    """

    rows: list[tuple[str, str, str, int, int, str]]
    parameters: int
    multiply_adds: int

    header = ("", "layer", "output", "parameters", "multiply-adds", "receptive field")

    def cells(self) -> list[tuple[str, ...]]:
        """The table with its header and totals, as text."""
        body = [(*row[:3], f"{row[3]:,}", f"{row[4]:,}", row[5]) for row in self.rows]
        total = ("", "total", "", f"{self.parameters:,}", f"{self.multiply_adds:,}", "")
        return [self.header, *body, total]

    def __repr__(self) -> str:
        cells = self.cells()
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = [
            "  ".join(
                cell.rjust(width) if i >= 3 else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
            for row in cells
        ]
        rule = "-" * max(map(len, lines))
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])

    def _repr_html_(self) -> str:
        head, *body = (
            "".join(
                f'<{tag} style="text-align: {"right" if i >= 3 else "left"}">{escape(c)}</{tag}>'
                for i, c in enumerate(row)
            )
            for row, tag in zip(self.cells(), ["th"] + ["td"] * (len(self.rows) + 1), strict=True)
        )
        rows = "".join(f"<tr>{row}</tr>" for row in body)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def summary(model: Layer, input_shape: Sequence[int]) -> Summary:
    """Table of a model: per layer the output shape, parameters, multiply-adds, receptive field.

    Args:
        input_shape: (C, H, W), or (D,) for a model that starts with a Linear.

    >>> from convnets.layers import Conv2d, MaxPool2d, Sequential
    >>> summary(Sequential(Conv2d(1, 6, 5), MaxPool2d(2)), (1, 32, 32))
       layer                               output   parameters  multiply-adds  receptive field
    ------------------------------------------------------------------------------------------
    0  Conv2d(1, 6, kernel_size=5)         6×28×28         156        117,600              5×5
    1  MaxPool2d(kernel_size=2, stride=2)  6×14×14           0              0              6×6
    ------------------------------------------------------------------------------------------
       total                                               156        117,600
    """
    shapes, fields = passed_shapes(model, input_shape), receptive_field(model).layers
    rows = [
        (
            name,
            type(layer).__name__ if layer.children() else repr(layer),
            "×".join(map(str, shapes[name][1])),
            count_parameters(layer) - sum(map(count_parameters, layer.children().values())),
            layer.multiply_adds(*shapes[name]),
            _size_text(fields[name].size),
        )
        for name, layer in model.named_layers()
    ]
    inside = {name: layer.children() for name, layer in model.named_layers()}
    rows = [row for row in rows if row[3] or row[4] or not inside[row[0]]]
    return Summary(rows, count_parameters(model), sum(row[4] for row in rows))


def _size_text(size: tuple[float, float]) -> str:
    if any(map(math.isnan, size)):
        return "varies"
    return "whole image" if math.inf in size else f"{size[0]}×{size[1]}"
