"""What a graded function may not call is refused while it runs, however it got hold of it."""

import sys

import numpy as np
import pytest
import scipy.signal
import torch

import convnets.functional
import convnets.shapes
import convnets.train
from coursekit.sandbox import guard
from coursekit.sandbox.guard import Guard

LOADED = (scipy, torch, convnets.functional, convnets.shapes, convnets.train)
NUMPY = ("numpy",)
LAYERS = ("numpy", "convnets.layers", "convnets.optim", "convnets.train", "convnets.data")
X = np.arange(12.0).reshape(3, 4)


@pytest.fixture(autouse=True)
def home(monkeypatch, tmp_path):
    """Where students' files would lie; what one task allows is found out anew."""
    monkeypatch.setenv("HOME", str(tmp_path))
    guard._rules.cache_clear()
    yield tmp_path
    guard._rules.cache_clear()
    assert sys.getprofile() is None


def call(cell, *args, allow=NUMPY):
    """(what came of a guarded call of the cell's `f`, what was refused)."""
    namespace = {"__name__": "__main__", "np": np}
    exec(compile(cell, "<ipython-input-1-0123456789ab>", "exec"), namespace)
    guarded = Guard(allow)
    try:
        with guarded:
            got = namespace["f"](*(args or (X,)))
    except Exception as error:
        got = error
    return got, guarded.refused


# --- what is refused -----------------------------------------------------------------------------

REFUSED = {
    "a module by its name": (
        "import torch\ndef f(x): return torch.relu(torch.tensor(x))",
        "torch.tensor",
    ),
    "a method of a foreign object": (
        "import torch\nK = torch.ones(3)\ndef f(x): return K.numpy()",
        "torch.Tensor.numpy",
    ),
    "what NumPy asks a foreign object for": (
        "import torch\nK = torch.ones(3)\ndef f(x): return np.asarray(K)",
        "torch.Tensor.__array__",
    ),
    "eval": ("import torch\ndef f(x): return eval('torch').relu(x)", "torch.relu"),
    "exec": ("def f(x):\n    exec('import torch; torch.ones(3)')", "torch.ones"),
    "a text with a name of its own": (
        "def f(x): exec(compile('import torch; torch.ones(3)', 'numpy.py', 'exec'), {})",
        None,
    ),
    "__import__": ("def f(x): return __import__('torch').ones(3)", "torch.ones"),
    "importlib": (
        "import importlib\ndef f(x): return importlib.import_module('torch').ones(3)",
        "torch.ones",
    ),
    "sys.modules": ("import sys\ndef f(x): return sys.modules['torch'].ones(3)", "torch.ones"),
    "globals": ("import torch\ndef f(x): return globals()['to' + 'rch'].ones(3)", "torch.ones"),
    "getattr": (
        "import convnets.functional as F\ndef f(x): return getattr(F, 'conv2d')(x, x, x)",
        "convnets.functional.conv.conv2d",
    ),
    "a function of Python": (
        "from scipy.signal import correlate2d\ndef f(x): return correlate2d(x, x)",
        "scipy.signal.correlate2d",
    ),
    "a class": (
        "import torch\ndef f(x): return torch.nn.ReLU()",
        "torch.nn.modules.activation.ReLU",
    ),
    "a partial function": (
        "import functools, scipy.signal as s\n"
        "def f(x): return functools.partial(s.correlate2d, x)(x)",
        "scipy.signal.correlate2d",
    ),
    "map, for what is written in Python": (
        "import scipy.signal as s\ndef f(x): return list(map(s.correlate2d, [x], [x]))",
        "scipy.signal.correlate2d",
    ),
    "a default value": (
        "import torch\ndef f(x, relu=torch.relu): return relu(x)",
        "torch.relu",
    ),
    "a helper in another cell": (
        "import torch\ndef helper(x): return torch.relu(x)\ndef f(x): return helper(x)",
        "torch.relu",
    ),
    "a generator, a comprehension, a method": (
        "import torch\nclass A:\n    def m(self, x): return [torch.relu(y) for y in x]\n"
        "def f(x): return list(A().m(v) for v in [x])",
        "torch.relu",
    ),
    "NumPy calling back": (
        "import torch\ndef f(x): return np.apply_along_axis(lambda v: torch.relu(v), 0, x)",
        "torch.relu",
    ),
    "the watch is taken off": ("import sys\ndef f(x): sys.setprofile(None)", "sys.setprofile"),
    "the watch is taken off unseen": (
        "import sys\ndef f(x): return list(map(sys.setprofile, [None]))",
        "sys.setprofile",
    ),
    "another profiler": (
        "import profile\ndef f(x): return profile.Profile().runcall(np.sum, x)",
        "sys.setprofile",
    ),
}


