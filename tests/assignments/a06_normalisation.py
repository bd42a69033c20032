"""Right and wrong solutions of assignment a06.

Right ones are written in different styles and must get full marks. A slip is one small change to
the right solution above it, a mistake that students make, and must lose exactly the points named
in the test cell of its function, and none in any other cell.
"""

import numpy as np

from coursekit.collection import Collection

known = Collection("a06_normalisation")

# --- task 1: layer_norm --------------------------------------------------------------------------


@known.right("example by example, in loops")
def layer_norm(x, gamma, beta, eps=1e-5):
    N, D = x.shape
    y = np.zeros_like(x)
    for n in range(N):
        mu = sum(x[n]) / D
        var = sum((x[n] - mu) ** 2) / D
        for d in range(D):
            y[n, d] = gamma[d] * (x[n, d] - mu) / (var + eps) ** 0.5 + beta[d]
    return y


@known.right("transposed: the examples as columns")
def layer_norm(x, gamma, beta, eps=1e-5):
    columns = x.T - np.mean(x, 1)
    columns = columns / np.sqrt(np.einsum("dn,dn->n", columns, columns) / len(columns) + eps)
    return columns.T * gamma + beta


@known.right("as the formulas stand")
def layer_norm(x, gamma, beta, eps=1e-5):
    mu = x.mean(axis=1, keepdims=True)
    var = x.var(axis=1, keepdims=True)
    x_hat = (x - mu) / np.sqrt(var + eps)
    return gamma * x_hat + beta


slip = known.slips_of(layer_norm)
slip(
    "another default",
    "eps=1e-5",
    "eps=1e-6",
    loses=2,
    says="the default of ε is not 1e-5",
)
slip(
    "batch norm",
    "x.mean(axis=1, keepdims=True)\n    var = x.var(axis=1, keepdims=True)",
    "x.mean(axis=0, keepdims=True)\n    var = x.var(axis=0, keepdims=True)",
    loses=4,
    says="the statistics are taken over the examples, as in batch norm",
)
slip(
    "the mean over the examples",
    "x.mean(axis=1",
    "x.mean(axis=0",
    loses=4,
    says="the mean is taken over the examples, the variance over the features",
)
slip(
    "all numbers together",
    "x.mean(axis=1, keepdims=True)\n    var = x.var(axis=1, keepdims=True)",
    "x.mean()\n    var = x.var()",
    loses=4,
    says="one mean and one variance are taken of all numbers",
)
slip(
    "keepdims forgotten",
    "x.mean(axis=1, keepdims=True)\n    var = x.var(axis=1, keepdims=True)",
    "x.mean(axis=1)\n    var = x.var(axis=1)",
    loses=4,
    says="means and roots lie along the features: keepdims is forgotten",
)
slip(
    "keepdims forgotten in the mean",
    "x.mean(axis=1, keepdims=True)",
    "x.mean(axis=1)",
    loses=4,
    says="the means lie along the features: keepdims is forgotten",
)
slip(
    "unbiased variance",
    "x.var(axis=1, keepdims=True)",
    "x.var(axis=1, ddof=1, keepdims=True)",
    loses=4,
    says="x is normalised with the unbiased variance",
)
slip(
    "a sum of squares",
    "x.var(axis=1, keepdims=True)",
    "((x - mu) ** 2).sum(axis=1, keepdims=True)",
    loses=4,
    says="the sum of squares is not divided by their number",
)
slip(
    "sums divided by N",
    "x.mean(axis=1, keepdims=True)\n    var = x.var(axis=1, keepdims=True)",
    "x.sum(axis=1, keepdims=True) / len(x)\n    var = ((x - mu) ** 2).sum(axis=1, keepdims=True) / len(x)",
    loses=4,
    says="the sums over the features are divided by the number of examples",
)
slip(
    "gamma and beta first",
    "    mu =",
    "    x, gamma, beta = gamma * x + beta, 1, 0\n    mu =",
    loses=4,
    says="γ and β come before the normalisation, not after it",
)
slip("not centred", "(x - mu)", "x", loses=4, says="μ is not subtracted from x")
slip("epsilon forgotten", "var + eps", "var", loses=4, says="ε is forgotten")
slip(
    "epsilon outside the root",
    "np.sqrt(var + eps)",
    "(np.sqrt(var) + eps)",
    loses=4,
    says="ε stands outside the root",
)
slip(
    "divided by the variance",
    "np.sqrt(var + eps)",
    "(var + eps)",
    loses=4,
    says="it is divided by what stands under the root",
)
slip(
    "epsilon is 1e-5 whatever is asked", "var + eps", "var + 1e-5", loses=4, says="ε is always 1e-5"
)
slip("beta forgotten", " + beta", "", loses=4, says="β is not added")
slip("gamma forgotten", "gamma * x_hat", "x_hat", loses=4, says="γ is forgotten")
slip(
    "beta before gamma",
    "gamma * x_hat + beta",
    "gamma * (x_hat + beta)",
    loses=4,
    says="β is added before γ is multiplied",
)
slip(
    "gamma and beta of the examples",
    "gamma * x_hat + beta",
    "gamma[:, None] * x_hat + beta[:, None]",
    loses=4,
    says="gamma and beta lie along the examples",
)
slip("x is centred in place", "x_hat = (x - mu)", "x -= mu\n    x_hat = x", loses=1, says="mutated")
slip(
    "always float64",
    "return gamma * x_hat + beta",
    "y = np.zeros(x.shape)\n    y[:] = gamma * x_hat + beta\n    return y",
    loses=1,
    says="dtype",
)
slip(
    "the mean square",
    "x.var(axis=1, keepdims=True)",
    "(x**2).mean(axis=1, keepdims=True)",
    loses=4,
    says="the mean is not subtracted before x is squared for the variance",
)


@known.wrong("torch does it", loses=4, says="forbidden")
def layer_norm(x, gamma, beta, eps=1e-5):
    import torch

    x, gamma, beta = (torch.tensor(a) for a in (x, gamma, beta))
    return torch.nn.functional.layer_norm(x, x.shape[1:], gamma, beta, eps).numpy()


# --- task 2: layer_norm_backward -----------------------------------------------------------------


@known.right("example by example")
def layer_norm_backward(dy, x, gamma, eps=1e-5):
    dx, dgamma, dbeta = np.zeros_like(x), np.zeros_like(gamma), np.zeros_like(gamma)
    for n, row in enumerate(x):
        root = (row.var() + eps) ** 0.5
        hat = (row - row.mean()) / root
        back = dy[n] * gamma
        dx[n] = (back - back.mean() - hat * (back @ hat) / len(row)) / root
        dgamma += dy[n] * hat
        dbeta += dy[n]
    return dx, dgamma, dbeta


@known.right("step by step, as in batch norm, a list")
def layer_norm_backward(dy, x, gamma, eps=1e-5):
    D = x.shape[1]

    def sums(a):
        return np.sum(a, axis=1, keepdims=True)

    centred = x - sums(x) / D
    var = sums(centred**2) / D + eps
    dx_hat = dy * gamma
    dvar = sums(dx_hat * centred) * -0.5 * var**-1.5
    dmu = -sums(dx_hat) / np.sqrt(var)
    dx = dx_hat / np.sqrt(var) + dvar * 2 * centred / D + dmu / D
    return [dx, np.einsum("nd,nd->d", dy, centred / np.sqrt(var)), np.einsum("nd->d", dy)]


@known.right("as the formulas stand")
def layer_norm_backward(dy, x, gamma, eps=1e-5):
    mu = x.mean(axis=1, keepdims=True)
    var = x.var(axis=1, keepdims=True)
    root = np.sqrt(var + eps)
    x_hat = (x - mu) / root
    dgamma = np.sum(dy * x_hat, axis=0)
    dbeta = np.sum(dy, axis=0)
    dx_hat = gamma * dy
    first = dx_hat.mean(axis=1, keepdims=True)
    second = (dx_hat * x_hat).mean(axis=1, keepdims=True)
    dx = (dx_hat - first - x_hat * second) / root
    return dx, dgamma, dbeta


