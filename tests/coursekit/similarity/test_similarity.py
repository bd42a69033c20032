"""Copies are found however they are dressed up; independent answers are left in peace."""

import ast
import copy
import inspect
import keyword
import re
import socket
from itertools import combinations
from pathlib import Path

import pytest
import tiny_course
from nbformat import v4

import convnets.functional
from coursekit import notebooks, similarity
from coursekit.authoring.checking import few
from coursekit.collection import load
from coursekit.similarity import compare, fingerprints
from coursekit.similarity.pairs import common_runs, marked_lines
from coursekit.similarity.reading import REFERENCE, Readings, answers_of, page, released_runs
from coursekit.similarity.tokens import code_tokens, imported_names, prose_tokens

ROOT = Path(__file__).parents[3]
NAMES = few(["a02_convolution", "a03_pooling_and_lenet"])


def release(name):
    return notebooks.read(ROOT / "assignments" / name / f"{name}.ipynb")


def right(name):
    """Cell -> independent right solutions, the reference first."""
    reference = notebooks.solutions(notebooks.read(ROOT / "solutions" / name / f"{name}.ipynb"))
    found = {
        cell: [source.source]
        for cell, source in reference.items()
        if notebooks.kind(source) == notebooks.Kind.SOLUTION
    }
    for entry in load(ROOT / "tests" / "assignments" / f"{name}.py").entries:
        if entry.is_right:
            found[entry.cell].append(entry.source)
    return found


def answered(name, student, answers):
    notebook = release(name)
    for cell, text in answers.items():
        notebooks.find(notebook, cell).source = text
    return answers_of(student, notebook, release(name))


def pair(everyone, first, second):
    """The comparison of two students of a class."""
    return next(p for p in compare(everyone) if {p.first, p.second} == {first, second})


def independent(name):
    """A class of which no two share an author in any cell."""
    pool = right(name)
    most = min(map(len, pool.values()))
    return [
        answered(name, f"own{i}", {cell: sources[i] for cell, sources in pool.items()})
        for i in range(most)
    ]


# --- copies --------------------------------------------------------------------------------------


def renamed(source):
    """Every name that the code binds, under another name."""
    tree = ast.parse(source)
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    arguments = [node for node in ast.walk(tree) if isinstance(node, ast.arg)]
    bound = {n.id for n in names if not isinstance(n.ctx, ast.Load)} | {a.arg for a in arguments}
    for node in names:
        node.id = f"my_{node.id}" if node.id in bound else node.id
    for node in arguments:
        node.arg = f"my_{node.arg}"
    return ast.unparse(tree)


def reformatted(source):
    """The layout of another formatter: blank lines, other quotes, other brackets."""
    return ast.unparse(ast.parse(source)).replace("'", '"').replace("\n", "\n\n")


def commented(source):
    """Other comments and another docstring."""
    lines = [line.partition("  # ")[0] for line in source.splitlines()]
    head, *rest = lines
    body = [line + "  # I thought of this myself" * (i % 2) for i, line in enumerate(rest) if line]
    return "\n".join(["# mine", head, '    """Does the thing."""', *body])


def padded(source):
    """With a useless statement at the start of the function."""
    at = source.index("\n", source.index("):")) + 1
    return source[:at] + "    unused = len('x')\n" + source[at:]


DISGUISES = [str, renamed, reformatted, padded]


@pytest.mark.parametrize("disguise", DISGUISES)
@pytest.mark.parametrize("name", NAMES)
def test_a_copy_is_found_first_in_whatever_disguise(name, disguise):
    theirs = independent(name)
    original = {cell: sources[-1] for cell, sources in right(name).items()}
    copied = {cell: disguise(source) for cell, source in original.items()}
    everyone = [theirs[0], answered(name, "author", original), answered(name, "copyist", copied)]
    best = compare(everyone)[0]
    assert {best.first, best.second} == {"author", "copyist"}
    assert best.striking
    assert best.share > 0.7


def test_comments_and_docstrings_change_nothing():
    pool = right("a02_convolution")
    for source in (sources[1] for sources in pool.values()):
        assert commented(source) != source
        assert texts(commented(source)) == texts(source)


STUB = '''def f(x):
    """Title.

    Args: x, an array.
    """
    # YOUR CODE HERE
    raise NotImplementedError'''


