"""Layers: parameters, mode, names, errors, and gradients of whole models against autograd."""

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from oracles import normal, same

from convnets import layers as L
from convnets.arrays import batch_last
from convnets.shapes import ShapeError


def everything(rng=0):
    """A model in which every deterministic layer stands, for inputs (N, 4, 9, 8)."""
    rng = np.random.default_rng(rng)
    return L.Sequential(
        L.Conv2d(4, 6, kernel_size=(3, 2), stride=(1, 2), padding=(1, 0), groups=2, rng=rng),
        L.LocalResponseNorm(size=3, alpha=0.3),
        L.Residual(
            L.Sequential(L.Conv2d(6, 8, 3, padding=1, bias=False, rng=rng), L.Softplus()),
            shortcut=L.Conv2d(6, 8, 1, rng=rng),
        ),
        L.Residual(L.Sequential(L.Tanh(), L.Conv2d(8, 8, 1, rng=rng))),
        L.Concat(
            L.MaxPool2d(3, stride=1, padding=1),
            L.Sequential(L.Conv2d(8, 3, 1, rng=rng), L.Sigmoid()),
            L.AvgPool2d(3, stride=1, padding=1, count_include_pad=False),
        ),
        L.LocallyConnected2d(19, 5, input_size=(9, 4), kernel_size=2, stride=(2, 1), rng=rng),
        L.ReLU(),
        L.Concat(L.GlobalAvgPool2d(), L.MaxPool2d((4, 3))),
        L.Flatten(),
        L.Linear(10, 7, rng=rng),
    )


def with_torch(layer, x):
    """What PyTorch's own functions compute for the layer; parameters are leaves in `.data`."""
    weight = layer.weight.data if hasattr(layer, "weight") else None
    bias = layer.bias.data if getattr(layer, "bias", None) else None
    match layer:
        case L.Sequential():
            for inner in layer:
                x = with_torch(inner, x)
            return x
        case L.Residual():
            around = with_torch(layer.shortcut, x) if layer.shortcut else x
            return with_torch(layer.branch, x) + around
        case L.Concat():
            return torch.cat([with_torch(branch, x) for branch in layer.branches], dim=1)
        case L.Conv2d():
            return TF.conv2d(x, weight, bias, layer.stride, layer.padding, groups=layer.groups)
        case L.LocallyConnected2d():
            return locally_connected_with_torch(layer, x, weight, bias)
        case L.Linear():
            return TF.linear(x, weight, bias)
        case L.MaxPool2d():
            return TF.max_pool2d(x, layer.kernel_size, layer.stride, layer.padding)
        case L.AvgPool2d():
            window = (layer.kernel_size, layer.stride, layer.padding)
            return TF.avg_pool2d(x, *window, count_include_pad=layer.count_include_pad)
        case L.GlobalAvgPool2d():
            return TF.adaptive_avg_pool2d(x, 1)
        case L.LocalResponseNorm():
            alpha = layer.alpha * layer.size  # PyTorch divides its alpha by the size
            return TF.local_response_norm(x, layer.size, alpha, layer.beta, layer.k)
        case L.Flatten():
            return x.flatten(1)
        case L.ReLU() | L.Sigmoid() | L.Tanh():
            return getattr(torch, type(layer).__name__.lower())(x)
        case L.Softplus():
            return TF.softplus(x, threshold=100)
    raise AssertionError(f"no oracle for {layer}")


def locally_connected_with_torch(layer, x, weight, bias):
    height, width, filters = weight.shape[:3]
    columns = TF.unfold(x, layer.kernel_size, padding=layer.padding, stride=layer.stride)
    columns = columns.reshape(len(x), -1, height, width)
    weight = weight.reshape(height, width, filters, -1)
    return torch.einsum("nkhw,hwfk->nfhw", columns, weight) + bias


@pytest.fixture
def model():
    return everything().to(np.empty(0))


@pytest.fixture
def x():
    return normal(3, 4, 9, 8, seed=1)


def gradients(model, x, dy):
    y = model(x)
    dx = model.backward(dy)
    return y, dx, {name: p.grad for name, p in model.parameters().items()}


