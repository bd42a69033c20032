"""Tensors that require a gradient: refused in our words, or computed without autograd."""

import inspect

import numpy as np
import pytest
import torch
from oracles import normal, same

from convnets import functional as F
from convnets import layers as L
from convnets.optim import SGD

WORDS = r"requires a gradient, but this function has a backward pass of its own.*torch\.no_grad\(\)"
IMAGES, ROWS = (2, 4, 5, 6), (3, 4)
LINEAR = (ROWS, (5, 4), (5,))
LABELS = np.array([0, 3, 1])

# For every forward function: shapes of its arrays, and what else it takes.
FORWARD = {
    "avg_pool2d": ([IMAGES], {"kernel_size": 2}),
    "batch_norm": ([IMAGES, (4,), (4,)], {}),
    "conv2d": ([IMAGES, (6, 4, 3, 2), (6,)], {"padding": 1}),
    "drop_all": ([*LINEAR], {"keep_prob": 0.5, "keep_weight": 0.8}),
    "drop_all_eval": ([*LINEAR], {"keep_prob": 0.5, "keep_weight": 0.8}),
    "drop_connect": ([*LINEAR], {"keep_prob": 0.5}),
    "drop_connect_eval": ([*LINEAR], {"keep_prob": 0.5}),
    "drop_connect_gaussian": ([*LINEAR], {"keep_prob": 0.5, "activation": abs}),
    "drop_connect_moments": ([*LINEAR], {"keep_prob": 0.5}),
    "drop_maps": ([IMAGES], {"keep_prob": 0.5}),
    "dropout": ([ROWS], {"keep_prob": 0.5}),
    "filter_response_norm": ([IMAGES, (4,), (4,)], {}),
    "flatten": ([IMAGES], {}),
    "fractional_max_pool2d": ([IMAGES], {"output_size": 3}),
    "global_avg_pool2d": ([IMAGES], {}),
    "group_norm": ([IMAGES, (4,), (4,)], {"groups": 2}),
    "hinge_loss": ([ROWS], {"labels": LABELS}),
    "instance_norm": ([IMAGES, (4,), (4,)], {}),
    "layer_norm": ([IMAGES, (4, 5, 6), (4, 5, 6)], {}),
    "linear": ([*LINEAR], {}),
    "local_response_norm": ([IMAGES], {"size": 3}),
    "locally_connected2d": ([IMAGES, (4, 5, 3, 4, 2, 2), (3, 4, 5)], {}),
    "log_softmax": ([ROWS], {}),
    "max_pool2d": ([IMAGES], {"kernel_size": 2}),
    "mean_only_batch_norm": ([IMAGES, (4,)], {}),
    "relu": ([ROWS], {}),
    "sigmoid": ([ROWS], {}),
    "softmax": ([ROWS], {}),
    "softmax_cross_entropy": ([ROWS], {"labels": LABELS}),
    "softplus": ([ROWS], {}),
    "stochastic_depth": ([IMAGES], {"keep_prob": 0.5}),
    "tanh": ([ROWS], {}),
    "thresholded_linear": ([IMAGES, (4,)], {}),
    "vanilla_dropout": ([ROWS], {"keep_prob": 0.5}),
    "vanilla_dropout_eval": ([ROWS], {"keep_prob": 0.5}),
    "variational_dropout": ([ROWS, (4,)], {}),
    "variational_kl": ([(4,)], {}),
    "weight_norm": ([(5, 4), (5,)], {}),
}
LOSSES = ("hinge_loss", "softmax_cross_entropy")
PAIRS = [name for name in FORWARD if f"{name}_backward" in F.__all__]
# Parts of a loss, what is computed in evaluation only, and a penalty that brings its own gradient.
WITHOUT = {"softmax", "log_softmax", "drop_all_eval", "drop_connect_eval"}
WITHOUT |= {"drop_connect_gaussian", "drop_connect_moments", "vanilla_dropout_eval"}
WITHOUT |= {"variational_kl"}
NUMBERS = {"survival_probability"}  # takes and gives plain ones
WEIGHTED = [name for name in PAIRS if len(FORWARD[name][0]) > 1]
# Their gradients need nothing of their weights.
NOT_KEPT = ("mean_only_batch_norm", "thresholded_linear")


def arrays_of(name):
    arrays = [torch.tensor(normal(*shape, seed=i)) for i, shape in enumerate(FORWARD[name][0])]
    if name.startswith("variational"):
        arrays[-1] = -1 - abs(arrays[-1])  # above 0 a gradient is cut off
    return arrays


def forward(name, *arrays):
    """The function's result; a generator is seeded anew, so that calls can be compared."""
    function, options = getattr(F, name), dict(FORWARD[name][1])
    takes = inspect.signature(function).parameters
    if "rng" in takes:
        options["rng"] = np.random.default_rng(0)
    names = [name for name in takes if name not in options][: len(arrays)]
    return function(**dict(zip(names, arrays, strict=True)), **options)


