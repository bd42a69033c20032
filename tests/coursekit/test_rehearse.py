"""Running an assignment with other solutions put in, and the collections of such solutions."""

import importlib
import random
import sys

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import tiny_course
from nbformat import v4
from rich.console import Console

from coursekit import notebooks
from coursekit.cell_runner import Cell, CellRunner
from coursekit.mistakes import show
from coursekit.rehearse import Collection, Entry, Rehearsal, judge, load, nbgrader_points


@pytest.fixture
def tiny(tmp_path):
    """The tiny course's assignment, ready to run."""
    return Rehearsal(tiny_course.source(), tmp_path)


def played(folder, *sources):
    """What each of the cells did, in one namespace."""
    with CellRunner(folder) as runner:
        return [runner.run(Cell(f"c{i}", source)) for i, source in enumerate(sources)]


# --- a runner -------------------------------------------------------------------------------------


def test_what_is_imported_from_the_folder_is_what_lies_there_now(tmp_path):
    import_it = "import a01_beside, inner\n(a01_beside.VALUE, inner.VALUE)"
    (tmp_path / "inner").mkdir()
    for value in (1, 2):  # of the same size, and in the same second
        (tmp_path / "a01_beside.py").write_text(f"VALUE = {value}\n")
        (tmp_path / "inner" / "__init__.py").write_text(f"VALUE = -{value}\n")
        assert [p.text for p in played(tmp_path, import_it)] == [f"({value}, -{value})"]
    assert "a01_beside" not in sys.modules
    assert not list(tmp_path.rglob("__pycache__"))
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("a01_beside")


def test_a_line_that_raised_is_quoted_where_a_cell_begins_with_empty_ones(tmp_path):
    cells = "\n\ndef f():\n    x = 1\n    return x / 0", "f()"
    quoted = "import linecache\nlinecache.getline(f.__code__.co_filename, 3)"
    assert played(tmp_path, *cells, quoted)[2].text == repr("    return x / 0\n")


def test_the_trailing_expression_is_the_value(tmp_path):
    texts = [p.text for p in played(tmp_path, "1\n2", "x = 3", "x", "x;", "", "None", "'s'")]
    assert texts == [None if t is None else t for t in ("2", None, "3", None, None, None, "'s'")]


@pytest.mark.parametrize(
    ("source", "error"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def f(:", "SyntaxError: "),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("%timeit 1", "NotImplementedError: %timeit"),
    ],
)
def test_an_error_ends_its_cell_and_nothing_else(tmp_path, source, error):
    first, second = played(tmp_path, source, "'still here'")
    assert first.error.startswith(error)
    assert second.text == "'still here'"


def test_matplotlib_magic_and_display_do_no_harm(tmp_path, capsys):
    source = "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1])\nplt.show()"
    first, second = played(tmp_path, source, "display(1)")
    assert (first.error, second.error, capsys.readouterr().out) == ("", "", "")


def test_a_stage_leaves_nothing_behind(tmp_path):
    (tmp_path / "known_beside.py").write_text("import os\nVALUE = os.getcwd()\n")
    errors = np.geterr()
    states = random.getstate(), np.random.get_state()[1].tolist()
    before = sys.path[:], set(sys.modules), plt.get_fignums(), matplotlib.rcParams.copy()
    ran = played(
        tmp_path,
        "import known_beside, random, sys\nimport numpy as np\nimport matplotlib.pyplot as plt",
        "random.seed(7); np.random.seed(7); sys.path.append('/nowhere'); plt.figure()",
        "plt.rcParams['lines.linewidth'] = 17; np.seterr(all='raise')",
        "known_beside.VALUE",
    )
    assert [p.error for p in ran] == ["", "", "", ""]
    assert ran[-1].text == repr(str(tmp_path))
    assert (random.getstate(), np.random.get_state()[1].tolist()) == states
    after = sys.path[:], set(sys.modules), plt.get_fignums(), matplotlib.rcParams.copy()
    assert after == before
    assert np.geterr() == errors
    assert not (tmp_path / "__pycache__").exists()


def test_each_stage_imports_the_files_of_its_own_folder(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "known_both.py").write_text(f"NAME = {name!r}\n")
    texts = [
        played(tmp_path / name, "import known_both", "known_both.NAME")[1].text for name in "ab"
    ]
    assert texts == ["'a'", "'b'"]


def test_every_test_starts_from_the_same_random_numbers(tmp_path):
    draw = "import numpy as np\n{}drawn = np.random.rand()\ntask.score()"
    setup = "class Task:\n    def score(self): return drawn\ntask = Task()"
    _, alone = played(tmp_path, setup, draw.format(""))
    _, first, second = played(tmp_path, setup, draw.format("np.random.rand()\n"), draw.format(""))
    assert second.text == alone.text
    assert first.text != alone.text


def test_random_numbers_are_the_same_every_time(tmp_path):
    source = "import random, numpy as np\n(random.random(), np.random.rand())"
    assert played(tmp_path, source) == played(tmp_path, source)


# --- which cell needs which ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "reads", "binds"),
    [
        ("y = f(x)", {"f", "x"}, {"y"}),
        ("x = 1\ny = x", set(), {"x", "y"}),
        ("x = x + 1", {"x"}, {"x"}),
        ("x += 1", {"x"}, {"x"}),
        ("print(x)\nx = 1", {"print", "x"}, {"x"}),
        ("def f(a):\n    b = a\n    return g(b)", {"g"}, {"f"}),
        ("def f():\n    return lambda: deep", {"deep"}, {"f"}),
        ("class C(Base):\n    n = size", {"Base", "size"}, {"C"}),
        ("import numpy as np", set(), {"np"}),
        ("from a import b\nwith b() as c:\n    d = c", set(), {"b", "c", "d"}),
        ("[i for i in items]", {"items"}, set()),
        ("%matplotlib inline", {"get_ipython"}, set()),
        ("def f(:", set(), set()),
    ],
)
def test_a_cell_knows_the_names_it_reads_and_binds(source, reads, binds):
    cell = Cell("c", source)
    assert cell.reads - {"b"} == reads
    assert cell.binds == binds