@pytest.mark.parametrize(("cell", "what"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused(cell, what):
    _, refused = call(cell)
    assert refused.startswith(what) if what else refused == ""


@pytest.mark.parametrize("swallow", ["Exception", "BaseException", ""])
def test_swallowing_the_refusal_is_of_no_use(swallow):
    cell = (
        "import torch\ndef f(x):\n    try:\n        return torch.relu(x)\n"
        f"    except {swallow}:\n        return torch.ones(3).numpy()"
    )
    got, refused = call(cell.replace("except :", "except:"))
    assert refused == "torch.relu"
    assert np.array_equal(got, np.ones(3))  # which whoever asked does not get


def test_the_first_one_is_told():
    _, refused = call(
        "import torch\ndef f(x):\n    try: torch.relu(x)\n    except Exception: torch.ones(3)"
    )
    assert refused == "torch.relu"


# --- what is not ---------------------------------------------------------------------------------

FINE = {
    "NumPy": (
        "def f(x):\n    y = np.pad(x, 1)\n"
        "    v = np.lib.stride_tricks.sliding_window_view(y, (2, 2))\n"
        "    np.random.default_rng(0).random(3)\n    np.random.rand(2)\n    np.linalg.norm(y)\n"
        "    return np.einsum('ijkl->ij', v).sum(axis=0, keepdims=True).astype(np.float32).tolist()"
    ),
    "the standard library": (
        "import collections, dataclasses, functools, itertools, math, random, re\n"
        "P = collections.namedtuple('P', 'a b')\n"
        "@dataclasses.dataclass\nclass D:\n    a: int = 1\n"
        "    def __post_init__(self): self.b = 2\n"
        "@functools.lru_cache\ndef cached(n): return math.factorial(n)\n"
        "def f(x):\n    return P(1, 2).a, D().b, cached(5), random.random(), re.sub('a', 'b', 'a')"
        ", list(itertools.product('ab', 'c')), functools.reduce(max, [1, 2])"
    ),
    "importing": (
        "def f(x):\n    import torch, scipy.ndimage, sklearn.cluster\n"
        "    from scipy import stats\n    from sklearn import svm\n    from torch import nn\n"
        "    from convnets import functional\n    return 1"
    ),
    "subclasses of arrays, own exceptions, own generators": (
        "class A(np.ndarray): pass\nclass Bad(ValueError): pass\n"
        "def g(n):\n    yield from range(n)\n"
        "def f(x):\n    try: raise Bad('no')\n    except Bad: pass\n"
        "    return list(g(3)), x.view(A).sum()"
    ),
    "printing, warning, drawing, bars": (
        "import warnings, matplotlib.pyplot as plt\nfrom tqdm import tqdm\n"
        "def f(x):\n    print(x)\n    warnings.warn('careful')\n"
        "    plt.plot(x)\n    plt.close('all')\n"
        "    return list(tqdm(range(2), disable=True))"
    ),
    "a foreign object that is only there": (
        "import torch\nK = torch.tensor(2.0)\ndef f(x): return x * float(K), isinstance(K, int)"
    ),
}


@pytest.mark.filterwarnings("ignore:careful")
@pytest.mark.parametrize("cell", FINE.values(), ids=FINE)
def test_what_is_not_refused(cell):
    got, refused = call(cell)
    assert refused == ""
    assert not isinstance(got, Exception)


BUILD = """
from convnets import data, layers, optim
from convnets.train import fit
def f(x):
    rng = np.random.default_rng(0)
    model = layers.Sequential(
        layers.Conv2d(1, 2, 3, padding=1, rng=rng), layers.ReLU(), layers.MaxPool2d(2),
        layers.Flatten(), layers.Linear(32, 10, rng=rng),
    )
    optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    images = rng.standard_normal((20, 1, 8, 8)).astype(np.float32)
    train = data.Dataset(images, rng.integers(0, 10, 20), tuple('0123456789'))
    fit(model, optimizer, train, epochs=1, batch_size=10, rng=rng, progress=False)
    return model(images).argmax(axis=1)
"""


def test_what_an_allowed_module_uses_keeps_working():
    got, refused = call(BUILD, allow=LAYERS)
    assert (refused, got.shape) == ("", (20,))


def test_what_an_allowed_module_offers_from_elsewhere_may_be_called():
    assert convnets.train.fit_many.__module__ not in LAYERS
    cell = (
        "from convnets.train import fit_many\n"
        "def f(x): fit_many(x, x, x, seeds=[], epochs=1, batch_size=1)"
    )
    assert call(cell, allow=LAYERS)[1] == ""
    assert call(cell)[1] == "convnets.many.fit_many"
    cell = "from convnets.train import DivergenceError as E\ndef f(x): raise E('no', None)"
    got, refused = call(cell, allow=LAYERS)
    assert (refused, type(got)) == ("", convnets.train.DivergenceError)
    assert call(cell)[1] == "convnets.run.DivergenceError"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("layers.conv.F.conv2d(x, x, x)", "convnets.functional.conv.conv2d"),
        ("__import__('convnets.functional').functional.linear(x, x, x)", "convnets.functional."),
        ("__import__('sys').modules['convnets.shapes'].output_size(5, 3)", "convnets.shapes."),
    ],
)
def test_what_it_uses_is_refused_to_the_student(line, what):
    _, refused = call(f"from convnets import layers\ndef f(x): return {line}", allow=LAYERS)
    assert refused.startswith(what)


