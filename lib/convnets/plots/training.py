"""How training went, and which classes are confused."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from convnets.arrays import to_numpy
from convnets.callbacks import History
from convnets.plots.style import COLOURS, WIDTH


def training_curves(history: History) -> Figure:
    """Loss and accuracy by epoch, of the training and, where there is one, the validation set.

    The faint line is the loss of each mini-batch. Training values are averages over an epoch, made
    while the model changed; validation values belong to its end.

    Args:
        history: what `convnets.train.fit` returned.
    Returns:
        A Figure with two Axes: loss and accuracy.
    Raises:
        ValueError: no epoch was finished.

    >>> figure = training_curves(History(train_loss=[2.0, 1.0], train_accuracy=[0.4, 0.7]))
    >>> figure.axes[0].lines[0].get_xdata().tolist()
    [1, 2]
    >>> plt.close(figure)
    """
    epochs = len(history.train_loss)
    if epochs == 0:
        raise ValueError("the history holds no finished epoch; train for at least one.")
    figure, (loss, accuracy) = plt.subplots(1, 2, figsize=(WIDTH, 3.4), layout="constrained")
    _curves(loss, history.train_loss, history.val_loss)
    if history.step_loss:
        steps = np.arange(1, len(history.step_loss) + 1) * epochs / len(history.step_loss)
        faint = {"color": "0.7", "linewidth": 0.8, "linestyle": "-", "zorder": 1}
        loss.plot(steps, history.step_loss, label="mini-batches", **faint)
    loss.set(ylabel="loss", ylim=(0, None))
    _curves(accuracy, history.train_accuracy, history.val_accuracy)
    accuracy.set(ylabel="accuracy")
    accuracy.yaxis.set_major_formatter(PercentFormatter(1.0))
    loss.legend()
    return figure


def _curves(ax: Axes, train: Sequence[float], val: Sequence[float]) -> None:
    for values, name, colour, style in (
        (train, "training", COLOURS[0], "o-"),
        (val, "validation", COLOURS[1], "s--"),
    ):
        if values:
            ax.plot(range(1, len(values) + 1), values, style, color=colour, label=name)
    ax.set(xlabel="epoch", xlim=(0, len(train) + 0.5))
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))


def confusion_matrix(labels, predictions, classes: Sequence[str]) -> Figure:
    """How often each class was taken for which: counts, shaded by the share of their row.

    Args:
        labels: (N,) integers, the true classes.
        predictions: (N,) integers, the classes chosen.
        classes: the name of each class.
    Returns:
        A Figure with one Axes; its image holds the shares (true, predicted).
    Raises:
        ValueError: arrays of different length, no examples, or a label that no class has.

    >>> figure = confusion_matrix([0, 0, 1], [0, 1, 1], ("cat", "dog"))
    >>> figure.axes[0].images[0].get_array().tolist()
    [[0.5, 0.5], [0.0, 1.0]]
    >>> plt.close(figure)
    """
    counts = _count_pairs(to_numpy(labels), to_numpy(predictions), len(classes))
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = min(WIDTH, 2.4 + 0.42 * len(classes))
    figure, ax = plt.subplots(figsize=(side, side), layout="constrained")
    ax.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(classes) <= 20:
        for true, predicted in np.argwhere(counts):
            ink = "white" if shares[true, predicted] > 0.5 else "black"
            number = str(counts[true, predicted])
            ax.text(predicted, true, number, color=ink, ha="center", va="center", fontsize=10)
    upright = len(classes) * max(map(len, classes)) <= 40
    ax.set_xticks(range(len(classes)), classes, rotation=0 if upright else 90)
    ax.set_yticks(range(len(classes)), classes)
    accuracy = np.trace(counts) / counts.sum()
    ax.set(xlabel="predicted", ylabel="true", title=f"{accuracy:.1%} of {counts.sum()} correct")
    ax.grid(False)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return figure


def _count_pairs(labels: np.ndarray, predictions: np.ndarray, classes: int) -> np.ndarray:
    if labels.ndim != 1 or labels.shape != predictions.shape or labels.size == 0:
        raise ValueError(
            f"labels and predictions must be two arrays (N,), but have the shapes {labels.shape} "
            f"and {predictions.shape}; scores (N, C) become classes with scores.argmax(axis=1)."
        )
    for name, values in (("labels", labels), ("predictions", predictions)):
        if values.min() < 0 or values.max() >= classes:
            raise ValueError(
                f"{name} run from {values.min()} to {values.max()}, "
                f"but there are {classes} classes: 0 to {classes - 1} are allowed."
            )
    pairs = labels * classes + predictions
    return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)