slip = known.slips_of(layer_norm_backward)
slip(
    "the mean of dx_hat over the examples",
    "first = dx_hat.mean(axis=1",
    "first = dx_hat.mean(axis=0",
    loses=3.5,
    says="x̂ is right, but mean(dx̂) runs over the examples",
)
slip(
    "the other mean over the examples",
    "(dx_hat * x_hat).mean(axis=1",
    "(dx_hat * x_hat).mean(axis=0",
    loses=3.5,
    says="x̂ is right, but mean(dx̂ · x̂) runs over the examples",
)
slip(
    "the same mean twice",
    "(dx_hat * x_hat).mean",
    "dx_hat.mean",
    loses=3.5,
    says="x̂ is missing in the second mean",
)
slip(
    "the root once more",
    "x_hat * second)",
    "x_hat * second / root)",
    loses=3.5,
    says="x̂ · mean(dx̂ · x̂) is divided by root², not by the root",
)
slip(
    "averaged over the batch",
    "second) / root",
    "second) / root / len(x)",
    loses=3.5,
    says="dx is divided by N",
)
slip(
    "another default",
    "eps=1e-5",
    "eps=1e-3",
    loses=4,
    says="the default of ε is not 1e-5",
)
slip(
    "statistics as constants",
    " - first - x_hat * second",
    "",
    loses=3.5,
    says="mean and variance are treated as constants",
)
slip("the mean as a constant", " - first", "", loses=3.5, says="the mean is treated as a constant")
slip(
    "the variance as a constant",
    " - x_hat * second",
    "",
    loses=3.5,
    says="the variance is treated as a constant",
)
slip(
    "gamma forgotten in dx",
    "dx_hat = gamma * dy",
    "dx_hat = dy",
    loses=3.5,
    says="γ is missing in dx",
)
slip(
    "gamma after the sums",
    "dx_hat = gamma * dy\n    first = dx_hat.mean(axis=1, keepdims=True)\n    second = (dx_hat * x_hat).mean(axis=1, keepdims=True)\n    dx =",
    "dx_hat = dy\n    first = dx_hat.mean(axis=1, keepdims=True)\n    second = (dx_hat * x_hat).mean(axis=1, keepdims=True)\n    dx = gamma *",
    loses=3.5,
    says="γ is multiplied after the means, not before",
)
slip(
    "the variance as a constant, gamma after the mean",
    "(dx_hat - first - x_hat * second)",
    "gamma * (dy - dy.mean(axis=1, keepdims=True))",
    loses=3.5,
    says="the variance is treated as a constant, and γ is multiplied after the mean",
)
slip(
    "dgamma and dbeta in dx",
    "(dx_hat - first - x_hat * second)",
    "(dx_hat - dbeta / x.shape[1] - x_hat * dgamma / x.shape[1])",
    loses=3.5,
    says="dgamma and dbeta stand in dx, in place of the sums over the features",
)
slip(
    "only the second mean is divided",
    "(dx_hat - first - x_hat * second) / root",
    "dx_hat - first - x_hat * second / root",
    loses=3.5,
    says="only x̂ · mean(dx̂ · x̂) is divided by the root",
)
slip("only dx is returned", "return dx, dgamma, dbeta", "return dx", loses=6, says="type")
slip(
    "gamma missing in both means",
    "first = dx_hat.mean(axis=1, keepdims=True)\n    second = (dx_hat * x_hat)",
    "first = dy.mean(axis=1, keepdims=True)\n    second = (dy * x_hat)",
    loses=3.5,
    says="γ is missing in both means",
)
slip(
    "gamma missing in the second mean",
    "second = (dx_hat * x_hat)",
    "second = (dy * x_hat)",
    loses=3.5,
    says="γ is missing in the mean of dx̂ · x̂",
)
slip(
    "the means of dx over the examples",
    "first = dx_hat.mean(axis=1, keepdims=True)\n    second = (dx_hat * x_hat).mean(axis=1, keepdims=True)",
    "first = dx_hat.mean(axis=0)\n    second = (dx_hat * x_hat).mean(axis=0)",
    loses=3.5,
    says="x̂ is right, but the means of dx run over the examples",
)
slip(
    "all of it as in batch norm",
    "mu = x.mean(axis=1, keepdims=True)\n    var = x.var(axis=1, keepdims=True)",
    "mu = x.mean(axis=0)\n    var = x.var(axis=0)",
    loses=6,
    says="x is normalised over the examples, and dx over the features",
)
slip(
    "dgamma over the features",
    "dgamma = np.sum(dy * x_hat, axis=0)",
    "dgamma = np.sum(dy * x_hat, axis=1)",
    loses=3.5,
    says="dgamma is summed over the features",
)
slip(
    "dbeta over the features",
    "dbeta = np.sum(dy, axis=0)",
    "dbeta = np.sum(dy, axis=1)",
    loses=3.5,
    says="dbeta is summed over the features",
)
slip(
    "dgamma averaged",
    "dgamma = np.sum(",
    "dgamma = np.mean(",
    loses=3.5,
    says="dgamma is averaged, not summed",
)
slip(
    "dbeta averaged",
    "dbeta = np.sum(",
    "dbeta = np.mean(",
    loses=3.5,
    says="dbeta is averaged, not summed",
)
slip(
    "dbeta with gamma",
    "dbeta = np.sum(dy,",
    "dbeta = np.sum(dy * gamma,",
    loses=3.5,
    says="dbeta is multiplied by γ",
)
slip(
    "dgamma with x minus the mean",
    "np.sum(dy * x_hat",
    "np.sum(dy * (x - mu)",
    loses=3.5,
    says="dgamma has x − μ in place of x̂",
)
slip(
    "sums, not means",
    "first = dx_hat.mean(axis=1, keepdims=True)\n    second = (dx_hat * x_hat).mean(",
    "first = dx_hat.sum(axis=1, keepdims=True)\n    second = (dx_hat * x_hat).sum(",
    loses=3.5,
    says="both means are sums, not divided by their number",
)
slip(
    "divided by N",
    "first = dx_hat.mean(axis=1, keepdims=True)\n    second = (dx_hat * x_hat).mean(axis=1, keepdims=True)",
    "first = dx_hat.sum(axis=1, keepdims=True) / len(x)\n    second = (dx_hat * x_hat).sum(axis=1, keepdims=True) / len(x)",
    loses=3.5,
    says="the sums of dx are divided by the number of examples",
)
slip(
    "not divided by the root",
    "(dx_hat - first - x_hat * second) / root",
    "dx_hat - first - x_hat * second",
    loses=3.5,
    says="dx is not divided by the root",
)
slip(
    "x minus the mean in dx",
    "dx = (dx_hat - first - x_hat * second)",
    "dx = (dx_hat - first - (x - mu) * second)",
    loses=3.5,
    says="x − μ stands in place of one x̂ in dx",
)
slip(
    "x minus the mean for x_hat everywhere",
    "(x - mu) / root",
    "x - mu",
    loses=6,
    says="dgamma has x − μ in place of x̂; x − μ stands in place of x̂ in dx",
)
slip(
    "a plus sign",
    "- x_hat * second",
    "+ x_hat * second",
    loses=3.5,
    says="x̂ · mean(dx̂ · x̂) is added",
)
slip(
    "x_hat missing before the second mean",
    "- x_hat * second",
    "- second",
    loses=3.5,
    says="x̂ is missing before the second mean",
)
slip(
    "unbiased variance",
    "x.var(axis=1, keepdims=True)",
    "x.var(axis=1, keepdims=True, ddof=1)",
    loses=6,
    says="x is normalised with the unbiased variance",
)
slip("epsilon forgotten", "var + eps", "var", loses=6, says="ε is forgotten")
slip(
    "dy is scaled in place",
    "dx_hat = gamma * dy",
    "dy *= gamma\n    dx_hat = dy",
    loses=1,
    says="mutated",
)
slip(
    "dgamma and dbeta change places",
    "return dx, dgamma, dbeta",
    "return dx, dbeta, dgamma",
    loses=3.5,
    says="the values are returned as (dx, dbeta, dgamma), not as (dx, dgamma, dbeta)",
)
slip(
    "keepdims forgotten",
    "first = dx_hat.mean(axis=1, keepdims=True)\n    second = (dx_hat * x_hat).mean(axis=1, keepdims=True)",
    "first = dx_hat.mean(axis=1)\n    second = (dx_hat * x_hat).mean(axis=1)",
    loses=6,
    says="the two means of dx lie along the features: keepdims is forgotten",
)


