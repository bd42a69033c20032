"""Images to learn from: real, drawn or downloaded, all as `Dataset`."""

from convnets.data.builtin import digits, photograph, photographs
from convnets.data.canvas import on_canvas
from convnets.data.catalogue import load
from convnets.data.colouring import coloured
from convnets.data.dataset import Dataset, batches, split
from convnets.data.download import DataError
from convnets.data.glyphs import glyphs
from convnets.data.preprocessing import mean_image, pca, per_channel, whiten
from convnets.data.published import cifar10, fashion_mnist
from convnets.data.spirals import spirals
from convnets.data.textures import textures

__all__ = [
    "DataError",
    "Dataset",
    "batches",
    "cifar10",
    "coloured",
    "digits",
    "fashion_mnist",
    "glyphs",
    "load",
    "mean_image",
    "on_canvas",
    "pca",
    "per_channel",
    "photograph",
    "photographs",
    "spirals",
    "split",
    "textures",
    "whiten",
]
