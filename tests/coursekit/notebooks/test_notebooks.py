"""Reading, tidying, searching and mending notebooks."""

import base64
import io
import json
import os

import nbformat
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nbformat import v4
from PIL import Image

from coursekit import notebooks
from coursekit.notebooks import Kind, NotebookError

STUB = "def {}(x):\n    # YOUR CODE HERE\n    raise NotImplementedError"


def cell(name, source, kind="solution", points=None, make=v4.new_code_cell):
    flags = {
        "solution": {"solution": True, "grade": False, "locked": False},
        "test": {"solution": False, "grade": True, "locked": True},
        "manual": {"solution": True, "grade": True, "locked": False},
        "locked": {"solution": False, "grade": False, "locked": True},
    }[kind]
    about = {"grade_id": name, "schema_version": 3, "task": False} | flags
    if points is not None:
        about["points"] = points
    return make(source, id=name, metadata={"nbgrader": about})


def release():
    """Two tasks and a question, as a student gets them."""
    return v4.new_notebook(
        cells=[
            v4.new_markdown_cell("# Two functions", id="title"),
            cell("setup", "import numpy as np", "locked"),
            v4.new_markdown_cell("Task 1: double the argument.", id="task-1"),
            cell("double", STUB.format("double")),
            cell("test_double", "assert double(2) == 4", "test", 2),
            v4.new_markdown_cell("Task 2: halve the argument, whatever it is.", id="task-2"),
            cell("halve", STUB.format("halve")),
            cell("test_halve", "assert halve(2) == 1", "test", 3),
            v4.new_markdown_cell("Why is halving the inverse of doubling?", id="task-3"),
            cell("explain_inverse", "YOUR ANSWER HERE", "manual", 4, v4.new_markdown_cell),
        ]
    )


ANSWERS = {
    "double": "def double(x):\n    return 2 * x",
    "halve": "def halve(x):\n    return x / 2",
    "explain_inverse": "One takes back what the other does.",
}


@pytest.fixture
def submission():
    """Everything answered."""
    notebook = release()
    for name, text in ANSWERS.items():
        notebooks.find(notebook, name).source = text
    return notebook


def answers_in(notebook):
    return {name: c.source for name, c in notebooks.solutions(notebook).items()}


def rebuilt(submission):
    """Rebuild, and check what always holds: released cells in order, their text and metadata."""
    notebook, repairs = notebooks.rebuild(release(), submission)
    nbformat.validate(notebook)
    ours = [c for c in notebook.cells if not c.id.startswith("added-")]
    assert [c.id for c in ours] == [c.id for c in release().cells]
    assert notebooks.changes(release(), notebook) == []
    return notebook, repairs


# --- reading -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"print('hello')", "not JSON"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not JSON"),
        (b'{"cells": [}', "not JSON"),
        (b'{"cells": ' + b"[" * 100_000, "not JSON"),
        (b'{"cells": [' + b"1" * 10_000 + b"]}", "not JSON"),
        (b'{"cells": [{"cell_type": "code", "sour', "truncated"),
        (b'{"cells": [', "truncated"),
        (b"[1, 2]", "not a notebook"),
        (b'"text"', "not a notebook"),
        (b'{"a": 1}', "not a notebook"),
        (b'{"cells": {}}', "not a notebook"),
        (b'{"worksheets": 7, "nbformat": 3}', "not a notebook"),
    ],
)
def test_a_file_that_is_no_notebook_gives_a_named_reason(tmp_path, data, reason):
    path = tmp_path / "a.ipynb"
    path.write_bytes(data)
    with pytest.raises(NotebookError, match=r"a\.ipynb") as caught:
        notebooks.read(path)
    assert caught.value.reason == reason


def test_what_is_no_regular_file_gives_a_named_reason(tmp_path):
    (tmp_path / "folder.ipynb").mkdir()
    notebooks.write(release(), tmp_path / "real.ipynb")
    (tmp_path / "link.ipynb").symlink_to(tmp_path / "real.ipynb")
    os.mkfifo(tmp_path / "pipe.ipynb")
    reasons = {}
    for name in ("folder", "link", "pipe", "none"):
        with pytest.raises(NotebookError) as caught:
            notebooks.read(tmp_path / f"{name}.ipynb")
        reasons[name] = caught.value.reason
    assert reasons == dict.fromkeys(("folder", "link", "pipe"), "not a regular file") | {
        "none": "missing"
    }


