"""References and known mistakes behind the checks of assignment a03.

Each mistake is the right function given wrong arguments, or its result put wrongly together, so
that a check can say "it looks as if ...". Nothing here is written the way the tasks ask for.
"""

import itertools
import math

import numpy as np
from a03_samples import batch, noise, places

from convnets import functional as F
from convnets import optim, shapes
from coursekit import Mistake, Oracle

STARTS = ("Window (i, j) starts at (i · stride, j · stride).",)
ONE = ("How many places has a window that is as large as the image?",)
FLOOR = ("Use the output size formula: floor, not ceil.",)
SIZES = ("Compute HO from H and KH, and WO from W and KW.",)
FIRST = ("Only one position counts: the first in reading order, as np.argmax finds it.",)
TWICE = "dx[rows, columns] += dy counts a place that is listed twice only once; np.add.at adds all."


def _explain(x, size, stride):
    (n, c, *image) = x.shape
    high, wide = (
        shapes.explain_output_size(i, k, stride, 0).replace(" + 2·0", "")
        for i, k in zip(image, size, strict=True)
    )
    return f"(N, C, HO, WO) with N = {n}, C = {c}, height {high}; width {wide}"


# --- the library's pooling, with the windows where they should be, and elsewhere ------------------


def _max(x, size, stride):
    return np.ascontiguousarray(F.max_pool2d(x, size, stride)[0])


def _average(x, size, stride):
    return np.ascontiguousarray(F.avg_pool2d(x, size, stride)[0])


def _max_backward(dy, x, size, stride):
    return np.ascontiguousarray(F.max_pool2d_backward(dy, F.max_pool2d(x, size, stride)[1]))


def _average_backward(dy, x_shape, size, stride):
    cache = F.avg_pool2d(np.zeros(x_shape, dy.dtype), size, stride)[1]
    return np.ascontiguousarray(F.avg_pool2d_backward(dy, cache))


def _sum_backward(dy, x_shape, size, stride):
    return _average_backward(dy, x_shape, size, stride) * (size[0] * size[1])


def _seen(starts, size):
    """The pixels of windows side by side, axis by axis: rows (HO·KH,), columns (WO·KW,)."""
    return [np.add.outer(s, np.arange(k)).ravel() for s, k in zip(starts, size, strict=True)]


def _laid_out(x, starts, size, fill):
    """The windows that start at these rows and columns, side by side; `fill` around the image."""
    rows, columns = _seen(starts, size)
    low, right = max(0, max(rows) + 1 - x.shape[2]), max(0, max(columns) + 1 - x.shape[3])
    padded = np.pad(x, ((0, 0), (0, 0), (0, low), (0, right)), constant_values=fill)
    return padded[:, :, rows][:, :, :, columns]


def _gathered(laid, shape, starts, size):
    """What `_laid_out` has spread, added up where it came from."""
    rows, columns = _seen(starts, size)
    high, wide = (max(n, max(at) + 1) for at, n in zip((rows, columns), shape[2:], strict=True))
    whole = np.zeros((*shape[:2], high, wide), laid.dtype)
    np.add.at(whole, (slice(None), slice(None), rows[:, None], columns), laid)
    return whole[:, :, : shape[2], : shape[3]]


def _refuse_empty(shape, starts):
    """Raise where a window lies wholly outside the image: it has no maximum."""
    if any(max(at) >= n for at, n in zip(starts, shape[2:], strict=True)):
        raise ValueError("an empty window")


def _max_at(x, size, starts):
    _refuse_empty(x.shape, starts)
    return _max(_laid_out(x, starts, size, -np.inf), size, size)


def _sum_at(x, size, starts):
    """The windows' sums over KH·KW, whatever part of them lies inside."""
    return _average(_laid_out(x, starts, size, 0), size, size)


def _mean_at(x, size, starts):
    """The means of those parts of the windows that lie inside; NaN where none does."""
    return _sum_at(x, size, starts) / _sum_at(np.ones_like(x), size, starts)


def _max_backward_at(dy, x, size, starts):
    _refuse_empty(x.shape, starts)
    laid = _max_backward(dy, _laid_out(x, starts, size, -np.inf), size, size)
    return _gathered(laid, x.shape, starts, size)


def _average_backward_at(dy, x_shape, size, starts):
    shape = *x_shape[:2], dy.shape[2] * size[0], dy.shape[3] * size[1]
    return _gathered(_average_backward(dy, shape, size, size), x_shape, starts, size)


def _starts(counts, steps):
    return [np.arange(n) * step for n, step in zip(counts, steps, strict=True)]


def _steps(rows, columns):
    """Starts of the windows, as many as there should be, with other steps.

    Args:
        rows, columns: "stride", "size" or "one".
    """

    def starts(counts, size, stride):
        step = {"stride": (stride, stride), "size": size, "one": (1, 1)}
        return _starts(counts, (step[rows][0], step[columns][1]))

    return starts


ELSEWHERE = (
    ("the step is the window's size, not the stride", _steps("size", "size")),
    ("the windows move by one pixel whatever the stride", _steps("one", "one")),
    ("the stride is used for the rows only", _steps("stride", "one")),
    ("the stride is used for the columns only", _steps("one", "stride")),
    ("the step is the window's size, not the stride", _steps("stride", "size")),
    ("the step is the window's size, not the stride", _steps("size", "stride")),
)

