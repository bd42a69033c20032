"""Convolutional networks with nothing hidden: every forward pass stands beside its backward pass.

The same source runs on NumPy arrays and on torch tensors, on a CPU or a GPU. Modules stand on
floors, and lower floors never import higher ones:

    1  arrays, shapes, random         which array library, how sizes follow, seeded numbers
    2  functional, init, optim, data  pure functions, initialisers, update rules, images
    3  layers                         parameters and mode over a functional pair
    4  models, train, inspect         architectures, the training loop, counts
    5  plots                          figures

Importing this package loads neither torch nor Matplotlib; the functions that need them do.
"""

__version__ = "0.1.0"
