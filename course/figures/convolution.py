"""Pictures of one window and its weights: sliding, padding, stride, channels, im2col."""

from __future__ import annotations

import numpy as np

from convnets.functional import conv2d
from convnets.plots.cells import (
    BLUE,
    GREEN,
    GREY,
    INPUT,
    KERNEL,
    ORANGE,
    OUTPUT,
    PAPER,
    PURPLE,
    SKY,
    VERMILION,
    arrow,
    canvas,
    draw_cells,
    frame,
    note,
    number,
)
from convnets.shapes import output_size, uncovered

WINDOWS = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION)
GAP = 1.8  # cells between an input, its kernel and its output


def sliding_window(x, w, place=(0, 0), stride=1, names=("input x", "kernel w", "output y")):
    """Input, kernel and output side by side, with the sum for one output worked underneath.

    Args:
        x: (H, W) image.
        w: (KH, KW) kernel.
        place: (i, j) of the output that is worked.
        stride: pixels from one window to the next.
        names: titles of the three grids.
    Returns:
        The Matplotlib figure.

    >>> figure = sliding_window(np.ones((3, 3)), np.eye(2))
    >>> figure.axes[0].texts[-1].get_text()
    '1·1 + 1·0 + 1·0 + 1·1 = 2'
    """
    x, w = np.asarray(x), np.asarray(w)
    y = _slide(x, w, stride)
    (i, j), top, lefts = place, 0.9, _lefts(x, w, y)
    figure, ax = canvas(lefts[2] + y.shape[1], max(len(x), len(w), len(y)) + 2.1)
    for array, left, colour, name in zip(
        (x, w, y), lefts, (INPUT, KERNEL, OUTPUT), names, strict=True
    ):
        draw_cells(ax, array, (top, left), fill=colour)
        note(ax, 0.3, left + array.shape[1] / 2, name)
    _write_weights(ax, w, (top + i * stride, j * stride))
    frame(ax, top + i * stride, j * stride, *w.shape)
    frame(ax, top + i, lefts[2] + j, 1, 1)
    note(ax, top + len(w) / 2, lefts[1] - GAP / 2, "⋆", size=20)
    note(ax, top + len(w) / 2, lefts[2] - GAP / 2, "=", size=18)
    _worked_sum(ax, x, w, y, place, stride)
    return figure


def _slide(x, w, stride):
    x, w = np.asarray(x, dtype=float), np.asarray(w, dtype=float)
    return conv2d(x[None, None], w[None, None], stride=stride)[0][0, 0]


def _lefts(x, w, y):
    kernel = x.shape[1] + GAP
    return 0, kernel, kernel + w.shape[1] + GAP


def _write_weights(ax, w, at):
    for (p, q), weight in np.ndenumerate(w):
        where = (at[0] + p + 0.84, at[1] + q + 0.91)
        note(ax, *where, f"×{number(weight)}", size=8, ha="right", color=VERMILION, zorder=5)


def _worked_sum(ax, x, w, y, place, stride):
    i, j = place
    terms = [
        f"{number(x[i * stride + p, j * stride + q])}·{_signed(weight)}"
        for (p, q), weight in np.ndenumerate(w)
    ]
    width, height = ax.get_xlim()[1], ax.get_ylim()[0]
    line = " + ".join(terms) + f" = {number(y[i, j])}"
    note(ax, height - 0.6, width / 2, line, size=11 if len(terms) <= 6 else 9, color=VERMILION)


def _signed(weight):
    return number(weight) if weight >= 0 else f"({number(weight)})"


