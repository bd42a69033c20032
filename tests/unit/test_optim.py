"""Update rules against torch.optim, on the same gradients."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from oracles import normal

from convnets.layers import Linear
from convnets.optim import SGD, Optimizer

SHAPES = {"weight": (4, 3), "bias": (4,)}

SETTINGS = [
    {},
    {"weight_decay": 0.01},
    {"momentum": 0.9},
    {"momentum": 0.9, "weight_decay": 0.01},
    {"momentum": 0.9, "nesterov": True},
    {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
]


def parameters(like=None):
    """Parameters with seeded values and no gradient yet."""
    values = {name: normal(*shape, seed=1) for name, shape in SHAPES.items()}
    return {
        name: SimpleNamespace(data=v if like is None else torch.tensor(v), grad=None)
        for name, v in values.items()
    }


def give_gradients(params, step):
    for i, p in enumerate(params.values()):
        g = normal(*p.data.shape, seed=100 * step + i)
        p.grad = torch.tensor(g) if isinstance(p.data, torch.Tensor) else g


@pytest.mark.parametrize("like", [None, "torch"], ids=["NumPy", "torch"])
@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_sgd_equals_torch_for_ten_steps(settings, like):
    ours = parameters(like)
    theirs = [torch.nn.Parameter(torch.tensor(normal(*s, seed=1))) for s in SHAPES.values()]
    ours_sgd = SGD(ours, lr=0.1, **settings)
    torch_sgd = torch.optim.SGD(theirs, lr=0.1, **settings)
    for step in range(10):
        give_gradients(ours, step)
        for p, q in zip(ours.values(), theirs, strict=True):
            q.grad = torch.as_tensor(p.grad)
        if step == 5:
            ours_sgd.lr = torch_sgd.param_groups[0]["lr"] = 0.03
        ours_sgd.step()
        torch_sgd.step()
        for p, q in zip(ours.values(), theirs, strict=True):
            np.testing.assert_allclose(p.data, q.detach(), rtol=1e-12, atol=1e-14)


def test_torch_parameters_can_be_optimised_too():
    layer = torch.nn.Linear(3, 2)
    before = layer.weight.detach().clone()
    layer(torch.ones(1, 3)).sum().backward()
    SGD(layer.parameters(), lr=0.5).step()
    assert torch.equal(layer.weight.detach(), before - 0.5)
    assert layer.weight.requires_grad


def test_frozen_torch_parameters_stay():
    layer = torch.nn.Linear(3, 2)
    layer.weight.requires_grad_(False)
    assert list(SGD(layer.parameters(), lr=0.5).parameters) == ["1"]


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_arrays_that_were_passed_in_are_left_alone(settings):
    params = parameters()
    give_gradients(params, 0)
    weight, grad = params["weight"].data, params["weight"].grad
    weight_before, grad_before = weight.copy(), grad.copy()
    optimizer = SGD(params, lr=0.1, **settings)
    for _ in range(3):
        optimizer.step()
    assert np.array_equal(weight, weight_before)
    assert np.array_equal(grad, grad_before)
    assert not np.array_equal(params["weight"].data, weight_before)


def test_a_gradient_changed_in_place_afterwards_does_not_reach_the_velocity():
    params = parameters()
    give_gradients(params, 0)
    optimizer = SGD(params, lr=0.1, momentum=0.9)
    optimizer.step()
    want = params["bias"].grad.copy()
    params["bias"].grad[:] = 0
    assert np.array_equal(optimizer.state["bias"]["velocity"], want)


def test_float32_stays_float32_under_a_float64_learning_rate():
    layer = Linear(3, 2, rng=0)
    for p in layer.parameters().values():
        p.grad = np.ones_like(p.data)
    optimizer = SGD(layer.parameters(), lr=np.float64(0.1), momentum=0.9, weight_decay=0.1)
    optimizer.lr = np.float64(0.05)
    optimizer.step()
    assert layer.weight.data.dtype == np.float32


def test_a_gradient_lying_otherwise_in_memory_leaves_weights_in_index_order():
    params = parameters()
    give_gradients(params, 0)
    params["weight"].grad = np.asfortranarray(params["weight"].grad)
    params["weight"].data = np.asfortranarray(params["weight"].data)
    SGD(params, lr=0.1).step()
    assert params["weight"].data.flags.c_contiguous


def test_an_optimiser_continues_from_its_state():
    straight, resumed = parameters(), parameters()
    first = SGD(straight, lr=0.1, momentum=0.9)
    for step in range(2):
        give_gradients(straight, step)
        first.step()
    saved = first.state_dict()
    for name, p in resumed.items():
        p.data = straight[name].data.copy()
    second = SGD(resumed, lr=7, momentum=0.1)
    second.load_state_dict(saved)
    assert repr(second) == "SGD(lr=0.1, momentum=0.9, nesterov=False, weight_decay=0.0)"
    for optimizer, params in ((first, straight), (second, resumed)):
        give_gradients(params, 2)
        optimizer.step()
    for name in SHAPES:
        assert np.array_equal(straight[name].data, resumed[name].data), name


def test_a_saved_state_is_a_copy():
    params = parameters()
    give_gradients(params, 0)
    optimizer = SGD(params, lr=0.1, momentum=0.9)
    optimizer.step()
    saved = optimizer.state_dict()
    saved["state"]["bias"]["velocity"][:] = 0
    assert np.abs(optimizer.state["bias"]["velocity"]).min() > 0
    optimizer.load_state_dict(saved)
    saved["state"]["bias"]["velocity"][:] = 9
    assert np.array_equal(optimizer.state["bias"]["velocity"], np.zeros(4))


class Counting(Optimizer):
    """A second rule, whose memory is a number."""

    def update(self, w, g, state):
        state["steps"] = state.get("steps", 0) + 1
        return w - self.lr * g / state["steps"]


def test_a_rule_may_remember_numbers():
    params = parameters()
    optimizer = Counting(params, lr=1.0)
    give_gradients(params, 0)
    optimizer.step()
    other = Counting(parameters(), lr=1.0)
    other.load_state_dict(optimizer.state_dict())
    assert other.state["bias"] == {"steps": 1}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rule": "Adam"}, "state of Adam, but the optimiser is SGD"),
        (
            {"state": {"weight": {}}},
            "for the parameters weight, but the optimiser has weight, bias",
        ),
        (
            {"state": {"weight": {"velocity": np.zeros(3)}, "bias": {}}},
            r"state of weight is \(3,\), but the parameter is \(4, 3\)",
        ),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(change, message):
    optimizer = SGD(parameters(), lr=0.1, momentum=0.9)
    saved = {**SGD(parameters(), lr=0.5).state_dict(), **change}
    with pytest.raises(ValueError, match=message):
        optimizer.load_state_dict(saved)
    assert (optimizer.lr, optimizer.momentum) == (0.1, 0.9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lr": -0.1}, "lr must be"),
        ({"lr": float("nan")}, "lr must be"),
        ({"lr": 0.1, "momentum": 1.0}, "momentum must lie"),
        ({"lr": 0.1, "nesterov": True}, "nesterov looks ahead along the momentum"),
        ({"lr": 0.1, "weight_decay": -1}, "weight_decay must be"),
    ],
)
def test_values_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        SGD(parameters(), **arguments)


def test_nothing_to_optimise_is_refused():
    with pytest.raises(ValueError, match=r"model\.parameters\(\)"):
        SGD([], lr=0.1)


def test_a_step_without_gradients_names_the_parameter():
    with pytest.raises(RuntimeError, match="weight has no gradient"):
        SGD(parameters(), lr=0.1).step()


def test_a_rule_must_be_given():
    params = parameters()
    give_gradients(params, 0)
    with pytest.raises(NotImplementedError, match="Optimizer must define update"):
        Optimizer(params, lr=0.1).step()
