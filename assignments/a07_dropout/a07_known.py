"""References and known mistakes behind the checks of assignment a07.

What is random is taken apart: what a function returned shows which units it kept and by which
factor they grew. Factors are compared exactly; which units were kept is counted. Nothing here is
written the way the tasks ask for.
"""

import math
from functools import partial
from itertools import product

import numpy as np
from a07_samples import called

from convnets import schedules
from coursekit import Mistake, Oracle, inside


def _mistakes(table, make):
    """Known mistakes from a table, hint -> name -> habits, which `make` turns into a function."""
    return tuple(
        Mistake(name, partial(make, **each), (hint,))
        for hint, named in table.items()
        for name, habits in named.items()
        for each in (habits if isinstance(habits, list) else [habits])
    )


# --- counting ------------------------------------------------------------------------------------

# Hoeffding: the share of n independent coins differs from its expectation by t with a probability
# of at most 2 exp(−2 n t²), which is FALSE_ALARM for the t of `_bound`, whatever the expectation.
# No task compares more than 40 shares, so a right solution fails one in 25 million times at most.
FALSE_ALARM = 1e-9

NOTHING = "nothing is dropped in training"
AGAIN = "every call has the same mask"
ROUNDED = "keep_prob is rounded: the draws are too coarse for it"


def _bound(n):
    return math.sqrt(math.log(2 / FALSE_ALARM) / (2 * n))


def expect_share(task, kept, what="units", within=0.0):
    """Fail unless the share that is kept is that of keep_prob.

    Args:
        kept: pairs of booleans and the keep_prob they were drawn with.
        what: they are.
        within: how far off it may be, if that is more than chance allows; then masks that were not
            drawn for each unit pass, too, which another check looks at.
    """
    shares = [(mask.mean(), p, max(within, _bound(mask.size))) for mask, p in kept]

    def near(want):
        return all(abs(share - want(p)) < bound for share, p, bound in shares)

    like = ""
    if near(lambda p: 1 - p):
        like = "keep_prob is taken for the probability of dropping"
    elif near(lambda p: 0.5):
        like = "half is kept, whatever keep_prob is"
    elif near(lambda p: 1):
        like = NOTHING
    wrong = [each for each in shares if abs(each[0] - each[1]) >= each[2]]
    share, p, _ = wrong[0] if wrong else shares[0]
    task.expect(
        not wrong,
        f"With keep_prob = {p}, {100 * share:.1f} % of the {what} are kept.",
        looks_like=like,
    )


def expect_fine(task, kept, p, what="units"):
    """Fail unless a few are dropped where keep_prob is near 1, of 18000 with 0.997 about 54.

    By Chernoff's bound there are fewer than a quarter of what is expected, or more than twice as
    many, with a probability of 1e-9 each.
    """
    dropped, want = kept.size - kept.sum(), (1 - p) * kept.size
    share = dropped / kept.size
    in_effect = dropped == 0 or abs(share - 0.01) < 0.003
    task.expect(
        want / 4 < dropped < 2 * want,
        f"With keep_prob = {p}, {dropped} of {kept.size} {what} are dropped; expected about "
        f"{want:.0f}.",
        looks_like=ROUNDED if in_effect else "",
    )


def expect_several(task, kept, what="units"):
    """Fail where in each call all share one fate; else what was kept, (calls, ...), as rows."""
    calls = kept.reshape(len(kept), -1)
    task.expect(
        (calls != calls[:, :1]).any(),
        f"In each call all {what} are kept, or none.",
        looks_like=f"one draw decides over all {what}" if kept.any() else "",
    )
    return calls