def test_unusual_files_are_read_with_a_note(tmp_path):
    path = tmp_path / "a.ipynb"
    new = json.loads(notebooks.text_of(release()))
    old = nbformat.v3.new_notebook(
        worksheets=[nbformat.v3.new_worksheet(cells=[nbformat.v3.new_code_cell("x = 1")])]
    )
    cases = {
        "Latin-1 text": json.dumps(new | {"metadata": {"author": "Ÿ é"}}, ensure_ascii=False)
        .replace("Ÿ", "ÿ")
        .encode("latin-1"),
        "UTF-16 text": json.dumps(new).encode("utf-16"),
        "no nbformat key": json.dumps({"cells": new["cells"]}).encode(),
        "nbformat 5, read as 4": json.dumps(new | {"nbformat": 5}).encode(),
        "nbformat 3, upgraded": json.dumps(old).encode(),
        "1 malformed cells left out": json.dumps(new | {"cells": [7, *new["cells"]]}).encode(),
    }
    for note, data in cases.items():
        path.write_bytes(data)
        notebook, notes = notebooks.read_noting(path)
        assert notes == [note]
        assert notebook.cells[0].source in ("# Two functions", "x = 1")
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(new).encode())
    assert notebooks.read_noting(path).notes == []


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
keys = ("cell_type", "source", "metadata", "outputs", "id", "execution_count", "attachments")
cells_of_any_kind = st.fixed_dictionaries(
    {"cell_type": st.sampled_from(["code", "markdown", "raw", "heading"])},
    optional={key: json_values for key in keys if key != "cell_type"}
    | {"metadata": st.fixed_dictionaries({"nbgrader": json_values, "tags": json_values})},
)


@given(cells=st.lists(cells_of_any_kind | json_values, max_size=4), metadata=json_values)
def test_malformed_cells_and_metadata_never_raise(tmp_path_factory, cells, metadata):
    path = tmp_path_factory.mktemp("any") / "a.ipynb"
    path.write_text(json.dumps({"cells": cells, "metadata": metadata, "nbformat": 4}))
    notebook = notebooks.read(path)
    nbformat.validate(notebooks.normalise(notebook))
    for each in notebook.cells:
        assert notebooks.kind(each) in Kind
        assert notebooks.points(each) >= 0 or notebooks.points(each) < 0
    rebuilt(notebook)


@given(
    about=st.dictionaries(
        st.sampled_from(["grade_id", "grade", "solution", "locked", "task", "points"]), json_values
    )
)
def test_any_nbgrader_metadata_has_a_kind_and_points(about):
    odd = v4.new_code_cell("x", metadata={"nbgrader": about})
    assert notebooks.kind(odd) in Kind
    assert isinstance(notebooks.points(odd), float)


# --- writing -------------------------------------------------------------------------------------


def test_writing_is_stable_and_says_whether_anything_changed(tmp_path):
    path = tmp_path / "new" / "a.ipynb"
    assert notebooks.write(release(), path)
    first = path.read_bytes()
    assert not notebooks.write(notebooks.read(path), path)
    assert path.read_bytes() == first
    assert first.endswith(b"}\n")
    assert list(path.parent.iterdir()) == [path]


def test_an_invalid_notebook_is_not_written(tmp_path):
    path = tmp_path / "a.ipynb"
    notebooks.write(release(), path)
    before = path.read_bytes()
    broken = release()
    broken.cells[0].cell_type = "heading"
    with pytest.raises(nbformat.ValidationError):
        notebooks.write(broken, path)
    assert path.read_bytes() == before


# --- tidying -------------------------------------------------------------------------------------


