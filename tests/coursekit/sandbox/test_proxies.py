"""What a test may do with an object of a student: what Python does with it in the student's kernel.

Every case runs twice: all in this process, and with the student's cell in a room.
"""

import inspect
import itertools

import numpy as np
import pytest
from crossing import across_the_wall, in_own_kernel, same

from coursekit.checks.kinds import described, remedy
from coursekit.sandbox import Limits, Proxy, RoomDied, RoomTimeout, WireError, attempts, room

BAG = """
class Bag:
    def __init__(self, *items): self.items = list(items)
    def __len__(self): return len(self.items)
    def __getitem__(self, place): return self.items[place]
    def __setitem__(self, place, item): self.items[place] = item
    def __contains__(self, item): return item in self.items
    def __iter__(self): return iter(self.items)
def count(start):
    while True:
        print('at', start)
        yield start
        start += 1
def squares(n):
    for i in range(n):
        yield i * i
class Empty:
    pass
class No:
    def __bool__(self): return False
class Old:
    def __getitem__(self, place):
        if place > 2: raise IndexError(place)
        return 10 * place
"""

CASES = {
    "length, items, slices": "b = Bag(1, 2, 3); result = len(b), b[0], b[-1], b[::2], b[1:]",
    "arrays as items": "b = Bag(np.ones(2), np.zeros((1, 2))); result = b[0] + b[1], list(b)",
    "membership": "b = Bag(1, 'x'); result = 1 in b, 'x' in b, 2 in b, 2 not in b",
    "iteration": "b = Bag(3, 1, 2); result = list(b), sorted(b), tuple(map(str, b))",
    "unpacking": "first, *rest = Bag(3, 1, 2); result = first, rest, [*Bag(4)], max(Bag(1, 7))",
    "item assignment": "b = Bag(1, 2); b[0] = np.arange(3); b[1] = [5]; result = b[0], b[1]",
    "iteration by index": "result = list(Old()), 20 in Old(), Old()[1]",
    "generators": "result = list(squares(4)), sum(squares(3)), next(squares(2))",
    "a generator without an end": "result = list(itertools.islice(count(3), 2)), next(count(1))",
    "a generator is used up once": "s = squares(3); result = next(s), list(s), list(s)",
    "two loops over one object": "b = Bag(1, 2); result = [(i, j) for i in b for j in b]",
    "truth": "result = bool(Bag()), bool(Bag(0)), bool(Empty()), bool(No()), not No(), bool(Bag)",
    "attributes": "b = Empty(); b.x = np.ones(2); b.x = b.x * 3; result = b.x, hasattr(b, 'y')",
    "methods of parts": "b = Bag(1); b.items.append(2); result = len(b)",
    "an attribute of data is a copy": "b = Bag(1); result = b.items == [1], type(b.items)",
}
ONLY_A_COPY = {"methods of parts"}


@pytest.mark.parametrize("name", [name for name in CASES if name not in ONLY_A_COPY])
def test_python_means_the_same_on_both_sides(warm, name):
    test = f"import itertools\n{CASES[name]}"
    want = in_own_kernel(BAG, test)
    with warm.room() as room:
        assert same(across_the_wall(room, BAG, test), want)


def test_a_container_that_is_an_attribute_arrives_as_a_copy(warm):
    with warm.room() as room:
        assert across_the_wall(room, BAG, CASES["methods of parts"]) == 1


@pytest.fixture
def bag(warm):
    with warm.room(limits=Limits(message=2**20)) as made:
        assert made.run_cell(BAG).error == ""
        yield made.look_up(["Bag", "Empty", "Old", "count", "squares"])


@pytest.mark.parametrize(
    ("wrong", "kind"),
    [
        (lambda bag: len(bag["Empty"]()), TypeError),
        (lambda bag: bag["Empty"]()[0], TypeError),
        (lambda bag: bag["Bag"](1)[5], IndexError),
        (lambda bag: iter(bag["Empty"]()), TypeError),
        (lambda bag: next(bag["Bag"]()), TypeError),
        (lambda bag: next(bag["squares"](0)), StopIteration),
        (lambda bag: 1 in bag["Empty"](), TypeError),
        (lambda bag: bag["Empty"]().missing, AttributeError),
        (lambda bag: bag["Empty"]()._private, AttributeError),
        (lambda bag: setattr(bag["Empty"](), "_private", 1), AttributeError),
        (lambda bag: bag["Bag"](1).__setitem__(7, 1), IndexError),
    ],
)
def test_errors_are_those_of_python(bag, wrong, kind):
    with pytest.raises(kind):
        wrong(bag)


def test_what_is_printed_on_the_way_comes_back(bag, capsys):
    next(bag["count"](5))
    assert capsys.readouterr().out == "at 5\n"


