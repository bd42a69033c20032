"""References and known mistakes behind the checks of assignment a02.

Each mistake is the right function given wrong arguments, or its result put wrongly together, so
that a check can say "it looks as if ...". Nothing here is written the way the tasks ask for.
"""

import math
import time

import numpy as np
from a02_samples import places, sample

from convnets import functional as F
from convnets import shapes
from coursekit import Mistake, Oracle


def _c_ordered(*arrays):
    return tuple(np.ascontiguousarray(a) for a in arrays)


def _flip(w):
    return w[:, :, ::-1, ::-1]


def _swap(a):
    return a.swapaxes(-1, -2)


# --- task 1: output shape ------------------------------------------------------------------------


def _output_shape(image, kernel, stride, padding):
    return shapes.output_shape(image, kernel, (stride, stride), (padding, padding))


def _by(formula, axes=(0, 1)):
    """The output shape when `formula(size, kernel, stride, padding)` is used on some axes."""

    def make(image, kernel, stride, padding):
        right = _output_shape(image, kernel, stride, padding)
        return tuple(
            formula(image[axis], kernel[axis], stride, padding) if axis in axes else right[axis]
            for axis in (0, 1)
        )

    return make


def _slips(name, formula, hint):
    """A mistake in the formula, made on both axes or on one."""
    where = (("", (0, 1)), (", for the height", (0,)), (", for the width", (1,)))
    return (Mistake(name + words, _by(formula, axes), (hint,)) for words, axes in where)


def explain_shape(h, w, kh, kw, stride, padding):
    return (
        f"height {shapes.explain_output_size(h, kh, stride, padding)}; "
        f"width {shapes.explain_output_size(w, kw, stride, padding)}"
    )


