"""An assignment of one task whose tests call a function of the course beside the answer.

The function of the course trains with the student's `step`, tells the judge of each step by a
function that it was given, and returns weights, which the judge compares with its own.
"""

from nbformat import v4

from coursekit import notebooks

TEST = "test_step"
RIGHT = "def step(w, gradient):\n    return w - 0.1 * gradient\n"
FILES = {
    "a01_samples.py": b'''
def trained(step, w, gradients, log):
    """Weights after a step with each gradient."""
    for gradient in gradients:
        w = step(w, gradient)
        log(w)
    return w
''',
    "a01_known.py": RIGHT.encode(),
}
_SETUP = """\
import a01_known as known
import a01_samples as samples
import numpy as np

from coursekit import Task, inside"""
_CHECKS = """\
task = Task("step", points=2)
w, gradients = task.rng().standard_normal(5), list(task.rng().standard_normal((3, 5)))
logged, wanted = [], []
want = samples.trained(known.step, w, gradients, wanted.append)
with task.check("weights after three steps", points=1):
    got = inside(samples.trained, step, w, gradients, lambda w: logged.append(w))
    task.equal(got, want)
with task.check("weights after each step", points=1):
    task.equal(logged, wanted)
task.score()"""


def notebook(answer=RIGHT, before=""):
    """The assignment with an answer, and a cell before it."""
    cells = [
        _cell("setup", _SETUP, locked=True),
        *[v4.new_code_cell(before)] * bool(before),
        _cell("step", answer, solution=True),
        _cell(TEST, _CHECKS, grade=True, locked=True, points=2),
    ]
    return notebooks.normalise(v4.new_notebook(cells=cells))


def _cell(name, text, **about):
    flags = {"grade": False, "solution": False, "locked": False, "task": False} | about
    known = {"grade_id": name, "schema_version": 3, "cell_type": "code"}
    return v4.new_code_cell(text, metadata={"nbgrader": known | flags})