def test_gradients_of_a_whole_model_equal_autograd(model, x):
    dy = normal(3, 7, seed=2)
    y, dx, grads = gradients(model, x, dy)

    leaf = torch.tensor(x, requires_grad=True)
    model.to(leaf.detach())
    for parameter in model.parameters().values():
        parameter.data = parameter.data.clone().requires_grad_()
    y_want = with_torch(model, leaf)
    y_want.backward(torch.tensor(dy))

    same(y, y_want, "scores")
    same(dx, leaf.grad, "dx")
    for name, parameter in model.parameters().items():
        same(grads[name], parameter.data.grad, name)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_numpy_and_torch_give_the_same_numbers(model, x, dtype):
    x, dy = x.astype(dtype), normal(3, 7, seed=2, dtype=dtype)
    y, dx, grads = gradients(model.to(x), x, dy)
    model.to(torch.tensor(x))
    y_torch, dx_torch, grads_torch = gradients(model, torch.tensor(x), torch.tensor(dy))
    same(y_torch, y, "scores")
    same(dx_torch, dx, "dx")
    for name, grad in grads.items():
        same(grads_torch[name], grad, name)


def test_layout_in_memory_does_not_change_the_numbers(model, x):
    dy = normal(3, 7, seed=2)
    y, dx, _ = gradients(model, x, dy)
    y_last, dx_last, _ = gradients(model, batch_last(x), dy)
    same(y_last, y)
    same(dx_last, dx)


def test_shapes_flow_on_the_meta_device(model):
    model.to(torch.empty(0, device="meta"))
    y = model(torch.empty(2, 4, 9, 8, device="meta"))
    assert y.shape == (2, 7)
    assert model.backward(torch.empty_like(y)).shape == (2, 4, 9, 8)


def test_inputs_and_output_gradients_are_left_alone(model, x):
    dy = normal(3, 7, seed=2)
    x_before, dy_before = x.copy(), dy.copy()
    gradients(model, x, dy)
    assert np.array_equal(x, x_before)
    assert np.array_equal(dy, dy_before)


def test_backward_assigns_gradients_and_may_be_called_twice(model, x):
    dy = normal(3, 7, seed=2)
    _, dx, first = gradients(model, x, dy)
    again = model.backward(dy)
    assert np.array_equal(again, dx)
    for name, parameter in model.parameters().items():
        assert np.array_equal(parameter.grad, first[name]), name


def small_models():
    """Models of which different layers are the first that learns, for inputs (N, 4, 5, 5)."""
    branches = L.Conv2d(4, 2, 1, rng=0), L.AvgPool2d(3, stride=1, padding=1)
    inner = L.Sequential(L.ReLU(), L.Conv2d(4, 2, 3, padding=1, rng=0))
    return {
        "convolution": L.Sequential(L.Conv2d(4, 2, 3, groups=2, rng=0), L.Tanh()),
        "linear": L.Sequential(L.MaxPool2d(2), L.Flatten(), L.Linear(16, 3, bias=False, rng=0)),
        "branches": L.Sequential(L.Concat(*branches), L.ReLU()),
        "nested": L.Sequential(inner, L.Conv2d(2, 3, 1, rng=0)),
    }


@pytest.mark.parametrize("name", small_models())
def test_gradients_of_parameters_alone_are_those_of_backward(name):
    model = small_models()[name]
    y = model(normal(3, 4, 5, 5, dtype=np.float32))
    model.backward(y)
    want = {name: p.grad for name, p in model.parameters().items()}
    for parameter in model.parameters().values():
        parameter.grad = None
    assert model.backward_parameters(y) is None
    for name, parameter in model.parameters().items():
        np.testing.assert_array_equal(parameter.grad, want[name], err_msg=name)


def test_nothing_is_computed_below_the_first_layer_that_learns():
    class Below(L.Layer):
        def forward(self, x):
            return x

        def backward(self, dy):
            raise AssertionError("nobody asked for this gradient")

    model = L.Sequential(Below(), L.Linear(4, 3, rng=0), L.ReLU())
    model.backward_parameters(model(normal(2, 4, dtype=np.float32)))
    assert model[1].weight.grad.shape == (3, 4)


def test_a_model_without_parameters_has_no_gradients_to_set():
    model = L.Sequential(L.Flatten(), L.ReLU())
    y = model(normal(2, 1, 2, 2))
    assert model.backward_parameters(y) is None


def test_parameters_are_named_by_their_place_in_a_fixed_order():
    block = L.Sequential(
        L.Conv2d(1, 2, 3, rng=0),
        L.ReLU(),
        L.Residual(L.Conv2d(2, 2, 1, bias=False, rng=0), L.Conv2d(2, 2, 1, rng=0)),
        L.Concat(L.Flatten(), L.Linear(3, 1, rng=0)),
    )
    assert list(block.parameters()) == [
        "0.weight",
        "0.bias",
        "2.branch.weight",
        "2.shortcut.weight",
        "2.shortcut.bias",
        "3.1.weight",
        "3.1.bias",
    ]


