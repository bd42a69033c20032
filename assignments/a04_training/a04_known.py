"""References and known mistakes behind the checks of assignment a04.

Each mistake is the right function with another habit, another argument, or its result put wrongly
together, so that a check can say "it looks as if ...". Nothing here is written the way the tasks
ask for.
"""

import math
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from a04_samples import epochs_of, trained

from convnets import schedules
from coursekit import Mistake, Oracle, inside


def _mistakes(table, make):
    """Known mistakes from a table, hint -> name -> habits, which `make` turns into a function."""
    return tuple(
        Mistake(name, make(**each), (hint,))
        for hint, named in table.items()
        for name, habits in named.items()
        for each in (habits if isinstance(habits, list) else [habits])
    )


# --- task 1: mini-batches ------------------------------------------------------------------------


def batches_of(task, value):
    """The pairs of a result, as lists of arrays of images and of labels.

    Raises:
        CheckFailed: it is no list of pairs.
    """
    value = list(value) if hasattr(value, "__iter__") else value
    pairs = isinstance(value, list) and all(
        isinstance(pair, (tuple, list)) and len(pair) == 2 for pair in value
    )
    task.expect(
        pairs and len(value) > 0,
        "Expected a list of pairs (images, labels), one for each mini-batch.",
        looks_like="two values are returned, not a list of pairs"
        if isinstance(value, list) and len(value) == 2 and not pairs
        else "",
    )
    images, labels = ([np.asarray(pair[i]) for pair in value] for i in (0, 1))
    alike = [x.ndim == 4 and t.shape == x.shape[:1] for x, t in zip(images, labels, strict=True)]
    task.expect(
        all(alike),
        f"A batch has images of shape {images[alike.index(False)].shape} and labels of shape "
        f"{labels[alike.index(False)].shape}; expected (B, C, H, W) and (B,)."
        if not all(alike)
        else "",
    )
    return images, labels


def _sizes_as(n, size):
    """Sizes of the batches, right and as mistakes make them, by name."""
    full, rest = divmod(n, size)
    right = [size] * full + [rest] * (rest > 0)
    even = [len(part) for part in np.array_split(np.arange(n), len(right))]
    return right, {
        "the last batch, which is not full, is left out": [size] * full,
        "the last batch is filled up": [size] * (full + (rest > 0)),
        "the examples are cut into parts of equal size": even,
        "the rest is put into the batch before": [*right[: full - 1], size + rest],
        "there is an empty batch at the end": [size] * full + [rest],
        "the batch that is not full comes first": right[::-1],
    }


def expect_sizes(task, mini_batches, cases):
    """Fail unless all batches are full but the last, which holds the rest.

    Args:
        cases: arguments (images, labels, size, rng).
    """
    found, names = [], None
    for images, labels, size, rng in cases:
        value = task.call(
            mini_batches, images, labels, size, rng, names=("images", "labels", "batch_size", "rng")
        )
        sizes = [len(x) for x in batches_of(task, value)[0]]
        right, others = _sizes_as(len(images), size)
        found.append((len(images), size, sizes, right))
        like = {name for name, made in others.items() if made == sizes}
        names = like if names is None else names & like
    wrong = [each for each in found if each[2] != each[3]]
    if wrong:
        n, size, sizes, right = wrong[0]
        says = f"{n} examples in batches of {size} came as {sizes}; expected {right}."
        task.expect(False, says, looks_like=names.pop() if len(names) == 1 else "")


def order_of(task, images, value):
    """Which image stands where in the batches of one epoch, as indices (N,); and all labels.

    Raises:
        CheckFailed: an image is missing, or comes twice.
    """
    xs, ts = map(np.concatenate, batches_of(task, value))
    place = {number: i for i, number in enumerate(images[:, 0, 0, 0].tolist())}
    order = np.array([place.get(number, -1) for number in xs[:, 0, 0, 0].tolist()])
    task.expect((order >= 0).all(), "There are images in the batches that were not given.")
    task.expect((xs == images[order]).all(), "Some images are not those that were given.")
    missing = len(images) - len(set(order.tolist()))
    task.expect(
        missing == 0,
        f"{missing} of {len(images)} examples are in no batch of the epoch.",
        looks_like="examples are drawn with putting back: some come twice, others never"
        if len(order) == len(images)
        else "",
    )
    task.expect(len(order) == len(images), "Some examples come twice in one epoch.")
    return order, ts


def expect_pairs(task, images, labels, value):
    """Fail unless each image comes once in an epoch, with its own label."""
    order, ts = order_of(task, images, value)
    task.expect(ts.shape == labels.shape, f"There are {len(ts)} labels for {len(order)} images.")
    apart = ts != labels[order]
    task.expect(
        not apart.any(),
        f"{apart.sum()} of {len(labels)} images have a label that is not theirs.",
        looks_like=_apart(order, ts, labels),
    )


def _apart(order, ts, labels):
    if not np.array_equal(np.sort(ts), np.sort(labels)):
        return ""
    if np.array_equal(ts, labels):
        return "the images are shuffled, the labels are not"
    if np.array_equal(order, np.arange(len(labels))):
        return "the labels are shuffled, the images are not"
    return "images and labels are not put into the same order"


def orders(task, mini_batches, images, labels, size, rng, epochs):
    """The order of each of several epochs that draw from one generator."""
    seed = int(rng.integers(2**31))
    found = inside(epochs_of, mini_batches, images, labels, size, seed, epochs)
    return [order_of(task, images, batches)[0] for batches in found]


def digest(order):
    """A number that tells orders apart: two are equal only where all of the order is."""
    return np.array([order @ np.sqrt(np.arange(1.0, len(order) + 1))])


def expect_fresh_orders(task, found):
    """Fail unless the orders of several epochs differ from that of the data, and from another."""
    still = [np.array_equal(order, np.arange(len(order))) for order in found]
    task.expect(
        not all(still),
        "The images come in the order of the data.",
        looks_like="the images are not shuffled",
    )
    same = [np.array_equal(order, found[0]) for order in found[1:]]
    task.expect(
        not any(same),
        "Two epochs that draw from one generator have the same order.",
        looks_like="every epoch has the same order" if all(same) else "",
    )


