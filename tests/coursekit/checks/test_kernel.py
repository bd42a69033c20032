"""What a check can learn from the kernel it runs in: real kernels, and none."""

import sys
import types

import nbformat
import numpy as np
import pytest
from jupyter_client.manager import start_new_kernel
from nbclient import NotebookClient
from nbconvert.preprocessors import ExecutePreprocessor
from nbformat import v4
from nbgrader.preprocessors import Execute
from nbgrader.validator import Validator

from coursekit.checks import kernel
from coursekit.checks.kernel import newer_text_that_failed, overwritten, somebody_reads

IMPORT = "from coursekit.checks.kernel import *\nimport numpy as np"


class Typed:
    """A kernel, and somebody at a front end that runs cells in it."""

    def __init__(self, client):
        self._client = client

    def run(self, source, allow_stdin=True):
        """Run a cell; what it prints, or the name of its error."""
        said = []

        def hear(message):
            content = message["content"]
            said.append(content.get("text") or content.get("ename") or "")

        self._client.execute_interactive(
            source, allow_stdin=allow_stdin, output_hook=hear, timeout=60
        )
        return "".join(said).strip()

    def told(self, name):
        """What a check of a function is told of the text of its cell."""
        return self.run(f"print(newer_text_that_failed({name!r}))")


@pytest.fixture(scope="module")
def typed():
    manager, client = start_new_kernel(kernel_name="python3")
    front = Typed(client)
    assert front.run(IMPORT) == ""
    yield front
    client.stop_channels()
    manager.shutdown_kernel(now=True)


# --- who reads -----------------------------------------------------------------------------------


def test_without_a_kernel_nobody_reads(monkeypatch):
    assert not somebody_reads()
    monkeypatch.setattr(kernel, "get_ipython", lambda: types.SimpleNamespace())
    assert not somebody_reads()
    monkeypatch.setattr(kernel, "get_ipython", lambda: types.SimpleNamespace(kernel=object()))
    assert not somebody_reads()


@pytest.mark.parametrize("asks", [True, False])
def test_whoever_can_be_asked_for_input_reads(typed, asks):
    assert typed.run("print(somebody_reads())", allow_stdin=asks) == str(asks)


def test_what_runs_a_notebook_by_itself_does_not_read(tmp_path):
    source = f"{IMPORT}\nprint(somebody_reads())"

    def printed(execute):
        book = v4.new_notebook(cells=[v4.new_code_cell(source)])
        execute(book)
        return book.cells[0].outputs[0].text

    assert printed(lambda book: NotebookClient(book, kernel_name="python3").execute()) == "False\n"
    resources = {"metadata": {"path": str(tmp_path)}}
    for kind in (ExecutePreprocessor, Execute):  # nbconvert's and nbgrader's
        assert printed(lambda book, kind=kind: kind().preprocess(book, resources)) == "False\n"


@pytest.mark.parametrize("asserted", ["somebody_reads()", "not somebody_reads()"])
def test_validate_does_not_read(tmp_path, asserted):
    about = {"grade": True, "grade_id": "a", "points": 1, "schema_version": 3, "cell_type": "code"}
    about |= {"locked": True, "solution": False, "task": False}
    cell = v4.new_code_cell(f"{IMPORT}\nassert {asserted}", metadata={"nbgrader": about})
    kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book = v4.new_notebook(cells=[cell], metadata={"kernelspec": kernelspec})
    nbformat.write(book, tmp_path / "book.ipynb")
    verdict = Validator().validate(str(tmp_path / "book.ipynb"))
    assert ("failed" in verdict) == (asserted == "somebody_reads()")


# --- a cell that is no Python --------------------------------------------------------------------


def test_a_function_whose_newer_text_is_no_python_is_told(typed):
    assert typed.run("def f(x):\n    return x") == ""
    assert typed.told("f") == ""
    assert typed.run("# better:\n\ndef f(x)\n    return 2 * x") == "SyntaxError"
    assert typed.told("f") == (
        "The cell of f, as you last ran it, is no Python (SyntaxError: expected ':', line 3); "
        "this check ran the version before it."
    )
    assert typed.run("print(f(3))") == "3"  # it does not define it
    assert "line 3" in typed.told("f")
    assert typed.run("def f(x):\n    return 2 * x") == ""
    assert typed.told("f") == ""