def test_a_seed_decides_the_weights():
    first, second, other = (L.Conv2d(2, 3, 3, rng=seed).weight.data for seed in (5, 5, 6))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_layers_from_one_generator_differ():
    rng = np.random.default_rng(0)
    first, second = (L.Linear(4, 4, rng=rng).weight.data for _ in range(2))
    assert not np.array_equal(first, second)


def test_locally_connected_weights_are_scaled_by_the_window_not_the_image():
    layer = L.LocallyConnected2d(8, 16, input_size=12, kernel_size=3, rng=0)
    assert layer.weight.data.std() == pytest.approx(np.sqrt(2 / (8 * 9)), rel=0.02)


def test_train_and_eval_reach_every_layer(model):
    model.eval()
    assert not any(layer.training for _, layer in model.named_layers())
    model.train()
    assert all(layer.training for _, layer in model.named_layers())


def test_fractional_pooling_draws_in_training_and_repeats_itself_in_evaluation():
    layer, x = L.FractionalMaxPool2d(7, rng=0), normal(2, 3, 12, 12)
    assert any(not np.array_equal(layer(x), layer(x)) for _ in range(3))
    layer.eval()
    first = layer(x)
    assert first.shape == (2, 3, 7, 7)
    assert np.array_equal(layer(x), first)


def test_fractional_pooling_sends_each_gradient_to_one_pixel():
    layer, x = L.FractionalMaxPool2d(4, rng=0), normal(1, 2, 6, 6)
    dy = np.abs(normal(*layer(x).shape, seed=3))
    assert layer.backward(dy).sum() == pytest.approx(dy.sum())


@pytest.mark.parametrize(
    ("layer", "text"),
    [
        (L.Conv2d(3, 8, 3, rng=0), "Conv2d(3, 8, kernel_size=3)"),
        (
            L.Conv2d(4, 8, (3, 5), stride=2, padding=(1, 2), groups=2, bias=False, rng=0),
            "Conv2d(4, 8, kernel_size=(3, 5), stride=2, padding=(1, 2), groups=2, bias=False)",
        ),
        (
            L.LocallyConnected2d(1, 2, (6, 5), 3, rng=0),
            "LocallyConnected2d(1, 2, input_size=(6, 5), kernel_size=3)",
        ),
        (L.Linear(4, 2, bias=False, rng=0), "Linear(4, 2, bias=False)"),
        (L.MaxPool2d(3, stride=1, padding=1), "MaxPool2d(kernel_size=3, stride=1, padding=1)"),
        (
            L.AvgPool2d(2, count_include_pad=False),
            "AvgPool2d(kernel_size=2, stride=2, count_include_pad=False)",
        ),
        (L.ReLU(), "ReLU()"),
        (L.Residual(L.ReLU()), "Residual(\n  (branch): ReLU()\n)"),
        (L.Sequential(), "Sequential()"),
    ],
)
def test_repr_shows_how_the_layer_was_made(layer, text):
    assert repr(layer) == text


def test_repr_of_a_layer_makes_an_equal_layer():
    for layer in everything():
        if not layer.children():
            assert repr(eval(repr(layer), vars(L))) == repr(layer)


def test_a_sequential_can_be_indexed_sliced_and_walked():
    first, second, third = L.Flatten(), L.Linear(4, 3, rng=0), L.ReLU()
    model = L.Sequential(first, second, third)
    assert len(model) == 3
    assert model[1] is second and model[-1] is third
    assert list(model[:2]) == [first, second]
    assert model[:2].parameters()["1.weight"] is model.parameters()["1.weight"]


# What is saved


def test_state_goes_from_one_model_to_another(x):
    source, target = everything(rng=0), everything(rng=1)
    x = x.astype(np.float32)
    assert not np.array_equal(source(x), target(x))
    target.load_state_dict(source.state_dict())
    assert np.array_equal(source(x), target(x))


def test_a_state_is_a_copy_in_both_directions():
    layer = L.Linear(3, 2, rng=0)
    state = layer.state_dict()
    want = layer.weight.data.copy()
    state["weight"][:] = 7
    assert np.array_equal(layer.weight.data, want)
    layer.load_state_dict(state)
    state["weight"][:] = 8
    assert np.array_equal(layer.weight.data, np.full((2, 3), 7, np.float32))


