"""Pictures of what is connected to what: shifts, shared weights, receptive fields."""

from __future__ import annotations

import numpy as np

from convnets.plots.cells import (
    BLUE,
    GREEN,
    GREY,
    INK,
    INPUT,
    KERNEL,
    ORANGE,
    OUTPUT,
    PAPER,
    PURPLE,
    SKY,
    VERMILION,
    canvas,
    draw_cells,
    frame,
    note,
    number,
)
from convnets.shapes import output_size

DASHES = ("-", (0, (5, 1.5)), (0, (1, 1)), "-.")
LETTERS = "abcdefghijklmnopqrstuvwxyz"
TINTS = ("#BFDDF0", "#F9DCA0", "#A9DFCB", "#F0CFE0", "#D5D5D5", "#F3C2A3")
HUES = (BLUE, VERMILION, GREEN, ORANGE, PURPLE, SKY)


def shifts(images, maps, titles):
    """Images above, their feature maps below, the largest response framed and written out.

    Args:
        images: (N, H, W).
        maps: (N, HO, WO), the response of one kernel to each image.
        titles: N strings.

    >>> figure = shifts(np.eye(3)[None], np.array([[[2.0, 0], [0, 2]]]), ["as it was"])
    >>> figure.axes[0].texts[-1].get_text()
    'max = 2'
    """
    images, maps = np.asarray(images), np.asarray(maps)
    height, width = images.shape[1:]
    size = (width + 0.8, height + maps.shape[1] + 3.2)
    figure, axes = canvas(*size, axes=len(images), inches_per_cell=1.6 / (width + 0.8))
    for ax, image, response, title in zip(np.atleast_1d(axes), images, maps, titles, strict=True):
        left, top = (width - response.shape[1]) / 2, height + 2.0
        ink = [[PAPER if pixel else INK for pixel in row] for row in image]
        draw_cells(ax, image, (1, 0), fill=ink, text=[[""] * width] * height)
        for square in ax.patches:
            square.set_edgecolor("0.5")  # to be seen on black, too
        draw_cells(ax, response, (top, left), fill=OUTPUT, size=9)
        i, j = np.unravel_index(response.argmax(), response.shape)
        frame(ax, top + i, left + j, 1, 1)
        note(ax, 0.4, width / 2, title, size=10)
        note(ax, size[1] - 0.5, width / 2, f"max = {number(response.max())}", color=VERMILION)
    return figure


def first_layer_gradients(images, dense, shared):
    """For each image, how much every weight of a fully connected layer and of kernels moves.

    Args:
        images: (N, H, W).
        dense: (N, H, W), for each pixel the size of the gradients of its weights.
        shared: (N, KH, KW), the same for each tap of the kernels.

    >>> ones = np.ones((2, 4, 8))
    >>> figure = first_layer_gradients(ones, ones, np.ones((2, 3, 3)))
    >>> [ax.get_title() for ax in figure.axes[:3]]
    ['image', 'fully connected: weights that move', 'kernels: weights that move']
    """
    import matplotlib.pyplot as plt

    titles = ("image", "fully connected: weights that move", "kernels: weights that move")
    size = {"figsize": (9, 1.25 * len(images) + 0.4), "width_ratios": (2.2, 2.2, 0.8)}
    figure, axes = plt.subplots(len(images), 3, squeeze=False, layout="constrained", **size)
    for ax, title in zip(axes[0], titles, strict=True):
        ax.set_title(title, fontsize=10)
    for kind, (column, maps) in enumerate(zip(axes.T, (images, dense, shared), strict=True)):
        look = {"cmap": "cividis" if kind else "gray", "vmin": 0, "vmax": np.max(maps)}
        for ax, values in zip(column, maps, strict=True):
            picture = ax.imshow(values, **look)
            ax.set(xticks=[], yticks=[])
            ax.grid(False)
        if kind:
            figure.colorbar(picture, ax=list(column), fraction=0.05, label="size of the gradient")
    return figure


def kept_variance(shares, level):
    """How much of the variance of all channels their best k mixtures keep.

    Args:
        shares: name -> (C,) shares in [0, 1] for k = 1 to C.
        level: a share in [0, 1]; the first k that reaches it is marked.

    >>> figure = kept_variance({"a": np.array([0.5, 0.995, 1.0])}, 0.99)
    >>> [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    ['a: 2 mixtures keep 99 %']
    """
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
    looks = zip(shares.items(), HUES, DASHES, strict=False)
    for (name, share), colour, dash in looks:
        k = int(np.argmax(share >= level)) + 1
        label = f"{name}: {k} mixtures keep {level:.0%}".replace("%", " %")
        ax.plot(np.arange(1, len(share) + 1), share, color=colour, linestyle=dash, label=label)
        ax.plot(k, share[k - 1], "o", color=colour, markersize=9)
    ax.set(
        xlabel="mixtures k, the filters of a 1×1 layer",
        ylabel="share of the variance",
        ylim=(0, 1.05),
    )
    ax.legend(loc="lower right")
    return figure


