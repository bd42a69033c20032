"""The rules for a lecture see what they should see, and nothing in a lecture that keeps them."""

import pytest
from nbformat import v4

from coursekit import notebooks
from coursekit.authoring import frame, rules
from coursekit.authoring.skeleton import lecture

PNG = (  # one pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAQMAAAAl21bKAAAAA1BMVEUAAACnej3aAAAACklEQVR42mNgAAAAAgAB5Sfe/AAAAABJRU5ErkJggg=="
)


def output(text="m = 2.5\n"):
    return v4.new_output("stream", name="stdout", text=text)


def picture(**metadata):
    data = {"image/png": PNG, "text/plain": "<Figure>"}
    return v4.new_output("display_data", data=data, metadata=metadata)


def good():
    """The lecture that `make new` makes, as if it had run."""
    notebook = frame.lecture(v4.new_notebook(cells=lecture.cells()))
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [output()]
    find(notebook, "figure").outputs = [picture(**{"image/png": {"alt": "Four bars."}})]
    return notebook


def find(notebook, name):
    return next(cell for cell in notebook.cells if cell.id == name)


def text(name, old, new):
    """A change: other text in a cell."""

    def change(notebook):
        cell = find(notebook, name)
        assert old in cell.source
        cell.source = cell.source.replace(old, new)

    return change


def code(source, *outputs):
    """A change: one more code cell at the end."""
    return lambda notebook: notebook.cells.append(v4.new_code_cell(source, outputs=list(outputs)))


def measured(tmp_path, change):
    notebook = good()
    change(notebook)
    path = tmp_path / "05_topic.ipynb"
    notebooks.write(notebooks.normalise(notebook, "keep"), path)
    return {rule.name: rule for rule in rules.measure(path)}


def broken(tmp_path, change):
    """Rule -> its figure, for those that do not hold."""
    found = measured(tmp_path, change)
    return {name: rule.figure for name, rule in found.items() if not rule.holds}


def nothing(_notebook):
    """No change."""


def unfolded(notebook):
    del find(notebook, "settled").metadata["jupyter"]


def without_output(notebook):
    find(notebook, "settled").outputs = []


def without_alt(notebook):
    find(notebook, "figure").outputs = [picture(), picture(**{"image/png": {"width": 3}})]


def alt_of_the_cell(notebook):
    without_alt(notebook)
    find(notebook, "figure").metadata["alt"] = "Four bars."


def many(count, make):
    """A change: many more cells."""
    return lambda notebook: notebook.cells.extend(make(number) for number in range(count))


def shown(number):
    return v4.new_code_cell("plots.show('…')", outputs=[picture(**{"image/png": {"alt": "…"}})])


SECTIONS = "\n\n".join(f"## {number} · More" for number in range(3, 14))
LONG = "from math import (\n" + "".join(f"    a{number},\n" for number in range(11)) + ")"
FAULTS = {
    "too many words": (
        text("follows", "The mean", "word " * 3600 + "The mean"),
        {"words", "minutes by which the time stated is off"},
    ),
    "too many sections": (
        text("end", "## Summary", SECTIONS + "\n\n## Summary"),
        {"numbered sections"},
    ),
    "too many figures": (
        many(25, shown),
        {"figures", "minutes by which the time stated is off"},
    ),
    "cells that show nothing": (code("x = 1"), {"percent of code cells that show nothing"}),
    "a long list of imports": (code(LONG, output()), {"lines of imports in a cell"}),
    "a private module": (
        code("from convnets._hidden import f", output()),
        {"private modules imported"},
    ),
    "a private name": (code("from convnets import _f", output()), {"private modules imported"}),
    "no aims": (text("title", "You will be able to", "Aims"), {"parts of the template missing"}),
    "no title": (text("title", "# Topic", "Topic"), {"parts of the template missing"}),
    "no check": (
        text("end", "## Check yourself", "## Questions"),
        {"parts of the template missing", "folded answers too few or too many"},
    ),
    "an ending in another order": (
        text("end", "## Summary", "## Further reading\n\n## Summary"),
        {"sections numbered wrongly"},
    ),
    "a section without a number": (
        text("follows", "## 2 · What", "## What"),
        {"sections numbered wrongly"},
    ),
    "a number left out": (text("follows", "## 2", "## 3"), {"sections numbered wrongly"}),
    "a time that is felt": (
        text("title", "about 5 minutes", "about 30 minutes"),
        {"minutes by which the time stated is off"},
    ),
    "a prediction that nothing settles": (
        without_output,
        {"predictions the next cell shows nothing of", "percent of code cells that show nothing"},
    ),
    "an answer in sight": (unfolded, {"answers not folded"}),
    "figures without words": (without_alt, {"figures without alt text"}),
    "a question without its answer": (
        text("end", "<details><summary>answer</summary>5.</details>", ""),
        {"folded answers too few or too many"},
    ),
    "reading without a link": (
        text("end", "[arXiv:0000.00000](https://arxiv.org)", "arXiv:0000.00000"),
        {"further reading without a link"},
    ),
}


@pytest.mark.parametrize("change", [nothing, alt_of_the_cell, code("", output())])
def test_a_good_lecture_keeps_every_rule(tmp_path, change):
    assert broken(tmp_path, change) == {}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_seen_by_its_rule_and_by_no_other(tmp_path, fault):
    change, expected = FAULTS[fault]
    assert broken(tmp_path, change).keys() == expected


def test_a_large_file_is_seen(tmp_path):
    large = code("x", v4.new_output("display_data", data={"text/html": "x" * 900_000}))
    assert broken(tmp_path, large) == {"megabytes": 0.91}


def test_the_first_cell_counts_for_nothing(tmp_path):
    without = {name: rule.figure for name, rule in measured(tmp_path, nothing).items()}
    gone = {
        name: rule.figure
        for name, rule in measured(tmp_path, lambda notebook: notebook.cells.pop(1)).items()
    }
    assert {**without, "megabytes": 0} == {**gone, "megabytes": 0}


def test_time_is_words_cells_predictions_and_figures():
    cells = [
        v4.new_markdown_cell("# T\n\n" + "word " * 239),
        v4.new_markdown_cell("**Predict, then run.** $a + b = c$"),  # four words with the formula
        v4.new_code_cell("plot()", outputs=[picture()]),
        v4.new_code_cell("print(1)", outputs=[output()]),
    ]
    counted = rules.Text(v4.new_notebook(cells=cells))
    assert counted.words == 244
    assert rules.minutes(counted) == 244 / 120 + 2 * 0.5 + 2 + 0.5


def test_a_rule_says_what_to_do_and_where(tmp_path):
    rule = measured(tmp_path, without_output)["predictions the next cell shows nothing of"]
    assert str(rule) == (
        "predictions the next cell shows nothing of: 1, at most 0: print or draw it there "
        "(question)"
    )
    rule = measured(tmp_path, text("title", "5 minutes", "30 minutes"))
    stated = rule["minutes by which the time stated is off"]
    assert stated.advice == "write **Time:** about 5 minutes"
    assert (
        str(measured(tmp_path, nothing)["numbered sections"]) == "numbered sections: 2, at most 12"
    )
