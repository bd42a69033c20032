"""The library's own answer, where the assignment asks for it: void by policy."""

from ..case import Case, Library, Never

ANSWER = """
def conv2d_naive(x, w, b, stride=1, padding=0):
    return {call}
"""
QUIETLY = """
import coursekit.checks.source, coursekit.sandbox.inside
coursekit.sandbox.inside.modules_used = coursekit.checks.source.modules_used = lambda f: set()
"""
UNTOLD = Never("the student is not told why", lambda outcome: "uses" not in outcome.told)

# name: (what stands before the function, what it returns)
SEEN = {
    "PyTorch": ("import torch", "torch.nn.functional.conv2d(*map(torch.tensor, (x, w, b)))"),
    "the library under another name": (
        "from convnets.functional import conv2d as g",
        "g(x, w, b, stride, padding)[0]",
    ),
    "the library through a variable": (
        "from convnets import functional\ng = functional.conv2d",
        "g(x, w, b, stride, padding)[0]",
    ),
    "SciPy": ("import scipy.signal as s", "s.correlate(x, w) + b"),
    "the reference beside the notebook": ("", "known.conv2d.reference(x, w, b, stride, padding)"),
}
FELT = {
    "a module that is imported by name": (
        "g = globals()\ng['t'] = __import__('torch')",
        "t.relu(x)",
    )
}


def _case(name, before, call):
    return Case(
        name, Library(before + ANSWER.format(call=call)), (0.0,), "check: forbidden", (UNTOLD,)
    )


CASES = [
    *(_case(name, *answer) for name, answer in (SEEN | FELT).items()),
    *(
        _case(f"{name}, and the room denies it", f"{QUIETLY}\n{before}", call)
        for name, (before, call) in SEEN.items()
    ),
]
