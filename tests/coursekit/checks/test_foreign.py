"""What a graded function uses that its task does not allow, read from objects and from text.

Every notebook here is read both ways. On honest code the two agree: a student's own kernel, which
reads objects, and the judge, which also reads text, then say the same.
"""

import linecache

import numpy as np
import pytest
import torch

from coursekit.checks.allowed import Allowed, public
from coursekit.checks.source import Use, foreign, foreign_in_text

SET_UP = "import numpy as np\nfrom convnets import layers, optim\nfrom convnets.train import fit"
LAYERS = ("numpy", "convnets.layers", "convnets.optim", "convnets.train")


class Notebook:
    """Cells that have run in one namespace, after those of the course."""

    def __init__(self, *cells):
        self.cells, self.course, self.namespace = cells, {}, {"__name__": "__main__"}
        for number, cell in enumerate((SET_UP, *cells)):
            name = f"<cell test-foreign-{number}>"
            linecache.cache[name] = (len(cell), None, cell.splitlines(keepends=True), name)
            exec(compile(cell, name, "exec"), self.namespace)
            self.course = self.course or dict(self.namespace)

    def objects(self, name="f", allow=("numpy",)):
        return foreign(self.namespace[name], allow)

    def text(self, name="f", allow=("numpy",)):
        return foreign_in_text(name, self.cells, self.course, allow)


@pytest.fixture(autouse=True)
def forgotten_lines():
    yield
    for name in [name for name in linecache.cache if name.startswith("<cell test-foreign")]:
        del linecache.cache[name]


# --- what is no use ------------------------------------------------------------------------------

F = "def f(x):\n    return np.pad(x, 1).sum()"
HONEST = {
    "NumPy in all its parts": [
        "def f(x):\n    v = np.lib.stride_tricks.sliding_window_view(x, 2)\n"
        "    return np.einsum('i,i', v, np.linalg.norm(v), np.random.default_rng(0).random(3))"
    ],
    "the standard library": [
        "import itertools, math\nfrom collections import Counter\n"
        "def f(x):\n    import functools\n    return Counter(map(math.sin, x)), functools.partial"
    ],
    "drawings, bars and displays": [
        "import matplotlib.pyplot as plt\nfrom tqdm.auto import tqdm\n"
        "def f(x):\n    from IPython.display import display\n"
        "    plt.plot(x)\n    display(list(tqdm(x)))"
    ],
    "an own cell that names what the function has as attributes": [
        "def f(x):\n    y = np.pad(x, 1)\n    return y.shape, y.data, y.T, y.sum(), y.dtype",
        "import torch\nimport torch.nn.functional as F\n"
        "for shape in [(2, 3)]:\n    data = torch.randn(shape)\n"
        "pad, T, sum = F.pad, torch.t, torch",
    ],
    "an own cell that names what the function has as local variables": [
        "def f(x):\n    torch = x.sum()\n    F = [y for y in x]\n    return torch, F",
        "import torch\nimport torch.nn.functional as F, torch as y",
    ],
    "parameters": ["import torch", "def f(torch, F=3):\n    return torch.conv2d, F"],
    "annotations": [
        "import torch",
        "def f(x: torch.Tensor) -> torch.Tensor:\n    y: torch.Tensor = x\n"
        "    def g(z: torch.Tensor, k: torch.dtype = None) -> torch.Tensor:\n        return z\n"
        "    class A:\n        size: torch.Size\n        kind: torch.dtype = 1\n    return g(y)",
    ],
    "default values": [
        "import torch",
        "def f(x, dtype=torch.float32):\n"
        "    def g(y, op=torch.relu, *, k=torch.relu): return y\n"
        "    return g(x), (lambda y=torch.zeros(1): y)()",
    ],
    "a number that torch has made": [
        "import torch\nK = torch.tensor(3)\nEPS = torch.finfo(torch.float32).eps",
        "def f(x):\n    return x * K + EPS",
    ],
    "a constant of another package": [
        "from scipy.constants import pi\nfrom torch import inf",
        "def f(x): return pi * x + inf",
    ],
    "a comparison with torch after the function": [
        F,
        "import torch\nx = torch.ones(3)\n"
        "assert f(np.ones(3)) == torch.nn.functional.pad(x, (1, 1)).sum()",
        "def check(x): return torch.tensor(f(x))",
    ],
    "a helper that was first tried with torch": [
        "import torch\ndef helper(x): return torch.relu(torch.tensor(x))",
        "def helper(x): return np.maximum(x, 0)",
        "def f(x): return helper(x)",
    ],
    "a name that meant torch first": [
        "import torch as xp",
        "import numpy as xp\ndef f(x): return xp.sum(x)",
    ],
    "a name that an assignment, a loop or a with block takes over": [
        "from torch import relu as a, relu as b, relu as c",
        "a = 3\nfor b in range(2): pass\nimport io\nwith io.StringIO() as c: pass",
        "def f(x): return x + a(b)(c.x)",
    ],
    "torch where NumPy is missing": [
        "try:\n    import numpy as xp\nexcept ImportError:\n    import torch as xp",
        "def f(x): return xp.sum(x)",
    ],
    "a branch that was not taken": [
        "import torch\ndef helper(x): return x",
        "if torch.cuda.is_available() and False:\n    helper = torch.relu",
        "def f(x): return helper(x)",
    ],
    "a decorator of another package": [
        "import torch\n@torch.no_grad()\ndef f(x): return np.sum(x)",
    ],
    "a decorator that measures with torch when it decorates": [
        "import torch\ndef seeded(g):\n    torch.manual_seed(0)\n    return g",
        "@seeded\ndef f(x): return np.sum(x)",
    ],
    "a builtin under a name of torch": ["def f(x): return sum(map(abs, x)), max(x), range(3)"],
    "a name that is nowhere": ["def f(x): return torch_is_not_there.conv2d(x)"],
    "a cell that is no Python": ["def f(x): return x\nimport torch"],
    "an object whose class has another method with torch": [
        "import torch\nclass Box:\n    def right(self, x): return x\n"
        "    def compared(self, x): return torch.tensor(x)\nbox = Box()",
        "def f(x): return box.right(x)",
    ],
}


