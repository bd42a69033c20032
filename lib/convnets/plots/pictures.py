"""Images, filters and activations, hung side by side in one Axes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.image import AxesImage

from convnets.arrays import to_numpy
from convnets.data import Dataset
from convnets.plots.style import HEIGHT, POSITIVE, SIGNED, WIDTH

SMALLEST, LARGEST = 0.35, 4.0  # inches: width of one picture among others
GAP, TITLE = 0.06, 0.28  # inches between pictures without and with titles


def image_grid(
    images: Dataset | Sequence[np.ndarray],
    titles: Sequence[str] | None = None,
    columns: int | None = None,
) -> Figure:
    """Images side by side, in rows.

    Args:
        images: (N, C, H, W), or images (C, H, W) or (H, W) whose sizes may differ; C is 1 (grey)
            or 3 (colour). Values count as brightness in [0, 1]; a grey image that leaves this range
            is shown from its least to its greatest value, a colour image is clipped. A `Dataset` is
            titled with its classes.
        titles: one per image.
        columns: images per row, by default at most 8.
    Returns:
        A Figure with one Axes that holds all images.
    Raises:
        ValueError: no images, an image of another shape, or a wrong number of titles.

    >>> figure = image_grid(np.zeros((3, 1, 8, 8)), titles=["a", "b", "c"])
    >>> len(figure.axes[0].images), [text.get_text() for text in figure.axes[0].texts]
    (3, ['a', 'b', 'c'])
    >>> plt.close(figure)
    """
    if isinstance(images, Dataset):
        titles = [images.classes[label] for label in images.labels] if titles is None else titles
        images = images.images
    pictures = [_picture(to_numpy(image)) for image in images]
    figure, ax, places = _shelves([picture.shape[:2] for picture in pictures], titles, columns)
    for place, picture in zip(places, pictures, strict=True):
        unit = picture.min() >= 0 and picture.max() <= 1
        limits = (0, 1) if unit else (picture.min(), picture.max())
        _hang(ax, place, picture, Normalize(*limits), "gray")
    return figure


def filters(weights, titles: Sequence[str] | None = None, columns: int | None = None) -> Figure:
    """Weights of a convolution as pictures, one per filter, all on one scale centred at zero.

    Args:
        weights: (F, C, KH, KW). With three channels a filter is shown in colour, zero as grey;
            with any other number the channels are F·C pictures in the order of the array.
        titles: one per picture.
        columns: pictures per row, by default at most 8, or the C channels of one filter (of
            several, where there are many).
    Returns:
        A Figure; a colour bar tells the values where pictures are not in colour.
    Raises:
        ValueError: `weights` is not four-dimensional or is empty.

    >>> figure = filters(np.ones((16, 1, 5, 5)))
    >>> len(figure.axes[0].images)
    16
    >>> plt.close(figure)
    """
    weights = to_numpy(weights)
    if weights.ndim != 4 or weights.size == 0:
        raise ValueError(f"weights must be (F, C, KH, KW), but has shape {weights.shape}.")
    count, channels = weights.shape[:2]
    if channels == 3:
        return image_grid(0.5 + weights / (2 * _largest(weights)), titles, columns)
    if columns is None and 1 < channels <= 16:
        columns = channels * min(count, 16 // channels, math.ceil(count / 8))
    return _maps(weights.reshape(-1, *weights.shape[2:]), titles, columns, signed=True)


def activation_maps(
    activations, titles: Sequence[str] | None = None, columns: int | None = None
) -> Figure:
    """What a layer makes of one image, one picture per channel, all on one scale.

    Args:
        activations: (C, H, W), or (1, C, H, W). Negative values bring a scale centred at zero,
            otherwise it begins at zero.
        titles: one per channel.
        columns: pictures per row, by default at most 8.
    Returns:
        A Figure with one Axes that holds all pictures, and a colour bar.
    Raises:
        ValueError: the activations of no image or of several.

    >>> figure = activation_maps(np.eye(4)[None])
    >>> figure.axes[0].images[0].get_clim()
    (0.0, 1.0)
    >>> plt.close(figure)
    """
    activations = to_numpy(activations)
    shape = activations.shape
    if activations.ndim == 4 and len(activations) == 1:
        activations = activations[0]
    if activations.ndim != 3 or activations.size == 0:
        raise ValueError(
            f"activations must be those of one image, (C, H, W), but has shape {shape}; "
            "choose one with activations[0]."
        )
    return _maps(activations, titles, columns, signed=bool(activations.min() < 0))


def _picture(image: np.ndarray) -> np.ndarray:
    """(H, W) if grey, (H, W, 3) if colour, as Matplotlib wants it."""
    if image.ndim == 3 and image.shape[0] == 1:
        return image[0]
    if image.ndim == 3 and image.shape[0] == 3:
        return np.clip(image.transpose(1, 2, 0), 0, 1)
    if image.ndim != 2:
        raise ValueError(
            f"an image must be (H, W), (1, H, W) or (3, H, W), but has shape {image.shape}; "
            "for the channels of a layer use activation_maps."
        )
    return image


def _maps(maps: np.ndarray, titles, columns: int | None, signed: bool) -> Figure:
    """Maps (M, H, W) on one scale, with its colour bar."""
    top = _largest(maps)
    norm = Normalize(-top if signed else 0, top)
    figure, ax, places = _shelves([maps.shape[1:]] * len(maps), titles, columns)
    for place, values in zip(places, maps, strict=True):
        image = _hang(ax, place, values, norm, SIGNED if signed else POSITIVE)
    bar = figure.colorbar(image, ax=ax, fraction=0.03, pad=0.02, aspect=25)
    bar.outline.set_visible(False)
    return figure


def _largest(values: np.ndarray) -> float:
    """Largest magnitude, or 1 where all are zero."""
    return float(np.abs(values).max()) or 1.0


def _shelves(sizes: Sequence[tuple[int, int]], titles, columns: int | None):
    """A bare Axes that counts in inches, and the extent of each picture of (height, width) on it.

    All pictures hang in one Axes: hundreds of Axes would take a minute to lay out.
    """
    if not sizes:
        raise ValueError("there are no images to show.")
    if titles is not None and len(titles) != len(sizes):
        raise ValueError(f"there are {len(sizes)} images, but {len(titles)} titles.")
    columns = min(len(sizes), 8 if columns is None else columns)
    rows = math.ceil(len(sizes) / columns)
    slope, above = max(h / w for h, w in sizes), GAP if titles is None else TITLE
    fitting = max(SMALLEST, (HEIGHT / rows - above) / slope)
    width = min(WIDTH / columns - GAP, LARGEST, fitting)
    across, down = columns * (width + GAP), rows * (width * slope + above)
    figure = plt.figure(figsize=(across, down))
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set(xlim=(0, across), ylim=(down, 0), aspect="equal")
    ax.set_axis_off()
    places = []
    for index, (h, w) in enumerate(sizes):
        row, column = divmod(index, columns)
        left, top = column * (width + GAP), row * (width * slope + above) + above
        places.append((left, left + width, top + width * h / w, top))
        if titles is not None:
            style = {"ha": "center", "va": "bottom", "fontsize": max(8, min(12, 7 * width))}
            ax.text(left + width / 2, top - 0.04, titles[index], **style)
    return figure, ax, places


def _hang(ax: Axes, place, picture: np.ndarray, norm: Normalize, cmap) -> AxesImage:
    """Add a picture at an extent in inches; `imshow` would move the limits of the Axes."""
    image = AxesImage(ax, cmap=cmap, norm=norm, extent=place, interpolation="nearest")
    image.set_data(picture)
    return ax.add_image(image)