def expect_thorough(task, found, size, labels):
    """Fail unless all orders seem equally likely.

    Args:
        found: orders, each of N examples.
        size: of the batches.
        labels: of the examples.
    """
    n, many = len(found[0]), len(found)
    starts = range(0, n, size)
    parts = [[order[s : s + size] for s in starts] for order in found]
    blocks = all(np.array_equal(p, np.arange(p[0], p[0] + len(p))) for ps in parts for p in ps)
    within = all(
        set(p) == set(range(s, s + len(p))) for ps in parts for s, p in zip(starts, ps, strict=True)
    )
    like = "the batches are shuffled, not the examples" if blocks else ""
    like = "the examples are shuffled within their batch only" if within else like
    like = "the images are not shuffled" if blocks and within else like
    if all((np.diff(labels[order]) >= 0).all() for order in found):
        like = "the examples are sorted by their labels"
    # False alarms of a fair shuffle, by one comparison each and 20 epochs of about 200 examples:
    # a place that always holds the same example, once in n¹⁸;
    fixed = int((np.stack(found) == found[0]).all(axis=0).sum())
    task.expect(
        fixed == 0,
        f"{fixed} of {n} places hold the same example in all {many} epochs.",
        looks_like=like or ("" if fixed == n else "some examples stay in the same place"),
    )
    # pairs i, i ± 1 that stay neighbours, about Poisson with mean 2 an epoch: 3e-12;
    neighbours = sum(int((abs(np.diff(order)) == 1).sum()) for order in found)
    # sum of |place − i|, all but normal, with mean (n² − 1)/3 and variance (n + 1)(2n² + 7)/45 an
    # epoch: 3e-12;
    distance = sum(int(abs(order - np.arange(n)).sum()) for order in found)
    mean, deviation = many * (n * n - 1) / 3, math.sqrt(many * (n + 1) * (2 * n * n + 7) / 45)
    task.expect(
        neighbours < 2 * many + 7 * math.sqrt(2 * many) + 7,
        f"In {many} epochs of {n} examples {neighbours} neighbours stayed neighbours; "
        f"with all orders equally likely there are about {2 * many}.",
        looks_like=like,
    )
    # neighbours with one label, which scatter no more than labels drawn one by one: 2e-12.
    share = np.mean(labels[:, None] == labels)
    alike = sum(int((np.diff(labels[order]) == 0).sum()) for order in found)
    task.expect(
        alike < many * n * share + 7 * math.sqrt(many * n * share * (1 - share)),
        "Examples with the same label follow one another too often.",
        looks_like=like,
    )
    task.expect(
        abs(distance - mean) < 7 * deviation,
        "The examples stay too near to, or too far from, where they were.",
        looks_like=like,
    )


def expect_even(task, found):
    """Fail unless every example comes to every place equally often, in many epochs.

    The statistic is that of Pearson, whose distribution is χ² with (n − 1)² degrees of freedom for
    fair orders; the bound, by Wilson and Hilferty, is that of six deviations: 1e-9.
    """
    orders, n = np.stack(found), found[0].size
    counts = np.stack([(orders == i).sum(axis=0) for i in range(n)])
    free = (n - 1) ** 2
    bound = free * (1 - 2 / (9 * free) + 6 * math.sqrt(2 / (9 * free))) ** 3

    def is_likely(shares):
        want = len(orders) * shares
        return ((counts - want) ** 2 / want).sum() * (n - 1) / n < bound

    walks = [range(n)[k:][::way] for k in (0, 1) for way in (1, -1)]
    swaps = [_swapped_with_any(n, places) for places in walks]
    like = ""
    if not counts.diagonal().any():
        like = "no example ever stays in its place"
    elif any(map(is_likely, swaps)):
        like = "each place is swapped with any place: not all orders are equally likely"
    task.expect(
        is_likely(np.full((n, n), 1 / n)),
        f"In {len(orders)} epochs of {n} examples one came to the same place {counts.max()} times, "
        f"another {counts.min()} times; expected about {len(orders) / n:.0f}.",
        looks_like=like,
    )


def _swapped_with_any(n, places):
    """How likely example i comes to place j, where each place in turn is swapped with any place."""
    shares = np.eye(n)
    for k in places:
        move = np.eye(n) * (1 - 1 / n)
        move[:, k] = move[k] = 1 / n
        shares = shares @ move
    return shares


def sorted_batches(task, mini_batches):
    """The batches of an epoch, put back into the order of their first pixel: what is not random."""

    def function(images, labels, batch_size, seed):
        value = mini_batches(images, labels, batch_size, np.random.default_rng(seed))
        xs, ts = batches_of(task, value)
        sizes = [len(x) for x in xs]
        xs, ts = np.concatenate(xs), np.concatenate(ts)
        order = np.argsort(xs[:, 0, 0, 0])
        return xs[order], ts[order], np.array(sizes)

    return function


def _sorted_batches(images, labels, batch_size, seed):
    order = np.argsort(images[:, 0, 0, 0])
    return images[order], labels[order], np.array(_sizes_as(len(images), batch_size)[0])


mini_batches = Oracle(
    _sorted_batches,
    outputs=("images", "labels", "sizes"),
    batch=("images", "labels"),
    extreme=("images",),
)


# --- task 2: the loop ----------------------------------------------------------------------------


@dataclass
class _Habits:
    """How a training loop does things; the defaults are right."""

    train_mode: str = "epoch"  # or "once", "never"
    eval_mode: str = "epoch"  # or "never", "late"
    zero: str = "batch"  # or "epoch", "never", "before the step"
    delayed: bool = False  # the step comes before the gradient
    once: bool = False  # one order for all epochs
    skip_last: bool = False
    average: str = "examples"
    step: str = "batch"  # or "epoch"
    validate: str = "after"
    learn: str = ""  # from the validation examples, with gradients "alone" or "added"
    again: str = ""  # the loss is measured once more, "after" the update or "before" it
    log: tuple = field(default_factory=lambda: ([], []))


def _loop(net, rule, epoch_batches, val_x, val_t, epochs, **habits):
    how = _Habits(**habits)
    kept = epoch_batches() if how.once else None
    if how.train_mode == "once":
        net.train()
    seen = []
    for _ in range(epochs):
        if how.validate == "before":
            _validate(net, rule, val_x, val_t, how)
        if how.train_mode == "epoch":
            net.train()
        if how.zero == "epoch":
            rule.zero_grad()
        epoch = kept or epoch_batches()
        seen = (seen if how.average == "all so far" else []) + [
            (_batch(net, rule, pair, how), len(pair[1]))
            for pair in (epoch[:-1] if how.skip_last else epoch)
        ]
        if how.step == "epoch":
            rule.step()
        how.log[0].append(_average(seen, how.average))
        if how.validate == "after":
            _validate(net, rule, val_x, val_t, how)
    return how.log


def _validate(net, rule, val_x, val_t, how):
    if how.eval_mode == "epoch":
        net.eval()
    how.log[1].append(net.loss(val_x, val_t))
    if how.eval_mode == "late":
        net.eval()
    if how.learn:
        if how.learn == "alone":
            rule.zero_grad()
        net.backward()
        rule.step()


def _batch(net, rule, pair, how):
    actions = [net.backward, rule.step][:: -1 if how.delayed else 1]
    if how.step == "epoch":
        actions.remove(rule.step)
    if how.zero == "batch":
        actions.insert(1 if how.delayed else 0, rule.zero_grad)
    elif how.zero == "before the step":
        actions.insert(actions.index(rule.step), rule.zero_grad)
    value = net.loss(*pair)
    if how.again == "before":
        net.loss(*pair)
    for act in actions:
        act()
    return net.loss(*pair) if how.again == "after" else value


