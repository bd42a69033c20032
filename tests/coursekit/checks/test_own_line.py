"""Which line of the student's an exception came from, and whether it is that of a stub."""

import linecache
import types

import numpy as np
import pytest
import torch

from coursekit.checks.source import is_stub, own_line

PLACES = (
    "<cell f>",
    "<ipython-input-3-0123456789ab>",
    "/tmp/ipykernel_417/2871098.py",
    "C:\\Users\\ada\\Temp\\ipykernel_417\\2871098.py",
    "/tmp/ipython-input-1-3214112.py",
)


@pytest.fixture
def cell():
    """Runs source as a file of some name, in one namespace; lines are known as in a notebook."""
    namespace, names = {"np": np, "torch": torch}, []

    def run(source, name=PLACES[0]):
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        names.append(name)
        exec(compile(source, name, "exec"), namespace)
        return types.SimpleNamespace(**namespace)

    yield run
    for name in names:
        linecache.cache.pop(name, None)


def raised(function, *args):
    """What a call raises."""
    with pytest.raises(Exception) as caught:
        function(*args)
    return caught.value


@pytest.mark.parametrize("name", PLACES)
def test_a_line_of_a_cell_is_the_students(cell, name):
    f = cell("def f(x):\n    y = x + 1\n    return y", name).f
    assert own_line(raised(f, None)) == "line 2 of the cell that defines f: `y = x + 1`"


def test_a_debugger_that_writes_cells_to_disk_changes_nothing(cell, tmp_path):
    file = tmp_path / "ipykernel_417" / "2871098.py"
    file.parent.mkdir()
    file.write_text("def f(x):\n    return x + 1")
    assert "defines f: `return x + 1`" in own_line(raised(cell(file.read_text(), str(file)).f, "a"))


def test_a_line_of_a_file_beside_the_notebook_is_nobodys(cell, tmp_path, monkeypatch):
    (tmp_path / "some_known.py").write_text("def reference(x):\n    return x.shape\n")
    monkeypatch.syspath_prepend(tmp_path)
    import some_known

    assert own_line(raised(some_known.reference, 3)) == ""
    f = cell("def f(g, x):\n    return g(x)").f
    assert own_line(raised(f, some_known.reference, 3)).endswith("defines f: `return g(x)`")


def test_a_line_of_a_compiled_library_is_nobodys(cell):
    rng = np.random.default_rng(0)
    assert own_line(raised(lambda: rng.integers(0))) == ""
    f = cell("def f(rng):\n    return rng.integers(0)").f
    assert own_line(raised(f, rng)).endswith("defines f: `return rng.integers(0)`")


def test_a_line_of_the_check_is_not_the_students(cell):
    check = cell("def check(f):\n    return (lambda y: y.shape)(f(1))", "<cell test_f>").check
    error = raised(check, cell("def f(x):\n    return None").f)
    error = error.with_traceback(error.__traceback__.tb_next)  # begins in the check, as in a cell
    assert own_line(error) == ""
    error = raised(check, cell("def f(x):\n    return x.shape").f)
    assert own_line(error).endswith("defines f: `return x.shape`")


def test_a_line_inside_a_comprehension_is_told_with_the_function_around_it(cell):
    f = cell("def f(x):\n    return [(lambda: y + 1)() for y in x]").f
    assert "of the cell that defines f: " in own_line(raised(f, ["a"]))
    assert "<lambda>" in own_line(raised(cell("f = lambda x: x + 1").f, "a"))


def test_the_bare_exception_of_an_answer_that_is_not_written_is_a_stub(cell):
    f = cell('def f(x):\n    """What to do."""\n    raise NotImplementedError').f
    assert is_stub(raised(f, 1))
    assert is_stub(raised(cell("def f(x):\n    raise NotImplementedError()").f, 1))


def test_a_stub_that_a_library_calls_is_a_stub(cell):
    cell("class Net(torch.nn.Module):\n  def forward(self, x):\n    raise NotImplementedError")
    assert is_stub(raised(cell("net = Net()").net, torch.ones(1)))


@pytest.mark.parametrize(
    "body",
    [
        "torch.nn.Module()(x)",  # torch's own: forward is missing
        "torch.linalg.inv(torch.eye(2, dtype=torch.int8).to_sparse())",  # torch's own, of C++
        "raise NotImplementedError('only stride 1')",
        "raise ValueError",
        "class Own(NotImplementedError): pass\n    raise Own",
    ],
)
def test_what_a_library_or_a_student_says_is_no_stub(cell, body):
    assert not is_stub(raised(cell(f"def f(x):\n    {body}").f, torch.ones(1)))


def test_a_bare_exception_of_a_library_is_no_stub(cell):
    f = cell("def f(kind):\n    return kind(validate_args=False).rsample()").f
    error = raised(f, torch.distributions.Distribution)
    assert type(error) is NotImplementedError and not error.args
    assert not is_stub(error)
