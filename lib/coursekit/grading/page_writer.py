"""Writes pages of feedback one after the other, with nbgrader's own converter, built once.

nbgrader's `GenerateFeedback` takes a quarter of a second for a page, of which it spends most on
what is the same for everybody: templates are compiled, and the code of the course is coloured and
parsed again. Here both are done once, and each page is the same to the byte.
"""

from __future__ import annotations

import glob
import os
import re
import secrets
import signal
import tempfile
from collections.abc import Callable
from contextlib import chdir
from functools import cache
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter
from nbconvert.filters import Highlight2HTML
from nbformat import NotebookNode
from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory
from traitlets import default

from coursekit.grading import autograding
from coursekit.grading.autograding import GradingFailed

MOST_KNOWN = 1024  # cells whose coloured code is kept


class QuickExporter(HTMLExporter):
    """nbconvert's `HTMLExporter`, which colours and parses each piece of code once.

    nbconvert parses a finished page and writes it anew; most of it is coloured code. A mark stands
    for the code while that is done. Where a mark does not come back as an element of the page,
    because markup around it swallowed it, the page is made in nbconvert's way.
    """

    def __init__(self, *args: Any, **settings: Any):
        super().__init__(*args, **settings)
        self._tag = f"code-{secrets.token_hex(8)}"  # which no notebook can know
        self._mark = re.compile(rf'<{self._tag} n="(\d+)"></{self._tag}>')
        self._known: dict[tuple[str, str], str] = {}
        self._written: dict[str, str] = {}
        self._put: list[str] = []  # code of the page that is being made
        self._marks = True

    def from_notebook_node(
        self, nb: NotebookNode, resources: dict | None = None, **unused: Any
    ) -> tuple[str, dict]:
        """The page of a notebook, and what was found out on the way, as nbconvert returns them."""
        self._put, self._marks = [], True
        page, found = super().from_notebook_node(nb, resources, **unused)
        page, count = self._mark.subn(lambda mark: self._anew(self._put[int(mark[1])]), page)
        if count == len(self._put):
            return page, found
        self._marks = False
        return super().from_notebook_node(nb, resources, **unused)

    def register_filter(self, name: str, jinja_filter: Any) -> Any:
        """Make a filter known to the templates; the one that colours code leaves marks."""
        if name == "highlight_code" and isinstance(jinja_filter, Highlight2HTML):
            jinja_filter = self._marking(jinja_filter)
        return super().register_filter(name, jinja_filter)

    def _marking(self, colour: Highlight2HTML) -> Callable[..., str]:
        def mark(source: str, language: str | None = None, metadata: dict | None = None) -> str:
            magics = (metadata or {}).get("magics_language")
            key = repr((colour.pygments_lexer, language, magics)), source
            if key not in self._known:
                _keep(self._known, key, colour(source, language, metadata))
            text = self._known[key]
            if not self._marks:
                return text
            code = text.strip()
            before, _, after = text.partition(code)
            self._put.append(code)
            # An element that is parsed and written gets double quotes.
            return f"{before}<{self._tag} n='{len(self._put) - 1}'></{self._tag}>{after}"

        return mark

    def _anew(self, code: str) -> str:
        """Coloured code as nbconvert writes it after parsing."""
        if code not in self._written:
            _keep(self._written, code, str(BeautifulSoup(code, features="html.parser")))
        return self._written[code]


class PageWriter(GenerateFeedback):
    """nbgrader's `GenerateFeedback` for one student after the other, with one exporter.

    What is made lies in a folder of drafts until all of a student's feedback is there.

    Args:
        drafts: that folder, on the disk of the course.
    """

    def __init__(self, drafts: Path, coursedir: CourseDirectory, **settings: Any):
        self._drafts, self._drafting = str(drafts), True
        super().__init__(coursedir=coursedir, **settings)

    def start(self) -> None:
        """Write the feedback of the student whom `coursedir` names.

        Raises:
            Exception: nbgrader could not; it logs why.
        """
        self._drafting = True
        if not self.trait_has_value("exporter"):
            super().start()
            return
        self.init_notebooks()
        with chdir(self.coursedir.root):
            self.convert_notebooks()

    def init_notebooks(self) -> None:
        """Find the student's notebooks; to nbgrader, a name with brackets would be a pattern.

        Raises:
            GradingFailed: there are none.
        """
        folder = self._format_source(self.coursedir.assignment_id, self.coursedir.student_id)
        found = glob.glob(f"{self.coursedir.notebook_id}.ipynb", root_dir=folder)
        if not found:
            raise GradingFailed(f"there is no notebook in {folder}")
        self.assignments = {folder: [os.path.join(folder, name) for name in found]}

    def set_permissions(self, assignment_id: str, student_id: str) -> None:
        """The last step before nbgrader calls hooks: the feedback moves to where they expect it."""
        super().set_permissions(assignment_id, student_id)
        draft = self._format_dest(assignment_id, student_id)
        self._drafting = False
        _move(Path(draft), Path(self._format_dest(assignment_id, student_id)))
        super().set_permissions(assignment_id, student_id)  # of the folders above, for groups

    @default("exporter_class")
    def _quick_exporter(self) -> type[HTMLExporter]:
        return QuickExporter

    @property
    def _output_directory(self) -> str:
        return self._drafts if self._drafting else self.coursedir.feedback_directory


def write(course: Path, assignment: str, student: str, drafts: Path) -> str:
    """Write a student's feedback from autograded/ and the gradebook.

    For a process of its own, which keeps what it has learnt for the next student.

    Args:
        drafts: a folder on the disk of the course, for what is not finished.
    Returns:
        Why it could not be written, or "".
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever hands out the work
    try:
        writer = _writer(course, assignment, drafts)
        writer.coursedir.student_id = student
        autograding.run(writer)
    except GradingFailed as error:
        return str(error) or "nbgrader does not say why"
    return ""


@cache
def _writer(course: Path, assignment: str, drafts: Path) -> PageWriter:
    config = autograding.configuration(course)
    config.CourseDirectory.assignment_id = assignment
    return PageWriter(drafts, CourseDirectory(config=config), config=config)


def _keep(known: dict, key: Any, value: str) -> None:
    if len(known) >= MOST_KNOWN:
        known.clear()
    known[key] = value


def _move(new: Path, target: Path) -> None:
    """Put a folder in the place of another one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=new.parent) as box:
        if os.path.lexists(target):  # a link or a file that stands there goes too
            os.replace(target, Path(box, "old"))
        os.replace(new, target)
