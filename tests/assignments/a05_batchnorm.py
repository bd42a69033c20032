"""Right and wrong solutions of assignment a05.

Right ones are written in different styles and must get full marks. A slip is one small change to
the right solution above it, a mistake that students make, and must lose exactly the points named
in the test cell of its function, and none in any other cell.
"""

import numpy as np

from coursekit.collection import Collection

known = Collection("a05_batchnorm")

# --- task 1: batch_norm --------------------------------------------------------------------------


@known.right("feature by feature, in loops")
def batch_norm(x, gamma, beta, running_mean, running_var, training, alpha=0.1, eps=1e-5):
    N, D = x.shape
    if training and N < 2:
        raise ValueError("one example has no variance")
    y, x_hat = np.empty_like(x), np.empty_like(x)
    root = np.empty_like(gamma)
    new_mean, new_var = running_mean.copy(), running_var.copy()
    for d in range(D):
        if training:
            mu = sum(x[:, d]) / N
            var = sum((x[:, d] - mu) ** 2) / N
            new_mean[d] = new_mean[d] * (1 - alpha) + mu * alpha
            new_var[d] = new_var[d] * (1 - alpha) + var * N / (N - 1) * alpha
        else:
            mu, var = running_mean[d], running_var[d]
        root[d] = (var + eps) ** 0.5
        for n in range(N):
            x_hat[n, d] = (x[n, d] - mu) / root[d]
            y[n, d] = gamma[d] * x_hat[n, d] + beta[d]
    return y, (x_hat, gamma, root), new_mean, new_var


@known.right("E[x²] − μ², a list, a copy of everything")
def batch_norm(x, gamma, beta, running_mean, running_var, training, alpha=0.1, eps=1e-5):
    if not training:
        used = running_mean.copy(), running_var.copy()
        kept = used
    else:
        if x.shape[0] == 1:
            raise ValueError
        square, mean = np.mean(x * x, 0), np.mean(x, 0)
        used = mean, np.maximum(square - mean * mean, 0)
        unbiased = np.var(x, axis=0, ddof=1)
        kept = (
            running_mean + alpha * (mean - running_mean),
            running_var + alpha * (unbiased - running_var),
        )
    root = np.sqrt(used[1] + eps)
    x_hat = x / root - used[0] / root
    return [x_hat * gamma + beta, [x_hat, gamma.copy(), root], *kept]


@known.right("as the formulas stand")
def batch_norm(x, gamma, beta, running_mean, running_var, training, alpha=0.1, eps=1e-5):
    m = len(x)
    if training and m < 2:
        raise ValueError("needs two examples")
    mean, var = running_mean, running_var
    if training:
        mean, var = x.mean(axis=0), x.var(axis=0)
        unbiased = var * m / (m - 1)
        running_mean = (1 - alpha) * running_mean + alpha * mean
        running_var = (1 - alpha) * running_var + alpha * unbiased
    root = np.sqrt(var + eps)
    x_hat = (x - mean) / root
    y = gamma * x_hat + beta
    return y, (x_hat, gamma, root), running_mean, running_var


