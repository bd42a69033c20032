"""Statistics of the whole training set in place of running ones, once training is over."""

from __future__ import annotations

from contextlib import contextmanager

from convnets.arrays import asarray_like, batch_last, namespace, to_numpy
from convnets.layers.base import Layer
from convnets.layers.running import Running
from convnets.shapes import ShapeError, whole


def population_statistics(model: Layer, images, batch_size: int) -> None:
    """Set what every BatchNorm of a trained model uses in evaluation, from the training images.

        mean = mean over batches of μ_B,  variance = mean over batches of m/(m − 1) · σ²_B

    Running averages remember mostly the last batches, whose weights were other ones; these are of
    the weights as they are. Each BatchNorm sees what those before it give for the batch, as in
    training; all other layers, such as dropout, are in evaluation mode. Mean-only ones are set too.

    Args:
        model: layers of ours; modes stay as they are, and so does `num_batches_tracked`.
        images: (M, C, H, W) or (M, D), those it was trained on, prepared in the same way and in
            random order: an average over batches of one class each misses how classes differ.
        batch_size: examples at a time, >= 2; a last batch that is not full is left out.
    Raises:
        TypeError: not layers of ours.
        ValueError: no BatchNorm in the model, fewer images than a batch, or statistics that are not
            finite; nothing was changed.
    Reference: Ioffe and Szegedy 2015, arXiv:1502.03167, algorithm 2.

    >>> import numpy as np
    >>> from convnets.layers import BatchNorm1d
    >>> layer = BatchNorm1d(1)
    >>> population_statistics(layer, np.array([[1], [3], [6], [10]], np.float32), batch_size=2)
    >>> layer.running_mean.data, layer.running_var.data # of (2, 8) and of (2, 8)
    (array([5.], dtype=float32), array([5.], dtype=float32))
    """
    if not isinstance(model, Layer):
        raise TypeError(
            f"the model must be made of convnets.layers, but is {type(model).__name__}; for "
            "torch.nn there is torch.optim.swa_utils.update_bn."
        )
    norms = {name: layer for name, layer in model.named_layers() if isinstance(layer, Running)}
    size = whole(batch_size, "batch_size", minimum=2)
    if not norms:
        raise ValueError("the model has no BatchNorm whose statistics could be set.")
    if len(images) < size:
        raise ShapeError(
            f"there are {len(images)} images, and no full batch of {size}; use a batch_size of at "
            f"most {len(images)}."
        )
    like = next(iter(norms.values())).running_mean.data
    with _gathering(model, norms):
        for start in range(0, len(images) - size + 1, size):
            batch = asarray_like(images[start : start + size], like)
            model(batch_last(batch) if batch.ndim == 4 else batch)
        for name, layer in norms.items():
            if not all(abs(to_numpy(b.data)).max() < float("inf") for b in _statistics(layer)):
                which = f"layer {name}" if name else repr(layer)
                raise ValueError(
                    f"the statistics of {which} are not finite: the images or the weights hold "
                    "infinite numbers or NaN."
                )


@contextmanager
def _gathering(model: Layer, norms: dict[str, Running]):
    """Each norm averages over all batches from here on; where that fails, all is as before."""
    modes = [(layer, layer.training) for _, layer in model.named_layers()]
    buffers = [(buffer, buffer.data) for buffer in model.buffers().values()]
    settings = [(n, n.momentum, n.num_batches_tracked.data) for n in norms.values()]
    model.eval()
    for layer in norms.values():
        layer.training, layer.momentum = True, None
        for buffer in layer.buffers().values():
            buffer.data = namespace(buffer.data).zeros_like(buffer.data)
    try:
        yield
    except BaseException:
        for buffer, data in buffers:
            buffer.data = data
        raise
    finally:
        for layer, momentum, count in settings:
            layer.momentum, layer.num_batches_tracked.data = momentum, count
        for layer, mode in modes:
            layer.training = mode


def _statistics(layer: Running) -> list:
    return [b for name, b in layer.buffers().items() if name != "num_batches_tracked"]