def test_a_docstring_that_was_edited_does_not_hide_the_code_below_it():
    """Without its released lines, such a docstring would lose one of its quotes."""
    body = "\n    x **= 2.5\n    return x[..., 0] // 3 != 1e-3"
    answer = STUB.replace("    # YOUR CODE HERE\n    raise NotImplementedError", body)
    edited = answer.replace("Title.", "My own title, with (brackets.")
    assert texts(edited, released=STUB) == texts(answer, released=STUB)
    assert texts(answer, released=STUB)[:4] == ["name", "**=", "2.5", "return"]


def test_copies_of_the_reference_solution_are_found_and_traced_to_it(course):
    tiny = notebooks.find(tiny_course.source(), "double").source
    long = "\n".join(f"    x{i} = (x * {i} - {i + 2}) / {i + 1}" for i in range(20))
    source = tiny_course.answered(tiny_course.source(), {"double": f"{tiny}\n{long}"})
    path = course / "solutions" / tiny_course.NAME / f"{tiny_course.NAME}.ipynb"
    notebooks.write(source, path)
    readings = similarity.read_class(course, tiny_course.NAME)
    found = [(p.first, p.second) for p in compare(readings.answers) if p.striking]
    assert sorted(found) == [(REFERENCE, "ada"), (REFERENCE, "bea"), ("ada", "bea")]
    shown = page(tiny_course.NAME, readings, compare(readings.answers))
    assert "2 submissions compared" in shown


def test_the_librarys_own_code_copied_by_two_is_found():
    """The course ships an implementation; two who hand it in share all of it."""
    name = "a02_convolution"
    library = inspect.getsource(convnets.functional.conv2d)
    library += inspect.getsource(convnets.functional.conv2d_backward)
    *own, last = independent(name)
    copied = {**last.sources, "conv2d_backward": library}
    ada = answered(name, "ada", copied)
    bea = answered(name, "bea", {"conv2d_backward": commented(renamed(library))})
    assert [(p.first, p.second) for p in compare([*own, ada, bea]) if p.striking] == [
        ("ada", "bea")
    ]


def test_functions_moved_to_another_cell_are_found():
    name = "a02_convolution"
    original = {cell: sources[1] for cell, sources in right(name).items()}
    cells = list(original)
    moved = dict.fromkeys(cells[1:], "")
    moved[cells[0]] = "\n\n".join(reversed([original[cell] for cell in cells]))
    everyone = [answered(name, "author", original), answered(name, "copyist", moved)]
    found = pair(everyone, "author", "copyist")
    assert found.striking
    assert found.questions["conv2d_backward"].share > 0.7


def test_one_long_copied_answer_is_found_among_own_ones():
    name = "a02_convolution"
    ada, bea, *rest = independent(name)
    stolen = {**bea.sources, "conv2d_backward": renamed(ada.sources["conv2d_backward"])}
    found = pair([ada, answered(name, "bea", stolen), *rest], "own0", "bea")
    assert found.striking
    assert found.share < 0.5
    assert max(found.questions, key=lambda q: found.questions[q].evidence) == "conv2d_backward"


def test_copied_prose_is_found():
    name = "a02_convolution"
    text = " ".join(f"Reason {word} is that kernels slide over images." for word in keyword.kwlist)
    everyone = [
        answered(name, "ada", {"explain_convolution": text}),
        answered(name, "bea", {"explain_convolution": f"**Answer.** {text.upper()}"}),
    ]
    assert pair(everyone, "ada", "bea").striking


# --- no copies -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_independent_right_solutions_are_not_flagged(name):
    pool = right(name)
    for first, second in combinations(range(max(map(len, pool.values()))), 2):
        cells = {c: s for c, s in pool.items() if len(s) > second}
        everyone = [
            answered(name, "ada", {cell: sources[first] for cell, sources in cells.items()}),
            answered(name, "bea", {cell: sources[second] for cell, sources in cells.items()}),
        ]
        assert [(p.share, p.evidence) for p in compare(everyone) if p.striking] == []


def test_what_was_handed_out_is_nobodys():
    everyone = [answered("a02_convolution", who, {}) for who in ("ada", "bea", "cleo")]
    assert compare(everyone) == []


def test_an_example_that_was_handed_out_is_nobodys():
    """Code of the release that is not in a stub, which two of a small class copied."""
    handed_out = release("a02_convolution")
    example = right("a02_convolution")["conv2d_backward"][1]
    handed_out.cells.append(v4.new_code_cell(f"# An example\n{example}"))
    everyone = []
    for student in ("ada", "bea"):
        notebook = copy.deepcopy(handed_out)
        notebooks.find(notebook, "conv2d_backward").source = example
        everyone.append(answers_of(student, notebook, handed_out))
    assert not any(p.striking for p in compare(everyone, given=released_runs(handed_out)))
    assert any(p.striking for p in compare(everyone))