def noisy():
    notebook = release()
    notebook.metadata = nbformat.from_dict(
        {
            "widgets": {"a": 1},
            "kernelspec": {"name": "x", "display_name": "X"},
            "language_info": {"name": "python", "version": "3.14"},
        }
    )
    plain = v4.new_code_cell("print(1)", id="1f2e3d4c", execution_count=17)
    plain.metadata = nbformat.from_dict({"execution": {"t": "1"}, "tags": ["a"], "scrolled": True})
    plain.outputs = [
        v4.new_output("stream", name="stdout", text="1"),
        v4.new_output("stream", name="stdout", text="\n"),
        v4.new_output("execute_result", {"text/plain": "2"}, execution_count=17),
    ]
    notebook.cells += [plain, v4.new_code_cell("", id="code-1"), v4.new_code_cell("y = 2")]
    return notebook


@pytest.mark.parametrize("outputs", ["clear", "keep"])
def test_normalising_twice_changes_nothing_more(outputs):
    once = notebooks.normalise(noisy(), outputs)
    assert notebooks.normalise(once, outputs) == once
    assert [c.source for c in once.cells] == [c.source for c in noisy().cells]


def test_normalising_gives_readable_ids_and_drops_noise():
    tidy = notebooks.normalise(noisy(), "keep")
    assert [c.id for c in tidy.cells[-3:]] == ["code-2", "code-1", "code-3"]
    assert tidy.cells[1].id == "setup"
    assert set(tidy.metadata) == {"kernelspec", "language_info"}
    assert tidy.metadata.kernelspec.name == "python3"
    plain = tidy.cells[-3]
    assert plain.metadata == {"tags": ["a"]}
    assert [o.output_type for o in plain.outputs] == ["stream", "execute_result"]
    assert plain.outputs[0].text == "1\n"
    numbers = [c.execution_count for c in tidy.cells if c.cell_type == "code" and c.source]
    assert numbers == list(range(1, len(numbers) + 1))


def test_words_for_a_figure_and_folded_answers_stay():
    cell = v4.new_code_cell("x", metadata={"alt": "A curve.", "jupyter": {"outputs_hidden": True}})
    about = {"image/png": {"alt": "A line.", "width": 3}, "needs_background": "light"}
    png = {"image/png": png_of(np.zeros((2, 2, 3)))}
    cell.outputs = [v4.new_output("display_data", data=png, metadata=about)]
    odd = v4.new_code_cell("y", metadata={"alt": 3, "jupyter": {"source_hidden": True}})
    tidy = notebooks.normalise(v4.new_notebook(cells=[cell, odd]), "keep")
    assert tidy.cells[0].metadata == cell.metadata
    assert tidy.cells[0].outputs[0].metadata == {"image/png": {"alt": "A line."}}
    assert tidy.cells[1].metadata == {}


def test_normalising_clears_outputs_unless_told_to_keep_them():
    tidy = notebooks.normalise(noisy())
    assert not any(c.get("outputs") or c.get("execution_count") for c in tidy.cells)


def test_the_given_notebook_stays_as_it_is():
    notebook = noisy()
    notebook.cells[-1].id = "fixed"
    before = notebooks.text_of(notebook)
    notebooks.normalise(notebook)
    assert notebooks.text_of(notebook) == before


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("<Line2D at 0x7f1c2a>", "an object address"),
        ("File /home/ann/x.py", "an absolute path"),
        ("took 12.5 ms", "a time"),
        ("Wall time: nothing", "a time"),
        ("100%|##| 5/5 [00:01, 4.1it/s]", "a time"),
    ],
)
def test_unstable_output_is_named(text, what):
    printed = v4.new_code_cell("f()", id="here")
    printed.outputs = [v4.new_output("stream", name="stdout", text=text)]
    (found,) = notebooks.unstable_outputs(v4.new_notebook(cells=[printed]))
    assert found.startswith(f"here: {what}")


def test_stable_output_is_not_complained_about():
    printed = v4.new_code_cell("f()")
    texts = [
        "max error 1.2e-07",
        "stride=2, 32 x 32 -> 16",
        "a/b and https://arxiv.org/abs/1412.6071",
    ]
    printed.outputs = [v4.new_output("stream", name="stdout", text=text) for text in texts]
    timed = v4.new_code_cell("f()", metadata={"tags": ["nbval-ignore-output"]})
    timed.outputs = [v4.new_output("stream", name="stdout", text="3.1 ms")]
    assert notebooks.unstable_outputs(v4.new_notebook(cells=[printed, timed])) == []


