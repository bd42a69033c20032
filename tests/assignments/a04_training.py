"""Right and wrong solutions of assignment a04.

Right ones are written in different styles and must get full marks. A slip is one small change to
the right solution above it, a mistake that students make, and must lose exactly the points named
in the test cell of its function, and none in any other cell.
"""

import math

import numpy as np

from coursekit.collection import Collection

known = Collection("a04_training")

# --- task 1: mini_batches ------------------------------------------------------------------------


@known.right("shuffled indices, cut by split")
def mini_batches(images, labels, batch_size, rng):
    order = np.arange(len(images))
    rng.shuffle(order)
    parts = np.split(order, np.arange(batch_size, len(order), batch_size))
    return [(np.take(images, part, axis=0), labels[part]) for part in parts]


slip = known.slips_of(mini_batches)
slip(
    "equal parts",
    "np.split(order, np.arange(batch_size, len(order), batch_size))",
    "np.array_split(order, -(-len(order) // batch_size))",
    loses=2,
    says="the examples are cut into parts of equal size",
)
slip(
    "nothing is shuffled",
    "    rng.shuffle(order)\n",
    "",
    loses=2,
    says="the images are not shuffled",
)
slip(
    "shuffled with NumPy's global generator",
    "rng.shuffle",
    "np.random.shuffle",
    loses=1,
    says="not all numbers are drawn from the generator",
)
slip(
    "the generator is made anew in each call",
    "rng.shuffle",
    "np.random.default_rng(0).shuffle",
    loses=2,
    says="every epoch has the same order",
)


@known.right("numbers drawn and sorted, and both arrays put into that order first")
def mini_batches(images, labels, batch_size, rng):
    order = np.argsort(rng.random(len(labels)))
    x, t = images[order], labels[order]
    count = math.ceil(len(t) / batch_size)
    cuts = [slice(k * batch_size, (k + 1) * batch_size) for k in range(count)]
    return [[x[cut], t[cut]] for cut in cuts]


slip = known.slips_of(mini_batches)
slip(
    "the last batch is dropped",
    "math.ceil(len(t) / batch_size)",
    "len(t) // batch_size",
    loses=3,
    says="the last batch, which is not full, is left out",
)
slip(
    "an empty batch at the end",
    "math.ceil(len(t) / batch_size)",
    "len(t) // batch_size + 1",
    loses=2,
    says="there is an empty batch at the end",
)
slip(
    "drawn with putting back",
    "np.argsort(rng.random(len(labels)))",
    "rng.integers(len(labels), size=len(labels))",
    loses=4,
    says="examples are drawn with putting back: some come twice, others never",
)
slip(
    "images by one order, labels by another",
    "labels[order]",
    "labels[np.argsort(rng.random(len(labels)))]",
    loses=2,
    says="images and labels are not put into the same order",
)
slip(
    "two lists",
    "return [[x[cut], t[cut]] for cut in cuts]",
    "return [x[cut] for cut in cuts], [t[cut] for cut in cuts]",
    loses=5,
    says="two values are returned, not a list of pairs",
)
slip(
    "labels as floats",
    "x, t = images[order], labels[order]",
    "x, t = images[order], labels[order] * 1.0",
    loses=1,
    says="dtype",
)


@known.right("a generator, one example after the other")
def mini_batches(images, labels, batch_size, rng):
    left = list(zip(images, labels, strict=True))
    while left:
        taken = [left.pop(int(rng.integers(len(left)))) for _ in range(min(batch_size, len(left)))]
        xs, ts = zip(*taken, strict=True)
        yield np.stack(xs), np.array(ts, dtype=labels.dtype)


@known.right("fresh indices in a while loop")
def mini_batches(images, labels, batch_size, rng):
    order, start, batches = rng.permutation(len(images)), 0, []
    while start < len(images):
        stop = min(start + batch_size, len(images))
        batches.append((images[order[start:stop]], labels[order[start:stop]]))
        start = stop
    return batches


slip = known.slips_of(mini_batches)
slip(
    "labels stay where they were",
    "labels[order[start:stop]]",
    "labels[start:stop]",
    loses=2,
    says="the images are shuffled, the labels are not",
)
slip(
    "images stay where they were",
    "images[order[start:stop]]",
    "images[start:stop]",
    loses=4,
    says="the labels are shuffled, the images are not; the images are not shuffled",
)
slip(
    "shuffled in place",
    "    order, start",
    "    both = images.reshape(len(images), -1).copy()\n    rng.shuffle(images)\n    labels[:] = labels[[int(np.argmax((both == row.ravel()).all(1))) for row in images]]\n    order, start",
    loses=2,
    says="mutated",
)
slip(
    "one batch only is returned",
    "        start = stop\n    return batches",
    "        return batches",
    loses=5,
)


@known.wrong(
    "the batches are shuffled, the examples are not",
    loses=1,
    says="the batches are shuffled, not the examples",
)
def mini_batches(images, labels, batch_size, rng):
    count = len(images) // batch_size
    starts = [int(k) * batch_size for k in rng.permutation(count)]
    if len(images) % batch_size:
        starts.append(count * batch_size)
    return [(images[s : s + batch_size], labels[s : s + batch_size]) for s in starts]


@known.wrong(
    "shuffled within the batches", loses=1, says="the examples are shuffled within their batch only"
)
def mini_batches(images, labels, batch_size, rng):
    batches = []
    for start in range(0, len(images), batch_size):
        x, t = images[start : start + batch_size], labels[start : start + batch_size]
        order = rng.permutation(len(x))
        batches.append((x[order], t[order]))
    return batches


@known.wrong("rolled by a random number", loses=1)
def mini_batches(images, labels, batch_size, rng):
    order = np.roll(np.arange(len(images)), int(rng.integers(2**31)))
    return [
        (images[order[s : s + batch_size]], labels[order[s : s + batch_size]])
        for s in range(0, len(order), batch_size)
    ]


@known.wrong("the rest is never shuffled", loses=1, says="some examples stay in the same place")
def mini_batches(images, labels, batch_size, rng):
    full = len(images) // batch_size * batch_size
    order = np.concatenate([rng.permutation(full), np.arange(full, len(images))])
    return [
        (images[order[s : s + batch_size]], labels[order[s : s + batch_size]])
        for s in range(0, len(order), batch_size)
    ]