# --- task 3: group_norm --------------------------------------------------------------------------


@known.right("group by group, in loops")
def group_norm(x, groups, gamma, beta, eps=1e-5):
    N, C = x.shape[:2]
    size = C // groups
    if size * groups != C:
        raise ValueError("G has to divide C")
    y = np.empty_like(x)
    for n in range(N):
        for first in range(0, C, size):
            part = x[n, first : first + size]
            hat = (part - part.mean()) / (part.var() + eps) ** 0.5
            for c in range(size):
                y[n, first + c] = gamma[first + c] * hat[c] + beta[first + c]
    return y


@known.right("split, and a helper")
def group_norm(x, groups, gamma, beta, eps=1e-5):
    def normal(part):
        axes = (1, 2, 3)
        centred = part - part.mean(axes, keepdims=True)
        return centred / np.sqrt((centred**2).mean(axes, keepdims=True) + eps)

    x_hat = np.concatenate([normal(part) for part in np.split(x, groups, axis=1)], axis=1)
    return x_hat * gamma.reshape(1, -1, 1, 1) + beta.reshape(1, -1, 1, 1)


@known.right("flat groups")
def group_norm(x, groups, gamma, beta, eps=1e-5):
    N, C, H, W = x.shape
    if C % groups != 0:
        raise ValueError("channels must be divisible by groups")
    parts = x.reshape(N, groups, C // groups * H * W)
    mu = parts.mean(axis=2, keepdims=True)
    var = parts.var(axis=2, keepdims=True)
    x_hat = (parts - mu) / np.sqrt(var + eps)
    x_hat = x_hat.reshape(N, C, H, W)
    return gamma.reshape(C, 1, 1) * x_hat + beta.reshape(C, 1, 1)


slip = known.slips_of(group_norm)
slip(
    "another default",
    "eps=1e-5",
    "eps=1e-3",
    loses=2,
    says="the default of ε is not 1e-5",
)
slip(
    "the variances of the channels averaged",
    "parts.var(axis=2, keepdims=True)",
    "x.var(axis=(2, 3)).reshape(N, groups, -1).mean(axis=2, keepdims=True)",
    loses=5,
    says="σ² is the mean of the channels' variances",
)
slip(
    "divided by the pixels",
    "parts.var(axis=2, keepdims=True)",
    "((parts - mu) ** 2).sum(axis=2, keepdims=True) / (H * W)",
    loses=5,
    says="σ² is divided by H·W, not by (C/G)·H·W",
)
slip(
    "the variance of all channels",
    "parts.var(axis=2",
    "parts.var(axis=(1, 2)",
    loses=5,
    says="σ² is that of all channels, μ that of the group",
)
slip(
    "groups is the size of a group",
    "x.reshape(N, groups, C // groups * H * W)",
    "x.reshape(N, C // groups, groups * H * W)",
    loses=4,
    says="`groups` is taken for the number of channels in a group",
)
slip(
    "the batch shares the statistics",
    "parts.mean(axis=2, keepdims=True)\n    var = parts.var(axis=2, keepdims=True)",
    "parts.mean(axis=(0, 2), keepdims=True)\n    var = parts.var(axis=(0, 2), keepdims=True)",
    loses=4,
    says="the images of the batch share their statistics",
)
slip(
    "unbiased variance",
    "parts.var(axis=2, ",
    "parts.var(axis=2, ddof=1, ",
    loses=5,
    says="x is normalised with the unbiased variance",
)
slip(
    "epsilon outside the root",
    "np.sqrt(var + eps)",
    "(np.sqrt(var) + eps)",
    loses=5,
    says="ε stands outside the root",
)
slip("epsilon forgotten", "var + eps", "var", loses=5, says="ε is forgotten")
slip("not centred", "(parts - mu)", "parts", loses=5, says="μ is not subtracted from x")
slip(
    "not divided by the root",
    "(parts - mu) / np.sqrt(var + eps)",
    "parts - mu",
    loses=5,
    says="x − μ is not divided by the root",
)
slip(
    "gamma and beta along the width",
    "gamma.reshape(C, 1, 1) * x_hat + beta.reshape(C, 1, 1)",
    "gamma * x_hat + beta",
    loses=5,
    says="gamma and beta lie along the width, not along the channels",
)
slip("beta forgotten", " + beta.reshape(C, 1, 1)", "", loses=5, says="β is not added")
slip(
    "one gamma a group: the first ones",
    "gamma.reshape(C, 1, 1) * x_hat + beta.reshape(C, 1, 1)",
    "(gamma[:groups, None] * x_hat.reshape(N, groups, -1) + beta[:groups, None]).reshape(x.shape)",
    loses=5,
    says="gamma and beta are taken for one value a group",
)
slip(
    "one gamma a group: its first",
    "gamma.reshape(C, 1, 1) * x_hat + beta.reshape(C, 1, 1)",
    "(gamma[:: C // groups, None] * x_hat.reshape(N, groups, -1) + beta[:: C // groups, None]).reshape(x.shape)",
    loses=5,
    says="gamma and beta are taken for one value a group",
)
slip(
    "no error",
    '    if C % groups != 0:\n        raise ValueError("channels must be divisible by groups")\n    parts = x.reshape(N, groups, C // groups * H * W)',
    "    parts = x.reshape(N, groups, -1)",
    loses=1,
    says="groups that do not divide the channels are no error",
)
slip(
    "an assertion",
    'if C % groups != 0:\n        raise ValueError("channels must be divisible by groups")',
    "assert C % groups == 0",
    loses=1,
    says="another exception is raised, not ValueError",
)
slip(
    "an error only where there are too many",
    'if C % groups != 0:\n        raise ValueError("channels must be divisible by groups")\n    parts = x.reshape(N, groups, C // groups * H * W)',
    'if groups > C:\n        raise ValueError("too many groups")\n    parts = x.reshape(N, groups, -1)',
    loses=1,
    says="some groups that do not divide the channels are no error",
)
slip(
    "gamma and beta first",
    "    parts =",
    "    x, gamma, beta = gamma.reshape(C, 1, 1) * x + beta.reshape(C, 1, 1), 0 * gamma + 1, 0 * beta\n    parts =",
    loses=5,
    says="γ and β come before the normalisation, not after it",
)
slip(
    "groups of whole images",
    "    x_hat = x_hat.reshape(N, C, H, W)",
    "    parts = x.reshape(groups, -1)\n    x_hat = parts - parts.mean(axis=1, keepdims=True)\n    x_hat = x_hat / np.sqrt(parts.var(axis=1, keepdims=True) + eps)\n    x_hat = x_hat.reshape(N, C, H, W)",
    loses=4,
    says="x.reshape(G, …) cuts the whole batch into G parts, not each image",
)
slip(
    "x is changed through a view",
    "x_hat = (parts - mu) / np.sqrt(var + eps)",
    "parts -= mu\n    x_hat = parts / np.sqrt(var + eps)",
    loses=1,
    says="mutated",
)


@known.wrong(
    "interleaved: c % G", loses=4, says="the channels of a group lie G apart: c, c + G, c + 2 G, …"
)
def group_norm(x, groups, gamma, beta, eps=1e-5):
    if x.shape[1] % groups:
        raise ValueError
    y = np.empty_like(x)
    for g in range(groups):
        part = x[:, g::groups]
        root = np.sqrt(part.var(axis=(1, 2, 3), keepdims=True) + eps)
        y[:, g::groups] = (part - part.mean(axis=(1, 2, 3), keepdims=True)) / root
    return gamma[:, None, None] * y + beta[:, None, None]


@known.wrong(
    "interleaved by a reshape, with its axes swapped",
    loses=4,
    says="the channels of a group lie G apart: c, c + G, c + 2 G, …",
)
def group_norm(x, groups, gamma, beta, eps=1e-5):
    N, C, H, W = x.shape
    if C % groups:
        raise ValueError
    parts = x.reshape(N, C // groups, groups, H, W)
    root = np.sqrt(parts.var(axis=(1, 3, 4), keepdims=True) + eps)
    x_hat = ((parts - parts.mean(axis=(1, 3, 4), keepdims=True)) / root).reshape(x.shape)
    return gamma[:, None, None] * x_hat + beta[:, None, None]


@known.wrong(
    "the axis of the groups is averaged over, that of their channels is not",
    loses=5,
    says="the channels of a group lie C/G apart: c, c + C/G, …",
)
def group_norm(x, groups, gamma, beta, eps=1e-5):
    N, C, H, W = x.shape
    if C % groups:
        raise ValueError
    parts = x.reshape(N, groups, C // groups, H, W)
    root = np.sqrt(parts.var(axis=(1, 3, 4), keepdims=True) + eps)
    x_hat = ((parts - parts.mean(axis=(1, 3, 4), keepdims=True)) / root).reshape(x.shape)
    return gamma[:, None, None] * x_hat + beta[:, None, None]


@known.wrong(
    "instance norm whatever groups is",
    loses=5,
    says="`groups` is ignored: each channel by itself, as in instance norm",
)
def group_norm(x, groups, gamma, beta, eps=1e-5):
    if x.shape[1] % groups:
        raise ValueError
    x_hat = x - x.mean(axis=(2, 3), keepdims=True)
    x_hat = x_hat / np.sqrt(x.var(axis=(2, 3), keepdims=True) + eps)
    return gamma[:, None, None] * x_hat + beta[:, None, None]


@known.wrong("two axes of five", loses=5, says="every column of a group has statistics of its own")
def group_norm(x, groups, gamma, beta, eps=1e-5):
    N, C, H, W = x.shape
    if C % groups:
        raise ValueError
    parts = x.reshape(N, groups, C // groups, H, W)
    root = np.sqrt(parts.var(axis=(2, 3), keepdims=True) + eps)
    x_hat = ((parts - parts.mean(axis=(2, 3), keepdims=True)) / root).reshape(x.shape)
    return gamma[:, None, None] * x_hat + beta[:, None, None]


@known.wrong(
    "channels G apart, not brought back",
    loses=4,
    says="the channels were not brought back to their places",
)
def group_norm(x, groups, gamma, beta, eps=1e-5):
    N, C, H, W = x.shape
    if C % groups:
        raise ValueError
    parts = x.reshape(N, C // groups, groups, H, W).swapaxes(1, 2)
    root = np.sqrt(parts.var(axis=(2, 3, 4), keepdims=True) + eps)
    x_hat = ((parts - parts.mean(axis=(2, 3, 4), keepdims=True)) / root).reshape(x.shape)
    return gamma[:, None, None] * x_hat + beta[:, None, None]


@known.wrong(
    "what does not fit into a group is left at beta",
    loses=1,
    says="groups that do not divide the channels are no error",
)
def group_norm(x, groups, gamma, beta, eps=1e-5):
    size = x.shape[1] // groups
    x_hat = np.zeros_like(x)
    for first in range(0, groups * size, max(size, 1)):
        part = x[:, first : first + size]
        root = np.sqrt(part.var(axis=(1, 2, 3), keepdims=True) + eps)
        x_hat[:, first : first + size] = (part - part.mean(axis=(1, 2, 3), keepdims=True)) / root
    return gamma[:, None, None] * x_hat + beta[:, None, None]


@known.wrong(
    "every place of a group by itself", loses=5, says="every place has statistics of its own"
)
def group_norm(x, groups, gamma, beta, eps=1e-5):
    N, C, H, W = x.shape
    if C % groups:
        raise ValueError
    parts = x.reshape(N, groups, C // groups, H, W)
    root = np.sqrt(parts.var(axis=2, keepdims=True) + eps)
    x_hat = ((parts - parts.mean(axis=2, keepdims=True)) / root).reshape(x.shape)
    return gamma[:, None, None] * x_hat + beta[:, None, None]


# --- task 4: group_norm_backward -----------------------------------------------------------------


@known.right("group by group")
def group_norm_backward(dy, x, groups, gamma, eps=1e-5):
    dx, hats = np.zeros_like(x), np.zeros_like(x)
    size = x.shape[1] // groups
    for n in range(len(x)):
        for g in range(groups):
            at = n, slice(g * size, (g + 1) * size)
            root = np.sqrt(x[at].var() + eps)
            hats[at] = hat = (x[at] - x[at].mean()) / root
            back = gamma[at[1], None, None] * dy[at]
            dx[at] = (back - back.mean() - hat * np.mean(back * hat)) / root
    dgamma = [np.sum(dy[:, c] * hats[:, c]) for c in range(len(gamma))]
    return dx, np.array(dgamma), np.array([np.sum(dy[:, c]) for c in range(len(gamma))])


@known.right("einsum over five axes")
def group_norm_backward(dy, x, groups, gamma, eps=1e-5):
    N, C, H, W = x.shape
    m = C // groups * H * W

    def five(a):
        return a.reshape(N, groups, C // groups, H, W)

    def total(a):
        return np.einsum("ngkhw->ng", a)[:, :, None, None, None] / m

    centred = five(x) - total(five(x))
    inverse = (total(centred * centred) + eps) ** -0.5
    hat, back = centred * inverse, five(np.einsum("c,nchw->nchw", gamma, dy))
    dx = inverse * (back - total(back) - total(back * hat) * hat)
    dgamma = np.einsum("nchw,nchw->c", dy, hat.reshape(x.shape))
    return dx.reshape(x.shape), dgamma, np.einsum("nchw->c", dy)


@known.right("as the formulas stand")
def group_norm_backward(dy, x, groups, gamma, eps=1e-5):
    N, C, H, W = x.shape
    parts = x.reshape(N, groups, C // groups, H, W)
    axes = (2, 3, 4)
    m = C // groups * H * W
    mu = parts.mean(axis=axes, keepdims=True)
    root = np.sqrt(parts.var(axis=axes, keepdims=True) + eps)
    x_hat = (parts - mu) / root
    flat = x_hat.reshape(N, C, H, W)
    dgamma = np.sum(dy * flat, axis=(0, 2, 3))
    dbeta = np.sum(dy, axis=(0, 2, 3))
    dx_hat = (gamma.reshape(C, 1, 1) * dy).reshape(parts.shape)
    first = dx_hat.sum(axis=axes, keepdims=True)
    second = (dx_hat * x_hat).sum(axis=axes, keepdims=True)
    dx = (dx_hat - first / m - x_hat * second / m) / root
    return dx.reshape(N, C, H, W), dgamma, dbeta


slip = known.slips_of(group_norm_backward)
slip(
    "another default",
    "eps=1e-5",
    "eps=1e-3",
    loses=4,
    says="the default of ε is not 1e-5",
)
slip(
    "the first mean of each channel",
    "first = dx_hat.sum(axis=axes, keepdims=True)",
    "first = C // groups * dx_hat.sum(axis=(3, 4), keepdims=True)",
    loses=3.5,
    says="x̂ is right, but mean(dx̂) runs over each channel by itself",
)
slip(
    "the second mean of each channel",
    "(dx_hat * x_hat).sum(axis=axes, keepdims=True)",
    "C // groups * (dx_hat * x_hat).sum(axis=(3, 4), keepdims=True)",
    loses=3.5,
    says="x̂ is right, but mean(dx̂ · x̂) runs over each channel by itself",
)
slip(
    "dgamma of the group",
    "dbeta = np",
    "dgamma = np.repeat(dgamma.reshape(groups, -1).sum(axis=1), C // groups)\n    dbeta = np",
    loses=3.5,
    says="dgamma is summed over all channels of the group",
)
slip(
    "dgamma over the axes in front",
    "dy * flat, axis=(0, 2, 3)",
    "dy * flat, axis=(0, 1, 2)",
    loses=3.5,
    says="dgamma is summed over the channels, but not over the width",
)
slip(
    "x in the second mean",
    "(dx_hat * x_hat)",
    "(dx_hat * parts)",
    loses=3.5,
    says="x stands in place of x̂ in the second mean",
)
slip(
    "averaged over the images",
    "second / m) / root",
    "second / m) / root / N",
    loses=3,
    says="dx is divided by N",
)
slip(
    "interleaved",
    "x.reshape(N, groups, C // groups, H, W)\n    axes = (2, 3, 4)",
    "x.reshape(N, C // groups, groups, H, W)\n    axes = (1, 3, 4)",
    loses=6,
    says="the channels of a group lie G apart: c, c + G, c + 2 G, …",
)
slip(
    "groups is the size of a group",
    "x.reshape(N, groups, C // groups, H, W)",
    "x.reshape(N, C // groups, groups, H, W)",
    loses=5,
    says="`groups` is taken for the number of channels in a group",
)
slip(
    "the batch shares the statistics",
    "axes = (2, 3, 4)\n    m =",
    "axes = (0, 2, 3, 4)\n    m = N *",
    loses=5,
    says="the images of the batch share their statistics",
)
slip(
    "the batch shares the means of dx",
    "first = dx_hat.sum(axis=axes, keepdims=True)\n    second = (dx_hat * x_hat).sum(axis=axes, keepdims=True)",
    "m, axes = m * N, (0, 2, 3, 4)\n    first = dx_hat.sum(axis=axes, keepdims=True)\n    second = (dx_hat * x_hat).sum(axis=axes, keepdims=True)",
    loses=3,
    says="x̂ is right, but the means of dx run over the group in all images",
)
slip(
    "the means of dx over each channel",
    "first = dx_hat.sum(axis=axes, keepdims=True)\n    second = (dx_hat * x_hat).sum(axis=axes, keepdims=True)",
    "m, axes = H * W, (3, 4)\n    first = dx_hat.sum(axis=axes, keepdims=True)\n    second = (dx_hat * x_hat).sum(axis=axes, keepdims=True)",
    loses=3.5,
    says="x̂ is right, but the means of dx run over each channel by itself",
)
slip(
    "m = H·W",
    "m = C // groups * H * W",
    "m = H * W",
    loses=3.5,
    says="the sums of dx are divided by H·W, not by (C/G)·H·W",
)
slip(
    "m = C·H·W",
    "m = C // groups * H * W",
    "m = C * H * W",
    loses=3.5,
    says="the sums of dx are divided by C·H·W, not by (C/G)·H·W",
)
slip(
    "m = N·(C/G)·H·W",
    "m = C // groups * H * W",
    "m = N * C // groups * H * W",
    loses=3,
    says="the sums of dx are divided by N·(C/G)·H·W, not by (C/G)·H·W",
)
slip(
    "statistics as constants",
    " - first / m - x_hat * second / m",
    "",
    loses=3.5,
    says="mean and variance are treated as constants",
)
slip(
    "the mean as a constant",
    " - first / m",
    "",
    loses=3.5,
    says="the mean is treated as a constant",
)
slip(
    "the variance as a constant",
    " - x_hat * second / m",
    "",
    loses=3.5,
    says="the variance is treated as a constant",
)
slip(
    "gamma after the sums",
    "    dx_hat = (gamma.reshape(C, 1, 1) * dy).reshape(parts.shape)\n    first = dx_hat.sum(axis=axes, keepdims=True)\n    second = (dx_hat * x_hat).sum(axis=axes, keepdims=True)\n    dx =",
    "    dx_hat = dy.reshape(parts.shape)\n    first = dx_hat.sum(axis=axes, keepdims=True)\n    second = (dx_hat * x_hat).sum(axis=axes, keepdims=True)\n    dx = gamma.reshape(1, groups, -1, 1, 1) *",
    loses=3.5,
    says="γ is multiplied after the means, not before",
)
slip(
    "gamma forgotten in dx",
    "gamma.reshape(C, 1, 1) * dy",
    "dy",
    loses=3.5,
    says="γ is missing in dx",
)
slip(
    "one gamma a group",
    "gamma.reshape(C, 1, 1) * dy",
    "np.repeat(gamma[:groups], C // groups).reshape(C, 1, 1) * dy",
    loses=3.5,
    says="gamma is taken for one value a group in dx",
)
slip(
    "dgamma per group",
    "return dx.reshape(N, C, H, W), dgamma, dbeta",
    "return dx.reshape(N, C, H, W), dgamma.reshape(groups, -1).sum(1), dbeta.reshape(groups, -1).sum(1)",
    loses=3.5,
    says="dgamma is one value for each group, not for each channel",
)
slip(
    "dgamma not summed over the images",
    "np.sum(dy * flat, axis=(0, 2, 3))",
    "np.sum(dy * flat, axis=(2, 3))",
    loses=3.5,
    says="dgamma is not summed over the images",
)
slip(
    "dbeta not summed over the images",
    "np.sum(dy, axis=(0, 2, 3))",
    "np.sum(dy, axis=(2, 3))",
    loses=3.5,
    says="dbeta is not summed over the images",
)
slip(
    "dgamma averaged over the images",
    "np.sum(dy * flat, axis=(0, 2, 3))",
    "np.sum(dy * flat, axis=(2, 3)).mean(axis=0)",
    loses=3,
    says="dgamma is averaged over the images, not summed",
)
slip(
    "dgamma and dbeta in dx, as in batch norm",
    "    return dx.reshape",
    "    root = np.broadcast_to(root, parts.shape).reshape(x.shape)\n    wide = dgamma.reshape(C, 1, 1), dbeta.reshape(C, 1, 1)\n    dx = gamma.reshape(C, 1, 1) / root * (dy - (wide[1] + flat * wide[0]) / (N * H * W))\n    return dx.reshape",
    loses=3.5,
    says="x̂ is right, but the means of dx run over the channel in all images",
)
slip(
    "dbeta keeps its axes",
    "np.sum(dy, axis=(0, 2, 3))",
    "np.sum(dy, axis=(0, 2, 3), keepdims=True)",
    loses=3.5,
    says="dbeta has axes of length 1 left",
)
slip(
    "dbeta averaged",
    "np.sum(dy, axis=(0, 2, 3))",
    "np.mean(dy, axis=(0, 2, 3))",
    loses=3.5,
    says="dbeta is averaged, not summed",
)
slip(
    "dgamma with dx_hat",
    "dgamma = np.sum(dy * flat,",
    "dgamma = np.sum(gamma.reshape(C, 1, 1) * dy * flat,",
    loses=3.5,
    says="dgamma is multiplied by γ",
)
slip(
    "not divided by the root",
    ") / root\n    return",
    ")\n    return",
    loses=3.5,
    says="dx is not divided by the root",
)
slip(
    "divided by the root squared",
    ") / root\n    return",
    ") / root**2\n    return",
    loses=3.5,
    says="dx is divided by root², not by the root",
)
slip(
    "unbiased variance",
    "parts.var(axis=axes, ",
    "parts.var(axis=axes, ddof=1, ",
    loses=6,
    says="x is normalised with the unbiased variance",
)
slip(
    "epsilon outside the root",
    "np.sqrt(parts.var(axis=axes, keepdims=True) + eps)",
    "np.sqrt(parts.var(axis=axes, keepdims=True)) + eps",
    loses=6,
    says="ε stands outside the root",
)
slip(
    "x_hat not divided by the root",
    "(parts - mu) / root",
    "parts - mu",
    loses=6,
    says="dgamma has x − μ in place of x̂; x − μ stands in place of x̂ in dx",
)
slip("a sign", "- first / m", "+ first / m", loses=3.5, says="mean(dx̂) is added")
slip(
    "dx in the shape of the groups",
    "return dx.reshape(N, C, H, W)",
    "return dx",
    loses=3.5,
    says="dx has the shape of the groups, not that of x",
)
slip(
    "dy is scaled in place",
    "    dx_hat = (gamma",
    "    dy *= 1\n    dx_hat = (gamma",
    loses=1,
    says="mutated",
)


# --- task 5: weight_norm -------------------------------------------------------------------------


@known.right("output by output")
def weight_norm(v, g, dw):
    w, dv, dg = np.zeros_like(v), np.zeros_like(v), np.zeros_like(g)
    for f in range(len(v)):
        norm = np.linalg.norm(v[f].ravel())
        w[f] = g[f] / norm * v[f]
        dg[f] = np.vdot(dw[f], v[f]) / norm
        dv[f] = g[f] / norm * dw[f] - g[f] * dg[f] / norm**2 * v[f]
    return w, dv, dg


@known.right("as rows, with a projection for each")
def weight_norm(v, g, dw):
    rows, back = v.reshape(len(v), -1), dw.reshape(len(v), -1)
    norm = np.linalg.norm(rows, axis=1)
    unit = rows / norm[:, None]
    away = np.eye(rows.shape[1], dtype=v.dtype) - np.einsum("fi,fj->fij", unit, unit)
    dv = np.einsum("f,fij,fj->fi", g / norm, away, back)
    dg = np.einsum("fi,fi->f", unit, back)
    return [(g[:, None] * unit).reshape(v.shape), dv.reshape(v.shape), dg]


@known.right("as the formulas stand")
def weight_norm(v, g, dw):
    F = v.shape[0]
    rows = v.reshape(F, -1)
    drows = dw.reshape(F, -1)
    norm = np.sqrt(np.sum(rows**2, axis=1, keepdims=True))
    g_ = g.reshape(F, 1)
    unit = rows / norm
    w = g_ * unit
    dg = np.sum(drows * unit, axis=1, keepdims=True)
    dv = g_ / norm * (drows - dg * unit)
    return w.reshape(v.shape), dv.reshape(v.shape), dg.reshape(F)


slip = known.slips_of(weight_norm)
slip(
    "a small number in the direction",
    "rows / norm\n",
    "rows / (norm + 1e-6)\n",
    loses=6,
    says="a small number is added to ‖v‖ or to its square",
)
slip(
    "a small number under the root",
    "keepdims=True))\n    g_",
    "keepdims=True) + 1e-5)\n    g_",
    loses=6,
    says="a small number is added to ‖v‖ or to its square",
)
slip(
    "g for dg",
    "drows - dg * unit",
    "drows - g_ * unit",
    loses=3,
    says="g · v/‖v‖ is subtracted in dv, not dg · v/‖v‖",
)
slip(
    "g for the second term only",
    "g_ / norm * (drows - dg * unit)",
    "(drows - g_ * dg * unit) / norm",
    loses=3,
    says="g is missing before dw in dv",
)
slip(
    "one norm for the whole matrix",
    "np.sqrt(np.sum(rows**2, axis=1, keepdims=True))",
    "np.linalg.norm(rows)",
    loses=6,
    says="one norm is taken over all of v",
)
slip(
    "the norms of the columns",
    "np.sum(rows**2, axis=1, keepdims=True)",
    "np.sum(rows**2, axis=0, keepdims=True)",
    loses=6,
    says="the norms are taken over the outputs, not over the weights of each",
)
slip(
    "the norm squared",
    "np.sqrt(np.sum(rows**2, axis=1, keepdims=True))",
    "np.sum(rows**2, axis=1, keepdims=True)",
    loses=6,
    says="‖v‖² stands in place of ‖v‖",
)
slip(
    "the sum of absolute values",
    "np.sqrt(np.sum(rows**2, axis=1, keepdims=True))",
    "np.sum(np.abs(rows), axis=1, keepdims=True)",
    loses=6,
    says="‖v‖ is the sum of absolute values",
)
slip(
    "the mean square",
    "np.sum(rows**2",
    "np.mean(rows**2",
    loses=6,
    says="‖v‖ is the root of the mean square, not of the sum",
)
slip("g is missing in w", "w = g_ * unit", "w = unit", loses=3, says="g is missing in w")
slip("w is g times v", "w = g_ * unit", "w = g_ * rows", loses=3, says="w is not divided by ‖v‖")
slip(
    "dg with v",
    "dg = np.sum(drows * unit",
    "dg = np.sum(drows * rows",
    loses=4,
    says="dg is dw · v, with v in place of v/‖v‖; dg · v is subtracted in dv, not dg · v/‖v‖",
)
slip(
    "dg with v, the projection right",
    "return w.reshape(v.shape), dv.reshape(v.shape), dg.reshape(F)",
    "dg = np.sum(drows * rows, axis=1)\n    return w.reshape(v.shape), dv.reshape(v.shape), dg",
    loses=3,
    says="dg is dw · v, with v in place of v/‖v‖",
)
slip(
    "dg with w",
    "return w.reshape(v.shape), dv.reshape(v.shape), dg.reshape(F)",
    "return w.reshape(v.shape), dv.reshape(v.shape), g * dg.reshape(F)",
    loses=3,
    says="dg is dw · w, with w in place of v/‖v‖",
)
slip("dg keeps its axis", "dg.reshape(F)", "dg", loses=3, says="dg has axes of length 1 left")
slip("dg of all outputs", "dg.reshape(F)", "np.sum(dg)", loses=3, says="type")
slip(
    "no projection",
    "(drows - dg * unit)",
    "drows",
    loses=3,
    says="dv is g/‖v‖ · dw: nothing is projected away",
)
slip(
    "projected number by number",
    "(drows - dg * unit)",
    "(drows - drows * unit * unit)",
    loses=3,
    says="dw · v is not summed in dv",
)
slip("dv is dw", "g_ / norm * (drows - dg * unit)", "drows", loses=3, says="dv is dw as it came")
slip(
    "projected on v, not on its direction",
    "(drows - dg * unit)",
    "(drows - dg * rows)",
    loses=3,
    says="dg · v is subtracted in dv, not dg · v/‖v‖",
)
slip(
    "projected on w",
    "(drows - dg * unit)",
    "(drows - dg * w)",
    loses=3,
    says="dg · w is subtracted in dv, not dg · v/‖v‖",
)
slip(
    "the paper's second term divided once",
    "g_ / norm * (drows - dg * unit)",
    "g_ / norm * drows - g_ * dg / norm * rows",
    loses=3,
    says="dg · v is subtracted in dv, not dg · v/‖v‖",
)
slip(
    "added, not subtracted",
    "drows - dg * unit",
    "drows + dg * unit",
    loses=3,
    says="the part along v is added in dv, not subtracted",
)
slip(
    "g is missing in dv",
    "g_ / norm * (drows",
    "1 / norm * (drows",
    loses=3,
    says="g is missing in dv",
)
slip(
    "the norm is missing in dv",
    "g_ / norm * (drows",
    "g_ * (drows",
    loses=3,
    says="dv is not divided by ‖v‖",
)
slip(
    "both are missing in dv",
    "g_ / norm * (drows - dg * unit)",
    "drows - dg * unit",
    loses=3,
    says="g/‖v‖ is missing in dv",
)
slip(
    "a bracket is missing in dv",
    "g_ / norm * (drows - dg * unit)",
    "g_ / norm * drows - dg * unit",
    loses=3,
    says="the part that is subtracted in dv lacks g/‖v‖",
)
slip(
    "dv and dg change places",
    "dv.reshape(v.shape), dg.reshape(F)",
    "dg.reshape(F), dv.reshape(v.shape)",
    loses=4,
    says="the values are returned as (w, dg, dv), not as (w, dv, dg)",
)
slip(
    "v is normalised in place",
    "unit = rows / norm",
    "rows /= norm\n    unit = rows",
    loses=1,
    says="mutated",
)
slip(
    "lengths are positive",
    "g_ = g.reshape(F, 1)",
    "g_ = np.abs(g.reshape(F, 1))",
    loses=4,
    says="w has |g| in place of g; dv has |g| in place of g",
)


@known.wrong("axis 1 of everything", loses=3.5, says="the norms are taken over axis 1 only")
def weight_norm(v, g, dw):
    norm = np.linalg.norm(v, axis=1, keepdims=True)
    g = g.reshape(-1, *[1] * (v.ndim - 1))
    unit = v / norm
    axes = tuple(range(1, v.ndim))
    dg = np.sum(dw * unit, axis=axes, keepdims=True)
    return g * unit, g / norm * (dw - dg * unit), dg.ravel()


@known.wrong(
    "the last axis of everything", loses=3.5, says="the norms are taken over the last axis only"
)
def weight_norm(v, g, dw):
    norm = np.linalg.norm(v, axis=-1, keepdims=True)
    g = g.reshape(-1, *[1] * (v.ndim - 1))
    unit = v / norm
    dg = np.sum(dw * unit, axis=tuple(range(1, v.ndim)), keepdims=True)
    return g * unit, g / norm * (dw - dg * unit), dg.ravel()


@known.wrong("matrices only", loses=3.5)
def weight_norm(v, g, dw):
    norm = np.linalg.norm(v, axis=1, keepdims=True)
    unit = v / norm
    dg = np.sum(dw * unit, axis=1)
    return g[:, None] * unit, (g / norm[:, 0])[:, None] * (dw - dg[:, None] * unit), dg


@known.wrong(
    "a norm for each channel of a kernel",
    loses=3.5,
    says="each channel of a kernel has a norm of its own",
)
def weight_norm(v, g, dw):
    axes = (2, 3) if v.ndim == 4 else (1,)
    norm = np.sqrt((v * v).sum(axis=axes, keepdims=True))
    g = g.reshape(-1, *[1] * (v.ndim - 1))
    unit = v / norm
    dg = np.sum(dw * unit, axis=tuple(range(1, v.ndim)), keepdims=True)
    return g * unit, g / norm * (dw - dg * unit), dg.ravel()


# --- task 6: filter_response ---------------------------------------------------------------------


@known.right("map by map")
def filter_response(x, gamma, beta, tau, dz, eps=1e-6):
    z, dx = np.empty_like(x), np.empty_like(x)
    dgamma, dbeta, dtau = np.zeros_like(gamma), np.zeros_like(beta), np.zeros_like(tau)
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            pixels, back = x[n, c].ravel(), dz[n, c].ravel().copy()
            root = np.sqrt(pixels @ pixels / len(pixels) + eps)
            hat = pixels / root
            y = gamma[c] * hat + beta[c]
            z[n, c] = np.where(y > tau[c], y, tau[c]).reshape(x.shape[2:])
            dtau[c] += back[y <= tau[c]].sum()
            back[y <= tau[c]] = 0
            dgamma[c] += back @ hat
            dbeta[c] += back.sum()
            row = gamma[c] * (back - hat * (back @ hat) / len(pixels)) / root
            dx[n, c] = row.reshape(x.shape[2:])
    return z, dx, dgamma, dbeta, dtau


@known.right("einsum, a ReLU between two shifts, a list")
def filter_response(x, gamma, beta, tau, dz, eps=1e-6):
    inverse = 1 / np.sqrt(np.einsum("nchw,nchw->nc", x, x) / x[0, 0].size + eps)
    hat = np.einsum("nchw,nc->nchw", x, inverse)

    def column(a):
        return a.reshape(-1, 1, 1)

    over = column(gamma) * hat + column(beta) - column(tau)
    dy = np.where(over > 0, dz, 0)
    products = np.einsum("nchw,nchw->nc", dy, hat)
    dx = column(gamma) * dy - np.einsum("nc,nchw->nchw", gamma * products / x[0, 0].size, hat)
    dx = np.einsum("nchw,nc->nchw", dx, inverse)
    dbeta, dtau = np.einsum("nchw->c", dy), np.einsum("nchw->c", dz - dy)
    return [np.maximum(over, 0) + column(tau), dx, products.sum(0), dbeta, dtau]


@known.right("as the formulas stand")
def filter_response(x, gamma, beta, tau, dz, eps=1e-6):
    gamma, beta, tau = (a.reshape(1, -1, 1, 1) for a in (gamma, beta, tau))
    nu2 = np.mean(x**2, axis=(2, 3), keepdims=True)
    root = np.sqrt(nu2 + eps)
    x_hat = x / root
    y = gamma * x_hat + beta
    z = np.maximum(y, tau)
    passes = y > tau
    dy = dz * passes
    dtau = np.sum(dz * (1 - passes), axis=(0, 2, 3)).astype(x.dtype)
    dbeta = np.sum(dy, axis=(0, 2, 3))
    dgamma = np.sum(dy * x_hat, axis=(0, 2, 3))
    along = np.mean(dy * x_hat, axis=(2, 3), keepdims=True)
    dx = gamma / root * (dy - x_hat * along)
    return z, dx, dgamma, dbeta, dtau


slip = known.slips_of(filter_response)
slip(
    "the default of layer norm",
    "eps=1e-6",
    "eps=1e-5",
    loses=4.5,
    says="the default of ε is not 1e-6",
)
slip(
    "dgamma of z",
    "dgamma = np.sum(dy * x_hat",
    "dgamma = np.sum(dy * z",
    loses=3.5,
    says="dgamma has y, or z, in place of x̂",
)
slip(
    "the mean over the channels",
    "along = np.mean(dy * x_hat, axis=(2, 3)",
    "along = np.mean(dy * x_hat, axis=(1, 2, 3)",
    loses=3,
    says="the mean in dx runs over the channels, too",
)
slip(
    "x in the mean",
    "along = np.mean(dy * x_hat",
    "along = np.mean(dy * x",
    loses=3.5,
    says="x stands in place of one x̂ in dx",
)
slip(
    "x before the mean",
    "dy - x_hat * along",
    "dy - x * along",
    loses=3.5,
    says="x stands in place of one x̂ in dx",
)
slip(
    "no x_hat before the mean",
    "dy - x_hat * along",
    "dy - along",
    loses=3.5,
    says="x̂ is missing before the mean in dx",
)
slip(
    "gamma in the mean, too",
    "along = np.mean(dy",
    "along = np.mean(gamma * dy",
    loses=3.5,
    says="γ is a factor of the mean in dx twice",
)
slip(
    "dz against the threshold",
    "passes = y > tau",
    "passes = dz > tau",
    loses=7,
    says="dz goes to y where dz > τ, not where y > τ",
)
slip(
    "the variance",
    "np.mean(x**2, axis=(2, 3), keepdims=True)",
    "np.var(x, axis=(2, 3), keepdims=True)",
    loses=7.5,
    says="ν² is the variance: the mean is subtracted before squaring",
)
slip(
    "instance norm",
    "nu2 = np.mean(",
    "x = x - x.mean(axis=(2, 3), keepdims=True)\n    nu2 = np.mean(",
    loses=8,
    says="the mean is subtracted, as in instance norm",
)
slip(
    "over the channels, too",
    "nu2 = np.mean(x**2, axis=(2, 3)",
    "nu2 = np.mean(x**2, axis=(1, 2, 3)",
    loses=6.5,
    says="ν² is taken over all channels of an image",
)
slip(
    "over the images, too",
    "nu2 = np.mean(x**2, axis=(2, 3)",
    "nu2 = np.mean(x**2, axis=(0, 2, 3)",
    loses=6.5,
    says="ν² is taken over the images, too",
)
slip(
    "a sum of squares",
    "nu2 = np.mean(",
    "nu2 = np.sum(",
    loses=7.5,
    says="ν² is a sum of squares, not their mean",
)
slip("epsilon forgotten", "nu2 + eps", "nu2", loses=7.5, says="ε is forgotten")
slip(
    "epsilon outside the root",
    "np.sqrt(nu2 + eps)",
    "np.sqrt(nu2) + eps",
    loses=7.5,
    says="ε stands outside the root",
)
slip(
    "no root",
    "np.sqrt(nu2 + eps)",
    "nu2 + eps",
    loses=7.5,
    says="it is divided by what stands under the root",
)
slip(
    "max with 0",
    "np.maximum(y, tau)\n    passes = y > tau",
    "np.maximum(y, 0)\n    passes = y > 0",
    loses=7.5,
    says="z is max(y, 0): τ is forgotten; dz goes to y where y > 0, not where y > τ",
)
slip(
    "max with 0 in z only",
    "np.maximum(y, tau)",
    "np.maximum(y, 0)",
    loses=3,
    says="z is max(y, 0): τ is forgotten",
)
slip(
    "tau not added back",
    "np.maximum(y, tau)",
    "np.maximum(y - tau, 0)",
    loses=3,
    says="z is max(y − τ, 0): τ is not added back",
)
slip("no threshold", "np.maximum(y, tau)", "y", loses=3, says="z is y: there is no threshold")
slip("min", "np.maximum(y, tau)", "np.minimum(y, tau)", loses=3, says="z is min(y, τ)")
slip(
    "the mask of a ReLU",
    "passes = y > tau",
    "passes = y > 0",
    loses=6,
    says="dz goes to y where y > 0, not where y > τ",
)
slip(
    "the mask from x",
    "passes = y > tau",
    "passes = x > tau",
    loses=7,
    says="dz goes to y where x > τ, not where y > τ",
)
slip(
    "the mask the wrong way round",
    "passes = y > tau",
    "passes = y <= tau",
    loses=7,
    says="dtau is the sum of dz where y > τ; dz goes to y where y is below τ, not above",
)
slip(
    "ties to y",
    "passes = y > tau",
    "passes = y >= tau",
    loses=2,
    says="at ties, nothing goes to τ; at ties, dz goes to y",
)
slip(
    "ties nowhere",
    "dz * (1 - passes)",
    "dz * (y < tau)",
    loses=1,
    says="at ties, nothing goes to τ",
)
slip(
    "ties to both",
    "dy = dz * passes",
    "dy = dz * (y >= tau)",
    loses=1,
    says="at ties, dz goes to y",
)
slip(
    "the mask from z",
    "passes = y > tau",
    "passes = z > 0",
    loses=7,
    says="dz goes to y where z > 0, not where y > τ",
)
slip(
    "dtau has a minus sign",
    "dtau = np.sum(",
    "dtau = -np.sum(",
    loses=3.5,
    says="dtau has the opposite sign",
)
slip(
    "dtau of all pixels", "dz * (1 - passes)", "dz * 1", loses=3.5, says="dtau is the sum of all dz"
)
slip(
    "dtau above the threshold",
    "dz * (1 - passes)",
    "dz * passes",
    loses=3.5,
    says="dtau is the sum of dz where y > τ",
)
slip(
    "dtau counts",
    "dz * (1 - passes)",
    "(1.0 - passes)",
    loses=3.5,
    says="dtau counts the pixels instead of adding dz",
)
slip(
    "dtau not summed over the images",
    "np.sum(dz * (1 - passes), axis=(0, 2, 3))",
    "np.sum(dz * (1 - passes), axis=(2, 3))",
    loses=3.5,
    says="dtau is not summed over the images",
)
slip(
    "dtau of a ReLU of y - tau",
    "np.sum(dz * (1 - passes)",
    "-np.sum(dz * passes",
    loses=3.5,
    says="dtau is minus the sum of dz where y > τ, as if z were max(y − τ, 0)",
)
slip(
    "the sums keep their axes",
    "return z, dx, dgamma",
    "dgamma, dbeta, dtau = (a.reshape(1, -1, 1, 1) for a in (dgamma, dbeta, dtau))\n    return z, dx, dgamma",
    loses=6,
    says="dtau has axes of length 1 left; dgamma has axes of length 1 left",
)
slip(
    "the factor 2 of the square is forgotten",
    "along = np.mean(",
    "along = 0.5 * np.mean(",
    loses=3.5,
    says="the mean in dx is half as large: the factor 2 of the square is forgotten",
)
slip(
    "gamma missing before the mean in dx",
    "dx = gamma / root * (dy -",
    "dx = 1 / root * (gamma * dy -",
    loses=3.5,
    says="γ is missing before the mean in dx",
)
slip(
    "epsilon is 1e-6 whatever is asked", "nu2 + eps", "nu2 + 1e-6", loses=7, says="ε is always 1e-6"
)
slip(
    "dtau averaged",
    "dtau = np.sum(",
    "dtau = np.mean(",
    loses=3.5,
    says="dtau is averaged, not summed",
)
slip(
    "dbeta from dz",
    "dbeta = np.sum(dy,",
    "dbeta = np.sum(dz,",
    loses=3.5,
    says="dbeta is the sum of dz, not of dy",
)
slip(
    "dgamma from dz",
    "np.sum(dy * x_hat",
    "np.sum(dz * x_hat",
    loses=3.5,
    says="dgamma is made of dz, not of dy",
)
slip(
    "nothing is masked",
    "dy = dz * passes",
    "dy = dz",
    loses=4.5,
    says="dgamma is made of dz, not of dy; dx is made of dz, not of dy",
)
slip(
    "the mean of dz in dx",
    "along = np.mean(dy",
    "along = np.mean(dz",
    loses=3.5,
    says="the mean in dx is made of dz, not of dy",
)
slip(
    "nu as a constant", "(dy - x_hat * along)", "dy", loses=3.5, says="ν² is treated as a constant"
)
slip(
    "a mean subtracted as in batch norm",
    "(dy - x_hat * along)",
    "(dy - dy.mean(axis=(2, 3), keepdims=True) - x_hat * along)",
    loses=3.5,
    says="mean(dy) is subtracted in dx, too, as if x were centred",
)
slip(
    "gamma missing in dx",
    "dx = gamma / root",
    "dx = 1 / root",
    loses=3.5,
    says="γ is missing in dx",
)
slip(
    "root squared in dx",
    "dx = gamma / root",
    "dx = gamma / root**2",
    loses=3.5,
    says="dx is divided by root², not by the root",
)
slip(
    "a sum in dx",
    "along = np.mean(",
    "along = np.sum(",
    loses=3.5,
    says="the mean in dx is a sum, not divided by H·W",
)
slip(
    "the mean over the images in dx",
    "along = np.mean(dy * x_hat, axis=(2, 3)",
    "along = np.mean(dy * x_hat, axis=(0, 2, 3)",
    loses=3,
    says="the mean in dx runs over the images, too",
)
slip(
    "a plus sign in dx",
    "dy - x_hat * along",
    "dy + x_hat * along",
    loses=3.5,
    says="x̂ times the mean is added in dx",
)
slip(
    "x in place of x_hat in dx",
    "(dy - x_hat * along)",
    "(dy - x * np.mean(dy * x, axis=(2, 3), keepdims=True))",
    loses=3.5,
    says="x stands in place of x̂ in dx",
)
slip(
    "dgamma with x",
    "np.sum(dy * x_hat",
    "np.sum(dy * x",
    loses=3.5,
    says="dgamma has x in place of x̂",
)
slip(
    "beta forgotten",
    "y = gamma * x_hat + beta",
    "y = gamma * x_hat",
    loses=8,
    says="β is not added",
)
slip(
    "gamma and tau along the width",
    "(a.reshape(1, -1, 1, 1) for a in (gamma, beta, tau))",
    "(gamma, beta, tau)",
    loses=7,
    says="gamma, beta and tau lie along the width, not along the channels",
)
slip(
    "the gradients in another order",
    "dgamma, dbeta, dtau\n",
    "dbeta, dgamma, dtau\n",
    loses=3.5,
    says="the values are returned as (z, dx, dbeta, dgamma, dtau), not as (z, dx, dgamma, dbeta, dtau)",
)
slip(
    "dz is masked in place",
    "dy = dz * passes",
    "dz *= passes\n    dy = dz",
    loses=3.5,
    says="every value of dtau is zero",
)
slip(
    "the sum squared",
    "np.mean(x**2, axis=(2, 3), keepdims=True)",
    "np.mean(x, axis=(2, 3), keepdims=True) ** 2",
    loses=7.5,
    says="ν² is the square of the mean",
)
