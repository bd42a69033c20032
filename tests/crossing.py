"""One test cell run twice: beside the student's code, as in a kernel, and across a room's wall."""

import ast

import numpy as np
import torch

HEADER = "import numpy as np, torch\nfrom torch import nn\nimport torch.nn.functional as F\n"
MODULES = {"np", "torch", "nn", "F"}


def in_own_kernel(student, test):
    """The `result` of a test cell that runs in one namespace with the student's cell."""
    namespace = {}
    exec(HEADER + student, namespace)
    exec(HEADER + test, namespace)
    return namespace["result"]


def across_the_wall(room, student, test):
    """The `result` of a test cell that runs here while the student's cell runs in a room."""
    assert room.run_cell(HEADER + student).error == ""
    names = {node.id for node in ast.walk(ast.parse(test)) if isinstance(node, ast.Name)}
    namespace = room.look_up(sorted(names - MODULES))
    exec(HEADER + test, namespace)
    assert room.failure is None
    return namespace["result"]


def same(got, want):
    """Equal in type, shape, dtype and every bit."""
    if isinstance(want, torch.Tensor):
        return (
            type(got) is type(want)
            and (got.shape, got.dtype) == (want.shape, want.dtype)
            and (got.is_meta or torch.equal(got, want))
        )
    if isinstance(want, np.ndarray):
        return got.dtype == want.dtype and np.array_equal(got, want)
    if isinstance(want, (list, tuple)):
        return type(got) is type(want) and len(got) == len(want) and all(map(same, got, want))
    if isinstance(want, dict):
        return list(got) == list(want) and all(same(got[key], want[key]) for key in want)
    return type(got) is type(want) and got == want