def test_a_common_answer_does_not_flag_everybody():
    """All of a class write the same long answer from the lecture; two also share a rare one."""
    name = "a02_convolution"
    pool = right(name)
    common = pool["conv2d_naive"][0]
    everyone = [answered(name, f"s{i}", {"conv2d_naive": common}) for i in range(40)]
    rare = {"conv2d_naive": common, "conv2d_backward": pool["conv2d_backward"][1]}
    everyone += [answered(name, "ada", rare), answered(name, "bea", rare)]
    assert [(p.first, p.second) for p in compare(everyone) if p.striking] == [("ada", "bea")]


def test_a_short_answer_that_is_the_same_is_no_evidence():
    name = "a02_convolution"
    short = {"pointwise_conv": right(name)["pointwise_conv"][1]}
    everyone = [answered(name, who, short) for who in ("ada", "bea")]
    assert not any(p.striking for p in compare(everyone))


# --- tokens and fingerprints ---------------------------------------------------------------------


def texts(source, **more):
    return [token.text for token in code_tokens(source, **more)]


def test_library_names_stay_and_own_names_do_not():
    assert texts("y = np.pad(x, n)", known={"np"}) == [
        "name",
        "=",
        "np",
        ".",
        "pad",
        "name",
        "name",
    ]
    assert texts("a = len(b)") == ["name", "=", "len", "name"]


@pytest.mark.parametrize("text", ["'a'", '"b"', "f'{x} of {y}'", '"""c\nd"""', "r'e'"])
def test_any_string_is_one_token(text):
    assert texts(f"print({text})") == ["print", "text"]


@pytest.mark.parametrize(
    "broken",
    [
        "def f(:\n    return x +",
        "print('open",
        "x = (1,\n",
        "  y = 1\n z = 2",
        "\x00x = 1",
        "s = '\ud800'",
        "for",
        "$ ? !",
    ],
)
def test_broken_code_is_read_as_far_as_it_goes(broken):
    after = "\n".join(["total = total + weights[i]"] * 10)
    shared = fingerprints.fingerprints(code_tokens(f"{after}\n{broken}"))
    assert fingerprints.fingerprints(code_tokens(after)) <= shared


def test_released_lines_are_dropped_and_line_numbers_stay():
    found = code_tokens("def f(x):\n    # YOUR CODE HERE\n    return x", "def f(x):\n    pass")
    assert [(token.text, token.line) for token in found] == [("return", 3), ("name", 3)]


def test_prose_is_compared_by_words():
    assert [t.text for t in prose_tokens("It is *Equal*.\nHANDED OUT", "HANDED OUT")] == [
        "it",
        "is",
        "equal",
    ]


def test_imports_tell_which_names_everybody_has():
    sources = ["import numpy as np\nfrom coursekit import Task, Oracle  # checks", "x = important"]
    assert imported_names(sources) == {"np", "Task", "Oracle"}


def test_a_shared_run_of_guaranteed_length_shares_a_fingerprint():
    k, window = fingerprints.K, fingerprints.WINDOW
    run = [f"v{i} = {i}" for i in range(k)]
    tokens = code_tokens("\n".join(run))[: k + window - 1]
    before, after = code_tokens("a + b + c"), code_tokens("while True: pass")
    first = fingerprints.fingerprints([*before, *tokens, *after])
    second = fingerprints.fingerprints([*after, *before, *before, *tokens])
    assert len(tokens) == k + window - 1
    assert first & second


def test_too_little_has_no_fingerprint():
    assert fingerprints.fingerprints(code_tokens("return x")) == set()
    assert fingerprints.fingerprints([]) == set()


def test_the_share_is_that_of_the_smaller_submission():
    pool = right("a02_convolution")
    small = {"conv2d_backward": pool["conv2d_backward"][1]}
    large = {cell: sources[1] for cell, sources in pool.items()}
    everyone = [answered("a02_convolution", "a", small), answered("a02_convolution", "b", large)]
    assert pair(everyone, "a", "b").share == pytest.approx(1.0)


def test_results_do_not_depend_on_the_order_of_students():
    name = "a03_pooling_and_lenet"
    everyone = independent(name)
    everyone.append(answered(name, "copyist", everyone[0].sources))
    assert compare(everyone) == compare(everyone[::-1])


