"""Right and wrong solutions of assignment a01.

Right ones are written in different styles and must get full marks. A slip is one small change to
the right solution above it, a mistake that students make, and must lose exactly the points named
in the test cell of its function, and none in any other cell. What its author is told is `says`.
"""

import numpy as np

from coursekit.collection import Collection

known = Collection("a01_neurons")

# --- task 1: activations -------------------------------------------------------------------------


@known.right("clipped exponents, as lecture 01a writes it")
def activations(z):
    e = np.exp(-np.abs(z))
    sigmoid = np.exp(np.minimum(z, 0)) / (1 + e)
    relu = np.maximum(z, 0)
    softplus = relu + np.log1p(e)
    return sigmoid, np.tanh(z), relu, softplus


slip = known.slips_of(activations)
slip(
    "the sigmoid of lecture 01a",
    "np.exp(np.minimum(z, 0)) / (1 + e)",
    "1 / (1 + np.exp(-z))",
    loses=1,
    says="exp overflows on the way",
)
slip(
    "exp(z) above and below",
    "np.exp(np.minimum(z, 0)) / (1 + e)",
    "np.exp(z) / (1 + np.exp(z))",
    loses=2,
    says="exp overflows, and gives NaN",
)
slip(
    "np.where of both branches",
    "np.exp(np.minimum(z, 0)) / (1 + e)",
    "np.where(z > 0, 1 / (1 + np.exp(-z)), np.exp(z) / (1 + np.exp(z)))",
    loses=1,
    says="exp overflows on the way",
)
slip(
    "the sigmoid of −z",
    "np.minimum(z, 0)",
    "np.minimum(-z, 0)",
    loses=5,
    says="it is the sigmoid of −z",
)
slip(
    "softplus as it stands",
    "relu + np.log1p(e)",
    "np.log(1 + np.exp(z))",
    loses=2,
    says="exp overflows, and gives infinity",
)
slip(
    "softplus without max(z, 0)",
    "relu + np.log1p(e)",
    "np.log1p(e)",
    loses=5,
    says="the max(z, 0) is missing",
)
slip(
    "softplus with log1p(exp(-z))",
    "relu + np.log1p(e)",
    "relu + np.log1p(np.exp(-z))",
    loses=5,
    says="",
)
slip(
    "tanh as it stands",
    "np.tanh(z)",
    "(np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z))",
    loses=2,
    says="exp overflows, and gives NaN",
)
slip(
    "tanh from the wrong sigmoid", "np.tanh(z)", "2 * sigmoid - 1", loses=5, says="it is 2 σ(z) − 1"
)
slip(
    "a leaky ReLU",
    "np.maximum(z, 0)",
    "np.maximum(z, 0.01 * z)",
    loses=5,
    says="negative numbers are made 0.01 times as large, not 0",
)
slip("ReLU is the maximum of the array", "np.maximum(z, 0)", "np.max(z, 0)", loses=5, says="type")
slip(
    "ReLU in place",
    "relu = np.maximum(z, 0)",
    "z[z < 0] = 0\n    relu = z",
    loses=5,
    says="negative values of tanh are cut off at zero",
)
slip(
    "ReLU is the absolute value",
    "np.maximum(z, 0)",
    "np.abs(z)",
    loses=5,
    says="it is the absolute value",
)
slip("to the base 10", "np.log1p(e)", "np.log10(1 + e)", loses=5)
slip(
    "float64 whatever the input",
    "np.exp(-np.abs(z))",
    "np.exp(-np.abs(z), dtype=float)",
    loses=1,
    says="dtype",
)
slip(
    "another order",
    "sigmoid, np.tanh(z), relu, softplus",
    "sigmoid, relu, np.tanh(z), softplus",
    loses=6,
    says="the values are returned as (sigmoid, relu, tanh, softplus), not as (sigmoid, tanh, relu, softplus)",
)
slip("three of four", ", relu, softplus", ", relu", loses=6, says="type")
slip(
    "z is cut off at ±20",
    "np.exp(np.minimum(z, 0)) / (1 + e)",
    "1 / (1 + np.exp(-np.clip(z, -20, 20)))",
    loses=2,
    says="z is cut off at both ends",
)
slip(
    "softplus cut off at 50",
    "relu + np.log1p(e)",
    "np.log1p(np.exp(np.minimum(z, 50)))",
    loses=2,
    says="z is cut off above",
)


@known.right("number by number, with Python's math")
def activations(z):
    import math

    def four(number):
        if number >= 0:
            sigmoid = 1 / (1 + math.exp(-number))
        else:
            sigmoid = math.exp(number) / (1 + math.exp(number))
        softplus = max(number, 0.0) + math.log1p(math.exp(-abs(number)))
        return sigmoid, math.tanh(number), max(number, 0.0), softplus

    table = np.array([four(float(number)) for number in z.ravel()], dtype=z.dtype)
    return tuple(column.reshape(z.shape) for column in table.T)