@pytest.mark.parametrize("cells", HONEST.values(), ids=HONEST)
def test_what_is_no_use(cells):
    notebook = Notebook(*cells)
    assert notebook.objects() == []
    assert notebook.text() == []


def test_a_cell_with_a_syntax_error_defines_nothing():
    assert (
        foreign_in_text("f", ["import torch\ndef f(x): return torch.relu(x)\nbroken(:"], {}, ())
        == []
    )


def test_cells_that_did_not_run_are_not_read():
    assert foreign_in_text("f", ["def f(x): return g(x)"], {}, ("numpy",)) == []


# --- what is one ---------------------------------------------------------------------------------

CONV = "torch.nn.functional.conv2d"
USES = {
    "a module": (
        ["import torch\ndef f(x):\n    y = x\n    return torch.relu(y)"],
        Use("torch", "torch.relu", "line 4 of the cell that defines f: `return torch.relu(y)`"),
    ),
    "a module within": (
        ["import torch", "def f(x): return torch.nn.functional.relu(x)"],
        Use("torch.nn.functional", "torch.nn.functional.relu", "f: `def f(x): return torch.nn"),
    ),
    "a module under another name": (
        ["import torch.nn.functional as F", "def f(x):\n    return F.conv2d(x, x)"],
        Use("torch.nn.functional", "F.conv2d", "line 2 of the cell that defines f: `return F."),
    ),
    "a function": (
        ["from torch.nn.functional import relu as r", "def f(x): return r(x)"],
        Use("torch.nn.functional", "r", "line 1 of the cell that defines f"),
    ),
    "a function written in C": (
        ["from torch.nn.functional import conv2d", "def f(x): return conv2d(x)"],
        Use("torch", "conv2d", "line 1 of the cell that defines f"),
    ),
    "a function that keeps its home private": (
        ["from scipy.signal import correlate2d", "def f(x): return correlate2d(x, x)"],
        Use("scipy.signal", "correlate2d", "line 1 of the cell that defines f"),
    ),
    "another name for a function": (
        [f"import torch\nconv = {CONV}", "def f(x): return conv(x)"],
        Use("torch", "conv", "line 1 of the cell that defines f"),
    ),
    "an import within": (
        ["def f(x):\n    import torch\n    return x"],
        Use("torch", "torch", "line 2 of the cell that defines f: `import torch`"),
    ),
    "a function imported within": (
        ["def f(x):\n    from scipy.signal import correlate2d\n    return correlate2d(x, x)"],
        Use("scipy.signal", "scipy.signal.correlate2d", "line 2 of the cell that defines f: `fr"),
    ),
    "a module imported within under another name": (
        ["def f(x):\n    import torch.nn.functional as F\n    return F.relu(x)"],
        Use("torch.nn.functional", "torch.nn.functional", "line 2 of the cell that defines f: `i"),
    ),
    "a nested function": (
        ["import torch\ndef f(x):\n    def g(y):\n        return torch.relu(y)\n    return g(x)"],
        Use("torch", "torch.relu", "line 4 of the cell that defines f: `return torch.relu(y)`"),
    ),
    "a lambda": (
        ["import torch\nf = lambda x: torch.relu(x)"],
        Use("torch", "torch.relu", "line 2 of the cell that defines <lambda>"),
    ),
    "a comprehension": (
        ["import torch\ndef f(x): return [torch.relu(y) for y in x]"],
        Use("torch", "torch.relu", "line 2 of the cell that defines f"),
    ),
    "a method": (
        ["import torch\nclass f:\n    def m(self, x):\n        return torch.relu(x)"],
        Use("torch", "torch.relu", "line 4 of the cell that defines f: `return torch.relu(x)`"),
    ),
    "a static method": (
        ["import torch\nclass f:\n    @staticmethod\n    def m(x): return torch.relu(x)"],
        Use("torch", "torch.relu", "line 4 of the cell that defines f"),
    ),
    "a base": (
        ["from torch import nn\nclass f(nn.Module):\n    def forward(self, x): return x"],
        Use("torch.nn.modules.module", "Module", "the class f"),
    ),
    "a class within": (
        ["import torch\ndef f(x):\n    class A(torch.nn.Module): pass\n    return A"],
        Use("torch.nn", "torch.nn.Module", "line 3 of the cell that defines f"),
    ),
    "a helper": (
        ["import torch", "def helper(x):\n    return torch.relu(x)", "def f(x): return helper(x)"],
        Use("torch", "torch.relu", "line 2 of the cell that defines helper: `return torch.re"),
    ),
    "a helper's helper, and a loop of calls": (
        [
            "import torch\ndef a(x): return b(x)\ndef b(x): return a(x), torch.relu(x)",
            "def f(x): return a(x)",
        ],
        Use("torch", "torch.relu", "line 3 of the cell that defines b"),
    ),
    "another name for a helper": (
        ["import torch\ndef helper(x): return torch.relu(x)\ng = helper", "def f(x): return g(x)"],
        Use("torch", "torch.relu", "line 2 of the cell that defines helper"),
    ),
    "a class of the notebook": (
        [
            "import torch\nclass A:\n    def __init__(self, x): self.x = torch.tensor(x)",
            "def f(x): return A(x)",
        ],
        Use("torch", "torch.tensor", "line 3 of the cell that defines A"),
    ),
    "a base of a class of the notebook": (
        [
            "import torch\nclass A:\n    def m(self, x): return torch.relu(x)\nclass B(A): pass",
            "def f(x): return B().m(x)",
        ],
        Use("torch", "torch.relu", "line 3 of the cell that defines A"),
    ),
    "a branch": (
        ["if True:\n    import torch as t\n    f = t.relu\n    def g(x): return t.relu(x)"],
        Use("torch", "relu", "the answer itself"),
    ),
    "the function itself": (
        [f"import torch\nf = {CONV}"],
        Use("torch", "conv2d", "the answer itself"),
    ),
    "the function itself, imported": (
        ["from convnets.functional import conv2d as f"],
        Use("convnets.functional.conv", "conv2d", "the answer itself"),
    ),
}


