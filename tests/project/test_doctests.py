"""The examples in docstrings do what they show."""

import doctest
import importlib
import pkgutil

import matplotlib.pyplot as plt
import pytest

import convnets
import coursekit

MODULES = sorted(
    module.name
    for package in (convnets, coursekit)
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
)


def examples_in(name):
    """The docstrings of a module that hold examples."""
    return [t for t in doctest.DocTestFinder().find(importlib.import_module(name)) if t.examples]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plt.switch_backend("agg")
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    for example in examples_in(name):
        runner.run(example)
    plt.close("all")
    assert runner.failures == 0


def test_the_library_is_shown_by_examples():
    assert sum(len(examples_in(name)) for name in MODULES) > 60