def test_a_function_that_was_never_python_is_told(typed):
    assert typed.run("def never(x):\nreturn x") == "IndentationError"
    assert typed.told("never") == (
        "The cell of never, as you last ran it, is no Python (IndentationError: expected an "
        "indented block after function definition on line 1, line 2); there is nothing to check "
        "yet."
    )


@pytest.mark.parametrize(
    "source",
    [
        "class g(:\n    pass",
        "async def g(x):\n    return x +",
        "g = lambda x: x +",
        "@staticmethod\ndef g(x):\n    return (x",
        "def other(x): return x\ndef g(x):\n    x = 1\n     return x",
        "def g(x):\n    return x\nreturn 3",
    ],
)
def test_however_a_name_is_defined_its_newer_text_is_found(typed, source):
    assert typed.run("def g(x): return x") == ""
    assert typed.run(source).endswith("Error")
    assert "The cell of g, as you last ran it, is no Python (" in typed.told("g")
    assert typed.told("gg") == typed.told("x") == ""


@pytest.mark.parametrize(
    "source",
    [
        "h(2) +",
        "h == = 3",
        "def hh(x)",
        "def inner():\n    def h(x)",
        "class Net:\n    def h(x) return",
        "# def h(x)\n)",
    ],
)
def test_another_cell_that_is_no_python_says_nothing_of_a_name(typed, source):
    assert typed.run("def h(x): return x") == ""
    assert typed.run(source).endswith("Error")
    assert typed.told("h") == ""


@pytest.mark.parametrize(
    "source",
    [
        "%matplotlib inline\ndef k(x): return x",
        "def k(x): return x\n!true\nfiles = !ls",
        "import asyncio\ndef k(x): return x\nawait asyncio.sleep(0)",
        "%%time\ndef k(x): return x",
        "def k(x): return x is 3",
        "def k(x): return x\nraise ValueError",
        "   def k(x):\n       return x",
    ],
)
def test_what_only_a_notebook_understands_is_python(typed, source):
    typed.run(source)
    assert typed.told("k") == ""


def test_without_a_kernel_nothing_is_known_of_cells():
    assert newer_text_that_failed("f") == ""


# --- names of the first cell ---------------------------------------------------------------------


def test_a_name_of_the_first_cell_that_means_something_else_is_told(monkeypatch):
    known = types.ModuleType("a02_known")
    monkeypatch.setitem(sys.modules, "a02_known", known)
    first = {"np": np, "known": known}
    assert overwritten(first) == ""
    assert overwritten(first | {"np": 3}) == (
        "np is no longer NumPy but a single number (3): you have given the name to something else. "
        "Run the first cell again."
    )
    told = overwritten(first | {"np": types.ModuleType("math"), "known": [1]})
    assert told.startswith("np is no longer NumPy but a module")
    assert "known is no longer the module a02_known but a list" in told


def test_names_that_the_first_cell_never_made_are_nobodys(monkeypatch):
    known = [name for name in sys.modules if name.endswith("_known")]  # of other tests
    for name in ("matplotlib.pyplot", "torch", *known):
        monkeypatch.delitem(sys.modules, name, raising=False)
    assert overwritten({}) == ""
    assert overwritten({"known": [1], "plt": 3, "torch": None, "x": 1}) == ""


def test_one_module_beside_an_assignment_is_as_good_as_another(monkeypatch):
    for name in ("a02_known", "a03_known"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    assert overwritten({"known": sys.modules["a02_known"]}) == ""
    assert overwritten({"known": sys.modules["a03_known"]}) == ""


def test_names_are_told_from_a_room_too(warm):
    with warm.room() as room:
        room.run_cell("import numpy as np")
        assert overwritten(room.look_up(["np"])) == ""
        room.run_cell("np = lambda: 3")
        assert overwritten(room.look_up(["np"])).startswith("np is no longer NumPy but a function")


def test_a_student_who_overwrites_numpy_is_told(typed):
    assert typed.run("print(overwritten(globals()))") == ""
    typed.run("np = 3")
    assert typed.run("print(overwritten(globals()))").startswith("np is no longer NumPy")
    typed.run("import numpy as np")
    assert typed.run("print(overwritten(globals()))") == ""