slip = known.slips_of(batch_norm)
slip(
    "the new running mean is subtracted",
    "(1 - alpha) * running_mean + alpha * mean\n",
    "(1 - alpha) * running_mean + alpha * mean\n        mean = running_mean\n",
    loses=5,
    says="in training, the running mean is subtracted that x has just changed",
)
slip(
    "the modes change places",
    "    m = len(x)",
    "    training = not training\n    m = len(x)",
    loses=10,
    says="training and test are swapped; a batch of one is refused at test time; a batch of one is no error",
)
slip(
    "epsilon as a lower bound",
    "np.sqrt(var + eps)",
    "np.sqrt(np.maximum(var, eps))",
    loses=7,
    says="ε is a lower bound of the variance",
)
slip(
    "gamma and beta in training only",
    "y = gamma * x_hat + beta",
    "y = gamma * x_hat + beta if training else x_hat",
    loses=3,
    says="γ and β are forgotten, at test time",
)
slip(
    "gamma as a row in the cache",
    "(x_hat, gamma, root)",
    "(x_hat, gamma[None], root)",
    loses=3.5,
    says="gamma in the cache has axes of length 1",
)
slip(
    "the running statistics in training",
    "mean, var = x.mean(axis=0), x.var(axis=0)\n        unbiased = var * m / (m - 1)\n        running_mean = (1 - alpha) * running_mean + alpha * mean",
    "unbiased = x.var(axis=0, ddof=1)\n        running_mean = (1 - alpha) * running_mean + alpha * x.mean(axis=0)",
    loses=5,
    says="the running statistics are used in training, too",
)
slip(
    "batch statistics at test time",
    "    if training:\n        mean, var = x.mean(axis=0), x.var(axis=0)\n",
    "    mean, var = x.mean(axis=0), x.var(axis=0)\n    if training:\n",
    loses=3,
    says="the batch's statistics are used at test time, too",
)
slip(
    "normalised after the update",
    "    root =",
    "    mean, var = running_mean, running_var\n    root =",
    loses=5,
    says="in training, x is normalised with the running statistics that it has just changed",
)
slip(
    "the flag is the wrong way round",
    "    if training:\n",
    "    if not training:\n",
    loses=9,
    says="training and test are swapped; the running mean is updated at test time only",
)
slip(
    "the running mean is not updated",
    "running_mean = (1 - alpha) * running_mean + alpha * mean",
    "pass",
    loses=3.5,
    says="the running mean is not updated",
)
slip(
    "the running variance is not updated",
    "running_var = (1 - alpha) * running_var + alpha * unbiased",
    "pass",
    loses=3.5,
    says="the running variance is not updated",
)
slip(
    "updated at test time",
    "    root =",
    "    if not training:\n        running_mean = (1 - alpha) * running_mean + alpha * x.mean(axis=0)\n        running_var = (1 - alpha) * running_var + alpha * x.var(axis=0, ddof=1)\n    root =",
    loses=3,
    says="the running mean is updated at test time, too",
)
slip(
    "alpha weighs the old mean",
    "(1 - alpha) * running_mean + alpha * mean",
    "alpha * running_mean + (1 - alpha) * mean",
    loses=3.5,
    says="α weighs the old running mean, not the batch's",
)
slip(
    "alpha weighs the old variance",
    "(1 - alpha) * running_var + alpha * unbiased",
    "alpha * running_var + (1 - alpha) * unbiased",
    loses=3.5,
    says="α weighs the old running variance, not the batch's",
)
slip(
    "the biased variance is kept",
    "alpha * unbiased",
    "alpha * var",
    loses=3.5,
    says="the running variance gets the biased variance",
)
slip(
    "the unbiased variance normalises",
    "x.mean(axis=0), x.var(axis=0)\n        unbiased = var * m / (m - 1)",
    "x.mean(axis=0), x.var(axis=0, ddof=1)\n        unbiased = var",
    loses=5,
    says="x is normalised with the unbiased variance",
)
slip(
    "biased and unbiased swapped",
    "x.mean(axis=0), x.var(axis=0)\n        unbiased = var * m / (m - 1)",
    "x.mean(axis=0), x.var(axis=0, ddof=1)\n        unbiased = x.var(axis=0)",
    loses=6,
    says="x is normalised with the unbiased variance; the running variance gets the biased variance",
)
slip(
    "corrected twice",
    "x.mean(axis=0), x.var(axis=0)",
    "x.mean(axis=0), x.var(axis=0, ddof=1)",
    loses=6,
    says="x is normalised with the unbiased variance",
)
slip(
    "corrected the wrong way",
    "var * m / (m - 1)",
    "var * (m - 1) / m",
    loses=3.5,
    says="the running variance gets (m − 1)/m times the biased variance",
)
slip("epsilon forgotten", "np.sqrt(var + eps)", "np.sqrt(var)", loses=7, says="ε is forgotten")
slip(
    "epsilon outside the root",
    "np.sqrt(var + eps)",
    "np.sqrt(var) + eps",
    loses=7,
    says="ε stands outside the root",
)
slip(
    "epsilon added twice",
    "x_hat = (x - mean) / root",
    "x_hat = (x - mean) / np.sqrt(root**2 + eps)",
    loses=7,
    says="ε is added twice",
)
slip(
    "epsilon in the variance that is kept",
    "x.var(axis=0)\n",
    "x.var(axis=0) + eps\n",
    loses=6,
    says="ε is added twice, in training; the running variance gets σ² + ε",
)
slip(
    "divided by the variance",
    "np.sqrt(var + eps)",
    "(var + eps)",
    loses=7,
    says="x − μ is divided by σ² + ε, not by its root",
)
slip(
    "the mean over the features",
    "x.mean(axis=0), x.var(axis=0)",
    "x.mean(axis=1), x.var(axis=1)",
    loses=6,
    says="the statistics are taken over the features of an example, not over the examples",
)
slip(
    "the mean over the features, kept",
    "x.mean(axis=0), x.var(axis=0)",
    "x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)",
    loses=6,
    says="the statistics are taken over the features of an example, not over the examples",
)
slip(
    "the mean of everything",
    "x.mean(axis=0), x.var(axis=0)",
    "x.mean(), x.var()",
    loses=6,
    says="one mean and one variance are taken over all features",
)
slip(
    "axes are kept",
    "x.mean(axis=0), x.var(axis=0)",
    "x.mean(axis=0, keepdims=True), x.var(axis=0, keepdims=True)",
    loses=4.5,
    says="the root in the cache has axes of length 1; axes of length 1 are left",
)
slip("not centred", "(x - mean) / root", "x / root", loses=7, says="μ is not subtracted from x")
slip("beta forgotten", "gamma * x_hat + beta", "gamma * x_hat", loses=6, says="β is not added")
slip(
    "beta before gamma",
    "gamma * x_hat + beta",
    "gamma * (x_hat + beta)",
    loses=6,
    says="β is added before γ is multiplied",
)
slip("gamma forgotten", "gamma * x_hat + beta", "x_hat + beta", loses=6, says="γ is forgotten")
slip(
    "the cache has the variance",
    "(x_hat, gamma, root)",
    "(x_hat, gamma, var)",
    loses=3.5,
    says="the cache holds σ², not the root",
)
slip(
    "the cache has another order",
    "(x_hat, gamma, root)",
    "(x_hat, root, gamma)",
    loses=2.5,
    says="x̂, gamma and root stand in another order in the cache",
)
slip(
    "the cache has x",
    "(x_hat, gamma, root)",
    "(x, gamma, root)",
    loses=3.5,
    says="the cache holds x in place of x̂",
)
slip(
    "the cache is left out",
    "y, (x_hat, gamma, root), running_mean",
    "y, running_mean",
    loses=9,
    says="type",
)
slip(
    "only y is returned",
    "return y, (x_hat, gamma, root), running_mean, running_var",
    "return y",
    loses=9,
    says="type",
)
slip(
    "the running statistics change places",
    "root), running_mean, running_var",
    "root), running_var, running_mean",
    loses=5.5,
    says="the values are returned as (y, cache, running_var, running_mean), not as (y, cache, running_mean, running_var)",
)
slip(
    "updated in place",
    "running_mean = (1 - alpha) * running_mean + alpha * mean",
    "running_mean *= 1 - alpha\n        running_mean += alpha * mean",
    loses=1,
    says="mutated",
)
slip(
    "x is normalised in place",
    "x_hat = (x - mean) / root",
    "x -= mean\n    x /= root\n    x_hat = x",
    loses=1,
    says="mutated",
)
slip(
    "no error for a batch of one",
    "if training and m < 2",
    "if False",
    loses=1,
    says="a batch of one is no error",
)
slip(
    "an error at test time, too",
    "if training and m < 2",
    "if m < 2",
    loses=3,
    says="a batch of one is refused at test time",
)
slip(
    "alpha is 0.1 whatever is asked",
    "    m = len(x)",
    "    m, alpha = len(x), 0.1",
    loses=3.5,
    says="α is always 0.1 for the running mean",
)
slip(
    "epsilon is 1e-5 whatever is asked",
    "    m = len(x)",
    "    m, eps = len(x), 1e-5",
    loses=7,
    says="ε is always 1e-5",
)
slip(
    "always float64",
    "    y = gamma",
    "    y = np.zeros(x.shape)\n    y[:] = gamma",
    loses=1,
    says="dtype",
)
slip(
    "the standard deviation is kept",
    "(m - 1)\n",
    "(m - 1)\n        unbiased = np.sqrt(unbiased)\n",
    loses=3.5,
    says="the running variance gets the standard deviation",
)
slip(
    "the running variance is taken for a deviation",
    "np.sqrt(var + eps)",
    "np.sqrt(var + eps) if training else var + eps",
    loses=3,
    says="x − μ is divided by σ² + ε, not by its root, at test time",
)
slip(
    "the batch's mean beside the running variance",
    "    root =",
    "    mean = x.mean(axis=0)\n    root =",
    loses=3,
    says="at test time the batch's mean stands beside the running variance",
)
slip(
    "corrected with the wrong m",
    "var * m / (m - 1)",
    "var * x.size / (x.size - 1)",
    loses=2.5,
    says="m in m/(m − 1) is N·D, not N",
)


