"""Drawn colour images of shapes filled with a texture: a data set without a download.

An image is one of five shapes with stripes or checks in two colours, on a background with clutter.
The shapes have equal areas and the textures equal shares of their colours, and colours are drawn
independently of the class: neither the mean colour nor the shape or the texture alone is enough.
"""

from __future__ import annotations

import math

import numpy as np

from convnets.arrays import number
from convnets.data.arguments import at_least
from convnets.data.dataset import Dataset

SHAPES = ("circle", "square", "triangle", "cross", "ring")
TEXTURES = ("striped", "checked")
CLASSES = tuple(f"{texture} {shape}" for shape in SHAPES for texture in TEXTURES)

BLOBS = 4
# What is drawn at random for each image, one number in [0, 1) each.
TRAITS = (
    *("class", "x", "y", "scale", "rotation", "period", "phase_u", "phase_v", "direction"),
    *("hue", "hue_step", "saturation", "polarity", "contrast"),
    *("back_hue", "back_hue_step", "back_value", "slope", "wave_x", "wave_y", "wave_phase"),
    *(f"blob_{k}_{trait}" for k in range(BLOBS) for trait in ("x", "y", "radius", "hue", "value")),
)
BLOCK = 128  # images drawn at once: enough for long array operations, few enough for the caches


def textures(n: int, seed: int = 0, size: int = 32, domain: float = 0.0) -> Dataset:
    """Draw `n` coloured images of textured shapes.

    Position, scale, rotation, colours, background, clutter and noise are random. Image i depends
    on `seed` and i only: a larger data set begins with the images of a smaller one, and two domains
    show the same shapes at the same places.

    Args:
        n: how many, >= 0.
        seed: integer >= 0; other seeds give other images.
        size: height and width in pixels, >= 8.
        domain: in [0, 1]. At 0 warm objects lie on a calm, cool background; towards 1 the palette
            turns to its opposite and pales, the background gets wavy and the noise grows.
    Returns:
        Images (n, 3, size, size), float32 in [0, 1], and ten classes: five shapes, each striped
        or checked.
    Raises:
        ValueError: an argument out of its range.

    >>> textures(4, seed=1)
    Dataset(4 images 3×32×32 float32, 10 classes: striped circle, checked circle, striped square, \
checked square, striped triangle, checked triangle, striped cross, checked cross, striped ring, \
checked ring)
    """
    domain = number(domain)
    _check(n, seed, size, domain)
    traits_rng, noise_rng = (np.random.default_rng([seed, stream]) for stream in (0, 1))
    images = np.empty((n, 3, size, size), np.float32)
    labels = np.empty(n, np.int64)
    for start in range(0, n, BLOCK):
        block = slice(start, min(start + BLOCK, n))
        # Both streams are read image by image, so that the numbers of image i do not depend on n.
        numbers = traits_rng.random((block.stop - start, len(TRAITS)))
        noise = noise_rng.standard_normal((len(numbers), 3, size, size), dtype=np.float32)
        traits = dict(zip(TRAITS, numbers.T.astype(np.float32)[:, :, None, None], strict=True))
        labels[block] = numbers[:, 0] * len(CLASSES)
        images[block] = _draw(traits, labels[block], noise, domain)
    return Dataset(images, labels, CLASSES)


def _check(n: int, seed: int, size: int, domain: float) -> None:
    at_least(0, n=n, seed=seed)
    at_least(8, size=size)
    if not 0 <= domain <= 1:
        raise ValueError(f"domain must lie between 0 and 1, but is {domain!r}.")


