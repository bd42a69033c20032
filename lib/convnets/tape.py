"""The chain rule by itself: values that remember what they were computed from.

    x, w = Value(2.0, "x"), Value(-3.0, "w")
    loss = (x * w + 1) ** 2
    loss.backward()
    w.grad                           # ∂loss/∂w = 2 (x w + 1) x

This is reverse-mode differentiation in small, as in PyTorch's autograd: the forward pass writes a
tape, the backward pass reads it from its end. Lecture 01 builds it up; the layers of this library
do without. Any pair of `convnets.functional` goes on the tape with `taped`.

Reference: Griewank, Walther 2008, Evaluating Derivatives, doi:10.1137/1.9780898717761.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from convnets import functional as F
from convnets.arrays import number

__all__ = [
    "Value",
    "hinge_loss",
    "linear",
    "relu",
    "sigmoid",
    "softmax_cross_entropy",
    "softplus",
    "tanh",
    "taped",
]


class Value:
    """An array of numbers, and how it came about.

    Args:
        data: a number or a NumPy array; integers become float64.
        name: what it is called where it is drawn.
        op: the operation that it is the result of, "" for an input.
        parents: (value, share) of each operand: `share(dy)` is the part of the gradient that this
            use of the operand sends back to it.

    Attributes:
        grad: like data, after `backward` of a value that depends on it; None before.

    >>> x = Value(3.0)
    >>> (x * x + x).backward()
    >>> x.grad  # 2 x + 1: x is used three times, and the three shares are added
    array(7.)
    """

    __array_ufunc__ = None  # so that array * value comes here, too

    def __init__(self, data, name: str = "", *, op: str = "", parents: tuple = ()):
        self.data, self.grad = _numbers(data), None
        self.name, self.op, self.parents = name, op, parents

    def backward(self) -> None:
        """Set `grad` of this value and of all that it was computed from, in place of older ones.

        Raises:
            ValueError: this value is not one number.
        """
        if self.data.size != 1:
            raise ValueError(
                f"only one number has a gradient, but this value has shape {self.data.shape}; "
                "add its numbers up first, with value.sum()."
            )
        order = self.graph()
        for value in order:
            value.grad = np.zeros_like(value.data)
        self.grad = np.ones_like(self.data)
        for value in reversed(order):  # its gradient is complete: all that use it come later
            for parent, share in value.parents:
                # Added, not set: the parent may be used elsewhere as well.
                parent.grad += _folded(share(value.grad), parent.data)

    def graph(self) -> list[Value]:
        """This value and all that it was computed from, each once, operands before results."""
        order, seen, waiting = [], set(), [(self, False)]
        while waiting:
            value, done = waiting.pop()
            if done:
                order.append(value)
            elif id(value) not in seen:
                seen.add(id(value))
                waiting.append((value, True))
                waiting += [(parent, False) for parent, _ in reversed(value.parents)]
        return order

    def __add__(self, other):
        return _result("+", self.data + _data(other), (self, _same), (other, _same))

    def __mul__(self, other):
        a, b = self.data, _data(other)
        return _result("×", a * b, (self, lambda dy: dy * b), (other, lambda dy: dy * a))

    def __truediv__(self, other):
        a, b = self.data, _data(other)
        lower = (other, lambda dy: -dy * a / b**2)
        return _result("÷", a / b, (self, lambda dy: dy / b), lower)

    def __pow__(self, power: float):
        if isinstance(power, Value):
            raise TypeError("the power must be a number; a value x to the y is (x.log() * y).exp()")
        a = self.data
        share = (self, lambda dy: dy * power * a ** (power - 1))
        return _result("power", a**power, share, (power, None))

    def __matmul__(self, other):
        a, b = self.data, _data(other)
        if a.ndim != 2 or b.ndim != 2:
            raise ValueError(f"@ takes two matrices, but the shapes are {a.shape} and {b.shape}.")
        return _result("@", a @ b, (self, lambda dy: dy @ b.T), (other, lambda dy: a.T @ dy))

    def exp(self) -> Value:
        """e to the power of each number."""
        y = np.exp(self.data)
        return _result("exp", y, (self, lambda dy: dy * y))

    def log(self) -> Value:
        """The natural logarithm of each number."""
        return _result("log", np.log(self.data), (self, lambda dy: dy / self.data))

    def sum(self) -> Value:
        """The sum of all numbers."""
        share = (self, lambda dy: np.broadcast_to(dy, self.data.shape))
        return _result("sum", self.data.sum(), share)

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + -other

    def __rsub__(self, other):
        return -self + other

    def __rtruediv__(self, other):
        return self**-1 * other

    def __rmatmul__(self, other):
        return Value(other) @ self

    __radd__, __rmul__ = __add__, __mul__

    def __repr__(self) -> str:
        parts = [repr(self.name)] if self.name else []
        parts += [f"data={self.data.tolist()}"]
        parts += [] if self.grad is None else [f"grad={self.grad.tolist()}"]
        return f"Value({', '.join(parts)})"


def taped(forward: Callable, backward: Callable) -> Callable:
    """A pair of functions of this library, as one function of values.

    Args:
        forward: `forward(*arguments, **options) -> (y, cache)`.
        backward: `backward(dy, cache)` gives the gradient of the first argument, or a tuple of
            those of the first few.
    Returns:
        A function whose arguments may be values or plain arrays, and which returns a `Value`.

    >>> relu = taped(F.relu, F.relu_backward)
    >>> relu(Value([-1.0, 2.0]))
    Value(data=[0.0, 2.0])
    """

    def function(*arguments, **options) -> Value:
        # The library wants an axis; a single number gets one here, and loses it below.
        plain = [np.atleast_1d(a.data) if isinstance(a, Value) else a for a in arguments]
        y, cache = forward(*plain, **options)

        def share(index: int, dy):
            gradients = backward(dy.reshape(np.shape(y)), cache)
            return gradients[index] if isinstance(gradients, tuple) else gradients

        shares = ((each, partial(share, index)) for index, each in enumerate(arguments))
        parents = tuple(pair for pair in shares if isinstance(pair[0], Value))
        single = all(value.data.ndim == 0 for value, _ in parents)
        return Value(np.reshape(y, ()) if single else y, op=forward.__name__, parents=parents)

    return function


relu = taped(F.relu, F.relu_backward)
sigmoid = taped(F.sigmoid, F.sigmoid_backward)
tanh = taped(F.tanh, F.tanh_backward)
softplus = taped(F.softplus, F.softplus_backward)
linear = taped(F.linear, F.linear_backward)
softmax_cross_entropy = taped(F.softmax_cross_entropy, F.softmax_cross_entropy_backward)
hinge_loss = taped(F.hinge_loss, F.hinge_loss_backward)


def _result(op: str, data, *operands) -> Value:
    """A new value; operands that are plain numbers get no gradient and stand in its `op`."""
    parents = tuple(pair for pair in operands if isinstance(pair[0], Value))
    constants = [each for each, _ in operands if not isinstance(each, Value) and np.ndim(each) == 0]
    return Value(data, op=" ".join([op, *(f"{each:g}" for each in constants)]), parents=parents)


def _same(dy):
    return dy


def _data(other):
    if isinstance(other, Value):
        return other.data
    return number(_numbers(other))  # a Python number leaves the dtype of arrays alone


def _numbers(data) -> np.ndarray:
    array = np.asarray(data)
    if array.dtype.kind not in "iuf":
        raise TypeError(
            f"a value holds numbers, a Python one or a NumPy array, but got {type(data).__name__}."
        )
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def _folded(dx, like: np.ndarray) -> np.ndarray:
    """`dx` summed over the axes along which an operand, `like`, was repeated; in its dtype."""
    dx = np.asarray(dx)
    dx = dx.sum(axis=tuple(range(dx.ndim - like.ndim)))
    repeated = tuple(axis for axis, size in enumerate(like.shape) if size == 1 != dx.shape[axis])
    return dx.sum(axis=repeated, keepdims=True, dtype=like.dtype)
