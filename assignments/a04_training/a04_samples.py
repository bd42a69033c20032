"""What the notebook of assignment a04 computes with: examples, a small model to train, curves."""

from collections.abc import Iterator

import numpy as np

# --- tasks 1 and 2: examples, and a model with an optimiser -------------------------------------


def examples(rng, n=23, d=3, k=4):
    """Images (n, 1, 2, d) whose values all differ, and labels (n,) from 0 to k − 1.

    The first pixel of an image grows with its label, so that there is something to learn.
    """
    labels = rng.integers(0, k, n)
    images = rng.standard_normal((n, 1, 2, d))
    images[:, 0, 0, 0] += 2 * labels
    return images, labels


class Model:
    """Scores w · (x − m) + b of rows x, where m depends on the mode.

    In training mode m is the mean of the batch, and a running mean moves a tenth of the way towards
    it; in evaluation mode, in which a model is made, m is the running mean.
    """

    def __init__(self, w):
        self.w, self.b = np.array(w, np.float64), np.zeros(len(w))
        self.running = np.zeros(self.w.shape[1])
        self.dw, self.db = np.zeros_like(self.w), np.zeros_like(self.b)
        self.is_training, self._last = False, None

    def train(self):
        """Go into training mode."""
        self.is_training = True

    def eval(self):
        """Go into evaluation mode."""
        self.is_training = False

    def loss(self, x, t):
        """The mean cross-entropy of a batch x (N, D) with labels t (N,), a float."""
        m = self.running
        if self.is_training:
            m = x.mean(axis=0)
            self.running = 0.9 * self.running + 0.1 * m
        rows = x - m
        scores = rows @ self.w.T + self.b
        scores = scores - scores.max(axis=1, keepdims=True)
        p = np.exp(scores)
        p /= p.sum(axis=1, keepdims=True)
        self._last = rows, p, t
        return float(-np.log(p[np.arange(len(t)), t]).mean())

    def backward(self):
        """Add the gradients of the last loss to those that are there."""
        rows, p, t = self._last
        ds = p.copy()
        ds[np.arange(len(t)), t] -= 1
        ds /= len(t)
        self.dw += ds.T @ rows
        self.db += ds.sum(axis=0)


class Optimizer:
    """Plain gradient descent: w ← w − lr · dw."""

    def __init__(self, model, lr):
        self.model, self.lr = model, lr

    def zero_grad(self):
        """Set the gradients to zero."""
        self.model.dw[:], self.model.db[:] = 0, 0

    def step(self):
        """One update with the gradients that are there."""
        self.model.w -= self.lr * self.model.dw
        self.model.b -= self.lr * self.model.db


def epochs_of(mini_batches, images, labels, size, seed, count):
    """The mini-batches of several epochs, drawn from one generator, one epoch after the other."""
    rng = np.random.default_rng(seed)
    made = (mini_batches(images.copy(), labels.copy(), size, rng) for _ in range(count))
    return [list(batches) if isinstance(batches, Iterator) else batches for batches in made]


def trained(train_model, w, x, t, val_x, val_t, size, epochs, seed):
    """What a training loop makes of a model.

    Args:
        train_model: the loop.
        w: (K, D) initial weights.
        x, t: (N, D) and (N,), examples to learn from.
        val_x, val_t: (M, D) and (M,), examples for validation.
        size: of a mini-batch.
        epochs: how many.
        seed: of the orders in which the examples come.
    Returns:
        weights (K, D + 1), the biases last; training losses; validation losses.
    """
    model, rng = Model(w), np.random.default_rng(seed)

    def epoch_batches():
        order = rng.permutation(len(x))
        parts = np.split(order, range(size, len(x), size))
        return [(x[part], t[part]) for part in parts]

    optimizer = Optimizer(model, 0.5)
    got = train_model(model, optimizer, epoch_batches, val_x, val_t, epochs)
    if got is None:
        raise ValueError("train_model returned None; is the `return` missing?")
    if len(got) != 2:
        raise ValueError("train_model returned something else than train_loss and val_loss")
    train_loss, val_loss = got
    weights = np.concatenate([model.w, model.b[:, None]], axis=1)
    return weights, np.array(train_loss, np.float64), np.array(val_loss, np.float64)