def expect_independent(task, kept, p, axes, what="units"):
    """Fail unless all were drawn by themselves.

    Args:
        kept: booleans, several thousand, the first axis over calls.
        p: the probability of True.
        axes: for each axis what is wrong where all along it are alike, "" where it has length 1.
        what: they are.
    """
    like = NOTHING if len(kept) > 1 else ""
    task.expect(not kept.all(), f"All {what} are kept.", looks_like=like)
    calls = expect_several(task, kept, what)
    for axis, name in enumerate(axes):
        if kept.shape[axis] > 1:
            same = (kept == kept.take([0], axis)).all()
            task.expect(not same, f"Not all {what} are drawn by themselves.", looks_like=name)
    # The same count in each of 20 calls or more: a count of n coins, the likeliest, comes up with
    # probability 0.3 at most for n > 6, and 0.3¹⁹ = 1e-10.
    counts = calls.sum(axis=1)
    task.expect(
        len(kept) < 20 or (counts != counts[0]).any(),
        f"Every call keeps {counts[0]} {what}.",
        looks_like=f"every call drops the same number of {what}",
    )
    # Two neighbours are alike with probability p² + (1 − p)²; pairs without a common member are
    # independent.
    for axis in range(kept.ndim):
        half = kept.shape[axis] // 2
        if half:
            firsts, seconds = (kept.take(range(s, 2 * half, 2), axis) for s in (0, 1))
            alike = firsts == seconds
            want = p * p + (1 - p) ** 2
            task.expect(
                abs(alike.mean() - want) < _bound(alike.size),
                f"Neighbouring {what} are alike in {100 * alike.mean():.1f} % of all pairs; drawn "
                f"by themselves they would be in {100 * want:.1f} %.",
            )


def digest(kept):
    """A number that tells masks apart: two are equal only where all of the masks is."""
    weights = np.sqrt(np.arange(1.0, kept.size + 1))
    return np.array([kept.ravel() @ weights])


# --- tasks 1 and 2: dropout ----------------------------------------------------------------------

# By what factor a kept unit grows, as people have it.
FACTORS = {
    "nothing is scaled": lambda p: 1.0,
    "divided by keep_prob": lambda p: 1 / p,
    "multiplied by keep_prob": lambda p: p,
    "divided by 1 − keep_prob": lambda p: 1 / (1 - p),
    "multiplied by 1 − keep_prob": lambda p: 1 - p,
    "scaled twice: divided by keep_prob²": lambda p: 1 / p**2,
    "scaled twice: multiplied by keep_prob²": lambda p: p**2,
    "divided by the root of keep_prob": lambda p: p**-0.5,
}


def drawn(task, function, x, keep_prob, rng, rest=(True,), count=1):
    """What calls in training return, from one generator; each a float array of the shape of x.

    Returns:
        y: (count, ...); and what was returned beside each, a list of None where nothing was.
    """
    seed = int(rng.integers(2**31))
    values = inside(called, function, (x, keep_prob), seed, rest, count)
    is_pair = task.name == "dropout"
    pairs = [pair(task, value) if is_pair else (value, None) for value in values]
    for y, _ in pairs:
        expect_array(task, y, x.shape)
    return np.stack([y for y, _ in pairs]), [mask for _, mask in pairs]


def pair(task, value):
    """What `dropout` returned, or a failure where it is no pair."""
    task.expect(
        isinstance(value, (tuple, list)) and len(value) == 2,
        f"{task.name} returned {type(value).__name__}; expected two values, y and mask.",
        looks_like="only y is returned, without its mask" if isinstance(value, np.ndarray) else "",
    )
    kinds = ["" if each is None else np.asarray(each).dtype.kind for each in value]
    task.expect(
        kinds != ["b", "f"],
        "The first of the two values holds booleans; expected y, then mask.",
        looks_like="mask and y are returned in the wrong order",
    )
    return value


def expect_no_mask(task, mask):
    """Fail unless there is no mask, as at the test."""
    like = "there is a mask at the test, too" if isinstance(mask, np.ndarray) else ""
    says = f"At the test the mask is {type(mask).__name__}; expected None."
    task.expect(mask is None, says, looks_like=like)