@pytest.mark.parametrize(("cells", "use"), USES.values(), ids=USES)
def test_what_is_a_use(cells, use):
    notebook = Notebook(*cells)
    found = notebook.objects()
    assert found[:1] == [Use(use.module, use.name, found[0].line if found else "")]
    assert use.line in found[0].line
    assert notebook.text() == found


@pytest.mark.parametrize("name", USES)
def test_what_is_allowed_is_no_use(name):
    cells, _ = USES[name]
    allow = ("torch", "scipy", "convnets")
    notebook = Notebook(*cells)
    assert notebook.objects(allow=allow) == notebook.text(allow=allow) == []


ONLY_OBJECTS = {
    "a decorated function": (
        "import functools, torch\n@functools.lru_cache\ndef f(x): return torch.relu(x)"
    ),
    "a decorator of the notebook": (
        "import torch\ndef twice(g):\n    def inner(x): return g(g(x))\n    return inner\n"
        "@twice\ndef f(x): return torch.relu(x)"
    ),
    "a function of the library in a closure": (
        "import torch\ndef make(op):\n    def inner(x): return op(x)\n    return inner\n"
        "f = make(torch.relu)"
    ),
    "a partial function": "import functools, torch\nf = functools.partial(torch.relu)",
    "a partial helper": (
        "import functools, torch\nrelu = functools.partial(torch.nn.functional.relu)\n"
        "def f(x): return relu(x)"
    ),
    "np.vectorize": "import torch\n@np.vectorize\ndef f(x): return torch.relu(x)",
    "an object that is called": (
        "import torch\nconv = torch.nn.Conv2d(1, 1, 1)\ndef f(x): return conv(x)"
    ),
    "an object of the notebook that is called": (
        "import torch\nclass A:\n    def __call__(self, x): return torch.relu(x)\na = A()\n"
        "def f(x): return a(x)"
    ),
    "a method of an object": (
        "import torch\nclass A:\n    def m(self, x): return torch.relu(x)\na = A()\n"
        "def f(x): return a.m(x)"
    ),
    "two names at once": "import torch\na, b = torch.relu, 1\ndef f(x): return a(x)",
    "all names of a module": (
        "from torch.nn.functional import *\ndef f(x): return max_pool2d(x, 2)"
    ),
    "a wrapper of another package around a function of the notebook": (
        "import torch\n@torch.no_grad()\ndef f(x): return torch.relu(x)"
    ),
}


