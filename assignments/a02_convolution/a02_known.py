"""References and known mistakes behind the checks of assignment a02.

Each mistake is the right function given wrong arguments, or its result put wrongly together, so
that a check can say "it looks as if ...". Nothing here is written the way the tasks ask for.
"""

import itertools
import time
from functools import partial

import numpy as np
from a02_samples import places, sample

from convnets import functional as F
from convnets import shapes
from coursekit import Mistake, Oracle

S = np.s_
ROWS = "The pixels run along the rows: each row has as many as the result is wide."


def _mistakes(*tables):
    """Known mistakes from tables, hint -> name -> function that makes it, or several of either."""
    return tuple(
        Mistake(name, make, (hints,) if isinstance(hints, str) else hints)
        for table in tables
        for hints, named in table.items()
        for name, makes in named.items()
        for make in (makes if isinstance(makes, list) else [makes])
    )


def _swap(a):
    return a.swapaxes(-1, -2)


def _flip(w):
    return w[..., ::-1, ::-1]


def _zero(*parts):
    """A function that puts zeros into some parts of a copy."""

    def change(a):
        a = a.copy()
        for part in parts:
            a[part] = 0
        return a

    return change


def _first(a, axis=0):
    """An array whose parts along an axis are all the first one."""
    return np.broadcast_to(a.take([0], axis), a.shape)


def _forced(a):
    """The array (N, C, H, W) when a.reshape(N, H, W, C) was meant to move its channels."""
    return np.moveaxis(a.reshape(len(a), *a.shape[2:], -1), -1, 1)


def _square(w):
    if w.shape[2] != w.shape[3]:
        raise ValueError("shapes do not match")
    return w


def _pad(x, before, after, **how):
    return np.pad(x, ((0, 0), (0, 0), (before, after), (before, after)), **how)


def _late(x, images, channels):
    """What stands at (n, c) when so many images and channels of zeros come before."""
    padded = np.pad(x, ((images, 0), (channels, 0), (0, 0), (0, 0)))
    return padded[: x.shape[0], : x.shape[1]]


# --- task 1: output shape ------------------------------------------------------------------------


def _output_shape(image, kernel, stride, padding):
    return shapes.output_shape(image, kernel, (stride, stride), (padding, padding))


def _by(formula, axes):
    """The output shape when `formula(size, kernel, stride, padding)` is used on some axes."""

    def make(image, kernel, *steps):
        sizes = enumerate(zip(_output_shape(image, kernel, *steps), image, kernel, strict=True))
        return tuple(formula(i, k, *steps) if a in axes else right for a, (right, i, k) in sizes)

    return make


def _on_axes(table):
    """Mistakes in the formula, each made on both axes or on one."""
    where = {"": (0, 1), ", for the height": (0,), ", for the width": (1,)}
    return {
        hint: {name + on: _by(f, where[on]) for name, f in formulas.items() for on in where}
        for hint, formulas in table.items()
    }