def test_an_iteration_without_an_end_is_stopped(bag, monkeypatch):
    monkeypatch.setattr(room, "MAX_STEPS", 1000)
    endless = bag["count"](0)
    with pytest.raises(RoomTimeout, match="more than 1000 items"):
        list(endless)
    with pytest.raises(RoomDied):
        next(endless)


def test_an_iteration_that_brings_too_much_is_stopped(bag, monkeypatch):
    monkeypatch.setattr(room, "MAX_STEPS_BYTES", 10**6)
    big = bag["Bag"](*[np.ones(10**4)] * 20)
    with pytest.raises(RoomTimeout, match="1000000 bytes"):
        list(big)


def test_a_length_that_python_would_make_space_for_is_bounded(warm):
    with warm.room() as made:
        made.run_cell("class Long:\n    def __len__(self): return 2**40")
        with pytest.raises(WireError, match="length"):
            len(made.look_up(["Long"])["Long"]())
        assert made.failure


# --- arguments and results -----------------------------------------------------------------------

VALUES = {
    "a generator has the same children": (
        "def f(rng): return [child.random() for child in rng.spawn(2)]",
        """
rng = np.random.default_rng(3)
result = f(rng), f(rng), rng.random(), [child.random() for child in rng.spawn(2)]
""",
    ),
    "what is drawn and changed while a generator runs": (
        """
def f(rng, x):
    for i in range(len(x)):
        x[i] = rng.random()
        yield i
""",
        """
rng, x = np.random.default_rng(3), np.zeros(3)
seen = [(i, x.copy()) for i in f(rng, x)]
between = rng.random()
again = f(rng, x)
result = seen, between, next(again), rng.random(), x.copy()
""",
    ),
    "the children themselves": (
        "def f(rng): return rng.spawn(2)",
        """
first, second = f(np.random.default_rng(3))
result = first.random(), second.spawn(1)[0].random(), f(second)[1].random()
""",
    ),
    "children of a generator of the student, spawned by the test": (
        """
def f(g):
    rng = np.random.default_rng(3)
    g(rng)
    return rng.spawn(1)[0].random()
""",
        "result = f(lambda rng: rng.spawn(2)), f(lambda rng: rng.random())",
    ),
    "how arrays lie in memory": (
        """
def f(x): return x.flags.c_contiguous, x.flags.f_contiguous, x.flags.writeable, np.sign(x.strides)
""",
        """
x = np.arange(24.0).reshape(2, 3, 4)
locked = x.copy(); locked.flags.writeable = False
views = x, x[::-1], x[..., ::2], x[:, :2], x[..., ::-2], x.T, np.asfortranarray(x), locked
result = [f(view) for view in (*views, x[:, ::-1].astype(np.float32, order='K'))]
""",
    ),
    "changes of what is not contiguous": (
        "def f(x):\n    x *= 2\n    x.reshape(-1)[0] = 7\n    return x.sum()",
        """
x = np.arange(24.0).reshape(2, 3, 4)
result = f(x[..., ::2]), f(x[::-1]), f(x.T), x
""",
    ),
    "what may not be changed": (
        """
def f(x):
    try:
        x += 1
    except ValueError as error:
        return str(error)
""",
        "x = np.ones(3); x.flags.writeable = False; result = f(x), f(np.broadcast_to(2.0, (3, 4)))",
    ),
    "how tensors lie in memory": (
        """
def f(x):
    try:
        return x.is_contiguous(), x.view(-1).sum()
    except RuntimeError:
        return x.is_contiguous()
""",
        """
x = torch.arange(24.0).reshape(2, 3, 4)
w = x.clone().requires_grad_()
views = x, x[..., ::2], x[:, :2], x.mT, x[:1].expand(2, 3, 4), (w * 2)[..., ::2].detach()
result = [f(view) for view in views]
""",
    ),
}


@pytest.mark.parametrize(("student", "test"), VALUES.values(), ids=VALUES)
def test_values_mean_the_same_on_both_sides(warm, student, test):
    want = in_own_kernel(student, test)
    with warm.room() as room:
        got = across_the_wall(room, student, test)
    assert same(got, want), (got, want)