output_shape = Oracle(
    _output_shape,
    mistakes=(
        *_slips(
            "the quotient is rounded up",
            lambda i, k, s, p: -(-(i + 2 * p - k) // s) + 1,
            "A window that does not fit completely does not count.",
        ),
        *_slips(
            "the final + 1 is missing",
            lambda i, k, s, p: (i + 2 * p - k) // s,
            "How many places does a window have that is as large as the image?",
        ),
        *_slips(
            "padding is counted at one end only",
            lambda i, k, s, p: (i + p - k) // s + 1,
            "Padding is added on the left and on the right, at the top and at the bottom.",
        ),
        *_slips(
            "padding is ignored",
            lambda i, k, s, p: (i - k) // s + 1,
            "Padding is added on the left and on the right, at the top and at the bottom.",
        ),
        *_slips(
            "the + 1 is added before dividing",
            lambda i, k, s, p: (i + 2 * p - k + 1) // s,
            "Count the steps first, then the place where you started.",
        ),
        *_slips(
            "the stride is ignored",
            lambda i, k, s, p: i + 2 * p - k + 1,
            "How far does the window move in one step?",
        ),
        Mistake(
            "height and width are swapped",
            lambda *a: _output_shape(*a)[::-1],
            ("Which comes first in (H, W)?",),
        ),
        Mistake(
            "the height of the kernel is used for both axes",
            lambda i, k, s, p: tuple((size + 2 * p - k[0]) // s + 1 for size in i),
            ("Kernels need not be square.",),
        ),
        Mistake(
            "the height of the image is used for both axes",
            lambda i, k, s, p: tuple((i[0] + 2 * p - size) // s + 1 for size in k),
            ("Images need not be square.",),
        ),
    ),
)


# --- task 2: forward -----------------------------------------------------------------------------


def _conv(x, w, b, stride=1, padding=0):
    return np.ascontiguousarray(F.conv2d(x, w, b, stride, padding)[0])


def _one_sided(share):
    """All the padding, or half of it (share 2 or 1), at the top and left."""

    def make(x, w, b, stride=1, padding=0):
        ends = ((0, 0), (0, 0), (share * padding, 0), (share * padding, 0))
        return _conv(np.pad(x, ends), w, b, stride, 0)

    return make


def _mistaken_width(of_image, of_kernel):
    """The output as wide as if the image, or the kernel, were as wide as it is high."""

    def make(x, w, b, stride=1, padding=0):
        image = x.shape[2] if of_image else x.shape[3]
        kernel = w.shape[2] if of_kernel else w.shape[3]
        wide = (image + 2 * padding - kernel) // stride + 1
        y = _conv(x, w, b, stride, padding)
        more = wide - y.shape[3]
        if wide < 0 or (more > 0 and w.shape[3] > 1):
            raise ValueError("wider than the right output")
        if more > 0:  # windows of one column, of which nothing is left, add up to nothing
            empty = np.broadcast_to(b[:, None, None], (*y.shape[:3], more))
            return np.concatenate([y, empty], axis=3)
        return y[:, :, :, :wide]

    return make


def _transposed(x, w, b, *steps):
    """Each window times the transposed kernel, where numpy can multiply them."""
    high, wide = w.shape[2:]
    if high == wide:
        return _conv(x, _swap(w), b, *steps)
    if 1 not in (high, wide):
        raise ValueError("shapes do not match")
    return _conv(x, np.broadcast_to(w.sum((2, 3), keepdims=True), w.shape), b, *steps)


def _channels_moved(x, w, b, stride=1, padding=0):
    padded = np.pad(x, ((0, 0), (padding, 0), (0, 0), (0, 0)))
    return _conv(padded[:, : x.shape[1]], w, b, stride, padding)


def _small_steps(rows, columns):
    """The right number of outputs, but the window moves by one pixel on the axes that say so."""

    def make(x, w, b, stride=1, padding=0):
        steps = (1 if rows else stride, 1 if columns else stride)
        high, wide = _conv(x, w, b, stride, padding).shape[2:]
        return _conv(x, w, b, steps, padding)[:, :, :high, :wide]

    return make


def _edge_padded(x, w, b, stride=1, padding=0):
    ends = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    return _conv(np.pad(x, ends, mode="edge"), w, b, stride, 0)


def _last_left_out(x, w, b, stride=1, padding=0):
    y = _conv(x, w, b, stride, padding)
    y[:, :, -1, :] = 0
    y[:, :, :, -1] = 0
    return y


def _only_first_image(x, w, b, stride=1, padding=0):
    y = _conv(x, w, b, stride, padding)
    y[1:] = 0
    return y


def _explain_conv(x, w, b, stride=1, padding=0):
    (n, _, *image), (f, _, *kernel) = x.shape, w.shape
    return (
        f"(N, F, HO, WO) with N = {n}, F = {f}, {explain_shape(*image, *kernel, stride, padding)}"
    )


conv2d = Oracle(
    _conv,
    batch=("x",),
    extreme=("x",),
    explain_shape=_explain_conv,
    mistakes=(
        Mistake(
            "the kernel is flipped: that is true convolution",
            lambda x, w, b, *a, **k: _conv(x, _flip(w), b, *a, **k),
            (
                "This course's conv2d is cross-correlation.",
                "Which pixel does w[f, c, 0, 0] meet: the first of the window, or the last?",
            ),
        ),
        *(
            Mistake(
                "the kernel is transposed",
                make,
                ("Which index of w runs down, and which across?",),
            )
            for make in (_transposed, lambda x, w, b, *a: _conv(x, _swap(w), b, *a))
        ),
        Mistake(
            "the bias is not added",
            lambda x, w, b, *a, **k: _conv(x, w, np.zeros_like(b), *a, **k),
            ("The sum over the window is not all there is in the formula.",),
        ),
        Mistake(
            "the bias is added once per channel",
            lambda x, w, b, *a, **k: _conv(x, w, x.shape[1] * b, *a, **k),
            ("How often does b[f] stand in the formula of one output?",),
        ),
        Mistake(
            "the bias is added once per kernel element",
            lambda x, w, b, *a, **k: _conv(x, w, w[0].size * b, *a, **k),
            ("How often does b[f] stand in the formula of one output?",),
        ),
        Mistake(
            "only the first channel is used",
            lambda x, w, b, *a, **k: _conv(x[:, :1], w[:, :1], b, *a, **k),
            ("A kernel of shape (C, KH, KW) sums over all channels.",),
        ),
        Mistake(
            "only the last channel is used",
            lambda x, w, b, *a, **k: _conv(x[:, -1:], w[:, -1:], b, *a, **k),
            ("Is the sum over channels accumulated (+=) or overwritten (=)?",),
        ),
        *(
            Mistake(
                "the window is averaged, not summed",
                make,
                ("Convolution is a weighted sum; nothing divides it.",),
            )
            for make in (
                lambda x, w, b, *a: _conv(x, w / w[0].size, b, *a),
                lambda x, w, b, *a: _conv(x, w / w[0, 0].size, b, *a),
            )
        ),
        Mistake(
            "the channels are padded, too",
            _channels_moved,
            ("np.pad takes a pair for each axis: which axes have a border?",),
        ),
        Mistake(
            "the height of the image is used for its width, too",
            _mistaken_width(True, False),
            ("Images need not be square: compute HO from H, and WO from W.",),
        ),
        Mistake(
            "the height of the kernel is used for its width, too",
            _mistaken_width(False, True),
            ("Kernels need not be square: compute HO from KH, and WO from KW.",),
        ),
        *(
            Mistake(
                "padding is added at the top and left only",
                _one_sided(share),
                ("np.pad takes a pair (before, after) for each axis.",),
            )
            for share in (1, 2)
        ),
        Mistake(
            "the border is padded with copies of the edge, not with zeros",
            _edge_padded,
            ("Which mode does np.pad use by default?",),
        ),
        Mistake(
            "padding is ignored",
            lambda x, w, b, stride=1, padding=0: _conv(x, w, b, stride, 0),
            ("Where does `padding` enter your code?",),
        ),
        Mistake(
            "stride is ignored",
            lambda x, w, b, stride=1, padding=0: _conv(x, w, b, 1, padding),
            ("Output (i, j) looks at the window that starts at (i · stride, j · stride).",),
        ),
        Mistake(
            "stride is ignored for the columns",
            lambda x, w, b, stride=1, padding=0: _conv(x, w, b, (stride, 1), padding),
            ("Both axes move by `stride`.",),
        ),
        Mistake(
            "the window moves by one pixel, whatever the stride",
            _small_steps(True, True),
            ("Output (i, j) looks at the window that starts at (i · stride, j · stride).",),
        ),
        Mistake(
            "the stride is used for the rows only",
            _small_steps(False, True),
            ("Both axes move by `stride`.",),
        ),
        Mistake(
            "the last row and the last column are left out",
            _last_left_out,
            ("How many values does range(HO) give, and range(HO - 1)?",),
        ),
        Mistake(
            "only the first image of the batch is done",
            _only_first_image,
            ("There are N images.",),
        ),
    ),
)


# --- task 3: pointwise ---------------------------------------------------------------------------


def _pointwise(x, w, b):
    return _conv(x, w[:, :, None, None], b)


pointwise = Oracle(
    _pointwise,
    batch=("x",),
    extreme=("x",),
    explain_shape=lambda x, w, b: (
        f"(N, F, H, W) = ({x.shape[0]}, {w.shape[0]}, {x.shape[2]}, {x.shape[3]})"
    ),
    mistakes=(
        Mistake(
            "the bias is not added",
            lambda x, w, b: _pointwise(x, w, np.zeros_like(b)),
            ("One number b[f] is added to the whole map f.",),
        ),
        Mistake(
            "the rows and columns of the image are swapped",
            lambda x, w, b: _swap(_pointwise(x, w, b)),
            ("Follow the axes: which one did reshape or transpose put where?",),
        ),
        *(
            Mistake(
                "images and filters are swapped",
                make,
                ("The result is indexed (N, F, H, W). What does np.tensordot put first?",),
            )
            for make in (
                lambda x, w, b: _pointwise(x, w, b).swapaxes(0, 1),
                lambda x, w, b: _pointwise(x, w, 0 * b).swapaxes(0, 1) + b[None, :, None, None],
            )
        ),
        Mistake(
            "only the first channel is used",
            lambda x, w, b: _pointwise(x[:, :1], w[:, :1], b),
            ("A pixel has C channels, and the sum runs over all of them.",),
        ),
        Mistake(
            "height and width are swapped in the reshape",
            lambda x, w, b: _pointwise(x, w, b).reshape(len(x), len(w), x.shape[3], x.shape[2]),
            ("The pixels run along the rows: H rows of W pixels.",),
        ),
        Mistake(
            "reshape was used to move an axis",
            lambda x, w, b: np.moveaxis(_pointwise(x, w, b), 1, -1).reshape(
                x.shape[0], w.shape[0], *x.shape[2:]
            ),
            ("reshape keeps the order of the numbers in memory; transpose moves axes.",),
        ),
    ),
)


# --- tasks 4 and 5: im2col -----------------------------------------------------------------------


def _columns(x, kh, kw, stride=1, padding=0):
    """Columns read off a convolution with one kernel per element of the window."""
    n, c = x.shape[:2]
    eye = np.eye(c * kh * kw, dtype=x.dtype).reshape(-1, c, kh, kw)
    return _conv(x, eye, None, stride, padding).reshape(n, c * kh * kw, -1)


def _blocks(x, kh, kw, stride=1, padding=0):
    """The columns as (N, C, KH, KW, places)."""
    return _columns(x, kh, kw, stride, padding).reshape(*x.shape[:2], kh, kw, -1)


def _reordered(order):
    """Columns whose rows run over (c, p, q) in another order."""

    def make(x, kh, kw, stride=1, padding=0):
        blocks = _blocks(x, kh, kw, stride, padding)
        return blocks.transpose(0, *order, 4).reshape(len(x), x.shape[1] * kh * kw, -1)

    return make


def _places_transposed(x, kh, kw, stride=1, padding=0):
    columns = _columns(x, kh, kw, stride, padding)
    places = _output_shape(x.shape[2:], (kh, kw), stride, padding)
    return _swap(columns.reshape(*columns.shape[:2], *places)).reshape(columns.shape)


im2col = Oracle(
    _columns,
    batch=("x",),
    extreme=("x",),
    explain_shape=lambda x, kh, kw, stride=1, padding=0: (
        f"(N, C·KH·KW, HO·WO) = ({x.shape[0]}, {x.shape[1]}·{kh}·{kw}, HO·WO), "
        f"{explain_shape(*x.shape[2:], kh, kw, stride, padding)}"
    ),
    mistakes=(
        Mistake(
            "the rows run over kernel positions first and channels last",
            _reordered((2, 3, 1)),
            (
                "The rows must match w.reshape(F, -1).",
                "In memory, w[f] runs over channels slowest and over KW fastest.",
            ),
        ),
        Mistake(
            "KH and KW are swapped in the order of the rows",
            _reordered((1, 3, 2)),
            ("The rows must match w.reshape(F, -1), whose fastest index is KW.",),
        ),
        Mistake(
            "the places run down the columns of the output, not along its rows",
            _places_transposed,
            ("The last axis runs over (i, j) with j fastest.",),
        ),
        Mistake(
            "rows and columns of the matrix are swapped",
            lambda *a: _swap(_columns(*a)),
            ("One column for each place of the window.",),
        ),
        Mistake(
            "padding is ignored",
            lambda x, kh, kw, stride=1, padding=0: _columns(x, kh, kw, stride, 0),
            ("Pad first, then cut out the windows.",),
        ),
        Mistake(
            "stride is ignored",
            lambda x, kh, kw, stride=1, padding=0: _columns(x, kh, kw, 1, padding),
            ("Window (i, j) starts at (i · stride, j · stride).",),
        ),
        Mistake(
            "the border is padded with copies of the edge, not with zeros",
            lambda x, kh, kw, stride=1, padding=0: _columns(
                np.pad(x, ((0, 0), (0, 0), *((padding, padding),) * 2), mode="edge"), kh, kw, stride
            ),
            ("Which mode does np.pad use by default?",),
        ),
        Mistake(
            "the window is flipped",
            lambda x, kh, kw, *steps: _blocks(x, kh, kw, *steps)[:, :, ::-1, ::-1].reshape(
                len(x), x.shape[1] * kh * kw, -1
            ),
            ("Row (c, p, q) holds pixel (p, q) of each window, counted from its top left.",),
        ),
        Mistake(
            "the stride is used for the rows only",
            lambda x, kh, kw, stride=1, padding=0: _columns(x, kh, kw, (stride, 1), padding),
            ("Both axes move by `stride`.",),
        ),
    ),
)


def _from_columns(columns, w, b):
    """(N, F, places), by einsum."""
    return np.einsum("fk,nkp->nfp", w.reshape(len(w), -1), columns) + b[:, None]


def _product(columns, w, b, HO, WO):
    return _from_columns(columns, w, b).reshape(len(columns), len(w), HO, WO)


def _shaped(change):
    """The right product, changed as (N, F, places), in its shape."""

    def make(columns, w, b, HO, WO):
        y = change(_from_columns(columns, w, b), columns, w, b)
        return y.reshape(len(columns), len(w), HO, WO)

    return make


def _ungathered(_y, columns, w, b):
    """As if reshape brought the rows of all images together."""
    n, k, places = columns.shape
    return (
        _from_columns(columns.reshape(1, k, n * places), w, b).reshape(-1, n, places).swapaxes(0, 1)
    )


from_columns = Oracle(
    _product,
    batch=("columns",),
    extreme=("columns",),
    explain_shape=lambda columns, w, b, HO, WO: (
        f"(N, F, HO, WO) = ({len(columns)}, {len(w)}, {HO}, {WO})"
    ),
    mistakes=(
        Mistake(
            "the bias is not added",
            _shaped(lambda y, columns, w, b: _from_columns(columns, w, 0 * b)),
            ("One number b[f] is added to the whole map f.",),
        ),
        Mistake(
            "height and width are swapped in the reshape",
            lambda columns, w, b, HO, WO: _product(columns, w, b, WO, HO),
            ("The places run along the rows of the output: HO rows of WO places.",),
        ),
        Mistake(
            "images and filters are swapped",
            lambda *a: _product(*a).swapaxes(0, 1),
            ("The result is indexed (N, F, HO, WO).",),
        ),
        Mistake(
            "images and filters are mixed up by a reshape",
            _shaped(lambda y, *_: y.swapaxes(0, 1)),
            ("reshape keeps the order of the numbers in memory; transpose moves axes.",),
        ),
        Mistake(
            "reshape was used where axes of the columns should move",
            _shaped(_ungathered),
            ("reshape keeps the order of the numbers in memory; transpose moves axes.",),
        ),
        Mistake(
            "the kernels are laid out in another order than the rows of the columns",
            _shaped(
                lambda y, columns, w, b: _from_columns(
                    columns, np.moveaxis(w, (1, 2, 3), (3, 2, 1)), b
                )
            ),
            ("The rows run over (c, p, q), q fastest: which reshape of w does so?",),
        ),
    ),
)


def product_cases(rng, sizes):
    """Arguments (columns, w, b, HO, WO) for each of some sizes."""
    cases = []
    for size in sizes:
        x, w, b = sample(rng, **size)
        columns = _columns(x, *w.shape[2:], 1, 1)
        cases.append((columns, w, b, *places(x, w, 1, 1)))
    return cases


def race(task, im2col, limit, tries=5):
    """How many times as long as a whole convolution of the library a student's im2col takes.

    Every try has images of its own, and its result must be right. Other work on the machine only
    ever adds time: the shortest of several counts, and a ratio below `limit` needs no second try.
    """
    rng, shortest, least = task.rng(), math.inf, math.inf
    for _ in range(tries):
        x, w, b = sample(rng, n=4, c=3, h=40, w=36, f=8, kh=5, kw=5)
        shortest = min(shortest, *(_timed(lambda: _conv(x, w, b))[0] for _ in range(tries)))  # noqa: B023
        seconds, columns = _timed(lambda: im2col(x, 5, 5))  # noqa: B023
        task.equal(columns, _columns(x, 5, 5, 1, 0))
        least = min(least, seconds / shortest)
        if least < limit:
            break
    return least


def _timed(function):
    """Seconds of a call, and its value."""
    start = time.perf_counter()
    value = function()
    return time.perf_counter() - start, value


# --- task 6: backward ----------------------------------------------------------------------------


def _backward(dy, x, w, stride=1, padding=0):
    cache = F.conv2d(x, w, None, stride, padding)[1]
    dx, dw, _ = F.conv2d_backward(dy, cache)
    return *_c_ordered(dx, dw), dy.sum((0, 2, 3))


def _only(a, image):
    kept = np.zeros_like(a)
    kept[image] = a[image]
    return kept


def _with(which, change):
    """The right gradients, with number `which` replaced by `change(dy, x, w, stride, padding)`."""

    def make(dy, x, w, stride=1, padding=0):
        gradients = list(_backward(dy, x, w, stride, padding))
        gradients[which] = change(dy, x, w, stride, padding)
        return tuple(gradients)

    return make


def _overwritten(filters):
    """dx when each window replaces what is there, with only some of the filters looked at."""

    def change(dy, x, w, stride, padding):
        dy, w = dy[:, filters], w[filters]
        dx = np.zeros_like(x)
        for i, j in np.ndindex(dy.shape[2:]):
            one = np.zeros_like(dy)
            one[:, :, i, j] = 1
            seen = _backward(one, x, np.ones_like(w), stride, padding)[0] != 0
            dx[seen] = _backward(one * dy, x, w, stride, padding)[0][seen]
        return dx

    return change


def _apart(which, rows, columns):
    """A gradient whose windows are one pixel apart on the axes that say so."""

    def change(dy, x, w, stride, padding):
        steps = (1 if rows else stride, 1 if columns else stride)
        crowded = np.zeros(_conv(x, w, None, steps, padding).shape, dy.dtype)
        crowded[:, :, : dy.shape[2], : dy.shape[3]] = dy
        return _backward(crowded, x, w, steps, padding)[which]

    return change


def _last_window(dy, *others):
    last = np.zeros_like(dy)
    last[-1, :, -1, -1] = dy[-1, :, -1, -1]
    return _backward(last, *others)[1]


def _cut_by_minus_p(dy, x, w, stride, padding):
    dx = _backward(dy, x, w, stride, padding)[0]
    return dx if padding else dx[:, :, :0, :0]


def _still_padded(dy, x, w, stride, padding):
    ends = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    return _backward(dy, np.pad(x, ends), w, stride, 0)[0]


def _cut_at_the_end(dy, x, w, stride, padding):
    return _still_padded(dy, x, w, stride, padding)[:, :, : x.shape[2], : x.shape[3]]


def _flip_sum(dy, x, w, stride, padding):
    return _backward(dy, x, _flip(w), stride, padding)[0]


backward = Oracle(
    _backward,
    batch=("dy", "x"),
    extreme=("dy",),
    outputs=("dx", "dw", "db"),
    mistakes=(
        *(
            Mistake(
                "windows that overlap overwrite each other in dx",
                _with(0, _overwritten(filters)),
                ("A pixel that several windows see gets a share from each of them.", "+= or =?"),
            )
            for filters in (slice(None), slice(-1, None))
        ),
        *(
            Mistake(
                f"the windows of {name} are one pixel apart{words}",
                _with(which, _apart(which, *axes)),
                ("Output (i, j) came from the window that starts at (i · stride, j · stride).",),
            )
            for which, name in ((0, "dx"), (1, "dw"))
            for words, axes in (
                (", whatever the stride", (True, True)),
                (" along a row, whatever the stride", (False, True)),
                (" along a column, whatever the stride", (True, False)),
            )
        ),
        Mistake(
            "dx[..., p:-p] is empty where the padding is 0",
            _with(0, _cut_by_minus_p),
            ("What is x[0:-0]?", "Count from the front: padding : padding + H."),
        ),
        Mistake(
            "the padding is cut off dx at one end only",
            _with(0, _cut_at_the_end),
            ("The image begins at row and column `padding` of the padded one.",),
        ),
        Mistake(
            "the kernel is flipped once too often in dx",
            _with(0, _flip_sum),
            ("Pixel (i·stride + p, j·stride + q) met w[f, c, p, q] on the way forward.",),
        ),
        Mistake(
            "dx still has the padding around it",
            _with(0, _still_padded),
            (
                "dx has the shape of x, not of the padded x.",
                "Careful: dx[..., p:-p] is empty where p is 0.",
            ),
        ),
        Mistake(
            "dw is averaged over the batch",
            _with(1, lambda dy, x, *a: _backward(dy, x, *a)[1] / x.shape[0]),
            ("The mean is taken in the loss, once; its 1/N is in dy already.",),
        ),
        Mistake(
            "dw comes from the last image only",
            _with(1, lambda dy, x, *a: _backward(dy[-1:], x[-1:], *a)[1]),
            ("Every image contributes to dw: += or =?",),
        ),
        Mistake(
            "dw comes from the first image only",
            _with(1, lambda dy, x, *a: _backward(dy[:1], x[:1], *a)[1]),
            ("Every image contributes to dw.",),
        ),
        Mistake(
            "dw comes from the last window only",
            _with(1, _last_window),
            ("Every output contributes to dw: += or =?",),
        ),
        Mistake(
            "db comes from the last output only",
            _with(2, lambda dy, *a: dy[-1, :, -1, -1]),
            ("Every output contributes to db: += or =?",),
        ),
        *(
            Mistake(
                f"db comes from the {word} image only",
                _with(2, lambda dy, *a, image=image: dy[image].sum((1, 2))),
                ("Every image contributes to db.",),
            )
            for word, image in (("first", 0), ("last", -1))
        ),
        *(
            Mistake(
                f"dx is right for the {word} image only, and zero for the others",
                _with(0, lambda dy, *a, image=image: _only(_backward(dy, *a)[0], image)),
                ("Every image has a gradient of its own.",),
            )
            for word, image in (("first", 0), ("last", -1))
        ),
        Mistake(
            "dw is flipped",
            _with(1, lambda *a: _flip(_backward(*a)[1])),
            ("dw[f, c, p, q] collects the pixels that met w[f, c, p, q].",),
        ),
        Mistake(
            "db is averaged over the batch",
            _with(2, lambda dy, *a: dy.sum((2, 3)).mean(0)),
            ("b[f] is added to every output of map f: how does a sum pass its gradient back?",),
        ),
        Mistake(
            "db is a mean, not a sum",
            _with(2, lambda dy, *a: dy.mean((0, 2, 3))),
            ("b[f] is added to every output of map f: how does a sum pass its gradient back?",),
        ),
        Mistake(
            "db is summed over the batch only",
            _with(2, lambda dy, *a: dy.sum(0)),
            ("db has the shape of b: one number per filter.",),
        ),
        Mistake(
            "db is not summed over the batch",
            _with(2, lambda dy, *a: dy.sum((2, 3))),
            ("db has the shape of b: one number per filter.",),
        ),
    ),
)
