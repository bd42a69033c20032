"""What a hostile or broken submission is, what it must get, and what must not happen: plain data.

The assignment is that of `tiny_course`: two questions, `double` of 2 points and `halve` of 3. An
attack stands in a cell of its own before the first answer, or in that answer; the second answer is
right, and earns its points whatever the attack does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
from nbformat import NotebookNode, v4

from coursekit import notebooks

RIGHT = "def double(x):\n    return 2 * x\n"
WRONG = "def double(x):\n    return 0\n"
BOTH, SECOND, NOTHING = (2.0, 3.0), (0.0, 3.0), (0.0, 0.0)

HIDDEN_CHECK = "negative number"  # a word of the hidden check, which no student's cell may show
LOOT = "LOOT:"  # what an attack prints before what it has found
SECRET = "the-password-of-whoever-grades"  # stands in the environment of the batch
DOOR = "\0the-judge-of-hostile-submissions"  # an abstract socket, where the judge listens
MOST_SHOWN = 4 * 2**20  # bytes that the cells of one submission may show


@dataclass(frozen=True)
class Cells:
    """Code, graded by a judge in this process.

    Attributes:
        double: the answer to the first question.
        before: a cell that runs before it.
        limits: other than usual.
    """

    double: str = RIGHT
    before: str = ""
    limits: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Edited:
    """A notebook that was tampered with, graded by a judge in this process.

    Attributes:
        change: what is done to the notebook.
        answered: whether the answers in it are right, or those of the release.
    """

    change: Callable[[NotebookNode], None]
    answered: bool


@dataclass(frozen=True)
class Library:
    """An answer to an assignment that forbids the library's own, graded by a judge in this process.

    Attributes:
        source: of the solution cell.
        before: a cell that runs before it.
    """

    source: str
    before: str = ""


@dataclass(frozen=True)
class Beside:
    """An answer that a function of the course calls in its room, graded by a judge in this process.

    Attributes:
        source: of the solution cell; see `beside`.
        before: a cell that runs before it.
    """

    source: str
    before: str = ""


@dataclass(frozen=True)
class Impostor:
    """A process that answers the judge itself, in place of a room.

    Attributes:
        replies: random number seed -> what it puts on the wire, one message each.
        seeds: one sitting for each of these.
    """

    replies: Callable[[int], list[bytes]]
    seeds: range


@dataclass(frozen=True)
class HandedIn:
    """A folder below submitted/, graded with all others of its kind by one `make grade`.

    Attributes:
        put: makes the folder: (its path, the text of a notebook with right answers) -> None.
        student: the name of the student's folder; "" for one made of the case's name.
        told: whether feedback is written, which takes a while.
    """

    put: Callable[[Path, str], None]
    student: str = ""
    told: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a submission.

    Attributes:
        points: of the two questions.
        stopped_by: in words, from what was observed.
        notes: what whoever grades is told.
        shown: all that the student's cells put out.
        damage: what is not as it was, on the judge's side.
        told: the text of the feedback, where it is written.
    """

    points: tuple[float, ...]
    stopped_by: str
    notes: tuple[str, ...] = ()
    shown: str = ""
    damage: tuple[str, ...] = ()
    told: str = ""


@dataclass(frozen=True)
class Never:
    """Something that must not happen.

    Attributes:
        words: what.
        happened: whether an outcome shows it.
    """

    words: str
    happened: Callable[[Outcome], bool]


LOOTED = Never("anything is found", lambda outcome: LOOT in outcome.shown)
ALWAYS = (
    Never("the judge or the course changed", lambda outcome: bool(outcome.damage)),
    Never("a hidden check is shown", lambda outcome: HIDDEN_CHECK in outcome.shown),
    Never("megabytes are stored", lambda outcome: len(outcome.shown) > MOST_SHOWN),
)


@dataclass(frozen=True)
class Case:
    """A submission.

    Attributes:
        name: what it tries.
        submission: how it is made.
        points: what the two questions must earn.
        stopped_by: what must be seen to stop it, in the words of `observed.stopped_by`.
        never: what must not happen, besides what must not happen to any.
        says: words that the notes for whoever grades must hold.
        works_in_one_process: it earns more, or does what must never happen, where answers and
            checks share a process. A test shows that it does.
    """

    name: str
    submission: Cells | Edited | Library | Beside | Impostor | HandedIn
    points: tuple[float, ...]
    stopped_by: str
    never: tuple[Never, ...] = ()
    says: str = ""
    works_in_one_process: bool = False

    @property
    def forbidden(self) -> tuple[Never, ...]:
        """All that must not happen."""
        return (*self.never, *ALWAYS)


def in_a_cell(name: str, source: str, stopped_by: str, points=BOTH, **more) -> Case:
    """An attack before an answer that is right."""
    limits = more.pop("limits", {})
    return Case(name, Cells(RIGHT, source, limits), points, stopped_by, **more)


def in_a_call(name: str, *lines: str, stopped_by: str, points=SECOND, **more) -> Case:
    """An attack in place of the answer; runs when the judge asks for it."""
    limits = more.pop("limits", {})
    return Case(name, Cells(body(*lines), "", limits), points, stopped_by, **more)


def body(*lines: str) -> str:
    """An answer made of these lines."""
    return "def double(x):\n" + "".join(f"    {line}\n" for line in lines)


def handed_in(
    name: str,
    before: str,
    stopped_by: str,
    points=BOTH,
    *,
    double: str = RIGHT,
    after: str = "",
    told: bool = False,
    **more,
) -> Case:
    """An attack that is graded with the class.

    Args:
        before: a cell before the answers. `{course}` in it becomes the path of the course, which an
            attack may well know.
        double: the answer to the first question.
        after: a cell at the end.
        told: whether feedback is written.
    """

    def put(folder: Path, text: str) -> None:
        notebook = nbformat.reads(text, as_version=4)
        notebooks.find(notebook, "double").source = double
        code = before.replace("{course}", str(folder.parents[2]))
        notebook.cells.insert(2, v4.new_code_cell(code))
        notebook.cells += [v4.new_code_cell(after)] * bool(after)
        notebooks.write(notebook, folder / f"{folder.name}.ipynb")

    return Case(name, HandedIn(put, told=told), points, stopped_by, **more)


def student_of(case: Case) -> str:
    """The name of the folder in which a case is handed in."""
    return case.submission.student or re.sub(r"\W+", "_", case.name).strip("_")
