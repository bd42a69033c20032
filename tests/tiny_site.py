"""A miniature course of two lectures, one guide and one assignment, and its pages."""

import base64
import io
import os
import subprocess
import sys

import nbformat
from nbformat import v4
from PIL import Image

README = """# Miniature

Lectures: [two](course/02_two.ipynb). Assignment: [a02](assignments/a02/a02.ipynb).
Notation: [here](docs/notation.md#shapes).

![A picture of the front page](docs/images/front.png)
"""
NOTATION = """# Notation

## Shapes

[To the front page](../README.md), [and on](#shapes), $N$ images.

| name | where |
|---|---|
| `convnets.perturb.perturbed(rng.standard_normal(shape))` | `tests/coursekit/site/test_site.py` |
"""


def picture(shade):
    """The smallest PNG of one pixel."""
    file = io.BytesIO()
    Image.new("L", (1, 1), shade).save(file, "PNG")
    return file.getvalue()


def figure(shade, alt):
    data = {"image/png": base64.b64encode(picture(shade)).decode(), "text/plain": "<Figure>"}
    return v4.new_output("display_data", data, metadata={"image/png": {"alt": alt}})


def printed(text):
    return v4.new_output("stream", name="stdout", text=text)


def lecture(title, *cells):
    head = v4.new_markdown_cell(f"# {title}\n\n$$y = \\boldsymbol{{w}} x$$")
    install = v4.new_code_cell("needed = {}", id="install", outputs=[printed("All is there.")])
    notebook = v4.new_notebook(cells=[head, install, *cells])
    notebook.metadata.language_info = {"name": "python", "pygments_lexer": "ipython3"}
    return notebook


def build(course):
    command = [sys.executable, "-m", "coursekit", "site"]
    environment = {**os.environ, "http_proxy": "http://127.0.0.1:9", "PYTHONWARNINGS": "ignore"}
    return subprocess.run(command, cwd=course, capture_output=True, text=True, env=environment)


def make(root):
    """Write the course into a folder and build its pages; returns the finished process."""
    for folder in ("solutions", "course", "docs/images", "assignments/a02"):
        (root / folder).mkdir(parents=True)
    (root / "README.md").write_text(README)
    (root / "docs/notation.md").write_text(NOTATION)
    (root / "docs/images/front.png").write_bytes(picture(3))
    (root / "assignments/a02/a02.ipynb").write_text("{}")
    two = lecture(
        "Two",
        v4.new_markdown_cell("Then [three](03_three.ipynb), [shapes](../docs/notation.md#shapes)."),
        v4.new_markdown_cell("It fell by ten\n% of what it was,\n+++ or more\n(so)= it says."),
        v4.new_code_cell("draw()", outputs=[figure(1, "first <of> two"), figure(2, "second")]),
        v4.new_code_cell("answer()", outputs=[printed("forty-two")]),
    )
    two.cells[-1].metadata["jupyter"] = {"outputs_hidden": True}
    nbformat.write(two, root / "course/02_two.ipynb")
    nbformat.write(lecture("Three"), root / "course/03_three.ipynb")
    return build(root)
