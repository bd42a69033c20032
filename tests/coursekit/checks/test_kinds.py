"""What a value is called, where a check says that it is no result."""

import sys

import numpy as np
import pytest
import torch

from coursekit.checks.kinds import described, remedy


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "None"),
        (np.ones(3), "a NumPy array"),
        (np.array(3.0), "a NumPy array"),
        (np.array(["a"]), "a NumPy array"),
        (np.ones((1, 2)).view(np.matrix), "a NumPy matrix"),
        (np.ma.masked_equal([1, 2], 1), "a masked NumPy array"),
        (np.array([{}, None]), "a NumPy array of an unusual dtype"),
        (np.ones(2, np.longdouble), "a NumPy array of an unusual dtype"),
        (torch.ones(2), "a torch tensor on cpu"),
        (torch.nn.Parameter(torch.ones(2)), "a torch tensor on cpu"),
        (torch.float32, "a dtype"),
        (torch.Size([2, 3]), "a tuple"),
        (torch.relu, "a built-in function"),
        (torch.nn.ReLU(), "a ReLU"),
        (3, "a single number (3)"),
        (-2.5, "a single number (-2.5)"),
        (np.float32(0.1), "a single number (0.1)"),
        (np.str_("ab"), "a string ('ab')"),
        (len, "a built-in function"),
        (np.ones(2).sum, "a built-in function"),
        (np.add, "a NumPy function"),
        (np.ones, "a function"),
        (described, "a function"),
        (int, "a class"),
        (sys, "a module"),
        (slice(1, 2), "a slice"),
        (enumerate([1]), "an enumerate object"),
        (iter("ab"), "an iterator"),
        (object(), "an object"),
    ],
    ids=lambda part: part if isinstance(part, str) else "",
)
def test_a_value_is_called_what_a_student_calls_it(value, words):
    assert described(value) == words


def test_what_is_long_is_cut():
    for value in ("x" * 10**6, 10**10_000, -(10**10_000), 10**39 + 1, type("T" * 500, (), {})()):
        assert len(described(value)) < 80


def test_an_object_that_answers_to_every_name_is_no_tensor():
    class Anything:
        def __getattr__(self, name):
            return self

    assert described(Anything()) == "an Anything"
    assert remedy(Anything()) == ""


def test_what_to_try_goes_with_the_kind():
    assert remedy(None) == "Is the `return` missing?"
    assert "`()`" in remedy(np.ones(2).copy) and "`()`" in remedy(np.exp)
    assert "`return`" in remedy(i for i in [1])
    assert "np.asarray" in remedy(np.ones((1, 1)).view(np.matrix))
    assert "`raise KeyError(...)`" in remedy(KeyError("a"))
    assert "differ in shape" in remedy(np.array([[1], [1, 2]], dtype=object))
    assert remedy(np.ones(2)) == remedy(1.5) == remedy([1]) == remedy(torch.ones(2)) == ""


def test_a_tensor_is_told_with_where_it_lives():
    assert described(torch.ones(2, device="meta")) == "a torch tensor on meta"


def test_nothing_is_imported_to_tell_what_a_value_is(monkeypatch):
    monkeypatch.delitem(sys.modules, "torch")
    assert described(np.ones(2)) == "a NumPy array"
    assert "torch" not in sys.modules
