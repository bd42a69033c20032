"""Initial weights × (1 + 10⁻⁶ noise), for `make perturb`: which claims outlast rounding?

A seed fixes what is drawn, not what comes out: another processor adds in another order, training
amplifies the difference, and a claim that rests on the luck of one machine falls on the next. Noise
a little above rounding shows it on this one.

Noise is switched on by the environment variable COURSE_PERTURB, "scale:seed" such as "1e-6:3", and
is off otherwise. It is a function of seed and weights alone: the same draw gets the same noise, so
that two networks made alike stay alike. It reaches

- every weight that `convnets.init.drawn` draws: all layers, all models, `convnets.init.apply`;
- every tensor that a function of `torch.nn.init` draws, and so the modules of `torch.nn`.

What a lecture draws by itself, `rng.standard_normal(...)`, it reaches through `perturbed(...)`.
Weights of zero stay zero, and so do values set by hand.
"""

from __future__ import annotations

import os
import sys
import zlib
from functools import wraps

import numpy as np

SWITCH = "COURSE_PERTURB"
COUNT = "COURSE_PERTURBED"  # how many draws the noise has reached in this process, for the report

TORCH = (
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "orthogonal_",
    "sparse_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
)


def perturbed(weights: np.ndarray) -> np.ndarray:
    """Freshly drawn weights, times (1 + scale · N(0, 1)) where COURSE_PERTURB asks for it.

    Args:
        weights: floating point, any shape; left as they are.
    Returns:
        `weights` themselves where the noise is off, else new ones of that shape and dtype.
    Raises:
        ValueError: COURSE_PERTURB is set and is not "scale:seed".

    >>> w = np.ones(2)
    >>> perturbed(w) is w
    True
    """
    if SWITCH not in os.environ:
        return weights
    scale, seed = _settings(os.environ[SWITCH])
    os.environ[COUNT] = str(int(os.environ.get(COUNT, "0")) + 1)
    exact = weights.astype(np.float64)
    rng = np.random.default_rng([seed, zlib.crc32(exact.tobytes())])
    return (exact * (1 + scale * rng.standard_normal(exact.shape))).astype(weights.dtype)


def reach_torch() -> None:
    """Let the noise reach what `torch.nn.init` draws; a second call changes nothing.

    Some modules of torch took the functions over by name, so they are exchanged there too. Without
    torch there is nothing to reach.
    """
    try:
        import torch
    except ModuleNotFoundError:
        return

    for name in TORCH:
        original = getattr(torch.nn.init, name)
        if hasattr(original, "__wrapped__"):
            continue
        noisy = _noisy(original)
        for module in [m for key, m in sys.modules.items() if key.startswith("torch.nn")]:
            if vars(module).get(name) is original:
                setattr(module, name, noisy)


def _noisy(draw):
    """A function of `torch.nn.init` with noise on the tensor that it fills and returns."""
    import torch

    @wraps(draw)
    def noisy(*args, **kwargs):
        tensor = draw(*args, **kwargs)
        if tensor.is_meta or not tensor.numel():
            return tensor
        with torch.no_grad():
            values = perturbed(tensor.detach().cpu().double().numpy())
            return tensor.copy_(torch.from_numpy(values))

    return noisy


def _settings(text: str) -> tuple[float, int]:
    scale, _, seed = text.partition(":")
    try:
        return float(scale), int(seed)
    except ValueError:
        raise ValueError(
            f'{SWITCH} must be "scale:seed", such as "1e-6:3", but is {text!r}; '
            "unset it to draw weights without noise."
        ) from None
