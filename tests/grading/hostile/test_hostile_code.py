"""Submissions whose code attacks the grader: each with the score it must get.

The assignment has two questions, of 2 and 3 points. An attack stands in a cell of its own before
the first, or in the answer to it. Unless it says otherwise the second is answered honestly and must
earn its points; the first earns some only where its answer is right.
"""

import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tiny_course import ROOT

from coursekit import notebooks
from coursekit.grading.judge import Judge

INSTALLED = (sys.prefix, sys.base_prefix, str(ROOT / "lib"))
WRONG = "def double(x):\n    return 0\n"
RIGHT = "def double(x):\n    return 2 * x\n"
BOTH, SECOND = (2.0, 3.0), (0.0, 3.0)


@dataclass(frozen=True)
class Attack:
    """A hostile submission.

    Attributes:
        name: what it tries.
        double: the answer to the first question.
        before: a cell that runs before it.
        points: what the two questions must earn.
        limits: changed for this one.
        incidents: whether a room is brought down; None where both may be.
        never: text that must not be in anything that the cells show.
    """

    name: str
    double: str = WRONG
    before: str = ""
    points: tuple[float, float] = SECOND
    limits: dict = field(default_factory=dict)
    incidents: bool | None = False
    never: str = "negative number"  # the name of a hidden check


def body(*lines):
    """An answer made of these lines."""
    return "def double(x):\n" + "".join(f"    {line}\n" for line in lines)


QUICK = {"cell_seconds": 1, "call_seconds": 1}

RESOURCES = [
    Attack("endless loop in a cell", RIGHT, "while True: pass", BOTH, QUICK, True),
    Attack("endless loop in a call", body("while True: pass"), limits=QUICK, incidents=True),
    Attack(
        "endless loop that catches what would stop it",
        body("while True:", "    try: pass", "    except BaseException: pass"),
        limits=QUICK,
        incidents=True,
    ),
    Attack("50 GB", body("return len(bytearray(50 * 2**30))")),
    Attack(
        "50 GB in small pieces",
        body("return len([bytearray(2**24) for _ in range(3000)])"),
        limits={"memory": 900 * 2**20},
    ),
    Attack(
        "fork bomb",
        RIGHT,
        "import os\ntry:\n    for _ in range(12): os.fork()\nexcept OSError: pass",
        BOTH,
        incidents=None,
    ),
    Attack(
        "threads that never end",
        RIGHT,
        "import threading\ndef spin():\n    while True: pass\n"
        "threading.Thread(target=spin, daemon=True).start()",
        BOTH,
    ),
    Attack("full disk", RIGHT, "while True: open('f', 'ab').write(bytes(2**22))", BOTH),
    Attack("endless recursion", body("return double(x)")),
    Attack("printing without end", RIGHT, "for _ in range(200): print('x' * 10**5)", BOTH),
    Attack("printing without end in a call", body("for _ in range(200): print('x' * 10**5)"), ""),
    Attack(
        "thousands of displays",
        RIGHT,
        "from IPython.display import display\nfor i in range(5000): display(i)",
        BOTH,
    ),
    Attack(
        "a picture of many megabytes",
        RIGHT,
        "from IPython.display import Image, display\n"
        "display(Image(data=b'\\x89PNG\\r\\n\\x1a\\n' + bytes(2**24), format='png'))",
        BOTH,
    ),
    Attack(
        "raising its own limits",
        RIGHT,
        "import resource as r\nr.setrlimit(r.RLIMIT_AS, (-1, -1))\nx = bytearray(9 * 2**30)",
        BOTH,
    ),
]

PROCESSES = [
    Attack("os._exit in a cell", RIGHT, "import os; os._exit(0)", BOTH, {}, True),
    Attack("os._exit in a call", body("import os; os._exit(0)"), incidents=True),
    Attack("sys.exit in a call", body("import sys; sys.exit(0)")),
    Attack("quit in a cell", RIGHT, "quit()", BOTH),
    Attack("killing the parent", RIGHT, "import os; os.kill(os.getppid(), 9)", BOTH, {}, False),
    Attack("killing every process", RIGHT, "import os; os.kill(-1, 9)", BOTH),
    Attack("stopping itself", RIGHT, "import os; os.kill(os.getpid(), 19)", BOTH),
    Attack("a crash in C", body("import ctypes; ctypes.string_at(0)"), incidents=True),
    Attack("closing all descriptors", RIGHT, "import os; os.closerange(0, 99)", BOTH, {}, True),
    Attack("nonsense on the wire", RIGHT, "import os; os.write(3, b'\\xff' * 99)", BOTH, {}, True),
    Attack(
        "a process that goes on alone",
        RIGHT,
        "import subprocess\nsubprocess.Popen(['sleep', '3600'], start_new_session=True)",
        BOTH,
    ),
    Attack("a screen", RIGHT, "%matplotlib qt", BOTH),
    Attack("a package that is not there", RIGHT, "import a_package_that_nobody_has", BOTH),
    Attack("input()", body("return input()")),
]