SIDES = ("size is (KH, KW).",)
END = ("a[start:stop] ends before `stop`: how many values does it have?",)
OTHER_WINDOWS = (
    ("the window is taken for a square", lambda kh, kw: (kh, kh), SIDES),
    ("the window is taken for a square", lambda kh, kw: (kw, kw), SIDES),
    ("KH and KW are swapped", lambda kh, kw: (kw, kh), ("size is (KH, KW): height first.",)),
    ("the window is a pixel too narrow", lambda kh, kw: (kh, kw - 1), END),
    ("the window is a pixel too low", lambda kh, kw: (kh - 1, kw), END),
    ("the window is a pixel too small on both sides", lambda kh, kw: (kh - 1, kw - 1), END),
    ("the window is a pixel too large on both sides", lambda kh, kw: (kh + 1, kw + 1), END),
    ("only the first row of each window is looked at", lambda kh, kw: (1, kw), ()),
    ("only the first column of each window is looked at", lambda kh, kw: (kh, 1), ()),
)

MEAN = ("How many numbers does the mean run over?",)
DIVISORS = (  # what average pooling and its gradient are divided by instead
    ("it is divided by KH², not by KH·KW", lambda kh, kw, stride: kh * kh),
    ("it is divided by KW², not by KH·KW", lambda kh, kw, stride: kw * kw),
    ("it is divided by KH only", lambda kh, kw, stride: kh),
    ("it is divided by KW only", lambda kh, kw, stride: kw),
    ("it is divided by KH + KW, not by KH·KW", lambda kh, kw, stride: kh + kw),
    ("it is divided by stride², not by KH·KW", lambda kh, kw, stride: stride**2),
    ("it is divided by KH and multiplied by KW", lambda kh, kw, stride: kh / kw),
    ("it is divided by KH·KW twice", lambda kh, kw, stride: (kh * kw) ** 2),
)


def _divided(pool, name, by):
    """`pool` of any arguments that end in size and stride, divided by another number."""

    def make(*args):
        *_, (kh, kw), stride = args
        return pool(*args) * (kh * kw / by(kh, kw, stride))

    hint = ("a / b * c is (a / b) · c: mind the brackets.",) if "multiplied" in name else MEAN
    return Mistake(name, make, hint)


def _of_one(f):
    """Mistakes of a function that does one image, or one channel, only."""
    for word, axis in (("image", 0), ("channel", 1)):
        others = (slice(None),) * axis + (slice(1, None),)
        hints = ("There are N images.",) if axis == 0 else ("There are C channels.",)
        yield Mistake(
            f"only the first {word} {'of the batch ' * (axis == 0)}is done",
            lambda *a, others=others: _others_zero(f(*a), others),
            hints,
        )
        yield Mistake(
            f"the first {word} is used for all",
            lambda *a, axis=axis: _first_for_all(f(*a), axis),
            hints,
        )


def _first_for_all(y, axis):
    return np.repeat(y.take([0], axis), y.shape[axis], axis)


# --- tasks 1 and 3: forward ----------------------------------------------------------------------


def _misplaced(pool, *pool_at):
    """Mistakes about where the windows are, the same for every kind of pooling.

    Args:
        pool: of x, size and stride.
        pool_at: the same of x, size and starts; several, where windows that stick out are dealt
            with in several ways.
    """
    for name, starts in ELSEWHERE:
        for at in pool_at:
            yield Mistake(
                name,
                lambda x, size, stride, at=at, starts=starts: at(
                    x, size, starts(places(x.shape, size, stride), size, stride)
                ),
                STARTS,
            )
    for name, step in (
        ("the step is the window's size, not the stride", lambda size, stride: size),
        ("the windows move by one pixel whatever the stride", lambda size, stride: (1, 1)),
        ("the stride is used for the rows only", lambda size, stride: (stride, 1)),
        ("the stride is used for the columns only", lambda size, stride: (1, stride)),
    ):
        yield Mistake(
            name, lambda x, size, stride, to=step: pool(x, size, to(size, stride)), STARTS
        )
    yield Mistake(ELSEWHERE[0][0], lambda x, size, _: _only_whole(pool, x, size), STARTS)
    yield from _miscounted(pool_at)
    yield from _misshapen(pool, pool_at)


def _only_whole(pool, x, size):
    """Pooling by a reshape, which raises where the windows do not fill the image."""
    if x.shape[2] % size[0] or x.shape[3] % size[1]:
        raise ValueError("cannot reshape")
    return pool(x, size, size)