def picture(png, text="<Figure size 640x480 with 1 Axes>"):
    drawn = v4.new_code_cell("draw()", id="drawn", execution_count=1)
    drawn.outputs = [v4.new_output("display_data", {"image/png": png, "text/plain": text})]
    return v4.new_notebook(cells=[drawn])


def test_results_are_the_same_whatever_the_bytes_of_a_picture():
    assert notebooks.same_results(picture("AAAA"), picture("BBBB"))
    assert not notebooks.same_results(picture("AAAA"), picture("AAAA", "<Figure with 2 Axes>"))


# --- finding and comparing -----------------------------------------------------------------------


def test_cells_are_found_by_what_they_are_for():
    notebook = release()
    assert list(notebooks.tests(notebook)) == ["test_double", "test_halve"]
    assert list(notebooks.solutions(notebook)) == ["double", "halve", "explain_inverse"]
    assert list(notebooks.graded(notebook)) == ["test_double", "test_halve", "explain_inverse"]
    assert notebooks.total_points(notebook) == 9
    assert notebooks.kind(notebook.cells[1]) == Kind.LOCKED
    with pytest.raises(KeyError, match="double, test_double"):
        notebooks.find(notebook, "treble")


def test_changes_name_what_would_change_for_those_who_handed_in():
    new = release()
    notebooks.find(new, "test_double").source += "  # stricter"
    notebooks.find(new, "test_halve").metadata.nbgrader.points = 5
    notebooks.find(new, "halve").metadata.nbgrader.grade_id = "half"
    notebooks.find(new, "double").source = "the wording of a stub may change"
    new.cells[0].source = "and so may ordinary text"
    assert notebooks.changes(release(), new) == [
        "halve: removed",
        "half: added",
        "test_double: its text changes",
        "test_halve: 3 points become 5",
    ]


# --- mending -------------------------------------------------------------------------------------


def test_a_clean_submission_needs_no_repair(submission):
    notebook, repairs = rebuilt(submission)
    assert repairs == []
    assert answers_in(notebook) == ANSWERS


def test_the_untouched_release_needs_no_repair():
    notebook, repairs = rebuilt(release())
    assert (notebooks.text_of(notebook), repairs) == (notebooks.text_of(release()), [])


def test_submitted_metadata_and_outputs_are_dropped(submission):
    test = notebooks.find(submission, "test_double")
    test.metadata.tags = ["skip-execution"]
    test.metadata.nbgrader.points = 1000
    test.outputs = [v4.new_output("execute_result", {"text/plain": "1000"})]
    submission.metadata.kernelspec = {"name": "evil", "display_name": "evil"}
    notebook, _ = rebuilt(submission)
    assert notebooks.find(notebook, "test_double") == notebooks.find(release(), "test_double")
    assert notebook.metadata == release().metadata


def test_an_edited_test_cell_is_put_back(submission):
    notebooks.find(submission, "test_double").source = "assert True"
    notebook, repairs = rebuilt(submission)
    assert repairs == ["read-only cell test_double was edited; put back"]
    assert answers_in(notebook) == ANSWERS


def test_deleted_cells_come_back(submission):
    gone = ("setup", "test_halve", "halve")
    submission.cells = [c for c in submission.cells if c.id not in gone]
    notebook, repairs = rebuilt(submission)
    assert repairs == [
        "read-only cell setup was deleted; put back",
        "cell halve is missing; graded as not done",
        "read-only cell test_halve was deleted; put back",
    ]
    assert answers_in(notebook) == ANSWERS | {"halve": STUB.format("halve")}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_a_duplicated_cell_the_filled_in_one_counts(submission, order):
    index = [c.id for c in submission.cells].index("double")
    stub = notebooks.find(release(), "double")
    stub.id = "copy"
    pair = [submission.cells[index], stub]
    submission.cells[index : index + 1] = [pair[i] for i in order]
    notebook, repairs = rebuilt(submission)
    assert repairs == ["2 copies of cell double; the last one filled in counts"]
    assert answers_in(notebook) == ANSWERS
    assert len(notebook.cells) == len(release().cells)