def loop_cases(rng, sizes):
    """Arguments (w, x, t, val_x, val_t, size, epochs, seed) of `trained`.

    Args:
        sizes: dicts with n, d, k, size and epochs.
    """
    cases = []
    for given in sizes:
        s = {"n": 17, "d": 3, "k": 4, "size": 5, "epochs": 3} | given
        labels, checked = rng.integers(0, s["k"], s["n"]), rng.integers(0, s["k"], 9)
        centres = 2 * rng.standard_normal((s["k"], s["d"]))
        x = centres[labels] + rng.standard_normal((s["n"], s["d"]))
        val_x = centres[checked] + rng.standard_normal((9, s["d"]))
        w = rng.standard_normal((s["k"], s["d"]))
        cases.append(
            (w, x, labels, val_x, checked, s["size"], s["epochs"], int(rng.integers(2**31)))
        )
    return cases


# --- task 3: schedules ---------------------------------------------------------------------------


def steps_of(kind, rng, count=3, warm_up=0):
    """Arguments (kind, steps, lr, span, factor, warm_up) of learning rates at several steps."""
    cases = []
    for _ in range(count):
        span = int(rng.integers(6, 40))
        steps = (0, *(int(t) for t in rng.integers(1, 3 * span, 5)))
        lr, factor = float(rng.uniform(0.05, 2)), float(rng.uniform(0.2, 0.9))
        cases.append((kind, steps, lr, span, factor, warm_up))
    return cases


# --- task 4: preprocessing -----------------------------------------------------------------------


def rows(rng, n=30, d=4, m=7):
    """Training rows (n, d) and m others: numbers that depend on each other, of unlike sizes."""
    mix = rng.standard_normal((d, d)) * rng.uniform(0.5, 2, d)
    shift = 3 * rng.standard_normal(d)
    train = rng.standard_normal((n, d)) @ mix + shift
    return train, 1.3 * rng.standard_normal((m, d)) @ mix + shift + 0.5


def row_cases(kind, rng, sizes, epsilon):
    """Arguments (kind, train, x, epsilon) of a preprocessing."""
    return [(kind, *rows(rng, **size), epsilon) for size in sizes]


# --- task 6: curves ------------------------------------------------------------------------------


