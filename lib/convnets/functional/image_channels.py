"""What there is one of for each image and channel or group: (N, C) or (N, G).

Sums over activations seen as (A, C, B), see `convnets.functional.channels`, and the way back.
"""

from __future__ import annotations

from convnets.arrays import namespace


def sums(xp, factors, n: int, last: bool):
    """Σ a, or Σ a · b, over the pixels of each image and channel: (N, C).

    Matrix products add fastest. With images innermost, whole rows are added first, which are long
    runs in memory.
    """
    a, *others = factors
    rows, c, pixels = a.shape
    ones = xp.ones(rows if last else pixels, dtype=a.dtype, device=a.device)
    if not last:
        return xp.vecdot(a, others[0] if others else ones)
    product = xp.einsum("acb,acb->cb", a, *others) if others else ones @ a.reshape(rows, c * pixels)
    return xp.sum(product.reshape(c, pixels // n, n), axis=1).T


def over_groups(values, groups: int):
    """(N, C) added up to (N, G)."""
    n, c = values.shape
    return values.reshape(n, groups, c // groups).sum(2)


def by_channel(values, c: int):
    """(N, G), one for each group, as (N, C); (N, C) as it is."""
    n, k = values.shape
    return namespace(values).broadcast_to(values[:, :, None], (n, k, c // k)).reshape(n, c)


def spread(values, x, last: bool):
    """(N, K) as it is broadcast to x in `combined`; with images innermost repeated along rows."""
    if not last:
        return values[:, :, None]
    n, k = values.shape
    width = x.shape[1] // k * x.shape[2]
    repeated = namespace(values).broadcast_to(values.T[:, None], (k, width // n, n))
    return repeated.reshape(1, k, width)