def test_a_file_that_a_student_has_written_is_the_students(home, monkeypatch):
    (home / "mine.py").write_text("import torch\ndef helper(x): return torch.relu(x)\n")
    monkeypatch.syspath_prepend(home)
    cell = "import mine\ndef f(x): return mine.helper(x)"
    assert call(cell)[1] == "torch.relu"
    assert call(cell, allow=("numpy", "mine"))[1] == ""


LATE = """
import torch
def f(n):
    for i in range(n):
        abs(i)
    return torch.ones(2).sum().item()
"""


def test_a_call_that_does_much_is_looked_at_for_a_while(monkeypatch):
    monkeypatch.setattr(guard, "MOST", 1000)
    assert call(LATE, 400)[1] == "torch.ones"
    assert call(LATE, 600) == (2.0, "")
    assert call(f"import sys{LATE}    sys.setprofile(None)", 600) == (2.0, "")


# --- one in the other ----------------------------------------------------------------------------

IN_A_ROOM = {"__name__": "coursekit.sandbox.inside", "torch": torch}


def within(guarded, student):
    """What stands in a room for a function of the test, which calls another of the student's."""
    names = IN_A_ROOM | {"guarded": guarded, "student": student}
    source = "def g():\n    torch.ones(3)\n    with guarded: return student()"
    exec(compile(source, guard.__file__, "exec"), names)
    return names["g"]


@pytest.mark.parametrize("allow", [None, ("torch",)])
def test_a_call_within_a_call_has_its_own_guard(allow, monkeypatch):
    names = {"__name__": "__main__", "torch": torch}
    exec(compile("def h(): return torch.ones(3)", "<ipython-input-2-0>", "exec"), names)
    inner = Guard(allow)
    got, refused = call("def f(g): return g()", within(inner, names["h"]))
    assert (inner.refused, refused) == ("", "")
    assert torch.equal(got, torch.ones(3))
    _, refused = call(
        "import torch\ndef f(g): return g(), torch.ones(3)", within(inner, names["h"])
    )
    assert refused == "torch.ones"
    strict = Guard(NUMPY)
    _, refused = call("def f(g): return g()", within(strict, names["h"]))
    assert (strict.refused, refused) == ("torch.ones", "")


def test_a_profiler_that_was_there_before_is_there_afterwards():
    mine = lambda *event: None  # noqa: E731
    sys.setprofile(mine)
    try:
        with Guard(NUMPY) as guarded:
            pass
        assert (sys.getprofile(), guarded.refused) == (mine, "")
        with Guard(None):
            assert sys.getprofile() is None
        assert sys.getprofile() is mine
    finally:
        sys.setprofile(None)
