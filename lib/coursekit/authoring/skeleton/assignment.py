"""The texts of a new assignment. `a00_topic`, `Topic` and `TOPIC` stand for its own name."""

from __future__ import annotations

from nbformat import NotebookNode, v4

TITLE = """\
# Assignment 00: TOPIC

Say here, in two sentences, what will be written and what it is good for. Lecture 00 is what you
need.

| task | what you write | points | difficulty | minutes |
|---|---|---:|:--:|---:|
| 1 | `centre` | 6 | ★☆☆ | 15 |
| 2 | an explanation in your words | 4 | ★★☆ | 15 |
| | **total** | **10** | | **30** |"""

HOW = """\
**How it works.** Replace each `raise NotImplementedError` by your code, run the cell, then run
the check below it. A failed check says what differs and where, and opens hints one at a time.
Grading adds hidden checks on other shapes and values. The tasks are graded independently of each
other, so you may go on if one resists.

**What may be used.** Python, its standard library and NumPy. A task gets no points while its
function calls another library.

**Conventions.** Images are `(N, C, H, W)`. Results have the dtype of `x`, and arguments are never
changed."""

SETUP = """\
import a00_known as known
import a00_samples as samples
import numpy as np

from coursekit import Task"""

TASK = """\
## Task 1: every channel around zero (6 points)

$$y[n, c, h, w] = x[n, c, h, w] - \\frac{1}{N\\,H\\,W} \\sum_{m,\\,r,\\,s} x[m, c, r, s]$$

The mean runs over all images and all pixels of a channel, so there are `C` of them."""

SOLUTION = '''\
def centre(x):
    """Subtract from every channel its mean over images and pixels.

    Args:
        x: (N, C, H, W) images.
    Returns:
        y: (N, C, H, W), the dtype of x.
    """
    ### BEGIN SOLUTION
    means = x.mean(axis=(0, 2, 3))
    return x - means[:, None, None]
    ### END SOLUTION'''

TEST = """\
task = Task("centre", points=6, allow="numpy")
with task.check("one channel, worked by hand", points=1):
    # the mean of 1, 2, 3 and 6 is 3
    x, want = np.array([[[[1.0, 2.0], [3.0, 6.0]]]]), np.array([[[[-2.0, -1.0], [0.0, 3.0]]]])
    task.compare_all(centre, known.centre, [task.case(x, want=want)])
with task.check("several images and channels, H≠W", points=2):
    sizes = [dict(), dict(n=3, c=2, h=5, w=4)]
    task.compare_all(centre, known.centre, samples.cases(task.rng(), sizes))
### BEGIN HIDDEN TESTS
with task.check("other shapes: a batch of 1, one channel, one pixel", points=2, hidden=True):
    sizes = [dict(n=1, c=4, h=3, w=7), dict(n=5, c=1, h=6, w=2), dict(n=4, c=3, h=1, w=1)]
    task.compare_all(centre, known.centre, samples.cases(task.rng(), sizes))
with task.check("any memory, dtype and values; called again", points=1, hidden=True):
    task.battery(centre, known.centre, samples.cases(task.rng(), [dict(n=3)]))
### END HIDDEN TESTS
task.score()"""

QUESTION = """\
## Task 2: explain (4 points)

In your own words, in 50 to 100 words: `x` holds one image with one pixel in each channel. What does
`centre` return, and why can a network learn nothing from it?

Two points each. The question asks for what no sentence of the lecture says."""

ANSWER = """\
### BEGIN SOLUTION
Every channel then has a single number, which is its own mean, so the result is zero whatever the
image shows. Different images give the same output: what comes after cannot tell them apart, and the
gradient with respect to the input is zero, too.
### END SOLUTION"""

KNOWN = '''\
"""References and known mistakes behind the checks of assignment a00.

Each mistake is the right function with another argument, or its result put wrongly together, so
that a check can say "it looks as if ...". Nothing here is written the way the tasks ask for.
"""

from coursekit import Mistake, Oracle


def _without_mean(x, axes=(0, 2, 3)):
    return x - x.mean(axes, keepdims=True)


centre = Oracle(
    reference=lambda x: _without_mean(x),
    mistakes=(
        Mistake(
            "one mean is taken over all channels",
            lambda x: _without_mean(x, (0, 1, 2, 3)),
            ("How many means does the formula have?", "The mean has an index c."),
        ),
        Mistake(
            "every image has a mean of its own",
            lambda x: _without_mean(x, (2, 3)),
            ("Over which indices does the sum run?",),
        ),
        Mistake(
            "every pixel has a mean of its own",
            lambda x: _without_mean(x, (0,)),
            ("Over which indices does the sum run?",),
        ),
        Mistake("the mean is added", lambda x: 2 * x - _without_mean(x)),
    ),
    batch=("x",),
    extreme=("x",),
)
'''

SAMPLES = '''\
"""What the notebook of assignment a00 computes with: random images."""


def images(rng, n=2, c=3, h=4, w=6):
    """Random images (n, c, h, w) whose channels have different means."""
    return rng.standard_normal((n, c, h, w)) + 3 * rng.standard_normal((1, c, 1, 1))


def cases(rng, sizes):
    """Arguments (x,) of a function of images.

    Args:
        sizes: dicts of arguments of `images`.
    """
    return [(images(rng, **size),) for size in sizes]
'''

COLLECTION = '''\
"""Right and wrong solutions of assignment a00.

Right ones are written in different styles and must get full marks. A slip is one small change to
the right solution above it, a mistake that students make, and must lose exactly the points named
in the test cell of its function, and none in any other cell.
"""

import numpy as np

from coursekit.collection import Collection

known = Collection("a00_topic", draft=True)

# --- task 1: centre ------------------------------------------------------------------------------


@known.right("channel by channel")
def centre(x):
    y = np.empty_like(x)
    for c in range(x.shape[1]):
        y[:, c] = x[:, c] - x[:, c].mean()
    return y


@known.right("all at once")
def centre(x):
    return x - x.mean(axis=(0, 2, 3), keepdims=True)


slip = known.slips_of(centre)
slip("all channels", "(0, 2, 3)", "None", loses=5, says="one mean is taken over all channels")
slip("each image", "(0, 2, 3)", "(2, 3)", loses=5, says="every image has a mean of its own")
slip("the mean is added", "x - ", "x + ", loses=6, says="the mean is added")
'''


def cells() -> list[NotebookNode]:
    """The cells of the notebook; what follows from them comes later."""
    return [
        v4.new_markdown_cell(TITLE, id="title"),
        v4.new_markdown_cell(HOW, id="how"),
        _cell("setup", SETUP, locked=True),
        v4.new_markdown_cell(TASK, id="task-1"),
        _cell("centre", SOLUTION, solution=True),
        _cell("test_centre", TEST, grade=True, locked=True),
        v4.new_markdown_cell(QUESTION, id="task-2"),
        _cell("explain_centre", ANSWER, v4.new_markdown_cell, grade=True, solution=True, points=4),
    ]


def _cell(name: str, text: str, make=v4.new_code_cell, **about) -> NotebookNode:
    flags = {"grade": False, "solution": False, "locked": False, "task": False} | about
    known = {"grade_id": name, "schema_version": 3, **flags}
    return make(text, id=name, metadata={"nbgrader": known})
