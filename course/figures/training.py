"""Training in pictures: clouds of points, curves with their spread, schedules, searches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from convnets.plots import COLOURS, DASHES

MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def clouds(stages: Mapping[str, np.ndarray], directions: np.ndarray | None = None) -> Figure:
    """The same points (N, 2) at several stages, each with its own equal axes through zero.

    Args:
        stages: title → points.
        directions: (2, 2) rows to draw as arrows from the mean of the first stage; none by default.
    Returns:
        A Figure with one Axes per stage.

    >>> len(clouds({"a": np.zeros((3, 2)), "b": np.ones((3, 2))}).axes)
    2
    """
    size = (2.9 * len(stages), 3.0)
    figure, axes = plt.subplots(1, len(stages), figsize=size, layout="constrained", squeeze=False)
    for ax, (title, points) in zip(axes[0], stages.items(), strict=True):
        ax.axhline(0, color="0.6", linewidth=0.8, linestyle="-")
        ax.axvline(0, color="0.6", linewidth=0.8, linestyle="-")
        ax.scatter(*points.T, s=8, alpha=0.5)
        reach = 1.15 * np.abs(points).max() or 1.0
        ax.set(title=title, xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    if directions is not None:
        start = next(iter(stages.values())).mean(axis=0)
        for arrow, colour in zip(directions, COLOURS[1:], strict=False):
            style = {"arrowstyle": "-|>", "color": colour, "linewidth": 2}
            axes[0, 0].annotate("", xy=start + arrow, xytext=start, arrowprops=style)
    return figure


def shaken_lines(
    panels: Mapping[str, tuple[np.ndarray, np.ndarray, Sequence[tuple]]],
) -> Figure:
    """Two classes of points and lines a·x + b·y + c = 0, the first of which is drawn bold.

    Args:
        panels: title → (points (N, 2), labels (N,) of 0 and 1, lines (a, b, c)).
    Returns:
        A Figure with one Axes per panel.

    >>> panel = (np.eye(2), np.array([0, 1]), [(1.0, -1.0, 0.0)])
    >>> len(shaken_lines({"a": panel}).axes[0].lines)
    1
    """
    size = (4.4 * len(panels), 3.6)
    figure, axes = plt.subplots(1, len(panels), figsize=size, layout="constrained", squeeze=False)
    for ax, (title, (points, labels, lines)) in zip(axes[0], panels.items(), strict=True):
        for which, marker in ((0, "o"), (1, "^")):
            some = points[labels == which]
            ax.scatter(*some.T, s=14, marker=marker, color=COLOURS[which], zorder=3)
        low, high = points.min(axis=0), points.max(axis=0)
        margin = 0.15 * (high - low)
        ax.set(title=title, xlim=(low[0] - margin[0], high[0] + margin[0]))
        ax.set(ylim=(low[1] - margin[1], high[1] + margin[1]))
        across = np.array(ax.get_xlim())
        for k, (a, b, c) in enumerate(lines):
            bold = {"color": "black", "linewidth": 2.5, "zorder": 4}
            faint = {"color": "0.55", "linewidth": 0.8, "zorder": 2}
            ax.plot(across, -(a * across + c) / b, linestyle="-", **(faint if k else bold))
    return figure


def bands(
    x: Sequence[float],
    methods: Mapping[str, np.ndarray],
    *,
    xlabel: str,
    ylabel: str,
    ax=None,
    **axes_settings,
) -> Figure:
    """For each method the mean over seeds as a line, and least to greatest as a band.

    Args:
        x: (n,).
        methods: name → measurements (seeds, n); seven at most.
        xlabel, ylabel: what stands at the axes.
        ax: where to draw; a new figure by default.
        axes_settings: for `Axes.set`, such as yscale="log".
    Returns:
        The Figure.

    >>> len(bands([1, 2], {"a": np.ones((3, 2))}, xlabel="x", ylabel="y").axes)
    1
    """
    if ax is None:
        _, ax = plt.subplots(figsize=(6.6, 3.8), layout="constrained")
    styles = zip(methods.items(), COLOURS, DASHES, strict=False)
    for (name, values), colour, dash in styles:
        ax.plot(x, values.mean(axis=0), color=colour, linestyle=dash, label=name)
        low, high = values.min(axis=0), values.max(axis=0)
        ax.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
    ax.set(xlabel=xlabel, ylabel=ylabel, **axes_settings)
    ax.legend(fontsize=9)
    return ax.figure


def mysteries(histories: Mapping[str, object], classes: int = 10) -> Figure:
    """Training and validation loss of several runs, each in its own panel, with log(classes).

    Args:
        histories: title → what `fit` recorded.
        classes: whose logarithm is drawn as a dotted line: the loss of a guess.
    Returns:
        A Figure with one Axes per run, three in a row.

    >>> from convnets.callbacks import History
    >>> figure = mysteries({"A": History(train_loss=[2.0], val_loss=[2.1])})
    >>> figure.axes[0].get_title()
    'A'
    """
    rows = -(-len(histories) // 3)
    size = (9.0, 2.5 * rows)
    figure, axes = plt.subplots(rows, 3, figsize=size, layout="constrained", squeeze=False)
    for ax in axes.ravel()[len(histories) :]:
        ax.remove()
    for ax, (title, history) in zip(axes.ravel(), histories.items(), strict=False):
        epochs = range(1, len(history.train_loss) + 1)
        ax.axhline(np.log(classes), color="0.5", linestyle=":", linewidth=1.2)
        ax.plot(epochs, history.train_loss, color=COLOURS[0], label="training")
        ax.plot(epochs, history.val_loss, color=COLOURS[1], linestyle="--", label="validation")
        ax.set(title=title, ylim=(0, max(3.0, 1.05 * max(history.train_loss))))
    axes[0, 0].legend(fontsize=9)
    for ax in axes[:, 0]:
        ax.set_ylabel("loss")
    for ax in axes[-1]:
        if ax.figure is figure:
            ax.set_xlabel("epoch")
    return figure


def small_curves(
    panels: Mapping[str, Mapping[str, Sequence[float]]], *, xlabel: str, ylabel: str
) -> Figure:
    """Lines in small panels, four in a row, all on one scale.

    Args:
        panels: title → name of a line → its values at 0, 1, 2, ...
        xlabel, ylabel: what stands at the outer axes.
    Returns:
        A Figure with one Axes per panel.

    >>> len(small_curves({"a": {"": [1, 2]}}, xlabel="x", ylabel="y").axes)
    1
    """
    columns = min(4, len(panels))
    rows = -(-len(panels) // columns)
    figure, axes = plt.subplots(
        rows,
        columns,
        figsize=(2.3 * columns, 1.9 * rows + 0.3),
        layout="constrained",
        squeeze=False,
        sharex=True,
        sharey=True,
    )
    for ax in axes.ravel()[len(panels) :]:
        ax.axis("off")
    for ax, (title, lines) in zip(axes.ravel(), panels.items(), strict=False):
        for (name, values), colour, dash in zip(lines.items(), COLOURS, DASHES, strict=False):
            ax.plot(values, color=colour, linestyle=dash, linewidth=1.5, label=name or None)
        ax.set_title(title, fontsize=10)
        if any(lines):
            ax.legend(fontsize=8)
    figure.supxlabel(xlabel, fontsize=11)
    figure.supylabel(ylabel, fontsize=11)
    return figure


def cliff(w: np.ndarray, loss: np.ndarray, paths: Mapping[str, np.ndarray], at) -> Figure:
    """A loss of one weight, and the steps of several runs on it.

    Args:
        w, loss: (n,) the curve.
        paths: name → (steps,) weights one after another; what leaves the curve is not drawn.
        at: function w → loss, for the places of the steps.
    Returns:
        A Figure with one Axes.

    >>> w = np.linspace(0, 1, 5)
    >>> len(cliff(w, w**2, {"a": np.array([0.2, 0.1])}, lambda v: v**2).axes)
    1
    """
    figure, ax = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    ax.plot(w, loss, color="0.35", linestyle="-")
    styles = zip(paths.items(), COLOURS, MARKERS, strict=False)
    for (name, path), colour, marker in styles:
        seen = path[(path >= w[0]) & (path <= w[-1])]
        look = {"color": colour, "marker": marker, "linestyle": "-", "linewidth": 1}
        ax.plot(seen, at(seen), label=name, alpha=0.8, **look)
    ax.set(xlabel="w", ylabel="loss", yscale="log")
    ax.legend()
    return figure


def trials(search, x: str, y: str, *, label: str) -> Figure:
    """What a search tried: two settings on logarithmic axes, the score as colour.

    Args:
        search: of `convnets.search`.
        x, y: names of the settings.
        label: what the score is.
    Returns:
        A Figure with one Axes and a colour bar; runs that were given up are crosses, and frames
        show from where each stage drew.

    >>> from convnets.search import random_search
    >>> found = random_search(lambda lr, wd: lr, {"lr": (0.1, 1), "wd": (0.1, 1)}, 5)
    >>> len(trials(found, "lr", "wd", label="accuracy").axes)
    2
    """
    figure, ax = plt.subplots(figsize=(6.6, 4.2), layout="constrained")
    done = [t for t in search.trials if not t.quit]
    low, high = min(t.score for t in done), max(t.score for t in done)
    for stage, marker in zip(range(len(search.ranges)), MARKERS, strict=False):
        some = [t for t in done if t.stage == stage]
        places = [[t.settings[name] for t in some] for name in (x, y)]
        points = ax.scatter(
            *places,
            c=[t.score for t in some],
            vmin=low,
            vmax=high,
            marker=marker,
            edgecolor="black",
            linewidth=0.5,
            s=50,
            label=f"stage {stage}",
        )
    lost = [[t.settings[name] for t in search.trials if t.quit] for name in (x, y)]
    if lost[0]:
        ax.scatter(*lost, marker="x", color=COLOURS[1], label="given up")
    for k, ranges in enumerate(search.ranges[1:]):
        (left, right), (bottom, top) = ranges[x], ranges[y]
        border = ([left, right, right, left, left], [bottom, bottom, top, top, bottom])
        ax.plot(*border, color="0.3", linestyle="--", linewidth=1, label=None if k else "range")
    ax.set(xlabel=x, ylabel=y, xscale="log", yscale="log")
    figure.legend(fontsize=9, loc="outside upper center", ncols=4)
    figure.colorbar(points, ax=ax, label=label)
    return figure


def by_rate(
    rates: Sequence[float], methods: Mapping[str, np.ndarray], *, ylabel: str, **axes_settings
) -> Figure:
    """Measurements against the learning rate: means joined by lines, a dot for each seed.

    Args:
        rates: (n,).
        methods: name → measurements (seeds, n); NaN where a run was given up. Seven at most.
        ylabel: what was measured.
        axes_settings: for `Axes.set`.
    Returns:
        A Figure with one Axes.

    >>> len(by_rate([0.1, 1], {"a": np.ones((3, 2))}, ylabel="loss").axes)
    1
    """
    figure, ax = plt.subplots(figsize=(6.6, 3.8), layout="constrained")
    styles = zip(methods.items(), COLOURS, DASHES, MARKERS, strict=False)
    for (name, values), colour, dash, marker in styles:
        look = {"color": colour, "marker": marker}
        ax.plot(rates, values.mean(axis=0), linestyle=dash, label=name, **look)
        ax.plot(rates, values.T, linestyle="none", markersize=3, alpha=0.35, **look)
    ax.set(xlabel="learning rate", ylabel=ylabel, xscale="log", **axes_settings)
    ax.legend(fontsize=9)
    return figure


def line_and_bend(slow: np.ndarray, fall: float, fast: np.ndarray) -> Figure:
    """Two losses by step: a slow one with the line that falls by `fall` a step, and a fast one.

    >>> len(line_and_bend(np.array([1.0, 0.9]), 0.1, np.array([1.0, 0.5])).axes)
    2
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    left.plot(slow, label="small rate")
    left.plot(slow[0] - fall * np.arange(len(slow)), "--", label="−η‖g‖² a step")
    right.plot(fast, color=COLOURS[2], linestyle="-", label="a rate 100 times larger")
    for ax in (left, right):
        ax.set(xlabel="step", ylabel="training loss")
        ax.legend()
    return figure