def test_marked_lines_are_the_shared_ones():
    shared = "\n".join(f"total = total + weights[{i}] * values[{i}]" for i in range(4))
    mine = code_tokens(f"first = 1\n{shared}\nreturn max(total)")
    theirs = code_tokens(f"{shared}\nother = [1, 2]")
    assert marked_lines(mine, [theirs], set()) == {2, 3, 4, 5}
    assert marked_lines(mine, [theirs], set(fingerprints.k_grams(mine))) == set()


# --- the class and the page ----------------------------------------------------------------------


@pytest.fixture
def course(tmp_path):
    """A course with a release, and three submissions: one a copy, one unreadable."""
    handed_out = copy.deepcopy(tiny_course.source())
    for name in ("double", "halve"):
        notebooks.find(handed_out, name).source = f"def {name}(x):\n    # YOUR CODE HERE"
    notebooks.find(handed_out, "test_double").source = "task.score()"
    place = tmp_path / "assignments" / tiny_course.NAME / f"{tiny_course.NAME}.ipynb"
    notebooks.write(handed_out, place)
    long = "\n".join(f"    x{i} = (x * {i} - {i + 2}) / {i + 1}" for i in range(20))
    for student, extra in (("ada", ""), ("bea", "    # <b>mine</b>\n")):
        answer = f"def double(x):\n{extra}{long}\n    return x19"
        filled = tiny_course.answered(copy.deepcopy(handed_out), {"double": answer})
        filled.cells.append(v4.new_code_cell("print('not an answer')"))
        tiny_course.hand_in(tmp_path, student, filled)
    tiny_course.hand_in(tmp_path, "zoe", data=b"no notebook <i>")
    return tmp_path


def test_a_class_is_read_compared_and_shown(course):
    path, striking = similarity.write_page(course, tiny_course.NAME)
    assert [(p.first, p.second, round(p.share, 2)) for p in striking] == [("ada", "bea", 1.0)]
    text = path.read_text(encoding="utf-8")
    assert path == course / "reports" / "a01_tiny-similar.html"
    assert "<b>    x3 = (x * 3 - 5) / 4</b>" in text
    assert "&lt;b&gt;mine&lt;/b&gt;" in text and "<b>mine" not in text
    assert "zoe" in text and "not an answer" not in text


def test_nothing_leaves_the_machine(course, monkeypatch):
    connect = socket.socket.connect

    def here(self, address):
        assert self.family == socket.AF_UNIX, f"a connection to {address} was opened"
        connect(self, address)

    def refuse(*args, **more):
        raise AssertionError("a host was looked up")

    monkeypatch.setattr(socket.socket, "connect", here)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    path, _ = similarity.write_page(course, tiny_course.NAME)
    text = path.read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert not re.search(r"https?:|<(script|link|img|iframe)|@import|url\(", text)


def test_a_file_that_brings_its_reader_down_is_left_out(course, monkeypatch):
    monkeypatch.setattr("coursekit.similarity.reading.SECONDS", 0.0)
    readings = similarity.read_class(course, tiny_course.NAME)
    assert readings.answers == ()
    assert dict(readings.left_out)["ada"] == "it cannot be read: stopped after 0 seconds"


def test_folders_that_an_archive_leaves_behind_are_nobody(course):
    (course / "submitted" / "__MACOSX" / tiny_course.NAME).mkdir(parents=True)
    readings = similarity.read_class(course, tiny_course.NAME)
    assert "__MACOSX" not in dict(readings.left_out)


def test_lines_are_counted_as_python_counts_them():
    answer = "def f(x):\n    y = '\x0c\u2028'\n    return x + 1"
    assert [token.line for token in code_tokens(answer)][-4:] == [3] * 4


def test_nobody_and_no_release_are_said(course):
    with pytest.raises(FileNotFoundError, match="a09_none is not released"):
        similarity.read_class(course, "a09_none")
    place = course / "assignments" / "a08_new" / "a08_new.ipynb"
    notebooks.write(tiny_course.source(), place)
    with pytest.raises(FileNotFoundError, match="Nobody handed in a08_new"):
        similarity.read_class(course, "a08_new")


@pytest.mark.parametrize("count", [0, 1])
def test_a_class_without_pairs_has_a_page(count):
    everyone = independent("a02_convolution")[:count]
    assert common_runs(everyone) == set()
    assert "No two submissions" in page("a02_convolution", Readings(tuple(everyone)), [])