def expect_array(task, y, shape):
    """Fail unless y is an array of numbers of this shape."""
    task.expect(y is not None, "None was returned; is the `return` missing?")
    task.expect(
        isinstance(y, np.ndarray) and y.dtype.kind in "fiub",
        f"Expected an array, but got {type(y).__name__}.",
    )
    task.expect(y.shape == shape, f"y has shape {y.shape}; expected {shape}.")


def expect_dropped(task, y):
    """Fail where no unit of any call is 0, or all are; y (calls, ...)."""
    task.expect((y == 0).any(), "Nothing is dropped in training.", looks_like=NOTHING)
    task.expect((y != 0).any(), "Everything is dropped.", looks_like="every unit is dropped")


def expect_factors(task, results, right, where):
    """Fail unless every unit is 0, or grows by the right factor.

    Args:
        results: triples (y, x, keep_prob) of calls in training, y (calls, ...).
        right: name of the factor.
        where: what is said before a factor that is wrong.
    """
    parts = [((y / x)[y != 0], p) for y, x, p in results]
    apart = [(y == 0).mean() for y, _, _ in results]
    # At most 0.8^300 = 1e-29 for what is right.
    task.expect(
        all(apart), "Nothing is dropped in training.", looks_like="" if any(apart) else NOTHING
    )
    task.expect(min(apart) < 1, "Everything is dropped.", looks_like="every unit is dropped")

    def fits(factor):
        return all(np.allclose(r, factor(p), rtol=1e-9, atol=0) for r, p in parts)

    like = [f"{where}{name}" for name, factor in FACTORS.items() if fits(factor)]
    shares = [(r, 1 / (1 - a)) for (r, _), a in zip(parts, apart, strict=True)]
    if all(np.allclose(r, factor, rtol=1e-9, atol=0) for r, factor in shares):
        like.append("divided by the share that happened to be kept, not by keep_prob")
    if fits(FACTORS[right]):
        return
    ratios, p = parts[0]
    found = np.unique(ratios.round(6))
    task.expect(
        False,
        f"With keep_prob = {p}, what is kept grows by factors between {found[0]:g} and "
        f"{found[-1]:g}; expected {FACTORS[right](p):g}.",
        looks_like=like[0] if len(like) == 1 else "",
    )


def expect_test(task, results, right):
    """Fail unless at the test every unit grows by the right factor.

    Args:
        results: triples (y, x, keep_prob) of calls with training=False.
        right: name of the factor.
    """
    for y, x, _ in results:
        expect_array(task, y, x.shape)
    zeros = [(y == 0).mean() for y, _, _ in results]
    like = "dropout is active at the test" if all(0 < z < 1 for z in zeros) else ""
    task.expect(max(zeros) == 0, "At the test some results are 0.", looks_like=like)

    def fits(factor):
        return all(np.allclose(y, factor(p) * x, rtol=1e-9) for y, x, p in results)

    like = [f"at the test: {name}" for name, factor in FACTORS.items() if fits(factor)]
    y, x, p = results[0]
    says = f"With keep_prob = {p}, {x.flat[0]:.3g} became {y.flat[0]:.3g} at the test; expected "
    task.expect(
        fits(FACTORS[right]),
        f"{says}{FACTORS[right](p) * x.flat[0]:.3g}.",
        looks_like=like[0] if len(like) == 1 else "",
    )