@known.wrong("torch does it", loses=10, says="forbidden")
def batch_norm(x, gamma, beta, running_mean, running_var, training, alpha=0.1, eps=1e-5):
    import torch

    if training and len(x) < 2:
        raise ValueError
    mean, var = (torch.tensor(a) for a in (running_mean, running_var))
    own = (running_mean, running_var) if not training else (x.mean(0), x.var(0))
    y = torch.nn.functional.batch_norm(
        torch.tensor(x), mean, var, torch.tensor(gamma), torch.tensor(beta), training, alpha, eps
    )
    root = np.sqrt(own[1] + eps)
    return y.numpy(), ((x - own[0]) / root, gamma, root), mean.numpy(), var.numpy()


# --- task 2: batch_norm_steps --------------------------------------------------------------------


@known.right("in loops, with the second term of dmu")
def batch_norm_steps(dy, x, gamma, eps=1e-5):
    N, D = x.shape
    grads = {name: np.zeros_like(gamma) for name in ("dgamma", "dbeta", "dvar", "dmu")}
    grads["dx_hat"], grads["dx"] = np.zeros_like(x), np.zeros_like(x)
    for d in range(D):
        mu = x[:, d].mean()
        var = ((x[:, d] - mu) ** 2).mean()
        for n in range(N):
            x_hat = (x[n, d] - mu) / np.sqrt(var + eps)
            grads["dgamma"][d] += dy[n, d] * x_hat
            grads["dbeta"][d] += dy[n, d]
            grads["dx_hat"][n, d] = gamma[d] * dy[n, d]
            grads["dvar"][d] += grads["dx_hat"][n, d] * (x[n, d] - mu)
        grads["dvar"][d] *= -0.5 * (var + eps) ** -1.5
        grads["dmu"][d] = -grads["dx_hat"][:, d].sum() / np.sqrt(var + eps)
        grads["dmu"][d] += grads["dvar"][d] * (-2 / N) * (x[:, d] - mu).sum()
        for n in range(N):
            grads["dx"][n, d] = (
                grads["dx_hat"][n, d] / np.sqrt(var + eps)
                + grads["dvar"][d] * 2 / N * (x[n, d] - mu)
                + grads["dmu"][d] / N
            )
    return grads


@known.right("einsum, dx in closed form")
def batch_norm_steps(dy, x, gamma, eps=1e-5):
    mu = x.mean(0)
    inverse = 1 / np.sqrt(np.einsum("nd,nd->d", x - mu, x - mu) / len(x) + eps)
    x_hat = (x - mu) * inverse
    dgamma, dbeta = np.einsum("nd,nd->d", dy, x_hat), np.einsum("nd->d", dy)
    dvar = -0.5 * gamma * dgamma * inverse**2
    dx = gamma * inverse * (dy - dbeta / len(x) - x_hat * dgamma / len(x))
    return {
        "dx": dx,
        "dmu": -gamma * dbeta * inverse,
        "dvar": dvar,
        "dx_hat": dy * gamma,
        "dbeta": dbeta,
        "dgamma": dgamma,
    }


@known.right("as the formulas stand")
def batch_norm_steps(dy, x, gamma, eps=1e-5):
    m = len(x)
    mu, var = x.mean(axis=0), x.var(axis=0)
    root = np.sqrt(var + eps)
    x_hat = (x - mu) / root
    dgamma = np.sum(dy * x_hat, axis=0)
    dbeta = np.sum(dy, axis=0)
    dx_hat = dy * gamma
    dvar = np.sum(dx_hat * (x - mu), axis=0) * (-0.5) * (var + eps) ** (-1.5)
    dmu = -np.sum(dx_hat, axis=0) / root - dvar * 2 / m * np.sum(x - mu, axis=0)
    dx = dx_hat / root + dvar * 2 * (x - mu) / m + dmu / m
    return {"dgamma": dgamma, "dbeta": dbeta, "dx_hat": dx_hat, "dvar": dvar, "dmu": dmu, "dx": dx}


