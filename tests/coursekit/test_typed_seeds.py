"""Test cells draw their inputs from the task; a seed that is typed there is named."""

import pytest
import tiny_course

from coursekit import notebooks
from coursekit.typed_seeds import typed_seeds


def found(code):
    """What is said of a test cell with this code in a check."""
    notebook = tiny_course.source()
    cell = notebooks.find(notebook, "test_halve")
    lines = "".join(f"    {line}\n" for line in code.splitlines())
    cell.source = cell.source.replace("    task.equal(halve", lines + "    task.equal(halve")
    assert lines in cell.source
    return typed_seeds(notebook)


@pytest.mark.parametrize(
    "code",
    [
        "x = np.random.default_rng(5).normal(size=3)",
        "rng = default_rng(seed=5)",
        "rng = default_rng([1, 2])",
        "rng = np.random.RandomState(5)",
        "np.random.seed(2 * 21)",
        "random.seed('convolution')",
        "torch.manual_seed(-5)",
        "g = torch.Generator().manual_seed(5)",
        "rng = np.random.Generator(np.random.PCG64(5))",
        "SEED = 5\nrng = default_rng(SEED)",
        "first = 5\nsecond = first + 1\nrng = default_rng(second)",
        "for seed in range(3):\n    halve(default_rng(seed).normal())",
        "values = [default_rng(s).normal() for s in (1, 2)]",
    ],
)
def test_a_typed_seed_is_found(code):
    (fault,) = found(code)
    assert fault.startswith("test_halve: line ")
    assert "holds a typed seed; write `task.rng()`" in fault


@pytest.mark.parametrize("code", ["rng = default_rng()", "rng = np.random.RandomState(None)"])
def test_a_generator_without_a_seed_is_found(code):
    (fault,) = found(code)
    assert "draws other numbers each time; write `task.rng()`" in fault


@pytest.mark.parametrize(
    "code",
    [
        "x = task.rng().normal(size=(3, 5))",
        "rng = default_rng(int(task.rng().integers(2**31)))",
        "seed = int(task.rng().integers(2**31))\nhalve(seed)\nhalve(default_rng(seed).normal())",
        "halve(3)",
        "for seed in task.rng().integers(2**31, size=3):\n    halve(default_rng(seed).normal())",
        "task.seeded(lambda rng: [halve(rng.normal(size=9))])",
    ],
)
def test_a_drawn_seed_is_none(code):
    assert found(code) == []