def expect_mask(task, mask, y, shape):
    """Fail unless the mask holds booleans of this shape, True where y is kept."""
    task.expect(
        isinstance(mask, np.ndarray), f"The mask is {type(mask).__name__}; expected an array."
    )
    like = ""
    if shape != y.shape:
        like = {
            y.shape: "the mask of whole channels holds a value for each pixel",
            shape[:2]: "the mask of whole channels has the shape (N, C)",
        }.get(mask.shape, "")
    says = f"The mask has shape {mask.shape}; expected {shape}."
    task.expect(mask.shape == shape, says, looks_like=like)
    kept = y[tuple(slice(0, m) for m in shape)] != 0
    same, turned = ((mask != 0) == each for each in (kept, ~kept))
    like = "another mask is returned than the one that was used" if mask.dtype == bool else ""
    like = "the mask is True where a unit is dropped" if turned.all() else like
    task.expect(same.all(), "The mask is not the one that y was computed with.", looks_like=like)
    like = "the mask that is returned holds numbers, not booleans"
    if mask.dtype.kind == "f" and not np.isin(mask, (0, 1)).all():
        like = "the mask that is returned is scaled"
    task.expect(
        mask.dtype == bool,
        f"The mask has dtype {mask.dtype}; expected bool.",
        looks_like=like,
    )


def expect_mask_of_zeros(task, masks):
    """Fail unless masks, of several calls whose x is 0, keep something all the same."""
    task.expect(
        any(np.any(mask) for mask in masks),
        "Of x = 0, too, units are kept; no mask is True anywhere.",
        looks_like="the mask is read off y, where a unit that is kept may be 0",
    )


WHOLE = "channels are dropped in part, not as a whole"
CHANNELS = "whole channels are dropped, not units"
UNITS = (
    AGAIN,
    "one mask serves the whole batch",
    "all channels of an image share one mask",
    "whole columns of an image are dropped",
    "whole rows of an image are dropped",
)
MAPS = (
    AGAIN,
    "one mask serves the whole batch",
    "all channels of an image are dropped together",
)
ROWS = (
    AGAIN,
    "one mask serves the whole batch",
    "whole rows are dropped: one draw for each example",
)


def expect_units(task, kept, p, axes=UNITS):
    """Fail unless all units (calls, N, C, H, W) or (calls, N, D) are drawn by themselves."""
    if kept.ndim == 5 and not kept.all():
        whole = (kept == kept[..., :1, :1]).all()
        task.expect(not whole, "Pixels of a channel share their fate.", looks_like=CHANNELS)
    expect_independent(task, kept, p, axes)


def expect_whole(task, kept):
    """Fail unless all pixels of a channel share their fate; kept (..., H, W)."""
    whole = (kept == kept[..., :1, :1]).all()
    task.expect(whole, "Some channels are kept in part.", looks_like=WHOLE)


def restored(function, scale, outputs=1):
    """The part of a dropout function that is not random: what was dropped is put back.

    Args:
        function: of x, keep_prob, a generator and training, and what else is given.
        scale: of x and keep_prob; what a unit is if it is kept.
        outputs: how many the function returns; the first is y.
    """

    def filled(x, keep_prob, seed, training, *more):
        y = function(x, keep_prob, np.random.default_rng(seed), training, *more)
        if outputs > 1:
            if not isinstance(y, (tuple, list)) or len(y) != outputs:
                raise TypeError(f"expected {outputs} values, but got {type(y).__name__}")
            y = y[0]
        if not isinstance(y, np.ndarray) or y.shape != x.shape or not training:
            return y
        return np.where(y == 0, scale(x, keep_prob).astype(y.dtype), y)

    return filled


def _vanilla(x, keep_prob, seed, training):
    return (x * (1.0 if training else keep_prob)).astype(x.dtype)


def _inverted(x, keep_prob, seed, training, maps=False):
    return (x / (keep_prob if training else 1.0)).astype(x.dtype)


vanilla = Oracle(_vanilla, batch=("x",), extreme=("x",))
inverted = Oracle(_inverted, batch=("x",), extreme=("x",))

# --- task 3: backward ----------------------------------------------------------------------------


def _back(dy, mask, keep_prob, scale=lambda p: 1 / p, masked="kept", test=lambda p: 1.0):
    if mask is None:
        return dy * np.asarray(test(keep_prob), dy.dtype)
    chosen = {"kept": mask, "dropped": ~mask, "all": np.ones_like(mask)}[masked]
    return np.where(chosen, dy, 0) * np.asarray(scale(keep_prob), dy.dtype)