@known.right("all from tanh and logaddexp")
def activations(z):
    return (np.tanh(z / 2) + 1) / 2, np.tanh(z), z * (z > 0), np.logaddexp(0, z)


slip = known.slips_of(activations)
slip("one number for ReLU", "z * (z > 0)", "max(z.max(), 0) + 0 * z", loses=5)
slip(
    "the step is returned for ReLU",
    "z * (z > 0)",
    "(z > 0).astype(z.dtype)",
    loses=5,
    says="it is the slope, 0 or 1, not the value",
)
slip("the step as truth values", "z * (z > 0)", "z > 0", loses=5, says="dtype")


@known.right("each half by itself, by masks")
def activations(z):
    s, up = np.empty_like(z), z >= 0
    s[up] = 1 / (1 + np.exp(-z[up]))
    e = np.exp(z[~up])
    s[~up] = e / (1 + e)
    r = z.copy()
    r[~up] = 0
    return s, 2 * np.exp(-np.logaddexp(0, -2 * z)) - 1, r, r - np.log(np.where(up, s, 1 - s))


# --- task 2: activation_gradients ----------------------------------------------------------------


@known.right("from the outputs, with a sigmoid of its own")
def activation_gradients(dy, z):
    def sigma(a):
        e = np.exp(-np.abs(a))
        return np.where(a >= 0, 1, e) / (1 + e)

    y, t = sigma(z), np.tanh(z)
    return dy * (y * (1 - y)), dy * (1 - t * t), dy * (z > 0), dy * y


slip = known.slips_of(activation_gradients)
slip(
    "z (1 − z)",
    "(y * (1 - y))",
    "(z * (1 - z))",
    loses=4,
    says="z (1 − z) is computed, where y (1 − y) is meant",
)
slip(
    "1 − z²",
    "(1 - t * t)",
    "(1 - z * z)",
    loses=4,
    says="1 − z² is computed, where 1 − y² is meant",
)
slip(
    "σ' at the output",
    "dy * (y * (1 - y))",
    "dy * sigma(y) * (1 - sigma(y))",
    loses=4,
    says="the derivative is taken at the output, not at z",
)
slip(
    "tanh' at the output",
    "(1 - t * t)",
    "(1 - np.tanh(t) ** 2)",
    loses=4,
    says="the derivative is taken at the output, not at z",
)
slip(
    "softplus' at the output",
    "dy * y\n",
    "dy * sigma(np.logaddexp(0, z))\n",
    loses=4,
    says="the derivative is taken at the output, not at z",
)
slip(
    "σ' for softplus",
    "dy * y\n",
    "dy * y * (1 - y)\n",
    loses=4,
    says="the slope of the sigmoid is used",
)
slip("ReLU with ≥", "(z > 0)", "(z >= 0)", loses=3, says="the slope at z = 0 is 1, not 0")
slip(
    "ReLU by the sign",
    "(z > 0)",
    "(1 + np.sign(z)) / 2",
    loses=3,
    says="the slope at z = 0 is 1/2, not 0",
)
slip(
    "ReLU by the sign alone",
    "(z > 0)",
    "np.sign(z)",
    loses=4,
    says="the slope is −1 where z is negative",
)
slip(
    "ReLU looks at dy", "(z > 0)", "(dy > 0)", loses=4, says="dy passes where dy is positive, not z"
)
slip(
    "the ReLU's values",
    "dy * (z > 0)",
    "dy * np.maximum(z, 0)",
    loses=4,
    says="the activation is multiplied by dy, not its slope",
)
slip("dy is forgotten with tanh", "dy * (1 - t * t)", "1 - t * t", loses=4, says="dy is forgotten")
slip(
    "dy is forgotten everywhere",
    "    return dy * (y",
    "    dy = 1\n    return dy * (y",
    loses=5,
    says="dy is forgotten",
)
slip("the square is forgotten", "t * t", "t", loses=4, says="the square is forgotten")
slip("dy is used up", "    y, t =", "    dy *= z > 0\n    y, t =", loses=4, says="mutated")
slip("truth values for drelu", "dy * (z > 0)", "z > 0", loses=4, says="dtype")
slip(
    "the product is rectified",
    "dy * (z > 0)",
    "np.maximum(0, dy * z)",
    loses=4,
    says="dy · z is cut off at 0",
)


@known.right("cosh, and the ReLU by assignment")
def activation_gradients(dy, z):
    with np.errstate(over="ignore"):
        dsigmoid = dy / (4 * np.cosh(z / 2) ** 2)
        dtanh = dy / np.cosh(z) ** 2
    drelu = dy.copy()
    drelu[z <= 0] = 0
    return dsigmoid, dtanh, drelu, dy * (1 + np.tanh(z / 2)) / 2


