"""Update rules against torch.optim, on the same gradients."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from oracles import normal

from convnets.layers import Linear
from convnets.optim import SGD, Hyperparameter, Optimizer

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


# Parameter groups


GROUPS = [
    ({"lr": 0.01}, {}),
    ({"momentum": 0.5}, {"weight_decay": 0.1, "lr": 0.3}),
    ({"nesterov": True}, {"momentum": 0.0}),
]


def grouped(params, own):
    weight, bias = params.values() if isinstance(params, dict) else params
    return [{"params": [weight], **own[0]}, {"params": [bias], **own[1]}]


@pytest.mark.parametrize("like", [None, "torch"], ids=["NumPy", "torch"])
@pytest.mark.parametrize("own", GROUPS, ids=str)
def test_groups_equal_those_of_torch_for_ten_steps(own, like):
    ours = parameters(like)
    theirs = [torch.nn.Parameter(torch.tensor(normal(*s, seed=1))) for s in SHAPES.values()]
    settings = {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}
    ours_sgd = SGD(grouped(ours, own), **settings)
    torch_sgd = torch.optim.SGD(grouped(theirs, own), **settings)
    for step in range(10):
        give_gradients(ours, step)
        for p, q in zip(ours.values(), theirs, strict=True):
            q.grad = torch.as_tensor(p.grad)
        if step == 5:
            for optimizer in (ours_sgd, torch_sgd):
                for group in optimizer.param_groups:
                    group["lr"] *= 0.1
        ours_sgd.step()
        torch_sgd.step()
        for p, q in zip(ours.values(), theirs, strict=True):
            np.testing.assert_allclose(p.data, q.detach(), rtol=1e-12, atol=1e-14)


def layers_in_groups(**options):
    first, second = Linear(3, 2, rng=0), Linear(2, 2, rng=1)
    groups = [
        {"params": first.parameters(), "lr": 0.01},
        {"params": second.parameters(), "weight_decay": 0.1},
    ]
    return SGD(groups, lr=0.1, momentum=0.9, **options), [first, second]


def step_all(optimizer, seed):
    for i, p in enumerate(optimizer.parameters.values()):
        p.grad = normal(*p.data.shape, seed=seed + i).astype(np.float32)
    optimizer.step()


def test_groups_of_layers_have_names_of_their_own():
    optimizer, _ = layers_in_groups()
    assert list(optimizer.parameters) == ["0/weight", "0/bias", "1/weight", "1/bias"]
    assert repr(optimizer) == (
        "SGD(lr=(0.01, 0.1), momentum=0.9, nesterov=False, weight_decay=(0.0, 0.1))"
    )


def test_groups_continue_from_their_state():
    straight, layers = layers_in_groups()
    for seed in (10, 20):
        step_all(straight, seed)
    straight.param_groups[1]["lr"] = 0.07
    saved = straight.state_dict()
    resumed, others = layers_in_groups(nesterov=True)
    for layer, other in zip(layers, others, strict=True):
        other.load_state_dict(layer.state_dict())
    resumed.load_state_dict(saved)
    assert repr(resumed) == repr(straight)
    for optimizer in (straight, resumed):
        step_all(optimizer, 30)
    for layer, other in zip(layers, others, strict=True):
        for name, values in layer.state_dict().items():
            assert values.tobytes() == other.state_dict()[name].tobytes()


def test_a_state_of_other_groups_changes_nothing():
    optimizer, layers = layers_in_groups()
    saved = SGD({**{f"{i}/{k}": p for i, layer in enumerate(layers)
                    for k, p in layer.parameters().items()}}, lr=0.5).state_dict()  # fmt: skip
    with pytest.raises(ValueError, match="for 1 parameter groups, but the optimiser has 2"):
        optimizer.load_state_dict(saved)
    assert [group["lr"] for group in optimizer.param_groups] == [0.01, 0.1]


def test_what_groups_share_is_set_for_all_and_what_differs_is_not_overwritten():
    optimizer, _ = layers_in_groups()
    optimizer.momentum = 0.5
    assert [group["momentum"] for group in optimizer.param_groups] == [0.5, 0.5]
    with pytest.raises(ValueError, match=r'lr: 0\.01, 0\.1; set each, as .*\[0\]\["lr"\] = 0\.2'):
        optimizer.lr = 0.2
    assert optimizer.lr == 0.01, "outside a step, that of the first group"


def test_every_rule_sees_the_hyperparameters_of_the_group_at_hand():
    seen = []

    class Look(Optimizer):
        factor = Hyperparameter("be > 0", lambda value: value > 0, "try 1")

        def __init__(self, parameters, lr, factor=1.0):
            super().__init__(parameters, lr, factor=factor)

        def update(self, w, g, state):
            seen.append((self.lr, self.factor))
            return w

    optimizer = Look(grouped(parameters(), ({"factor": 3}, {"lr": 0.5})), lr=0.1)
    for p in optimizer.parameters.values():
        p.grad = p.data
    optimizer.step()
    assert seen == [(0.1, 3.0), (0.5, 1.0)]
    assert Look.hyperparameters == ("lr", "factor")
    with pytest.raises(ValueError, match="factor must be > 0, but is 0; try 1"):
        Look(grouped(parameters(), ({"factor": 0}, {})), lr=0.1)


def test_a_step_that_fails_leaves_no_group_at_hand():
    optimizer, _ = layers_in_groups()
    with pytest.raises(RuntimeError, match="parameter 0/weight has no gradient"):
        optimizer.step()
    assert optimizer.group is None


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        ([{"lr": 0.1}], "parameter group 0 says no 'params'; a group is a dict of 'params'"),
        ([{"params": [1], "rate": 1}], "group 0 has no 'rate'; .* any of lr, momentum, nesterov"),
        ([{"params": []}, {"params": []}], "no parameters to optimise"),
    ],
)
def test_groups_that_make_no_sense_are_refused(groups, message):
    with pytest.raises(ValueError, match=message):
        SGD(groups, lr=0.1)


def test_a_parameter_stands_in_one_group_only():
    params = parameters()
    with pytest.raises(ValueError, match="parameter 0/weight is also 1/0"):
        SGD([{"params": params}, {"params": [params["weight"]]}], lr=0.1)
    with pytest.raises(ValueError, match="parameter 0 is also 2"):
        SGD([params["weight"], params["bias"], params["weight"]], lr=0.1)


def test_values_of_a_group_are_checked_like_others():
    with pytest.raises(ValueError, match="momentum must lie in"):
        SGD(grouped(parameters(), ({"momentum": 1.0}, {})), lr=0.1)
    with pytest.raises(ValueError, match="nesterov looks ahead"):
        SGD(grouped(parameters(), ({"nesterov": True}, {})), lr=0.1)


# Numbers of NumPy


def trained(lr, momentum, weight_decay, later=None):
    layer = Linear(3, 2, rng=0)
    optimizer = SGD(layer.parameters(), lr=lr, momentum=momentum, weight_decay=weight_decay)
    for step in range(4):
        if step == 2 and later:
            later(optimizer)
        step_all(optimizer, 10 * step)
    return layer.weight.data


def set_attributes(kind):
    def later(optimizer):
        optimizer.lr, optimizer.momentum = kind(0.03), kind(0.7)
        optimizer.weight_decay = kind(1e-3)

    return later


def set_group(kind):
    def later(optimizer):
        optimizer.param_groups[0].update(lr=kind(0.03), momentum=kind(0.7), weight_decay=kind(1e-3))

    return later


@pytest.mark.parametrize("later", [lambda kind: None, set_attributes, set_group])
@pytest.mark.parametrize("kind", [np.float64, np.array, np.float16], ids=["scalar", "0-d", "half"])
def test_numpy_numbers_leave_float32_weights_with_the_same_bits(kind, later):
    plain = float if kind is not np.float16 else lambda value: float(np.float16(value))
    want = trained(plain(0.1), plain(0.9), plain(0.01), later(plain))
    got = trained(kind(0.1), kind(0.9), kind(0.01), later(kind))
    assert got.dtype == want.dtype == np.float32
    assert got.tobytes() == want.tobytes()


def test_hyperparameters_are_python_numbers_whatever_was_given():
    optimizer = SGD(parameters(), lr=np.float64(1), momentum=np.array(0.5), nesterov=np.bool_(True))
    optimizer.weight_decay = np.float32(0.5)
    values = optimizer.state_dict()["groups"][0]
    assert values == {"lr": 1.0, "momentum": 0.5, "nesterov": True, "weight_decay": 0.5}
    assert {type(value) for value in values.values()} == {float, bool}


@pytest.mark.parametrize("name", ["lr", "momentum", "weight_decay"])
@pytest.mark.parametrize("value", [np.ones(2), "much", None, -1, float("nan")], ids=str)
def test_what_is_no_number_in_range_is_refused_later_too(name, value):
    optimizer = SGD(parameters(), lr=0.1)
    before = repr(optimizer)
    with pytest.raises(ValueError, match=f"{name} must "):
        setattr(optimizer, name, value)
    assert repr(optimizer) == before