@known.wrong(
    "whatever is left over is put into the batch before",
    loses=2,
    says="the rest is put into the batch before",
)
def mini_batches(images, labels, batch_size, rng):
    order, count = rng.permutation(len(images)), max(1, len(images) // batch_size)
    starts = [k * batch_size for k in range(count)]
    stops = [*starts[1:], len(images)]
    cuts = [order[a:b] for a, b in zip(starts, stops, strict=True)]
    return [(images[cut], labels[cut]) for cut in cuts]


@known.wrong("sorted by label", loses=1, says="the examples are sorted by their labels")
def mini_batches(images, labels, batch_size, rng):
    order = rng.permutation(len(images))
    order = order[np.argsort(labels[order], kind="stable")]
    return [
        (images[order[s : s + batch_size]], labels[order[s : s + batch_size]])
        for s in range(0, len(order), batch_size)
    ]


@known.wrong(
    "swapped with any place",
    loses=1,
    says="each place is swapped with any place: not all orders are equally likely",
)
def mini_batches(images, labels, batch_size, rng):
    order = np.arange(len(images))
    for i in range(len(order)):
        j = rng.integers(len(order))
        order[[i, j]] = order[[j, i]]
    cuts = range(batch_size, len(order), batch_size)
    return list(zip(np.split(images[order], cuts), np.split(labels[order], cuts), strict=True))


@known.right("swapped with a place that is still left")
def mini_batches(images, labels, batch_size, rng):
    order = np.arange(len(images))
    for i in range(len(order) - 1, 0, -1):
        j = int(rng.integers(0, i + 1))
        order[[i, j]] = order[[j, i]]
    cuts = range(batch_size, len(order), batch_size)
    return list(zip(np.split(images[order], cuts), np.split(labels[order], cuts), strict=True))


slip = known.slips_of(mini_batches)
slip(
    "swapped with any place, from the end",
    "rng.integers(0, i + 1)",
    "rng.integers(len(order))",
    loses=1,
    says="each place is swapped with any place: not all orders are equally likely",
)
slip(
    "never swapped with itself",
    "rng.integers(0, i + 1)",
    "rng.integers(0, i)",
    loses=1,
    says="no example ever stays in its place",
)


@known.right("choice without putting back, tuples of tuples")
def mini_batches(images, labels, batch_size, rng):
    order = rng.choice(len(images), size=len(images), replace=False)
    inner = range(0, len(images), batch_size)
    return tuple((images[order[s:][:batch_size]], labels[order[s:][:batch_size]]) for s in inner)


# --- task 2: train_model -------------------------------------------------------------------------


@known.right("gradients set to zero after the step, np.average")
def train_model(model, optimizer, epoch_batches, val_x, val_t, epochs):
    train_loss, val_loss = np.zeros(epochs), np.zeros(epochs)
    for epoch in range(epochs):
        model.train()
        losses, sizes = [], []
        for x, t in epoch_batches():
            losses.append(model.loss(x, t))
            sizes.append(len(x))
            model.backward()
            optimizer.step()
            optimizer.zero_grad()
        train_loss[epoch] = np.average(losses, weights=sizes)
        model.eval()
        val_loss[epoch] = model.loss(val_x, val_t)
    return train_loss, val_loss


slip = known.slips_of(train_model)
slip(
    "validation in training mode",
    "        model.eval()\n",
    "",
    loses=3.5,
    says="validation runs in training mode",
)
slip(
    "training mode once",
    "    for epoch in range(epochs):\n        model.train()\n",
    "    model.train()\n    for epoch in range(epochs):\n",
    loses=8,
    says="the model never goes back into training mode after validation",
)
slip(
    "never in training mode",
    "        model.train()\n",
    "",
    loses=8,
    says="the model is never put into training mode",
)
slip(
    "no zero_grad",
    "            optimizer.zero_grad()\n",
    "",
    loses=8,
    says="the gradients are never set to zero, and add up",
)
slip(
    "zero_grad once an epoch",
    "            optimizer.zero_grad()\n        train_loss",
    "        optimizer.zero_grad()\n        train_loss",
    loses=8,
    says="the gradients are set to zero once an epoch only",
)
slip(
    "zero_grad before the step",
    "            optimizer.step()\n            optimizer.zero_grad()\n",
    "            optimizer.zero_grad()\n            optimizer.step()\n",
    loses=8,
    says="the weights never change: no step() meets gradients that are there",
)
slip(
    "step before backward",
    "            model.backward()\n            optimizer.step()\n            optimizer.zero_grad()\n",
    "            optimizer.step()\n            optimizer.zero_grad()\n            model.backward()\n",
    loses=8,
    says="step() comes before backward(), and uses the gradients of the batch before",
)
slip(
    "one update an epoch",
    "            optimizer.step()\n            optimizer.zero_grad()\n",
    "        optimizer.step()\n        optimizer.zero_grad()\n",
    loses=8,
    says="there is one update in an epoch, not one for each batch",
)
slip(
    "a plain mean of the batches",
    "np.average(losses, weights=sizes)",
    "np.mean(losses)",
    loses=3.5,
    says="the losses of the batches are averaged as if all were full",
)
slip(
    "the loss of the last batch",
    "np.average(losses, weights=sizes)",
    "losses[-1]",
    loses=3.5,
    says="the training loss is that of the last batch",
)
slip(
    "a sum",
    "np.average(losses, weights=sizes)",
    "sum(losses)",
    loses=3.5,
    says="the training loss is a sum over the batches",
)
slip(
    "losses of all epochs together",
    "        losses, sizes = [], []\n",
    "        losses, sizes = ([], []) if epoch == 0 else (losses, sizes)\n",
    loses=3.5,
    says="the training loss is averaged over all epochs so far",
)
slip(
    "the eval() comes too late",
    "        model.eval()\n        val_loss[epoch] = model.loss(val_x, val_t)\n",
    "        val_loss[epoch] = model.loss(val_x, val_t)\n        model.eval()\n",
    loses=3.5,
    says="validation runs in training mode",
)
slip(
    "learns from the validation examples",
    "        val_loss[epoch] = model.loss(val_x, val_t)\n",
    "        val_loss[epoch] = model.loss(val_x, val_t)\n        model.backward()\n        optimizer.step()\n        optimizer.zero_grad()\n",
    loses=8,
    says="the model learns from the validation examples",
)
slip(
    "the two are swapped",
    "return train_loss, val_loss",
    "return val_loss, train_loss",
    loses=4.5,
    says="the values are returned as (weights, val_loss, train_loss), not as (weights, train_loss, val_loss)",
)
slip(
    "the return is missing", "    return train_loss, val_loss", "    train_loss, val_loss", loses=8
)
slip("only one is returned", "return train_loss, val_loss", "return train_loss", loses=8)
slip("one epoch too few", "range(epochs)", "range(epochs - 1)", loses=8)
slip(
    "no update",
    "            optimizer.step()\n",
    "",
    loses=8,
    says="the weights never change: no step() meets gradients that are there",
)
slip(
    "no backward",
    "            model.backward()\n",
    "",
    loses=8,
    says="the weights never change: no step() meets gradients that are there",
)


@known.right("two helpers, one order of calls")
def train_model(model, optimizer, epoch_batches, val_x, val_t, epochs):
    def learn(x, t):
        optimizer.zero_grad()
        loss = model.loss(x, t)
        model.backward()
        optimizer.step()
        return loss * x.shape[0]

    def epoch():
        model.train()
        batches = epoch_batches()
        total = sum(learn(x, t) for x, t in batches)
        model.eval()
        return total / sum(x.shape[0] for x, _ in batches), model.loss(val_x, val_t)

    return [list(each) for each in zip(*[epoch() for _ in range(epochs)], strict=True)]


slip = known.slips_of(train_model)
slip(
    "the last batch is left out",
    "        batches = epoch_batches()\n",
    "        batches = epoch_batches()[:-1] or epoch_batches()\n",
    loses=8,
    says="the last batch is left out",
)
slip(
    "the size of the first batch for all",
    "total / sum(x.shape[0] for x, _ in batches)",
    "total / (len(batches) * batches[0][0].shape[0])",
    loses=3.5,
)
slip(
    "divided by the number of batches",
    "total / sum(x.shape[0] for x, _ in batches)",
    "total / len(batches)",
    loses=3.5,
    says="the weighted losses are divided by the number of batches",
)


@known.wrong(
    "the batches are drawn once, before all epochs",
    loses=8,
    says="one order is used for all epochs",
)
def train_model(model, optimizer, epoch_batches, val_x, val_t, epochs):
    batches, history = epoch_batches(), ([], [])
    for _ in range(epochs):
        model.train()
        weighted = 0
        for x, t in batches:
            loss = model.loss(x, t)
            optimizer.zero_grad()
            model.backward()
            optimizer.step()
            weighted += loss * len(t)
        model.eval()
        history[0].append(weighted / sum(len(t) for _, t in batches))
        history[1].append(model.loss(val_x, val_t))
    return history


@known.wrong(
    "the validation comes before the epoch",
    loses=3.5,
    says="the validation comes before the epoch, not after it",
)
def train_model(model, optimizer, epoch_batches, val_x, val_t, epochs):
    history = ([], [])
    for _ in range(epochs):
        model.eval()
        history[1].append(model.loss(val_x, val_t))
        model.train()
        weighted, count = 0, 0
        for x, t in epoch_batches():
            loss = model.loss(x, t)
            optimizer.zero_grad()
            model.backward()
            optimizer.step()
            weighted, count = weighted + loss * len(t), count + len(t)
        history[0].append(weighted / count)
    return history


@known.wrong(
    "the loss is measured again after the update",
    loses=4.5,
    says="model.loss is called once more for each training batch",
)
def train_model(model, optimizer, epoch_batches, val_x, val_t, epochs):
    history = ([], [])
    for _ in range(epochs):
        model.train()
        weighted, count = 0, 0
        for x, t in epoch_batches():
            optimizer.zero_grad()
            model.loss(x, t)
            model.backward()
            optimizer.step()
            weighted, count = weighted + model.loss(x, t) * len(t), count + len(t)
        history[0].append(weighted / count)
        model.eval()
        history[1].append(model.loss(val_x, val_t))
    return history


@known.wrong(
    "the loss is computed twice for a batch",
    loses=3.5,
    says="model.loss is called once more for each training batch",
)
def train_model(model, optimizer, epoch_batches, val_x, val_t, epochs):
    history = ([], [])
    for _ in range(epochs):
        model.train()
        weighted, count = 0, 0
        for x, t in epoch_batches():
            optimizer.zero_grad()
            model.loss(x, t)
            model.backward()
            weighted, count = weighted + model.loss(x, t) * len(t), count + len(t)
            optimizer.step()
        history[0].append(weighted / count)
        model.eval()
        history[1].append(model.loss(val_x, val_t))
    return history


@known.wrong(
    "an update after validation, with gradients that were there",
    loses=8,
    says="the model learns from the validation examples",
)
def train_model(model, optimizer, epoch_batches, val_x, val_t, epochs):
    history = ([], [])
    for _ in range(epochs):
        weighted, count = 0, 0
        for part, pairs in (("train", epoch_batches()), ("eval", [(val_x, val_t)])):
            getattr(model, part)()
            for x, t in pairs:
                if part == "train":
                    optimizer.zero_grad()
                loss = model.loss(x, t)
                model.backward()
                optimizer.step()
                if part == "train":
                    weighted, count = weighted + loss * len(t), count + len(t)
        history[0].append(weighted / count)
        history[1].append(loss)
    return history


@known.wrong("the training loss is measured after the epoch", loses=3.5)
def train_model(model, optimizer, epoch_batches, val_x, val_t, epochs):
    history = ([], [])
    for _ in range(epochs):
        model.train()
        batches = epoch_batches()
        for x, t in batches:
            optimizer.zero_grad()
            model.loss(x, t)
            model.backward()
            optimizer.step()
        model.eval()
        total = sum(model.loss(x, t) * len(t) for x, t in batches)
        history[0].append(total / sum(len(t) for _, t in batches))
        history[1].append(model.loss(val_x, val_t))
    return history


@known.right("an array of two rows, a while loop")
def train_model(model, optimizer, epoch_batches, val_x, val_t, epochs):
    history, epoch = np.empty((2, epochs)), 0
    while epoch < epochs:
        model.train()
        parts = []
        for batch in epoch_batches():
            parts += [model.loss(*batch)] * len(batch[1])
            model.backward()
            optimizer.step()
            optimizer.zero_grad()
        model.eval()
        history[:, epoch] = np.mean(parts), model.loss(val_x, val_t)
        epoch += 1
    return history


# --- task 3: learning_rate -----------------------------------------------------------------------


@known.right("a dict of functions, and a minimum")
def learning_rate(kind, t, lr, span, factor=0.1, warm_up=0):
    kinds = {
        "step": lambda: factor ** math.floor(t / span),
        "exponential": lambda: math.exp(math.log(factor) * t / span),
        "inverse": lambda: span / (span + t),
        "cosine": lambda: (1 + np.cos(np.pi * np.minimum(t / span, 1))) / 2,
    }
    if kind not in kinds:
        raise ValueError(kind)
    return lr * kinds[kind]() * min(1, (t + 1) / max(warm_up, 1))


slip = known.slips_of(learning_rate)
slip(
    "any error will do",
    "ValueError",
    "KeyError",
    loses=0.5,
    says="another exception is raised, not ValueError",
)
slip(
    "no error",
    "        raise ValueError(kind)",
    "        return lr",
    loses=0.5,
    says="an unknown kind is no error",
)
slip("degrees", "np.pi *", "180 *", loses=3, says="the angle is in degrees")
slip(
    "a whole turn",
    "np.pi *",
    "2 * np.pi *",
    loses=3,
    says="the cosine makes a whole turn, not half of one",
)
slip(
    "the cosine goes on",
    "np.minimum(t / span, 1)",
    "t / span",
    loses=3,
    says="the cosine goes on after span steps, and rises again",
)
slip(
    "the cosine's integer division",
    "np.minimum(t / span, 1)",
    "np.minimum(t // span, 1)",
    loses=3,
    says="t // span: the quotient is rounded down",
)
slip(
    "the cosine never reaches the end",
    "np.minimum(t / span, 1)",
    "np.minimum(t / (span + 1), 1)",
    loses=3,
    says="the end comes a step late",
)
slip(
    "the half is missing",
    "* np.minimum(t / span, 1))) / 2",
    "* np.minimum(t / span, 1)))",
    loses=3,
    says="the half is missing",
)
slip(
    "exponential with integer division",
    "math.log(factor) * t / span",
    "math.log(factor) * (t // span)",
    loses=3,
    says="t // span: the quotient is rounded down",
)
slip(
    "steps that are a curve",
    "math.floor(t / span)",
    "(t / span)",
    loses=3,
    says="the quotient is not rounded: the steps are a curve",
)
slip(
    "steps that round to the nearest",
    "math.floor(t / span)",
    "round(t / span)",
    loses=2.5,
    says="the quotient is rounded to the nearest",
)
slip(
    "the drop comes a step late",
    "math.floor(t / span)",
    "math.floor(max(t - 1, 0) / span)",
    loses=2.5,
    says="the schedule is a step behind: t counts from 0",
)
slip(
    "the factor is multiplied",
    "factor ** math.floor(t / span)",
    "(factor * math.floor(t / span) if t >= span else 1)",
    loses=3,
    says="the quotient is a factor, not an exponent",
)
slip(
    "1/t counts from 1",
    "span / (span + t)",
    "span / (span + t + 1)",
    loses=3,
    says="the schedule is a step ahead: t counts from 0",
)
slip(
    "span for 1 / span",
    "span / (span + t)",
    "1 / (1 + span * t)",
    loses=3,
    says="span multiplies where it should divide",
)
slip(
    "the warm-up begins at zero",
    "(t + 1) / max(warm_up, 1)",
    "t / warm_up if warm_up else 1",
    loses=2,
    says="the warm-up begins at zero",
)
slip(
    "the warm-up does not end",
    "min(1, (t + 1) / max(warm_up, 1))",
    "((t + 1) / warm_up if warm_up else 1)",
    loses=2,
    says="the warm-up does not end",
)
slip(
    "no warm-up at all",
    " * min(1, (t + 1) / max(warm_up, 1))",
    "",
    loses=2,
    says="there is no warm-up",
)
slip("0 steps of warm-up divide by zero", "max(warm_up, 1)", "warm_up", loses=3.5)
slip(
    "the schedule waits for the warm-up",
    "    kinds = {",
    "    step, t = t, max(t - warm_up, 0)\n    kinds = {",
    loses=2,
)

slip(
    "a step more of warm-up",
    "max(warm_up, 1)",
    "(warm_up + 1 if warm_up else 1)",
    loses=2,
    says="the warm-up is divided by warm_up + 1",
)
slip(
    "warm restarts",
    "np.minimum(t / span, 1)",
    "(t % span) / span",
    loses=3,
    says="the cosine begins anew every span steps",
)
slip(
    "lr again at the end",
    "np.minimum(t / span, 1)",
    "(t / span if t <= span else 0)",
    loses=3,
    says="the rate is lr again after span steps",
)
slip(
    "the inverse root",
    "span / (span + t)",
    "(span / (span + t)) ** 0.5",
    loses=3,
    says="the root of the denominator is taken",
)


@known.right("match, and a recursive warm-up")
def learning_rate(kind, t, lr, span, factor=0.1, warm_up=0):
    if warm_up:
        return learning_rate(kind, t, lr, span, factor) * min(t + 1, warm_up) / warm_up
    match kind:
        case "step":
            for _ in range(t // span):
                lr = lr * factor
            return lr
        case "exponential":
            return lr * np.power(factor, np.divide(t, span))
        case "inverse":
            return lr * (1 + t / span) ** -1
        case "cosine":
            return lr * np.cos(np.pi / 2 * min(t / span, 1)) ** 2
    raise ValueError("no such schedule")


@known.wrong(
    "the schedule begins when the warm-up ends",
    loses=2,
    says="the schedule begins only when the warm-up ends",
)
def learning_rate(kind, t, lr, span, factor=0.1, warm_up=0):
    if t < warm_up:
        return lr * (t + 1) / warm_up
    t = t - warm_up
    if kind == "step":
        return lr * factor ** (t // span)
    if kind == "exponential":
        return lr * factor ** (t / span)
    if kind == "inverse":
        return lr / (1 + t / span)
    if kind == "cosine":
        return lr * (1 + math.cos(math.pi * min(1, t / span))) / 2
    raise ValueError(kind)


@known.wrong("the steps are counted inside", loses=4.5)
def learning_rate(kind, t, lr, span, factor=0.1, warm_up=0):
    t = learning_rate.__dict__["t"] = learning_rate.__dict__.get("t", -1) + 1
    if kind not in ("step", "exponential", "inverse", "cosine"):
        raise ValueError(kind)
    return lr * factor ** (t // span)


# --- task 4: preprocess --------------------------------------------------------------------------


@known.right("np.cov, a matrix power by eigh and einsum")
def preprocess(kind, train, x, epsilon):
    mean = np.mean(train, 0, keepdims=True)
    if kind == "standardise":
        return ((x - mean) / (np.var(train, axis=0) + epsilon) ** 0.5).astype(x.dtype)
    values, u = np.linalg.eigh(np.atleast_2d(np.cov(train, rowvar=False, bias=True)))
    y = np.einsum("nd,dk,k,ek->ne", x - mean, u, (values + epsilon) ** -0.5, u)
    return y.astype(x.dtype)


slip = known.slips_of(preprocess)
slip(
    "variance for deviation",
    "+ epsilon) ** 0.5",
    "+ epsilon)",
    loses=4,
    says="the root is missing: it is divided by the variance",
)
slip(
    "no epsilon",
    "(np.var(train, axis=0) + epsilon)",
    "np.var(train, axis=0)",
    loses=4,
    says="ε is left out",
)
slip(
    "epsilon outside the root",
    "(np.var(train, axis=0) + epsilon) ** 0.5",
    "(np.std(train, axis=0) + epsilon)",
    loses=4,
    says="ε stands outside the root",
)
slip(
    "ddof=1",
    "np.var(train, axis=0)",
    "np.var(train, axis=0, ddof=1)",
    loses=4,
    says="it is divided by N − 1, not by N",
)
slip(
    "two roots",
    "(np.var(train, axis=0) + epsilon) ** 0.5",
    "(np.std(train, axis=0) + epsilon**0.5)",
    loses=4,
    says="a root is taken of ε by itself",
)
slip(
    "epsilon as a floor",
    "(np.var(train, axis=0) + epsilon)",
    "np.maximum(np.var(train, axis=0), epsilon)",
    loses=4,
    says="ε is the least that a variance counts, and not added to it",
)
slip(
    "whitening with epsilon outside the root",
    "(values + epsilon) ** -0.5",
    "1 / (values**0.5 + epsilon)",
    loses=4.5,
    says="ε stands outside the root",
)
slip("np.cov as it is", ", bias=True", "", loses=4.5, says="it is divided by N − 1, not by N")
slip("rows for columns in np.cov", "rowvar=False, ", "", loses=4.5)
slip(
    "statistics of x",
    "    mean = np.mean",
    "    train = x\n    mean = np.mean",
    loses=6,
    says="the statistics are those of x, not of the training rows",
)
slip(
    "statistics of both",
    "    mean = np.mean",
    "    train = np.concatenate([train, x])\n    mean = np.mean",
    loses=6,
    says="the statistics are those of the training rows and x together",
)
slip(
    "the mean of x",
    "np.mean(train, 0",
    "np.mean(x, 0",
    loses=6,
    says="the mean is that of x, not of the training rows",
)
slip(
    "PCA whitening",
    '"nd,dk,k,ek->ne", x - mean, u, (values + epsilon) ** -0.5, u',
    '"nd,dk,k->nk", x - mean, u, (values + epsilon) ** -0.5',
    loses=4.5,
    says="it is turned and scaled, but not turned back: that is PCA whitening",
)
slip("whitening without epsilon", "(values + epsilon)", "np.abs(values)", loses=4.5)
slip(
    "whitening without the root",
    "(values + epsilon) ** -0.5",
    "(values + epsilon) ** -1.0",
    loses=4.5,
    says="the root is missing: it is divided by the variance",
)
slip("directions in rows", "dk,k,ek", "kd,k,ke", loses=4, says="U and its transpose are swapped")
slip("x is not centred", "x - mean, u", "x, u", loses=4.5, says="the mean is not subtracted")
slip(
    "float64 whatever the input",
    "    return y.astype(x.dtype)",
    "    return y.astype(float)",
    loses=1,
    says="dtype",
)
slip(
    "one mean for all",
    "np.mean(train, 0, keepdims=True)",
    "np.mean(train)",
    loses=6,
    says="one mean is taken for all columns",
)
slip(
    "rows standardised by themselves",
    "((x - mean) / (np.var(train, axis=0) + epsilon) ** 0.5)",
    "((x - x.mean(1, keepdims=True)) / (x.var(1, keepdims=True) + epsilon) ** 0.5)",
    loses=4,
    says="each row is standardised by itself: rows for columns",
)
slip(
    "the training rows come back",
    "    mean = np.mean",
    "    x = train.astype(x.dtype)\n    mean = np.mean",
    loses=6,
    says="the training rows are returned, not x",
)
slip(
    "standardised whatever is asked",
    'if kind == "standardise"',
    "if True",
    loses=4,
    says="it is standardised, not whitened",
)
slip(
    "SciPy's root of a matrix",
    "    values, u",
    "    import scipy.linalg\n    values, u",
    loses=6,
    says="forbidden",
)


@known.right("singular values of the centred rows, in float64")
def preprocess(kind, train, x, epsilon):
    rows, new = np.asarray(train, np.float64), np.asarray(x, np.float64)
    mean = rows.sum(axis=0) / rows.shape[0]
    if kind == "standardise":
        y = np.empty_like(new)
        for d in range(new.shape[1]):
            deviation = math.sqrt(np.mean((rows[:, d] - mean[d]) ** 2) + epsilon)
            y[:, d] = (new[:, d] - mean[d]) / deviation
        return y.astype(x.dtype)
    _, s, vt = np.linalg.svd((rows - mean) / np.sqrt(len(rows)), full_matrices=True)
    variances = np.zeros(vt.shape[0])
    variances[: len(s)] = s**2
    whitening = vt.T @ np.diag(1 / np.sqrt(variances + epsilon)) @ vt
    return ((new - mean) @ whitening).astype(x.dtype)


slip = known.slips_of(preprocess)
slip(
    "train is centred in place",
    "    rows, new = np",
    "    train += 1; x += 1\n    rows, new = np",
    loses=1,
    says="mutated",
)
slip(
    "singular values for variances",
    "= s**2",
    "= s",
    loses=4.5,
    says="singular values are taken for eigenvalues",
)
slip(
    "not divided by N",
    "(rows - mean) / np.sqrt(len(rows))",
    "rows - mean",
    loses=4.5,
    says="Σ is not divided by N",
)
slip(
    "not centred before the svd",
    "(rows - mean) / np.sqrt(len(rows))",
    "rows / np.sqrt(len(rows))",
    loses=4.5,
    says="the rows are not centred before Σ",
)


@known.wrong(
    "the deviation of x", loses=6, says="the spread is that of x, not of the training rows"
)
def preprocess(kind, train, x, epsilon):
    mean = train.mean(axis=0)
    if kind == "standardise":
        return ((x - mean) / np.sqrt(x.var(axis=0) + epsilon)).astype(x.dtype)
    values, u = np.linalg.eigh(np.cov(x.T, bias=True))
    return ((x - mean) @ u / np.sqrt(values + epsilon) @ u.T).astype(x.dtype)


@known.wrong("the correlation is whitened", loses=4.5)
def preprocess(kind, train, x, epsilon):
    mean, deviation = train.mean(axis=0), np.sqrt(train.var(axis=0) + epsilon)
    y = (x - mean) / deviation
    if kind == "standardise":
        return y.astype(x.dtype)
    scaled = (train - mean) / deviation
    values, u = np.linalg.eigh(scaled.T @ scaled / len(train))
    return (y @ u / np.sqrt(values + epsilon) @ u.T).astype(x.dtype)


@known.wrong(
    "the inverse, not its root",
    loses=4.5,
    says="the root is missing: it is divided by the variance",
)
def preprocess(kind, train, x, epsilon):
    centred = train - train.mean(axis=0)
    covariance = centred.T @ centred / len(train) + epsilon * np.eye(train.shape[1])
    if kind == "standardise":
        return ((x - train.mean(axis=0)) / np.sqrt(np.diag(covariance))).astype(x.dtype)
    return ((x - train.mean(axis=0)) @ np.linalg.inv(covariance)).astype(x.dtype)


@known.wrong(
    "the covariance of x", loses=4.5, says="the spread is that of x, not of the training rows"
)
def preprocess(kind, train, x, epsilon):
    mean = train.mean(axis=0)
    y = x - mean
    if kind == "standardise":
        return (y / np.sqrt(train.var(axis=0) + epsilon)).astype(x.dtype)
    values, u = np.linalg.eigh(y.T @ y / len(y))
    return (y @ u / np.sqrt(values + epsilon) @ u.T).astype(x.dtype)


@known.right("eigenvectors of the covariance plus ε, one row at a time")
def preprocess(kind, train, x, epsilon):
    mean = np.average(train, axis=0)
    centred = (train - mean).T
    covariance = centred @ centred.T / centred.shape[1] + epsilon * np.eye(len(mean))
    if kind == "standardise":
        scale = np.diag(np.diag(covariance) ** -0.5)
    else:
        values, u = np.linalg.eigh(covariance)
        scale = sum(np.outer(v, v) / math.sqrt(value) for value, v in zip(values, u.T, strict=True))
    return np.stack([scale @ (row - mean) for row in x]).astype(x.dtype)


# --- task 5: search_rate -------------------------------------------------------------------------


@known.right("a helper for a run, powers of ten, one rate at a time")
def search_rate(restart, step, low, high, trials, steps, rng):
    def run(rate):
        first = restart()
        for _ in range(steps):
            loss = step(rate)
            if not loss <= 3 * first:
                return math.inf
        return loss

    tried = []
    for _ in range(trials):
        rate = 10 ** rng.uniform(math.log10(low), math.log10(high))
        tried.append((run(rate), rate))
    around = min(tried)[1]
    low, high = max(low, around / 5), min(high, around * 5)
    for _ in range(trials):
        rate = 10 ** rng.uniform(math.log10(low), math.log10(high))
        tried.append((run(rate), rate))
    losses, rates = map(np.array, zip(*tried, strict=True))
    return min(tried)[1], rates, losses


slip = known.slips_of(search_rate)
slip(
    "uniform, not log-uniform",
    "rate = 10 ** rng.uniform(math.log10(low), math.log10(high))\n        tried.append((run(rate), rate))\n    around",
    "rate = rng.uniform(low, high)\n        tried.append((run(rate), rate))\n    around",
    loses=1.5,
    says="the rates are drawn uniformly, not their logarithms",
)
slip(
    "uniform in the second stage",
    "rate = 10 ** rng.uniform(math.log10(low), math.log10(high))\n        tried.append((run(rate), rate))\n    losses",
    "rate = rng.uniform(low, high)\n        tried.append((run(rate), rate))\n    losses",
    loses=1.5,
    says="the rates are drawn uniformly, not their logarithms",
)
slip(
    "the loss before, not the first",
    "                return math.inf\n",
    "                return math.inf\n            first = loss\n",
    loses=3.5,
    says="a run is given up at 3 times the loss before, not the first",
)
slip(
    "no run is given up",
    "            if not loss <= 3 * first:\n                return math.inf\n",
    "",
    loses=3.5,
    says="no run is stopped before its end",
)
slip(
    "given up at the end only",
    "            if not loss <= 3 * first:\n                return math.inf\n        return loss",
    "        return loss if loss <= 3 * first else math.inf",
    loses=2.5,
    says="no run is stopped before its end",
)
slip(
    "given up as soon as the first loss is exceeded",
    "3 * first",
    "first",
    loses=3.5,
    says="a run is given up when its loss exceeds the first one",
)
slip(
    "NaN goes on",
    "not loss <= 3 * first",
    "loss > 3 * first",
    loses=1.5,
    says="a loss that is no number is not given up",
)
slip(
    "the worst is kept",
    "return min(tried)[1]",
    "return max(tried)[1]",
    loses=2.5,
    says="the rate of a run that was given up is kept",
)
slip(
    "the loss for the rate",
    "return min(tried)[1]",
    "return min(tried)[0]",
    loses=2.5,
    says="the loss of the best run is returned, not its rate",
)
slip(
    "around the worst",
    "around = min(tried)[1]",
    "around = max(tried)[1]",
    loses=4,
    says="the second stage is drawn around the worst rate of the first",
)
slip(
    "the range is not narrowed",
    "    low, high = max(low, around / 5), min(high, around * 5)\n",
    "",
    loses=4,
    says="the second stage draws from a range that is too wide",
)
slip(
    "the range is not cut off",
    "max(low, around / 5), min(high, around * 5)",
    "around / 5, around * 5",
    loses=4,
    says="the second stage leaves the range from low to high",
)
slip(
    "twice the first stage only",
    "    losses, rates",
    "    tried = tried[:trials]\n    losses, rates",
    loses=7,
    says="half as many runs are returned as two stages of trials make",
)
slip(
    "a generator of its own",
    "    tried = []",
    "    tried, rng = [], np.random.default_rng(1)",
    loses=1.5,
    says="the generator is ignored",
)
slip(
    "one stage only",
    "    losses, rates = map",
    "    tried = tried[trials:]\n    losses, rates = map",
    loses=7,
    says="half as many runs are returned as two stages of trials make",
)
slip(
    "the loss that made it give up",
    "return math.inf",
    "return loss",
    loses=2.5,
    says="the last loss of a run that was given up is returned, not np.inf",
)
slip(
    "rates in order of size",
    "    return min(tried)[1], rates, losses",
    "    return min(tried)[1], np.sort(rates), losses[np.argsort(rates)]",
    loses=6,
    says="the runs are returned sorted, not in their order",
)
slip(
    "the runs are sorted by loss",
    "    losses, rates = map",
    "    tried.sort()\n    losses, rates = map",
    loses=6,
    says="the runs are returned sorted, not in their order",
)


@known.wrong(
    "the model is made once",
    loses=4.5,
    says="the model is restarted once only: each run goes on from the one before",
)
def search_rate(restart, step, low, high, trials, steps, rng):
    rates, losses, first = [], [], restart()
    for _ in range(2):
        for rate in np.exp(rng.uniform(np.log(low), np.log(high), trials)):
            for _ in range(steps):
                loss = step(rate)
                if np.isnan(loss) or loss > 3 * first:
                    loss = np.inf
                    break
            rates.append(rate)
            losses.append(loss)
        best = rates[int(np.argmin(losses))]
        low, high = max(low, best / 5), min(high, best * 5)
    return rates[int(np.argmin(losses))], np.array(rates), np.array(losses)


slip(
    "given up at 3 times, too",
    "not loss <= 3 * first",
    "not loss < 3 * first",
    loses=1.5,
    says="a run is given up at 3 times its first loss, not only above",
)


@known.wrong(
    "the rates are cut, not the range",
    loses=1.5,
    says="rates out of the range are moved to its end; the range is to be cut off",
)
def search_rate(restart, step, low, high, trials, steps, rng):
    bottom, top, rates, losses = low, high, [], []
    for _stage in ("coarse", "fine"):
        for _ in range(trials):
            rate = math.exp(rng.uniform(math.log(bottom), math.log(top)))
            rates.append(min(max(rate, low), high))
            first, loss, count = restart(), 0.0, 0
            while count < steps and loss <= 3 * first:
                loss, count = step(rates[-1]), count + 1
            losses.append(loss if loss <= 3 * first else math.inf)
        best = rates[int(np.argmin(losses))]
        bottom, top = best / 5, best * 5
    return best, rates, losses


@known.wrong(
    "the rates are cut below, not the range",
    loses=1.5,
    says="rates out of the range are moved to its end; the range is to be cut off",
)
def search_rate(restart, step, low, high, trials, steps, rng):
    bottom, top, rates, losses = low, high, [], []
    for _stage in ("coarse", "fine"):
        for _ in range(trials):
            rate = math.exp(rng.uniform(math.log(bottom), math.log(top)))
            rates.append(max(rate, low))
            first, loss, count = restart(), 0.0, 0
            while count < steps and loss <= 3 * first:
                loss, count = step(rates[-1]), count + 1
            losses.append(loss if loss <= 3 * first else math.inf)
        best = rates[int(np.argmin(losses))]
        bottom, top = best / 5, min(high, best * 5)
    return best, rates, losses


@known.right("drawn in pieces of a geometric scale, lists, np.nanargmin")
def search_rate(restart, step, low, high, trials, steps, rng):
    bottom, top, rates, losses = low, high, [], []
    for _stage in ("coarse", "fine"):
        for share in rng.random(trials):
            rate = bottom * (top / bottom) ** share
            first = restart()
            seen = [step(rate)]
            while len(seen) < steps and seen[-1] <= 3 * first:
                seen.append(step(rate))
            rates.append(float(rate))
            losses.append(seen[-1] if seen[-1] <= 3 * first else float("inf"))
        best = rates[losses.index(min(losses))]
        bottom, top = np.clip([best / 5, best * 5], low, high)
    return best, rates, losses


slip = known.slips_of(search_rate)
slip(
    "best of the second stage",
    "best = rates[losses.index(min(losses))]",
    "best = rates[-trials:][losses[-trials:].index(min(losses[-trials:]))]",
    loses=2.5,
    says="the best rate of the second stage is returned, though one of the first is better",
)
slip(
    "natural and decimal logarithms",
    "rate = bottom * (top / bottom) ** share",
    "rate = 10 ** (math.log(bottom) + share * (math.log(top) - math.log(bottom)))",
    loses=4,
)
slip(
    "the mean of a run",
    "losses.append(seen[-1] if",
    "losses.append(np.mean(seen) if",
    loses=2.5,
    says="the mean loss of a run is returned, not its last",
)
slip(
    "losses before rates",
    "return best, rates, losses",
    "return best, losses, rates",
    loses=6,
    says="the losses are returned before the rates",
)
slip("best / 2 to 2 · best", "[best / 5, best * 5]", "[best / 2, best * 2]", loses=1.5)
slip(
    "trials in all, not in each stage",
    "rng.random(trials)",
    "rng.random(trials // 2)",
    loses=7,
    says="half as many runs are returned as two stages of trials make",
)
slip(
    "a run is judged by the first loss of the first run",
    "            first = restart()\n",
    "            first, other = (restart(), 0) if not rates else (first, restart())\n",
    loses=3.5,
    says="the first loss of the first run is used for all",
)
slip(
    "a loss that rises ends the run",
    "seen[-1] <= 3 * first:",
    "seen[-1] <= ([first] + seen)[-2]:",
    loses=2.5,
    says="a run is given up as soon as its loss rises",
)
slip(
    "the last rate is returned",
    "    return best, rates",
    "    return rate, rates",
    loses=2.5,
    says="the rate of the last run is returned",
)
slip(
    "the smallest loss of a run",
    "losses.append(seen[-1] if",
    "losses.append(min(seen) if",
    loses=2.5,
    says="the smallest loss of a run is returned, not its last",
)
slip(
    "a bound of 3, whatever the first loss",
    "first = restart()",
    "first = restart() * 0 + 1",
    loses=3.5,
    says="a run is given up at a loss of 3, whatever the first one",
)
slip("one step too few", "len(seen) < steps", "len(seen) < steps - 1", loses=2.5)


# --- task 6: read_curves -------------------------------------------------------------------------


@known.right("plain Python, a loop over the questions")
def read_curves(step_loss, train_loss, val_loss, classes):
    n, guess = len(train_loss), math.log(classes)
    finite = all(math.isfinite(loss) for loss in step_loss)
    peak = max(step_loss) / step_loss[0] if finite else math.inf
    plateau = max(abs(loss / guess - 1) for loss in train_loss[: math.ceil(n / 8)])
    gap = val_loss[-1] - train_loss[-1]
    fall = train_loss[0] - train_loss[-1]
    late = (train_loss[-1 - n // 3] - train_loss[-1]) / fall
    questions = (
        (peak > 3, "rate too high"),
        (plateau < 0.01, "bad start"),
        (gap > 0.5, "overfitting"),
        (late > 0.1, "rate too low"),
        (train_loss[-1] > 0.4 * guess, "underfitting"),
    )
    for yes, name in questions:
        if yes:
            return name, peak, plateau, gap, late
    return "healthy", peak, plateau, gap, late


slip = known.slips_of(read_curves)
slip(
    "log to the base 10",
    "math.log(classes)",
    "math.log10(classes)",
    loses=3.5,
    says="log is to the base 10",
)
slip(
    "log 10 for all",
    "math.log(classes)",
    "math.log(10)",
    loses=3.5,
    says="log 10 is used whatever the number of classes",
)
slip(
    "the gap the other way round",
    "val_loss[-1] - train_loss[-1]",
    "train_loss[-1] - val_loss[-1]",
    loses=3.5,
    says="the gap is training minus validation",
)
slip(
    "the late share is one epoch short",
    "train_loss[-1 - n // 3]",
    "train_loss[-(n // 3)]",
    loses=1.5,
    says="the late share begins an epoch too late",
)
slip(
    "ten epochs whatever n",
    "train_loss[-1 - n // 3]",
    "train_loss[max(-11, -n)]",
    loses=3.5,
    says="the late share is that of ten epochs, however many there are",
)
slip(
    "by the first loss",
    "/ fall",
    "/ train_loss[0]",
    loses=3.5,
    says="the late share is divided by the first loss, not by the whole fall",
)
slip(
    "rounded down",
    "math.ceil(n / 8)",
    "max(1, n // 8)",
    loses=1.5,
    says="the number of early epochs is rounded down",
)
slip(
    "four epochs",
    "math.ceil(n / 8)",
    "4",
    loses=3.5,
    says="the plateau is looked for in four epochs, however many there are",
)
slip(
    "no absolute value",
    "abs(loss / guess - 1)",
    "(loss / guess - 1)",
    loses=3.5,
    says="the plateau has lost its absolute value",
)
slip(
    "NaN is left to max",
    "if finite else math.inf",
    "",
    loses=1,
    says="the peak leaves out losses that are no number",
)
slip(
    "overfitting before the bad start",
    '        (plateau < 0.01, "bad start"),\n        (gap > 0.5, "overfitting"),\n',
    '        (gap > 0.5, "overfitting"),\n        (plateau < 0.01, "bad start"),\n',
    loses=2,
    says="overfitting is asked for before the bad start",
)
slip(
    "the low rate before overfitting",
    '        (gap > 0.5, "overfitting"),\n        (late > 0.1, "rate too low"),\n',
    '        (late > 0.1, "rate too low"),\n        (gap > 0.5, "overfitting"),\n',
    loses=2,
    says="the low rate is asked for before overfitting",
)
slip(
    "an absolute bound for the last loss",
    "0.4 * guess",
    "0.4",
    loses=3,
    says="the last loss is compared with 0.4, not with 0.4 · log K",
)
slip(
    "another name",
    '"underfitting"',
    '"Underfitting"',
    loses=3,
    says="the names are not written as in the task",
)
slip("the name alone", "return name, peak, plateau, gap, late", "return name", loses=5, says="type")
slip(
    "the peak of the epochs",
    "max(step_loss) / step_loss[0]",
    "max(train_loss) / train_loss[0]",
    loses=3.5,
    says="the peak is taken from the epochs, not the steps",
)
slip(
    "sorted in place",
    "    n, guess",
    "    first = step_loss[0]; step_loss.sort(); step_loss.insert(0, step_loss.pop(step_loss.index(first)))\n    n, guess",
    loses=1,
    says="mutated",
)


slip(
    "the last validation loss",
    "(train_loss[-1] > 0.4 * guess",
    "(val_loss[-1] > 0.4 * guess",
    loses=2,
    says="the last validation loss is looked at, not the training loss",
)
slip(
    "the gap at the best epoch",
    "val_loss[-1] - train_loss[-1]",
    "min(val_loss) - train_loss[-1]",
    loses=1.5,
    says="the gap is taken at the best validation loss",
)
slip(
    "the plateau of the validation loss",
    "in train_loss[: math.ceil(n / 8)]",
    "in val_loss[: math.ceil(n / 8)]",
    loses=2.5,
    says="the plateau is that of the validation loss",
)
slip(
    "the smallest loss of a step",
    "max(step_loss) / step_loss[0]",
    "max(step_loss) / min(step_loss)",
    loses=3.5,
    says="the peak is divided by the smallest loss, not the first",
)
slip(
    "an eighth and one",
    "math.ceil(n / 8)",
    "n // 8 + 1",
    loses=2,
    says="n // 8 + 1 epochs are looked at: one too many where 8 divides n",
)
slip(
    "about an eighth",
    "math.ceil(n / 8)",
    "max(1, round(n / 8))",
    loses=1.5,
    says="the number of early epochs is rounded to the nearest",
)
slip(
    "the smallest distance",
    "plateau = max(",
    "plateau = min(",
    loses=1.5,
    says="the plateau is the smallest, not the largest",
)
slip(
    "a third, rounded up",
    "train_loss[-1 - n // 3]",
    "train_loss[-1 - math.ceil(n / 3)]",
    loses=1.5,
    says="the third is rounded up",
)
slip(
    "about a third",
    "train_loss[-1 - n // 3]",
    "train_loss[-1 - round(n / 3)]",
    loses=1.5,
    says="the third is rounded to the nearest",
)
slip(
    "from the first third on",
    "train_loss[-1 - n // 3]",
    "train_loss[n // 3]",
    loses=2.5,
    says="the late share begins after the first third",
)
slip(
    "the late fall over the early one",
    "- train_loss[-1]) / fall",
    "- train_loss[-1]) / (train_loss[0] - train_loss[-1 - n // 3])",
    loses=1.5,
    says="the late share is divided by the fall before, not by the whole fall",
)
slip(
    "0.4 · log 10",
    "0.4 * guess",
    "0.4 * math.log(10)",
    loses=3,
    says="the last loss is compared with 0.4 · log 10, whatever the number of classes",
)
slip(
    "peak above 2",
    "peak > 3",
    "peak > 2",
    loses=2,
    says="the peak is compared with another number than 3",
)
slip(
    "plateau below 0.05",
    "plateau < 0.01",
    "plateau < 0.05",
    loses=2,
    says="the plateau is compared with another number than 0.01",
)
slip(
    "gap above 1",
    "gap > 0.5",
    "gap > 1",
    loses=2,
    says="the gap is compared with another number than 0.5",
)
slip(
    "late above 0.2",
    "late > 0.1",
    "late > 0.2",
    loses=3,
    says="the late share is compared with another number than 0.1",
)
slip(
    "half of log K",
    "0.4 * guess",
    "0.5 * guess",
    loses=2,
    says="the last loss is compared with another share of log K than 0.4",
)
slip(
    "0.3 of log K",
    "0.4 * guess",
    "0.3 * guess",
    loses=2,
    says="the last loss is compared with another share of log K than 0.4",
)
slip(
    "underfitting before the low rate",
    '        (late > 0.1, "rate too low"),\n        (train_loss[-1] > 0.4 * guess, "underfitting"),\n',
    '        (train_loss[-1] > 0.4 * guess, "underfitting"),\n        (late > 0.1, "rate too low"),\n',
    loses=3,
    says="underfitting is asked for before the low rate",
)
slip("low is missing an order", "late > 0.1", "late > 10", loses=3)
slip(
    "the peak over the last step",
    "max(step_loss) / step_loss[0]",
    "max(step_loss) / step_loss[-1]",
    loses=3.5,
    says="the peak is divided by the last loss, not the first",
)


@known.right("arrays, np.select")
def read_curves(step_loss, train_loss, val_loss, classes):
    steps, train, val = map(np.asarray, (step_loss, train_loss, val_loss))
    n = len(train)
    peak = np.max(np.where(np.isfinite(steps), steps, np.inf)) / steps[0]
    plateau = np.max(np.abs(train[: (n + 7) // 8] - np.log(classes))) / np.log(classes)
    gap = (val - train)[-1]
    late = 1 - (train[0] - train[n - n // 3 - 1]) / (train[0] - train[-1])
    asked = [peak > 3, plateau < 0.01, gap > 0.5, late > 0.1, train[-1] > 0.4 * np.log(classes)]
    names = ["rate too high", "bad start", "overfitting", "rate too low", "underfitting"]
    fault = next((name for name, yes in zip(names, asked, strict=True) if yes), "healthy")
    return fault, peak, plateau, gap, late


slip = known.slips_of(read_curves)
slip(
    "the last of two faults",
    'next((name for name, yes in zip(names, asked, strict=True) if yes), "healthy")',
    '["healthy", *(name for name, yes in zip(names, asked, strict=True) if yes)][-1]',
    loses=3,
    says="the last question that is answered by yes names the fault, not the first",
)
slip(
    "the mean gap",
    "(val - train)[-1]",
    "(val - train).mean()",
    loses=1.5,
    says="the gap is averaged over all epochs",
)
slip(
    "the plateau in percent",
    "- np.log(classes))) / np.log(classes)",
    "- np.log(classes))) / np.log(classes) * 100",
    loses=3.5,
    says="the plateau is in percent",
)
slip(
    "all epochs",
    "train[: (n + 7) // 8]",
    "train",
    loses=3.5,
    says="the plateau is looked for in all epochs",
)