slip = known.slips_of(activation_gradients)
slip(
    "exp(−z) / (1 + exp(−z))²",
    "dy / (4 * np.cosh(z / 2) ** 2)",
    "dy * np.exp(-z) / (1 + np.exp(-z)) ** 2",
    loses=1,
    says="exp overflows, and gives NaN",
)
slip(
    "exp(z) / (1 + exp(z))",
    "dy * (1 + np.tanh(z / 2)) / 2",
    "dy * np.exp(z) / (1 + np.exp(z))",
    loses=1,
    says="exp overflows, and gives NaN",
)
slip("no copy of dy", "dy.copy()", "dy", loses=4, says="mutated")


@known.right("with the function of task 1")
def activation_gradients(dy, z):
    sigmoid, tanh, relu, softplus = activations(z)
    return (
        dy * sigmoid * (1 - sigmoid),
        (1 + tanh) * (1 - tanh) * dy,
        np.heaviside(relu, 0) * dy,
        dy - np.exp(-softplus) * dy,
    )


# --- task 3: linear_layer ------------------------------------------------------------------------


@known.right("einsum")
def linear_layer(x, w, b, dy):
    y = np.einsum("nd,fd->nf", x, w) + b
    dx, dw = np.einsum("nf,fd->nd", dy, w), np.einsum("nf,nd->fd", dy, x)
    return y, dx, dw, np.einsum("nf->f", dy)


slip = known.slips_of(linear_layer)
slip(
    "w is reshaped",
    'np.einsum("nd,fd->nf", x, w)',
    "x @ w.reshape(w.shape[::-1])",
    loses=2,
    says="w is reshaped, not transposed",
)
slip(
    "dy is reshaped",
    'np.einsum("nf,nd->fd", dy, x)',
    "dy.reshape(dy.shape[::-1]) @ x",
    loses=2,
    says="in dw, an array is reshaped, not transposed",
)
slip(
    "dw is reshaped",
    'np.einsum("nf,nd->fd", dy, x)',
    "(x.T @ dy).reshape(w.shape)",
    loses=2,
    says="in dw, an array is reshaped, not transposed",
)
slip("dw is (D, F)", '"nf,nd->fd"', '"nf,nd->df"', loses=3, says="dw is (D, F), not (F, D)")
slip("the bias is forgotten", " + b\n", "\n", loses=3, says="the bias is not added")
slip(
    "db is not summed",
    'np.einsum("nf->f", dy)',
    "dy",
    loses=3,
    says="db is not summed over the examples",
)
slip(
    "db over the outputs",
    '"nf->f"',
    '"nf->n"',
    loses=3,
    says="db is summed over the outputs, not the examples",
)
slip(
    "db is a mean",
    'np.einsum("nf->f", dy)',
    "dy.mean(0)",
    loses=3,
    says="in db, a mean is taken, not a sum",
)
slip(
    "db is one number",
    'np.einsum("nf->f", dy)',
    "dy.sum()",
    loses=3,
    says="type",
)
slip(
    "dw is divided by N",
    "return y, dx, dw,",
    "return y, dx, dw / len(x),",
    loses=3,
    says="dw is divided by N",
)
slip(
    "the batch is divided out of dx",
    "return y, dx,",
    "return y, dx / len(x),",
    loses=3,
    says="dx is divided by N",
)
slip(
    "dy is forgotten in dw",
    '"nf,nd->fd", dy',
    '"nf,nd->fd", 0 * dy + 1',
    loses=3,
    says="dy is forgotten in dw",
)
slip(
    "keepdims",
    'np.einsum("nf->f", dy)',
    "dy.sum(0, keepdims=True)",
    loses=3,
    says="db has an axis of length 1 left",
)
slip(
    "y stands in for dy",
    "dx, dw = np.einsum(",
    "dy = y\n    dx, dw = np.einsum(",
    loses=4,
    says="dw is made with y, not with dy",
)


@known.right("a loop over the examples that adds up")
def linear_layer(x, w, b, dy):
    y, dx, dw, db = np.zeros_like(dy), np.zeros_like(x), np.zeros_like(w), np.zeros_like(b)
    for n in range(len(x)):
        y[n] = w @ x[n] + b
        dx[n] = dy[n] @ w
        dw += np.outer(dy[n], x[n])
        db += dy[n]
    return y, dx, dw, db