CHAIN = {
    "base": "def base(x):\n    return x",
    "test_base": "task = Task('base', points=2)\nx = 3\nwith task.check('a', points=2):\n"
    "    task.equal(base(x), 3)\ntask.score()",
    "upper": "def upper(x):\n    return base(x) + 1",
    "test_upper": "task = Task('upper', points=2)\nx = 4\nwith task.check('b', points=2):\n"
    "    task.equal(upper(x), 5)\ntask.score()",
}


@pytest.fixture
def chain(tmp_path):
    """Two tasks, of which the second builds on the first, and a cell that is nobody's business."""
    notebook = tiny_course.source()
    del notebook.cells[-1]
    for cell, (name, source) in zip(notebook.cells[2:], CHAIN.items(), strict=True):
        cell.source = source
        cell.metadata.nbgrader.grade_id = cell.id = name
        if name.startswith("test_"):
            cell.metadata.nbgrader.points = 2
    notebook.cells.append(v4.new_code_cell("raise RuntimeError('plays no part')", id="aside"))
    return Rehearsal(notebook, tmp_path)


def test_only_what_a_change_can_influence_is_run(chain):
    wrong = {"upper": "def upper(x):\n    return base(x)"}
    assert chain.run(wrong).points == {"test_base": 2.0, "test_upper": 0.0}
    assert chain.run(wrong, influenced=True).points == {"test_upper": 0.0}
    assert "aside" in chain.run(wrong).errors
    assert chain.run(wrong, influenced=True).errors == {}


def test_a_change_influences_all_that_builds_on_it(chain):
    wrong = {"base": "def base(x):\n    return -x"}
    everything = chain.run(wrong).points
    assert everything == chain.run(wrong, influenced=True).points
    assert everything == {"test_base": 0.0, "test_upper": 0.0}


def test_a_replacement_may_build_on_what_the_original_did_not_need(chain):
    other = {"base": "def base(x):\n    return other(x)", "upper": "def upper(x):\n    return 5"}
    assert chain.run(other, influenced=True).points == {"test_base": 0.0, "test_upper": 2.0}


# --- points --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "text", "points"),
    [
        ("", None, 3),
        ("", "1.5", 1.5),
        ("", "0", 0),
        ("", "'words'", 3),
        ("", "-1", 3),
        ("ValueError", "3", 0),
    ],
)
def test_points_are_read_as_nbgrader_reads_them(error, text, points):
    from nbgrader.utils import determine_grade

    cell = v4.new_code_cell("x", metadata={"nbgrader": {"grade": True, "points": 3}})
    if text is not None:
        cell.outputs.append(v4.new_output("execute_result", {"text/plain": text}))
    if error:
        cell.outputs.insert(0, v4.new_output("error", ename=error, evalue=""))
    assert nbgrader_points(error, text, 3) == points == determine_grade(cell)[0]


def test_the_reference_earns_everything(tiny):
    outcome = tiny.run()
    assert outcome.points == tiny.maximum == {"test_double": 2.0, "test_halve": 3.0}
    assert (outcome.errors, outcome.unscored) == ({}, [])
    assert [r.points for r in outcome.tasks["test_double"].results] == [1, 1]


def test_a_replacement_changes_only_what_it_should(tiny):
    outcome = tiny.run({"double": "def double(x):\n    return abs(2 * x)"})
    assert outcome.points == {"test_double": 1.0, "test_halve": 3.0}
    assert tiny.run().points == tiny.maximum


def test_a_replacement_that_does_not_parse_costs_its_task_only(tiny):
    outcome = tiny.run({"double": "def double(x"})
    assert outcome.points == {"test_double": 0.0, "test_halve": 3.0}
    assert outcome.errors["double"].startswith("SyntaxError")


def test_a_replacement_for_no_cell_is_an_error_that_lists_the_cells(tiny):
    with pytest.raises(KeyError, match="double, halve"):
        tiny.run({"treble": ""})