slip = known.slips_of(batch_norm_steps)
slip(
    "minus on the way through the mean",
    "+ dmu / m",
    "- dmu / m",
    loses=4,
    says="the way through the mean has the wrong sign",
)
slip(
    "minus on the way through the variance",
    "+ dvar * 2",
    "- dvar * 2",
    loses=4,
    says="the way through the variance has the wrong sign",
)
slip(
    "x̂ on the way through the variance",
    "2 * (x - mu) / m",
    "2 * x_hat / m",
    loses=4,
    says="x̂ stands in place of x − μ on the way through the variance",
)
slip(
    "the root too often on the way through the mean, dmu is right",
    "+ dmu / m",
    "+ dmu / root / m",
    loses=4,
    says="",
)
slip(
    "the second term of dmu with x, added",
    " - dvar * 2 / m * np.sum(x - mu, axis=0)",
    " + dvar * 2 * mu",
    loses=6,
    says="the second term of dmu has x in place of x − μ",
)
slip(
    "the gradient of the root",
    "(-0.5) * (var + eps) ** (-1.5)",
    "-1 / (var + eps)",
    loses=5.5,
    says="dvar is the gradient of the root, not of the variance",
)
slip(
    "dvar keeps its axis",
    "(x - mu), axis=0) * (-0.5)",
    "(x - mu), axis=0, keepdims=True) * (-0.5)",
    loses=4.5,
    says="dvar has an axis of length 1 left; dmu has an axis of length 1 left",
)
slip(
    "dgamma with an x̂ not centred",
    "np.sum(dy * x_hat",
    "np.sum(dy * x / root",
    loses=3.5,
    says="dgamma has x/√(σ² + ε) in place of x̂",
)
slip(
    "the standard deviation",
    "x.var(axis=0)",
    "x.std(axis=0)",
    loses=7,
    says="the standard deviation is taken for the variance",
)
slip(
    "constants",
    " + dvar * 2 * (x - mu) / m + dmu / m",
    "",
    loses=4,
    says="mean and variance are taken for constants in dx",
)
slip(
    "no way through the variance",
    " + dvar * 2 * (x - mu) / m",
    "",
    loses=4,
    says="dx lacks what comes back through the variance",
)
slip(
    "no way through the mean",
    " + dmu / m",
    "",
    loses=4,
    says="dx lacks what comes back through the mean",
)
slip("dgamma with x", "dy * x_hat", "dy * x", loses=3.5, says="dgamma has x in place of x̂")
slip(
    "dgamma with x minus the mean",
    "dy * x_hat",
    "dy * (x - mu)",
    loses=3.5,
    says="dgamma has x − μ in place of x̂",
)
slip(
    "dgamma averaged",
    "dgamma = np.sum(",
    "dgamma = np.mean(",
    loses=3.5,
    says="dgamma is averaged over the batch",
)
slip(
    "dbeta averaged",
    "dbeta = np.sum(",
    "dbeta = np.mean(",
    loses=3.5,
    says="dbeta is averaged over the batch",
)
slip(
    "dbeta over the features",
    "dbeta = np.sum(dy, axis=0)",
    "dbeta = np.sum(dy, axis=1)",
    loses=3.5,
    says="dbeta is summed over the features",
)
slip(
    "dbeta keeps its axis",
    "dbeta = np.sum(dy, axis=0)",
    "dbeta = np.sum(dy, axis=0, keepdims=True)",
    loses=3.5,
    says="dbeta has an axis of length 1 left",
)
slip(
    "gamma missing in dx_hat",
    "dx_hat = dy * gamma",
    "dx_hat = dy",
    loses=7,
    says="γ is missing: dy stands where dx_hat belongs",
)
slip(
    "dy in dvar",
    "np.sum(dx_hat * (x - mu)",
    "np.sum(dy * (x - mu)",
    loses=5.5,
    says="γ is missing: dy stands where dx_hat belongs",
)
slip("exponent -1/2", "(-1.5)", "(-0.5)", loses=5.5, says="the exponent −3/2 in dvar is −1/2")
slip("exponent 3/2", "(-1.5)", "1.5", loses=5.5, says="the exponent −3/2 in dvar is +3/2")
slip(
    "factor one half forgotten",
    "(-0.5) *",
    "-1 *",
    loses=5.5,
    says="the factor ½ in dvar is missing",
)
slip("sign of dvar", "(-0.5) *", "0.5 *", loses=5.5, says="dvar has the wrong sign")
slip(
    "epsilon forgotten in dvar",
    "(var + eps) ** (-1.5)",
    "var ** (-1.5)",
    loses=5.5,
    says="ε is forgotten in dvar",
)
slip(
    "epsilon forgotten everywhere",
    "    root =",
    "    eps = 0\n    root =",
    loses=7,
    says="ε is forgotten",
)
slip(
    "epsilon outside the root",
    "np.sqrt(var + eps)",
    "np.sqrt(var) + eps",
    loses=6.5,
    says="ε stands outside the root",
)
slip(
    "x in dvar",
    "np.sum(dx_hat * (x - mu)",
    "np.sum(dx_hat * x",
    loses=5.5,
    says="x stands in place of x − μ in dvar",
)
slip(
    "x_hat in dvar",
    "np.sum(dx_hat * (x - mu)",
    "np.sum(dx_hat * x_hat",
    loses=5.5,
    says="dvar has a factor 1/√(σ² + ε) too many",
)
slip(
    "sign of dmu",
    "dmu = -np.sum(dx_hat, axis=0) / root -",
    "dmu = np.sum(dx_hat, axis=0) / root -",
    loses=6,
    says="dmu has the wrong sign",
)
slip(
    "dmu not divided by the root",
    "-np.sum(dx_hat, axis=0) / root -",
    "-np.sum(dx_hat, axis=0) -",
    loses=6,
    says="dmu is not divided by the root",
)
slip(
    "dmu is its zero term alone",
    "dmu = -np.sum(dx_hat, axis=0) / root -",
    "dmu = -",
    loses=6,
    says="dx lacks what comes back through the mean",
)
slip(
    "x in the second term of dmu",
    "np.sum(x - mu, axis=0)",
    "np.sum(x, axis=0)",
    loses=6,
    says="the second term of dmu has x in place of x − μ",
)
slip(
    "dmu not divided by m",
    "dmu / m",
    "dmu",
    loses=4,
    says="the 1/m is missing on the way through the mean",
)
slip(
    "the way through the variance not divided by m",
    "(x - mu) / m + dmu",
    "(x - mu) + dmu",
    loses=4,
    says="the 1/m is missing on the way through the variance",
)
slip(
    "factor 2 forgotten",
    "dvar * 2 * (x",
    "dvar * (x",
    loses=4,
    says="the factor 2 is missing on the way through the variance",
)
slip(
    "x on the way through the variance",
    "2 * (x - mu) / m + dmu",
    "2 * x / m + dmu",
    loses=4,
    says="x stands in place of x − μ on the way through the variance",
)
slip(
    "dx_hat not divided by the root",
    "dx = dx_hat / root",
    "dx = dx_hat",
    loses=4,
    says="dx_hat is not divided by the root on its way to dx",
)
slip(
    "unbiased variance",
    "x.var(axis=0)",
    "x.var(axis=0, ddof=1)",
    loses=7,
    says="the variance is the unbiased one",
)
slip(
    "m is the number of features",
    "m = len(x)",
    "m = x.shape[1]",
    loses=4,
    says="m is the number of features",
)
slip(
    "a tuple is returned",
    'return {"dgamma": dgamma, "dbeta": dbeta, "dx_hat": dx_hat, "dvar": dvar, "dmu": dmu, "dx": dx}',
    "return dgamma, dbeta, dx_hat, dvar, dmu, dx",
    loses=1,
    says="the keys of the dict are not the six names of the docstring",
)
slip(
    "another name",
    '"dx_hat": dx_hat',
    '"dxhat": dx_hat',
    loses=3.5,
    says="the keys of the dict are not the six names of the docstring",
)
slip(
    "dy is scaled in place",
    "dx_hat = dy * gamma",
    "dy *= gamma\n    dx_hat = dy",
    loses=2,
    says="mutated",
)


@known.wrong("sums over the features", loses=7.5, says="every sum runs over the features")
def batch_norm_steps(dy, x, gamma, eps=1e-5):
    def total(a):
        return a.sum(axis=1, keepdims=True)

    m, mu, var = len(x), x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
    root, dx_hat = np.sqrt(var + eps), dy * gamma
    dgamma, dbeta = total(dy * (x - mu) / root), total(dy)
    dvar, dmu = total(dx_hat * (x - mu)) / -2 / root**3, -total(dx_hat) / root
    dx = dx_hat / root + dvar * 2 * (x - mu) / m + dmu / m
    return {"dgamma": dgamma, "dbeta": dbeta, "dx_hat": dx_hat, "dvar": dvar, "dmu": dmu, "dx": dx}


# --- task 3: batch_norm_backward -----------------------------------------------------------------


@known.right("m times dy, a list")
def batch_norm_backward(dy, x_hat, gamma, root):
    m = dy.shape[0]
    dbeta = dy.sum(0)
    dgamma = (x_hat * dy).sum(0)
    return [gamma / (m * root) * (m * dy - dbeta - x_hat * dgamma), dgamma, dbeta]