FORGERIES = [
    Attack("always equal", "class A:\n    __eq__ = lambda s, o: True\ndouble = lambda x: A()"),
    Attack(
        "an integer that is always equal",
        "class A(int):\n    __eq__ = lambda s, o: True\n    __ne__ = lambda s, o: False\n"
        "    __hash__ = int.__hash__\ndouble = lambda x: A(5)",
    ),
    Attack(
        "an array subclass that lies",
        "import numpy as np\nclass A(np.ndarray):\n    __eq__ = lambda s, o: np.True_\n"
        "    __sub__ = __rsub__ = lambda s, o: np.zeros(())\n"
        "double = lambda x: np.zeros(()).view(A)",
    ),
    Attack(
        "a tensor only by its methods",
        "class A:\n    device = 'cpu'\n    shape = ()\n    detach = cpu = lambda s: s\n"
        "    numpy = lambda s: s\n    __float__ = lambda s: 6.0\ndouble = lambda x: A()",
    ),
    Attack(
        "a value that changes between reads",
        "class A(float):\n    n = [0]\n    def __float__(s):\n        s.n[0] += 6\n"
        "        return s.n[0]\n    __index__ = __float__\ndouble = lambda x: A()",
    ),
    Attack(
        "patched checks",
        before="import coursekit, coursekit.checks.task as t, coursekit.checks.compare as c\n"
        "t.difference = c.difference = lambda *a, **k: None\n"
        "coursekit.Task.equal = lambda *a, **k: None\ncoursekit.Task.score = lambda s: 99.0",
    ),
    Attack(
        "patched NumPy",
        before="import numpy as np, numpy.testing\nyes = lambda *a, **k: True\n"
        "np.allclose = np.array_equal = np.testing.assert_allclose = yes",
    ),
    Attack(
        "patched builtins",
        before="import builtins\nbuiltins.isinstance = lambda *a: True",
        incidents=True,
    ),
    Attack(
        "a forged score",
        before="class Score(float): pass\ntask = score = Score(99)\ndisplay(task)\ntask",
    ),
    Attack(
        "names of the set-up and of the tests taken over",
        before="class Task:\n    def __init__(*a, **k): pass\n    def score(self): return 99.0",
    ),
    Attack(
        "transformers of cells",
        before="ip = get_ipython()\nip.input_transformers_post.append("
        "lambda lines: ['def double(x): return x\\n'])",
        double="def double(x): pass",
        points=(0.0, 0.0),  # they spoil its own second answer
    ),
    Attack(
        "an AST transformer",
        before="import ast\nclass T(ast.NodeTransformer):\n"
        "    def visit_With(self, node): return ast.Pass()\n"
        "get_ipython().ast_transformers.append(T())",
    ),
    Attack(
        "hooks that print what runs",
        before="ip = get_ipython()\n"
        "ip.events.register('pre_run_cell', lambda info: print(info.raw_cell))\n"
        "ip.events.register('post_run_cell', lambda r: print(In))",
        double=RIGHT,
        points=BOTH,
    ),
    Attack(
        "a display hook",
        before="import sys\nsys.displayhook = lambda v: print('2.0')\n"
        "get_ipython().showtraceback = lambda *a, **k: print('2.0')",
        double="raise ValueError",
    ),
    Attack("a broken shell", RIGHT, "get_ipython().run_cell = None", (0.0, 0.0)),
    Attack(
        "stack frames",
        body(
            "import sys",
            "frame = sys._getframe()",
            "while frame:",
            "    if 'want' in frame.f_locals: return frame.f_locals['want']",
            "    print([k for k in frame.f_globals if 'TEST' in k])",
            "    frame = frame.f_back",
        ),
    ),
    Attack(
        "objects of the checker",
        body(
            "import gc",
            "texts = [o for o in gc.get_objects() if type(o) is dict and 'hidden' in o]",
            "print(texts)",
            "return next((t['want'] for t in texts if 'want' in t), 0)",
        ),
    ),
    Attack(
        "exceptions of the checks",
        "from coursekit.checks import CheckFailed, Finding\n"
        + body("raise CheckFailed(Finding('values', 'fine'))"),
    ),
]