def test_a_graded_cell_without_a_score_is_reported(tmp_path):
    notebook = tiny_course.source()
    notebooks.find(notebook, "test_halve").source = "assert halve(2) == 1"
    outcome = Rehearsal(notebook, tmp_path).run()
    assert outcome.unscored == ["test_halve"]
    assert outcome.points["test_halve"] == 3.0


def test_a_test_cell_that_fails_early_does_not_inherit_the_task_before_it(tmp_path):
    notebook = tiny_course.source()
    test = notebooks.find(notebook, "test_halve")
    test.source = "1 / 0\n" + test.source
    outcome = Rehearsal(notebook, tmp_path).run()
    assert outcome.points["test_halve"] == 0.0
    assert list(outcome.tasks) == ["test_double"]


# --- collections ---------------------------------------------------------------------------------

COLLECTION = """
from coursekit.rehearse import Collection

known = Collection("a01_tiny")


@known.right("a sum")
def double(x):
    return x + x


@known.wrong("negative numbers lose their sign", loses={"test_double": 1})
def double(x):
    return 2 * abs(x)


@known.wrong("treble", loses=2)
def double(x):
    return 3 * x


@known.right("a class")
class halve:
    def __new__(cls, x):
        return x * 0.5


slip = known.slips_of(double)
"""


@pytest.fixture
def collection(tmp_path):
    path = tmp_path / "a01_tiny.py"
    path.write_text(COLLECTION)
    return load(path)


def test_a_collection_keeps_names_sources_and_points(collection):
    assert [str(entry) for entry in collection.entries] == [
        "double: a sum",
        "double: negative numbers lose their sign",
        "double: treble",
        "halve: a class",
    ]
    assert [entry.loses for entry in collection.entries] == [
        {},
        {"test_double": 1},
        {"test_double": 2},
        {},
    ]
    assert collection.entries[1].source == "def double(x):\n    return 2 * abs(x)\n"
    assert collection.entries[3].source.startswith("class halve:\n    def __new__")


def test_entries_lose_what_was_stated(tiny, collection):
    verdicts = [judge(tiny, entry) for entry in collection.entries]
    assert all(verdict.as_expected for verdict in verdicts)
    assert [verdict.lost for verdict in verdicts] == [e.loses for e in collection.entries]


@pytest.mark.parametrize("loses", [{"test_double": 1.5}, {"test_halve": 1}, {}])
def test_any_other_loss_is_not_as_expected(tiny, loses):
    entry = Entry("off", "double", "def double(x):\n    return 2 * abs(x)", loses)
    assert not judge(tiny, entry).as_expected


def test_an_entry_for_an_unknown_test_cell_is_an_error(tiny):
    entry = Entry("off", "double", "", {"test_treble": 1})
    with pytest.raises(KeyError, match="test_double, test_halve"):
        judge(tiny, entry)


def test_a_slip_is_one_small_change(tmp_path):
    text = COLLECTION + 'slip("squared", "x + x", "x * x", loses=2)\n'
    (tmp_path / "a.py").write_text(text.replace("known.slips_of(double)", "known.slips_of(halve)"))
    with pytest.raises(ValueError, match="occurs 0 times"):
        load(tmp_path / "a.py")
    (tmp_path / "b.py").write_text(text)
    with pytest.raises(ValueError, match="occurs 0 times"):
        load(tmp_path / "b.py")  # `double` is the last of that name by then
    (tmp_path / "c.py").write_text(text.replace('"x + x", "x * x"', '"3 * x", "x * x"'))
    assert load(tmp_path / "c.py").entries[-1].source == "def double(x):\n    return x * x\n"


@pytest.mark.parametrize("loses", [0, -1, {}, {"test_double": 0}])
def test_a_wrong_solution_must_lose_something(loses):
    known = Collection("a01_tiny")
    with pytest.raises(ValueError, match="must lose points"):
        known.wrong("free", loses=loses)(tiny_course.build)


def test_two_entries_may_not_have_the_same_name(tmp_path):
    (tmp_path / "a.py").write_text(
        COLLECTION.replace('"treble"', '"negative numbers lose their sign"')
    )
    with pytest.raises(ValueError, match="two entries"):
        load(tmp_path / "a.py")


def test_a_file_without_a_collection_is_an_error(tmp_path):
    (tmp_path / "a.py").write_text("x = 1\n")
    with pytest.raises(ValueError, match=r"a\.py must hold one Collection, but holds 0"):
        load(tmp_path / "a.py")


def test_the_table_says_whether_all_is_as_expected(tiny, collection):
    console = Console(record=True, width=120, quiet=True)
    assert show(tiny, collection, console)
    collection.entries.append(
        Entry("off", "double", "def double(x):\n    return x", {"test_halve": 1})
    )
    assert not show(tiny, collection, console)


def test_the_table_is_not_drawn_for_a_broken_reference(tmp_path, collection, capsys):
    notebook = tiny_course.source()
    notebooks.find(notebook, "setup").source = "import nowhere_to_be_found"
    assert not show(Rehearsal(notebook, tmp_path), collection, Console(width=120))
    assert "nowhere_to_be_found" in capsys.readouterr().out
