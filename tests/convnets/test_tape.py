"""The tape against PyTorch's autograd, on expressions that Hypothesis makes up."""

import numpy as np
import pytest
import torch
import torch.nn.functional as TF
from hypothesis import given
from hypothesis import strategies as st
from oracles import normal, repeatable

from convnets import functional as F
from convnets import tape
from convnets.tape import Value, taped

# Each takes two operands of any kind; all are smooth or have their kink where no number falls.
OPERATIONS = {
    "add": (lambda a, b: a + b, lambda a, b: a + b),
    "subtract": (lambda a, b: a - b, lambda a, b: a - b),
    "multiply": (lambda a, b: a * b, lambda a, b: a * b),
    "divide": (lambda a, b: a / (b * b + 1), lambda a, b: a / (b * b + 1)),
    "square": (lambda a, b: (a - 0.3) ** 2, lambda a, b: (a - 0.3) ** 2),
    "reciprocal": (lambda a, b: 2 / (a * a + 1), lambda a, b: 2 / (a * a + 1)),
    "number before": (lambda a, b: 1.5 - 2 * a, lambda a, b: 1.5 - 2 * a),
    "negative": (lambda a, b: -a, lambda a, b: -a),
    "exp": (lambda a, b: tape.tanh(a).exp(), lambda a, b: torch.tanh(a).exp()),
    "log": (lambda a, b: (a * a + 1).log(), lambda a, b: (a * a + 1).log()),
    "sum": (lambda a, b: tape.tanh(a.sum()), lambda a, b: torch.tanh(a.sum())),
    "relu": (lambda a, b: tape.relu(a), lambda a, b: torch.relu(a)),
    "sigmoid": (lambda a, b: tape.sigmoid(a), lambda a, b: torch.sigmoid(a)),
    "softplus": (lambda a, b: tape.softplus(a), lambda a, b: torch.logaddexp(a, a * 0)),
    "matmul": (lambda a, b: tape.tanh(square(a) @ square(b)),
               lambda a, b: torch.tanh(square(a) @ square(b))),
}  # fmt: skip
SHAPES = [(), (3,), (2, 3), (1, 3), (2, 1)]  # any two fit together


def square(a):
    """Any operand as (2, 3) times its constant partner, so that it can be multiplied: (2, 2)."""
    ones = np.ones((2, 3)) if isinstance(a, Value) else torch.ones(2, 3, dtype=a.dtype)
    partner = np.arange(6.0).reshape(3, 2) / 5
    partner = partner if isinstance(a, Value) else torch.tensor(partner, dtype=a.dtype)
    return (a + ones if a.data.shape != (2, 2) else a) @ partner if a.data.shape != (2, 2) else a


programs = st.lists(
    st.tuples(st.sampled_from(sorted(OPERATIONS)), st.integers(0, 30), st.integers(0, 30)),
    min_size=1,
    max_size=10,
)


def run(program, values, which):
    """Each step takes two of all values so far, often one twice, and adds its result to them."""
    values = list(values)
    for name, i, j in program:
        a, b = values[i % len(values)], values[j % len(values)]
        if (2, 2) in (a.data.shape, b.data.shape) and name != "matmul":
            a, b = a.sum(), b.sum()
        values.append(OPERATIONS[name][which](a, b))
    total = values[0].sum()
    for value in values[1:]:
        total = total + value.sum() * 0.7
    return total


@repeatable
@given(program=programs, shapes=st.lists(st.sampled_from(SHAPES), min_size=1, max_size=3))
def test_gradients_of_any_graph_equal_those_of_autograd(program, shapes):
    arrays = [np.asarray(normal(*shape)) + 0.1 * k for k, shape in enumerate(shapes)]
    ours = [Value(array) for array in arrays]
    theirs = [torch.tensor(array, requires_grad=True) for array in arrays]
    mine, other = run(program, ours, 0), run(program, theirs, 1)
    np.testing.assert_allclose(mine.data, other.item(), rtol=1e-9, atol=1e-9)
    if not np.isfinite(mine.data):
        return
    mine.backward()
    other.backward()
    for value, tensor in zip(ours, theirs, strict=True):
        want = tensor.grad.numpy()
        assert value.grad.shape == value.data.shape
        np.testing.assert_allclose(value.grad, want, rtol=1e-7, atol=1e-7 * (1 + abs(want).max()))


def test_shares_of_a_value_that_is_used_twice_are_added():
    x = Value(3.0)
    y = x * x + x
    y.backward()
    assert x.grad == 7
    diamond = Value(2.0)
    left, right = diamond * 3, diamond * 5
    (left * right).backward()
    assert diamond.grad == 2 * 15 * 2