def _sides(choose):
    """The right formula for (H, W) and (KH, KW) that `choose` puts together anew."""

    def make(image, kernel, stride, padding):
        sizes = zip(*choose(image, kernel), strict=True)
        return tuple((size + 2 * padding - k) // stride + 1 for size, k in sizes)

    return make


def explain_shape(h, w, kh, kw, stride, padding):
    return (
        f"height {shapes.explain_output_size(h, kh, stride, padding)}; "
        f"width {shapes.explain_output_size(w, kw, stride, padding)}"
    )


FORMULAS = {
    "A window that does not fit completely does not count.": {
        "the quotient is rounded up": lambda i, k, s, p: -(-(i + 2 * p - k) // s) + 1,
        "the quotient is rounded to the nearest": lambda i, k, s, p: round((i + 2 * p - k) / s) + 1,
    },
    "Padding is added on the left and on the right, at the top and at the bottom.": {
        "padding is counted at one end only": lambda i, k, s, p: (i + p - k) // s + 1,
        "padding is ignored": lambda i, k, s, p: (i - k) // s + 1,
        "padding is computed from the kernel": lambda i, k, s, p: (i - 2 + k % 2) // s + 1,
    },
    "Count the steps first, then the place where you started.": {
        "the final + 1 is missing": lambda i, k, s, p: (i + 2 * p - k) // s,
        "the + 1 is added before dividing": lambda i, k, s, p: (i + 2 * p - k + 1) // s,
    },
    "How far does the window move in one step? What stands over the stride?": {
        "the stride is ignored": lambda i, k, s, p: i + 2 * p - k + 1,
        "the size of the kernel is ignored": lambda i, k, s, p: -(-(i + 2 * p) // s),
        "an even kernel is taken for an odd one": lambda i, k, s, p: (i + 2 * p - (k | 1)) // s + 1,
        "only the kernel is divided by the stride": lambda i, k, s, p: i + 2 * p - k // s + 1,
        "the padding is not divided by the stride": lambda i, k, s, p: (i - k) // s + 2 * p + 1,
    },
}
SIDES = {
    "Which comes first in (H, W)?": {
        "height and width are swapped": lambda *a: _output_shape(*a)[::-1],
        "KH and KW are swapped": [
            _sides(lambda image, kernel: (image, kernel[::-1])),
            lambda image, kernel, *steps: _output_shape(image, kernel[::-1], *steps),
        ],
    },
    "Neither images nor kernels need be square.": {
        "the height of the kernel is used for both axes": _sides(lambda i, k: (i, k[:1] * 2)),
        "the width of the kernel is used for both axes": _sides(lambda i, k: (i, k[1:] * 2)),
        "the height of the image is used for both axes": _sides(lambda i, k: (i[:1] * 2, k)),
        "the width of the image is used for both axes": _sides(lambda i, k: (i[1:] * 2, k)),
        "the larger side of the kernel is used for both": _sides(lambda i, k: (i, [max(k)] * 2)),
    },
    "The order of the parameters stands in the first line.": {
        "stride and padding are swapped": lambda i, k, s, p: _output_shape(i, k, p, s),
    },
}
output_shape = Oracle(_output_shape, mistakes=_mistakes(_on_axes(FORMULAS), SIDES))

REFUSALS = {
    "a window that just fits is refused": lambda i, k, p: k >= i + 2 * p,
    "the error forgets the padding": lambda i, k, p: k > i,
    "the error counts the padding at one end only": lambda i, k, p: k > i + p,
}


def refused(task, function, cases):
    """Which mistaken condition raises the errors of `function` where all windows fit, or ""."""
    raised = [isinstance(run.error, ValueError) for run in task.runs(function, cases)]
    if not any(raised) or all(raised):
        return ""
    for name, is_bad in REFUSALS.items():
        sizes = [(zip(image, kernel, strict=True), p) for image, kernel, _, p in cases]
        if raised == [any(is_bad(i, k, p) for i, k in pairs) for pairs, p in sizes]:
            return name
    return "some windows that fit are refused"


# --- what several tasks share --------------------------------------------------------------------


OF_X = {"batch": ("x",), "extreme": ("x",), "dtype_of": "x"}
OF_COLUMNS = {"batch": ("columns",), "extreme": ("columns",), "dtype_of": "columns"}


def _conv(x, w, b, stride=1, padding=0):
    return np.ascontiguousarray(F.conv2d(x, w, b, stride, padding)[0])


def _given(right, images=lambda x: x, kernels=lambda w: w, biases=lambda w, b: b):
    """The right function of other arguments."""
    return lambda x, w, b, *a: right(images(x), kernels(w), biases(w, b), *a)


def _sums(right, windows=True):
    """Mistakes of functions of (x, w, b, …), with windows or pixels, returning (N, F, …, …)."""
    given = partial(_given, right)

    def made(change):
        return lambda *a: change(right(*a))

    def shaped(change):
        return made(lambda y: change(y).reshape(y.shape))

    def plus(change):
        return lambda x, w, b, *a: change(right(x, w, 0 * b, *a), b)

    def turned(y):
        return y.reshape(*y.shape[:2], *y.shape[:1:-1])

    of_windows = {
        "Which pixel does w[f, c, 0, 0] meet: the first of the window, or the last?": {
            "the kernel is flipped: that is true convolution": given(kernels=_flip),
            "the kernel is flipped left to right": given(kernels=lambda w: w[..., ::-1]),
            "the kernel is flipped upside down": given(kernels=lambda w: w[:, :, ::-1]),
            "reshape was used to move the channels of the kernel": given(kernels=_forced),
        },
        ("b[f] is added once, to the sum of all the products.", "+= or =?"): {
            "the bias is added once per kernel element": given(biases=lambda w, b: w[0].size * b),
            "the bias is added once per (p, q)": given(biases=lambda w, b: w[0, 0].size * b),
            "only the last term is left": given(
                kernels=_zero(S[:, :-1], S[:, :, :-1], S[..., :-1])
            ),
            "the window is averaged, not summed": [
                given(kernels=lambda w: w / w[0].size),
                given(kernels=lambda w: w / w[0, 0].size),
            ],
        },
    }
    return (of_windows if windows else {}) | {
        "How often does b[f] stand in the formula of one output, and with which sign?": {
            "the bias is not added": given(biases=lambda w, b: 0 * b),
            "the bias is subtracted": given(biases=lambda w, b: -b),
            "the bias is added once per channel": given(biases=lambda w, b: w.shape[1] * b),
            "every sum has lost its sign": plus(lambda y, b: np.abs(y) + b[:, None, None]),
            "the bias is a factor": plus(lambda y, b: y * b[:, None, None]),
            "the bias is added along the width": plus(lambda y, b: y + b),
            "the bias is added along the batch": plus(lambda y, b: y + b[:, None, None, None]),
            "b[0] is added for every filter": given(biases=lambda w, b: _first(b)),
            "b is indexed by the channel": given(biases=lambda w, b: b[w.shape[1] - 1] + 0 * b),
        },
        ("The sum runs over all channels, and nothing divides it.", "+= or =?"): {
            "only the first channel is used": given(kernels=_zero(S[:, 1:])),
            "only the last channel is used": given(kernels=_zero(S[:, :-1])),
            "w[:, 0] is used for every channel": given(kernels=lambda w: _first(w, 1)),
            "the sum is divided by the number of channels": given(kernels=lambda w: w / w.shape[1]),
        },
        "There are N images, F filters, HO rows and WO columns. Where does the `return` stand?": {
            "the first image is used for the whole batch": given(_first),
            "the kernel of the first filter is used for all": given(kernels=_first),
            "only the first image of the batch is done": made(_zero(S[1:])),
            "only the last image of the batch is done": made(_zero(S[:-1])),
            "only the first filter of the first image is done": made(_zero(S[1:], S[:, 1:])),
            "all images are written to y[0]": lambda x, *a: _zero(S[1:])(right(x[::-1], *a)),
            "the last image is left out": made(_zero(S[-1:])),
            "the first image is left out": made(_zero(S[:1])),
            "the last filter is left out": made(_zero(S[:, -1:])),
            "the last row and the last column are left out": made(_zero(S[:, :, -1:], S[..., -1:])),
            "the last row is left out": made(_zero(S[:, :, -1:])),
            "HO and WO are one too small": made(lambda y: y[:, :, :-1, :-1]),
        },
        "The result is indexed (N, F, height, width). What does np.tensordot put first?": {
            "images and filters are swapped": [
                made(lambda y: y.swapaxes(0, 1)),
                plus(lambda y, b: y.swapaxes(0, 1) + b[:, None, None]),
            ],
            "the filters come last": made(lambda y: np.moveaxis(y, 1, -1)),
            "rows and columns of the result are swapped": made(_swap),
            "axes of length 1 are dropped": made(np.squeeze),
        },
        ("reshape keeps the order of the numbers in memory; transpose moves axes.", ROWS): {
            "height and width are swapped in the reshape": made(turned),
            "the pixels run down the columns": [shaped(_swap), made(lambda y: _swap(turned(y)))],
            "the pixels are not put into rows": made(lambda y: y.reshape(*y.shape[:2], -1)),
            "images and filters are mixed up by a reshape": shaped(lambda y: y.swapaxes(0, 1)),
            "reshape was used to move the filters": shaped(lambda y: np.moveaxis(y, 1, -1)),
            "reshape was used to transpose the weights": given(
                kernels=lambda w: w.reshape(-1, len(w)).T.reshape(w.shape)
            ),
        },
    }


def _overhang(x, size, stride, padding, axes):
    """The padded images, with zeros for windows that hang over the end of some axes."""
    x = _pad(x, padding, padding)
    more = [(0, -(x.shape[a] - size[a - 2]) % stride if a in axes else 0) for a in (2, 3)]
    return np.pad(x, [(0, 0), (0, 0), *more])


def _one(x, padding):
    """Images that can be added up over padded channels, which takes a kernel of one channel."""
    if padding and x.shape[1] > 1:
        raise ValueError("as many channels as the padding makes do not match those of the kernel")
    return x


def _windows(right, size):
    """Mistakes of functions of (x, a, b, stride, padding), whose windows have `size(a, b)`."""

    def bordered(change):
        return lambda x, a, b, stride=1, padding=0: right(change(x, padding), a, b, stride)

    def border(before, after, **how):
        return bordered(lambda x, p: _pad(x, before * p, after * p, **how))

    def steps(change):
        return lambda x, a, b, s=1, p=0: right(x, a, b, *change(s, p, *size(a, b)))

    def hanging(*axes):
        return lambda x, a, b, s=1, p=0: right(_overhang(x, size(a, b), s, p, axes), a, b, s)

    return {
        "np.pad takes a pair (before, after) for each axis: which axes have a border?": {
            "padding is added at the top and left only": border(1, 0),
            "padding is added at the bottom and right only": [border(0, 1), border(0, 2)],
            "the windows begin 2·padding above and left of the image, not padding": border(2, 0),
            "twice as much padding as asked for is added on each side": border(2, 2),
            "the channels are padded, too": bordered(lambda x, p: _pad(_late(x, 0, p), p, p)),
            "images and channels are padded, too": [
                bordered(np.pad),
                bordered(lambda x, p: _pad(_late(x, p, p), p, p)),
                bordered(lambda x, p: _pad(_late(_one(x, p), p, 0), p, p)),
                bordered(lambda x, p: np.pad(_one(x, p), ((p, p), (0, 0), (p, p), (p, p)))),
            ],
        },
        "Where does `padding` enter your code? Which mode does np.pad use by default?": {
            "the border holds copies of the edge, not zeros": border(1, 1, mode="edge"),
            "the border holds a mirror image, not zeros": border(1, 1, mode="reflect"),
            "the border holds ones, not zeros": border(1, 1, constant_values=1),
            "padding is ignored": steps(lambda s, p, kh, kw: (s, 0)),
            "padding is computed from the kernel": [
                steps(lambda s, p, kh, kw: (s, ((kh - 1) // 2, (kw - 1) // 2))),
                steps(lambda s, p, kh, kw: (s, (kh - 1) // 2)),
            ],
        },
        "Output (i, j) looks at the window that starts at (i · stride, j · stride).": {
            "stride is ignored": steps(lambda s, p, kh, kw: (1, p)),
            "the stride is used for the rows only": steps(lambda s, p, kh, kw: ((s, 1), p)),
            "the stride is used for the columns only": steps(lambda s, p, kh, kw: ((1, s), p)),
        },
        "A window that does not fit completely does not count.": {
            "windows that hang over the bottom and the right end are counted": hanging(2, 3),
            "windows that hang over the bottom are counted": hanging(2),
            "windows that hang over the right end are counted": hanging(3),
        },
        "The parameters, their order and their defaults stand in the first line.": {
            "the default of stride is not 1": lambda x, a, b, s=2, p=0: right(x, a, b, s, p),
            "the default of padding is not 0": lambda x, a, b, s=1, p=1: right(x, a, b, s, p),
            "stride and padding are swapped": lambda x, a, b, p=0, s=1: right(x, a, b, s, p),
        },
    }


# --- task 2: forward -----------------------------------------------------------------------------


def _mistaken_width(image, kernel, strict):
    """As wide as if axes `image` of x and `kernel` of w were widths; strict: no broadcasting."""

    def make(x, w, b, stride=1, padding=0):
        wide = (x.shape[image] + 2 * padding - w.shape[kernel]) // stride + 1
        y, padded = _conv(x, w, b, stride, padding), _pad(x, padding, padding)
        rest = [padded[..., j * stride :] for j in range(y.shape[3], wide)]
        if wide < 0 or any(strict or 1 not in (part.shape[3], w.shape[3]) for part in rest):
            raise ValueError("a window without all of its columns")
        narrow = w.sum(3, keepdims=True)
        more = [_conv(part.sum(3, keepdims=True), narrow, b, stride) for part in rest]
        return np.concatenate([y[..., :wide], *more], axis=3)

    return make


def _transposed(x, w, b, *steps):
    """Each window times the transposed kernel, where NumPy can multiply them."""
    if 1 in w.shape[2:] and w.shape[2] != w.shape[3]:
        return _conv(x, np.broadcast_to(w.sum((2, 3), keepdims=True), w.shape), b, *steps)
    return _conv(x, _swap(_square(w)), b, *steps)


def _small_steps(rows, columns):
    """The right number of outputs, but the window moves by one pixel on the axes that say so."""

    def make(x, w, b, stride=1, padding=0):
        steps = (1 if rows else stride, 1 if columns else stride)
        high, wide = _conv(x, w, b, stride, padding).shape[2:]
        return _conv(x, w, b, steps, padding)[:, :, :high, :wide]

    return make


def _explain_conv(x, w, b, stride=1, padding=0):
    (n, _, *size), (f, _, *kernel) = x.shape, w.shape
    sizes = explain_shape(*size, *kernel, stride, padding)
    return f"(N, F, HO, WO) with N = {n}, F = {f}, {sizes}"


FORWARD = {
    "Which index of w runs down, and which across?": {
        "the kernel is transposed": [
            _transposed,
            lambda x, w, *a: _conv(x, _swap(w), *a),
            lambda x, w, *a: _conv(x, _swap(_square(w)), *a),
        ],
    },
    "Neither images nor kernels need be square: HO comes from H and KH, WO from W and KW.": {
        "H is used for W, too": [_mistaken_width(2, 3, strict) for strict in (False, True)],
        "KH is used for KW, too": [_mistaken_width(3, 2, strict) for strict in (False, True)],
    },
    "Output (i, j) looks at the window that starts at (i · stride, j · stride).": {
        "the window moves by one pixel, whatever the stride": _small_steps(True, True),
        "the stride is used for the rows only": _small_steps(False, True),
        "the stride is used for the columns only": _small_steps(True, False),
    },
}
conv2d = Oracle(
    _conv,
    _mistakes(_sums(_conv), FORWARD, _windows(_conv, lambda w, b: w.shape[2:])),
    **OF_X,
    explain_shape=_explain_conv,
)


# --- task 3: pointwise ---------------------------------------------------------------------------


def _pointwise(x, w, b):
    return _conv(x, w[:, :, None, None], b)


def _gathered(x, w, b):
    """The maps (F, N, H, W) when x.reshape(C, -1) was meant to bring all pixels together."""
    return _pointwise(x.reshape(1, x.shape[1], 1, -1), w, b).reshape(len(w), len(x), *x.shape[2:])


def _scattered(x, w, b):
    """The maps (N, H, W, F) when x.reshape(-1, C) was meant to move the channels to the end."""
    return np.moveaxis(_pointwise(_forced(x), w, b), 1, -1)


PIXELS = {
    "reshape keeps the order of the numbers in memory; transpose moves axes.": {
        "x.reshape(C, …) was used to bring the channels to the front": [
            lambda *a: _gathered(*a).swapaxes(0, 1),
            lambda *a: _gathered(*a).reshape(_pointwise(*a).shape),
        ],
        "x.reshape(…, C) was used to move the channels to the end": [
            lambda *a: np.moveaxis(_scattered(*a), -1, 1),
            lambda *a: _scattered(*a).reshape(_pointwise(*a).shape),
        ],
    },
}
pointwise = Oracle(
    _pointwise,
    _mistakes(_sums(_pointwise, windows=False), PIXELS),
    **OF_X,
    explain_shape=lambda x, w, b: f"(N, F, H, W) = {(len(x), len(w), *x.shape[2:])}",
)


# --- task 4: im2col ------------------------------------------------------------------------------


def _columns(x, KH, KW, stride=1, padding=0):
    """Columns read off a convolution with one kernel per element of the window."""
    n, c = x.shape[:2]
    eye = np.eye(c * KH * KW, dtype=x.dtype).reshape(-1, c, KH, KW)
    return _conv(x, eye, None, stride, padding).reshape(n, c * KH * KW, -1)


def _blocks(x, kh, kw, stride=1, padding=0):
    """The columns as (N, C, KH, KW, HO, WO)."""
    high, wide = _output_shape(x.shape[2:], (kh, kw), stride, padding)
    return _columns(x, kh, kw, stride, padding).reshape(*x.shape[:2], kh, kw, high, wide)


def _laid(change):
    """What `change` makes of the blocks, put together as (N, C·KH·KW, places)."""
    return lambda x, kh, kw, *steps: change(_blocks(x, kh, kw, *steps)).reshape(
        len(x), x.shape[1] * kh * kw, -1
    )


def _orders():
    """Name -> the columns with rows, or places, in another order."""
    named = {}
    for rows, down in itertools.product(itertools.permutations("cpq"), (False, True)):
        parts = [f"the rows run over ({', '.join(rows)})"] if "".join(rows) != "cpq" else []
        parts += ["the places run down the columns of the output"] * down
        axes = 0, *(1 + "cpq".index(row) for row in rows), *((5, 4) if down else (4, 5))
        if parts:
            named[", and ".join(parts)] = _laid(lambda a, axes=axes: a.transpose(axes))
    return named


UNROLLED = {
    "In memory, w[f] runs over channels slowest and KW fastest; outputs run along rows.": _orders(),
    "reshape keeps the order of the numbers in memory: which axes come first, which last?": {
        "the window view is reshaped as it is": _laid(lambda a: a.transpose(0, 1, 4, 5, 2, 3)),
        "windows in rows are reshaped to columns": _laid(lambda a: a.transpose(0, 4, 5, 1, 2, 3)),
        "images and rows are mixed up by a reshape": _laid(lambda a: a.transpose(1, 2, 3, 0, 4, 5)),
    },
    "One matrix for each image, with one column for each place of the window.": {
        "rows and columns of the matrix are swapped": lambda *a: _swap(_columns(*a)),
        "all images lie side by side in one matrix": [
            lambda *a: np.concatenate(_columns(*a), axis=1),
            lambda *a: np.concatenate(np.moveaxis(_columns(*a), 0, 2).swapaxes(0, 1), axis=1),
        ],
        "the six axes are not put together": _blocks,
        "the channels stay apart": lambda *a: _blocks(*a).reshape(*a[0].shape[:2], a[1] * a[2], -1),
    },
    "Row (c, p, q) holds pixel (p, q) of each window, counted from its top left.": {
        "the window is flipped": _laid(lambda a: a[:, :, ::-1, ::-1]),
        "the window is flipped left to right": _laid(lambda a: a[:, :, :, ::-1]),
    },
    "How many places does a window have that is as large as the image?": {
        "HO and WO are one too small": _laid(lambda a: a[..., :-1, :-1]),
        "HO is one too small": _laid(lambda a: a[..., :-1, :]),
    },
    "KH is the height of the window, KW its width; every image and channel has its own.": {
        "KH and KW are swapped": lambda x, kh, kw, *steps: _columns(x, kw, kh, *steps),
        "KH is used for KW, too": lambda x, kh, kw, *steps: _columns(x, kh, kh, *steps),
        "the first channel is used for all": lambda x, *a: _columns(_first(x, 1), *a),
        "the first image is used for all": lambda x, *a: _columns(_first(x), *a),
    },
}
im2col = Oracle(
    _columns,
    _mistakes(_windows(_columns, lambda kh, kw: (kh, kw)), UNROLLED),
    **OF_X,
    explain_shape=lambda x, KH, KW, stride=1, padding=0: (
        f"(N, C·KH·KW, HO·WO) = ({x.shape[0]}, {x.shape[1]}·{KH}·{KW}, HO·WO), "
        f"{explain_shape(*x.shape[2:], KH, KW, stride, padding)}"
    ),
)


def race(task, function, limit, tries=5):
    """How many times as long as a whole convolution of the library a student's im2col takes.

    Other work on the machine only ever adds time: the shortest of several counts, and a ratio below
    `limit` needs no second try. Every try has images of its own, and its result must be right.
    """
    rng, library, mine = task.rng(), [], []
    for _ in range(tries):
        x, w, b = sample(rng, n=3, c=2, h=36, w=32, f=8, kh=7, kw=7)
        for _ in range(tries):
            _timed(library, _conv)(x, w, b)
        runs = task.runs(_timed(mine, function), [(x, 7, 7)])
        runs.function = function  # whose results they are
        task.compare_all(runs, im2col)
        if min(mine) < limit * min(library):
            break
    return min(mine) / min(library)


def _timed(seconds, function):
    """A function that does the same, and notes how long it took."""

    def call(*args):
        start = time.perf_counter()
        value = function(*args)
        seconds.append(time.perf_counter() - start)
        return value

    return call


# --- task 5: from columns ------------------------------------------------------------------------


def _product(columns, w, b, HO, WO):
    y = _pointwise(columns[:, :, None], w.reshape(len(w), -1), b)
    return y.reshape(len(columns), len(w), HO, WO)


def _ungathered(columns, w, b, HO, WO):
    """The maps (F, N, HO, WO) as if reshape brought the rows of all images together."""
    n, k, all_places = columns.shape
    return _product(columns.reshape(1, k, n * all_places), w, b, n * HO, WO).reshape(-1, n, HO, WO)


PRODUCT = {
    "reshape keeps the order of the numbers in memory; transpose moves axes.": {
        "reshape was used where axes of the columns should move": [
            lambda *a: _ungathered(*a).swapaxes(0, 1),
            lambda *a: _ungathered(*a).reshape(_product(*a).shape),
            lambda columns, *a: _product(_swap(columns.reshape(_swap(columns).shape)), *a),
        ],
    },
    "The rows run over (c, p, q), q fastest: which reshape of w does so?": {
        "the kernels are laid out in another order than the rows of the columns": [
            lambda columns, w, *a, axes=axes: _product(columns, w.transpose(0, *axes), *a)
            for axes in itertools.permutations((1, 2, 3))
            if axes != (1, 2, 3)
        ],
    },
}
from_columns = Oracle(
    _product,
    _mistakes(_sums(_product), PRODUCT),
    **OF_COLUMNS,
    explain_shape=lambda columns, w, b, *size: f"(N, F, HO, WO) = {(len(columns), len(w), *size)}",
)


def product_cases(rng, sizes):
    """Arguments (columns, w, b, HO, WO) for each of some sizes."""
    drawn = [sample(rng, **size) for size in sizes]
    return [(_columns(x, *w.shape[2:], 1, 1), w, b, *places(x, w, 1, 1)) for x, w, b in drawn]


# --- task 6: backward ----------------------------------------------------------------------------


def _backward(dy, x, w, stride=1, padding=0):
    cache = F.conv2d(x, w, w[:, 0, 0, 0], stride, padding)[1]
    return tuple(map(np.ascontiguousarray, F.conv2d_backward(dy, cache)))


def _with(which, change):
    """The right gradients, with number `which` replaced by `change(dy, x, w, stride, padding)`."""

    def make(dy, x, w, stride=1, padding=0):
        right = _backward(dy, x, w, stride, padding)
        return *right[:which], change(dy, x, w, stride, padding), *right[which + 1 :]

    return make


def _in_each(table):
    """Mistakes made in dx, in dw or in db, from functions that make them in all three."""
    return {
        hint: {
            f"in {output}, {name}": _with(which, lambda *a, f=f, which=which: f(*a)[which])
            for name, f in named.items()
            for which, output in enumerate(("dx", "dw", "db"))
        }
        for hint, named in table.items()
    }


def _without(*parts):
    """The gradients when parts of dy are left out."""
    return lambda dy, *others: _backward(_zero(*parts)(dy), *others)


def _over(number):
    return lambda dy, *others: tuple(g / number(dy) for g in _backward(dy, *others))


def _dx(kernels):
    """The right gradients, but for dx with other kernels."""
    return _with(0, lambda dy, x, w, *steps: _backward(dy, x, kernels(w), *steps)[0])


def _cut(change):
    """dx as `change(padded dx, H, W, padding)` cuts it out."""

    def cut(dy, x, w, stride, padding):
        padded = _backward(dy, _pad(x, padding, padding), w, stride, 0)[0]
        return change(padded, *x.shape[2:], padding)

    return _with(0, cut)


def _reached(dy, x, w, stride, padding):
    """dx as far as the last windows reach."""
    sizes = zip(dy.shape[2:], w.shape[2:], strict=True)
    high, wide = (max(0, (count - 1) * stride + k - padding) for count, k in sizes)
    return _backward(dy, x, w, stride, padding)[0][:, :, :high, :wide]


def _overwritten(shares):
    """dx when one share after the other replaces what is there; a share masks dy and w."""

    def change(dy, x, w, *steps):
        dx = np.zeros_like(x)
        for of_dy, of_w in shares(dy, w):
            seen = _backward(of_dy, x, of_w, *steps)[0] != 0
            dx[seen] = _backward(of_dy * dy, x, of_w * w, *steps)[0][seen]
        return dx

    return _with(0, change)


def _ones(a, first=0):
    """Ones in one place of the last two axes after the other, from filter `first` on."""
    for i, j in np.ndindex(a.shape[2:]):
        ones = np.zeros_like(a)
        ones[:, first:, i, j] = 1
        yield ones


def _apart(which, rows, columns):
    """A gradient whose windows are one pixel apart on the axes that say so."""

    def change(dy, x, w, stride, padding):
        steps = (1 if rows else stride, 1 if columns else stride)
        crowded = np.zeros(_conv(x, w, None, steps, padding).shape, dy.dtype)
        crowded[:, :, : dy.shape[2], : dy.shape[3]] = dy
        return _backward(crowded, x, w, steps, padding)[which]

    return change


GRADIENTS = {
    ("A pixel that several windows see gets a share from each of them.", "+= or =?"): {
        "windows that overlap overwrite each other in dx": [
            _overwritten(lambda dy, w: ((ones, np.ones_like(w)) for ones in _ones(dy))),
            _overwritten(lambda dy, w: ((ones, np.ones_like(w)) for ones in _ones(dy, -1))),
        ],
        "the shares of the kernel positions overwrite each other in dx": _overwritten(
            lambda dy, w: ((np.ones_like(dy), ones) for ones in _ones(w))
        ),
    },
    "Output (i, j) came from the window that starts at (i · stride, j · stride).": {
        f"the windows of {output} are one pixel apart{words}, whatever the stride": _with(
            which, _apart(which, *axes)
        )
        for which, output in enumerate(("dx", "dw"))
        for words, axes in {"": (1, 1), " along a row": (0, 1), " along a column": (1, 0)}.items()
    },
    ("The first pixel of x is at row and column `padding` of the padded x.", "What is x[0:-0]?"): {
        "dx[..., p:-p] is empty for padding 0": _cut(lambda a, h, w, p: a[..., p:-p, p:-p]),
        "dx still has the padding around it": _cut(lambda a, h, w, p: a),
        "dx is cut at the bottom and right only": _cut(lambda a, h, w, p: a[..., :h, :w]),
        "dx is cut at the top and left only": _cut(lambda a, h, w, p: a[..., 2 * p :, 2 * p :]),
        "dx ends at row H and column W of the padded x": _cut(lambda a, h, w, p: a[..., p:h, p:w]),
        "dx ends where the last windows end": _with(0, _reached),
    },
    "Pixel (i·stride + p, j·stride + q) met w[f, c, p, q] on the way forward.": {
        "the kernel is the wrong way round in dx": _dx(_flip),
        "the kernel is flipped left to right in dx": _dx(lambda w: w[..., ::-1]),
        "the kernel is flipped upside down in dx": _dx(lambda w: w[:, :, ::-1]),
        "the kernel is transposed in dx": _dx(lambda w: _swap(_square(w))),
        "the kernel of the first filter is used for all in dx": _dx(_first),
        "dw is flipped": _with(1, lambda *a: _flip(_backward(*a)[1])),
        "dw is indexed (C, F, KH, KW)": _with(1, lambda *a: _backward(*a)[1].swapaxes(0, 1)),
    },
    "db has the shape of b: one number per filter, summed over images and places.": {
        "db is summed over the batch only": _with(2, lambda dy, *a: dy.sum(0)),
        "db is not summed over the batch": _with(2, lambda dy, *a: dy.sum((2, 3))),
        "db is summed over filters, not images": _with(2, lambda dy, *a: dy.sum((1, 2, 3))),
        "db has axes of length 1 left": [
            _with(2, lambda *a: _backward(*a)[2].reshape(1, -1, 1, 1)),
            _with(2, lambda *a: _backward(*a)[2][:, None]),
        ],
    },
}
SHARES = {
    "Every gradient has the shape of what it belongs to.": {
        "axes of length 1 are dropped": lambda *a: tuple(map(np.squeeze, _backward(*a))),
    },
    "The mean is taken in the loss, once; its 1/N is in dy already.": {
        "the sum is divided by the number of images": _over(len),
        "the sum is divided by the number of places": _over(lambda dy: dy[0, 0].size),
        "a mean over images and places is taken": _over(lambda dy: dy[:, 0].size),
    },
    ("Every image, every filter and every place counts.", "+= or =? Where is the `return`?"): {
        "only the first image counts": _without(S[1:]),
        "only the last image counts": _without(S[:-1]),
        "the last image is left out": _without(S[-1:]),
        "only the first filter counts": _without(S[:, 1:]),
        "only the last filter counts": _without(S[:, :-1]),
        "the last filter is left out": _without(S[:, -1:]),
        "the last row and column of places are left out": _without(S[:, :, -1:], S[..., -1:]),
        "only the last place counts": _without(S[:-1], S[:, :, :-1], S[..., :-1]),
    },
}
backward = Oracle(
    _backward,
    _mistakes(GRADIENTS, _in_each(SHARES)),
    batch=("dy", "x"),
    extreme=("dy",),
    dtype_of="x",
    outputs=("dx", "dw", "db"),
)
