"""The cells of a new lecture, with the parts that every lecture has. `Topic` stands for its own."""

from __future__ import annotations

from nbformat import NotebookNode, v4

TITLE = """\
# Topic

**You will be able to**

- compute … by hand, and predict …;
- say when …, and when not.

**Time:** about 5 minutes. **Builds on:** lecture …, for … **Leads to:** assignment a00, where you
write …

Wherever it says *predict, then run*, write your answer down first. The next cell settles it."""

IMPORTS = """\
import matplotlib.pyplot as plt
import numpy as np

from convnets import plots

plots.use_style()
print("one palette for the whole course:", len(plots.COLOURS), "colours")"""

QUESTION = """\
## 1 · What is the question?

One paragraph: what is to be understood, and one running example, here the numbers 1 to 4. Define
every word and letter before it is used: $m = \\frac{1}{n} \\sum_i x_i$ is their mean.

**Predict, then run.** What is $m$?"""

SETTLED = """\
x = np.arange(1, 5)
print("m =", x.mean())
assert x.mean() == 2.5"""

FOLLOWS = """\
The mean is 2.5: the sentence after a cell uses the number that the cell has printed.

## 2 · What does it look like?

A figure has a number, and words for those who cannot see it."""

FIGURE = """\
plt.bar(x, x - x.mean())
plt.axhline(0, color="black", linewidth=1)
plots.show("Bars at 1 to 4 of heights −1.5, −0.5, 0.5 and 1.5: their sum is zero.")"""

END = """\
**Figure 1.** Without their mean the numbers lie around zero.

## Summary

| question | answer |
|---|---|
| what is computed? | $m = \\frac{1}{n} \\sum_i x_i$ |

## Check yourself

1. What is the mean of 2, 4 and 9? <details><summary>answer</summary>5.</details>
2. And of the same numbers less their mean? <details><summary>answer</summary>0.</details>
3. Which number must be added to 1, 2, 3 for a mean of 3? <details><summary>answer</summary>6.
   </details>
4. When does one number move the mean by 1? <details><summary>answer</summary>When it grows by
   $n$.</details>
5. Change `np.arange(1, 5)` to `np.arange(1, 6)`: what happens to the figure?
   <details><summary>answer</summary>A fifth bar; the third one has height 0.</details>

## Further reading

- A. Author (year), *Title*, [arXiv:0000.00000](https://arxiv.org). Why to read it, in a clause."""


def cells() -> list[NotebookNode]:
    """The cells of the notebook, not yet run."""
    folded = {"jupyter": {"outputs_hidden": True}}
    return [
        v4.new_markdown_cell(TITLE, id="title"),
        v4.new_code_cell(IMPORTS, id="imports"),
        v4.new_markdown_cell(QUESTION, id="question"),
        v4.new_code_cell(SETTLED, id="settled", metadata=folded),
        v4.new_markdown_cell(FOLLOWS, id="follows"),
        v4.new_code_cell(FIGURE, id="figure"),
        v4.new_markdown_cell(END, id="end"),
    ]