backward = Oracle(
    _back,
    mistakes=(
        Mistake(
            "divided by the share that happened to be kept, not by keep_prob",
            lambda dy, mask, keep_prob: (
                dy if mask is None else _back(dy, mask, max(mask.mean(), 1e-9))
            ),
            ("By which number did the forward pass divide?",),
        ),
        *_mistakes(
            {
                "What is the derivative of x[i] · m[i] / keep_prob with respect to x[i]?": {
                    "the mask is not used": {"masked": "all"},
                    "the gradient passes through as it is": {
                        "masked": "all",
                        "scale": lambda p: 1.0,
                    },
                    "the scale is missing": {"scale": lambda p: 1.0},
                    "multiplied by keep_prob, where it should be divided": {"scale": lambda p: p},
                    "divided by 1 − keep_prob": {"scale": lambda p: 1 / (1 - p)},
                    "scaled twice": {"scale": lambda p: 1 / p**2},
                    "it is the gradient of vanilla dropout": {
                        "scale": lambda p: 1.0,
                        "test": lambda p: p,
                    },
                    "what was dropped gets the gradient": [
                        {"masked": "dropped"},
                        {"masked": "dropped", "scale": lambda p: 1.0},
                    ],
                },
                "What did the forward pass do at the test?": {
                    "scaled at the test, too": {"test": lambda p: 1 / p},
                    "multiplied by keep_prob at the test": {"test": lambda p: p},
                    "no gradient at the test": {"test": lambda p: 0.0},
                },
            },
            _back,
        ),
    ),
    batch=("dy", "mask"),
    extreme=("dy",),
)

# --- task 4: DropConnect -------------------------------------------------------------------------


def _subsets(x, w):
    """Sums of every choice of the products w[f, d] x[n, d]: (N, F, 2^D), the choices (2^D, D)."""
    choices = np.array(list(product((0.0, 1.0), repeat=x.shape[1])))
    return np.einsum("nd,fd,kd->nfk", x, w, choices), choices == 1


def _both(sums, b):
    return np.concatenate([sums, sums + b], axis=2)


# What y could be with some masks: functions of the sums, of b (F, 1) and of keep_prob.
CONNECTED = {
    "": lambda sums, b, p: sums / p + b,
    "the weights are not divided by keep_prob": lambda sums, b, p: sums + b,
    "the weights are multiplied by keep_prob": lambda sums, b, p: sums * p + b,
    "the weights are divided by 1 − keep_prob": lambda sums, b, p: sums / (1 - p) + b,
    "the weights are scaled twice": lambda sums, b, p: sums / p**2 + b,
    "the bias is divided by keep_prob, too": lambda sums, b, p: (sums + b) / p,
    "the bias is not added": lambda sums, b, p: sums / p,
    "neither is anything scaled nor the bias added": lambda sums, b, p: sums,
    "the bias is dropped, too": lambda sums, b, p: _both(sums / p, b),
    "the bias is dropped and divided by keep_prob, too": lambda sums, b, p: _both(sums, b) / p,
    "the bias is dropped, too, and nothing is divided by keep_prob": lambda sums, b, p: _both(
        sums, b
    ),
    "the outputs are dropped, and their bias with them": lambda sums, b, p: (
        np.concatenate([sums[..., :1], sums[..., -1:] + b], axis=2) / p
    ),
}


