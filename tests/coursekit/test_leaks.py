"""What is a leak: two telling lines in a row, one that is unmistakable, or all that there is."""

import pytest
from nbformat import v4

from coursekit import notebooks
from coursekit.leaks import leaks, tells, unmistakable

TIMED = """\
def timed(f, device):
    ### BEGIN SOLUTION
    torch.cuda.synchronize()
    start = time.perf_counter()
    result = f()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start
    ### END SOLUTION"""
RELU = """\
def relu(x):
    ### BEGIN SOLUTION
    return np.maximum(x, 0)
    ### END SOLUTION"""


def solution(text):
    """A notebook with one cell that students fill in."""
    about = {"grade": False, "solution": True, "locked": False, "task": False, "grade_id": "f"}
    about |= {"schema_version": 3, "cell_type": "code"}
    cell = v4.new_code_cell(text, metadata={"nbgrader": about})
    return notebooks.normalise(v4.new_notebook(cells=[cell]))


@pytest.fixture
def found(tmp_path):
    """The leaks of a solution into a file with this text."""

    def find(text, shown):
        (tmp_path / "beside.py").write_text(shown)
        return leaks(solution(text), tmp_path)

    return find


@pytest.mark.parametrize(
    "line",
    [
        "return w @ x.reshape(f, -1) + b[:, None]",
        "return w @ x.reshape(...) + b[:, None]",
        "return (size + 2 * padding - kernel) // stride + 1",
        "y = x[:, :, i * stride : i * stride + kh]",
        "dw = np.einsum('nfij,ncijpq->fcpq', dy, windows)",
        "task.equal(double(-4), -8)",
        'with task.check("a batch of one", points=1, hidden=True):',
        "Every output is the sum of a window (weighted), so the order is lost.",
    ],
)
def test_one_long_line_is_unmistakable(line, found):
    assert unmistakable(line)
    others = "    a = prepare(x)\n    b = finished(a)"
    text = f"def f(x):\n    ### BEGIN SOLUTION\n{others}\n    {line}\n    ### END SOLUTION"
    (leak,) = found(text, f"import numpy\n\n{line}\n")
    assert leak == f"beside.py, line 3: shows a line of the solution of f: {line!r}"


@pytest.mark.parametrize(
    "line",
    [
        "torch.cuda.synchronize()",
        "optimizer.zero_grad()",
        "start = time.perf_counter()",
        "rng = np.random.default_rng(seed)",
        "out = np.zeros((n, f, ho, wo), dtype=x.dtype)",
        "for image, label in zip(images, labels):",
        "if self.running_mean is not None:",
        "def forward(self, x: torch.Tensor) -> torch.Tensor:",
    ],
)
def test_one_line_that_anybody_writes_is_none(line, found):
    assert tells(line) and not unmistakable(line)
    lines = f"    {line}\n    a = prepare(x, 1)\n"
    text = f"def f(x):\n    ### BEGIN SOLUTION\n{lines}    ### END SOLUTION"
    assert found(text, f"{line}\n    something_else(entirely)\n    a = prepare(x, 1)\n") == []


def test_two_in_a_row_are_a_leak_whatever_stands_between_that_tells_nothing(found):
    shown = "def f():\n    torch.cuda.synchronize()\n\n    # now\n    start = time.perf_counter()\n"
    (leak,) = found(TIMED, shown)
    assert leak.startswith("beside.py, line 2: shows lines of the solution of f: 'torch.cuda.sync")
    apart = shown.replace("# now", "warm_up(the_model)")
    assert found(TIMED, apart) == []


def test_one_line_twice_is_not_two(found):
    assert found(TIMED, "torch.cuda.synchronize()\ntorch.cuda.synchronize()\n") == []


def test_the_only_telling_line_of_a_solution_is_a_leak(found):
    (leak,) = found(RELU, "def reference(x):\n    return np.maximum(x, 0)\n")
    assert leak == "beside.py, line 2: shows a line of the solution of f: 'return np.maximum(x, 0)'"
    bare = RELU.replace("return np.maximum(x, 0)", "torch.cuda.synchronize()")
    assert found(bare, "torch.cuda.synchronize()\n") == []


def test_lines_of_two_solutions_are_not_in_a_row(found, tmp_path):
    notebook = solution(TIMED)
    other = solution(TIMED.replace("time.perf_counter()", "profiler.begin_now()")).cells[0]
    other.metadata.nbgrader.grade_id = "g"
    notebook.cells.append(other)
    first, second = "start = time.perf_counter()\n", "start = profiler.begin_now()\n"
    assert found(TIMED, first) == []
    (tmp_path / "beside.py").write_text(first + second)
    assert leaks(notebook, tmp_path) == []
    (tmp_path / "beside.py").write_text("torch.cuda.synchronize()\n" + second)
    (leak,) = leaks(notebook, tmp_path)
    assert "shows lines of the solution of g: 'torch.cuda.synchronize()'" in leak