@pytest.mark.parametrize("name", ["softmax_cross_entropy", "hinge_loss"])
@pytest.mark.parametrize("x_is_watched", [True, False])
def test_a_network_with_a_loss_equals_autograd(name, x_is_watched):
    loss = {
        "softmax_cross_entropy": TF.cross_entropy,
        "hinge_loss": lambda s, y: TF.multi_margin_loss(s, y) * s.shape[1],
    }[name]
    labels = np.array([0, 2, 1, 1])
    arrays = [normal(4, 5), normal(6, 5), normal(6), normal(3, 6), normal(3)]
    watched = [Value(a) if k or x_is_watched else a for k, a in enumerate(arrays)]
    x, w1, b1, w2, b2 = watched
    ours = getattr(tape, name)(tape.linear(tape.tanh(tape.linear(x, w1, b1)), w2, b2), labels)
    ours.backward()
    tensors = [torch.tensor(a, requires_grad=True) for a in arrays]
    x, w1, b1, w2, b2 = tensors
    theirs = loss(torch.tanh(x @ w1.T + b1) @ w2.T + b2, torch.tensor(labels))
    theirs.backward()
    np.testing.assert_allclose(ours.data, theirs.item(), rtol=1e-12)
    for value, tensor in zip(watched, tensors, strict=True):
        if isinstance(value, Value):
            np.testing.assert_allclose(value.grad, tensor.grad, rtol=1e-10, atol=1e-12)


def test_a_pair_that_takes_options_goes_on_the_tape():
    conv2d = taped(F.conv2d, F.conv2d_backward)
    x, w = Value(normal(2, 3, 7, 6)), Value(normal(4, 3, 3, 2))
    conv2d(x, w, None, stride=2, padding=1).sum().backward()
    xt, wt = (torch.tensor(each.data, requires_grad=True) for each in (x, w))
    TF.conv2d(xt, wt, stride=2, padding=1).sum().backward()
    np.testing.assert_allclose(x.grad, xt.grad, atol=1e-12)
    np.testing.assert_allclose(w.grad, wt.grad, atol=1e-12)


def test_a_second_backward_replaces_the_gradients_of_the_first():
    x = Value(2.0)
    y = x * 3
    y.backward()
    y.backward()
    assert x.grad == 3
    (x * 5).backward()
    assert x.grad == 5


def test_the_graph_lists_each_value_once_and_operands_first():
    x, w = Value(1.0, "x"), Value(2.0, "w")
    z = x * w
    y = z + z * x
    order = y.graph()
    assert len(order) == len({id(each) for each in order}) == 5
    place = {id(each): k for k, each in enumerate(order)}
    assert all(place[id(p)] < place[id(each)] for each in order for p, _ in each.parents)
    assert order[-1] is y


def test_a_long_chain_does_not_exhaust_the_stack():
    x = y = Value(1.0)
    for _ in range(5000):
        y = y + 0.5
    y.backward()
    assert y.data == 2501 and x.grad == 1


def test_an_operation_is_named_with_the_plain_number_in_it():
    x = Value(2.0)
    names = [each.op for each in (x, x + x, x * 3, 3 * x, x**2, x.exp(), tape.relu(x))]
    assert names == ["", "+", "× 3", "× 3", "power 2", "exp", "relu"]


def test_arrays_of_numpy_may_stand_on_the_left():
    x = Value([[1.0, 2.0]])
    left = np.array([[10.0], [20.0]])
    for y, gradient in [(left * x, [[30, 30]]), (left + x, [[2, 2]]), (left @ x, [[30, 30]])]:
        assert isinstance(y, Value) and y.data.shape == (2, 2)
        y.sum().backward()
        assert x.grad.tolist() == gradient
    y = np.float64(3) * x
    assert isinstance(y, Value) and y.data.tolist() == [[3, 6]]


def test_dtypes_stay_and_integers_become_floats():
    x = Value(np.float32([1, 2]))
    y = tape.sigmoid(x * 2).sum()
    y.backward()
    assert y.data.dtype == x.grad.dtype == np.float32
    assert Value(3).data.dtype == np.float64


def test_arguments_are_left_alone():
    array = np.array([1.0, 2.0])
    x = Value(array)
    (x * x).sum().backward()
    assert array.tolist() == [1, 2] and x.data.tolist() == [1, 2]


def test_it_prints_what_it_is():
    x = Value(2.0, "x")
    assert repr(x) == "Value('x', data=2.0)"
    (x * 3).backward()
    assert repr(x) == "Value('x', data=2.0, grad=3.0)"


def test_what_cannot_be_is_told():
    x = Value([1.0, 2.0])
    with pytest.raises(ValueError, match=r"shape \(2,\).*value\.sum\(\)"):
        x.backward()
    assert x.grad is None
    with pytest.raises(ValueError, match=r"two matrices.*\(2,\)"):
        x @ x
    with pytest.raises(TypeError, match="the power must be a number"):
        x**x
    with pytest.raises(TypeError, match=r"holds numbers.*str"):
        Value("2")
    with pytest.raises(TypeError, match="holds numbers"):
        x + None