REPLIES = [
    Attack(
        "a reply that is too large",
        body("return bytes(2**22)"),
        "",
        SECOND,
        {"message": 2**21},
        True,
    ),
    Attack("a list that holds itself", body("a = []", "a.append(a)", "return a")),
    Attack(
        "a list that unfolds without end",
        body("a = [0] * 9", "for _ in range(20): a = [a] * 9", "return a"),
        limits=QUICK | {"memory": 900 * 2**20},
    ),
    Attack("a generator without end", body("return iter(int, 1)")),
    Attack("keys that collide", body("return {n * (2**61 - 1): 0 for n in range(3000)}")),
    Attack("a string of megabytes", body("return 'x' * 2**23")),
    Attack("a message of megabytes", body("raise ValueError('x' * 2**23)")),
    Attack(
        "an exception that hangs when it is read",
        "class E(Exception):\n    def __str__(self):\n        while True: pass\n" + body("raise E"),
        limits=QUICK,
        incidents=True,
    ),
    Attack(
        "a class named like a built-in",
        "class KeyboardInterrupt(BaseException): pass\n" + body("raise KeyboardInterrupt"),
    ),
    Attack(
        "warnings without end",
        body("import warnings", "for i in range(3000): warnings.warn(str(i))"),
    ),
    Attack("a module as the answer", "import math as double"),
    Attack("a number as the answer", "double = 6"),
    Attack("source that no parser takes", "(" * 5000 + "\n" + WRONG),
    Attack("characters that are none", "def double(x):\n    return '\ud800'"),
]

ATTACKS = [*RESOURCES, *PROCESSES, *FORGERIES, *REPLIES]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_an_attack_gets_what_it_deserves(sit, attack):
    judgement = sit(
        {"double": attack.double}, [attack.before] * bool(attack.before), **attack.limits
    )
    assert tuple(judgement.points.values()) == attack.points, (judgement.errors, judgement.tasks)
    if attack.incidents is not None:
        assert bool(judgement.incidents) == attack.incidents, judgement.incidents
    shown = [str(run.outputs) for run in judgement.runs.values()]
    assert attack.never not in "".join(shown)
    assert sum(map(len, shown)) < 2**22


def test_attacks_have_names_of_their_own():
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)


@pytest.mark.parametrize(
    "path",
    [
        ROOT / "solutions",
        ROOT / "tests",
        ROOT / "assignments",
        ROOT / "nbgrader_config.py",
        Path.home() / ".bashrc",
        Path("/proc/1/root/home"),
        Path("/sys"),
        Path("/var"),
        Path("/tmp"),
    ],
    ids=str,
)
def test_there_is_nothing_to_read(warm, path):
    with warm.room() as room:
        source = f"from pathlib import Path\nfound = list(map(str, Path({str(path)!r}).rglob('*')))"
        run = room.run_cell(source)
        found = room.look_up(["found"]).get("found", [])
        assert run.error == ""
        # The installed packages are there to be read, wherever this environment lies.
        names = " ".join(name for name in found if not name.startswith(INSTALLED))
        assert not any(word in names for word in (".ipynb", ".db", "test_", "bashrc", ".cfg"))


LIBRARY = """
def conv2d_naive(x, w, b, stride=1, padding=0):
    return {call}
"""
QUIETLY = """
import coursekit.checks.source, coursekit.sandbox.inside
coursekit.sandbox.inside.modules_used = coursekit.checks.source.modules_used = lambda f: set()
"""


SEEN = [  # by the judge, who reads the source
    ("import torch", "torch.nn.functional.conv2d(*map(torch.tensor, (x, w, b)))"),
    ("from convnets.functional import conv2d as g", "g(x, w, b, stride, padding)[0]"),
    ("from convnets import functional\ng = functional.conv2d", "g(x, w, b, stride, padding)[0]"),
    ("import scipy.signal as s", "s.correlate(x, w) + b"),
    ("", "known.conv2d.reference(x, w, b, stride, padding)"),
]
FELT = [
    ("g = globals()\ng['t'] = __import__('torch')", "t.relu(x)")
]  # by the room, if it is honest


@pytest.mark.parametrize(
    ("before", "call"), [*SEEN, *FELT, *((f"{QUIETLY}\n{before}", call) for before, call in SEEN)]
)
def test_the_librarys_own_answer_earns_nothing(warm, before, call):
    name = "a02_convolution"
    source, release = (ROOT / d / name / f"{name}.ipynb" for d in ("solutions", "assignments"))
    submission = notebooks.read(release)
    answer = f"{before}\n{LIBRARY.format(call=call)}"
    notebooks.find(submission, "conv2d_naive").source = answer
    judgement = Judge.of(source, release, warm).grade(submission)
    assert judgement.points["test_conv2d_naive"] == 0.0
    assert judgement.tasks["test_conv2d_naive"].results[0].finding.kind == "forbidden"
