"""Modules of several `torch.nn` models, computed as one.

Activations are (N, S, ...): N examples, each through S models with images of its own. Convolutions,
pooling and batch normalisation see the models side by side as channels, (N, S·C, H, W); linear
layers as one batched product. Every other module is computed for one model after the other.
"""

from __future__ import annotations

from collections.abc import Sequence


class Piece:
    """The same place of all models: a layer, or several.

    Attributes:
        training: whether it is in training mode.
    """

    training = True

    def __call__(self, x):
        """The output for x, (N, S, ...) like the input."""
        raise NotImplementedError

    def pieces(self) -> list[Piece]:
        """The pieces inside this one."""
        return []

    def stacked(self) -> dict:
        """Parameters (S, ...) by name."""
        found = {}
        for name, piece in enumerate(self.pieces()):
            found |= {f"{name}.{key}": p for key, p in piece.stacked().items()}
        return found

    def parameters(self) -> list:
        """What an optimiser is to change, as of a module."""
        return list(self.stacked().values())

    def named_parameters(self) -> list[tuple]:
        """The same with names, as of a module."""
        return list(self.stacked().items())

    def train(self, mode: bool) -> None:
        """Set the mode of this piece and of all inside it."""
        self.training = mode
        for piece in self.pieces():
            piece.train(mode)

    def write_back(self) -> None:
        """Give each model the parameters and buffers that it has here."""
        for piece in self.pieces():
            piece.write_back()


class InTurn(Piece):
    """Pieces one after another, `torch.nn.Sequential` many times."""

    def __init__(self, pieces: Sequence[Piece]):
        self._pieces = list(pieces)

    def pieces(self):
        return self._pieces

    def __getitem__(self, index) -> Piece:
        found = self._pieces[index]
        return InTurn(found) if isinstance(index, slice) else found

    def __call__(self, x):
        for piece in self._pieces:
            x = piece(x)
        return x


class Elementwise(Piece):
    """A module that treats each number by itself."""

    def __init__(self, module):
        self.module = module

    def __call__(self, x):
        return self.module(x)


class Pooling(Elementwise):
    """A module that treats each channel by itself: models are more channels."""

    def __call__(self, x):
        return self.module(x.flatten(1, 2)).unflatten(1, x.shape[1:3])


class BatchedFlatten(Elementwise):
    """(N, S, C, H, W) -> (N, S, C·H·W)."""

    def __call__(self, x):
        return x.flatten(2)


class StackedPiece(Piece):
    """A module of each model whose parameters are stacked into (S, ...)."""

    def __init__(self, modules: Sequence):
        import torch

        self.modules = modules
        named = [dict(module.named_parameters()) for module in modules]
        self._stacked = {
            name: torch.nn.Parameter(
                torch.stack([own[name].detach() for own in named]), first.requires_grad
            )
            for name, first in named[0].items()
        }
        self._named = named

    def stacked(self):
        return self._stacked

    def write_back(self):
        for i, own in enumerate(self._named):
            for name, parameter in own.items():
                parameter.data.copy_(self._stacked[name].data[i])


class BatchedLinear(StackedPiece):
    """y[:, s] = x[:, s] · w[s]ᵀ + b[s], in one batched product."""

    def __call__(self, x):
        import torch

        x, w, b = x.transpose(0, 1), self._stacked["weight"].mT, self._stacked.get("bias")
        rows = x.flatten(1, -2)
        y = torch.bmm(rows, w) if b is None else torch.baddbmm(b[:, None], rows, w)
        return y.unflatten(1, x.shape[1:-1]).transpose(0, 1)


class BatchedConv2d(StackedPiece):
    """Convolution whose groups are the models."""

    def __call__(self, x):
        import torch
        from torch.nn import functional

        module, s = self.modules[0], len(self.modules)
        weight, bias = self._stacked["weight"].flatten(0, 1), self._stacked.get("bias")
        # With the many channels innermost in memory, what follows is up to ten times as fast.
        x = x.flatten(1, 2).contiguous(memory_format=torch.channels_last)
        y = functional.conv2d(
            x, weight, None if bias is None else bias.flatten(),
            module.stride, module.padding, module.dilation, groups=s * module.groups,
        )  # fmt: skip
        return y.unflatten(1, (s, -1))


class BatchNorm(StackedPiece):
    """Batch normalisation: channels of different models are different channels."""

    def __init__(self, modules):
        import torch

        super().__init__(modules)
        self.mean = torch.cat([module.running_mean for module in modules])
        self.var = torch.cat([module.running_var for module in modules])
        self.batches = 0

    def __call__(self, x):
        module, flat = self.modules[0], x.flatten(1, 2)
        if self.training:
            _more_than_one_value(flat.shape)
            self.batches += 1
        y = _batch_norm(self, flat, module.momentum, module.eps)
        return y.unflatten(1, x.shape[1:3])

    def write_back(self):
        super().write_back()
        stacked = (a.chunk(len(self.modules)) for a in (self.mean, self.var))
        parts = zip(self.modules, *stacked, strict=True)
        for module, mean, var in parts:
            module.running_mean.copy_(mean)
            module.running_var.copy_(var)
            module.num_batches_tracked.add_(self.batches)
        self.batches = 0


def _batch_norm(piece: BatchNorm, flat, momentum: float, eps: float):
    from torch.nn import functional

    weight, bias = (piece.stacked()[name].flatten() for name in ("weight", "bias"))
    return functional.batch_norm(
        flat, piece.mean, piece.var, weight, bias, piece.training, momentum, eps
    )


def _more_than_one_value(shape) -> None:
    values = shape[0]
    for size in shape[2:]:
        values *= size
    if values == 1:
        raise ValueError("Expected more than 1 value per channel when training")


class BatchedDropout(Piece):
    """Dropout, each model's mask from the model's own generator."""

    def __init__(self, modules, generators):
        self.modules, self.generators = modules, generators

    def __call__(self, x):
        keep = 1 - self.modules[0].p
        if not self.training or keep == 1:
            return x
        shape = (x.shape[1], x.shape[0], *x.shape[2:])
        mask = x.new_empty(shape)
        for part, rng in zip(mask, self.generators, strict=True):
            part.bernoulli_(keep, generator=rng)
        # As in PyTorch, everything is dropped where nothing is kept.
        mask = mask.div_(keep) if keep else mask
        return x * mask.transpose(0, 1)


class OnePieceEach(StackedPiece):
    """Any module, computed for one model after the other; with its own buffers and its own rng."""

    def __init__(self, modules, generators):
        super().__init__(modules)
        self.generators = generators

    def train(self, mode):
        super().train(mode)
        for module in self.modules:
            module.train(mode)

    def __call__(self, x):
        import torch

        # Contiguous, as in a run of its own: random masks are drawn in the order of memory.
        outputs = [self._one(i, x[:, i].contiguous()) for i in range(len(self.modules))]
        return torch.stack(outputs, dim=1)

    def _one(self, i: int, x):
        import torch

        own = {name: stacked[i] for name, stacked in self._stacked.items()}
        before = torch.get_rng_state()
        torch.set_rng_state(self.generators[i].get_state())
        try:
            return torch.func.functional_call(self.modules[i], own, (x,))
        finally:
            self.generators[i].set_state(torch.get_rng_state())
            torch.set_rng_state(before)