# What a function gives back by mistake, what it is called, and the beginning of what to try.
GIVEN = {
    "return x.copy": ("a built-in function", "Are the `()` missing?"),
    "return x.reshape(-1).sum": ("a built-in function", "Are the `()` missing?"),
    "return np.sum": ("a NumPy function", "Are the `()` missing?"),
    "return np.exp": ("a NumPy function", "Are the `()` missing?"),
    "return lambda: x": ("a function", "Are the `()` missing?"),
    "return Net().forward": ("a method", "Are the `()` missing?"),
    "return functools.partial(f, x)": ("a function", "Are the `()` missing?"),
    "return Net": ("a class", "Are the `()` missing?"),
    "return Net()": ("a Net", ""),
    "return np.float32": ("a class", "Are the `()` missing?"),
    "yield x": ("a generator", "Give the result with `return`"),
    "return (row for row in x)": ("a generator", "Give the result with `return`"),
    "async def g(): return x\n    return g()": ("a coroutine", "Write `def`"),
    "async def g(): yield x\n    return g()": ("an asynchronous generator", "Give the result"),
    "return map(abs, x)": ("a map object", "`list(...)`"),
    "return zip(x, x)": ("a zip object", "`list(...)`"),
    "return iter([1])": ("an iterator", "`list(...)`"),
    "return {1: x}.values()": ("the values of a dict", "`list(...)`"),
    "return range(3)": ("a range", ""),
    "return": ("None", "Is the `return` missing?"),
    "return ...": ("an ellipsis (`...`)", "`...` stands"),
    "return NotImplemented": ("NotImplemented", "What is to be returned"),
    "return ValueError('x is empty')": ("a ValueError", "Raise it, `raise ValueError(...)`"),
    "return x": ("a NumPy array", ""),
    "return [x, x]": ("a list", ""),
    "return collections.namedtuple('Pair', 'a b')(1, 2)": ("a tuple", ""),
    "return collections.Counter('aab')": ("a dict", ""),
    "return {1.5}": ("a set", ""),
    "return 1.5": ("a single number (1.5)", ""),
    "return x[0]": ("a single number (1.0)", ""),
    "return np.float32(0.1)": ("a single number (0.1)", ""),
    "return 10**1000": ("a single number (about 2**", ""),
    "return bool(x[0])": ("a truth value (True)", ""),
    "return x[0] > 0": ("a truth value (True)", ""),
    "return 'text'": ("a string ('text')", ""),
    "return b'text'": ("bytes", ""),
    "return x.dtype": ("a dtype", ""),
    "return np": ("a module", ""),
    "return np.array([1, None])": ("a NumPy array of an unusual dtype", "NumPy makes such"),
    "return np.longdouble(1)": ("a longdouble", ""),
    "return np.timedelta64(1)": ("a timedelta64", ""),
    "return scipy.sparse.csr_matrix(np.eye(2))": ("a SciPy sparse matrix", "`.toarray()`"),
    "class Series: pass\n    return Series()": ("a pandas Series", "`.to_numpy()`"),
    "return torch.ones(2)": ("a torch tensor on cpu", ""),
    "return torch.ones(2, requires_grad=True) * 2": ("a torch tensor on cpu", ""),
    "return torch.eye(2).to_sparse()": ("a torch tensor of an unusual kind", ""),
    "return torch.ones(2, device='meta')": ("a torch tensor on meta", ""),
    "return type('<b>', (), {})()": ("an object", ""),
}


@pytest.mark.parametrize("body", GIVEN)
def test_what_a_function_gives_is_called_the_same_on_both_sides(warm, body):
    words, advice = GIVEN[body]
    imports = "import collections, functools, scipy.sparse\n"
    student = f"{imports}class Net:\n    def forward(self): pass\ndef f(x):\n    {body}\n"
    test = "result = [f(np.ones(3))]"
    with warm.room() as room:
        for given in (in_own_kernel(student, test), across_the_wall(room, student, test)):
            assert described(given[0]).startswith(words)
            assert described(given[0]) == words or words.endswith("2**")
            assert remedy(given[0]).startswith(advice) and bool(remedy(given[0])) == bool(advice)
            if inspect.iscoroutine(given[0]):
                given[0].close()  # else Python warns that it was never awaited


def test_a_name_that_a_room_gives_is_bounded_and_harmless(bag):
    class Lying(Proxy):
        def __init__(self, kind):
            self._kind = kind

    assert described(Lying("x" * 80)).removeprefix("a ").startswith("xxx")
    assert len(described(Lying("x" * 80))) < 60
    for kind in ("<b>", "", "a b", "x\n", "`"):
        assert described(Lying(kind)) == "an object"
        assert remedy(Lying(kind)) == ""


# --- functions of the test -----------------------------------------------------------------------

CALLBACKS = {
    "what a function changes in its arguments": (
        """
def f(g):
    x, items, table, rng, inner = np.ones(3), [1], {'a': 1}, np.random.default_rng(0), [np.zeros(2)]
    value = g(x, items, table, rng, inner)
    return value, x, items, table, rng.random(), inner
""",
        """
def g(x, items, table, rng, inner):
    x *= 2; items.append(2); table['b'] = x; rng.random(); inner[0][1] = 5
    return len(items)
result = f(g)
""",
    ),
    "a tensor, and one with a gradient": (
        """
import torch
def f(g):
    x, w = torch.ones(2), torch.ones(2, requires_grad=True)
    h = w * 1
    g(x, w, h)
    h.sum().backward()
    return x, w.detach(), h.detach(), w.grad
""",
        """
import torch
def g(x, w, h):
    x += 1
    with torch.no_grad():
        w *= 3
    h.mul_(x)
result = f(g)
""",
    ),
    "changes before an exception": (
        """
def f(g):
    items = []
    try:
        g(items)
    except ValueError as error:
        return items, str(error)
""",
        """
def g(items):
    items.append(1)
    raise ValueError('no')
result = f(g)
""",
    ),
    "an iterator that goes in": (
        "def f(steps): return [next(steps), *steps]",
        "result = f(iter([1, 2, 3])), f(i * i for i in range(3))",
    ),
    "a call in a call changes what was passed on": (
        "def f(g, x):\n    g(x)\n    x += 1\ndef h(x):\n    x *= 2",
        "x = np.ones(2)\nf(lambda y: h(y), x)\nresult = x",
    ),
}