def sliding_steps(x, w, places, stride=1):
    """A film strip: for each place the window on the input, and the output filled so far.

    Args:
        x: (H, W) image.
        w: (KH, KW) kernel.
        places: sequence of output positions (i, j) in row-major order.
        stride: pixels from one window to the next.

    >>> len(sliding_steps(np.ones((3, 3)), np.ones((2, 2)), [(0, 0), (0, 1)]).axes)
    2
    """
    x, w = np.asarray(x), np.asarray(w)
    y = _slide(x, w, stride)
    height = len(x) + len(y) + 2.6
    figure, axes = canvas(
        x.shape[1] + 1, height, axes=len(places), inches_per_cell=1.9 / (x.shape[1] + 1)
    )
    for ax, (i, j) in zip(np.atleast_1d(axes), places, strict=True):
        done = np.ravel_multi_index((i, j), y.shape)
        text = [
            [number(v) if r * y.shape[1] + s <= done else "" for s, v in enumerate(row)]
            for r, row in enumerate(y)
        ]
        left = (x.shape[1] - y.shape[1]) / 2
        draw_cells(ax, x, (0.8, 0), fill=INPUT, size=9)
        draw_cells(ax, y, (len(x) + 2.0, left), fill=OUTPUT, text=text, size=9)
        frame(ax, 0.8 + i * stride, j * stride, *w.shape)
        frame(ax, len(x) + 2.0 + i, left + j, 1, 1)
        middle = x.shape[1] / 2  # in the gap between the grids, where no digit is
        arrow(ax, (len(x) + 0.95, middle), (len(x) + 1.9, middle), VERMILION)
        note(ax, 0.35, x.shape[1] / 2, f"y[{i}, {j}]", size=10)
    return figure


def padding(size, kernel, amounts=(0, 1, 2)):
    """Square inputs with rings of zeros, the first window, and the output each of them gives.

    Args:
        size: height and width of the input, in pixels.
        kernel: height and width of the window, in pixels.
        amounts: paddings to show, side by side.

    >>> padding(4, 3).axes[0].texts[0].get_text()
    'padding 0: 4×4 → 2×2'
    """
    outputs = [output_size(size, kernel, padding=p) for p in amounts]
    spans = [size + 2 * p + GAP + out for p, out in zip(amounts, outputs, strict=True)]
    tallest = max(max(size + 2 * p, out) for p, out in zip(amounts, outputs, strict=True))
    gaps = 2 * GAP * (len(amounts) - 1)
    _, ax = canvas(sum(spans) + gaps, tallest + 1.4, inches_per_cell=0.25)
    left = 0.0
    for p, out, span in zip(amounts, outputs, spans, strict=True):
        middle = 1.4 + tallest / 2
        note(ax, 0.4, left + span / 2, f"padding {p}: {size}×{size} → {out}×{out}")
        _padded_input(ax, size, p, (middle - size / 2 - p, left))
        _first_window(
            ax, kernel, out, (middle - size / 2 - p, left), (middle - out / 2, left + span)
        )
        note(ax, middle, left + size + 2 * p + GAP / 2, "→", size=14, color=VERMILION)
        left += span + 2 * GAP
    return ax.figure


def _padded_input(ax, size, p, at):
    padded = np.pad(np.ones((size, size)), p)
    fill = [[INPUT if inside else GREY for inside in row] for row in padded]
    text = [["" if inside else "0" for inside in row] for row in padded]
    draw_cells(ax, padded, at, fill=fill, text=text, size=8)


def _first_window(ax, kernel, out, at, output_at):
    """Frame the first window and its output; `output_at` is the output's top right corner."""
    top, right = output_at
    draw_cells(ax, np.ones((out, out)), (top, right - out), fill=OUTPUT, text=[[""] * out] * out)
    frame(ax, *at, kernel, kernel)
    frame(ax, top, right - out, 1, 1)