def test_loading_keeps_the_namespace_and_dtype_of_the_model():
    state = L.Linear(3, 2, rng=0).state_dict()
    layer = L.Linear(3, 2, rng=1).to(torch.empty(0, dtype=torch.float64))
    layer.load_state_dict(state)
    assert layer.weight.data.dtype == torch.float64
    assert np.array_equal(layer.weight.data.numpy().astype(np.float32), state["weight"])


def test_a_state_that_does_not_fit_is_named_in_full_and_changes_nothing():
    model = L.Sequential(L.Linear(3, 2, rng=0), L.Linear(2, 2, rng=0))
    before = model.state_dict()
    state = {name: values + 1 for name, values in before.items()}
    del state["1.bias"]
    state |= {"2.bias": np.zeros(2), "0.weight": np.zeros((2, 4))}
    with pytest.raises(ValueError, match="fit the model") as error:
        model.load_state_dict(state)
    for part in ("missing 1.bias", "unexpected 2.bias", "0.weight is (2, 4)", "(2, 3)"):
        assert part in str(error.value)
    for name, values in model.state_dict().items():
        assert np.array_equal(values, before[name]), name


def test_moving_a_model_drops_gradients_and_caches():
    layer = L.Linear(3, 2, rng=0)
    layer(np.ones((1, 3), np.float32))
    layer.backward(np.ones((1, 2), np.float32))
    layer.to(np.empty(0, np.float64))
    assert layer.weight.grad is None
    with pytest.raises(RuntimeError, match="before forward"):
        layer.backward(np.ones((1, 2)))


# What goes wrong


def all_layers():
    inside = [layer for _, layer in everything().named_layers() if not layer.children()]
    return [*inside, L.FractionalMaxPool2d(2, rng=0), L.Concat(L.ReLU())]


@pytest.mark.parametrize("layer", all_layers(), ids=lambda layer: type(layer).__name__)
def test_backward_before_forward_says_so(layer):
    with pytest.raises(RuntimeError, match="before forward") as error:
        layer.backward(np.ones((1, 1, 1, 1)))
    assert repr(layer) in str(error.value)


def test_a_wrong_input_names_the_layer_that_refused_it():
    model = L.Sequential(L.ReLU(), L.Sequential(L.Conv2d(3, 8, kernel_size=3, rng=0)))
    with pytest.raises(ShapeError) as error:
        model(np.zeros((2, 4, 9, 9), np.float32))
    assert str(error.value).startswith("Conv2d(3, 8, kernel_size=3), given input (2, 4, 9, 9): ")
    assert str(error.value).count("given input") == 1


def test_branches_that_cannot_be_added_or_stacked_say_what_they_gave():
    x = np.zeros((1, 2, 6, 6), np.float32)
    with pytest.raises(ShapeError, match=r"\(1, 3, 6, 6\).*\(1, 2, 6, 6\).*kernel_size=1"):
        L.Residual(L.Conv2d(2, 3, 1, rng=0))(x)
    with pytest.raises(ShapeError, match=r"\(1, 2, 6, 6\), \(1, 2, 3, 3\)"):
        L.Concat(L.ReLU(), L.MaxPool2d(2))(x)


def test_one_object_cannot_stand_twice_in_a_model():
    relu = L.ReLU()
    with pytest.raises(ValueError, match=r"ReLU\(\) stands twice"):
        L.Sequential(relu, L.Sequential(L.Flatten(), relu))


def test_a_class_in_place_of_a_layer_is_refused():
    with pytest.raises(TypeError, match=r"ReLU\(\) rather than ReLU"):
        L.Sequential(L.ReLU)


@pytest.mark.parametrize(
    "make",
    [
        lambda: L.Conv2d(3, 4, 3, groups=2),
        lambda: L.Conv2d(4, 3, 3, groups=2),
        lambda: L.Conv2d(1, 1, 0),
        lambda: L.MaxPool2d(2, padding=-1),
        lambda: L.LocallyConnected2d(1, 1, input_size=2, kernel_size=3),
    ],
)
def test_sizes_that_cannot_be_are_refused_when_the_layer_is_made(make):
    with pytest.raises(ShapeError):
        make()


def test_concat_needs_a_branch():
    with pytest.raises(ValueError, match="at least one branch"):
        L.Concat()


def test_a_layer_without_forward_or_backward_says_what_is_missing():
    class Half(L.Layer):
        pass

    with pytest.raises(NotImplementedError, match=r"Half must define forward"):
        Half()(np.ones(1))
    with pytest.raises(NotImplementedError, match=r"Half must define backward"):
        Half().backward(np.ones(1))