def _average(seen, how):
    losses, counts = map(np.array, zip(*seen, strict=True))
    values = {
        "batches": losses.mean(),
        "last": losses[-1],
        "first": losses[0],
        "sum": losses.sum(),
        "weighted sum": losses @ counts,
        "over batches": losses @ counts / len(losses),
    }
    return values.get(how, losses @ counts / counts.sum())


LOOPS = {
    "What does the model do with m in each of its modes, and which one suits validation?": {
        "validation runs in training mode": [{"eval_mode": "never"}, {"eval_mode": "late"}],
        "the model never goes back into training mode after validation": {"train_mode": "once"},
        "the model is never put into training mode": {"train_mode": "never"},
    },
    "backward() adds to the gradients that are there. Of which batches are they the sum?": {
        "the gradients are never set to zero, and add up": {"zero": "never"},
        "the gradients are set to zero once an epoch only": {"zero": "epoch"},
        "the weights never change: no step() meets gradients that are there": {
            "zero": "before the step"
        },
        "there is one update in an epoch, not one for each batch": [
            {"zero": "epoch", "step": "epoch"},
            {"step": "epoch"},
        ],
    },
    "In which order: loss, gradient, update?": {
        "step() comes before backward(), and uses the gradients of the batch before": [
            {"delayed": True},
            {"delayed": True, "zero": "never"},
        ],
    },
    "What does epoch_batches() do each time it is called?": {
        "one order is used for all epochs": {"once": True},
        "the last batch is left out": {"skip_last": True},
    },
    "How many examples has the last batch, and how many the others?": {
        "the losses of the batches are averaged as if all were full": {"average": "batches"},
        "the training loss is that of the last batch": {"average": "last"},
        "the training loss is that of the first batch": {"average": "first"},
        "the training loss is a sum over the batches": {"average": "sum"},
        "the training loss is a sum over the examples": {"average": "weighted sum"},
        "the weighted losses are divided by the number of batches": {"average": "over batches"},
        "the training loss is averaged over all epochs so far": {"average": "all so far"},
    },
    "The loss has been measured when the batch was learned from; each call moves a running mean.": {
        "model.loss is called once more for each training batch": [
            {"again": "after"},
            {"again": "before"},
        ]
    },
    "When is an epoch over? And who may learn from the validation examples?": {
        "the validation comes before the epoch, not after it": {"validate": "before"},
        "the model learns from the validation examples": [
            {"learn": "alone"},
            {"learn": "added"},
        ],
    },
}


def _trained_by(**habits):
    def make(w, x, t, val_x, val_t, size, epochs, seed):
        loop = partial(_loop, **habits)
        return trained(loop, w, x, t, val_x, val_t, size, epochs, seed)

    return make


train_model = Oracle(
    _trained_by(),
    mistakes=_mistakes(LOOPS, _trained_by),
    outputs=("weights", "train_loss", "val_loss"),
)


# --- task 3: schedules ---------------------------------------------------------------------------


def _warm(t, rate, steps, how="right"):
    if not steps:
        return rate
    return {
        "right": lambda: schedules.warm_up(t, rate, steps),
        "from zero": lambda: rate * min(1, t / steps),
        "no end": lambda: rate * (t + 1) / steps,
        "late": lambda: rate * min(1, (t + 2) / steps),
        "longer": lambda: rate * min(1, (t + 1) / (steps + 1)),
        "none": lambda: rate,
    }[how]()


def _named(name):
    def rate(t, lr, span, factor):
        settings = {"step": {"every": span}, "exponential": {"every": span}}
        given = settings.get(name, {"k": 1 / span} if name == "inverse" else {"total": span})
        if "every" in given:
            given["factor"] = factor
        return schedules.SCHEDULES[name](t, lr, **given)

    return rate


def _schedule(rate, warm="right", shift=0, restart=False, instead=None):
    """Rates of (kind, steps, lr, span, factor, warm_up) by `rate(t, lr, span, factor)`.

    Args:
        warm: how the warm-up goes.
        shift: added to t, but not for the warm-up.
        restart: whether the schedule begins when the warm-up ends.
        instead: what the rate is while it warms up, of (t, lr, warm_up).
    """

    def at(t, lr, span, factor, warm_up):
        if instead and t < warm_up:
            return instead(t, lr, warm_up)
        now = max(0, t + shift - (warm_up if restart else 0))
        return _warm(t, rate(now, lr, span, factor), 0 if instead else warm_up, warm)

    def rates(kind, steps, lr, span, factor=0.1, warm_up=0):
        return np.array([at(t, lr, span, factor, warm_up) for t in steps], np.float64)

    return rates


def at_steps(learning_rate):
    """The rates at several steps, as an array: what is nearly 0 is compared with the others."""

    def rates(kind, steps, *settings):
        values = [learning_rate(kind, t, *settings) for t in steps]
        if any(value is None for value in values):
            raise TypeError("learning_rate returned None; is the `return` missing?")
        return np.array(values)

    return rates


COUNT = {
    "What is t at the first update? Put 0 into your formula: it should give lr.": {
        "the schedule is a step ahead: t counts from 0": {"shift": 1},
        "the schedule is a step behind: t counts from 0": {"shift": -1},
    },
    "At t = 0, is the rate 0 or lr / warm_up? And from which t on is it all of it?": {
        "the warm-up begins at zero": {"warm": "from zero"},
        "the warm-up does not end": {"warm": "no end"},
        "the warm-up is a step ahead": {"warm": "late"},
        "the warm-up is divided by warm_up + 1": {"warm": "longer"},
        "there is no warm-up": {"warm": "none"},
    },
    "The warm-up multiplies what the schedule gives at t.": {
        "the schedule begins only when the warm-up ends": {"restart": True},
        "the warm-up rises towards lr, not towards the schedule": {
            "instead": lambda t, lr, warm_up: lr * (t + 1) / warm_up
        },
    },
}


def _half(turns, t, lr, span, _factor=None, end=True):
    return lr * (1 + math.cos(turns * (min(t, span) if end else t) / span)) / 2