def strided_places(size, kernel, stride, padding):
    """A padded square input, a dot on the middle of every window, and the windows of the first row.

    Args:
        size: height and width of the input, in pixels.
        kernel: height and width of the window, in pixels; odd, so that it has a middle.
        stride: pixels from one window to the next.
        padding: zeros on each side.

    >>> strided_places(7, 3, 2, 1).axes[0].texts[0].get_text()
    '7×7, padded to 9×9, window 3×3, stride 2 → 4×4'
    """
    out, padded = output_size(size, kernel, stride, padding), size + 2 * padding
    _, ax = canvas(padded + GAP + out, padded + 1.2, inches_per_cell=0.36)
    title = f"{size}×{size}, padded to {padded}×{padded}, window {kernel}×{kernel}, "
    note(ax, 0.4, (padded + GAP + out) / 2, f"{title}stride {stride} → {out}×{out}")
    _padded_input(ax, size, padding, (1.2, 0))
    top, left = 1.2 + (padded - out) / 2, padded + GAP
    for i, j in np.ndindex(out, out):
        colour = WINDOWS[j % len(WINDOWS)]
        draw_cells(ax, [[0]], (top + i, left + j), fill=OUTPUT, text=[[""]])
        for row, column in (
            (1.2 + i * stride + kernel / 2, j * stride + kernel / 2),
            (top + i + 0.5, left + j + 0.5),
        ):
            ax.plot(column, row, "o", color=colour, markersize=7, zorder=5)
    for j in range(out):
        frame(ax, 1.2 + 0.1 * (j % 2), j * stride, kernel - 0.2 * (j % 2), kernel, WINDOWS[j])
    note(ax, 1.2 + padded / 2, padded + GAP / 2, "→", size=14, color=VERMILION)
    return ax.figure


def stride_coverage(size, kernel, strides):
    """One row of inputs per stride, a bar for each window, and hatching on inputs never read.

    Args:
        size: inputs along the axis.
        kernel: window length.
        strides: steps to show, one panel each.

    >>> figure = stride_coverage(8, kernel=3, strides=[1, 2])
    >>> [ax.texts[0].get_text() for ax in figure.axes]
    ['stride 1: 6 windows, 0 inputs never read', 'stride 2: 3 windows, 1 input never read']
    """
    height = 2.6 + 0.45 * output_size(size, kernel, min(strides))
    figure, axes = canvas(size, height, axes=len(strides), inches_per_cell=3.2 / size)
    for ax, stride in zip(np.atleast_1d(axes), strides, strict=True):
        windows, left_over = output_size(size, kernel, stride), uncovered(size, kernel, stride)
        plural = "input" if left_over == 1 else "inputs"
        title = f"stride {stride}: {windows} windows, {left_over} {plural} never read"
        note(ax, 0.4, size / 2, title, size=10)
        read = size - left_over
        draw_cells(ax, np.arange(read)[None], (1, 0), fill=INPUT)
        if left_over:
            draw_cells(ax, np.arange(read, size)[None], (1, read), fill=GREY, hatch="///")
        for k in range(windows):
            bar = {"fill": True, "facecolor": WINDOWS[k % len(WINDOWS)], "alpha": 0.75}
            frame(ax, 2.3 + 0.45 * k, k * stride, 0.3, kernel, PAPER, 0.5, **bar)
    return figure