def expect_connected(task, results, exact=True):
    """The weights (N, F, D) that each call has kept; fail where no choice of them explains y.

    Args:
        results: tuples (y, x, w, b, keep_prob) of calls in training.
        exact: whether scale and bias have to be right, too.
    """
    for y, x, w, _, _ in results:
        expect_array(task, y, (len(x), len(w)))
    like = NOTHING if min(p for *_, p in results) < 0.9 else ROUNDED
    task.expect(
        not all(np.allclose(y, x @ w.T + b, rtol=1e-9) for y, x, w, b, _ in results),
        "y is what the layer gives with all of its weights.",
        looks_like=like if len(results) > 1 else "",
    )
    if all((y >= 0).all() and (y == 0).any() for y, *_ in results):
        task.expect(False, "No output is negative.", looks_like="negative outputs become 0")
    found = {name: _choices(results, make) for name, make in CONNECTED.items()}
    like = [name for name, kept in found.items() if kept is not None]
    # What drops the bias explains all that never drops it, or always does: the last to be named.
    like = [name for name in like if not name.startswith("the bias is dropped")] or like
    task.expect(
        like and ("" in like or not exact),
        "There are outputs that no choice of kept weights explains: y[n, f] should be b[f] plus "
        "the sum of some of the products w[f, d] · x[n, d], divided by keep_prob.",
        looks_like=like[0] if len(like) == 1 else "",
    )
    return found[like[0]]


def _choices(results, make):
    """The weights that were kept, if that is how the outputs are made; None if it is not."""
    kept = []
    for y, x, w, b, p in results:
        sums, choices = _subsets(x, w)
        made = make(sums, b[:, None], p)
        if made.shape[2] == 2:  # all weights of an output, or none
            choices = choices[[0, -1]]
        apart = np.abs(y[:, :, None] - made)
        if not (apart.min(axis=2) < 1e-9).all():
            return None
        kept.append(choices[apart.argmin(axis=2) % len(choices)])
    return kept


def connected(task, function, x, w, b, keep_prob, rng, count=1):
    """Results (y, x, w, b, keep_prob) of calls in training, from one generator."""
    seed = int(rng.integers(2**31))
    values = inside(called, function, (x, w, b, keep_prob), seed, (True,), count)
    return [(y, x, w, b, keep_prob) for y in values]


CONNECTIONS = (
    AGAIN,
    "all examples share one mask",
    "the inputs are dropped, not the weights",
    "the outputs are dropped, not the weights",
)


def expect_connections(task, kept, p):
    """Fail unless every weight is drawn by itself; kept (calls, N, F, D)."""
    if not kept.all():
        expect_several(task, kept, "weights")
    for axis in (2, 3) if not kept.all() else ():
        same = (kept == kept.take([0], axis)).all()
        says = "Weights are dropped together."
        task.expect(not same, says, looks_like=CONNECTIONS[axis])
    expect_independent(task, kept, p, CONNECTIONS, "weights")


def expect_single(task, y):
    """Fail unless y, computed from float32, is float32."""
    task.expect(isinstance(y, np.ndarray), f"Expected an array, but got {type(y).__name__}.")
    task.expect(
        y.dtype == np.float32,
        f"In training float32 arguments gave {y.dtype}.",
        looks_like="float32 becomes float64 in training" if y.dtype == np.float64 else "",
    )


def _linear(x, w, b, seed, bias=True):
    return np.einsum("nd,fd->nf", x, w) + bias * b


def at_test(function):
    """DropConnect at the test, as a function of x, w, b and a seed."""
    return lambda x, w, b, seed: function(x, w, b, 0.7, np.random.default_rng(seed), False)


def all_kept(function):
    """DropConnect in training with keep_prob = 1, as a function of x, w, b and a seed."""
    return lambda x, w, b, seed: function(x, w, b, 1.0, np.random.default_rng(seed), True)


def expect_settled(task, layer, x, w, b):
    """Fail unless two calls at the test, with two generators, agree."""
    first, second = (layer(x.copy(), w.copy(), b.copy(), seed) for seed in (1, 2))
    same = np.array_equal(first, second)
    says = "Two calls at the test differ."
    task.expect(same, says, looks_like="dropout is active at the test")


