"""Leaves of automatic gradients: tensors that live on both sides of a wall, kept equal.

A leaf is a tensor that was not computed: a Parameter, or what a test cell made with
`requires_grad=True`. One that has crossed has a number, and a twin on the other side. Every message
brings what has changed in the twin since the last one: its values, its `.grad`, whether it requires
one. So an optimiser trains the parameters wherever it runs.

Loads torch. Import it where tensors that require gradients are at hand.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from typing import Any

import torch

from coursekit.sandbox.errors import WireError
from coursekit.sandbox.mutation import same_tensor

MOST = 10_000  # leaves known at a time
MOST_BYTES = 2**28  # in all of them


class Leaves:
    """The leaves that one side shares with the other.

    Args:
        numbers: for those that are shared from here.
    """

    def __init__(self, numbers: Iterator[int]):
        self._numbers = numbers
        self._leaves: dict[int, _Leaf] = {}
        self._number_of: dict[int, int] = {}
        self._born: set[int] = set()

    def __contains__(self, tensor: torch.Tensor) -> bool:
        return id(tensor) in self._number_of

    def number_of(self, tensor: torch.Tensor) -> int:
        """The number of a leaf, which is shared from now on.

        Raises:
            RuntimeError: there are too many.
        """
        if tensor not in self:
            if len(self._leaves) >= MOST:
                raise RuntimeError(f"more than {MOST} tensors that require gradients are in use.")
            number = next(self._numbers)
            self._add(number, tensor)
            self._born.add(number)
        return self._number_of[id(tensor)]

    def find(self, number: int) -> torch.Tensor | None:
        """The leaf of that number."""
        leaf = self._leaves.get(number)
        return leaf and leaf.tensor

    def news(self) -> tuple[list[int], list[tuple], list[tuple]]:
        """What the other side has to know.

        Returns:
            Numbers of leaves that nobody here holds any more, (number, is Parameter, news) of those
            it does not know yet, and (number, news) of those that have changed.
        """
        changed = [(number, leaf.news()) for number, leaf in self._leaves.items()]
        born = [
            (number, isinstance(self._leaves[number].tensor, torch.nn.Parameter), news)
            for number, news in changed
            if number in self._born
        ]
        known = [(number, news) for number, news in changed if news and number not in self._born]
        self._born.clear()
        return self._let_go(), born, known

    def receive(self, dropped: list, born: list, changed: list) -> None:
        """Repeat here what the news of the other side say.

        Raises:
            WireError: they make no sense.
        """
        for number, is_parameter, news in born:
            if number in self._leaves or len(self._leaves) >= MOST:
                raise WireError("the room shares a tensor twice, or too many of them.")
            made = torch.empty_like(news["data"])
            made = torch.nn.Parameter(made, False) if is_parameter is True else made
            self._add(number, made)
            self._leaves[number].learn(news)
        for number, news in changed:
            self._leaves[number].learn(news)
        for number in dropped:  # after the last news of them
            self._forget(number)
        sizes = (leaf.tensor.nbytes for leaf in self._leaves.values())
        if (born or changed) and sum(sizes) > MOST_BYTES:
            raise WireError(f"the tensors of the room take more than {MOST_BYTES // 2**20} MiB.")

    def _add(self, number: int, tensor: torch.Tensor) -> None:
        self._leaves[number] = _Leaf(tensor)
        self._number_of[id(tensor)] = number

    def _forget(self, number: int) -> None:
        leaf = self._leaves.pop(number, None)
        if leaf:
            del self._number_of[leaf.identity]

    def _let_go(self) -> list[int]:
        """Forget the leaves that are held here and nowhere else."""
        dropped = [number for number, leaf in self._leaves.items() if leaf.is_forlorn()]
        for number in dropped:
            self._forget(number)
        return dropped


class _Leaf:
    """A tensor, and what the other side knows of it."""

    def __init__(self, tensor: torch.Tensor):
        self.tensor, self.identity = tensor, id(tensor)
        self._version = tensor._version
        self._data: torch.Tensor | None = None
        self._grad: torch.Tensor | None = None
        self._grad_data: torch.Tensor | None = None
        self._requires_grad = False

    def is_forlorn(self) -> bool:
        """Whether nothing but this holds the tensor."""
        held, self.tensor = weakref.ref(self.tensor), None
        self.tensor = held()  # a graph that ends in it holds it too
        return self.tensor is None

    def news(self) -> dict[str, Any]:
        """What the other side does not know yet."""
        tensor, grad, news = self.tensor, self.tensor.grad, {}
        # Compared by value: `p.data -= lr * p.grad` leaves no trace in the version.
        if self._data is None or not same_tensor(tensor.detach(), self._data):
            news |= {"data": tensor.detach(), "bumped": tensor._version != self._version}
            self._data = tensor.detach().clone()
        if grad is not self._grad or not (grad is None or same_tensor(grad, self._grad_data)):
            news |= {"grad": grad if grad is None else grad.detach()}
            news |= {"fresh": grad is not self._grad}
            self._grad_data = None if grad is None else grad.detach().clone()
        if tensor.requires_grad != self._requires_grad:
            news["requires_grad"] = tensor.requires_grad
        self._version, self._grad = tensor._version, grad
        self._requires_grad = tensor.requires_grad
        return news

    def learn(self, news: dict[str, Any]) -> None:
        """Become what `news` of the twin say."""
        if not isinstance(news, dict):
            raise TypeError("news of a tensor are no dict")
        with torch.no_grad():
            if "data" in news:
                self._take(news["data"], news["bumped"])
            if "grad" in news:
                self._take_grad(news["grad"], news["fresh"])
            if "requires_grad" in news:
                self.tensor.requires_grad_(news["requires_grad"])
        self._version, self._requires_grad = self.tensor._version, self.tensor.requires_grad

    def _take(self, data: torch.Tensor, bumped: bool) -> None:
        tensor = self.tensor
        if (data.shape, data.dtype) == (tensor.shape, tensor.dtype):
            (tensor if bumped else tensor.data).copy_(data)
        else:  # as `model.double()` does
            tensor.grad, tensor.data = None, data.clone()
            self._grad = self._grad_data = None
        self._data = data

    def _take_grad(self, grad: torch.Tensor | None, fresh: bool) -> None:
        if grad is None or fresh or self.tensor.grad is None:
            self.tensor.grad = None if grad is None else grad.clone()
        else:
            self.tensor.grad.copy_(grad)
        self._grad, self._grad_data = self.tensor.grad, grad
