"""LeNet-5 and its relatives."""

from __future__ import annotations

from convnets.init import Initialiser
from convnets.layers import Conv2d, Flatten, Layer, Linear, MaxPool2d, ReLU, Sequential
from convnets.random import generator
from convnets.shapes import ShapeError, output_shape, pair


def lenet(
    in_channels: int = 1,
    classes: int = 10,
    size=28,
    *,
    filters: tuple[int, int] = (6, 16),
    hidden: tuple[int, int] = (120, 84),
    activation: type[Layer] = ReLU,
    pool: type[Layer] = MaxPool2d,
    rng=None,
    init: Initialiser = "kaiming_normal",
) -> Sequential:
    """A network after LeNet-5: two convolutions with pooling, then three fully connected layers.

    At size 32, and at 28 where the image is padded to 32, the sizes are those of the paper:
    32 -> 28 -> 14 -> 10 -> 5. Different from it: ReLU and maximum pooling where the paper has a
    scaled tanh and an average with two learned coefficients (`activation=Tanh, pool=AvgPool2d`
    comes close); the second convolution sees all maps where a hand-made table leaves some out
    (2416 parameters for 1516); scores for softmax cross-entropy where there are distances to
    fixed codes; He's initialisation. Images smaller than 20 pixels get 3×3 kernels that keep
    their size, for example 8 -> 8 -> 4 -> 4 -> 2.

    Args:
        in_channels: 1 for grey images, 3 for colour.
        classes: number of scores.
        size: of the images, int or (height, width), >= 4.
        filters: channels after each convolution.
        hidden: lengths of the fully connected layers before the scores.
        activation: class of the non-linearities, called without arguments.
        pool: class of the pooling layers, called with 2.
        rng: seed or generator for the initial weights; None draws a fresh seed.
        init: how they are drawn, see `convnets.init.drawn`.
    Returns:
        The model, from (N, in_channels, H, W) to scores (N, classes).
    Raises:
        ShapeError: images below 4 pixels.
    Reference: LeCun, Bottou, Bengio and Haffner 1998, "Gradient-based learning applied to
        document recognition", doi:10.1109/5.726791.

    >>> model = lenet(rng=0)
    >>> model[0], model[3]
    (Conv2d(1, 6, kernel_size=5, padding=2), Conv2d(6, 16, kernel_size=5))
    """
    drawing = {"rng": generator(rng), "init": init}
    size = pair(size, "size")
    kernel, paddings = _kernel_and_paddings(min(size))
    first = Conv2d(in_channels, filters[0], kernel, padding=paddings[0], **drawing)
    second = Conv2d(*filters, kernel, padding=paddings[1], **drawing)
    for conv in (first, second):
        size = output_shape(size, conv.kernel_size, conv.stride, conv.padding)
        size = (size[0] // 2, size[1] // 2)
    return Sequential(
        first,
        activation(),
        pool(2),
        second,
        activation(),
        pool(2),
        Flatten(),
        Linear(filters[1] * size[0] * size[1], hidden[0], **drawing),
        activation(),
        Linear(*hidden, **drawing),
        activation(),
        Linear(hidden[1], classes, **drawing),
    )


def _kernel_and_paddings(size: int) -> tuple[int, tuple[int, int]]:
    if size < 4:
        raise ShapeError(
            f"size is {size}, but two poolings halve the image twice; use at least 4 pixels."
        )
    if size < 20:
        return 3, (1, 1)
    return 5, (0 if size >= 32 else 2, 0)