def _miscounted(pool_at):
    """Mistakes in the number of windows."""

    def ceiling(shape, size, stride):
        return [-((k - n) // stride) + 1 for n, k in zip(shape[2:], size, strict=True)]

    def one_less(rows, columns):
        return lambda *a: [n - less for n, less in zip(places(*a), (rows, columns), strict=True)]

    def other(image, window):
        return lambda shape, size, stride: places(
            (*shape[:2], *(shape[i] for i in image)), [size[i] for i in window], stride
        )

    def clipped(shape, size, stride):
        return [max(1, n // stride) for n in shape[2:]]

    for name, count, hints in (
        ("windows that stick out at the end are counted too", ceiling, FLOOR),
        *(
            ("the final + 1 of the output size is missing", one_less(*less), ONE)
            for less in ((1, 1), (1, 0), (0, 1))
        ),
        ("the height of the image is used for its width, too", other((2, 2), (0, 1)), SIZES),
        ("the height of the output is used for its width, too", other((2, 2), (0, 0)), SIZES),
        ("H and W are swapped in the output size", other((3, 2), (0, 1)), SIZES),
        ("HO and WO are swapped", other((3, 2), (1, 0)), SIZES),
        (
            "the height of the window is used for its width, too, in the output size",
            other((2, 3), (0, 0)),
            SIZES,
        ),
        (
            "the output size is H // KH, whatever the stride",
            lambda shape, size, _: [n // k for n, k in zip(shape[2:], size, strict=True)],
            FLOOR,
        ),
        (
            "the output size is H // stride, whatever the window",
            clipped,
            ("The window has to fit: how many steps can it take within H pixels?",),
        ),
    ):
        for at in pool_at:
            yield Mistake(name, _with_counts(at, count), hints)


def _with_counts(at, count):
    def make(x, size, stride):
        counts = count(x.shape, size, stride)
        if min(counts) < 1:
            return np.zeros((*x.shape[:2], *counts), x.dtype)
        return at(x, size, _starts(counts, (stride, stride)))

    return make


def _misshapen(pool, pool_at):
    """Mistakes about the window's sides, the channels, and which outputs are written."""
    for side in (0, 1):
        yield Mistake(
            "the window is taken for a square",
            lambda x, size, stride, k=side: pool(x, (size[k], size[k]), stride),
            ("size is (KH, KW).",),
        )
    for name, change, hints in OTHER_WINDOWS:
        for at in pool_at:
            for by_its_own_size in (True, False) if at is _sum_at else (True,):
                yield Mistake(name, _with_window(at, change, by_its_own_size), hints)
    yield Mistake(
        "KH and KW are swapped",
        lambda x, size, stride: pool(x, size[::-1], stride),
        ("size is (KH, KW): height first.",),
    )
    yield from _of_one(pool)
    yield Mistake(
        "axes of length 1 are removed from the result",
        lambda *a: pool(*a).squeeze(),
        ("The result has four axes, also for one image or one channel.",),
    )
    yield Mistake(
        "the last row and the last column are left out",
        lambda *a: _others_zero(
            _others_zero(pool(*a), (..., slice(-1, None), slice(None))), (..., slice(-1, None))
        ),
        ("How many values does range(HO) give, and range(HO - 1)?",),
    )


def _with_window(at, change, by_its_own_size):
    """Pooling at the right places with windows of another size, divided by that or the right."""

    def make(x, size, stride):
        starts = _starts(places(x.shape, size, stride), (stride, stride))
        own = change(*size)
        if min(own) < 1 and at is not _max_at:  # the mean of nothing, or a sum of nothing
            fill = np.nan if by_its_own_size else 0
            return np.full((*x.shape[:2], *places(x.shape, size, stride)), fill, x.dtype)
        y = at(x, own, starts)
        return y if by_its_own_size else y * (own[0] * own[1] / (size[0] * size[1]))

    return make


def _others_zero(y, where):
    y[where] = 0
    return y


def _over_axis(pool, reduce):
    """Mistakes of a window that has too many axes."""
    for name, axis, hint in (
        ("the window runs over the channels too", 1, "Each channel is pooled by itself."),
        ("the window runs over the images of the batch too", 0, "Each image is pooled by itself."),
    ):

        def make(*args, axis=axis):
            y = pool(*args)
            return np.broadcast_to(reduce(y, axis=axis, keepdims=True), y.shape).astype(y.dtype)

        yield Mistake(name, make, (hint,))


def _from_the_floor(floor):
    return Mistake(
        f"the running maximum starts at {floor:g}".replace("e+0", "e")
        if floor
        else "negative values count as 0",
        lambda *a: np.maximum(_max(*a), floor),
        (
            "What is the maximum of a window whose values are all smaller?",
            "Start from the window's first value, or from -np.inf.",
        ),
    )


max_pool = Oracle(
    _max,
    batch=("x",),
    extreme=("x",),
    explain_shape=_explain,
    mistakes=(
        *map(_from_the_floor, (0, -1, -100, -999, -1000, -9999, -1e4, -1e5, -1e6, -1e9, -1e10)),
        Mistake("the mean is taken, not the maximum", _average),
        Mistake(
            "the sum is taken, not the maximum",
            lambda x, size, stride: _average(x, size, stride) * (size[0] * size[1]),
        ),
        Mistake("the minimum is taken", lambda x, *a: -_max(-x, *a)),
        Mistake(
            "the largest absolute value is taken",
            lambda x, *a: _max(np.abs(x), *a),
            ("Is −8 larger than 3?",),
        ),
        *_misplaced(_max, _max_at),
        *_over_axis(_max, np.max),
    ),
)


avg_pool = Oracle(
    _average,
    batch=("x",),
    extreme=("x",),
    explain_shape=_explain,
    mistakes=(
        Mistake(
            "the window is summed, not averaged",
            lambda x, size, stride: _average(x, size, stride) * (size[0] * size[1]),
            MEAN,
        ),
        *(_divided(_average, *divisor) for divisor in DIVISORS),
        Mistake("the maximum is taken, not the mean", _max),
        *_misplaced(_average, _mean_at, _sum_at),
        *_over_axis(_average, np.mean),
    ),
)


# --- task 2: max pooling, backward ---------------------------------------------------------------


def _each_window(dy, x, size, stride):
    """For each place of the window: which pixels it sees, and dy spread over them."""
    for i, j in np.ndindex(dy.shape[2:]):
        one = np.zeros_like(dy)
        one[:, :, i, j] = 1
        yield (
            _average_backward(one, x.shape, size, stride) > 0,
            _sum_backward(one * dy, x.shape, size, stride),
        )


def _tied(x, seen):
    """Pixels that equal the largest of those seen, image by image and channel by channel."""
    inside = np.where(seen, x, -np.inf)
    return inside == inside.max(axis=(2, 3), keepdims=True)


def _added(parts, dtype):
    """The sum of arrays, in a dtype."""
    return sum(parts).astype(dtype)


def _to_all_ties(dy, x, size, stride):
    windows = _each_window(dy, x, size, stride)
    return _added((spread * _tied(x, seen) for seen, spread in windows), dy.dtype)


def _shared_by_ties(dy, x, size, stride):
    windows = _each_window(dy, x, size, stride)
    ties = ((spread, _tied(x, seen)) for seen, spread in windows)
    return _added((s * t / t.sum(axis=(2, 3), keepdims=True) for s, t in ties), dy.dtype)


def _to_the_last(dy, x, size, stride):
    """The first maximum of the images turned by 180°, turned back."""
    high, wide = ((n - 1) * stride + k for n, k in zip(dy.shape[2:], size, strict=True))
    dx = np.zeros(x.shape, dy.dtype)
    turned = x[:, :, :high, :wide][:, :, ::-1, ::-1], dy[:, :, ::-1, ::-1]
    dx[:, :, :high, :wide] = _max_backward(turned[1], turned[0], size, stride)[:, :, ::-1, ::-1]
    return dx


def _to_the_first_column(dy, x, size, stride):
    """The first maximum of the images with rows and columns swapped, swapped back."""
    back = _max_backward(dy.swapaxes(2, 3), x.swapaxes(2, 3), size[::-1], stride)
    return np.ascontiguousarray(back.swapaxes(2, 3))


def _overwritten(whole_window, step=1):
    """A later window replaces the pixel it sends to, or all the pixels that it sees.

    Args:
        step: -1 where the windows come in the opposite order, as when each tap is done at once.
    """

    def make(dy, x, size, stride):
        dx = np.zeros(x.shape, dy.dtype)
        for i, j in list(np.ndindex(dy.shape[2:]))[::step]:
            one = np.zeros_like(dy)
            one[:, :, i, j] = 1
            to = _max_backward(one, x, size, stride) > 0
            seen = _average_backward(one, x.shape, size, stride) > 0
            sent = np.where(to, dy[:, :, i : i + 1, j : j + 1], 0)
            dx = np.where(seen if whole_window else to, sent, dx)
        return dx

    return make


def _sent_to(place):
    """Each gradient goes to `place((i, j), (p, q), size, stride)`, (p, q) right in the window."""

    def make(dy, x, size, stride):
        dx = np.zeros(x.shape, dy.dtype)
        for i, j in np.ndindex(dy.shape[2:]):
            one = np.zeros_like(dy)
            one[:, :, i, j] = 1
            n, c, row, column = np.nonzero(_max_backward(one, x, size, stride))
            to = place((i, j), (row - i * stride, column - j * stride), size, stride)
            np.add.at(dx, (n, c, *to), dy[n, c, i, j])  # raises where that is outside
        return dx

    return make


def _by_the_height(at, within, size, stride):
    best = within[0] * size[1] + within[1]
    return at[0] * stride + best // size[0], at[1] * stride + best % size[0]


def _silent(sends):
    return lambda dy, x, *a: _max_backward(dy * sends(_max(x, *a), 0), x, *a)


def _cut_off(dx, counts, size, stride):
    """The part of dx that windows see."""
    high, wide = ((n - 1) * stride + k for n, k in zip(counts, size, strict=True))
    return dx[:, :, :high, :wide]


def _without_overhang(backward_at):
    """The same, but a window that sticks out raises."""

    def at(dy, x, size, starts):
        shape = x if isinstance(x, tuple) else x.shape
        for start, k, n in zip(starts, size, shape[2:], strict=True):
            if max(start) + k > n:
                raise ValueError("a part of a window")
        return backward_at(dy, x, size, starts)

    return at


def _sent_over(backward_at, change, by_its_own_size):
    """What windows of another size send back, where these divide by their own size or the right."""

    def make(dy, x, size, stride):
        own = change(*size)
        if min(own) < 1 and isinstance(x, tuple):  # nobody gets a share
            return np.zeros(x, dy.dtype)
        dx = backward_at(dy, x, own, _starts(dy.shape[2:], (stride, stride)))
        return dx if by_its_own_size else dx * (own[0] * own[1] / (size[0] * size[1]))

    return make


def _backward_slips(backward, backward_at):
    """Mistakes of both backward passes: where the windows are, what is cut off or left out.

    Args:
        backward: of dy, x or its shape, size and stride.
        backward_at: the same with starts in place of the stride.
    """
    for name, starts in ELSEWHERE:
        for at in (backward_at, _without_overhang(backward_at)):
            yield Mistake(
                name,
                lambda dy, x, size, stride, at=at, starts=starts: at(
                    dy, x, size, starts(dy.shape[2:], size, stride)
                ),
                STARTS,
            )
    for name, change, hints in OTHER_WINDOWS:
        for at in (backward_at, _without_overhang(backward_at)):
            for by_its_own_size in (True, False):
                yield Mistake(name, _sent_over(at, change, by_its_own_size), hints)
    yield Mistake(
        "dx ends where the last window ends",
        lambda dy, x, *a: _cut_off(backward(dy, x, *a), dy.shape[2:], *a),
        ("dx has the shape of x; pixels that no window sees have the gradient 0.",),
    )
    yield from _of_one(backward)


max_pool_backward = Oracle(
    _max_backward,
    batch=("dy", "x"),
    extreme=("dy", "x"),
    dtype_of="dy",
    explain_shape=lambda dy, x, *a: f"dx has the shape of x, {x.shape}.",
    mistakes=(
        Mistake(
            "a later window overwrites what an earlier one sent to the same pixel",
            _overwritten(whole_window=False),
            (
                "A pixel can be the maximum of several windows that overlap.",
                "Then it answers for all of them: += or =?",
                TWICE,
            ),
        ),
        Mistake(
            "of the windows that send to one pixel only the first counts",
            _overwritten(whole_window=False, step=-1),
            ("A pixel that is the maximum of several windows answers for all of them.",),
        ),
        *(
            Mistake(
                "windows that overlap overwrite each other",
                _overwritten(whole_window=True, step=step),
                ("What the windows send to a pixel is added up: += or =?", TWICE),
            )
            for step in (1, -1)
        ),
        Mistake(
            "every pixel that ties for the maximum gets the whole gradient",
            _to_all_ties,
            ("What if two pixels of a window hold the same maximum?", *FIRST),
        ),
        Mistake("pixels that tie for the maximum share the gradient", _shared_by_ties, FIRST),
        Mistake("the last of several equal maxima gets the gradient", _to_the_last, FIRST),
        Mistake(
            "the first maximum is looked for column by column",
            _to_the_first_column,
            ("The first maximum is meant reading row by row.",),
        ),
        Mistake(
            "every pixel of the window gets the gradient",
            lambda dy, x, *a: _sum_backward(dy, x.shape, *a),
            ("Which of the inputs could change the maximum, if it moved a little?",),
        ),
        Mistake(
            "every pixel of the window gets an equal share, as in average pooling",
            lambda dy, x, *a: _average_backward(dy, x.shape, *a),
            ("Which of the inputs could change the maximum, if it moved a little?",),
        ),
        Mistake(
            "the smallest pixel of the window gets the gradient",
            lambda dy, x, *a: _max_backward(dy, -x, *a),
        ),
        *(
            Mistake(
                "the gradient is multiplied by the pixel's value",
                make,
                ("y = x[argmax], so ∂y/∂x[argmax] = 1.",),
            )
            for make in (
                lambda dy, x, *a: _max_backward(dy * _max(x, *a), x, *a),
                lambda dy, x, *a: (
                    _max_backward(dy, x, *a)
                    * np.where(_sum_backward(np.ones_like(dy), x.shape, *a) > 0, x, 0)
                ),
            )
        ),
        Mistake(
            "dy is left out: every window sends 1",
            lambda dy, *a: _max_backward(np.ones_like(dy), *a),
            ("The chain rule multiplies by what comes back from above.",),
        ),
        Mistake(
            "dx begins as a copy of x, not as zeros",
            lambda dy, x, *a: (_max_backward(dy, x, *a) + x).astype(dy.dtype),
            ("A pixel that is no maximum has the gradient 0.",),
        ),
        Mistake(
            "the place within the window is taken for the place in the image",
            _sent_to(lambda at, within, size, stride: within),
            ("argmax counts from the corner of the window. Where is that corner?",),
        ),
        Mistake(
            "the window's corner is taken at (i, j), not at (i · stride, j · stride)",
            _sent_to(lambda at, within, *_: (at[0] + within[0], at[1] + within[1])),
            STARTS,
        ),
        *(
            Mistake(name, make, ("What is the maximum of a window whose values are all negative?",))
            for name, make in (
                ("windows whose maximum is negative send nothing", _silent(np.greater_equal)),
                ("windows whose maximum is not above 0 send nothing", _silent(np.greater)),
                (
                    "the search for the maximum starts at 0",
                    lambda dy, x, *a: _max_backward(dy, np.maximum(x, 0), *a),
                ),
            )
        ),
        *(
            Mistake(
                f"the maxima of the first {word} are used for all",
                lambda dy, x, *a, axis=axis: _max_backward(dy, _first_for_all(x, axis), *a),
                ("Each channel of each image has maxima of its own.",),
            )
            for axis, word in enumerate(("image", "channel"))
        ),
        Mistake(
            "the gradient is divided by the size of the window",
            lambda dy, x, size, stride: _max_backward(dy, x, size, stride) / (size[0] * size[1]),
            ("The maximum is a copy of one pixel, not a mean of all.",),
        ),
        Mistake(
            "the height of the window is used to turn argmax into row and column",
            _sent_to(_by_the_height),
            (
                "In a window of KW columns, row p begins at number p·KW.",
                "np.unravel_index(best, (KH, KW)) does it.",
            ),
        ),
        Mistake(
            "row and column within the window are swapped",
            _sent_to(
                lambda at, within, size, stride: (
                    at[0] * stride + within[1],
                    at[1] * stride + within[0],
                )
            ),
            ("Which comes first, rows or columns?",),
        ),
        *_backward_slips(_max_backward, _max_backward_at),
    ),
)


# --- task 4: average pooling, backward -----------------------------------------------------------


def _only_one_window(step):
    """Each pixel gets the share of the last window that sees it; of the first, for step -1."""

    def make(dy, x_shape, size, stride):
        x, dx = np.zeros(x_shape, dy.dtype), np.zeros(x_shape, dy.dtype)
        for seen, spread in list(_each_window(dy, x, size, stride))[::step]:
            dx = np.where(seen, spread / (size[0] * size[1]), dx).astype(dy.dtype)
        return dx

    return make


def _by_windows_of_the_pixel(dy, x_shape, size, stride):
    """The mean of what a pixel's windows send, not the sum over KH·KW."""
    spread = _sum_backward(dy, x_shape, size, stride)
    return spread / np.maximum(_sum_backward(np.ones_like(dy), x_shape, size, stride), 1)


def _to_the_corner(share):
    def make(dy, x_shape, size, stride):
        dx = np.zeros(x_shape, dy.dtype)
        rows, columns = (slice(None, n * stride, stride) for n in dy.shape[2:])
        dx[:, :, rows, columns] = dy / (size[0] * size[1]) if share else dy
        return dx

    return make


def _shares(factor):
    """The right gradient times `factor(x_shape, size, stride)`."""
    return lambda dy, x_shape, size, stride: (
        _average_backward(dy, x_shape, size, stride) * factor(x_shape, size, stride)
    )


avg_pool_backward = Oracle(
    _average_backward,
    batch=("dy", "x_shape"),
    extreme=("dy",),
    explain_shape=lambda dy, x_shape, *a: f"dx has the shape of x, {tuple(x_shape)}.",
    mistakes=(
        *(
            Mistake(
                "windows that overlap overwrite each other",
                _only_one_window(step),
                ("A pixel gets a share from each window that it lies in: += or =?", TWICE),
            )
            for step in (1, -1)
        ),
        Mistake(
            "the gradient is not divided by the size of the window",
            _shares(lambda x_shape, size, stride: size[0] * size[1]),
            ("y is the mean of KH·KW pixels. How much of each is in it?",),
        ),
        *(_divided(_average_backward, *divisor) for divisor in DIVISORS),
        Mistake(
            "whole division: the part after the point is lost",
            lambda dy, x_shape, size, stride: _sum_backward(
                dy // (size[0] * size[1]), x_shape, size, stride
            ),
            ("// cuts, / divides.",),
        ),
        Mistake(
            "it is divided by the pixels of the whole image, H·W",
            _shares(lambda x_shape, size, stride: size[0] * size[1] / (x_shape[2] * x_shape[3])),
            ("y is the mean of KH·KW pixels. How much of each is in it?",),
        ),
        Mistake(
            "it is divided by the number of windows, HO·WO",
            lambda dy, x_shape, size, stride: (
                _sum_backward(dy, x_shape, size, stride) / (dy.shape[2] * dy.shape[3])
            ),
            ("y is the mean of KH·KW pixels. How much of each is in it?",),
        ),
        Mistake(
            "each pixel is divided by the number of windows that it lies in",
            _by_windows_of_the_pixel,
            ("Shares of several windows are added up; each is dy / (KH·KW).",),
        ),
        *(
            Mistake(
                "only the first pixel of each window gets something",
                _to_the_corner(share),
                ("Every pixel of the window is in the mean.",),
            )
            for share in (True, False)
        ),
        *_backward_slips(_average_backward, _average_backward_at),
    ),
)


# --- task 5: the network -------------------------------------------------------------------------

LAYERS = {  # with weights: shape of the weights, number of biases
    "the first convolution": ((6, 1, 5, 5), 6),
    "the second convolution": ((16, 6, 5, 5), 16),
    "the first fully connected layer": ((120, 64), 120),
    "the second fully connected layer": ((84, 120), 84),
    "the output layer": ((10, 84), 10),
}


def weights(model):
    """The arrays of a model that should be drawn at random: all but the biases."""
    return [array for array in model.state_dict().values() if array.ndim > 1]


def built(task, build_lenet, rng):
    """The network that is built.

    Raises:
        CheckFailed: it is none.
    """
    model = task.call(build_lenet, rng)
    given = "a list" if isinstance(model, (list, tuple)) else "no layer"
    task.expect(
        hasattr(model, "state_dict"),
        f"build_lenet returned {given}; expected a network, layers.Sequential(...).",
        looks_like="the layers are not put together by layers.Sequential",
    )
    return model


def expect_sizes(task, model):
    """Fail unless the layers with weights are those of the table, in its order."""
    arrays = list(model.state_dict().values())
    count, expected = len(weights(model)), len(LAYERS)
    task.expect(
        count == expected,
        f"Number of layers with weights: {count}; the table has {expected}.",
        looks_like="a layer with weights is missing"
        if count < expected
        else "there are too many layers with weights",
    )
    task.expect(
        len(arrays) == 2 * expected,
        f"{len(arrays)} arrays of weights and biases, expected {2 * expected}: two for each layer.",
        looks_like="some layers have no biases",
    )
    pairs = zip(arrays[::2], arrays[1::2], strict=True)
    for (name, (shape, biases)), (w, b) in zip(LAYERS.items(), pairs, strict=True):
        many = math.prod(shape)
        task.expect(
            (w.shape, b.size) == (shape, biases),
            f"{name[0].upper()}{name[1:]} has weights of shape {w.shape} and {b.size} biases; the "
            f"table asks for {many + biases:,} parameters: weights of shape {shape} and {biases} "
            "biases.",
            looks_like=f"{name} is the first that differs from the table",
        )


def _has_table_sizes(model):
    sizes = [array.shape for array in model.state_dict().values()]
    return sizes == [size for shape, biases in LAYERS.values() for size in (shape, (biases,))]


def expect_unlike(task, model):
    """Fail where two layers are drawn from the same numbers, as with one seed for all layers."""
    drawn = [w.ravel()[:100] for w in weights(model)]
    alike = [
        abs(np.corrcoef(a[: len(b)], b[: len(a)])[0, 1]) > 0.99
        for i, a in enumerate(drawn)
        for b in drawn[:i]
    ]
    task.expect(
        not any(alike),
        "Two layers have the same weights, but for a factor.",
        looks_like="each layer is drawn from the same seed anew; hand them rng itself",
    )


def lenet(model):
    """The scores of the network of the table with the parameters of `model`, as an oracle."""
    first = tuple(model.state_dict().values())

    def with_parts(**parts):
        return lambda x: _scores(x, first, **parts)

    relus = ("Which layers of the table say ReLU?",)
    return Oracle(
        with_parts(),
        batch=("x",),
        explain_shape=lambda x: f"ten scores for each of {len(x)} images",
        mistakes=(
            *(Mistake(name, with_parts(after=after), relus) for name, after in _other_relus()),
            Mistake(
                "there is a ReLU after the output layer, too",
                with_parts(last=F.relu),
                ("Scores may be negative: the table has no ReLU in its last row.",),
            ),
            Mistake(
                "the output layer is followed by a softmax",
                with_parts(last=lambda x: (F.softmax(x),)),
                ("The table ends with scores; the loss takes the softmax of them.",),
            ),
            Mistake("the pooling is the average, not the maximum", with_parts(pool=F.avg_pool2d)),
        ),
    )


def _other_relus():
    """Names of mistakes, and what they put after the four layers before the last."""
    for there in list(itertools.product((True, False), repeat=4))[1:]:
        missing = [name for name, is_there in zip(LAYERS, there, strict=False) if not is_there]
        names = {
            (False, False, True, True): "after the convolutions",
            (True, True, False, False): "after the fully connected layers",
            (False,) * 4: "at all",
        }
        where = names.get(there, f"after {' and '.join(missing)}")
        yield f"there is no ReLU {where}", tuple(F.relu if each else None for each in there)
    for name in ("tanh", "sigmoid"):
        other = getattr(F, name)
        yield f"the activations are {name}, not ReLU", (other,) * 4
        yield (
            f"the activations after the convolutions are {name}, not ReLU",
            (other,) * 2 + (F.relu,) * 2,
        )


def _scores(x, parameters, after=(F.relu,) * 4, last=None, pool=F.max_pool2d):
    """What the layers of the table give, with activations and pooling as said."""
    *pairs, (w5, b5) = zip(parameters[::2], parameters[1::2], strict=True)
    for i, ((w, b), activation) in enumerate(zip(pairs, after, strict=True)):
        x = F.conv2d(x, w, b, padding=2)[0] if i < 2 else F.linear(x.reshape(len(x), -1), w, b)[0]
        x = activation(x)[0] if activation else x
        x = pool(x, 2)[0] if i < 2 else x
    x = F.linear(x, w5, b5)[0]
    return np.ascontiguousarray(last(x)[0] if last else x)


# --- task 6: training ----------------------------------------------------------------------------

EPOCHS, BATCH, MOMENTUM = 10, 32, 0.9
SEEDS = 3, 4  # of two trainings with one batch
FIRST, RTOL = 1e-5, 1e-3  # of the first loss, and of those that rounding errors lead to
MANY = 77, 50, 45  # images to name: three numbers that batches seldom divide
NEAR = 0.01  # of the range of an image's scores: two that are nearer than this count as tied
NO_CLASSES = "The classes have the wrong shape; see above."


def trained(task, train_and_predict, *args):
    """The classes and the history that a training gives.

    Raises:
        CheckFailed: it gives something else.
    """
    value = task.call(train_and_predict, *args, names=("images", "labels", "test_images", "seed"))
    task.expect(
        isinstance(value, (tuple, list)) and len(value) == 2,
        "Expected two values, the classes and the history: `return classes, history`.",
        looks_like="the classes and the history are not both returned",
    )
    classes, history = value
    task.expect(
        all(hasattr(history, name) for name in ("step_loss", "train_loss", "lr")),
        "The second value is not what `fit` returns: it has no losses of all steps, `step_loss`.",
        looks_like="the second value is not the history that fit returns",
    )
    return np.asarray(classes), history


def expect_classes(task, classes, count):
    """Fail unless there is one integer from 0 to 9 for each of `count` images."""
    task.expect(
        classes.shape == (count,),
        f"For {count} images the classes have the shape {classes.shape}; expected ({count},), one "
        "number for each image.",
        looks_like={
            (count, 10): "the scores are returned, not the classes",
            (10,): "argmax runs over the images, not over the scores of each",
            (): "a single number is returned, not an array",
        }.get(classes.shape, ""),
    )
    task.expect(
        classes.dtype.kind in "iu",
        f"The classes are {classes.dtype}; expected integers from 0 to 9.",
        looks_like="the classes are not integers",
    )
    task.expect(
        set(classes.tolist()) <= set(range(10)),
        f"The classes run from {classes.min()} to {classes.max()}; expected 0 to 9.",
        looks_like="the classes are counted from 1" if classes.max() == 10 else "",
    )


def expect_steps(task, history, count):
    """Fail unless a training took ten epochs, each of `count` images in batches of 32."""
    epochs, steps = len(history.train_loss), len(history.step_loss)
    task.expect(
        epochs == EPOCHS,
        f"The history is of one call of `fit` with {epochs} epoch{'s' * (epochs != 1)}; expected "
        f"one call with {EPOCHS}.",
        looks_like=f"the history is of one call of fit with {epochs} epoch{'s' * (epochs != 1)}",
    )
    each = -(-count // BATCH), count // BATCH  # a last batch that is not full may be left out
    task.expect(
        steps in [EPOCHS * n for n in each],
        f"An epoch has {steps / epochs:g} steps; {count} images in batches of {BATCH} make "
        f"{each[0]}.",
        looks_like="an epoch is not all the images that are given, once, in batches of 32",
    )


def expect_as_by_hand(task, train_and_predict, build_lenet, rng):
    """Fail unless one batch is learned step by step as `build_lenet`'s network and SGD learn it.

    With one batch in an epoch the order of the images does not matter: the weights drawn with the
    seed, the rate and the momentum decide all losses.
    """
    images, labels, several = batch(rng, BATCH, MANY)
    runs, seeds = [], (SEEDS[0], *SEEDS)
    for seed, test_images in zip(seeds, several, strict=True):
        runs.append(trained(task, train_and_predict, images, labels, test_images, seed))
        expect_steps(task, runs[-1][1], BATCH)
    scores = []
    for seed, test_images, (_, history) in zip(seeds, several, runs, strict=True):
        losses = np.array(history.step_loss)
        made = build_lenet, seed, images, labels, history.lr, test_images
        by_hand = _by_hand(*made)
        if not np.isclose(losses[0], by_hand[0][0], rtol=FIRST):
            task.expect(
                False,
                f"The first loss is {losses[0]:.6g}, and that of build_lenet(np.random.default_rng("
                f"seed)) on these images {by_hand[0][0]:.6g}.",
                looks_like=_of_first_losses(runs, build_lenet, images, labels),
            )
        if not np.allclose(losses, by_hand[0], rtol=RTOL):
            nesterov = _by_hand(*made, nesterov=True)
            by_hand = nesterov if np.allclose(losses, nesterov[0], rtol=RTOL) else by_hand
        near = np.isclose(losses, by_hand[0], rtol=RTOL)
        if not near.all():
            wrong = int(np.argmin(near))
            task.expect(
                False,
                f"The loss of step {wrong + 1} is {losses[wrong]:.6g}; SGD with momentum={MOMENTUM}"
                f" and the rate lr={history.lr[0]:g} of the history comes to "
                f"{by_hand[0][wrong]:.6g}.",
                looks_like=_of_losses(losses, *made),
            )
        scores.append(by_hand[1])
    _expect_named(task, [classes for classes, _ in runs], scores)


def _expect_named(task, named, scores):
    """Fail unless each image is named after its highest score; where two nearly tie, after any.

    Args:
        named, scores: of several calls: classes (M,) and scores (M, 10).
    """
    task.expect(all(a.shape == (len(b),) for a, b in zip(named, scores, strict=True)), NO_CLASSES)
    wrong = [
        (classes != each.argmax(axis=1)) & _is_clear(each)
        for classes, each in zip(named, scores, strict=True)
    ]
    task.expect(
        not np.concatenate(wrong).any(),
        f"{sum(map(np.sum, wrong))} of {sum(map(len, wrong))} images are not given the class with "
        "the highest score of the network that these losses belong to; the first of them is "
        f"number {next((int(w.argmax()) + 1 for w in wrong if w.any()), 0)} of those given.",
        looks_like=_of_classes(named, scores, wrong),
    )


def _is_clear(scores):
    """For each image, whether rounding errors cannot change which score is the highest."""
    ordered = np.sort(scores, axis=1)
    return ordered[:, -1] - ordered[:, -2] > NEAR * np.ptp(scores, axis=1)


def _by_hand(
    build_lenet, seed, images, labels, rates, test_images, momentum=MOMENTUM, nesterov=False
):
    """Losses of the steps with one batch, and the scores of the test images."""
    model, losses = build_lenet(np.random.default_rng(seed)), []
    sgd = optim.SGD(model.parameters(), lr=rates[0], momentum=momentum, nesterov=nesterov)
    for rate in rates:
        loss, cache = F.softmax_cross_entropy(model(images), labels)
        model.backward(F.softmax_cross_entropy_backward(1.0, cache))
        sgd.lr = rate
        sgd.step()
        losses.append(float(loss))
    return np.array(losses), np.asarray(model(test_images))


def _of_first_losses(runs, build_lenet, images, labels):
    """What a first loss that is wrong comes from, where that shows.

    Args:
        runs: (classes, history) with a seed, with the same one again, and with another.
    """
    first, again, other = (history.step_loss[0] for _, history in runs)
    if not np.isclose(first, again, rtol=FIRST):
        return "the result does not depend on the seed alone"
    if np.isclose(first, other, rtol=FIRST):
        return "the weights do not depend on the seed"
    for mistake in zip(*(_mistaken(build_lenet, seed) for seed in SEEDS), strict=True):
        losses = [float(F.softmax_cross_entropy(m.make(images), labels)[0]) for m in mistake]
        says_much = abs(losses[0] - losses[1]) > 0.01  # where scores are small all losses are alike
        if says_much and np.allclose(losses, (first, other), rtol=FIRST):
            return mistake[0].name
    return ""


def _mistaken(build_lenet, seed):
    """Mistakes that a network with the weights of `build_lenet` may hold."""
    model = build_lenet(np.random.default_rng(seed))
    return lenet(model).mistakes if _has_table_sizes(model) else ()


def _of_losses(losses, *made):
    """Another momentum that explains the losses of all steps, in words."""
    for momentum in (0, 0.5, 0.8, 0.95, 0.99):
        found = _by_hand(*made, momentum=momentum)[0]
        if np.allclose(losses, found, rtol=RTOL):
            return f"the momentum is {momentum}, not {MOMENTUM}"
    return ""


def _of_classes(named, scores, wrong):
    if all(np.array_equal(a, b.argmin(axis=1)) for a, b in zip(named, scores, strict=True)):
        return "the class with the lowest score is named"
    ends = [
        (len(w) - int(w.argmax()), c[int(w.argmax()) :])
        for w, c in zip(wrong, named, strict=True)
        if w.any()
    ]
    if all(len(set(rest.tolist())) == 1 for _, rest in ends) and all(n < 50 for n, _ in ends):
        return "the last images are left out"
    return ""


def expect_seeded(task, train_and_predict, rng):
    """Fail unless one seed gives one result."""
    images, labels, test_images = noise(rng, 80), rng.integers(0, 10, 80), noise(rng)
    (classes, history), (again, other) = (
        trained(task, train_and_predict, images, labels, test_images, 5) for _ in range(2)
    )
    task.expect(
        history.step_loss == other.step_loss and np.array_equal(classes, again),
        "Called twice with the same seed, the training differs.",
        looks_like="the result does not depend on the seed alone",
    )


def accuracy(predicted, labels):
    """Share of equal labels, in [0, 1]; 0 where the shapes differ."""
    return float(np.mean(predicted == labels)) if predicted.shape == labels.shape else 0.0


def expect_right(task, classes, labels, least):
    """Fail unless a share `least` of the classes are the labels."""
    task.expect(classes.shape == labels.shape, NO_CLASSES)
    right, only = accuracy(classes, labels), np.unique(classes)
    task.expect(
        right >= least,
        f"{right:.1%} of the test images are right; expected at least {least:.0%}.",
        looks_like="all images get the same class" if len(only) == 1 else "",
    )


def expect_alone(task, train_and_predict, images, labels, test_images, seed):
    """Fail unless the same network names an image alone as it does among others."""
    classes, history = trained(task, train_and_predict, images, labels, test_images, seed)
    for place in np.unique(classes, return_index=True)[1][-3:]:  # three classes, at most one is 0
        one = test_images[place : place + 1]
        alone, again = trained(task, train_and_predict, images, labels, one, seed)
        expect_classes(task, alone, 1)
        task.expect(
            alone[0] == classes[place] or history.step_loss != again.step_loss,
            f"An image is named {alone[0]} alone, and {classes[place]} among others.",
            looks_like="an image alone gets another class than among others",
        )
