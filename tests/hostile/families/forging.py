"""Points that nobody has earned: checks, what they use, and what they report are changed."""

from ..beside import RIGHT as RIGHT_STEP
from ..case import LOOT, LOOTED, SECOND, WRONG, Beside, Case, Cells, body
from ..observed import WALL

VALUES = "check: values"


def _forgery(name, before, double=WRONG, stopped_by=VALUES, works=True):
    return Case(name, Cells(double, before), SECOND, stopped_by, works_in_one_process=works)


UNTRAINED = "def step(w, gradient):\n    return w\n"


def _step(*lines):
    return "def step(w, gradient):\n" + "".join(f"    {line}\n" for line in lines)


def _beside(name, before="", answer=UNTRAINED, stopped_by=VALUES, points=0.0):
    name = f"beside the course's own code: {name}"
    return Case(name, Beside(answer, before), (points,), stopped_by, (LOOTED,))


BESIDE = [
    _beside(
        "its function is replaced",
        "import a01_samples\na01_samples.trained = lambda step, w, *rest: w + 1",
        stopped_by="check: values, type",
    ),
    _beside(
        "its module is replaced",
        "import sys, types\n"
        "sys.modules['a01_samples'] = fake = types.ModuleType('a01_samples')\n"
        "fake.trained = lambda step, w, *rest: True",
        stopped_by="check: type",
    ),
    _beside(
        "inside is taken over",
        "import coursekit\nfrom coursekit.checks import beside\n"
        "def inside(*args): return True\n"
        "coursekit.inside = coursekit.checks.inside = beside.inside = inside",
    ),
    _beside(
        "the room calls something else",
        "import coursekit.sandbox.inside as room\n"
        "room.named = room._DEEDS['inside'] = lambda *args: print",
        stopped_by="check: type",
    ),
    _beside(
        "comparisons are patched, and NumPy",
        "import coursekit.checks.task as task, numpy as np\n"
        "task.difference = lambda *a, **k: None\n"
        "np.allclose = np.array_equal = np.isclose = lambda *a, **k: True",
    ),
    _beside(
        "the log is told what did not happen",
        answer=_step(
            "import sys",
            "log = sys._getframe(1).f_locals['log']",
            "if not (w == 0).all(): [log(w) for _ in range(2)]",
            "return 0 * w",
        ),
        stopped_by="check: values, type",
    ),
    _beside(
        "a result that is equal to everything",
        "import a01_samples\n"
        "class Equal:\n"
        "    __eq__ = lambda *a: True\n    copy = lambda self: self\n"
        "a01_samples.trained = lambda *a: Equal()",
        stopped_by="check: type",
    ),
    _beside(
        "other functions of the judge are called by their numbers",
        answer=_step(
            "import sys",
            "log = sys._getframe(1).f_locals['log']",
            "return type(log)(log._server, log.number + 1)(w, gradient)",
        ),
        stopped_by="room ended: protocol",
    ),
    _beside(
        "the reference is looked for",
        answer=_step(
            "import gc, a01_known, a01_samples",
            "found = [f for f in gc.get_objects() if getattr(f, '__name__', '') == 'step']",
            "found = [f for f in found if f is not step and callable(f)]",
            f"if found or hasattr(a01_known, 'step'): print('{LOOT}', found)",
            "return w",
        ),
    ),
    _beside("nothing is forged", answer=RIGHT_STEP, stopped_by=WALL, points=2.0),
]
CASES = [
    *BESIDE,
    _forgery(
        "the comparison of the checks is patched",
        "import coursekit.checks.task as task\ntask.difference = lambda *a, **k: None",
    ),
    _forgery(
        "the checks are patched", "from coursekit import Task\nTask.equal = lambda *a, **k: None"
    ),
    _forgery("the score is patched", "from coursekit import Task\nTask.score = lambda self: 99.0"),
    _forgery(
        "failures are not recorded",
        "from coursekit.checks import check\ncheck.finding_of = lambda error, task: None",
    ),
    _forgery(
        "NumPy's comparisons are patched",
        "import numpy as np\n"
        "from coursekit.checks import compare\n"
        "np.array = lambda value, **k: np.zeros(())\n",
    ),
    _forgery(
        "numpy.testing and np.allclose are patched",
        "import numpy as np, numpy.testing\n"
        "yes = lambda *a, **k: True\n"
        "np.allclose = np.array_equal = np.isclose = yes\n"
        "np.testing.assert_allclose = np.testing.assert_array_equal = yes",
        works=False,
    ),
    _forgery(
        "built-ins are patched",
        "import builtins\nbuiltins.sum = lambda *a: 99",
    ),
    _forgery(
        "isinstance is patched",
        "import builtins\nbuiltins.isinstance = lambda *a: True",
        stopped_by="room ended: crash",
        works=False,
    ),
    _forgery(
        "names of the tests are taken over",
        "class Task:\n"
        "    def __init__(*a, **k): pass\n"
        "    check = lambda s, *a, **k: __import__('contextlib').nullcontext()\n"
        "    equal = lambda *a, **k: None\n"
        "    score = lambda s: 99.0",
    ),
    _forgery(
        "a score is displayed",
        "class Score(float): pass\ntask = score = Score(99)\ndisplay(task)\ntask",
        works=False,
    ),
    _forgery(
        "the course's library is replaced among the modules",
        "import sys, types\n"
        "fake = types.ModuleType('coursekit')\n"
        "class Task:\n    score = lambda self: 99.0\n"
        "fake.Task = Task\n"
        "sys.modules['coursekit'] = sys.modules['coursekit.checks'] = fake",
        works=False,
    ),
    _forgery(
        "the library's files are rewritten",
        "import coursekit.checks.compare as c\nopen(c.__file__, 'a').write('difference = print')",
        stopped_by="raises OSError",
        works=False,
    ),
    _forgery(
        "frames of the caller are searched and changed",
        "",
        body(
            "import sys",
            "frame = sys._getframe()",
            "while frame:",
            "    if 'task' in frame.f_globals:",
            "        frame.f_globals['task'].equal = lambda *a, **k: None",
            "    frame = frame.f_back",
            "return 0",
        ),
    ),
    _forgery(
        "expected values are read from the caller's code",
        "",
        body(
            "import sys",
            "code = sys._getframe(1).f_code",
            "numbers = [c for c in code.co_consts if isinstance(c, int)]",
            "return max(numbers) if x > 0 else min(numbers)",
        ),
        stopped_by="raises ValueError",
    ),
    _forgery(
        "objects of the checker are searched",
        "",
        body(
            "import gc",
            "from coursekit import Task",
            "for found in gc.get_objects():",
            "    if type(found) is Task: found.equal = lambda *a, **k: None",
            "return 0",
        ),
    ),
    _forgery(
        "an exception of the checks that says all is fine",
        "",
        "from coursekit.checks import CheckFailed, Finding\n"
        + body("raise CheckFailed(Finding('values', 'fine'))"),
        stopped_by="raises CheckFailed",
        works=False,
    ),
    _forgery(
        "the exception that ends a check early",
        "",
        body("import sys", "sys.exit(0)"),
        stopped_by="raises StudentExit",
        works=False,
    ),
    _forgery(
        "a trace function watches the checks",
        "import sys\n"
        "def watch(frame, event, argument):\n"
        "    if frame.f_code.co_name == 'equal': frame.f_locals['got'] = None\n"
        "    if 'task' in frame.f_globals:\n"
        "        type(frame.f_globals['task']).equal = lambda *a, **k: None\n"
        "sys.settrace(watch)\nsys.setprofile(watch)",
    ),
    _forgery(
        "code that runs when the notebook ends",
        "import atexit, threading\n"
        "atexit.register(lambda: print('99'))\n"
        "threading.Timer(0.01, lambda: print('99')).start()",
        works=False,
    ),
]