def widths(
    sizes: Sequence[int], measured: np.ndarray, curves: Mapping[int, Sequence[float]]
) -> Figure:
    """Left the width of a loss against the size of the batch, right losses by step.

    Args:
        sizes: (n,) of batches.
        measured: (n,) deviations; a line of slope −½ goes through the first.
        curves: size → loss of each step.
    Returns:
        A Figure with two Axes.

    >>> len(widths([1, 4], np.array([2.0, 1.0]), {4: [1.0, 2.0]}).axes)
    2
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
    left.plot(sizes, measured, "o-", label="measured")
    left.plot(sizes, measured[0] * np.sqrt(sizes[0] / np.array(sizes)), "--", label="slope −½")
    left.set(xscale="log", yscale="log", xlabel="batch size", ylabel="width")
    left.legend()
    for (size, losses), colour in zip(curves.items(), COLOURS, strict=False):
        right.plot(losses, color=colour, linestyle="-", linewidth=1.2, label=size)
    right.set(xlabel="step", ylabel="loss of the mini-batch")
    right.legend(title="batch size")
    return figure


def losses_and_norms(runs: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> Figure:
    """Losses of several runs by step, and beside them the norms of their gradients.

    Args:
        runs: name → (losses, norms).
    Returns:
        A Figure with two Axes.

    >>> len(losses_and_norms({"a": ([1.0, 0.5], [2.0, 3.0])}).axes)
    2
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
    for name, (losses, norms) in runs.items():
        left.plot(losses, label=name)
        right.plot(norms, label=name)
    left.set(xlabel="step", ylabel="loss of the mini-batch")
    right.set(xlabel="step", ylabel="norm of the gradient, before clipping", yscale="log")
    left.legend()
    return figure
