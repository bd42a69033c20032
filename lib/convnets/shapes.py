"""Output-size arithmetic, with errors that work the formula for the numbers given."""

from __future__ import annotations

import operator
from collections.abc import Sequence


class ShapeError(ValueError):
    """Sizes that do not fit together. The message names what was given and what to try."""


def pair(value: int | Sequence[int], name: str, minimum: int = 1) -> tuple[int, int]:
    """Read an int or a (height, width) pair as two ints.

    Args:
        value: one int for both axes, or a tuple or list of two.
        name: how the argument is called in error messages.
        minimum: smallest value allowed.
    Raises:
        ShapeError: not one or two integers, or one below `minimum`.

    >>> pair(3, "stride"), pair((1, 2), "stride")
    ((3, 3), (1, 2))
    """
    parts = tuple(value) if isinstance(value, tuple | list) else (value, value)
    if len(parts) != 2 or not all(_is_whole(p) and p >= minimum for p in parts):
        raise ShapeError(
            f"{name} must be an integer >= {minimum} or a pair (height, width) of them, "
            f"but is {value!r}."
        )
    return operator.index(parts[0]), operator.index(parts[1])


def whole(value: int, name: str, minimum: int = 1) -> int:
    """Read one integer of at least `minimum`; `name` is how errors call it.

    >>> whole(3, "groups")
    3
    """
    if not _is_whole(value) or value < minimum:
        raise ShapeError(f"{name} must be an integer >= {minimum}, but is {value!r}.")
    return operator.index(value)


def _is_whole(value: object) -> bool:
    try:
        operator.index(value)
    except TypeError:
        return False
    return not isinstance(value, bool)


def expect_axes(x, name: str, axes: str) -> None:
    """Raise ShapeError unless `x` has as many axes as `axes` names, say "N, C, H, W".

    >>> import numpy as np
    >>> expect_axes(np.zeros((3, 8, 8)), "x", "N, C, H, W")
    Traceback (most recent call last):
    convnets.shapes.ShapeError: x must have 4 axes (N, C, H, W), but its shape is (3, 8, 8).
    """
    if len(x.shape) != axes.count(",") + 1:
        raise ShapeError(
            f"{name} must have {axes.count(',') + 1} axes ({axes}), "
            f"but its shape is {tuple(x.shape)}."
        )


def expect_shape(x, name: str, shape: Sequence[int], like: str) -> None:
    """Raise ShapeError unless `x` has the given shape; `like` says where that shape comes from.

    >>> import numpy as np
    >>> expect_shape(np.zeros((2, 3)), "dy", (2, 4), like="the output")
    Traceback (most recent call last):
    convnets.shapes.ShapeError: dy must have the shape (2, 4) of the output, but has (2, 3).
    """
    if tuple(x.shape) != tuple(shape):
        raise ShapeError(
            f"{name} must have the shape {tuple(shape)} of {like}, but has {tuple(x.shape)}."
        )


def output_size(size: int, kernel: int, stride: int = 1, padding: int = 0, axis: str = "") -> int:
    """Number of places where a window fits along one axis.

    floor((size + 2·padding − kernel) / stride) + 1

    Args:
        size: inputs along the axis, in pixels.
        kernel: window length, in pixels.
        stride: step between windows, in pixels.
        padding: pixels added at each of the two ends.
        axis: "height" or "width", named in the error message.
    Raises:
        ShapeError: the window is longer than the padded input (the message works the formula), or
            the kernel or stride is below 1 or the padding below 0.

    >>> output_size(32, kernel=5, stride=2, padding=2)
    16
    """
    if kernel < 1 or stride < 1 or padding < 0:
        raise ShapeError(
            "kernel and stride must be at least 1 and padding at least 0, "
            f"but kernel is {kernel}, stride is {stride} and padding is {padding}."
        )
    room = size + 2 * padding - kernel
    if room < 0:
        raise ShapeError(
            f"the window does not fit{f' along the {axis}' if axis else ''}: "
            f"{size} + 2·{padding} − {kernel} = {room} is negative. "
            f"Use a kernel of at most {size + 2 * padding}, "
            f"or padding of at least {-(-(kernel - size) // 2)}."
        )
    return room // stride + 1


def output_shape(
    image: Sequence[int], kernel: Sequence[int], stride: Sequence[int], padding: Sequence[int]
) -> tuple[int, int]:
    """`output_size` for height and width, each a pair (height, width).

    >>> output_shape((28, 20), kernel=(5, 3), stride=(1, 2), padding=(2, 0))
    (28, 9)
    """
    height, width = (
        output_size(*sizes, axis=axis)
        for *sizes, axis in zip(image, kernel, stride, padding, ("height", "width"), strict=True)
    )
    return height, width


def explain_output_size(size: int, kernel: int, stride: int, padding: int) -> str:
    """The formula with numbers put in, as a student would work it on paper.

    >>> explain_output_size(7, kernel=3, stride=2, padding=0)
    'floor((7 + 2·0 − 3) / 2) + 1 = floor(2) + 1 = 3'
    """
    result = output_size(size, kernel, stride, padding)
    quotient = (size + 2 * padding - kernel) / stride
    given = f"floor(({size} + 2·{padding} − {kernel}) / {stride}) + 1"
    return f"{given} = floor({quotient:g}) + 1 = {result}"


def uncovered(size: int, kernel: int, stride: int, padding: int = 0) -> int:
    """Inputs at the far end that no window reaches because the stride does not divide.

    >>> uncovered(8, kernel=3, stride=2), uncovered(7, kernel=3, stride=2)
    (1, 0)
    """
    reached = (output_size(size, kernel, stride, padding) - 1) * stride + kernel - padding
    return max(0, size - reached)