@known.right("a projection, feature by feature")
def batch_norm_backward(dy, x_hat, gamma, root):
    dx, dgamma, dbeta = np.zeros_like(dy), np.zeros_like(gamma), np.zeros_like(gamma)
    for d in range(dy.shape[1]):
        up, hat = dy[:, d], x_hat[:, d]
        dgamma[d], dbeta[d] = up @ hat, up.sum()
        dx[:, d] = gamma[d] / root[d] * (up - up.mean() - hat * np.mean(up * hat))
    return dx, dgamma, dbeta


@known.right("through dvar and dmu, with the term that is zero")
def batch_norm_backward(dy, x_hat, gamma, root):
    m, centred, dx_hat = len(dy), x_hat * root, gamma * dy
    dvar = -0.5 * np.sum(dx_hat * centred, axis=0) / root**3
    dmu = -np.sum(dx_hat, axis=0) / root - 2 * dvar * np.mean(centred, axis=0)
    dx = dx_hat / root + (2 * dvar * centred + dmu) / m
    return dx, np.sum(dy * x_hat, axis=0), np.sum(dy, axis=0)


@known.right("as the formula stands")
def batch_norm_backward(dy, x_hat, gamma, root):
    m = len(dy)
    dgamma = np.sum(dy * x_hat, axis=0)
    dbeta = np.sum(dy, axis=0)
    dx = gamma / root * (dy - dbeta / m - x_hat * dgamma / m)
    return dx, dgamma, dbeta


slip = known.slips_of(batch_norm_backward)
slip(
    "another epsilon at the root",
    "dx = gamma / root *",
    "dx = gamma / (root + 1e-5) *",
    loses=3.5,
    says="1e-5 is added to the root, which holds ε already",
)
slip(
    "gamma at dy, too",
    "(dy - dbeta / m",
    "(gamma * dy - dbeta / m",
    loses=3.5,
    says="γ is a factor of dy twice in dx",
)
slip(
    "constants",
    " - dbeta / m - x_hat * dgamma / m",
    "",
    loses=3.5,
    says="mean and variance are taken for constants in dx",
)
slip(
    "without the mean",
    " - dbeta / m",
    "",
    loses=3.5,
    says="dx lacks what comes back through the mean",
)
slip(
    "without the variance",
    " - x_hat * dgamma / m",
    "",
    loses=3.5,
    says="dx lacks what comes back through the variance",
)
slip(
    "m forgotten",
    "(dy - dbeta / m - x_hat * dgamma / m)",
    "(dy - dbeta - x_hat * dgamma)",
    loses=3.5,
    says="dgamma and dbeta are not divided by m in dx",
)
slip(
    "m before dy only",
    "(dy - dbeta / m - x_hat * dgamma / m)",
    "(m * dy - dbeta - x_hat * dgamma)",
    loses=3.5,
    says="the 1/m before m · dy − dbeta − x̂ · dgamma is missing",
)
slip(
    "dgamma and dbeta averaged",
    "    return",
    "    dgamma, dbeta = dgamma / m, dbeta / m\n    return",
    loses=3,
    says="dgamma is averaged over the batch",
)
slip(
    "means in dx twice",
    "dbeta = np.sum(dy, axis=0)\n",
    "dbeta = np.mean(dy, axis=0)\n",
    loses=4,
    says="dbeta is averaged over the batch",
)
slip("gamma forgotten", "gamma / root", "1 / root", loses=3.5, says="γ is missing in dx")
slip("root forgotten", "gamma / root", "gamma", loses=3.5, says="dx is not divided by the root")
slip(
    "root squared",
    "gamma / root",
    "gamma / root**2",
    loses=3.5,
    says="dx is divided by root², not by the root",
)
slip(
    "x_hat forgotten in the third term",
    "x_hat * dgamma / m",
    "dgamma / m",
    loses=3.5,
    says="x̂ is missing at dgamma/m in dx",
)
slip(
    "dgamma with gamma",
    "dgamma = np.sum(dy * x_hat, axis=0)",
    "dgamma = np.sum(gamma * dy * x_hat, axis=0)",
    loses=4,
    says="dgamma is multiplied by γ",
)
slip(
    "dgamma with x",
    "    return dx, dgamma",
    "    return dx, dgamma * root",
    loses=3,
    says="dgamma has x − μ in place of x̂",
)
slip(
    "sums over the features",
    "dgamma = np.sum(dy * x_hat, axis=0)\n    dbeta = np.sum(dy, axis=0)",
    "dgamma = np.sum(dy * x_hat, axis=1, keepdims=True)\n    dbeta = np.sum(dy, axis=1, keepdims=True)",
    loses=4,
    says="the sums run over the features, not over the examples",
)
slip(
    "m is the number of features",
    "m = len(dy)",
    "m = dy.shape[1]",
    loses=3.5,
    says="m is the number of features",
)
slip(
    "another order",
    "return dx, dgamma, dbeta",
    "return dx, dbeta, dgamma",
    loses=3,
    says="the values are returned as (dx, dbeta, dgamma), not as (dx, dgamma, dbeta)",
)
slip(
    "brackets forgotten",
    "(dy - dbeta / m - x_hat * dgamma / m)",
    "dy - dbeta / m - x_hat * dgamma / m",
    loses=3,
    says="γ and the root stand at dy only in dx",
)
slip(
    "gamma missing at dbeta",
    "dx = gamma / root * (dy - dbeta / m",
    "dx = gamma / root * (dy - dbeta / gamma / m",
    loses=3.5,
    says="γ is missing at dbeta in dx",
)


# --- task 4: spatial_batch_norm ------------------------------------------------------------------


@known.right("pixels as rows, moved and moved back")
def spatial_batch_norm(x, gamma, beta, eps=1e-5):
    N, C, H, W = x.shape
    rows = x.transpose(0, 2, 3, 1).reshape(-1, C)
    root = np.sqrt(rows.var(axis=0) + eps)
    x_hat = (rows - rows.mean(axis=0)) / root
    y = x_hat * gamma + beta

    def back(a):
        return a.reshape(N, H, W, C).transpose(0, 3, 1, 2)

    return back(y), (back(x_hat), gamma, root)


@known.right("channel by channel")
def spatial_batch_norm(x, gamma, beta, eps=1e-5):
    x_hat, y, root = np.zeros_like(x), np.zeros_like(x), np.zeros_like(gamma)
    for c in range(x.shape[1]):
        channel = x[:, c]
        root[c] = (((channel - channel.mean()) ** 2).mean() + eps) ** 0.5
        x_hat[:, c] = (channel - channel.mean()) / root[c]
        y[:, c] = x_hat[:, c] * gamma[c] + beta[c]
    return y, (x_hat, gamma, root)


