"""What is done to images before learning: shift, scale, rotate. Fitted on the training images only.

    scaling = per_channel(train.images)      # learns means and deviations from these images
    x = scaling.apply(val.images)            # the same shift and scale for all others
    val = scaling.applied(val)               # a Dataset whose images they are

Fitting on the validation or test images as well would let them take part in the training.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from convnets.arrays import asarray_like, float_namespace, is_floating, is_torch, number
from convnets.data.dataset import Dataset
from convnets.shapes import ShapeError, expect_axes

BYTE = 255


def from_bytes(x):
    """x / 255 − ½: bytes from 0 to 255 become numbers from −½ to ½, the same for every data set.

    Args:
        x: any shape, whole numbers from 0 to 255, of any dtype, NumPy or torch.
    Returns:
        float32, the shape of x.
    Raises:
        ValueError: numbers outside of that, as of images that were scaled already.

    >>> import numpy as np
    >>> from_bytes(np.array([0, 51, 255], np.uint8))
    array([-0.5, -0.3,  0.5], dtype=float32)
    """
    values = _float32(x)
    if 0 not in x.shape and not _are_bytes(values, scaled=is_floating(x) and values.max() <= 1):
        raise ValueError(
            f"bytes run from 0 to 255, but these numbers from {float(values.min()):g} to "
            f"{float(values.max()):g}; images in [0, 1] need only x - 0.5."
        )
    return values / BYTE - 0.5


def _are_bytes(values, scaled: bool) -> bool:
    """Whether all lie in 0 … 255; `scaled`: whether they look as if they were divided already."""
    return bool(values.min() >= 0) and bool(values.max() <= BYTE) and not scaled


def to_bytes(y):
    """The inverse of `from_bytes`: (y + ½) · 255, rounded; uint8.

    >>> import numpy as np
    >>> to_bytes(np.array([-0.5, 0.5]))
    array([  0, 255], dtype=uint8)
    """
    xp = float_namespace(y)
    return xp.astype(xp.clip(xp.round((y + 0.5) * BYTE), 0, BYTE), xp.uint8)


def _float32(x):
    return x.float() if is_torch(x) else x.astype("float32")


class _Preprocessing:
    """What both kinds share."""

    def applied(self, dataset: Dataset) -> Dataset:
        """The data set with `apply` done to its images; features become images of one pixel."""
        images = self.apply(dataset.images)
        return replace(dataset, images=images if images.ndim == 4 else images[:, :, None, None])


@dataclass(frozen=True, eq=False)
class Scaling(_Preprocessing):
    """y = (x − mean) / scale, number by number.

    Attributes:
        mean: broadcasts against (N, C, H, W): (C, 1, 1) per channel, (C, H, W) a mean image.
        scale: likewise, > 0.

    >>> import numpy as np
    >>> Scaling(np.full((1, 1, 1), 2.0), np.full((1, 1, 1), 4.0)).apply(np.full((1, 1, 1, 1), 10.0))
    array([[[[2.]]]])
    """

    mean: object
    scale: object

    def apply(self, x):
        """The images (N, C, H, W), shifted and scaled; x is left as it is."""
        self._check(x)
        return (x - asarray_like(self.mean, x)) / asarray_like(self.scale, x)

    def undo(self, y):
        """The images that `apply` made y of."""
        self._check(y)
        return y * asarray_like(self.scale, y) + asarray_like(self.mean, y)

    def _check(self, x):
        _check_images(x)
        for own, given in zip(self.mean.shape, x.shape[1:], strict=True):
            if own not in (1, given):
                raise ShapeError(
                    f"this was fitted to images of shape {tuple(self.mean.shape)} (1 stands for "
                    f"any), but x is {tuple(x.shape)}; fit it to such images."
                )


def mean_image(x) -> Scaling:
    """Subtract from each pixel of each channel its mean over the images; nothing is scaled.

    Args:
        x: (N, C, H, W) training images, floating point, NumPy or torch.

    >>> import numpy as np
    >>> mean_image(np.arange(8.0).reshape(2, 1, 2, 2)).mean.tolist()
    [[[2.0, 3.0], [4.0, 5.0]]]
    """
    xp = _check_images(x, fitting=True)
    mean = xp.mean(x, axis=0)
    return Scaling(mean, xp.ones_like(mean))


def per_channel(x, scale: bool = True) -> Scaling:
    """Subtract from each channel its mean, and divide by its standard deviation.

    Args:
        x: as for `mean_image`.
        scale: whether to divide.
    Raises:
        ValueError: a channel in which all pixels are equal cannot be scaled.

    >>> import numpy as np
    >>> per_channel(np.arange(8.0).reshape(2, 1, 2, 2)).mean.tolist()
    [[[3.5]]]
    """
    xp = _check_images(x, fitting=True)
    mean = xp.mean(x, axis=(0, 2, 3))[:, None, None]
    if not scale:
        return Scaling(mean, xp.ones_like(mean))
    deviation = xp.std(x, axis=(0, 2, 3))
    for c, value in enumerate(deviation):
        if not value > 0:
            raise ValueError(
                f"channel {c} has the deviation {float(value)} and cannot be divided by it; "
                "use per_channel(x, scale=False), or leave the channel out."
            )
    return Scaling(mean, deviation[:, None, None])


@dataclass(frozen=True, eq=False)
class Rotation(_Preprocessing):
    """y = (x − mean) W, where x is an image as a row of D numbers.

    Attributes:
        mean: (D,).
        matrix: (D, M), W.
        inverse: (M, D), by which `undo` goes back; exact where M is D.
        variances: (D,) of the training images along their principal directions, largest first.
        shape: (C, H, W) of an image.
        images: whether y is shaped as an image again, as for ZCA.
    """

    mean: object
    matrix: object
    inverse: object
    variances: object
    shape: tuple[int, int, int]
    images: bool = False

    def apply(self, x):
        """(N, M) features of the images x (N, C, H, W), or images where `images` is set."""
        _check_images(x)
        if tuple(x.shape[1:]) != self.shape:
            raise ShapeError(
                f"this was fitted to images of shape {self.shape}, but x is {tuple(x.shape)}; "
                "fit it to such images."
            )
        flat = x.reshape(x.shape[0], -1)
        y = (flat - asarray_like(self.mean, x)) @ asarray_like(self.matrix, x)
        return y.reshape(x.shape) if self.images else y

    def undo(self, y):
        """Images (N, C, H, W): those that `apply` made y of, or the closest with M directions."""
        flat = y.reshape(y.shape[0], -1)
        if flat.shape[1] != self.matrix.shape[1]:
            raise ShapeError(
                f"there are {self.matrix.shape[1]} features of an image, but y is {tuple(y.shape)}."
            )
        x = flat @ asarray_like(self.inverse, y) + asarray_like(self.mean, y)
        return x.reshape(y.shape[0], *self.shape)


def pca(x, components: int | None = None) -> Rotation:
    """Principal component analysis: rotate so that the features are uncorrelated.

    With the covariance Σ = XᵀX / N of the centred rows X, and Σ = U diag(λ) Uᵀ:  y = (x − mean) U.
    The covariance of y is diag(λ). The largest entry of each column of U is positive.

    Args:
        x: (N, C, H, W) training images, floating point, NumPy or torch; computed in float64.
        components: M, how many directions to keep, those of largest variance; all where None.
    Raises:
        ValueError: components out of range.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(50, 1, 2, 2))
    >>> y = pca(x).apply(x)
    >>> np.allclose(np.cov(y.T, bias=True), np.diag(pca(x).variances))
    True
    """
    mean, directions, variances = _principal(x)
    kept = _kept(components, directions.shape[1])
    u = directions[:, :kept]
    return _rotation(x, mean, u, u.T, variances)


def whiten(x, epsilon: float = 1e-5, kind: str = "pca", components: int | None = None) -> Rotation:
    """Rotate and scale so that the features are uncorrelated and have variance 1.

    PCA: y = (x − mean) U diag(λ + ε)^(−½);  ZCA turns back, y = (x − mean) U diag(λ + ε)^(−½) Uᵀ,
    which stays as close to the image as whitening can.

    Args:
        x, components: as for `pca`.
        epsilon: ε >= 0, which bounds how much a direction of small variance, mostly noise, grows.
        kind: "pca" or "zca".
    Raises:
        ValueError: an unknown kind, ε out of range, or a direction without variance and ε = 0.
    Reference: Bell and Sejnowski 1997, "The independent components of natural scenes are edge
        filters" (ZCA), doi:10.1016/S0042-6989(97)00121-1.

    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(50, 1, 2, 2))
    >>> y = whiten(x, epsilon=0).apply(x)
    >>> np.allclose(np.cov(y.T, bias=True), np.eye(4))
    True
    """
    if kind not in ("pca", "zca"):
        raise ValueError(f"kind must be 'pca' or 'zca', but is {kind!r}.")
    epsilon = number(epsilon)
    if isinstance(epsilon, bool | str) or not epsilon >= 0:
        raise ValueError(f"epsilon must be >= 0, but is {epsilon!r}; try 1e-5.")
    mean, directions, variances = _principal(x)
    kept = _kept(components, directions.shape[1])
    u, spread = directions[:, :kept], variances[:kept] + epsilon
    if not spread[-1] > 1e-12 * variances[0]:
        raise ValueError(
            f"{int((spread <= 1e-12 * variances[0]).sum())} of {kept} directions have no variance "
            f"in these {x.shape[0]} images; use epsilon > 0, or keep fewer components."
        )
    root = spread**0.5
    back = u.T if kind == "zca" else None
    matrix, inverse = u / root, root[:, None] * u.T
    if back is not None:
        matrix, inverse = matrix @ back, u @ inverse
    return _rotation(x, mean, matrix, inverse, variances, images=kind == "zca")


def _principal(x):
    """Mean (D,), directions (D, D) as columns and variances (D,), largest first; float64."""
    xp = _check_images(x, fitting=True)
    flat = xp.astype(x.reshape(x.shape[0], -1), xp.float64)
    mean = xp.mean(flat, axis=0)
    centred = flat - mean
    variances, directions = xp.linalg.eigh(centred.T @ centred / x.shape[0])
    variances, directions = xp.flip(variances, axis=0), xp.flip(directions, axis=1)
    largest = xp.argmax(xp.abs(directions), axis=0)
    signs = xp.sign(directions[largest, xp.arange(directions.shape[1])])
    return mean, directions * signs, xp.clip(variances, 0, None)


def _rotation(x, mean, matrix, inverse, variances, images: bool = False) -> Rotation:
    return Rotation(
        mean, matrix, inverse, variances, tuple(int(side) for side in x.shape[1:]), images
    )


def _kept(components: int | None, count: int) -> int:
    if components is None:
        return count
    whole = number(components)
    if isinstance(whole, bool) or not isinstance(whole, int) or not 1 <= whole <= count:
        raise ValueError(
            f"components must be an integer from 1 to {count}, one for each number of an image, "
            f"but is {components!r}."
        )
    return whole


def _check_images(x, fitting: bool = False):
    xp = float_namespace(x)
    expect_axes(x, "x", "N, C, H, W")
    if fitting and (0 in x.shape or not bool(xp.all(xp.isfinite(x)))):
        raise ValueError(
            f"x must hold at least one image of finite numbers, but is {tuple(x.shape)}"
            + ("." if 0 in x.shape else " and holds infinite ones or NaN.")
        )
    return xp