linear = Oracle(
    _linear,
    mistakes=(
        *_mistakes(
            {
                "What is the expectation of y in training?": {
                    "the bias is not added": {"bias": False}
                }
            },
            _linear,
        ),
        Mistake(
            "multiplied by keep_prob at the test",
            lambda x, w, b, seed: 0.7 * _linear(x, w, b, seed),
            ("In training the weights were divided by keep_prob. What is left to do?",),
        ),
        Mistake(
            "the weights are multiplied by keep_prob at the test",
            lambda x, w, b, seed: _linear(x, 0.7 * w, b, seed),
            ("In training the weights were divided by keep_prob. What is left to do?",),
        ),
        Mistake(
            "divided by keep_prob at the test",
            lambda x, w, b, seed: _linear(x, w / 0.7, b, seed),
            ("Nothing is dropped at the test. Does anything need to be made up for?",),
        ),
    ),
    batch=("x",),
    extreme=("x",),
)

# --- task 5: stochastic depth --------------------------------------------------------------------


def _block(
    x,
    dy,
    w,
    keep_prob,
    survives,
    scale=lambda p: 1.0,
    test=lambda p: p,
    test_back=None,
    shortcut=True,
    way=(True, True),
    test_shortcut=lambda p: 1.0,
    out="left out",
    back_out=None,
    lacking=(),
    replaced=(),
):
    f = np.tanh(x @ w.T)
    none = survives is None
    fates = {"left out": 0.0, "kept": 1.0}
    weight = (test if none else scale)(keep_prob)
    weight_back = (test_back or test)(keep_prob) if none else weight
    if survives is False:
        weight, weight_back = fates[out], fates[back_out or out]
    own = test_shortcut(keep_prob) if none else 1.0
    if survives is False and not shortcut:
        own = 0.0
    y = (survives not in lacking) * own * x + weight * f
    if survives in replaced:
        own = 0.0
    dx = way[0] * own * dy + way[1] * weight_back * ((dy * (1 - f * f)) @ w)
    return y.astype(x.dtype), dx.astype(x.dtype)


one, nothing = (lambda p: 1.0), (lambda p: 0.0)

block = Oracle(
    _block,
    outputs=("y", "dx"),
    mistakes=_mistakes(
        {
            "What does the block pass on when its branch is left out?": {
                "the shortcut is left out with the branch": {"shortcut": False},
                "the branch is never left out": {"out": "kept"},
                "the branch is left out where it survives": {"out": "kept", "scale": nothing},
                "a branch that was left out gets a gradient": {"back_out": "kept"},
            },
            "In training a branch counts in full, or not at all.": {
                "the branch is divided by keep_prob in training": [
                    {"scale": lambda p: 1 / p, "test": one},
                    {"scale": lambda p: 1 / p},
                ],
                "the branch is multiplied by keep_prob in training": [
                    {"scale": lambda p: p},
                    {"scale": lambda p: p, "test": one},
                ],
            },
            "How often did the next block see the branch in training?": {
                "keep_prob is missing at the test": [{"test": one}, {"test_back": one}],
                "the branch has no part at the test": [{"test": nothing}, {"test_back": nothing}],
                "multiplied by 1 − keep_prob at the test": {"test": lambda p: 1 - p},
                "divided by keep_prob at the test": {"test": lambda p: 1 / p},
                "the shortcut is multiplied by keep_prob, too": {"test_shortcut": lambda p: p},
            },
            "What does y consist of, besides the branch?": {
                "y lacks the shortcut": [
                    {"lacking": (True, False, None)},
                    {"lacking": (True, None)},
                    {"lacking": (True,)},
                    {"lacking": (None,)},
                ],
            },
            "Two ways lead from y back to x.": {
                "dx lacks the gradient of the shortcut": [
                    {"way": (False, True)},
                    {"replaced": (True, None)},
                    {"replaced": (True,)},
                    {"replaced": (None,)},
                ],
                "dx lacks the gradient of the branch": {"way": (True, False)},
                "keep_prob is squared in dx at the test": {"test_back": lambda p: p * p},
            },
        },
        _block,
    ),
    batch=("x", "dy"),
    extreme=("dy",),
)