slip = known.slips_of(spatial_batch_norm)
slip(
    "statistics of the first image",
    "root[c] = (((channel - channel.mean()) ** 2).mean() + eps) ** 0.5\n        x_hat[:, c] = (channel - channel.mean())",
    "root[c] = (channel[0].var() + eps) ** 0.5\n        x_hat[:, c] = (channel - channel[0].mean())",
    loses=4,
    says="the statistics are those of the first image alone",
)


@known.right("as the formula stands, all at once")
def spatial_batch_norm(x, gamma, beta, eps=1e-5):
    mu = x.mean(axis=(0, 2, 3), keepdims=True)
    var = x.var(axis=(0, 2, 3), keepdims=True)
    root = np.sqrt(var + eps)
    x_hat = (x - mu) / root
    y = gamma[:, None, None] * x_hat + beta[:, None, None]
    return y, (x_hat, gamma, root[0, :, 0, 0])


slip = known.slips_of(spatial_batch_norm)
slip(
    "a variance not centred",
    "x.var(axis=(0, 2, 3), keepdims=True)",
    "np.mean(x**2, axis=(0, 2, 3), keepdims=True)",
    loses=4,
    says="the mean is not subtracted before x is squared for the variance",
)
slip(
    "squares divided by N alone",
    "x.var(axis=(0, 2, 3), keepdims=True)",
    "np.sum((x - mu) ** 2, axis=(0, 2, 3), keepdims=True) / len(x)",
    loses=4,
    says="the sum of squares is divided by N, not by N·H·W",
)
slip("epsilon forgotten", "var + eps", "var", loses=4, says="ε is forgotten")
slip(
    "epsilon outside the root",
    "np.sqrt(var + eps)",
    "np.sqrt(var) + eps",
    loses=4,
    says="ε stands outside the root",
)
slip(
    "unbiased",
    "x.var(axis=(0, 2, 3), ",
    "x.var(axis=(0, 2, 3), ddof=1, ",
    loses=4,
    says="x is normalised with the unbiased variance",
)
slip("not centred", "(x - mu)", "x", loses=4, says="μ is not subtracted from x")
slip(
    "gamma along the width",
    "gamma[:, None, None] * x_hat",
    "gamma * x_hat",
    loses=3.5,
    says="gamma lies along the width, not along the channels",
)
slip(
    "both along the width",
    "gamma[:, None, None] * x_hat + beta[:, None, None]",
    "gamma * x_hat + beta",
    loses=3.5,
    says="gamma and beta lie along the width, not along the channels",
)
slip("beta forgotten", " + beta[:, None, None]", "", loses=3.5, says="β is not added")
slip(
    "the root keeps its axes",
    "root[0, :, 0, 0]",
    "root",
    loses=3,
    says="the root in the cache has axes of length 1",
)
slip(
    "the cache has the variance",
    "root[0, :, 0, 0]",
    "var[0, :, 0, 0]",
    loses=3,
    says="the cache holds σ², not the root",
)
slip(
    "gamma of the cache has axes",
    "(x_hat, gamma,",
    "(x_hat, gamma[:, None, None],",
    loses=3,
    says="gamma in the cache has axes of length 1",
)
slip("only y", "return y, (x_hat, gamma, root[0, :, 0, 0])", "return y", loses=4, says="type")
slip(
    "x changed", "x_hat = (x - mu) / root", "x -= mu\n    x_hat = x / root", loses=1, says="mutated"
)
slip(
    "the mean of the images' variances",
    "x.var(axis=(0, 2, 3), keepdims=True)",
    "x.var(axis=(2, 3), keepdims=True).mean(axis=0, keepdims=True)",
    loses=4,
    says="the variance is the mean of the images' variances",
)
slip(
    "axes of length 1 dropped",
    "return y,",
    "return y.squeeze(),",
    loses=2.5,
    says="axes of length 1 are dropped",
)


@known.wrong(
    "m = N: every pixel by itself", loses=4, says="every pixel has a mean of its own: m = N"
)
def spatial_batch_norm(x, gamma, beta, eps=1e-5):
    root = np.sqrt(x.var(axis=0, keepdims=True) + eps)
    x_hat = (x - x.mean(axis=0, keepdims=True)) / root
    y = gamma[:, None, None] * x_hat + beta[:, None, None]
    return y, (x_hat, gamma, root[0])


@known.wrong(
    "m = H·W: every image by itself", loses=4, says="every image has means of its own: m = H·W"
)
def spatial_batch_norm(x, gamma, beta, eps=1e-5):
    root = np.sqrt(x.var(axis=(2, 3), keepdims=True) + eps)
    x_hat = (x - x.mean(axis=(2, 3), keepdims=True)) / root
    y = gamma[:, None, None] * x_hat + beta[:, None, None]
    return y, (x_hat, gamma, root[:, :, 0, 0])


@known.wrong("one mean for all channels", loses=3.5, says="all channels share a mean")
def spatial_batch_norm(x, gamma, beta, eps=1e-5):
    root = np.sqrt(x.var() + eps)
    x_hat = (x - x.mean()) / root
    y = gamma[:, None, None] * x_hat + beta[:, None, None]
    return y, (x_hat, gamma, root + 0 * gamma)


@known.wrong(
    "reshape without transpose",
    loses=3.5,
    says="x.reshape(…, C) was used to move the channels to the end",
)
def spatial_batch_norm(x, gamma, beta, eps=1e-5):
    rows = x.reshape(-1, x.shape[1])
    root = np.sqrt(rows.var(axis=0) + eps)
    x_hat = (rows - rows.mean(axis=0)) / root
    y = x_hat * gamma + beta
    return y.reshape(x.shape), (x_hat.reshape(x.shape), gamma, root)


@known.wrong(
    "reshape on the way in, transpose on the way out",
    loses=3.5,
    says="x.reshape(…, C) was used to move the channels to the end",
)
def spatial_batch_norm(x, gamma, beta, eps=1e-5):
    N, C, H, W = x.shape
    rows = x.reshape(-1, C)
    root = np.sqrt(rows.var(axis=0) + eps)
    x_hat = (rows - rows.mean(axis=0)) / root
    y = x_hat * gamma + beta

    def back(a):
        return a.reshape(N, H, W, C).transpose(0, 3, 1, 2)

    return back(y), (back(x_hat), gamma, root)


@known.wrong(
    "transpose on the way in, reshape on the way out",
    loses=3.5,
    says="reshape alone was used to bring the channels back",
)
def spatial_batch_norm(x, gamma, beta, eps=1e-5):
    rows = x.transpose(0, 2, 3, 1).reshape(-1, x.shape[1])
    root = np.sqrt(rows.var(axis=0) + eps)
    x_hat = (rows - rows.mean(axis=0)) / root
    y = x_hat * gamma + beta
    return y.reshape(x.shape), (x_hat.reshape(x.shape), gamma, root)