slip = known.slips_of(linear_layer)
slip("= for += in dw", "dw +=", "dw =", loses=3, says="in dw, only the last example counts")
slip("= for += in db", "db +=", "db =", loses=3, says="in db, only the last example counts")
slip("float64 whatever the input", "np.zeros_like(x)", "np.zeros(x.shape)", loses=1, says="dtype")
slip(
    "w transposed where it should not be",
    "dy[n] @ w",
    "dy[n] @ w.T",
    loses=5,
    says="w is transposed, where it should not be",
)
slip("w is not transposed", "w @ x[n]", "x[n] @ w", loses=5, says="w is not transposed")
slip("one example too few", "range(len(x))", "range(len(x) - 1)", loses=5)
slip(
    "y in dw",
    "np.outer(dy[n], x[n])",
    "np.outer(y[n], x[n])",
    loses=3,
    says="dw is made with y, not with dy",
)
slip("axes of length 1 are lost", "return y, dx", "return np.squeeze(y), dx", loses=2, says="")


# --- task 4: softmax_loss ------------------------------------------------------------------------


@known.right("the maximum of the whole batch, one-hot targets")
def softmax_loss(scores, labels):
    t = np.eye(scores.shape[1], dtype=scores.dtype)[labels]
    s = scores - scores.max()
    log_p = s - np.log(np.exp(s).sum(1, keepdims=True))
    return -(log_p * t).sum() / len(s), (np.exp(log_p) - t) / len(s)


slip = known.slips_of(softmax_loss)
slip(
    "no maximum is taken off",
    "scores - scores.max()",
    "scores",
    loses=2,
    says="exp overflows, or rounds to 0: the largest score is not taken off",
)
slip(
    "the sum, not the mean",
    "-(log_p * t).sum() / len(s)",
    "-(log_p * t).sum()",
    loses=6,
    says="the losses of the examples are summed, not averaged",
)
slip(
    "the gradient is not divided",
    "(np.exp(log_p) - t) / len(s)",
    "np.exp(log_p) - t",
    loses=6,
    says="the gradient is not divided by N",
)
slip(
    "the mean over all numbers",
    "-(log_p * t).sum() / len(s)",
    "-(log_p * t).mean()",
    loses=6,
    says="it is divided by N and by the number of classes",
)
slip(
    "the logarithm of a rounded probability",
    "-(log_p * t).sum()",
    "-np.log(np.exp(log_p)[np.arange(len(s)), labels]).sum()",
    loses=2,
    says="the logarithm of a probability that has rounded to 0 is taken",
)
slip(
    "1e-12 under the logarithm",
    "-(log_p * t).sum()",
    "-np.log(np.exp(log_p)[np.arange(len(s)), labels] + 1e-12).sum()",
    loses=3,
    says="a small number is added to the probability, or it is cut off there",
)
slip(
    "1e-7 under the logarithm",
    "-(log_p * t).sum()",
    "-np.log(np.exp(log_p)[np.arange(len(s)), labels] + 1e-7).sum()",
    loses=6,
    says="a small number is added to the probability, or it is cut off there",
)
slip(
    "0 times infinity",
    "-(log_p * t).sum()",
    "-(np.log(np.exp(log_p)) * t).sum()",
    loses=2,
    says="the logarithm of a probability that has rounded to 0 is taken",
)
slip(
    "labels from 1",
    "[labels]",
    "[labels - 1]",
    loses=7,
    says="the labels are one off",
)
slip(
    "the gradient's labels from 1",
    "- t) /",
    "- np.roll(t, -1, axis=1)) /",
    loses=6,
    says="the labels are one off",
)
slip("the sum over the examples", "sum(1, keepdims=True)", "sum(0)", loses=7)
slip(
    "the sum over everything",
    "sum(1, keepdims=True)",
    "sum()",
    loses=7,
    says="softmax runs over all scores of the batch",
)
slip(
    "the sign",
    "-(log_p * t)",
    "(log_p * t)",
    loses=6,
    says="every value of loss has the opposite sign",
)
slip(
    "t − p",
    "(np.exp(log_p) - t)",
    "(t - np.exp(log_p))",
    loses=6,
    says="every value of dscores has the opposite sign",
)
slip(
    "the target is not subtracted",
    "(np.exp(log_p) - t)",
    "np.exp(log_p)",
    loses=6,
    says="the target is not subtracted",
)
slip(
    "to the base 10",
    "return -(log_p * t).sum()",
    "return -(log_p * t).sum() / np.log(10)",
    loses=6,
    says="every value of loss is 0.434294 times the expected one",
)
slip(
    "the logarithm is missing",
    "-(log_p * t)",
    "(np.exp(log_p) * t)",
    loses=6,
    says="the logarithm is missing",
)
slip("a list of losses", "-(log_p * t).sum() / len(s)", "-(log_p * t).sum(1)", loses=6, says="")
slip("float64 whatever the input", ", dtype=scores.dtype", "", loses=1, says="dtype")
slip(
    "PyTorch's own", "    t = np.eye", "    import torch\n    t = np.eye", loses=7, says="forbidden"
)
slip(
    "the maximum of each column",
    "scores.max()",
    "scores.max(0)",
    loses=7,
    says="the largest of each column is taken off, not of each row",
)
slip(
    "divided by the maximum",
    "scores - scores.max()",
    "scores / np.abs(scores).max()",
    loses=7,
    says="the scores are divided by the largest",
)
slip(
    "the largest size is taken off",
    "scores - scores.max()",
    "scores - np.abs(scores).max()",
    loses=2,
    says="exp overflows, or rounds to 0: the largest score is not taken off",
)
slip(
    "a sigmoid for each class",
    "log_p = s - np.log(np.exp(s).sum(1, keepdims=True))",
    "log_p = -np.logaddexp(0, -scores)",
    loses=7,
    says="the sigmoid is used, not softmax",
)
slip(
    "the loss from unshifted scores",
    "-(log_p * t).sum()",
    "(np.log(np.exp(scores).sum(1)) - (scores * t).sum(1)).sum()",
    loses=2,
    says="exp overflows, or rounds to 0: the largest score is not taken off",
)


