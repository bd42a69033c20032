"""Stacks of matrix products, cut into pieces that BLAS multiplies fast.

OpenBLAS, which NumPy's wheels bring, first copies the factors of a product into an order of its
own. Its kernels for processors with AVX-512 can do without, and reach up to twice the speed on the
flat factors of convolutions with few channels, but only in products of up to 10⁶ multiply-adds, and
where a row of one factor meets a row of the other, only for results of some 1,150 numbers (measured
with OpenBLAS 0.3.31, for float32 and float64). They use one thread. Where there are other kernels,
or more than two threads, products are left whole.
"""

from __future__ import annotations

from functools import lru_cache

from convnets.arrays import is_torch, permuted

# Multiply-adds of a product, and numbers of the result of a sum of products, that are small.
SMALL_PRODUCT = 10**6
SMALL_RESULT = 1152

# Pieces narrower than this many columns or lines lose more than they gain.
FEWEST_COLUMNS = 128
FEWEST_LINES = 16

# So many pieces the result of a sum of products may be cut into.
MOST_PIECES = 3

# OpenBLAS's names of its kernels with AVX-512, and most threads with which they are the faster.
WITH_SMALL_PRODUCTS = {"SkylakeX", "Cooperlake", "SapphireRapids"}
MOST_THREADS = 2


def multiply(xp, left, right, out):
    """Write `left` (1, A, K) @ each of `right` (R, K, L) into `out` (R, A, L)."""
    (_, a, k), (r, _, length) = left.shape, right.shape
    if r > 1 and a * k >= 8 * (a + k) * length:
        # Reading `left` R times would take longer than laying `right` and `out` side by side.
        product = left[0] @ _side_by_side(right)
        out[...] = permuted(product.reshape(a, r, length), (1, 0, 2))
        return
    pieces = _pieces(a, k, length)
    if not pieces or not _small_is_fast(right):
        xp.matmul(left, right, out=out)
        return
    for lines, columns in pieces:
        xp.matmul(left[:, lines], right[:, :, columns], out=out[:, lines, columns])


def sum_of_products(xp, left, right):
    """Σ over the stack of left (R, A, L) @ right (R, B, L)ᵀ: (A, B)."""
    (r, a, length), b = left.shape, right.shape[1]
    if r > 1 and 2 * length <= b:
        # Adding up R results would take longer than laying the factors side by side.
        return _side_by_side(left) @ permuted(_side_by_side(right), (1, 0))
    # A single small product costs less than the calls for its pieces.
    if r * a * b * length > SMALL_PRODUCT and _small_is_fast(left):
        pieces = _pieces_of_sum(a, b, length)
    else:
        pieces = ()
    if pieces:
        total = xp.zeros((a, b), dtype=left.dtype, device=left.device)
        for up, across, along in pieces:
            part = left[:, up, along] @ permuted(right[:, across, along], (0, 2, 1))
            total[up, across] += xp.sum(part, axis=0)
        return total
    # BLAS is faster with the taller factor on the left, if one is much taller.
    if 2 * a >= b:
        return xp.sum(left @ permuted(right, (0, 2, 1)), axis=0)
    return permuted(xp.sum(right @ permuted(left, (0, 2, 1)), axis=0), (1, 0))


def _side_by_side(stack):
    """(R, A, L) -> (A, R·L)."""
    r, a, length = stack.shape
    return permuted(stack, (1, 0, 2)).reshape(a, r * length)


@lru_cache
def _pieces(a, k, length):
    """Lines and columns of a result (A, L) that are small products each; none to leave it whole."""
    if a * k * length <= SMALL_PRODUCT:
        return ()
    for number in range(1, max(1, a // FEWEST_LINES) + 1):
        lines = _cut(a, -(-a // number), 8)
        widest = SMALL_PRODUCT // (lines[0].stop * k) // 64 * 64
        if widest >= FEWEST_COLUMNS:
            return tuple((part, columns) for columns in _cut(length, widest, 64) for part in lines)
    return ()


@lru_cache
def _pieces_of_sum(a, b, length):
    """Lines of A, of B, and columns that are small products each; none to leave it whole."""
    if a * b > MOST_PIECES * SMALL_RESULT:
        return ()
    across = _cut(b, 64, 8)
    up = _cut(a, SMALL_RESULT // across[0].stop // 8 * 8, 8)
    along = _cut(length, SMALL_PRODUCT // (up[0].stop * across[0].stop) // 16 * 16, 16)
    pieces = tuple((i, j, columns) for columns in along for i in up for j in across)
    return pieces if len(pieces) > 1 else ()


def _cut(count, widest, grain):
    """Slices of `count` things, of equal multiples of `grain` up to `widest` but for the last."""
    if count <= widest:
        return (slice(0, count),)
    number = -(-count // widest)
    width = -(-count // number // grain) * grain
    return tuple(slice(start, min(start + width, count)) for start in range(0, count, width))


def _small_is_fast(x):
    return not is_torch(x) and _blas_likes_small_products()


@lru_cache
def _blas_likes_small_products() -> bool:
    """Whether OpenBLAS is fast for small products; asked once, since asking takes a while."""
    try:
        from threadpoolctl import threadpool_info  # comes with scikit-learn
    except ImportError:
        return False
    return any(
        library.get("architecture") in WITH_SMALL_PRODUCTS
        and library["num_threads"] <= MOST_THREADS
        for library in threadpool_info()
    )