@known.wrong(
    "channels to the front by reshape",
    loses=3.5,
    says="x.reshape(C, …) was used to bring the channels to the front",
)
def spatial_batch_norm(x, gamma, beta, eps=1e-5):
    rows = x.reshape(x.shape[1], -1)
    root = np.sqrt(rows.var(axis=1) + eps)
    x_hat = (rows - rows.mean(axis=1)[:, None]) / root[:, None]
    y = x_hat * gamma[:, None] + beta[:, None]
    return y.reshape(x.shape), (x_hat.reshape(x.shape), gamma, root)


@known.wrong("channels last", loses=4, says="the last axis is taken for that of the channels")
def spatial_batch_norm(x, gamma, beta, eps=1e-5):
    root = np.sqrt(x.var(axis=(0, 1, 2)) + eps)
    x_hat = (x - x.mean(axis=(0, 1, 2))) / root
    return gamma * x_hat + beta, (x_hat, gamma, root)


@known.wrong("x̂ is kept as rows", loses=3, says="x̂ in the cache has lost the shape of x")
def spatial_batch_norm(x, gamma, beta, eps=1e-5):
    N, C, H, W = x.shape
    rows = x.transpose(0, 2, 3, 1).reshape(-1, C)
    root = np.sqrt(rows.var(axis=0) + eps)
    x_hat = (rows - rows.mean(axis=0)) / root
    y = (x_hat * gamma + beta).reshape(N, H, W, C).transpose(0, 3, 1, 2)
    return y, (x_hat, gamma, root)


# --- task 5: spatial_backward --------------------------------------------------------------------


@known.right("pixels as rows")
def spatial_backward(dy, x_hat, gamma, root):
    N, C, H, W = dy.shape
    dy, hat = (np.moveaxis(a, 1, -1).reshape(-1, C) for a in (dy, x_hat))
    dgamma, dbeta = (dy * hat).sum(0), dy.sum(0)
    dx = gamma / root * (dy - dy.mean(0) - hat * np.mean(dy * hat, axis=0))
    return np.moveaxis(dx.reshape(N, H, W, C), -1, 1), dgamma, dbeta


@known.right("einsum")
def spatial_backward(dy, x_hat, gamma, root):
    m = dy.size // dy.shape[1]
    dgamma, dbeta = np.einsum("nchw,nchw->c", dy, x_hat), np.einsum("nchw->c", dy)
    away = np.einsum("c,nchw->nchw", dgamma / m, x_hat) + (dbeta / m).reshape(1, -1, 1, 1)
    return np.einsum("c,nchw->nchw", gamma / root, dy - away), dgamma, dbeta


@known.right("as the formula stands")
def spatial_backward(dy, x_hat, gamma, root):
    N, C, H, W = dy.shape
    m = N * H * W
    dgamma = np.sum(dy * x_hat, axis=(0, 2, 3), keepdims=True)
    dbeta = np.sum(dy, axis=(0, 2, 3), keepdims=True)
    scale = (gamma / root).reshape(1, C, 1, 1)
    dx = scale * (dy - dbeta / m - x_hat * dgamma / m)
    return dx, dgamma.reshape(C), dbeta.reshape(C)


slip = known.slips_of(spatial_backward)
slip(
    "another epsilon at the root",
    "scale = (gamma / root)",
    "scale = (gamma / (root + 1e-5))",
    loses=3.5,
    says="1e-5 is added to the root, which holds ε already",
)
slip(
    "gamma at dy, too",
    "(dy - dbeta / m",
    "(gamma[:, None, None] * dy - dbeta / m",
    loses=3.5,
    says="γ is a factor of dy twice in dx",
)
slip(
    "m = N·C",
    "m = N * H * W",
    "m = N * C",
    loses=3.5,
    says="m is N·C, not N·H·W",
)
slip("m = N", "m = N * H * W", "m = N", loses=3.5, says="m is N, not N·H·W")
slip("m = H·W", "m = N * H * W", "m = H * W", loses=3.5, says="m is H·W, not N·H·W")
slip("m = N·C·H·W", "m = N * H * W", "m = dy.size", loses=3, says="m is N·C·H·W, not N·H·W")
slip(
    "constants",
    " - dbeta / m - x_hat * dgamma / m",
    "",
    loses=3.5,
    says="mean and variance are taken for constants in dx",
)
slip(
    "without the mean",
    " - dbeta / m",
    "",
    loses=3.5,
    says="dx lacks what comes back through the mean",
)
slip(
    "without the variance",
    " - x_hat * dgamma / m",
    "",
    loses=3.5,
    says="dx lacks what comes back through the variance",
)
slip("gamma forgotten", "(gamma / root)", "(1 / root)", loses=3.5, says="γ is missing in dx")
slip(
    "axes left",
    "dgamma.reshape(C), dbeta.reshape(C)",
    "dgamma, dbeta",
    loses=3,
    says="dgamma has axes of length 1 left",
)
slip(
    "averages are returned",
    "dgamma.reshape(C), dbeta.reshape(C)",
    "dgamma.reshape(C) / m, dbeta.reshape(C) / m",
    loses=3,
    says="dgamma is averaged over the batch",
)
slip(
    "gamma along the width",
    ".reshape(1, C, 1, 1)",
    "",
    loses=3.5,
    says="gamma and root lie along the width, not along the channels",
)
slip(
    "the gradients change places",
    "dgamma.reshape(C), dbeta.reshape(C)",
    "dbeta.reshape(C), dgamma.reshape(C)",
    loses=3,
    says="the values are returned as (dx, dbeta, dgamma), not as (dx, dgamma, dbeta)",
)


@known.wrong(
    "summed over the images only",
    loses=4,
    says="the sums run over the images only, for every pixel",
)
def spatial_backward(dy, x_hat, gamma, root):
    m = len(dy)
    dgamma, dbeta = (dy * x_hat).sum(0), dy.sum(0)
    dx = (gamma / root)[:, None, None] * (dy - dbeta / m - x_hat * dgamma / m)
    return dx, dgamma, dbeta


@known.wrong("image by image", loses=3.5, says="the sums run over the pixels only, for every image")
def spatial_backward(dy, x_hat, gamma, root):
    m = dy.shape[2] * dy.shape[3]
    dgamma, dbeta = (dy * x_hat).sum((2, 3), keepdims=True), dy.sum((2, 3), keepdims=True)
    dx = (gamma / root)[:, None, None] * (dy - dbeta / m - x_hat * dgamma / m)
    return dx, dgamma.sum(0).ravel(), dbeta.sum(0).ravel()