@known.right("example by example")
def softmax_loss(scores, labels):
    loss, dscores = 0.0, np.zeros_like(scores)
    for n, (row, label) in enumerate(zip(scores, labels, strict=True)):
        shifted = row - max(row)
        total = sum(np.exp(shifted))
        loss += (np.log(total) - shifted[label]) / len(scores)
        dscores[n] = np.exp(shifted) / total
        dscores[n, label] -= 1
    return loss, dscores / len(scores)


slip = known.slips_of(softmax_loss)
slip("1 is subtracted in every row", "dscores[n, label] -= 1", "dscores[:, label] -= 1", loses=6)
slip("= for −=", "dscores[n, label] -= 1", "dscores[n, label] = -1", loses=6)
slip("= for +=", "loss +=", "loss =", loses=6, says="only the last example counts, divided by N")
slip(
    "only the shift of the true class is forgotten",
    "- shifted[label]",
    "- row[label]",
    loses=6,
    says="the largest score is left off in the end",
)
slip(
    "the scores are shifted in place",
    "row - max(row)",
    "row\n        row -= max(row)",
    loses=1,
    says="mutated",
)


@known.right("fancy indices, logaddexp")
def softmax_loss(scores, labels):
    at = np.arange(labels.size), labels
    log_p = scores - np.logaddexp.reduce(scores, axis=1)[:, None]
    p = np.exp(log_p)
    p[at] -= 1
    return -log_p[at].mean(), p / labels.size


slip = known.slips_of(softmax_loss)
slip(
    "1 is subtracted from whole columns",
    "p[at] -= 1",
    "p[:, labels] -= 1",
    loses=6,
    says="1 is subtracted from the columns of all labels, in every row",
)
slip(
    "1 is subtracted everywhere",
    "p[at] -= 1",
    "p -= 1",
    loses=6,
    says="1 is subtracted from all classes",
)
slip(
    "the smallest is taken off",
    "scores - np.logaddexp.reduce(scores, axis=1)[:, None]",
    "(s := scores - scores.min(1, keepdims=True)) - np.log(np.exp(s).sum(1, keepdims=True))",
    loses=2,
    says="exp overflows, or rounds to 0: the largest score is not taken off",
)
slip(
    "the first score of each row is taken off",
    "scores - np.logaddexp.reduce(scores, axis=1)[:, None]",
    "(s := scores - scores[:, :1]) - np.log(np.exp(s).sum(1, keepdims=True))",
    loses=2,
    says="exp overflows, or rounds to 0: the largest score is not taken off",
)
slip(
    "the largest of each row, then the sum over the examples",
    "scores - np.logaddexp.reduce(scores, axis=1)[:, None]",
    "(s := scores - scores.max(1, keepdims=True)) - np.log(np.exp(s).sum(0))",
    loses=7,
    says="softmax runs over the examples, not the classes",
)
slip(
    "the largest of each row, then the sum over everything",
    "scores - np.logaddexp.reduce(scores, axis=1)[:, None]",
    "(s := scores - scores.max(1, keepdims=True)) - np.log(np.exp(s).sum())",
    loses=7,
    says="softmax runs over all scores of the batch",
)
slip("a mean over whole columns", "-log_p[at].mean()", "-log_p[:, labels].mean()", loses=6)
slip(
    "/ 2N",
    "p / labels.size",
    "p / labels.size / 2",
    loses=6,
    says="every value of dscores is 1/2 of the expected one",
)

# --- task 5: hinge_loss --------------------------------------------------------------------------