@pytest.mark.parametrize("cell", ONLY_OBJECTS.values(), ids=ONLY_OBJECTS)
def test_what_only_the_objects_tell(cell):
    notebook = Notebook(cell)
    assert [use.module.partition(".")[0] for use in notebook.objects()] == ["torch"]
    assert set(notebook.text()) <= set(notebook.objects())


# --- what a task allows --------------------------------------------------------------------------

BUILD = {
    "by the package": ("import convnets", "convnets.layers.Conv2d(1, 1, 1)"),
    "by the module": ("from convnets import layers", "layers.Sequential(layers.ReLU())"),
    "by name": ("from convnets.layers import Conv2d", "Conv2d(1, 1, 1)"),
    "the training loop": ("", "fit(layers, optim.SGD([], lr=1), np.ones(1))"),
    "what a module offers from elsewhere": ("from convnets.train import fit_many", "fit_many(x)"),
    "what it offers, by the module": ("from convnets import train", "train.fit_many(x)"),
}


@pytest.mark.parametrize(("before", "call"), BUILD.values(), ids=BUILD)
def test_a_module_within_a_package_can_be_allowed(before, call):
    within = f"def f(x):\n    {before or 'pass'}\n    return {call}"
    for cells in ([before, f"def f(x): return {call}"], [within]):
        notebook = Notebook(*cells)
        assert notebook.objects(allow=LAYERS) == notebook.text(allow=LAYERS) == []
        if before:
            assert notebook.objects() and notebook.objects() == notebook.text()


