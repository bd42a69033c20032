"""LeNet: the published sizes and counts, every size of image, and that it learns."""

import numpy as np
import pytest
import torch

from convnets import models
from convnets.data import digits, split
from convnets.inspect import activation_shapes, count_parameters
from convnets.layers import AvgPool2d, Tanh
from convnets.models import lenet
from convnets.optim import SGD
from convnets.shapes import ShapeError
from convnets.train import evaluate, fit


@pytest.mark.parametrize("size", [28, 32])
def test_lenet_has_the_sizes_of_the_paper(size):
    shapes = activation_shapes(lenet(size=size, rng=0), (1, size, size))
    wanted = {
        "0": (6, 28, 28),
        "2": (6, 14, 14),
        "3": (16, 10, 10),
        "5": (16, 5, 5),
        "7": (120,),
        "9": (84,),
        "11": (10,),
    }
    assert {name: shapes[name] for name in wanted} == wanted


def test_lenet_has_the_parameters_of_the_paper():
    model = lenet(size=32, rng=0)
    counts = {i: count_parameters(model[i]) for i in (0, 3, 7, 9, 11)}
    # The paper's C1, C5 and F6. Its C3 leaves out connections; a full one has 16·(6·25 + 1).
    assert counts == {0: 156, 3: 2416, 7: 48120, 9: 10164, 11: 850}


@pytest.mark.parametrize("size", [4, 5, 8, 19, 20, 28, 31, 32, 33, (8, 28), (40, 33)])
def test_lenet_takes_images_of_every_size(size):
    height, width = size if isinstance(size, tuple) else (size, size)
    model = lenet(in_channels=3, classes=4, size=size, rng=0)
    assert model(np.zeros((2, 3, height, width), np.float32)).shape == (2, 4)


def test_sizes_and_classes_of_layers_are_arguments():
    model = lenet(size=8, filters=(3, 5), hidden=(11, 7), activation=Tanh, pool=AvgPool2d, rng=0)
    assert [layer.out_channels for layer in (model[0], model[3])] == [3, 5]
    assert [layer.out_features for layer in (model[7], model[9], model[11])] == [11, 7, 10]
    assert isinstance(model[1], Tanh) and isinstance(model[2], AvgPool2d)


def test_images_too_small_are_refused():
    with pytest.raises(ShapeError, match="at least 4 pixels"):
        lenet(size=3)


@pytest.mark.parametrize("like", [np.empty(0, np.float32), torch.empty(0)], ids=["NumPy", "torch"])
def test_lenet_learns_the_digits(like):
    rng = np.random.default_rng(0)
    train, test = split(digits(), (0.8, 0.2), rng)
    model = lenet(size=8, rng=0).to(like)
    optimizer = SGD(model.parameters(), lr=0.03, momentum=0.9)
    for lr, epochs in ((0.03, 8), (0.003, 3)):
        optimizer.lr = lr
        fit(model, optimizer, train, epochs=epochs, batch_size=32, rng=rng, progress=False)
    assert evaluate(model, test).accuracy > 0.95


def test_models_are_found_in_the_package():
    assert models.lenet is lenet
    assert "lenet" in models.__all__


def test_the_example_net_has_the_counts_of_the_textbook():
    model = models.example_net(rng=0)
    counts = [count_parameters(layer) for layer in model if layer.parameters()]
    assert counts == [280, 910, 910, 910, 910, 910, 1610] and sum(counts) == 6440
    assert model(np.zeros((2, 3, 32, 32), np.float32)).shape == (2, 10)


def test_the_example_net_takes_other_sizes_that_can_be_halved():
    model = models.example_net(channels=1, size=12, classes=4, filters=5, blocks=2, rng=0)
    assert model(np.zeros((1, 1, 12, 12), np.float32)).shape == (1, 4)
    with pytest.raises(ShapeError, match=r"multiple of 2\^blocks, 8.*try 16"):
        models.example_net(size=12)