@known.right("two loops, as the sum stands")
def hinge_loss(scores, labels):
    (N, K), loss = scores.shape, 0.0
    dscores = np.zeros_like(scores)
    for n, y in enumerate(labels):
        for k in range(K):
            if k == y:
                continue
            term = scores[n, k] - scores[n, y] + 1
            if term > 0:
                loss += term / N
                dscores[n, k] += 1 / N
                dscores[n, y] -= 1 / N
    return loss, dscores


slip = known.slips_of(hinge_loss)
slip(
    "the true class is counted too",
    "if k == y:\n                continue\n            term",
    "term",
    loses=5,
    says="the true class is counted too, so every example costs 1 more",
)
slip(
    "−1 where −count is due",
    "dscores[n, y] -= 1 / N",
    "dscores[n, y] = -1 / N",
    loses=5,
    says="the true class gets −1, however many classes are within the margin",
)
slip(
    "the true class gets nothing",
    "                dscores[n, y] -= 1 / N\n",
    "",
    loses=5,
    says="the true class gets no gradient",
)
slip(
    "≥ at the margin",
    "term > 0",
    "term >= 0",
    loses=1,
    says="a class exactly at the margin gets a gradient",
)
slip(
    "no division of the gradient",
    "dscores[n, k] += 1 / N\n                dscores[n, y] -= 1 / N",
    "dscores[n, k] += 1\n                dscores[n, y] -= 1",
    loses=5,
    says="the gradient is not divided by N",
)
slip(
    "no division of the loss",
    "term / N",
    "term",
    loses=5,
    says="the losses of the examples are summed, not averaged",
)
slip(
    "margin 0",
    "+ 1\n",
    "\n",
    loses=6,
    says="the margin is 0, not 1; the classes within the margin are those of margin 0",
)
slip(
    "the wrong way round",
    "scores[n, k] - scores[n, y] + 1",
    "scores[n, y] - scores[n, k] + 1",
    loses=6,
    says="the true score is subtracted the wrong way round",
)
slip(
    "the terms are squared",
    "loss += term / N",
    "loss += term**2 / N",
    loses=5,
    says="the terms are squared",
)
slip("the terms are passed on", "dscores[n, k] += 1 / N", "dscores[n, k] += term / N", loses=5)
slip("the last class is left out", "range(K)", "range(K - 1)", loses=6)
slip(
    "labels from 1",
    "enumerate(labels)",
    "enumerate(labels - 1)",
    loses=6,
    says="the labels are one off",
)
slip("whole numbers", "np.zeros_like(scores)", "np.zeros(scores.shape, int)", loses=5, says="dtype")
slip(
    "float64 whatever the input",
    "np.zeros_like(scores)",
    "np.zeros(scores.shape)",
    loses=1,
    says="dtype",
)


@known.right("a matrix of terms, the true class set to 0")
def hinge_loss(scores, labels):
    N = len(labels)
    true = np.take_along_axis(scores, labels[:, None], axis=1)
    terms = np.maximum(0, scores - true + 1)
    np.put_along_axis(terms, labels[:, None], 0, axis=1)
    dscores = (terms > 0).astype(scores.dtype)
    np.put_along_axis(dscores, labels[:, None], -dscores.sum(1, keepdims=True), axis=1)
    return terms.sum(1).mean(), dscores / N


slip = known.slips_of(hinge_loss)
slip(
    "≥ for > after cutting off at 0",
    "(terms > 0)",
    "(terms >= 0)",
    loses=5,
)
slip(
    "≥ for > with the true class at 0",
    "(terms > 0)",
    "(scores - true + 1 - (scores == true) >= 0)",
    loses=5,
    says="terms that are exactly 0 count, also that of the true class",
)
slip(
    "the term of the true class stays",
    "    np.put_along_axis(terms, labels[:, None], 0, axis=1)\n",
    "",
    loses=6,
    says="the true class is counted too, so every example costs 1 more; the true class is counted as within its own margin",
)
slip(
    "the worst class alone",
    "terms.sum(1)",
    "terms.max(1)",
    loses=5,
    says="only the largest term counts",
)
slip(
    "a mean over the classes",
    "terms.sum(1)",
    "terms.mean(1)",
    loses=5,
    says="it is divided by N and by the number of classes",
)
slip(
    "truth values, no minus",
    "-dscores.sum",
    "dscores.sum",
    loses=5,
    says="the true class is pushed down with the others",
)
slip(
    "always −(K − 1)",
    "-dscores.sum(1, keepdims=True)",
    "1 - scores.shape[1]",
    loses=5,
    says="the true class gets minus the number of all other classes",
)
slip("scores in place", "    true =", "    scores += 0.0\n    true =", loses=1, says="mutated")
slip(
    "the same memory every time",
    "    return terms.sum(1).mean(), dscores / N",
    "    kept = hinge_loss.__dict__.setdefault((scores.shape, scores.dtype), np.zeros_like(scores))\n    kept[...] = dscores / N\n    return terms.sum(1).mean(), kept",
    loses=1,
    says="kept",
)
slip(
    "measured from the largest score",
    "scores - true + 1",
    "scores - scores.max(1, keepdims=True) + 1",
    loses=6,
    says="the largest score is taken for the true one",
)