def _draw(traits: dict, labels: np.ndarray, noise: np.ndarray, domain: float) -> np.ndarray:
    """Images (M, 3, S, S) from traits (M, 1, 1), labels (M,) and noise (M, 3, S, S)."""
    size = noise.shape[-1]
    # Pixel centres in [-1, 1]; a distance of one pixel is 2 / size.
    y, x = np.meshgrid(*2 * [(np.arange(size, dtype=np.float32) * 2 + 1) / size - 1], indexing="ij")
    u, v, scale = _object_frame(traits, x, y)
    pixels = size / 2
    inside = _coverage(_shape_distance(u, v, labels // len(TEXTURES)) * scale * pixels)
    first = _coverage(_texture_distance(traits, u * scale, v * scale, labels) * pixels)
    colours = [colour[:, :, None, None] for colour in _object_colours(traits, domain)]
    images = _background(traits, x, y, domain)
    images += inside[:, None] * (colours[1] + first[:, None] * (colours[0] - colours[1]) - images)
    images += _blend(0.02, 0.10, domain) * noise
    return np.clip(images, 0, 1, out=images)


def _blend(at_zero: float, at_one: float, domain: float) -> np.float32:
    return np.float32(at_zero + domain * (at_one - at_zero))


def _coverage(distance: np.ndarray) -> np.ndarray:
    """Share of a pixel on the inner (negative) side of an edge `distance` pixels away."""
    return np.clip(0.5 - distance, 0, 1)


def _object_frame(traits: dict, x: np.ndarray, y: np.ndarray):
    """Pixel centres in the object's own coordinates, and the object's size."""
    scale = 0.42 + 0.18 * traits["scale"]
    angle = np.float32(math.pi) * (traits["rotation"] - 0.5) / 2
    cos, sin = np.cos(angle) / scale, np.sin(angle) / scale
    dx, dy = x - 0.6 * (traits["x"] - 0.5), y - 0.6 * (traits["y"] - 0.5)
    return dx * cos + dy * sin, dy * cos - dx * sin, scale


def _shape_distance(u: np.ndarray, v: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    """Signed distance to the outline, negative inside; every shape has the area π."""
    distance = np.empty_like(u)
    for index, name in enumerate(SHAPES):
        chosen = shapes == index
        distance[chosen] = _OUTLINES[name](u[chosen], v[chosen])
    return distance


def _circle(u, v):
    return np.hypot(u, v) - 1


def _square(u, v):
    return np.maximum(np.abs(u), np.abs(v)) - math.sqrt(math.pi) / 2


def _triangle(u, v):
    inradius = math.sqrt(math.pi / (3 * math.sqrt(3)))
    return np.maximum(v, np.abs(u) * (math.sqrt(3) / 2) - v / 2) - inradius


def _cross(u, v):
    length = math.sqrt(9 * math.pi / 20)  # arms a third as wide as the cross
    u, v = np.abs(u), np.abs(v)
    long, short = np.maximum(u, v) - length, np.minimum(u, v) - length / 3
    return np.maximum(long, short)


def _ring(u, v):
    middle, half_width = math.sqrt(1 / 1.6), 0.4
    return np.abs(np.hypot(u, v) - middle) - half_width * middle


_OUTLINES = {
    "circle": _circle,
    "square": _square,
    "triangle": _triangle,
    "cross": _cross,
    "ring": _ring,
}


def _texture_distance(traits: dict, u: np.ndarray, v: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """About the signed distance to the nearest edge of a stripe or a square of the checks."""
    wave = np.float32(2 * math.pi) / (0.28 + 0.14 * traits["period"])  # 4.5 to 6.7 of 32 pixels
    angle = np.float32(2 * math.pi) * traits["direction"]
    cos, sin = np.cos(angle) * wave, np.sin(angle) * wave
    turn = np.float32(2 * math.pi)
    stripes = np.sin(u * cos + v * sin + turn * traits["phase_u"])
    checked = labels % len(TEXTURES) == TEXTURES.index("checked")
    across = np.sin(v * cos - u * sin + turn * traits["phase_v"])
    stripes[checked] *= across[checked]
    return stripes / wave


def _object_colours(traits: dict, domain: float) -> tuple[np.ndarray, np.ndarray]:
    """Two colours (M, 3), a light one and a dark one in random order."""
    hue = 0.06 + 0.5 * domain + 0.24 * (traits["hue"] - 0.5)
    other = hue + 0.2 * (traits["hue_step"] - 0.5)
    saturation = _blend(0.65, 0.4, domain) + 0.3 * traits["saturation"]
    step = (0.22 + 0.13 * traits["contrast"]) * np.where(traits["polarity"] < 0.5, -1, 1)
    colours = (_rgb(hue, saturation, 0.6 + step), _rgb(other, saturation, 0.6 - step))
    return colours[0][:, :, 0, 0], colours[1][:, :, 0, 0]


def _background(traits: dict, x: np.ndarray, y: np.ndarray, domain: float) -> np.ndarray:
    """(M, 3, S, S): a slope between two colours, waves over it, and blobs in front."""
    hue = 0.58 + 0.5 * domain + 0.24 * (traits["back_hue"] - 0.5)
    other = hue + 0.3 * (traits["back_hue_step"] - 0.5)
    value, saturation = 0.35 + 0.45 * traits["back_value"], _blend(0.45, 0.3, domain)
    near = _rgb(hue, saturation, value + 0.1)
    far = _rgb(other, saturation, value - 0.1)
    angle = np.float32(2 * math.pi) * traits["slope"]
    mix = 0.5 + 0.35 * (x * np.cos(angle) + y * np.sin(angle))
    images = near + mix[:, None] * (far - near)
    wave = np.sin(
        x * (24 * traits["wave_x"] - 12)
        + y * (24 * traits["wave_y"] - 12)
        + np.float32(2 * math.pi) * traits["wave_phase"]
    )
    images += (_blend(0.03, 0.14, domain) * wave)[:, None]
    for k in range(BLOBS):
        _add_blob(images, {name: traits[f"blob_{k}_{name}"] for name in _BLOB}, x, y, domain)
    return images


_BLOB = ("x", "y", "radius", "hue", "value")


def _add_blob(images: np.ndarray, blob: dict, x: np.ndarray, y: np.ndarray, domain: float) -> None:
    """Lay a soft-edged spot over each image, in place."""
    dx, dy = x - (2 * blob["x"] - 1), y - (2 * blob["y"] - 1)
    radius = 0.08 + 0.17 * blob["radius"]
    spot = _coverage((np.hypot(dx, dy) - radius) * 5)[:, None]
    colour = _rgb(blob["hue"], _blend(0.5, 0.3, domain), 0.3 + 0.6 * blob["value"])
    images += spot * (colour - images)


def _rgb(hue: np.ndarray, saturation: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Red, green and blue (M, 3, 1, 1) of hue (a turn of the colour wheel is 1), saturation, value.

    Reference: Smith (1978), Color gamut transform pairs, doi:10.1145/965139.807361.
    """
    sector = (np.array([5, 3, 1], np.float32)[:, None, None] + 6 * hue[:, None]) % 6
    ramp = np.clip(np.minimum(sector, 4 - sector), 0, 1)
    saturation = np.asarray(saturation, np.float32).reshape(-1, 1, 1, 1)
    return value[:, None] * (1 - saturation * ramp)
