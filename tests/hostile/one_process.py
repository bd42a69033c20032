"""What attacks come to where answers and checks share a process, as in stock autograding.

`python -m tests.hostile.one_process` runs each case that claims to work there in a child of
its own, without any walls, and prints JSON: name of the case -> points, and what was shown.
"""

from __future__ import annotations

import contextlib
import copy
import io
import json
import os
import sys
import tempfile
from pathlib import Path

from IPython.core.interactiveshell import InteractiveShell
from nbformat import NotebookNode, v4

from coursekit import notebooks
from coursekit.grading import autograding
from coursekit.rehearse import nbgrader_points

from .. import tiny_course
from .case import Case, Cells, student_of
from .suite import CASES
from .world import listening


def main() -> None:
    """Run them all, in the folders of a course made for it."""
    found = {}
    with listening(), tempfile.TemporaryDirectory() as folder:
        course = tiny_course.build(Path(folder, "course"))
        path = autograding.register(course, tiny_course.NAME)
        text = notebooks.text_of(tiny_course.answered(notebooks.read(path), tiny_course.RIGHT))
        for student in ("aaa_honest", "zzz_honest"):
            tiny_course.hand_in(course, student, data=text.encode())
        for name, case in CASES.items():
            if case.works_in_one_process:
                found[name] = _in_a_child(case, course, text)
    json.dump(found, sys.stdout)


def _in_a_child(case: Case, course: Path, text: str) -> list:
    """Points and output of a case; a child that dies has neither."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with os.fdopen(writing, "w") as answer:
            json.dump(_run(_notebook(case, course, text), course), answer)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return json.loads(said or '[[], ""]')


def _notebook(case: Case, course: Path, text: str) -> NotebookNode:
    if isinstance(case.submission, Cells):
        notebook = tiny_course.released(tiny_course.source())
        answers = tiny_course.RIGHT | {"double": case.submission.double}
        notebook = tiny_course.answered(notebook, answers)
        notebook.cells.insert(2, v4.new_code_cell(case.submission.before))
        return notebook
    folder = course / "submitted" / student_of(case) / tiny_course.NAME
    case.submission.put(folder, text)
    return notebooks.read(folder / f"{tiny_course.NAME}.ipynb")


def _run(notebook: NotebookNode, course: Path) -> tuple[list[float], str]:
    """Run all cells in one shell, hidden tests included."""
    os.chdir(course)
    tests = copy.deepcopy(notebooks.tests(tiny_course.source()))
    shell, shown, points = InteractiveShell.instance(colors="nocolor"), io.StringIO(), []
    with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
        for cell in (cell for cell in notebook.cells if cell.cell_type == "code"):
            test = tests.get(notebooks.grade_id(cell))
            ran = shell.run_cell((test or cell).source, store_history=True)
            if test is not None:
                text = None if ran.result is None else repr(ran.result)
                points.append(nbgrader_points("" if ran.success else "failed", text, 3.0))
    return points, shown.getvalue()


if __name__ == "__main__":
    main()
