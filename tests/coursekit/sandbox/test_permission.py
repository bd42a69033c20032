"""A task's terms cross the wall: calls are refused in the room, and told in the judge's words."""

import numpy as np
import pytest

from coursekit.checks.findings import NotAllowed
from coursekit.checks.foreign import Use, foreign
from coursekit.checks.source import own_line
from coursekit.sandbox import RoomDied, permission

NUMPY = ("numpy",)


@pytest.fixture
def made(warm):
    """A room; gives what its cells define, by name."""

    def define(*cells):
        for cell in cells:
            assert room.run_cell(cell).error == ""
        return room.look_up(["f", "g", "A", "seen"])

    with warm.room() as room:
        define.room = room
        yield define


def test_a_refused_call_is_told_in_the_judges_words(made):
    f = made("import torch\ndef f(x):\n    return torch.relu(torch.tensor(x))")["f"]
    assert f(np.ones(2)).sum() == 2  # nothing is asked
    f.__allow__(NUMPY)
    with pytest.raises(NotAllowed) as caught:
        f(np.ones(2))
    assert str(caught.value) == (
        "f calls torch.tensor; this task allows numpy and the standard library."
    )
    f.__allow__(("numpy", "scipy.signal"))
    with pytest.raises(NotAllowed, match=r"allows numpy, scipy\.signal and the standard library\."):
        f(np.ones(2))
    f.__allow__(())
    with pytest.raises(NotAllowed, match=r"this task allows the standard library\."):
        f(np.ones(2))
    f.__allow__(("torch",))
    assert f(np.ones(2)).sum() == 2


def test_a_call_fails_alone_and_what_it_did_comes_back(made, capsys):
    f = made(
        "import torch\ndef f(x, bad):\n    print('called')\n    x += 1\n"
        "    try:\n        return torch.ones(2) if bad else x.sum()\n"
        "    except Exception:\n        return 7"
    )["f"]
    f.__allow__(NUMPY)
    x = np.zeros(3)
    with pytest.raises(NotAllowed):
        f(x, True)
    assert x.tolist() == [1, 1, 1]
    assert f(x, False) == 6
    assert capsys.readouterr().out == "called\ncalled\n"


# --- which calls are guarded ---------------------------------------------------------------------

COUNTING = """
import torch
n = 0
def f(bad):
    global n
    n += 1
    return torch.ones(2).sum().item() if n - 1 in bad else n
"""


def refused(f, calls, bad):
    """Numbers of the calls that are refused, of so many."""
    f.__allow__(NUMPY)
    found = []
    for number in range(calls):
        try:
            f(bad)
        except NotAllowed:
            found.append(number)
    return found


def test_the_first_call_is_guarded_then_a_share_and_all_once_one_was_refused(made):
    every = permission.EVERY
    assert refused(made(COUNTING)["f"], 3 * every, []) == []
    assert refused(made(COUNTING)["f"], every, range(every)) == list(range(every))
    assert refused(made(COUNTING)["f"], every, range(1, every)) == []
    some = [every - 1, every, every + 1, every + 2]
    assert refused(made(COUNTING)["f"], 3 * every, some) == some[1:]


def test_two_calls_that_are_looked_at_together_are_guarded(made):
    f = made("import torch\ndef f(bad): return torch.ones(1).item() if bad else 2")["f"]
    f.__allow__(NUMPY)
    with pytest.raises(NotAllowed):
        f.__twice__((False,), (True,))


def test_what_is_made_by_a_guarded_class_is_not_guarded(made):
    A = made(
        "import torch\nclass A:\n    def __init__(self, bad): self.x = bad and torch.ones(1)\n"
        "    def relu(self): return torch.ones(1).item()"
    )["A"]
    A.__allow__(NUMPY)
    assert A(False).relu() == 1
    A.__allow__(NUMPY)
    with pytest.raises(NotAllowed):
        A(True)


def test_a_function_of_the_test_and_what_it_calls_in_the_room_have_terms_of_their_own(made):
    names = made("import torch\ndef f(g): return g(1)\ndef g(x): return torch.ones(x).sum().item()")
    f, g = names["f"], names["g"]
    f.__allow__(NUMPY)
    assert f(lambda x: g(x) + 1) == 2
    g.__allow__(NUMPY)
    with pytest.raises(Exception, match="g calls torch") as caught:
        f(lambda x: g(x))
    assert type(caught.value) is not NotAllowed  # it is g that was refused, and f that raises


def test_exceptions_and_their_lines_are_told_as_without_a_guard(made):
    f = made("def f(x):\n    y = x / 0\n    return y")["f"]
    f.__allow__(NUMPY)
    with pytest.raises(ZeroDivisionError) as caught:
        f(1)
    assert own_line(caught.value) == "line 2 of the cell that defines f: `y = x / 0`"
    assert "guard" not in caught.value.traceback_in_room


# --- forging -------------------------------------------------------------------------------------

FORGED = {
    "a class of that name": "class NotAllowed(Exception): pass",
    "the class itself": "from coursekit.checks.findings import NotAllowed",
}


@pytest.mark.parametrize("before", FORGED.values(), ids=FORGED)
def test_who_raises_one_gains_nothing(made, before):
    f = made(f"{before}\ndef f(): raise NotAllowed('f calls nothing')")["f"]
    f.__allow__(NUMPY)
    with pytest.raises(Exception, match="calls nothing") as caught:
        f()
    assert type(caught.value).__name__ == "NotAllowed"
    assert not isinstance(caught.value, NotAllowed)


def test_a_room_that_is_lost_says_so(made):
    f = made("import os\ndef f(): os._exit(1)")["f"]
    f.__allow__(NUMPY)
    with pytest.raises(RoomDied):
        f()


# --- reading -------------------------------------------------------------------------------------


def test_a_function_in_a_room_is_read_there(made):
    cell = "import torch.nn.functional as F\ndef f(x):\n    return F.relu(x)"
    f = made(cell)["f"]
    assert foreign(f, NUMPY) == [
        Use(
            "torch.nn.functional",
            "F.relu",
            "line 3 of the cell that defines f: `return F.relu(x)`",
        )
    ]
    assert foreign(f, ("torch",)) == []


def test_what_is_void_by_name_is_refused_nothing_and_fails_as_in_a_kernel(made):
    f = made("import torch\ndef f(x):\n    return torch.relu(torch.tensor(x)).numpy()")["f"]
    f.__allow__(NUMPY)
    with pytest.raises(NotAllowed):
        f(np.ones(2))
    assert foreign(f, NUMPY)
    assert f(np.ones(2)).tolist() == [1, 1]


def test_what_has_no_name_stays_guarded(made):
    f = made("def f(x):\n    return eval('__import__')('torch').ones(2).numpy()")["f"]
    f.__allow__(NUMPY)
    assert foreign(f, NUMPY) == []
    with pytest.raises(NotAllowed):
        f(np.ones(2))


A, B, C = (Use(f"m{i}", f"n{i}", f"line {i}") for i in range(3))
LOADED = Use("m", "n1", "line 1")  # the same place, and another module that it is from


@pytest.mark.parametrize(
    ("said", "read", "told"),
    [
        ([A, B], [], [A, B]),
        ([A, LOADED], [B], [A, LOADED]),
        ([], [A], [A]),
        ([C, A], [A, B], [A, B, C]),
    ],
    ids=["nothing is read", "the room has the last word", "it denies all", "it denies one"],
)
def test_what_was_read_is_told_even_where_the_room_denies_it(said, read, told):
    assert permission.uses([tuple(use) for use in said], read) == told