BEYOND = {
    "a neighbour by the package": ("import convnets.models", "convnets.models.LeNet5()"),
    "a neighbour": ("from convnets import functional", "functional.conv2d(x)"),
    "what an allowed module uses, by name": ("from convnets.layers import conv as c", "c.F.conv2d"),
    "what an allowed module uses": ("from convnets import layers", "layers.conv.F.conv2d"),
    "what an allowed module's function is made of": (
        "from convnets.layers.conv import Layer, F",
        "F.conv2d(x)",
    ),
}


@pytest.mark.parametrize(("before", "call"), BEYOND.values(), ids=BEYOND)
def test_what_lies_beside_or_behind_what_is_allowed_is_not(before, call):
    for cells in (
        [before, f"def f(x): return {call}"],
        [f"def f(x):\n    {before}\n    return {call}"],
    ):
        notebook = Notebook(*cells)
        (use, *_) = notebook.objects(allow=LAYERS)
        assert use.module in ("convnets.models", "convnets.functional")
        assert notebook.text(allow=LAYERS) == notebook.objects(allow=LAYERS)


def test_a_module_beside_the_notebook_is_not_allowed_unless_it_is_listed(tmp_path, monkeypatch):
    (tmp_path / "a99_known.py").write_text("def double(x): return 2 * x\n")
    monkeypatch.syspath_prepend(tmp_path)
    notebook = Notebook("import a99_known as known", "def f(x): return known.double(x)")
    assert notebook.objects() == notebook.text()
    assert notebook.objects()[0][:2] == ("a99_known", "known.double")
    assert notebook.objects(allow=("a99_known",)) == []


def test_all_of_numpy_is_numpys():
    numpy = Allowed(["numpy"])
    modules = [np, np.linalg, np.fft, np.random, np.polynomial, np.ma]
    elsewhere = {
        f"{module.__name__}.{name}": numpy.reached(module, (name,))
        for module in modules
        for name in module.__all__
    }
    assert len(elsewhere) > 600
    assert {name: home for name, home in elsewhere.items() if home} == {}


def test_all_that_a_course_module_offers_is_allowed_with_it():
    from convnets import data, layers, optim, train

    for module in (layers, data, optim, train):
        allowed = Allowed(["numpy", module.__name__])
        homes = {name: allowed.reached(module, (name,)) for name in module.__all__}
        assert {name: home for name, home in homes.items() if home} == {}
        assert {name: allowed.foreign_home(vars(module)[name]) for name in homes} == homes


def test_torchs_own_parts_are_torchs():
    assert Allowed(["torch"]).reached(torch, ("nn", "functional", "conv2d")) == ""
    assert Allowed(["torch.nn"]).reached(torch, ("nn", "functional", "conv2d")) == ""
    assert Allowed(["torch.nn"]).reached(torch, ("fft", "fft")) == "torch.fft"
    assert public("torch._C._nn") == "torch"


# --- what objects may do -------------------------------------------------------------------------


def test_objects_that_fail_when_they_are_looked_at_are_passed_over():
    notebook = Notebook(
        "import torch\nclass Meta(type):\n"
        "    def __getattribute__(cls, name): raise OSError(name)\n"
        "class Odd(metaclass=Meta):\n    pass\n"
        "class Liar:\n    def __getattr__(self, name): raise OSError(name)\n    __module__ = 3\n"
        "odd, liar = Odd(), Liar()\n"
        "def f(x): return Odd, odd, liar, torch.relu(x)"
    )
    assert [use.name for use in notebook.objects()] == ["torch.relu"]


def test_what_stands_for_a_function_elsewhere_is_asked():
    class Proxy:
        def __foreign__(self, allow):
            return [Use(*allow, "line")]

    assert foreign(Proxy(), ("a", "b")) == [Use("a", "b", "line")]


def test_a_line_is_told_in_printable_characters_and_not_too_long():
    cell = f"import torch\ndef f(x): return torch.relu(x), '\x1b[31m{'long' * 500}'"
    (use,) = Notebook(cell).objects()
    assert len(use.line) == 400 and use.line.isprintable()