def output_and_cache(name, *arrays):
    result = forward(name, *arrays)
    return result if isinstance(result, tuple) else (result, None)


def gradient_like(name, y):
    return torch.tensor(1.5) if name in LOSSES else torch.tensor(normal(*y.shape, seed=9))


def backward(name, dy, cache):
    grads = getattr(F, f"{name}_backward")(dy, cache)
    return [g for g in (grads if isinstance(grads, tuple) else (grads,)) if g is not None]


def test_every_function_is_looked_at():
    assert set(F.__all__) == {*FORWARD, *NUMBERS, *(f"{name}_backward" for name in PAIRS)}
    assert FORWARD.keys() - PAIRS == WITHOUT


@pytest.mark.parametrize("name", FORWARD)
def test_each_array_that_requires_a_gradient_is_refused(name):
    for which in range(len(FORWARD[name][0])):
        arrays = arrays_of(name)
        arrays[which].requires_grad_()
        with pytest.raises(TypeError, match=WORDS):
            forward(name, *arrays)


@pytest.mark.parametrize("name", PAIRS)
def test_an_output_gradient_that_requires_one_itself_is_refused(name):
    y, cache = output_and_cache(name, *arrays_of(name))
    with pytest.raises(TypeError, match=WORDS):
        backward(name, gradient_like(name, y).requires_grad_(), cache)


@pytest.mark.parametrize("name", LOSSES)
def test_soft_targets_that_require_a_gradient_are_refused(name):
    targets = torch.full((3, 4), 0.25, requires_grad=True)
    with pytest.raises(TypeError, match=WORDS):
        getattr(F, name)(torch.zeros(3, 4), targets)


@pytest.mark.parametrize("name", FORWARD)
def test_without_autograd_they_give_the_usual_numbers(name):
    y, cache = output_and_cache(name, *arrays_of(name))
    leaves = [a.requires_grad_() for a in arrays_of(name)]
    with torch.no_grad():
        y_same, cache_same = output_and_cache(name, *leaves)
        same(y_same, y)
        assert not getattr(y_same, "requires_grad", False)
        if name in PAIRS:
            dy = gradient_like(name, y)
            for got, want in zip(
                backward(name, dy, cache_same), backward(name, dy, cache), strict=True
            ):
                same(got, want)
    assert all(leaf.grad is None for leaf in leaves)


@pytest.mark.parametrize("name", WEIGHTED)
def test_weights_kept_from_a_pass_without_autograd_are_refused_within(name):
    leaves = [a.requires_grad_() for a in arrays_of(name)]
    with torch.no_grad():
        y, cache = forward(name, *leaves)
    if name in NOT_KEPT:
        assert not any(g.requires_grad for g in backward(name, gradient_like(name, y), cache))
        return
    with pytest.raises(TypeError, match=WORDS):
        backward(name, gradient_like(name, y), cache)


@pytest.mark.parametrize("name", PAIRS)
def test_a_pair_becomes_a_function_of_autograd(name):
    class Ours(torch.autograd.Function):
        @staticmethod
        def forward(ctx, *arrays):
            y, ctx.kept = forward(name, *arrays)
            return y.clone()

        @staticmethod
        def backward(ctx, dy):
            grads = getattr(F, f"{name}_backward")(dy, ctx.kept)
            return grads if isinstance(grads, tuple) else (grads,)

    leaves = [a.requires_grad_() for a in arrays_of(name)]
    assert torch.autograd.gradcheck(Ours.apply, leaves)


def test_layers_refuse_in_the_same_words():
    model = L.Sequential(L.Flatten(), L.Linear(8, 3, rng=0), L.ReLU()).to(torch.empty(0))
    x = torch.zeros(2, 2, 2, 2, requires_grad=True)
    with pytest.raises(TypeError, match=WORDS):
        model(x)
    with torch.no_grad():
        assert model(x).shape == (2, 3)
    assert model(x.detach()).shape == (2, 3)


def test_branches_refuse_too():
    x = torch.zeros(2, 2, 2, 2, requires_grad=True)
    for layer in (L.Concat(L.Flatten()), L.Residual(L.ReLU())):
        with pytest.raises(TypeError, match=WORDS):
            layer(x)


def test_parameters_of_modules_are_optimised_all_the_same():
    module = torch.nn.Linear(2, 1)
    module(torch.ones(1, 2)).sum().backward()
    SGD(module.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1).step()
    assert module.weight.requires_grad


def test_scores_of_a_module_are_refused_with_autograd_on():
    module = torch.nn.Linear(2, 3)
    with pytest.raises(TypeError, match=WORDS):
        F.softmax(module(torch.ones(1, 2)))
    assert F.softmax(module(torch.ones(1, 2)).detach()).shape == (1, 3)
