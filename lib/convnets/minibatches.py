"""What training learns from, step by step: shuffled mini-batches, prepared by a transform."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from convnets.arguments import name_of
from convnets.data import Dataset, batches

Batches = Iterator[tuple[np.ndarray, np.ndarray]]
Prepare = Callable[[np.ndarray, np.ndarray, np.random.Generator], tuple]


@dataclass(frozen=True)
class MiniBatches:
    """The mini-batches of every epoch.

    Attributes:
        data: the examples.
        size: of a mini-batch, >= 1.
        drop_last: whether a last one that is not full is left out.
        prepare: what is done to each, or None.
    """

    data: Dataset
    size: int
    drop_last: bool
    prepare: Prepare | None

    def __len__(self) -> int:
        count = len(self.data) / self.size
        return math.floor(count) if self.drop_last else math.ceil(count)

    @property
    def prepare_name(self) -> str | None:
        """What a saved run remembers of `prepare`."""
        return None if self.prepare is None else name_of(self.prepare)

    def epoch(self, rng: np.random.Generator) -> Batches:
        """Those of one epoch; the order is drawn by the call, what `prepare` needs on the way."""
        plain = batches(self.data, self.size, rng, drop_last=self.drop_last)
        return plain if self.prepare is None else (self._prepared(*batch, rng) for batch in plain)

    def _prepared(self, images, labels, rng):
        result = self.prepare(images, labels, rng)
        if not (isinstance(result, tuple | list) and len(result) == 2):
            raise TypeError(
                f"prepare must return the pair (images, targets), but {self.prepare_name} returned "
                f"{type(result).__name__}; end it with `return images, labels`."
            )
        images, targets = result
        if len(images) != len(targets):
            raise ValueError(
                f"prepare must return one target for each image, but {self.prepare_name} returned "
                f"{len(images)} images and {len(targets)} targets."
            )
        return images, targets

    def explained(self, error: ValueError, count: int) -> ValueError:
        """The error of a layer, given a mini-batch of `count` examples, in words of the training.

        A layer that cannot learn from one example knows nothing of mini-batches.
        """
        # PyTorch's words; our layers say the same.
        if count > 1 or "more than 1 value per channel" not in str(error):
            return error
        which = "the last batch of the epoch holds 1 example"
        remedy = f"pass drop_last=True, or another batch_size than {self.size}"
        if min(self.size, len(self.data)) == 1:
            which, remedy = "every batch holds 1 example", "use larger batches"
        return ValueError(
            f"{which} ({len(self.data)} examples in batches of {self.size}), and batch "
            f"normalisation needs at least 2 values of each channel; {remedy}. ({error})"
        )