@known.right("all pairs of classes, picked by einsum; a list")
def hinge_loss(scores, labels):
    N, K = scores.shape
    pairs = np.maximum(scores[:, :, None] - scores[:, None, :] + 1, 0)
    t = np.eye(K)[labels]
    terms = np.einsum("nky,ny->nk", pairs, t) * (1 - t)
    inside = (terms > 0) * 1.0
    dscores = (inside - t * inside.sum(1, keepdims=True)) / N
    return [float(terms.sum() / N), dscores.astype(scores.dtype)]


# --- task 6: two_layer ---------------------------------------------------------------------------


@known.right("one-hot targets, masks, and += for the penalty")
def two_layer(x, labels, w1, b1, w2, b2, lam):
    N = len(x)
    h = np.maximum(x @ w1.T + b1, 0)
    s = h @ w2.T + b2
    e = np.exp(s - s.max(1, keepdims=True))
    p = e / e.sum(1, keepdims=True)
    t = np.eye(len(b2), dtype=x.dtype)[labels]
    ds = (p - t) / N
    dw2, db2 = ds.T @ h, ds.sum(0)
    dz = (ds @ w2) * (h > 0)
    dw1, db1 = dz.T @ x, dz.sum(0)
    dw1 += lam * w1
    dw2 += lam * w2
    loss = -np.log((p * t).sum(1)).mean() + lam / 2 * ((w1**2).sum() + (w2**2).sum())
    return loss, dw1, db1, dw2, db2


slip = known.slips_of(two_layer)
slip(
    "the penalty overwrites dw1",
    "dw1 += lam * w1",
    "dw1 = lam * w1",
    loses=5,
    says="the gradient of the penalty overwrites that of the layer",
)
slip(
    "the penalty overwrites dw2",
    "dw2 += lam * w2",
    "dw2 = lam * w2",
    loses=4,
    says="the gradient of the penalty overwrites that of the layer",
)
slip(
    "no penalty in dw1",
    "    dw1 += lam * w1\n",
    "",
    loses=4,
    says="the penalty adds nothing to the gradient",
)
slip(
    "2 λ w",
    "dw2 += lam * w2",
    "dw2 += 2 * lam * w2",
    loses=4,
    says="the gradient of the penalty is 2 λ w",
)
slip("λ Σ w²", "lam / 2 *", "lam *", loses=4, says="the penalty is λ Σ w², not half of it")
slip(
    "no penalty in the loss",
    " + lam / 2 * ((w1**2).sum() + (w2**2).sum())",
    "",
    loses=4,
    says="the penalty is missing",
)
slip(
    "the biases are penalised",
    "(w2**2).sum())",
    "(w2**2).sum() + (b1**2).sum() + (b2**2).sum())",
    loses=4,
    says="the biases are penalised too",
)
slip(
    "the slope of the ReLU is forgotten",
    " * (h > 0)",
    "",
    loses=4,
    says="the slope of the ReLU is forgotten",
)
slip(
    "the slope by the sign",
    "(h > 0)",
    "np.sign(x @ w1.T + b1)",
    loses=4,
    says="the slope of the ReLU is −1 where z is negative",
)
slip(
    "≥ at z = 0",
    "(h > 0)",
    "(x @ w1.T + b1 >= 0)",
    loses=2,
    says="the slope of the ReLU at 0 is 1, not 0",
)
slip("h ≥ 0", "(h > 0)", "(h >= 0)", loses=4, says="the slope of the ReLU is forgotten")
slip(
    "h in place of the slope",
    "(h > 0)",
    "h",
    loses=5,
    says="it is multiplied by h, not by the slope of the ReLU",
)
slip(
    "w2 transposed",
    "(ds @ w2)",
    "(ds @ w2.T)",
    loses=7,
    says="the gradient goes back through w2 transposed",
)
slip(
    "the gradient is not divided",
    "(p - t) / N",
    "p - t",
    loses=5,
    says="the gradient is not divided by N",
)
slip(
    "the sum of the losses",
    ".sum(1)).mean()",
    ".sum(1)).sum()",
    loses=3,
    says="the losses of the examples are summed, not averaged",
)
slip(
    "the sigmoid's slope",
    "(h > 0)",
    "h * (1 - h)",
    loses=5,
    says="the slope is that of the sigmoid, h (1 − h)",
)
slip(
    "tanh between the layers",
    "np.maximum(x @ w1.T + b1, 0)",
    "np.tanh(x @ w1.T + b1)",
    loses=7,
    says="the activation is tanh, not the ReLU",
)
slip(
    "uphill",
    "return loss, dw1, db1, dw2, db2",
    "return loss, -dw1, -db1, -dw2, -db2",
    loses=6,
    says="every value of dw1 has the opposite sign; every value of dw2 has the opposite sign",
)
slip(
    "labels from 1",
    "[labels]",
    "[labels - 1]",
    loses=7,
    says="the labels are one off",
)
slip(
    "another order",
    "return loss, dw1, db1, dw2, db2",
    "return loss, dw1, dw2, db1, db2",
    loses=6,
    says="the values are returned as (loss, dw1, dw2, db1, db2), not as (loss, dw1, db1, dw2, db2)",
)
slip(
    "the weights are changed",
    "    dw1 += lam * w1",
    "    w1 *= lam\n    dw1 += w1",
    loses=5,
    says="mutated",
)
slip("float64 whatever the input", ", dtype=x.dtype", "", loses=1, says="dtype")
slip(
    "db1 is a mean",
    "dz.T @ x, dz.sum(0)",
    "dz.T @ x, dz.mean(0)",
    loses=3,
    says="it is divided by N twice",
)
slip("no b2", " + b2\n", "\n", loses=6, says="b2 is forgotten")
slip("no b1", "x @ w1.T + b1, 0)", "x @ w1.T, 0)", loses=5, says="b1 is forgotten")
slip(
    "z for h in dw2",
    "ds.T @ h",
    "ds.T @ (x @ w1.T + b1)",
    loses=4,
    says="dw2 is made with z, not with h",
)