def expect_spared(task, counts):
    """Fail unless a branch is called each way where it is needed, in order, and else never."""
    needed, spared, tested = counts[:, :2]
    like = {
        (1, 1): "a branch that is left out is computed all the same",
        (1, 0): "a branch that is left out is computed all the same, forward",
        (0, 1): "a branch that is left out is computed all the same, backward",
    }
    task.expect(
        not spared.any(),
        f"A branch that is left out was called {spared[0]} times forward, {spared[1]} backward.",
        looks_like=like.get(tuple(spared.tolist()), "") if needed.all() else "",
    )
    task.expect(
        (needed > 0).all() and (tested > 0).all(),
        f"Where it is needed, the branch was called {needed[0]} times forward and {needed[1]} "
        f"times backward in training, {tested[0]} and {tested[1]} at the test.",
    )
    task.expect(
        not counts[:, 2].any(),
        "branch_backward was called before branch.",
        looks_like="branch_backward is called before branch" if needed.all() else "",
    )


# --- task 6: a schedule --------------------------------------------------------------------------


def at_steps(schedule):
    """The values of a schedule at several steps, as an array."""

    def values(steps, keep_prob, gamma):
        found = [schedule(t, keep_prob, gamma) for t in steps]
        if any(value is None for value in found):
            raise TypeError("curriculum returned None; is the `return` missing?")
        return np.array(found)

    return values


def _curriculum(make):
    return lambda steps, keep_prob, gamma: np.array([make(t, keep_prob, gamma) for t in steps])


def _decay(t, gamma):
    return math.exp(-gamma * t)


curriculum = Oracle(
    lambda steps, keep_prob, gamma: _curriculum(schedules.curriculum_dropout)(
        steps, keep_prob, gamma
    ),
    mistakes=tuple(
        Mistake(name, _curriculum(make), (hint,))
        for hint, named in {
            "What should be kept at t = 0, and what after a long time?": {
                "it goes the wrong way: from keep_prob up to 1": lambda t, p, g: (
                    1 - (1 - p) * _decay(t, g)
                ),
                "it falls to 0, not to keep_prob": lambda t, p, g: _decay(t, g),
                "it falls from keep_prob to 0": lambda t, p, g: p * _decay(t, g),
                "it falls to 1 − keep_prob": lambda t, p, g: p * _decay(t, g) + 1 - p,
                "keep_prob is added to a whole exponential": lambda t, p, g: _decay(t, g) + p,
                "it falls from 1 − keep_prob to 0: keep_prob is not added": lambda t, p, g: (
                    (1 - p) * _decay(t, g)
                ),
                "it is the probability of dropping": lambda t, p, g: (1 - p) * (1 - _decay(t, g)),
                "it falls to 0, and is cut off at keep_prob": lambda t, p, g: max(p, _decay(t, g)),
                "it is keep_prob at every step": lambda t, p, g: p,
            },
            "The sign of the exponent, and where γ stands in it?": {
                "γ is not used": lambda t, p, g: (1 - p) * math.exp(-t) + p,
                "the exponent has the wrong sign": lambda t, p, g: (1 - p) / _decay(t, g) + p,
                "t is divided by γ": lambda t, p, g: (1 - p) * math.exp(-t / g) + p,
                "it falls along a straight line": lambda t, p, g: max(p, 1 - (1 - p) * g * t),
                "it is a step ahead: t counts from 0": lambda t, p, g: schedules.curriculum_dropout(
                    t + 1, p, g
                ),
                "it is a step behind: t counts from 0": lambda t, p, g: (
                    (1 - p) * _decay(t - 1, g) + p
                ),
            },
        }.items()
        for name, make in named.items()
    ),
)