def test_a_filled_in_copy_that_does_not_count_stays_in_front_of_the_one_that_does(submission):
    index = [c.id for c in submission.cells].index("double")
    first = cell("double", "def double(x):\n    return x")
    first.id = "first-try"
    submission.cells.insert(index, first)
    notebook, _ = rebuilt(submission)
    sources = [c.source for c in notebook.cells]
    assert sources.index(first.source) < sources.index(ANSWERS["double"])
    assert answers_in(notebook) == ANSWERS


def test_reordered_cells_are_put_in_order(submission):
    submission.cells.reverse()
    notebook, repairs = rebuilt(submission)
    assert repairs == ["cells were moved; put back in order"]
    assert answers_in(notebook) == ANSWERS


def test_a_cell_of_another_type_becomes_what_it_was(submission):
    for name, make in (("double", v4.new_raw_cell), ("explain_inverse", v4.new_code_cell)):
        index = [c.id for c in submission.cells].index(name)
        old = submission.cells[index]
        submission.cells[index] = make(old.source, id=old.id, metadata=old.metadata)
    notebook, repairs = rebuilt(submission)
    assert repairs == [
        "cell double had become a raw cell; it is code again",
        "cell explain_inverse had become a code cell; it is markdown again",
    ]
    assert answers_in(notebook) == ANSWERS


@pytest.mark.parametrize("keep_ids", [True, False])
def test_answers_are_found_where_an_editor_stripped_all_metadata(submission, keep_ids):
    for number, each in enumerate(submission.cells):
        each.metadata = nbformat.from_dict({})
        each.id = each.id if keep_ids else f"c{number}"
    notebook, repairs = rebuilt(submission)
    assert answers_in(notebook) == ANSWERS
    assert len(notebook.cells) == len(release().cells)
    assert repairs == [
        "cell double had lost its name; found by the function it defines",
        "cell halve had lost its name; found by the function it defines",
        "cell explain_inverse had lost its name; found by its place",
    ]


def test_an_answer_with_a_syntax_error_is_found_by_the_function_it_defines(submission):
    broken = notebooks.find(submission, "halve")
    broken.source, broken.metadata = "def halve(x):\n    return x /", nbformat.from_dict({})
    notebook, _ = rebuilt(submission)
    assert answers_in(notebook)["halve"] == broken.source


def test_a_stripped_stub_is_no_answer_to_another_question():
    notebook = release()
    for each in notebook.cells:
        each.metadata = nbformat.from_dict({})
    assert rebuilt(notebook) == (release(), [])


def test_cells_the_student_added_stay_where_they_are(submission):
    helper = v4.new_code_cell("def helper(x):\n    return x + x", metadata={"tags": ["mine"]})
    note = v4.new_markdown_cell("My notes.")
    index = [c.id for c in submission.cells].index("double")
    submission.cells[index:index] = [helper]
    submission.cells.append(note)
    notebook, repairs = rebuilt(submission)
    assert repairs == []
    index = [c.id for c in notebook.cells].index("double")
    assert notebook.cells[index - 1].source == helper.source
    assert notebook.cells[index - 1].metadata == {}
    assert notebook.cells[-1].source == note.source
    assert [c.id for c in notebook.cells if c.id.startswith("added")] == ["added-1", "added-2"]


def test_an_edited_ordinary_cell_is_kept_beside_the_original(submission):
    submission.cells[2].source += " My remark."
    notebook, repairs = rebuilt(submission)
    assert repairs == []
    sources = [c.source for c in notebook.cells]
    assert release().cells[2].source in sources
    assert submission.cells[2].source in sources


def test_a_foreign_notebook_gives_the_empty_stubs_and_says_so():
    foreign = v4.new_notebook(cells=[v4.new_code_cell("print('another course')")])
    notebook, repairs = rebuilt(foreign)
    assert answers_in(notebook) == answers_in(release())
    assert sum("graded as not done" in repair for repair in repairs) == 3


