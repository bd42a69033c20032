"""A computation as a graph: values above its edges, gradients below.

x, w = Value(2.0, "x"), Value(-3.0, "w")
loss = (x * w) ** 2
loss.backward()
graph.computation(loss)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse, FancyArrowPatch, FancyBboxPatch

from convnets.plots.cells import BLUE, INK, INPUT, OUTPUT, VERMILION
from convnets.tape import Value

WIDTH, HEIGHT = 1.75, 1.3  # inches from one column, one row, to the next
BOX = (0.62, 0.44)  # inches: width and height of a node
TEXT = 0.155  # inches from an edge to the middle of its numbers
SYMBOLS = {"power 2": "( )²", "power -1": "1 / ( )", "sigmoid": "σ"}


def computation(
    output: Value,
    *,
    places: Mapping[str, tuple[float, float]] | None = None,
    backward: bool = True,
    digits: int = 3,
) -> Figure:
    """Draw how a value was computed, and how the gradient came back.

    Above each edge stands the value that goes forward, below it, in italics, the share of the
    gradient that comes back along this edge. Under an input that is used more than once stands the
    sum of its shares. The layout is made for a dozen operations; larger graphs need `places`.

    Args:
        output: a value of `convnets.tape`; `backward` was called where gradients are to be drawn.
        places: name of a value → (column, row) of its node, where the layout should be another.
        backward: whether to draw gradients.
        digits: significant digits of a number.
    Returns:
        A Figure with one Axes.
    Raises:
        ValueError: gradients are asked for, and there are none; or `places` has a name that no
            value has.

    >>> x = Value(2.0, "x")
    >>> y = x * x
    >>> y.backward()
    >>> [text.get_text() for text in computation(y).axes[0].texts]
    ['x', 'Σ = 4', '×', '2', '2', '2', '2', '4', '1']
    >>> plt.close("all")
    """
    order = output.graph()
    if backward and output.grad is None:
        raise ValueError("there are no gradients; call backward() of the value, or backward=False.")
    at = _layout(order, places or {})
    edges = _edges(order, at, backward)
    columns, rows = (max(place[axis] for place in at.values()) for axis in (0, 1))
    above = 0.5 + max((edge.height for edge in edges), default=0)
    below = 0.6 - min((edge.height for edge in edges), default=0)
    limits = (-0.5, columns * WIDTH + 1.8), (rows * HEIGHT + max(0.6, below), -max(0.5, above))
    size = (limits[0][1] - limits[0][0], limits[1][0] - limits[1][1])
    figure, ax = plt.subplots(figsize=size, layout="constrained")
    ax.set(xlim=limits[0], ylim=limits[1], aspect="equal")
    ax.axis("off")
    uses = _uses(order)
    for value in order:
        _node(ax, value, at[id(value)])
        if backward and not value.parents and len(uses[id(value)]) > 1:
            x, y = _inches(at[id(value)])
            style = {"color": VERMILION, "ha": "center", "va": "top", "fontsize": 10}
            ax.text(x, y + 0.27, f"Σ = {written(value.grad, digits)}", style="italic", **style)
    for edge in edges:
        edge.draw(ax, digits)
    last = at[id(output)]
    end = Edge(last, (last[0] + 0.85, last[1]), output.data, output.grad if backward else None)
    end.draw(ax, digits)
    return figure


@dataclass(frozen=True)
class Edge:
    """An arrow between two nodes, with the value and the gradient that pass along it.

    Attributes:
        start, end: (column, row).
        data: what goes forward.
        share: what comes back, None where that is not drawn.
        bend: how far the middle leaves the straight line, upwards, as a part of twice its length.
    """

    start: tuple[float, float]
    end: tuple[float, float]
    data: np.ndarray
    share: np.ndarray | None
    bend: float = 0.0

    @property
    def height(self) -> float:
        """Inches by which the middle lies above the straight line."""
        return self.bend * (math.dist(_inches(self.start), _inches(self.end)) - BOX[0]) / 2

    def draw(self, ax: Axes, digits: int) -> None:
        """The arrow, the value above it and the gradient below."""
        (x0, y0), (x1, y1) = _inches(self.start), _inches(self.end)
        angle = math.atan2(y1 - y0, x1 - x0)
        across = np.array([math.sin(angle), -math.cos(angle)])  # of length 1, upwards
        dx, dy = 0.5 * BOX[0] * math.cos(angle), 0.5 * BOX[1] * math.sin(angle)
        style = {"arrowstyle": "-|>", "mutation_scale": 12, "linewidth": 1.2, "color": INK}
        style |= {"connectionstyle": f"arc3,rad={-self.bend}", "alpha": 0.6, "zorder": 2}
        ax.add_patch(FancyArrowPatch((x0 + dx, y0 + dy), (x1 - dx, y1 - dy), **style))
        middle = np.array([x0 + x1, y0 + y1]) / 2 + across * self.height
        beside = across * (TEXT + 0.16 * abs(math.sin(angle)))  # numbers are wider than high
        style = {"ha": "center", "va": "center", "fontsize": 10, "zorder": 5}
        style["bbox"] = {"facecolor": "white", "edgecolor": "none", "pad": 0.4, "alpha": 0.85}
        ax.text(*middle + beside, written(self.data, digits), color=BLUE, **style)
        if self.share is not None:
            text = written(self.share, digits)
            ax.text(*middle - beside, text, color=VERMILION, style="italic", **style)


def written(values, digits: int = 3) -> str:
    """A number with a true minus sign, or the shape of an array.

    >>> written(np.array(-0.25)), written(np.zeros((2, 3)))
    ('−0.25', '2×3')
    """
    values = np.asarray(values)
    if values.size != 1:
        return "×".join(map(str, values.shape))
    value = float(values.item())
    return f"{0.0 if value == 0 else value:.{digits}g}".replace("-", "−")


def _layout(order: list[Value], places: Mapping[str, tuple[float, float]]) -> dict:
    """(column, row) of each value: operands left of results, inputs just before their use."""
    columns = {}
    for value in order:
        columns[id(value)] = max((columns[id(p)] + 1 for p, _ in value.parents), default=0)
    uses = _uses(order)
    for value in order:
        if not value.parents and uses[id(value)]:
            columns[id(value)] = min(columns[id(user)] for user in uses[id(value)]) - 1
    rows, taken = {}, {}
    free = 0
    for value in order:
        if value.parents:
            row = float(np.mean(sorted({rows[id(p)] for p, _ in value.parents})))
        else:
            row, free = float(free), free + 1
        column = taken.setdefault(columns[id(value)], [])
        while any(abs(row - other) < 0.9 for other in column):
            row += 0.5
        column.append(row)
        rows[id(value)] = row
    at = {key: (columns[key], rows[key]) for key in columns}
    named = {value.name: id(value) for value in order if value.name}
    unknown = sorted(set(places) - set(named))
    if unknown:
        there = ", ".join(sorted(named))
        raise ValueError(f"no value is called {', '.join(unknown)}; there are {there}.")
    return at | {named[name]: place for name, place in places.items()}


def _uses(order: list[Value]) -> dict[int, list[Value]]:
    """The values that each value goes into, one for each use."""
    uses = {id(value): [] for value in order}
    for value in order:
        for parent, _ in value.parents:
            uses[id(parent)].append(value)
    return uses


def _edges(order: list[Value], at: Mapping, backward: bool) -> list[Edge]:
    edges = []
    for value in order:
        for slot, (parent, share) in enumerate(value.parents):
            ends = at[id(parent)], at[id(value)]
            share = _summed(share(value.grad), parent.data) if backward else None
            others = [place for key, place in at.items() if key not in (id(parent), id(value))]
            bend = _bend(value, parent, slot) or (0.65 if _meets(*ends, others) else 0.0)
            edges.append(Edge(*ends, parent.data, share, bend))
    return edges


def _summed(share, like) -> np.ndarray:
    """The share of one number that was repeated is a sum; of an array only the shape is written."""
    share = np.asarray(share)
    return share.sum() if like.size == 1 else share


def _bend(value: Value, parent: Value, slot: int) -> float:
    """Edges between the same two nodes part: the first bends up, the second down."""
    same = sum(other is parent for other, _ in value.parents)
    return 0.0 if same == 1 else (0.55, -0.55)[slot % 2]


def _meets(start, end, others) -> bool:
    """Whether a straight line would run through, or close by, another node."""
    (x0, y0), (x1, y1) = start, end
    between = [(x, y) for x, y in others if min(x0, x1) < x < max(x0, x1)]
    return any(abs(y0 + (y1 - y0) * (x - x0) / (x1 - x0) - y) < 0.45 for x, y in between)


def _inches(place: tuple[float, float]) -> tuple[float, float]:
    return place[0] * WIDTH, place[1] * HEIGHT


def _node(ax: Axes, value: Value, place: tuple[float, float]) -> None:
    x, y = _inches(place)
    if value.parents:
        shape = Ellipse((x, y), *BOX, facecolor=OUTPUT, edgecolor=INK, linewidth=1, zorder=3)
    else:
        corner = (x - BOX[0] / 2, y - BOX[1] / 2)
        style = {"boxstyle": "round,pad=0,rounding_size=0.06", "zorder": 3}
        shape = FancyBboxPatch(corner, *BOX, facecolor=INPUT, edgecolor=INK, linewidth=1, **style)
    ax.add_patch(shape)
    style = {"ha": "center", "color": INK, "zorder": 4}
    label = _symbol(value.op) if value.parents else value.name
    ax.text(x, y, label, va="center", fontsize=12 if len(label) < 6 else 9, **style)
    if value.parents and value.name:
        ax.text(x, y - BOX[1] / 2 - 0.03, value.name, va="bottom", fontsize=10, **style)


def _symbol(op: str) -> str:
    """An operation as it is written: "+ -1" is − 1.

    >>> _symbol("+ -1"), _symbol("× -2"), _symbol("sigmoid")
    ('− 1', '× (−2)', 'σ')
    """
    sign, _, constant = op.partition(" ")
    if sign == "+" and constant.startswith("-"):
        return f"− {constant[1:]}"
    if constant.startswith("-") and sign != "power":
        return f"{sign} (−{constant[1:]})"
    return SYMBOLS.get(op, op)