def curve(rng, fault, epochs=30, classes=10, low=None):
    """Curves (step_loss, train_loss, val_loss: lists; classes) of an imagined training.

    Args:
        fault: what is wrong with it; one of the names of the task.
        epochs, classes: how many.
        low: where the training loss ends, as a share of log K; by default as the fault has it.
    """
    base, e = np.log(classes), np.arange(epochs)
    early = -(-epochs // 8)
    high, tau = rng.uniform(0.7, 0.85), epochs / rng.uniform(10, 14)
    if low is None:
        low = rng.uniform(0.5, 0.6) if fault == "underfitting" else rng.uniform(0.02, 0.08)
    shape = low + (high - low) * np.exp(-e / tau)
    if fault == "rate too low":
        shape = rng.uniform(0.9, 0.96) - rng.uniform(0.2, 0.35) * e / epochs
    if fault == "rate too high":
        shape = rng.uniform(1.005, 1.06) - rng.uniform(0.0001, 0.05, epochs).cumsum() / epochs
    if fault == "bad start":
        shape = low + (0.995 - low) * np.exp(-np.maximum(e - early, 0) / tau)
        shape[:early] = 1 + rng.uniform(-0.008, 0.008, early)
    train = base * shape
    val = train + rng.uniform(0.02, 0.2) * (1 + e / epochs) / 2
    if fault == "bad start":
        val[:early] = base * (1 + rng.uniform(-0.008, 0.008, early))
    if fault == "overfitting":
        val = train + rng.uniform(0.6, 1.6) * (1 + e / (epochs - 1)) / 2
    step = np.repeat(train, 5) * rng.uniform(0.8, 1.2, 5 * epochs)
    step[0] = base * rng.uniform(1.0, 1.3)
    if fault == "rate too high":
        step[rng.integers(1, 5)] = step[0] * rng.uniform(4, 20)
    return step.tolist(), train.tolist(), val.tolist(), classes


def mixed_curves(rng):
    """Curves of other lengths and numbers of classes, and some with two faults at once."""
    made = []
    for epochs, classes in ((17, 3), (40, 100), (12, 26)):
        for fault in ("healthy", "underfitting", "overfitting", "rate too low", "bad start"):
            step, train, val, _ = curve(rng, fault, epochs, classes)
            made.append((step, train, val, classes))
            if fault in ("bad start", "rate too low"):  # overfitting, too
                made.append((step, train, [v + 1.1 for v in val], classes))
            if fault != "healthy":  # and a rate too high
                made.append(([*step[:9], 5 * step[0], *step[10:]], train, val, classes))
    made += [curve(rng, "healthy", 24, 1000, low=0.2), curve(rng, "underfitting", 24, 2, low=0.5)]
    step, train, _, _ = curve(rng, "healthy", 21, 4, low=0.35)  # and does worse on new examples
    made.append((step, train, [v + 0.3 for v in train], 4))
    step, train, val, _ = curve(rng, "bad start", 16, 10)  # which then learns slowly
    slow = [v - 0.05 * max(0, i - 1) for i, v in enumerate([*train[:2], *[train[1]] * 14])]
    return [*made, (step, slow, [v + 0.1 for v in slow], 10)]


def near_limits(rng):
    """Curves whose numbers lie closely below or above what the questions ask."""
    made = []
    for factor in (2.6, 3.4):  # the peak
        step, train, val, classes = curve(rng, "healthy", 19, 10)
        step[7] = factor * step[0]
        made.append((step, train, val, classes))
    for gap in (0.42, 0.6):
        step, train, _, classes = curve(rng, "healthy", 13, 6)
        made.append((step, train, [v + gap for v in train], classes))
    for off in (0.009, 0.013, 0.04):  # the plateau
        step, train, val, classes = curve(rng, "healthy", 22, 20)
        made.append((step, [(1 + off) * np.log(20)] * 3 + train[3:], val, classes))
    step, train, val, classes = curve(rng, "healthy", 16, 10)  # on a plateau with others only
    made.append((step, train, [1.003 * np.log(10)] * 2 + val[2:], classes))
    for late in (0.07, 0.15):
        step, train, val, classes = curve(rng, "healthy", 15, 10)
        high, low = 0.8 * np.log(10), 0.1 * np.log(10)
        bend = low + late * (high - low)
        train = [*np.linspace(high, bend, 10).tolist(), *np.linspace(bend, low, 6)[1:].tolist()]
        made.append((step, train, [v + 0.1 for v in train], classes))
    for low, gap in ((0.43, 0.1), (0.36, 0.02), (0.28, 0.3)):  # the last loss
        step, train, _, classes = curve(rng, "healthy", 26, 4, low=low)
        made.append((step, train, [v + gap for v in train], classes))
    return made


def broken(rng):
    """Curves with losses that are infinite or no number."""
    made = []
    for bad in (np.nan, np.inf):
        step, train, val, classes = curve(rng, "healthy", 18, 5)
        step[int(rng.integers(20, 60))] = float(bad)
        made.append((step, train, val, classes))
    return made


# Five real trainings on ten classes: the first loss and the largest of each epoch's steps; the
# training losses; the validation losses; all in thousandths.
MYSTERIES = {
    "A": (
        "2828 2999 2971 2843 2805 2833 2691 2701 2672 2569 2624 2533 2451 2438 2477 2510 "
        "2408 2403 2431 2396 2411 2340 2350 2339 2344 2284 2299 2303 2250 2237 2255",
        "2808 2726 2660 2607 2562 2524 2491 2462 2436 2412 2391 2371 2353 2336 2320 2305 "
        "2291 2277 2264 2252 2240 2228 2217 2206 2196 2186 2175 2166 2156 2147",
        "2667 2604 2553 2511 2476 2446 2421 2398 2377 2359 2342 2327 2312 2299 2286 2274 "
        "2262 2251 2241 2231 2221 2211 2202 2193 2184 2175 2167 2158 2150 2142",
    ),
    "B": (
        "2227 3300 2690 2068 1887 1873 1686 1892 2110 1286 1197 1134 1028 1060 1065 1161 607 "
        "416 619 740 706 531 418 475 325 202 353 307 223 182 157",
        "2455 1855 1645 1377 1271 1058 1067 1003 850 765 652 621 533 557 447 361 321 319 312 "
        "288 265 202 210 155 142 138 114 106 98 89",
        "1997 1769 1596 1469 1418 1478 1321 1452 1351 1328 1338 1411 1390 1267 1228 1459 "
        "1194 1331 1382 1452 1446 1436 1489 1408 1489 1503 1601 1484 1511 1471",
    ),
    "C": (
        "2526 146321 2582 2548 2525 2464 2499 2551 2577 2519 2496 2672 2511 2441 2681 2467 "
        "2524 2482 2518 2482 2492 2554 2502 2604 2539 2533 2542 2509 2476 2493 2571",
        "15251 2368 2360 2374 2358 2364 2350 2355 2396 2365 2347 2370 2334 2356 2359 2369 "
        "2375 2378 2362 2365 2388 2383 2401 2352 2386 2383 2372 2353 2364 2369",
        "2376 2455 2383 2381 2347 2357 2394 2332 2382 2336 2361 2327 2321 2365 2422 2379 "
        "2320 2375 2403 2396 2370 2420 2349 2457 2426 2363 2343 2379 2348 2390",
    ),
    "D": (
        "2520 2520 1781 1638 1677 1527 1520 1485 1434 1510 1482 1464 1405 1499 1485 1447 "
        "1468 1490 1503 1438 1481 1436 1473 1455 1534 1485 1440 1430 1448 1506 1472",
        "2010 1679 1538 1460 1424 1389 1367 1342 1331 1324 1336 1320 1322 1319 1326 1317 "
        "1317 1327 1315 1325 1320 1323 1312 1313 1312 1315 1316 1314 1317 1319",
        "1785 1609 1535 1497 1448 1401 1389 1368 1378 1351 1347 1363 1360 1361 1338 1355 "
        "1348 1354 1361 1348 1377 1347 1360 1358 1351 1337 1343 1342 1336 1348",
    ),
    "E": (
        "2303 2321 2324 2337 2332 2337 2322 2323 2326 2335 2316 2298 2264 2181 1957 1966 "
        "1851 1768 1741 1461 1362 1880 961 1260 1136 819 548 851 520 495 937",
        "2304 2303 2303 2302 2301 2301 2300 2298 2296 2289 2270 2199 1977 1806 1724 1611 "
        "1469 1279 1139 999 1058 695 700 610 417 384 384 276 298 319",
        "2303 2304 2304 2305 2305 2304 2303 2302 2297 2287 2252 2110 1850 1727 1713 1702 "
        "1513 1202 1179 975 803 645 628 479 426 511 454 374 304 386",
    ),
}


def mystery(letter):
    """Curves (step_loss, train_loss, val_loss, classes) of one of the five trainings A to E."""
    return *([int(word) / 1000 for word in line.split()] for line in MYSTERIES[letter]), 10