@known.right("with the functions of the tasks before")
def two_layer(x, labels, w1, b1, w2, b2, lam):
    z, *_ = linear_layer(x, w1, b1, np.zeros((len(x), len(w1)), x.dtype))
    h = activations(z)[2]
    scores, *_ = linear_layer(h, w2, b2, np.zeros((len(x), len(w2)), x.dtype))
    loss, ds = softmax_loss(scores, labels)
    _, dh, dw2, db2 = linear_layer(h, w2, b2, ds)
    _, _, dw1, db1 = linear_layer(x, w1, b1, activation_gradients(dh, z)[2])
    penalty = 0.5 * lam * sum((w * w).sum() for w in (w1, w2))
    return loss + penalty, lam * w1 + dw1, db1, lam * w2 + dw2, db2


@known.right("example by example, adding up")
def two_layer(x, labels, w1, b1, w2, b2, lam):
    loss = lam / 2 * (np.vdot(w1, w1) + np.vdot(w2, w2))
    dw1, dw2, db1, db2 = lam * w1, lam * w2, np.zeros_like(b1), np.zeros_like(b2)
    for row, label in zip(x, labels, strict=True):
        z = w1 @ row + b1
        h = z.clip(min=0)
        s = w2 @ h + b2
        p = np.exp(s - s.max())
        p = p / p.sum()
        loss = loss - np.log(p[label]) / len(x)
        ds = (p - (np.arange(len(p)) == label)).astype(x.dtype) / len(x)
        dz = np.where(z > 0, w2.T @ ds, 0)
        dw2 += np.outer(ds, h)
        db2 += ds
        dw1 += np.outer(dz, row)
        db1 += dz
    return loss, dw1, db1, dw2, db2


slip = known.slips_of(two_layer)
slip("= for += in db1", "db1 += dz", "db1 = dz", loses=3, says="only the last example counts")
slip("= for += in dw2: only the last use counts", "dw2 += np", "dw2 = np", loses=4, says="")


@known.right("biases as one more column")
def two_layer(x, labels, w1, b1, w2, b2, lam):
    ones, rows = np.ones((len(x), 1), x.dtype), range(len(x))
    x1 = np.hstack([x, ones])
    z = x1 @ np.hstack([w1, b1[:, None]]).T
    h1 = np.hstack([np.where(z > 0, z, 0), ones])
    s = h1 @ np.hstack([w2, b2[:, None]]).T
    total = np.logaddexp.reduce(s, axis=1)
    loss = np.mean(total - s[rows, labels])
    loss += 0.5 * lam * (np.linalg.norm(w1) ** 2 + np.linalg.norm(w2) ** 2)
    ds = np.exp(s - total[:, None])
    ds[rows, labels] -= 1
    ds /= len(x)
    second = ds.T @ h1
    first = ((ds @ w2) * (z > 0)).T @ x1
    return loss, first[:, :-1] + lam * w1, first[:, -1], second[:, :-1] + lam * w2, second[:, -1]