def connections(inputs, kernel):
    """Fully connected, locally connected and convolutional units; one look per separate weight.

    Args:
        inputs: number of inputs in a row.
        kernel: inputs that one unit reads in the second and third panel.

    >>> figure = connections(5, 3)
    >>> [ax.get_title() for ax in figure.axes]
    ['fully connected: 15 weights', 'locally connected: 9 weights', 'convolution: 3 weights']
    """
    import matplotlib.pyplot as plt

    units = output_size(inputs, kernel)
    figure, axes = plt.subplots(1, 3, figsize=(9.5, 2.6), layout="constrained")
    _wire(axes[0], inputs, units, lambda unit: range(inputs), None)
    _wire(axes[1], inputs, units, lambda unit: range(unit, unit + kernel), None)
    _wire(axes[2], inputs, units, lambda unit: range(unit, unit + kernel), HUES)
    counts = (inputs * units, kernel * units, kernel)
    names = ("fully connected", "locally connected", "convolution")
    for ax, name, count in zip(axes, names, counts, strict=True):
        ax.set_title(f"{name}: {count} weights")
    return figure


def _wire(ax, inputs, units, reads, hues):
    """Lines from each unit to what it reads; coloured by tap where weights are shared."""
    inset = (inputs - units) / 2
    for unit in range(units):
        for tap, source in enumerate(reads(unit)):
            colour = hues[tap % len(hues)] if hues else "#8A8A8A"
            style = {"linestyle": DASHES[tap % len(DASHES)] if hues else "-", "zorder": 1}
            ax.plot([source, inset + unit], [0, 1], color=colour, linewidth=1.8, **style)
    _nodes(ax, np.arange(inputs), 0, INPUT)
    _nodes(ax, inset + np.arange(units), 1, OUTPUT)
    ax.set(xlim=(-0.6, inputs - 0.4), ylim=(-0.25, 1.25))
    ax.axis("off")


def _nodes(ax, where, level, fill):
    style = {"s": 170, "edgecolors": INK, "linewidths": 1, "zorder": 3}
    ax.scatter(where, np.full(len(where), level), c=fill, **style)


def unrolled(size, kernel):
    """A convolution written as one matrix: a row per output, a column per input pixel.

    Args:
        size: height and width of the image, in pixels.
        kernel: height and width of the window; its weights are called a, b, c, … row by row.

    >>> figure = unrolled(3, 2)
    >>> [text.get_text() for text in figure.axes[0].texts[:6]]
    ['a', 'b', 'c', 'd', 'a', 'b']
    """
    side = output_size(size, kernel)
    text, fill = np.full((side**2, size**2), "", dtype=object), np.full((side**2, size**2), PAPER)
    for row, (i, j) in enumerate(np.ndindex(side, side)):
        for tap, (p, q) in enumerate(np.ndindex(kernel, kernel)):
            column = (i + p) * size + j + q
            text[row, column] = LETTERS[tap]
            fill[row, column] = TINTS[tap % len(TINTS)]
    height, width = text.shape
    figure, ax = canvas(width + 1.4, height + 1, inches_per_cell=0.4)
    draw_cells(ax, text, (1, 1.4), fill=fill, text=text)
    note(ax, 0.5, 1.4 + width / 2, "input pixels, row by row")
    note(ax, 1 + height / 2, 0.6, "outputs", rotation=90)
    return figure


def receptive_field(kernels, strides=None, inputs=11):
    """A row of units per layer, and the cone of inputs that the middle unit on top can see.

    Args:
        kernels: window length of each layer, first layer first.
        strides: step of each layer; 1 by default.
        inputs: number of inputs in a row.

    >>> figure = receptive_field([3, 3])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['input', 'layer 1 sees 3', 'layer 2 sees 5']
    """
    strides = strides or [1] * len(kernels)
    places, reads = _layers(kernels, strides, inputs)
    cone = _cone(places, reads)
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(figsize=(8.5, 0.9 + 0.75 * len(kernels)), layout="constrained")
    for level, (xs, seen) in enumerate(zip(places, cone, strict=True)):
        fill = INPUT if level == 0 else KERNEL
        _nodes(ax, xs, level, [fill if k in seen else PAPER for k in range(len(xs))])
    for level, windows in enumerate(reads, start=1):
        for unit, window in enumerate(windows):
            inside = unit in cone[level]
            look = {"color": VERMILION if inside else GREY, "zorder": 2 if inside else 1}
            for source in window:
                ends = [places[level - 1][source], places[level][unit]]
                ax.plot(
                    ends,
                    [level - 1, level],
                    linestyle="-",
                    linewidth=1.6 if inside else 0.9,
                    **look,
                )
    _label_levels(ax, kernels, strides, inputs)
    return figure


def _layers(kernels, strides, inputs):
    """Where the units of each layer stand over the input, and which units below each one reads."""
    places, reads = [np.arange(inputs, dtype=float)], []
    for kernel, stride in zip(kernels, strides, strict=True):
        units = output_size(len(places[-1]), kernel, stride)
        reads.append([range(u * stride, u * stride + kernel) for u in range(units)])
        places.append(np.array([places[-1][list(window)].mean() for window in reads[-1]]))
    return places, reads


def _cone(places, reads):
    """Units of each layer, input first, that the middle unit of the last layer depends on."""
    cone = [{len(places[-1]) // 2}]
    for windows in reversed(reads):
        cone.insert(0, {source for unit in cone[0] for source in windows[unit]})
    return cone


def _label_levels(ax, kernels, strides, inputs):
    note(ax, 0, -0.9, "input", ha="right")
    field, jump = 1, 1
    for level, (kernel, stride) in enumerate(zip(kernels, strides, strict=True), start=1):
        field, jump = field + (kernel - 1) * jump, jump * stride
        note(ax, level, -0.9, f"layer {level} sees {field}", ha="right")
    ax.set(xlim=(-4.2, inputs - 0.4), ylim=(-0.3, len(kernels) + 0.3))
    ax.axis("off")