def test_a_source_notebook_is_refused_as_the_base(submission):
    source = release()
    source.cells[3].source = "### BEGIN SOLUTION\nx\n### END SOLUTION"
    with pytest.raises(ValueError, match="student release"):
        notebooks.rebuild(source, submission)


def test_neither_notebook_is_changed(submission):
    base, before = release(), notebooks.text_of(submission)
    notebooks.rebuild(base, submission)
    assert base == release()
    assert notebooks.text_of(submission) == before


names = st.sampled_from([c.id for c in release().cells])


@given(
    order=st.permutations(range(len(release().cells))),
    gone=st.sets(names, max_size=3),
    stripped=st.sets(names),
    twice=st.sets(names, max_size=2),
)
def test_answers_survive_any_reordering_stripping_and_copying(order, gone, stripped, twice):
    filled = release()
    for name, text in ANSWERS.items():
        notebooks.find(filled, name).source = text
    cells = [filled.cells[i] for i in order if filled.cells[i].id not in gone]
    cells += [nbformat.from_dict(c | {"id": f"{c.id}-2"}) for c in cells if c.id in twice]
    for each in cells:
        if each.id.removesuffix("-2") in stripped:
            each.metadata = nbformat.from_dict({})
    notebook, _ = rebuilt(v4.new_notebook(cells=cells))
    for name in ("double", "halve"):  # a stripped text has nothing but its place to be found by
        expected = STUB.format(name) if name in gone else ANSWERS[name]
        assert notebooks.find(notebook, name).source == expected


# --- running -------------------------------------------------------------------------------------


def test_a_lecture_is_run_and_rewritten_only_if_it_says_something_new(tmp_path):
    (tmp_path / "beside.py").write_text("ANSWER = 42\n")
    path = tmp_path / "a.ipynb"
    source = "import beside\nprint(hash('a'), {'x', 'y', 'z'})\nbeside.ANSWER"
    notebooks.write(v4.new_notebook(cells=[v4.new_code_cell(source, id="only")]), path)
    assert notebooks.refresh(path)
    first = path.read_bytes()
    assert notebooks.read(path).cells[0].outputs[1].data["text/plain"] == "42"
    assert not notebooks.refresh(path)
    assert path.read_bytes() == first


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("1 / 0", "a cell raised ZeroDivisionError"),
        ("object()", "an object address"),
        ("while True: pass", "more than 1 seconds"),
    ],
)
def test_a_lecture_that_fails_is_not_rewritten(tmp_path, source, message):
    path = tmp_path / "a.ipynb"
    notebooks.write(v4.new_notebook(cells=[v4.new_code_cell(source)]), path)
    before = path.read_bytes()
    with pytest.raises(notebooks.ExecutionError, match=message):
        notebooks.refresh(path, timeout=1)
    assert path.read_bytes() == before


def png_of(colours):
    """A picture (H, W, 3) of numbers from 0 to 1, as an output holds it."""
    file = io.BytesIO()
    Image.fromarray((255 * colours).astype(np.uint8)).convert("RGBA").save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def test_stored_pictures_get_a_palette_and_look_the_same():
    down, across = np.mgrid[0:1:240j, 0:1:400j]
    colours = np.stack([down, across, 0.5 + 0.3 * np.sin(90 * down * across)], axis=-1)
    data = {"image/png": png_of(colours), "text/plain": "<Figure>"}
    cell = v4.new_code_cell("draw()", id="a", outputs=[v4.new_output("display_data", data=data)])
    tidy = notebooks.normalise(v4.new_notebook(cells=[cell]), "keep")
    stored = tidy.cells[0].outputs[0].data["image/png"]
    assert len(stored) < len(data["image/png"]) / 2
    picture = Image.open(io.BytesIO(base64.b64decode(stored)))
    assert picture.mode == "P"
    assert (
        np.abs(np.asarray(picture.convert("RGB")) / 255 - colours).mean() < 0.05
    )  # six levels a channel
    assert notebooks.normalise(tidy, "keep") == tidy
