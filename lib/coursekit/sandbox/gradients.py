"""Gradients across a wall: one graph of automatic differentiation, of which each side has a part.

A tensor that was computed on one side arrives on the other as the output of a node whose inputs are
the receiver's own tensors that it was computed from. When a backward pass reaches that node, it
asks the side that computed the tensor for the gradients of those inputs.

    judge   x ──► ═════╗               ╔═══► y ──► loss.backward()
    room               ╚══► f(x, w) ═══╝

Loads torch. Import it where tensors that require gradients are at hand.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch.autograd.graph import GradientEdge, get_gradient_edge

from coursekit.sandbox.errors import WireError
from coursekit.sandbox.leaves import Leaves
from coursekit.sandbox.wire.arrays import is_mutable_data

MOST = 10_000  # tensors that one side keeps the graph of for the other
ACCUMULATE = "torch::autograd::AccumulateGrad"  # the name of the node behind a leaf

Known = list[tuple[int, torch.Tensor]]  # numbers of tensors, and their upstream gradients
Likes = dict[int, torch.Tensor]  # by number, an empty tensor of the shape that a gradient must have


@dataclass(frozen=True)
class _Sent:
    """A tensor that went over: an alias without values, and what it was computed from.

    `together` holds the aliases of the same message: an edge does not keep its node alive.
    """

    alias: torch.Tensor
    sources: dict[int, torch.Tensor | GradientEdge]
    together: list[torch.Tensor]


class Gradients:
    """What one side knows of the tensors that both sides know by number.

    Args:
        is_judge: whose own leaves stay unknown to the room unless they are passed to it; its
            numbers are even, and the room's odd.
        ask: asks the other side for gradients, as `question` answers: takes those that are known
            upstream, and an empty tensor like each that is wanted.
    """

    def __init__(self, is_judge: bool, ask: Callable[[Known, Likes], list[torch.Tensor | None]]):
        self._is_judge, self.ask = is_judge, ask
        self._numbers = itertools.count(0 if is_judge else 1, 2)
        self._leaves = Leaves(self._numbers)
        self._sent: dict[int, _Sent] = {}
        self._leaving: dict[int, tuple[int, torch.Tensor]] = {}
        self._arrived: dict[int, torch.Tensor] = {}
        self.dropped: list[int] = []

    def forget(self) -> None:
        """Let go of all tensors: nodes of a graph that refer back here are never collected."""
        self._leaves = Leaves(self._numbers)
        for each in (self._sent, self._leaving, self._arrived):
            each.clear()

    def number_of(self, tensor: torch.Tensor) -> int:
        """The number of a tensor that is about to cross."""
        if tensor.is_leaf:
            return self._leaves.number_of(tensor)
        if id(tensor) not in self._leaving:
            self._leaving[id(tensor)] = (next(self._numbers), tensor)
        return self._leaving[id(tensor)][0]

    def find(self, number: int) -> torch.Tensor:
        """The tensor of a number in a message.

        Raises:
            WireError: there is none.
        """
        found = self._arrived.get(number)
        found = self._leaves.find(number) if found is None else found
        if found is None:
            raise WireError("a message names a tensor that is not known.")
        return found

    def head(self) -> tuple:
        """What the other side has to know before it can read a message that was written now.

        Raises:
            RuntimeError: there are too many tensors.
        """
        with torch.inference_mode(False), torch.enable_grad():
            return self._head()

    def _head(self) -> tuple:
        leaving = list(self._leaving.values())
        self._leaving.clear()
        if len(self._sent) + len(leaving) > MOST:
            raise RuntimeError(
                f"more than {MOST} tensors with gradients are in use at a time; compute under "
                "torch.no_grad() what needs none."
            )
        sources = self._sources([tensor for _, tensor in leaving])
        aliases = [_Alias.apply(tensor) for _, tensor in leaving]
        for (number, _), alias in zip(leaving, aliases, strict=True):
            self._sent[number] = _Sent(alias, sources, aliases)
        dropped, self.dropped = self.dropped, []
        gone, born, changed = self._leaves.news()
        outputs = [(number, tensor.detach()) for number, tensor in leaving]
        return dropped + gone, born, changed, outputs, list(sources)

    def receive(self, head: Any) -> None:
        """Read what `head` of the other side gave.

        Raises:
            WireError: it makes no sense.
        """
        try:
            dropped, born, changed, outputs, sources = head
            for number in dropped:
                self._sent.pop(number, None)
            self._check_new([number for number, *_ in (*born, *outputs)])
            with torch.inference_mode(False), torch.enable_grad():
                self._leaves.receive(dropped, born, changed)
                self._arrived = self._joined(outputs, sources) if outputs else {}
        except (TypeError, ValueError, LookupError, AttributeError, RuntimeError) as error:
            raise WireError(f"what is said about tensors makes no sense: {error}") from error

    def forget_arrived(self) -> None:
        """To be called when the message is read."""
        self._arrived = {}

    def question(self, known: Known, wanted: list[int]) -> Callable[[], list[torch.Tensor | None]]:
        """What the other side asks when its backward pass reaches tensors that came from here.

        Args:
            known: (number, upstream gradient) of tensors that were sent.
            wanted: numbers of tensors that they were computed from.
        Returns:
            A function that gives the gradients of those, or None where there is none.
        Raises:
            WireError: they were not sent, or not computed from what is wanted.
        """
        if not all(isinstance(gradient, torch.Tensor) for _, gradient in _pairs(known)):
            raise WireError("what is known of gradients is no tensor.")
        try:
            sent = [self._sent[number] for number, _ in known]
            sources = {number: source for each in sent for number, source in each.sources.items()}
            inputs = [sources[number] for number in wanted]
        except (TypeError, ValueError, KeyError) as error:
            raise WireError("gradients are asked for of tensors that were never sent.") from error
        aliases, upstream = [each.alias for each in sent], [gradient for _, gradient in known]
        grad = torch.autograd.grad
        return lambda: [*grad(aliases, inputs, upstream, retain_graph=True, allow_unused=True)]

    def _check_new(self, numbers: list[int]) -> None:
        """Numbers of the other side, each of them once."""
        parity = 1 if self._is_judge else 0
        if len(set(numbers)) < len(numbers) or any(number % 2 != parity for number in numbers):
            raise WireError("a message numbers its tensors in a way that makes no sense.")

    def _joined(self, outputs: list, sources: list[int]) -> dict[int, torch.Tensor]:
        """Tensors that arrive, as outputs of a node of which `sources` are the inputs."""
        numbers = [number for number, _ in outputs]
        values = tuple(_plain(value) for _, value in outputs)
        inputs = [self._source(number) for number in sources]
        likes = {n: _without_values(each) for n, each in zip(sources, inputs, strict=True)}
        if len(likes) < len(sources):
            raise WireError("a message says twice what a tensor was computed from.")
        made = _Across.apply(self, numbers, likes, values, _stand_in(), *inputs)
        return dict(zip(numbers, made, strict=True))

    def _source(self, number: int) -> torch.Tensor:
        sent = self._sent.get(number)
        return self.find(number) if sent is None else sent.alias

    def _sources(self, tensors: list[torch.Tensor]) -> dict[int, torch.Tensor | GradientEdge]:
        """What tensors were computed from, by number: leaves, and tensors of the other side."""
        found: dict[int, torch.Tensor | GradientEdge] = {}
        todo, seen = [get_gradient_edge(tensor) for tensor in tensors], set()
        while todo:
            node, place = todo.pop()[:2]
            if getattr(node, "gradients", None) is self:
                found[node.numbers[place]] = GradientEdge(node, place)
            elif node not in seen:
                seen.add(node)
                todo += [edge for edge in node.next_functions if edge[0] is not None]
                if node.name() == ACCUMULATE and self._is_shown(node.variable):
                    found[self._leaves.number_of(node.variable)] = node.variable
        return found

    def _is_shown(self, leaf: torch.Tensor) -> bool:
        return is_mutable_data(leaf) and (leaf in self._leaves or not self._is_judge)


class _Held:
    """Tells the other side, when it goes, that nothing here needs its graph any more."""

    def __init__(self, gradients: Gradients, numbers: list[int]):
        self._gradients, self._numbers = gradients, numbers

    def __del__(self):
        self._gradients.dropped += self._numbers


class _Across(torch.autograd.Function):
    """The node behind tensors that came from the other side."""

    @staticmethod
    def forward(ctx, gradients, numbers, likes, values, stand_in, *sources):
        """The values, from now on outputs of this node."""
        ctx.gradients, ctx.numbers, ctx.likes = gradients, numbers, likes
        ctx.held = _Held(gradients, numbers)
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(stand_in)
        return values

    @staticmethod
    def backward(ctx, *upstream):
        """Gradients of the sources, which the other side computes."""
        if torch.is_grad_enabled():
            raise RuntimeError(
                "gradients of gradients do not cross between the test and the student's code; "
                "leave out create_graph=True."
            )
        _ = ctx.saved_tensors  # which raises what torch raises when a graph is used up
        given = zip(ctx.numbers, upstream, strict=True)
        known = [(number, gradient) for number, gradient in given if gradient is not None]
        needed = zip(ctx.likes.items(), ctx.needs_input_grad[5:], strict=True)
        wanted = dict(item for item, is_needed in needed if is_needed)
        got = ctx.gradients.ask(known, wanted) if known and wanted else [None] * len(wanted)
        found = dict(zip(wanted, got, strict=True))
        return (None,) * 5 + tuple(found.get(number) for number in ctx.likes)


class _Alias(torch.autograd.Function):
    """A tensor in the graph as it is now, without its values."""

    @staticmethod
    def forward(ctx, tensor):
        """A tensor of the same shape that takes no memory."""
        return _without_values(tensor)

    @staticmethod
    def backward(ctx, gradient):
        """The same."""
        return gradient


def _stand_in() -> torch.Tensor:
    """Stands for leaves that stay on the other side, so that what depends on them alone is known
    to have a gradient."""
    return torch.empty(0, requires_grad=True)


def _without_values(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.detach().new_empty(()).expand(tensor.shape)


def _plain(value: torch.Tensor) -> torch.Tensor:
    """The same data as a tensor that is no view, so that it can be changed in place."""
    if not (value.is_floating_point() or value.is_complex()):
        raise WireError(f"a tensor of dtype {value.dtype} has no gradient.")
    return value if value.is_meta else value.new_empty(0).set_(value)


def checked(gradients: Any, likes: Likes) -> list[torch.Tensor | None]:
    """Gradients that the other side gave.

    Raises:
        WireError: they are not what was asked for.
    """
    if not isinstance(gradients, list) or len(gradients) != len(likes):
        raise WireError("gradients come back in another number than was asked for.")
    for gradient, like in zip(gradients, likes.values(), strict=True):
        if gradient is not None and not _is_like(gradient, like):
            raise WireError("a gradient has another shape or dtype than its tensor.")
    return gradients


def _pairs(values: list) -> list[tuple]:
    if not all(type(value) is tuple and len(value) == 2 for value in values):
        raise WireError("what is known of gradients makes no sense.")
    return values


def _is_like(gradient: Any, like: torch.Tensor) -> bool:
    return isinstance(gradient, torch.Tensor) and (
        (gradient.shape, gradient.dtype, gradient.device, gradient.requires_grad)
        == (like.shape, like.dtype, like.device, False)
    )
