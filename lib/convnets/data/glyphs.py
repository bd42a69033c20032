"""Characters drawn from the fonts that Matplotlib ships: a data set without a download."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np

from convnets.data.arguments import at_least
from convnets.data.dataset import Dataset

FONTS = (
    *("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSans-BoldOblique"),
    *("DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-Italic", "DejaVuSerif-BoldItalic"),
    *("DejaVuSansMono", "DejaVuSansMono-Bold"),
    *("STIXGeneral", "STIXGeneralBol", "STIXGeneralItalic", "STIXGeneralBolIta"),
    *("cmr10", "cmb10", "cmss10", "cmti10", "cmtt10"),
)
# What is drawn at random for each image, one number in [0, 1) each.
TRAITS = ("character", "font", "rotation", "x", "y", "width", "height", "weight")


def glyphs(
    n: int,
    seed: int = 0,
    size: int = 28,
    characters: str = "0123456789",
    *,
    fonts: tuple[str, ...] | None = None,
    rotation: float = 15.0,
    shift: float = 0.07,
    noise: float = 0.0,
) -> Dataset:
    """Draw `n` characters, white on black, each in a random font, size, weight and position.

    Image i depends on the arguments and i only: a larger data set begins with the images of a
    smaller one.

    Args:
        n: how many, >= 0.
        seed: integer >= 0; other seeds give other images.
        size: height and width in pixels, >= 8.
        characters: one class each.
        fonts: some of `FONTS`, by default all that have every character.
        rotation: largest turn to either side, in degrees.
        shift: largest move along each axis, as a share of the image.
        noise: standard deviation of the normal noise added to each pixel.
    Returns:
        Images (n, 1, size, size), float32 in [0, 1].
    Raises:
        ValueError: an argument out of its range, a repeated character, or one that no font has.

    >>> glyphs(3, characters="AB")
    Dataset(3 images 1×28×28 float32, 2 classes: A, B)
    """
    _check(n, seed, size, characters)
    fonts = _fonts_with(characters, FONTS if fonts is None else fonts)
    traits_rng, noise_rng = (np.random.default_rng([seed, stream]) for stream in (0, 1))
    numbers = traits_rng.random((n, len(TRAITS)))  # row by row: image i does not depend on n
    labels = (numbers[:, 0] * len(characters)).astype(np.int64)
    chosen = (numbers[:, 1] * len(fonts)).astype(np.int64)
    signed = 2 * numbers[:, 2:] - 1
    poses = _poses(signed, size, rotation, shift)
    pen = _Pen(size)
    images = np.empty((n, 1, size, size), np.float32)
    for i in range(n):
        outline = _outline(fonts[chosen[i]], characters[labels[i]])
        images[i, 0] = pen.draw(outline, poses[i], weight=size * 0.05 * numbers[i, -1])
    images /= 255
    if noise:
        images += np.float32(noise) * noise_rng.standard_normal(images.shape, dtype=np.float32)
        np.clip(images, 0, 1, out=images)
    return Dataset(images, labels, tuple(characters))


def _check(n: int, seed: int, size: int, characters: str) -> None:
    at_least(0, n=n, seed=seed)
    at_least(8, size=size)
    if not characters or len(set(characters)) < len(characters):
        raise ValueError(f"characters must be one or more, all different, but are {characters!r}.")


def _fonts_with(characters: str, fonts: tuple[str, ...]) -> tuple[str, ...]:
    unknown = set(fonts) - set(FONTS)
    if unknown:
        raise ValueError(f"unknown fonts {sorted(unknown)}; there are: {', '.join(FONTS)}.")
    able = tuple(font for font in fonts if all(_has(font, c) for c in characters))
    if not able:
        raise ValueError(
            f"no font draws all of {characters!r}; leave out characters that need another script."
        )
    return able


@lru_cache(maxsize=4096)
def _has(font: str, character: str) -> bool:
    """Whether `font` draws `character`; TeX's fonts place all but letters and digits elsewhere."""
    from matplotlib.ft2font import FT2Font

    if font.startswith("cm") and not (character.isascii() and character.isalnum()):
        return False
    if not character.isprintable() or character.isspace():
        return False
    return FT2Font(str(_file(font))).get_char_index(ord(character)) != 0


def _file(font: str) -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf" / f"{font}.ttf"


@lru_cache(maxsize=4096)
def _outline(font: str, character: str):
    """Outline as a Matplotlib path, for a font size of 1, centred on the origin."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath
    from matplotlib.transforms import Affine2D

    path = TextPath((0, 0), character, size=100, prop=FontProperties(fname=str(_file(font))))
    box = path.get_extents()
    to_centre = Affine2D().translate(-(box.x0 + box.x1) / 2, -(box.y0 + box.y1) / 2)
    return to_centre.scale(1 / 100).transform_path(path)


def _poses(signed: np.ndarray, size: int, rotation: float, shift: float) -> np.ndarray:
    """Affine matrices (N, 3, 3) from outline to pixels, for numbers (N, ·) in [−1, 1)."""
    angle, dx, dy, width, height = signed[:, :5].T
    angle = np.deg2rad(rotation) * angle
    width, height = size * (0.85 + 0.15 * width), size * (0.9 + 0.15 * height)
    poses = np.zeros((len(signed), 3, 3))
    poses[:, 0, 0], poses[:, 0, 1] = np.cos(angle) * width, -np.sin(angle) * height
    poses[:, 1, 0], poses[:, 1, 1] = np.sin(angle) * width, np.cos(angle) * height
    poses[:, 0, 2], poses[:, 1, 2] = size * (0.5 + shift * dx), size * (0.5 + shift * dy)
    poses[:, 2, 2] = 1
    return poses


class _Pen:
    """Fills outlines on a square canvas, anti-aliased."""

    def __init__(self, size: int):
        from matplotlib.backends.backend_agg import RendererAgg

        self._canvas = RendererAgg(size, size, 72)  # at 72 dpi a point is a pixel
        self._style = self._canvas.new_gc()
        self._style.set_foreground("white")
        self._style.set_joinstyle("round")
        self._style.set_snap(False)  # straight strokes would jump to whole pixels

    def draw(self, outline, pose: np.ndarray, weight: float) -> np.ndarray:
        """(S, S) bytes: the outline in its pose, its strokes `weight` pixels thicker."""
        from matplotlib.transforms import Affine2D

        self._canvas.clear()
        self._style.set_linewidth(weight)
        self._canvas.draw_path(self._style, outline, Affine2D(pose), (1.0, 1.0, 1.0))
        return np.asarray(self._canvas.buffer_rgba())[:, :, 3]