RATES = {
    "step": {
        "⌊ ⌋ rounds down. Which of / and // does that?": {
            "the quotient is not rounded: the steps are a curve": _named("exponential"),
            "the quotient is rounded to the nearest": lambda t, lr, s, f: lr * f ** round(t / s),
            "the quotient is rounded up": lambda t, lr, s, f: lr * f ** -(-t // s),
        },
        "How often is the factor multiplied by, after 2 · span steps?": {
            "the rate is multiplied by the factor at most once": lambda t, lr, s, f: (
                lr * f ** min(1, t // s)
            ),
            "the quotient is a factor, not an exponent": lambda t, lr, s, f: (
                lr * f * (t // s) if t >= s else lr
            ),
            "the rate is divided by the factor": lambda t, lr, s, f: lr / f ** (t // s),
        },
    },
    "exponential": {
        "Which of / and // keeps the fraction?": {
            "t // span: the quotient is rounded down": _named("step")
        },
        "After how many steps has the rate fallen by the factor?": {
            "span is ignored": lambda t, lr, s, f: lr * f**t,
            "span multiplies where it should divide": lambda t, lr, s, f: lr * f ** (t * s),
            "e is taken for the factor": lambda t, lr, s, f: lr * math.exp(-t / s),
            "the rate is divided by the factor": lambda t, lr, s, f: lr / f ** (t / s),
        },
    },
    "inverse": {
        "After span steps, the rate should be halved.": {
            "t // span: the quotient is rounded down": lambda t, lr, s, f: lr / (1 + t // s),
            "span multiplies where it should divide": lambda t, lr, s, f: lr / (1 + t * s),
            "span is ignored": lambda t, lr, s, f: lr / (1 + t),
            "the 1 in the denominator is missing": lambda t, lr, s, f: lr / (t / s),
            "the root of the denominator is taken": lambda t, lr, s, f: lr / math.sqrt(1 + t / s),
            "a bracket is missing: lr / 1 + …": lambda t, lr, s, f: lr + t / s,
        }
    },
    "cosine": {
        "math.cos takes radians: what is half a turn?": {
            "the angle is in degrees": partial(_half, 180),
            "the cosine makes a whole turn, not half of one": partial(_half, 2 * math.pi),
            "the cosine makes a quarter of a turn": partial(_half, math.pi / 2),
            "π is missing": partial(_half, 1),
        },
        "What is the rate long after span steps?": {
            "the cosine goes on after span steps, and rises again": partial(
                _half, math.pi, end=False
            ),
            "the cosine begins anew every span steps": lambda t, lr, s, f: _half(
                math.pi, t % s, lr, s
            ),
            "the rate is lr again after span steps": lambda t, lr, s, f: (
                _half(math.pi, t, lr, s) if t <= s else lr
            ),
            "t // span: the quotient is rounded down": lambda t, lr, s, f: _half(
                math.pi, min(t // s, 1), lr, 1
            ),
            "the end comes a step early": lambda t, lr, s, f: _half(math.pi, t, lr, max(1, s - 1)),
            "the end comes a step late": lambda t, lr, s, f: _half(math.pi, t, lr, s + 1),
        },
        "Put t = 0 into your formula: it should give lr.": {
            "the half is missing": lambda t, lr, s, f: 2 * _half(math.pi, t, lr, s),
            "the 1 + is missing": lambda t, lr, s, f: 2 * _half(math.pi, t, lr, s) - lr,
            "the cosine is subtracted": lambda t, lr, s, f: lr - _half(math.pi, t, lr, s),
        },
    },
}


def _oracle(kind):
    right = _named(kind)
    return Oracle(
        _schedule(right),
        mistakes=(
            *_mistakes(COUNT, partial(_schedule, right)),
            *_mistakes(
                {
                    hint: {name: {"rate": rate} for name, rate in named.items()}
                    for hint, named in RATES[kind].items()
                },
                _schedule,
            ),
        ),
    )


learning_rate = {kind: _oracle(kind) for kind in RATES}


# --- task 4: preprocessing -----------------------------------------------------------------------


def _roots(values, epsilon, where):
    if where == "outside":
        return np.sqrt(values) + epsilon
    if where == "none":
        return np.sqrt(values)
    if where == "each":
        return np.sqrt(values) + np.sqrt(epsilon)
    if where == "least":
        return np.sqrt(np.maximum(values, epsilon))
    if where == "no root":
        return values + epsilon
    return np.sqrt(values + epsilon)


def _fitted(train, x, source, mean, ddof):
    """Mean, centred rows to learn from, and their count, as a mistake has them."""
    rows = {"train": train, "both": np.concatenate([train, x])}.get(source, x)
    centre = train.mean(axis=0) if source.startswith("spread") else rows.mean(axis=0)
    middle = centre if source == "spread of x around the mean" else rows.mean(axis=0)
    if mean == "one":
        centre = np.full_like(centre, rows.mean())
    return centre, rows - middle, len(rows) - ddof


def _standard(
    kind, train, x, epsilon, source="train", mean="each", root="right", ddof=0, rows=False
):
    train, fresh = train.astype(np.float64), x.astype(np.float64)
    if rows:
        m, v = fresh.mean(1, keepdims=True), fresh.var(1, keepdims=True)
        return ((fresh - m) / np.sqrt(v + epsilon)).astype(x.dtype)
    centre, learned, count = _fitted(train, fresh, source, mean, ddof)
    spread = (learned**2).sum(axis=0) / count
    if mean == "one":
        spread = np.full_like(spread, train.var())
    centre = 0 * centre if mean == "none" else centre
    centre = fresh.mean(axis=0) if mean == "of x" else centre
    scale = _roots(spread, epsilon, root)
    y = (fresh - centre) * scale if root == "multiplied" else (fresh - centre) / scale
    return y.astype(x.dtype)


def _zca(
    kind,
    train,
    x,
    epsilon,
    source="train",
    mean="each",
    root="right",
    ddof=0,
    turn="both",
    cov="",
    basis="svd",
):
    train, fresh = train.astype(np.float64), x.astype(np.float64)
    centre, learned, count = _fitted(train, fresh, source, mean, ddof)
    if cov == "not centred":
        learned = train
    centre = 0 * centre if mean == "none" else centre
    centre = fresh.mean(axis=0) if mean == "of x" else centre
    u, s, _ = np.linalg.svd(learned.T / np.sqrt(1 if cov == "sum" else count))
    values = np.zeros(train.shape[1])
    values[: len(s)] = s if cov == "singular" else s**2
    if basis == "eigh":
        values, u = np.linalg.eigh(learned.T @ learned / count)
    scaled = u / _roots(values, epsilon, root)
    if root == "multiplied":
        scaled = u * np.sqrt(values + epsilon)
    y = fresh - centre
    matrix = {"both": scaled @ u.T, "pca": scaled, "no scale": u @ u.T}.get(turn)
    if turn == "rows":
        matrix = (u.T / _roots(values, epsilon, root)) @ u
    return (y @ matrix).astype(x.dtype)


FITTED = {
    "Which rows may the mean and the spread come from? And which rows are changed by them?": {
        "the statistics are those of x, not of the training rows": {"source": "x"},
        "the statistics are those of the training rows and x together": {"source": "both"},
        "the mean is that of x, not of the training rows": {"mean": "of x"},
        "the spread is that of x, not of the training rows": [
            {"source": "spread of x"},
            {"source": "spread of x around the mean"},
        ],
    },
    "What has the mean 0 afterwards?": {"the mean is not subtracted": {"mean": "none"}},
    "σ² is a mean of squares: divided by N.": {"it is divided by N − 1, not by N": {"ddof": 1}},
    "Where does ε stand, and where the root?": {
        "ε is left out": {"root": "none"},
        "ε stands outside the root": {"root": "outside"},
        "a root is taken of ε by itself": {"root": "each"},
        "ε is the least that a variance counts, and not added to it": {"root": "least"},
        "the root is missing: it is divided by the variance": {"root": "no root"},
        "it is multiplied by the deviation, not divided by it": {"root": "multiplied"},
    },
}
COLUMNS = {
    "There is a mean and a deviation for each column, over the rows.": {
        "each row is standardised by itself: rows for columns": {"rows": True},
        "one mean and one deviation are taken for all columns": {"mean": "one"},
    }
}
TURNS = {
    "Three matrices in a row: turn, scale, turn back.": {
        "it is turned and scaled, but not turned back: that is PCA whitening": [
            {"turn": "pca", "basis": basis} for basis in ("svd", "eigh")
        ],
        "it is turned and turned back, but not scaled": {"turn": "no scale"},
        "U and its transpose are swapped": [
            {"turn": "rows", "basis": basis} for basis in ("svd", "eigh")
        ],
    },
    "What becomes of a λ that is 0, or less by rounding?": {
        "ε is left out": {"root": "none", "basis": "eigh"},
        "ε stands outside the root": {"root": "outside", "basis": "eigh"},
    },
    "Σ is the mean of the products of centred columns.": {
        "Σ is not divided by N": {"cov": "sum"},
        "the rows are not centred before Σ": {"cov": "not centred"},
        "singular values are taken for eigenvalues": {"cov": "singular"},
        "one mean is taken for all columns": {"mean": "one"},
    },
}
OF_ROWS = {"batch": ("x",), "dtype_of": "x"}


def _explain(kind, train, x, epsilon):
    return f"a row for each of the {len(x)} rows of x, of {x.shape[1]} numbers"


def _given(function, **habits):
    def make(kind, train, x, epsilon):
        with np.errstate(all="ignore"):
            return function(kind, train, x, epsilon, **habits)

    return make


standardise = Oracle(
    _given(_standard),
    mistakes=(
        *_mistakes(FITTED | COLUMNS, partial(_given, _standard)),
        Mistake(
            "the training rows are returned, not x", lambda k, tr, x, e: _standard(k, tr, tr, e)
        ),
    ),
    explain_shape=_explain,
    **OF_ROWS,
)
zca = Oracle(
    _given(_zca),
    mistakes=(
        *_mistakes(FITTED | TURNS, partial(_given, _zca)),
        Mistake("the training rows are returned, not x", lambda k, tr, x, e: _zca(k, tr, tr, e)),
        Mistake("it is standardised, not whitened", _given(_standard)),
    ),
    explain_shape=_explain,
    **OF_ROWS,
)


# --- task 5: the search --------------------------------------------------------------------------

NARROW = 5  # the second stage goes from best / 5 to 5 · best
NAMES = ("restart", "step", "low", "high", "trials", "steps", "rng")


@dataclass
class Found:
    """What a search returned and did.

    Attributes:
        best, rates, losses: returned.
        runs: for each restart, the first loss, the rates of its steps, and their losses.
        early: steps before the first restart.
        trials, steps, low, high: what was asked for.
    """

    best: float
    rates: np.ndarray
    losses: np.ndarray
    runs: list
    early: int
    trials: int
    steps: int
    low: float
    high: float


def searched(task, search_rate, rng, low, high, trials, steps, steep=1.0, no_number=math.inf):
    """A search on a loss of two directions, of which rates above 2 / steep lead uphill.

    Args:
        rng: of the first weights, and of the search.
        no_number: a rate above which the loss is NaN.
    """
    state, log = {"w": np.ones(2)}, []
    weights, given = rng.spawn(2)

    def restart():
        state["w"] = weights.uniform([0.6, 1.2], [1.2, 2.4])
        log.append((None, float(np.sum(state["w"] ** 2))))
        return log[-1][1]

    def step(rate):
        rate = float(rate)
        with np.errstate(all="ignore"):
            state["w"] = state["w"] * (1 - rate * steep * np.array([1.0, 0.3]))
            loss = float(np.sum(state["w"] ** 2)) if rate < no_number else math.nan
        log.append((rate, loss))
        return loss

    value = task.call(search_rate, restart, step, low, high, trials, steps, given, names=NAMES)
    task.expect(
        isinstance(value, (tuple, list)) and len(value) == 3,
        "Expected three values: the best rate, all rates, all losses.",
    )
    rates, losses = (np.asarray(part, np.float64) for part in value[1:])
    shape = (2 * trials,)
    task.expect(
        rates.shape == shape and losses.shape == shape and np.ndim(value[0]) == 0,
        f"With trials = {trials} the rates have shape {rates.shape}, the losses {losses.shape}; "
        f"expected {shape} for both, and one number for the best rate.",
        looks_like="half as many runs are returned as two stages of trials make"
        if rates.shape == losses.shape == (trials,)
        else "",
    )
    starts = [i for i, (rate, _) in enumerate(log) if rate is None]
    ends = [*starts[1:], len(log)]
    runs = [
        (log[a][1], [r for r, _ in log[a + 1 : b]], [v for _, v in log[a + 1 : b]])
        for a, b in zip(starts, ends, strict=False)
    ]
    early = starts[0] if starts else len(log)
    best = float(value[0])
    return Found(best, rates, losses, runs, early, trials, steps, float(low), float(high))


def expect_runs(task, found):
    """Fail unless each run has a fresh model, and trains with the rate that is returned for it."""
    count, many = len(found.runs), 2 * found.trials
    times = {
        0: "never restarted",
        1: "restarted once only",
        2: "restarted once for each stage only",
    }
    task.expect(
        count == many and not found.early,
        f"restart() was called {count} times, and {found.early} steps came before it; expected "
        f"{many} times, at the start of each run.",
        looks_like=f"the model is {times[count]}: each run goes on from the one before"
        if count in times and many > 2
        else "",
    )
    for i, (_, used, _) in enumerate(found.runs):
        task.expect(
            np.allclose(used, found.rates[i], rtol=1e-6),
            f"Run {i + 1} is said to have the rate {found.rates[i]:.4g}, but called step with "
            f"{', '.join(f'{rate:.4g}' for rate in used[:3])}.",
            looks_like="the losses are returned before the rates"
            if np.allclose(_used(found), found.losses, rtol=1e-6)
            else "the runs are returned sorted, not in their order"
            if _is_sorted(found)
            else "",
        )


def _used(found):
    """The rate of each run, as it was called with."""
    return np.array([rates[0] if rates else math.nan for _, rates, _ in found.runs])


def _is_sorted(found):
    ordered = [np.array_equal(a, np.sort(a)) for a in (found.rates, found.losses)]
    return any(ordered) and np.allclose(np.sort(_used(found)), np.sort(found.rates), rtol=1e-6)


def _in_order(several):
    """Whether rates are returned in the order of the runs."""
    return all(
        len(f.runs) == len(f.rates) and np.allclose(_used(f), f.rates, rtol=1e-6) for f in several
    )


def _steps_until(run, steps, is_over):
    """How many steps a run takes that ends with the first loss for which `is_over`."""
    first, _, losses = run
    before = [first, *losses]
    for k, loss in enumerate(losses):
        if is_over(loss, first, before[k]):
            return k + 1
    return steps


RULES = {  # when a run is over, of its loss, the first one, and the one before
    "a run is given up at 3 times the loss before, not the first": lambda a, f, b: not a <= 3 * b,
    "no run is stopped before its end": lambda a, f, b: False,
    "a run is given up as soon as its loss rises": lambda a, f, b: not a <= b,
    "a run is given up when its loss exceeds the first one": lambda a, f, b: not a <= f,
    "a run is given up at a loss of 3, whatever the first one": lambda a, f, b: not a <= 3,
    "a loss that is no number is not given up": lambda a, f, b: a > 3 * f,
}


def _is_over(loss, first, _before):
    return not loss <= 3 * first


def expect_lengths(task, found):
    """Fail unless runs stop when their loss exceeds 3 times the first, and no others do."""
    took = [len(run[2]) for run in found.runs]
    want = [_steps_until(run, found.steps, _is_over) for run in found.runs]
    like = [
        name
        for name, rule in RULES.items()
        if took == [_steps_until(run, found.steps, rule) for run in found.runs]
    ]
    of_first = [(found.runs[0][0], *run[1:]) for run in found.runs]
    if took == [_steps_until(run, found.steps, _is_over) for run in of_first]:
        like.append("the first loss of the first run is used for all")
    wrong = [i for i, (a, b) in enumerate(zip(took, want, strict=True)) if a != b]
    if wrong:
        i = wrong[0]
        first, _, losses = found.runs[i]
        task.expect(
            False,
            f"Run {i + 1} took {took[i]} of {found.steps} steps. Its first loss was {first:.4g}, "
            f"then came {', '.join(f'{v:.4g}' for v in losses[:6])}; 3 · {first:.4g} = "
            f"{3 * first:.4g}, so {want[i]} steps were expected.",
            looks_like=like[0] if len(like) == 1 else "",
        )


def expect_limit(task, search_rate, rng):
    """Fail unless a loss of 3 times the first one, and no more, is put up with."""
    value = task.call(search_rate, lambda: 2.0, lambda rate: 6.0, 0.1, 1.0, 2, 3, rng, names=NAMES)
    losses = np.asarray(value[2], np.float64)
    task.expect(
        np.array_equal(losses, [6.0] * 4),
        f"With first losses of 2 and all others 6 the losses of the runs are {losses}; expected 6.",
        looks_like="a run is given up at 3 times its first loss, not only above"
        if np.isinf(losses).all()
        else "",
    )


def _ends(found):
    """The loss that each run should have."""
    return np.array(
        [
            math.inf if any(_is_over(v, first, 0) for v in losses) else losses[-1]
            for first, _, losses in found.runs
        ]
    )


def expect_losses(task, found):
    """Fail unless the losses are the last of each run, infinite where it was given up."""
    task.expect(
        len(found.runs) == 2 * found.trials and all(run[2] for run in found.runs),
        "The losses belong to no runs: restart() and step(rate) are called otherwise.",
    )
    want = _ends(found)
    near = np.isclose(found.losses, want)
    others = {
        "the last loss of a run that was given up is returned, not np.inf": [
            losses[-1] for _, _, losses in found.runs
        ],
        "the smallest loss of a run is returned, not its last": [
            math.inf if math.isinf(end) else min(losses)
            for end, (_, _, losses) in zip(want, found.runs, strict=True)
        ],
        "the mean loss of a run is returned, not its last": [
            math.inf if math.isinf(end) else np.mean(losses)
            for end, (_, _, losses) in zip(want, found.runs, strict=True)
        ],
        "the first loss of a run is returned, not its last": [first for first, _, _ in found.runs],
    }
    like = [n for n, v in others.items() if np.allclose(found.losses, v, equal_nan=True)]
    if not any(len(run[2]) < found.steps for run in found.runs):
        like = [name for name in like if "given up" not in name]  # who knows what it takes for one
    if not near.all():
        i = int(np.argmin(near))
        task.expect(
            False,
            f"Run {i + 1} has the loss {found.losses[i]:.6g}; expected {want[i]:.6g}.",
            looks_like=like[0] if len(like) == 1 else "",
        )


def _returned(found):
    """The losses that were returned, right or not; infinite where one is no number."""
    return np.where(np.isnan(found.losses), math.inf, found.losses)


def expect_best(task, found):
    """Fail unless the best rate is the one with the smallest of the losses that are returned."""
    losses = _returned(found)
    finite = np.isfinite(losses)
    task.expect(finite.any(), "Every run was given up.")
    half = found.trials
    others = {
        "the loss of the best run is returned, not its rate": losses.min(),
        "the rate with the highest loss is kept": found.rates[
            np.where(finite, losses, -1).argmax()
        ],
        "the rate of a run that was given up is kept": found.rates[~finite],
        "the rate of the last run is returned": found.rates[-1],
        "the best rate of the first stage is returned": found.rates[losses[:half].argmin()],
        "the best rate of the second stage is returned, though one of the first is better": (
            found.rates[half + losses[half:].argmin()]
        ),
    }
    like = [name for name, value in others.items() if np.isclose(found.best, value).any()]
    want = found.rates[losses.argmin()]
    task.expect(
        np.isclose(found.best, want),
        f"The best rate is said to be {found.best:.4g}; the smallest loss has {want:.4g}.",
        looks_like=like[0] if len(like) == 1 else "",
    )


def _stages(found):
    """Rates and bounds of both stages, the second around the best of the first, as returned."""
    half = found.trials
    around = found.rates[_returned(found)[:half].argmin()]
    second = max(found.low, around / NARROW), min(found.high, around * NARROW)
    return (found.rates[:half], (found.low, found.high)), (found.rates[half:], second)


def expect_ranges(task, several):
    """Fail unless all rates lie in the ranges of their stages."""
    for found in several:
        for name, (rates, (low, high)) in zip(("first", "second"), _stages(found), strict=True):
            inside = (rates >= low * (1 - 1e-9)) & (rates <= high * (1 + 1e-9))
            if inside.all():
                continue
            bad = rates[~inside][0]
            says = f"A rate of the {name} stage is {bad:.4g}; expected {low:.4g} to {high:.4g}."
            task.expect(False, says, looks_like=_range_mistake(several))


def _range_mistake(several):
    """How all rates of the second stage, in several searches, are out of their range."""
    if not _in_order(several) or any((f.rates[: f.trials] < f.low).any() for f in several):
        return ""
    half = [(f, f.rates[f.trials :]) for f in several]
    bests = [f.rates[_returned(f)[: f.trials].argmin()] for f in several]
    worst = [f.rates[_returned(f)[: f.trials].argmax()] for f in several]

    def all_in(centres, cut=True):
        return all(
            (r >= max(f.low * cut, c / NARROW) * (1 - 1e-9)).all()
            and (r <= (min(f.high, c * NARROW) if cut else c * NARROW) * (1 + 1e-9)).all()
            for (f, r), c in zip(half, centres, strict=True)
        )

    if all_in(bests, cut=False):
        return "the second stage leaves the range from low to high"
    if all_in(worst):
        return "the second stage is drawn around the worst rate of the first"
    if all(r.max() / r.min() > 1.5 * NARROW**2 for _, r in half):
        return "the second stage draws from a range that is too wide"
    return ""


def expect_log_uniform(task, several):
    """Fail unless the logarithms of all rates are spread evenly over their ranges.

    The largest gap between the shares below each value and those expected exceeds c / √n with a
    probability of at most 2 exp(−2c²), for all n (Kolmogorov, Smirnov; Massart). With c = 3.3 that
    is 7e-10 for each stage.
    """
    for stage, name in enumerate(("first", "second")):
        parts = [_stages(found)[stage] for found in several]
        at_ends = max(
            int(np.isclose(rates, end, rtol=1e-12).sum()) for rates, b in parts for end in b
        )
        task.expect(
            at_ends < 2,
            f"{at_ends} rates of the {name} stage are the same, at the end of its range.",
            looks_like="rates out of the range are moved to its end; the range is to be cut off"
            if stage and _in_order(several)
            else "",
        )
        apart = {
            how: _gap(np.concatenate([_place(*part, how) for part in parts]))
            for how in ("log", "plain")
        }
        count = sum(len(rates) for rates, _ in parts)
        bound = 3.3 / math.sqrt(count)
        task.expect(
            apart["log"] < bound,
            f"The {count} rates of the {name} stage are not spread evenly on a logarithmic scale.",
            looks_like="the rates are drawn uniformly, not their logarithms"
            if apart["plain"] < bound / 2 and _in_order(several)
            else "",
        )


def _place(rates, bounds, how):
    """Where rates lie in their range, from 0 to 1."""
    scale = np.log if how == "log" else np.asarray
    low, high = scale(bounds[0]), scale(bounds[1])
    return (scale(rates) - low) / (high - low)


def _gap(places):
    """The largest difference between the shares below the places and the places themselves."""
    places, n = np.sort(places), len(places)
    ranks = np.arange(n)
    return float(max((places - ranks / n).max(), ((ranks + 1) / n - places).max()))


# --- task 6: curves ------------------------------------------------------------------------------

FAULTS = (
    "rate too high",
    "bad start",
    "overfitting",
    "rate too low",
    "underfitting",
    "healthy",
)


def _numbers(
    step,
    train,
    val,
    classes,
    peak="max",
    base=math.log,
    early=None,
    plateau="max",
    gap=1,
    late="fall",
    part=math.floor,
):
    """Peak, plateau, gap and late share, with habits that are right or wrong."""
    step, train, val = (np.array(part, np.float64) for part in (step, train, val))
    n, level = len(train), base(classes)
    first = math.ceil(n / 8) if early is None else early(n)
    off = train[:first] / level - 1
    third = part(n / 3)
    fall = train[0] - train[-1]
    worst = {
        "max": lambda: np.max(step) / step[0],
        "epochs": lambda: train.max() / train[0],
        "last": lambda: step.max() / step[-1],
        "end": lambda: step[-1] / step[0],
        "difference": lambda: step.max() - step[0],
        "smallest": lambda: step.max() / step.min(),
    }[peak]()
    flat = {
        "max": lambda: abs(off).max(),
        "mean": lambda: abs(off).mean(),
        "least": lambda: abs(off).min(),
        "sign": lambda: off.max(),
        "last": lambda: abs(off[-1]),
        "first": lambda: abs(off[0]),
        "absolute": lambda: abs(off).max() * level,
        "percent": lambda: 100 * abs(off).max(),
        "validation": lambda: abs(val[:first] / level - 1).max(),
    }[plateau]()
    share = {
        "fall": lambda: (train[-1 - third] - train[-1]) / fall,
        "short": lambda: (train[-third] - train[-1]) / fall,
        "first loss": lambda: (train[-1 - third] - train[-1]) / train[0],
        "absolute": lambda: train[-1 - third] - train[-1],
        "rest": lambda: (train[-1 - third] - train[-1]) / (train[0] - train[-1 - third]),
        "mirrored": lambda: (train[third] - train[-1]) / fall,
        "ten": lambda: (train[-11] - train[-1]) / fall,
        "ten at most": lambda: (train[-11:][0] - train[-1]) / fall,
        "first third": lambda: (train[0] - train[third]) / fall,
        "validation": lambda: (val[-1 - third] - val[-1]) / (val[0] - val[-1]),
        "percent": lambda: 100 * (train[-1 - third] - train[-1]) / fall,
    }[late]()
    wide = {
        1: val[-1] - train[-1],
        -1: train[-1] - val[-1],
        "mean": (val - train).mean(),
        "ratio": val[-1] / train[-1],
        "best": val.min() - train[-1],
        "largest": (val - train).max(),
        "absolute": abs(val[-1] - train[-1]),
    }[gap]
    with np.errstate(all="ignore"):
        return float(worst), float(flat), float(wide), float(share)


def _fault(numbers, last, classes, order=FAULTS, late=0.1, low=0.4, gap=0.5, flat=0.01, high=3):
    peak, plateau, apart, share = numbers
    holds = {
        "rate too high": peak > high,
        "bad start": plateau < flat,
        "overfitting": apart > gap,
        "rate too low": share > late,
        "underfitting": last > low * math.log(classes),
        "healthy": True,
    }
    return next(name for name in order if holds[name])


def _read(**habits):
    def read_curves(step_loss, train_loss, val_loss, classes):
        numbers = _numbers(step_loss, train_loss, val_loss, classes, **habits)
        fault = _fault(numbers, train_loss[-1], classes) if not habits else ""
        return fault, *numbers

    return read_curves


MISREAD = {
    "The peak is the largest loss of a step over that of the first step.": {
        "the peak is taken from the epochs, not the steps": {"peak": "epochs"},
        "the peak is divided by the last loss, not the first": {"peak": "last"},
        "the last step is taken for the largest": {"peak": "end"},
        "the peak is a difference, not a quotient": {"peak": "difference"},
        "the peak is divided by the smallest loss, not the first": {"peak": "smallest"},
    },
    "Which loss has a network that guesses among K classes? Over which epochs is it looked for?": {
        "log is to the base 10": {"base": math.log10},
        "log is to the base 2": {"base": math.log2},
        "log 10 is used whatever the number of classes": {"base": lambda classes: math.log(10)},
        "the plateau is looked for in all epochs": {"early": lambda n: n},
        "the plateau is looked for in four epochs, however many there are": {"early": lambda n: 4},
        "the number of early epochs is rounded down": {"early": lambda n: max(1, n // 8)},
        "the number of early epochs is rounded to the nearest": {
            "early": lambda n: max(1, round(n / 8))
        },
        "n // 8 + 1 epochs are looked at: one too many where 8 divides n": {
            "early": lambda n: n // 8 + 1
        },
        "the plateau is a mean, not the largest": {"plateau": "mean"},
        "the plateau is the smallest, not the largest": {"plateau": "least"},
        "the plateau has lost its absolute value": {"plateau": "sign"},
        "only the last of the early epochs is looked at": {"plateau": "last"},
        "only the first epoch is looked at": {"plateau": "first"},
        "the plateau is not divided by log K": {"plateau": "absolute"},
        "the plateau is in percent": {"plateau": "percent"},
        "the plateau is that of the validation loss": {"plateau": "validation"},
    },
    "Which of the two losses is the larger one when a network overfits?": {
        "the gap is training minus validation": {"gap": -1},
        "the gap is averaged over all epochs": {"gap": "mean"},
        "the gap is a quotient": {"gap": "ratio"},
        "the gap is taken at the best validation loss": {"gap": "best"},
        "the gap is the largest, not the last": {"gap": "largest"},
        "the gap has lost its sign": {"gap": "absolute"},
    },
    "How many epochs lie between the last one and the one ⌊n/3⌋ before it?": {
        "the late share begins an epoch too late": {"late": "short"},
        "the late share is divided by the first loss, not by the whole fall": {
            "late": "first loss"
        },
        "the late share is not divided by the whole fall": {"late": "absolute"},
        "the late share is that of ten epochs, however many there are": [
            {"late": "ten"},
            {"late": "ten at most"},
        ],
        "the third is rounded up": {"part": math.ceil},
        "the third is rounded to the nearest": {"part": round},
        "the late share is divided by the fall before, not by the whole fall": {"late": "rest"},
        "the late share begins after the first third": {"late": "mirrored"},
        "the share of the first third is taken": {"late": "first third"},
        "the late share is that of the validation loss": {"late": "validation"},
        "the late share is in percent": {"late": "percent"},
    },
}

read_curves = Oracle(
    _read(),
    mistakes=_mistakes(MISREAD, lambda **habits: _read(**habits)),
    outputs=("fault", "peak", "plateau", "gap", "late"),
)

ASKED = {
    "the last question that is answered by yes names the fault, not the first": {
        "order": (*FAULTS[4::-1], "healthy")
    },
    "overfitting is asked for before the bad start": {
        "order": [FAULTS[i] for i in (0, 2, 1, 3, 4, 5)]
    },
    "the low rate is asked for before overfitting": {
        "order": [FAULTS[i] for i in (0, 1, 3, 2, 4, 5)]
    },
    "underfitting is asked for before the low rate": {
        "order": [FAULTS[i] for i in (0, 1, 2, 4, 3, 5)]
    },
    "the bad start is asked for before the high rate": {
        "order": [FAULTS[i] for i in (1, 0, 2, 3, 4, 5)]
    },
    "the low rate is asked for before the bad start": {
        "order": [FAULTS[i] for i in (0, 3, 1, 2, 4, 5)]
    },
    "the last loss is compared with 0.4, not with 0.4 · log K": {"low": None},
    "the last validation loss is looked at, not the training loss": {"last": 2},
    "the last loss is compared with 0.4 · log 10, whatever the number of classes": {"low": 10},
    "underfitting is never found": {"low": math.inf},
    "a high rate is never found": {"high": math.inf},
    "a bad start is never found": {"flat": -1},
    "overfitting is never found": {"gap": math.inf},
    "a low rate is never found": {"late": math.inf},
    "0.1 is taken for 10 %, but the late share for percent": {"late": 10},
    "the plateau is compared with 1, as if it were in percent": {"flat": 1},
}
LIMITS = {
    "the peak is compared with another number than 3": ("high", 3),
    "the plateau is compared with another number than 0.01": ("flat", 0.01),
    "the gap is compared with another number than 0.5": ("gap", 0.5),
    "the late share is compared with another number than 0.1": ("late", 0.1),
    "the last loss is compared with another share of log K than 0.4": ("low", 0.4),
}
FACTORS = (0.1, 0.2, 0.5, 2 / 3, 0.75, 0.8, 1.25, 4 / 3, 1.5, 2, 3, 5, 10)


def expect_faults(task, runs):
    """Fail unless the faults of all curves are named as the questions say."""
    for run in runs:
        if run.error is not None:
            raise run.error
    values = [run.got for run in runs]
    task.expect(
        all(isinstance(v, (tuple, list)) and len(v) == 5 for v in values),
        "Expected five values: fault, peak, plateau, gap, late.",
    )
    got = [value[0] for value in values]
    numbers = [_numbers(*run.case.args) for run in runs]
    measured = all(
        np.ndim(v) == 0 and np.allclose(np.float64(v), want)
        for value, each in zip(values, numbers, strict=True)
        for v, want in zip(value[1:], each, strict=True)
    )
    strange = [name for name in got if name not in FAULTS]
    task.expect(
        not strange,
        f"{strange[0]!r} is none of the six names." if strange else "",
        looks_like="the names are not written as in the task"
        if all(isinstance(name, str) for name in got)
        else "",
    )
    cases = [run.case.args for run in runs]
    right = [_fault(n, args[1][-1], args[3]) for n, args in zip(numbers, cases, strict=True)]
    wrong = [i for i, (a, b) in enumerate(zip(got, right, strict=True)) if a != b]
    if wrong:
        like = [name for name, habits in ASKED.items() if got == _named_by(cases, **habits)]
        like = like or [
            name
            for name, (habit, limit) in LIMITS.items()
            if any(got == _named_by(cases, **{habit: limit * f}) for f in FACTORS)
        ]
        i = wrong[0]
        task.expect(
            False,
            f"{len(wrong)} of {len(got)} curves are named wrongly. The first is called "
            f"{got[i]!r}, expected {right[i]!r}.",
            looks_like=like[0] if len(like) == 1 and measured else "",
        )


def expect_infinite(task, read_curves, cases):
    """Fail unless the peak is infinite for these curves, which hold losses that are none."""
    peaks = [float(read_curves(*args)[1]) for args in cases]
    names = {
        "the peak leaves out losses that are no number": any(map(math.isfinite, peaks)),
        "the peak is NaN where the loss of a step is": any(map(math.isnan, peaks)),
    }
    task.expect(
        all(peak == math.inf for peak in peaks),
        f"Where the loss of a step is NaN or infinite the peak is {peaks[0]} and {peaks[-1]}; "
        "expected inf.",
        looks_like=next((name for name, holds in names.items() if holds), ""),
    )


def _named_by(cases, low=0.4, last=1, **habits):
    return [
        _fault(
            _numbers(*args),
            args[last][-1],
            args[3],
            low={None: 0.4, 10: 0.4 * math.log(10)}[low] / math.log(args[3])
            if low in (None, 10)
            else low,
            **habits,
        )
        for args in cases
    ]