@known.wrong(
    "reshape without transpose",
    loses=3.5,
    says="reshape(…, C) was used to move the channels to the end",
)
def spatial_backward(dy, x_hat, gamma, root):
    up, hat = dy.reshape(-1, dy.shape[1]), x_hat.reshape(-1, dy.shape[1])
    dgamma, dbeta = (up * hat).sum(0), up.sum(0)
    dx = gamma / root * (up - dbeta / len(up) - hat * dgamma / len(up))
    return dx.reshape(dy.shape), dgamma, dbeta


@known.wrong(
    "channels to the front by reshape",
    loses=3.5,
    says="reshape(C, …) was used to bring the channels to the front",
)
def spatial_backward(dy, x_hat, gamma, root):
    up, hat = dy.reshape(dy.shape[1], -1), x_hat.reshape(dy.shape[1], -1)
    dgamma, dbeta = (up * hat).sum(1), up.sum(1)
    taken = (dbeta[:, None] + hat * dgamma[:, None]) / up.shape[1]
    return ((gamma / root)[:, None] * (up - taken)).reshape(dy.shape), dgamma, dbeta


# --- task 6: fold --------------------------------------------------------------------------------


@known.right("output by output")
def fold(w, b, gamma, beta, mean, var, eps=1e-5):
    new_w, new_b = np.zeros_like(w), np.zeros_like(beta)
    for f in range(len(w)):
        s = gamma[f] / (var[f] + eps) ** 0.5
        new_w[f] = s * w[f]
        new_b[f] = beta[f] - s * mean[f]
        if b is not None:
            new_b[f] += s * b[f]
    return new_w, new_b


@known.right("transposed, a diagonal matrix")
def fold(w, b, gamma, beta, mean, var, eps=1e-5):
    s = np.diag(gamma / np.sqrt(var + eps))
    own = 0 if b is None else b
    return (s @ w.reshape(len(w), -1)).reshape(w.shape), s @ (own - mean) + beta


@known.right("as the formula stands")
def fold(w, b, gamma, beta, mean, var, eps=1e-5):
    s = gamma / np.sqrt(var + eps)
    if b is None:
        b = 0 * beta
    wide = s[:, None] if w.ndim == 2 else s[:, None, None, None]
    return w * wide, s * (b - mean) + beta


slip = known.slips_of(fold)
slip(
    "the weights are divided by s",
    "w * wide",
    "w / wide",
    loses=6,
    says="1/s stands in place of s",
)
slip(
    "epsilon as a lower bound",
    "var + eps",
    "np.maximum(var, eps)",
    loses=4,
    says="ε is a lower bound of the variance",
)
slip(
    "without the root",
    "np.sqrt(var + eps)",
    "(var + eps)",
    loses=6,
    says="s is γ/(var + ε), without the root",
)
slip(
    "without the root and epsilon",
    "np.sqrt(var + eps)",
    "var",
    loses=6,
    says="s is γ/var, without the root and without ε",
)
slip("epsilon forgotten", "var + eps", "var", loses=4, says="ε is forgotten")
slip(
    "epsilon outside the root",
    "np.sqrt(var + eps)",
    "(np.sqrt(var) + eps)",
    loses=4,
    says="ε stands outside the root",
)
slip("gamma forgotten", "s = gamma /", "s = 1 /", loses=6, says="γ is missing in s")
slip(
    "the bias is left out",
    "(b - mean)",
    "(-mean)",
    loses=5,
    says="the layer's own bias is left out",
)
slip(
    "the bias is not scaled",
    "s * (b - mean) + beta",
    "b - s * mean + beta",
    loses=5,
    says="the layer's own bias is not scaled",
)
slip("the mean is left out", "(b - mean)", "b", loses=6, says="the mean is left out")
slip("beta is left out", "s * (b - mean) + beta", "s * (b - mean)", loses=6, says="β is left out")
slip(
    "beta is scaled",
    "s * (b - mean) + beta",
    "s * (b - mean + beta)",
    loses=6,
    says="β is scaled, too",
)
slip("the old bias", "s * (b - mean) + beta", "b", loses=6, says="the bias stays as it was")
slip(
    "the wrong axis of a matrix",
    "s[:, None] if",
    "s if",
    loses=5,
    says="s lies along axis 1 of a matrix, not along axis 0",
)
slip(
    "the wrong axis of a kernel",
    "s[:, None, None, None]",
    "s[:, None, None]",
    loses=4,
    says="s lies along axis 1 of kernels, not along axis 0",
)
slip(
    "the last axis of everything",
    "s[:, None] if w.ndim == 2 else s[:, None, None, None]",
    "s",
    loses=6,
    says="s lies along axis 1 of a matrix and axis 3 of kernels, not along axis 0",
)
slip(
    "the input channels of everything",
    "s[:, None] if w.ndim == 2 else s[:, None, None, None]",
    "s if w.ndim == 2 else s[:, None, None]",
    loses=6,
    says="s lies along axis 1 of a matrix and axis 1 of kernels, not along axis 0",
)
slip(
    "matrices only",
    "s[:, None] if w.ndim == 2 else s[:, None, None, None]",
    "s[:, None]",
    loses=4,
    says="s lies along axis 2 of kernels, not along axis 0",
)
slip(
    "no-bias layers are not thought of",
    "    if b is None:\n        b = 0 * beta\n",
    "",
    loses=3,
    says="a layer without a bias is not thought of",
)
slip(
    "no bias stays no bias",
    "        b = 0 * beta",
    "        return w * gamma.reshape(-1, *[1] * (w.ndim - 1)) / np.sqrt(var + eps).reshape(-1, *[1] * (w.ndim - 1)), None",
    loses=3,
    says="type",
)
slip(
    "no bias: beta alone",
    "        b = 0 * beta",
    "        b = mean",
    loses=3,
    says="a layer without a bias gets the bias β",
)
slip(
    "the weights are not scaled",
    "return w * wide",
    "return w",
    loses=6,
    says="the weights are not scaled",
)
slip(
    "weights scaled in place", "return w * wide", "w *= wide\n    return w", loses=1, says="mutated"
)
slip(
    "gamma forgotten in the bias",
    "s * (b - mean)",
    "(b - mean) / np.sqrt(var + eps)",
    loses=6,
    says="in the bias, γ is missing in s",
)
slip(
    "epsilon forgotten in the bias",
    "s * (b - mean)",
    "gamma * (b - mean) / np.sqrt(var)",
    loses=4,
    says="in the bias, ε is forgotten",
)
slip(
    "float64 zeros in place of no bias",
    "b = 0 * beta",
    "b = np.zeros(len(w))",
    loses=1,
    says="dtype",
)