def channels(x, w, b=0.0, place=(0, 0)):
    """One output of a multi-channel convolution: a sum for each channel, added up, plus the bias.

    Args:
        x: (C, H, W) volume.
        w: (C, KH, KW) filter, one slice per channel.
        b: bias of the filter.
        place: (i, j) of the output that is worked.

    >>> figure = channels(np.ones((2, 3, 3)), np.ones((2, 2, 2)), b=-1.0)
    >>> figure.axes[0].texts[-1].get_text()
    'y[0, 0] = 4 + 4 + (−1) = 7'
    """
    x, w, (i, j) = np.asarray(x), np.asarray(w), place
    maps = [_slide(image, kernel, 1) for image, kernel in zip(x, w, strict=True)]
    step = x.shape[1] + 0.8
    _, kernel_left, map_left = _lefts(x[0], w[0], maps[0])
    total_left = map_left + maps[0].shape[1] + GAP
    figure, ax = canvas(total_left + maps[0].shape[1], step * len(x) + 2.0, inches_per_cell=0.5)
    for c, (image, kernel, part) in enumerate(zip(x, w, maps, strict=True)):
        top = 1.0 + c * step
        draw_cells(ax, image, (top, 0), fill=INPUT)
        draw_cells(ax, kernel, (top, kernel_left), fill=KERNEL)
        draw_cells(ax, part, (top, map_left), fill=PAPER)
        frame(ax, top + i, j, *kernel.shape)
        frame(ax, top + i, map_left + j, 1, 1)
        note(ax, top + 1, kernel_left - GAP / 2, "⋆", size=18)
        note(ax, top + 1, map_left - GAP / 2, "=", size=16)
    _sum_of_channels(ax, maps, b, place, (1.0 + (len(x) - 1) * step / 2, total_left))
    for name, middle in (("x[c]", x.shape[2] / 2), ("w[c]", kernel_left + w.shape[2] / 2)):
        note(ax, 0.5, middle, name)
    terms = " + ".join(_signed(part[i, j]) for part in maps)
    total = sum(part[i, j] for part in maps) + b
    line = f"y[{i}, {j}] = {terms} + {_signed(b)} = {number(total)}"
    note(ax, step * len(x) + 1.3, (total_left + maps[0].shape[1]) / 2, line, color=VERMILION)
    return figure


def _sum_of_channels(ax, maps, b, place, at):
    total = sum(maps) + b
    draw_cells(ax, total, at, fill=OUTPUT)
    frame(ax, at[0] + place[0], at[1] + place[1], 1, 1)
    note(ax, at[0] + 1, at[1] - GAP / 2, "→", size=18)
    note(ax, at[0] - 0.5, at[1] + total.shape[1] / 2, "sum + b")


def im2col(x, w):
    """Every window laid out as a column, so that the whole convolution is one matrix product.

    Args:
        x: (H, W) image, small.
        w: (KH, KW) kernel.

    >>> im2col(np.arange(9.0).reshape(3, 3), np.ones((2, 2))).axes[0].texts[0].get_text()
    'windows of x'
    """
    x, w = np.asarray(x), np.asarray(w)
    y, (kh, kw) = _slide(x, w, 1), w.shape
    places = list(np.ndindex(y.shape))
    columns = np.stack([x[i : i + kh, j : j + kw].ravel() for i, j in places], axis=1)
    row_left, height = x.shape[1] * 2 + 2.6, max(2 * len(x) + 1.6, len(columns) + 4.6)
    matrix_left = row_left + w.size + 1.2
    right = matrix_left + len(places)
    figure, ax = canvas(right, height, inches_per_cell=0.5)
    note(ax, 0.4, x.shape[1] + 0.3, "windows of x")
    for k, (i, j) in enumerate(places):
        top, left = 1.0 + (k // 2) * (len(x) + 0.6), (k % 2) * (x.shape[1] + 0.6)
        draw_cells(ax, x, (top, left), fill=INPUT, size=9)
        frame(ax, top + i, left + j, kh, kw, WINDOWS[k % len(WINDOWS)], 3)
        frame(ax, 1, matrix_left + k, len(columns), 1, WINDOWS[k % len(WINDOWS)], 3)
    middle = 1 + (len(columns) - 1) / 2
    draw_cells(ax, columns, (1, matrix_left), fill=INPUT)
    draw_cells(ax, w.reshape(1, -1), (middle, row_left), fill=KERNEL)
    draw_cells(ax, y.reshape(1, -1), (len(columns) + 2.4, matrix_left), fill=OUTPUT)
    note(ax, 0.4, matrix_left + len(places) / 2, "one column per window")
    note(ax, middle - 0.6, row_left + w.size / 2, "w as a row")
    note(ax, middle + 0.5, matrix_left - 0.6, "·", size=22)
    note(ax, len(columns) + 1.7, matrix_left + len(places) / 2, "=", size=16)
    note(ax, len(columns) + 3.9, matrix_left + len(places) / 2, "y as a row")
    return figure
