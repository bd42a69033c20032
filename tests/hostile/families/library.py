"""The library's own answer, where the assignment asks for it: void by policy, or refused.

What the names of a function lead to is read: in the room and, for a room may deny it, in the text
of the cells. What has no name to read is refused in the room when it is called.
"""

from ..case import LOOT, LOOTED, Case, Library, Never
from ..observed import VOID

REFUSED = "check: forbidden"
ANSWER = "def conv2d_naive(x, w, b, stride=1, padding=0):\n    return {}\n"
BY_TORCH = "{}.nn.functional.conv2d(*map(torch.tensor, (x, w, b)), stride, padding).numpy()"
BY_COURSE = "{}(x, w, b, stride, padding)[0]"
# The room neither tells what a function uses nor refuses a call.
DENIED = """
import coursekit.sandbox.inside as room
room.foreign = lambda function, allow: []
guard = room.Guard
room.Guard = lambda allow: guard(None)
"""
UNTOLD = Never("the student is not told what is used", lambda outcome: " uses " not in outcome.told)
UNCALLED = Never("the student is not told what was called", lambda o: " calls " not in o.told)

TORCH = BY_TORCH.format("torch")
NAMED = {
    "PyTorch": ("import torch", TORCH),
    "the library under another name": (
        "from convnets.functional import conv2d as g",
        BY_COURSE.format("g"),
    ),
    "the library through a variable": (
        "from convnets import functional\ng = functional.conv2d",
        BY_COURSE.format("g"),
    ),
    "SciPy": ("import scipy.signal as s", "s.correlate(x, w) + b"),
    "a function of SciPy": ("from scipy.signal import correlate2d", "correlate2d(x, w) + b"),
    "a helper": (
        f"import torch\ndef helper(x, w, b, stride, padding):\n    return {TORCH}",
        "helper(x, w, b, stride, padding)",
    ),
    "the reference beside the notebook": ("", "known.conv2d.reference(x, w, b, stride, padding)"),
}
NAMED_TO_THE_ROOM = {
    "a partial function": (
        "import functools, convnets.functional\n"
        "g = functools.partial(convnets.functional.conv2d, padding=0)",
        "g(x, w, b, stride)[0]",
    ),
    "two names at once": (
        "from convnets import functional\ng, other = functional.conv2d, 0",
        BY_COURSE.format("g"),
    ),
    "a text that is run in another cell": (
        "exec('import torch\\nimport torch.nn.functional as g')",
        BY_TORCH.format("torch"),
    ),
}
CALLED = {
    "a module that is imported by name": (
        "g = globals()\ng['t'] = __import__('torch')",
        "eval('t').tensor(x)",
    ),
    "eval": ("import torch", "eval('torch').tensor(x)"),
    "sys.modules": (
        "import sys, convnets.functional",
        "sys.modules['convnets.functional'].conv2d(x, w, b, stride, padding)[0]",
    ),
    "importlib": ("import importlib", "importlib.import_module('torch').tensor(x)"),
    "a partial function of what has no name": (
        "import functools, sys, scipy.signal",
        "functools.partial(sys.modules['scipy.signal'].correlate, x)(w) + b",
    ),
    "the watch is taken off": ("import sys", "[sys.setprofile(None), eval('torch').tensor(x)]"),
    "the watch is taken off unseen": ("import sys", "list(map(sys.setprofile, [None])) and x"),
}
SWALLOWED = """
import sys, convnets.functional
def conv2d_naive(x, w, b, stride=1, padding=0):
    for attempt in range(3):
        try:
            return sys.modules["convnets.functional"].conv2d(x, w, b, stride, padding)[0]
        except BaseException:
            pass
"""
NOT_THERE = {
    "the reference, by eval": "eval('known.conv2d.reference')(x, w, b, stride, padding)",
    "the reference, by globals": "globals()['known'].conv2d.reference(x, w, b, stride, padding)",
    "the reference, by sys.modules": (
        "__import__('sys').modules['a02_known'].conv2d.reference(x, w, b, stride, padding)"
    ),
}
SEARCH = f"""
import pathlib, sys
texts = [path.read_text() for path in pathlib.Path.home().rglob("a*.py")]
modules = [vars(module) for module in list(sys.modules.values()) if hasattr(module, "__dict__")]
values = [value for names in modules for value in list(names.values())]
found = [value for value in values if isinstance(value, sys.modules["coursekit"].Oracle)]
if found or any("Oracle" in text or "Mistake" in text for text in texts):
    print("{LOOT}", found, texts)
"""


def _case(name, before, call, stopped_by, *never):
    answer = Library(ANSWER.format(call), before)
    return Case(name, answer, (0.0,), stopped_by, (LOOTED, *never))


CASES = [
    *(_case(name, *how, VOID, UNTOLD) for name, how in (NAMED | NAMED_TO_THE_ROOM).items()),
    *(
        _case(f"{name}, and the room denies it", f"{DENIED}\n{before}", call, VOID, UNTOLD)
        for name, (before, call) in NAMED.items()
    ),
    *(_case(name, *how, REFUSED, UNCALLED) for name, how in CALLED.items()),
    Case("the refusal is swallowed", Library(SWALLOWED), (0.0,), REFUSED, (UNCALLED,)),
    *(_case(name, "", call, "raises AttributeError") for name, call in NOT_THERE.items()),
    _case("references and mistakes are looked for", SEARCH, "0.0", "check: type"),
]
