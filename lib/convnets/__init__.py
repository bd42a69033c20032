"""Convolutional networks with nothing hidden: every forward pass stands beside its backward pass.

The same source runs on NumPy arrays and on torch tensors, on a CPU or a GPU. Modules stand on
floors, and lower floors never import higher ones:

    1  arrays, shapes, random         which array library, how sizes follow, seeded numbers
    2  functional, init, optim, data  pure functions, initialisers, update rules, images
    3  layers                         parameters and mode over a functional pair
    4  models, train, inspect         architectures, the training loop, counts
    5  plots                          figures

Importing this package loads neither torch nor Matplotlib; the functions that need them do. Modules
are loaded when they are first named: `import convnets` and then `convnets.layers` is enough.
"""

import os
from importlib import import_module

__version__ = "0.1.0"


def __getattr__(name: str):
    """The module of this name, loaded when it is first asked for."""
    full = f"{__name__}.{name}"
    try:
        if not name.startswith("_"):
            return import_module(full)
    except ModuleNotFoundError as error:
        if error.name != full:
            raise
    raise AttributeError(
        f"module {__name__!r} has no attribute {name!r}; its modules are {', '.join(_modules())}."
    )


def __dir__() -> list[str]:
    return sorted({*globals(), *_modules()})


def _modules() -> list[str]:
    from pkgutil import iter_modules

    return [module.name for module in iter_modules(__path__)]


if "COURSE_PERTURB" in os.environ:  # only in a process of `make perturb`
    import_module("convnets.perturb").reach_torch()