@pytest.mark.parametrize(("student", "test"), CALLBACKS.values(), ids=CALLBACKS)
def test_functions_of_a_test_mean_the_same_on_both_sides(warm, student, test):
    want = in_own_kernel(student, test)
    with warm.room() as room:
        got = across_the_wall(room, student, test)
    assert same(got, want), (got, want)


def test_a_callback_that_leaves_what_cannot_cross_is_an_error_of_the_call(warm):
    with warm.room() as room:
        room.run_cell("def f(g):\n    items = [0]\n    g(items)\n    return items")
        f = room.look_up(["f"])["f"]
        with pytest.raises(TypeError, match="cannot cross"):
            f(lambda items: items.append(object()))
        assert f(lambda items: items.append(1)) == [0, 1]


def test_the_name_of_a_proxy_is_that_of_the_test(bag):
    assert repr(bag["Bag"]) == "<Bag: a type of the student>"
    assert isinstance(bag["Bag"](), Proxy)
    assert list(itertools.islice(bag["Bag"](4, 5), 1)) == [4]


KEEPS = """
kept = np.zeros(2)
def fill(x):
    kept[:] = x
    return kept
def fresh(x):
    return 2 * x
"""


@pytest.mark.parametrize("name", ["fill", "fresh"])
def test_two_calls_are_looked_at_when_both_are_done(warm, name):
    test = f"result = twice({name}, (np.array([1.0, 2.0]),), (np.array([3.0, 4.0]),))"
    header = "from coursekit.checks.battery import twice\n"
    with warm.room() as room:
        here = in_own_kernel(KEEPS, header + test)
        there = across_the_wall(room, KEEPS, header + test)
    assert same(there, here)
    assert np.array_equal(there[0], there[1]) is (name == "fill")


SOME = """
def root(x):
    x *= 1
    if x.sum() < 0: raise ValueError(f"no root of {x.sum()}")
    return np.sqrt(x), x.shape
def changes(x):
    x += 1
    return x.sum()
def leaves(x):
    raise SystemExit
buffer = np.zeros(3)
def fills(x):
    buffer[:] = x
    return buffer
"""


@pytest.mark.parametrize("name", ["root", "changes", "leaves", "fills"])
def test_several_calls_in_one_message_are_what_they_are_one_by_one(warm, name):
    cases = [(np.full(3, value),) for value in (1.0, -2.0, 4.0)]
    with warm.room() as room:
        room.run_cell("import numpy as np\n" + SOME)
        function = room.look_up([name])[name]
        together = [(x.copy(),) for (x,) in cases]
        got = function.__each__(together)
        for (x,), (there,), (value, error) in zip(cases, together, got, strict=True):
            try:
                assert same(value, function(x)) and error is None
            except Exception as raised:
                assert (type(error), str(error)) == (type(raised), str(raised))
            assert same(there, x)


def test_what_is_left_when_a_room_ends_has_its_exception(warm):
    with warm.room() as room:
        room.run_cell("import os\ndef f(x):\n    return os._exit(1) if x == 2 else x")
        got = room.look_up(["f"])["f"].__each__([(1,), (2,), (3,)])
    assert [type(error) for _, error in got] == [RoomDied] * 3


def test_a_long_series_of_calls_goes_over_in_parts(warm, monkeypatch):
    with warm.room() as room:
        room.run_cell("import time\ndef slow(x):\n    time.sleep(0.9)\n    return x")
        asked = []
        call = room.call
        monkeypatch.setattr(room, "call", lambda *a: asked.append(len(a[3])) or call(*a))
        got = room.look_up(["slow"])["slow"].__each__([(n,) for n in range(4)])
    assert [value for value, _ in got] == [0, 1, 2, 3]
    assert asked == [4, 1]


@pytest.mark.parametrize("said", [3, [], [1], [("value", 1), ("value", 2)], [("error", 3)]])
def test_a_series_of_answers_that_makes_no_sense_is_the_end_of_a_room(said):
    with pytest.raises(WireError):
        attempts.read(said, 1)
