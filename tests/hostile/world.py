"""Where cases are graded: judges in this process, and one class graded as `make grade` does."""

from __future__ import annotations

import contextlib
import copy
import io
import os
import socket
import struct
from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property, singledispatchmethod
from pathlib import Path
from unittest import mock

from nbformat import NotebookNode, v4
from rich.console import Console

from coursekit import notebooks
from coursekit.grading import autograding, classroom
from coursekit.grading.judge import Judge
from coursekit.grading.store import Store
from coursekit.sandbox import Limits, Room, Warm
from coursekit.sandbox.wire import Handle, Writer

from .. import tiny_course
from . import beside, guard, observed
from .case import (
    DOOR,
    SECRET,
    Beside,
    Case,
    Cells,
    Edited,
    HandedIn,
    Impostor,
    Library,
    Outcome,
    student_of,
)

USUAL = Limits(cell_seconds=20, call_seconds=20)
TESTS = ("test_double", "test_halve")
LIBRARY = ("a02_convolution", "conv2d_naive")  # an assignment, and a function it asks for
HONEST = ("aaa_honest", "zzz_honest")  # the first and the last of the class


class World:
    """Grades cases. A context manager.

    Args:
        warm: makes rooms.
        folder: an empty one.
        handed_in: the cases that are graded together, when the first of them is asked for.
    """

    def __init__(self, warm: Warm, folder: Path, handed_in: Iterable[Case]):
        self._warm, self._folder = warm, folder
        self._handed_in = tuple(handed_in)
        self._source = tiny_course.source()
        self._release = tiny_course.released(self._source)
        self._door = listening()

    def __enter__(self) -> World:
        return self

    def __exit__(self, *error) -> None:
        self._door.close()

    def outcome(self, case: Case) -> Outcome:
        """What becomes of a case."""
        return self._grade(case.submission, case)

    @singledispatchmethod
    def _grade(self, submission, case: Case) -> Outcome:
        raise TypeError(f"nothing grades a {type(submission).__name__}.")

    @_grade.register
    def _(self, submission: Cells, case: Case) -> Outcome:
        answers = tiny_course.RIGHT | {"double": submission.double}
        notebook = tiny_course.answered(copy.deepcopy(self._release), answers)
        notebook.cells[2:2] = [v4.new_code_cell(submission.before)] * bool(submission.before)
        return self._judged(self._judge(**submission.limits), notebook)

    @_grade.register
    def _(self, submission: Edited, case: Case) -> Outcome:
        answers = tiny_course.RIGHT if submission.answered else {}
        notebook = tiny_course.answered(copy.deepcopy(self._release), answers)
        submission.change(notebook)
        return self._judged(self._judge(), notebook)

    @_grade.register
    def _(self, submission: Library, case: Case) -> Outcome:
        name, function = LIBRARY
        source, release = (
            tiny_course.ROOT / folder / name / f"{name}.ipynb"
            for folder in ("solutions", "assignments")
        )
        notebook = notebooks.read(release)
        answer = notebooks.find(notebook, function)
        answer.source = submission.source
        place = notebook.cells.index(answer)
        notebook.cells[place:place] = [v4.new_code_cell(submission.before)] * bool(
            submission.before
        )
        judge = Judge.of(source, release, self._warm, USUAL)
        return self._judged(judge, notebook, (f"test_{function}",))

    @_grade.register
    def _(self, submission: Beside, case: Case) -> Outcome:
        for name, content in beside.FILES.items():
            (self._folder / name).write_bytes(content)
        source, files = beside.notebook(), beside.FILES
        judge = Judge(source, source, self._folder, files, self._warm, USUAL)
        handed_in = beside.notebook(submission.source, submission.before)
        return self._judged(judge, handed_in, (beside.TEST,))

    @_grade.register
    def _(self, submission: Impostor, case: Case) -> Outcome:
        with guard.watching() as damage:
            outcomes = [self._impostor(submission.replies(seed)) for seed in submission.seeds]
        points = tuple(max(column) for column in zip(*(o.points for o in outcomes), strict=True))
        stopped = sorted({outcome.stopped_by for outcome in outcomes})
        longest = max((outcome.shown for outcome in outcomes), key=len)
        return Outcome(points, "; ".join(stopped), shown=longest, damage=tuple(damage))

    @_grade.register
    def _(self, submission: HandedIn, case: Case) -> Outcome:
        return self._class[student_of(case)]

    def _judge(self, **limits) -> Judge:
        limits = replace(USUAL, **limits)
        return Judge(self._source, self._release, self._folder, {}, self._warm, limits)

    def _judged(
        self, judge: Judge, notebook: NotebookNode, tests: tuple[str, ...] = TESTS
    ) -> Outcome:
        with guard.watching() as damage:
            judgement = judge.grade(notebook)
        told = "".join(
            judgement.tasks[name].report._repr_html_() for name in tests if name in judgement.tasks
        )
        incidents = [f"{name}: {each.text}" for name, each in judgement.incidents.items()]
        shown = "".join(str(output) for run in judgement.runs.values() for output in run.outputs)
        return Outcome(
            tuple(judgement.points[name] for name in tests),
            observed.of_judgement(judgement, tests).stopped_by(),
            (*judgement.repairs, *incidents),
            shown,
            tuple(damage),
            told,
        )

    def _impostor(self, replies: list[bytes]) -> Outcome:
        notebook = tiny_course.answered(copy.deepcopy(self._release), tiny_course.RIGHT)
        with _Impostors(replies) as warm:
            judge = Judge(self._source, self._release, self._folder, {}, warm, USUAL)
            return self._judged(judge, notebook)

    @cached_property
    def _class(self) -> dict[str, Outcome]:
        """Everybody who handed something in, graded at once."""
        course = tiny_course.build(self._folder / "course")
        path = autograding.register(course, tiny_course.NAME)
        text = notebooks.text_of(tiny_course.answered(notebooks.read(path), tiny_course.RIGHT))
        for student in HONEST:
            tiny_course.hand_in(course, student, data=text.encode())
        for case in self._handed_in:
            folder = course / "submitted" / student_of(case) / tiny_course.NAME
            case.submission.put(folder, text)
        before = guard.files(course)
        with guard.watching() as damage, mock.patch.dict(os.environ, {"HOSTILE_SECRET": SECRET}):
            classroom.grade(course, tiny_course.NAME, console=Console(file=io.StringIO()))
        damage += _changes(before, guard.files(course), course)
        damage += _strangers(course)
        return {student_of(case): self._row(course, case, damage) for case in self._handed_in}

    def _row(self, course: Path, case: Case, damage: list[str]) -> Outcome:
        student = student_of(case)
        record = Store(course, tiny_course.NAME).load(student)
        with autograding.open_gradebook(course) as gradebook:
            scores = autograding.scores(gradebook, tiny_course.NAME, student)
            honest = [autograding.scores(gradebook, tiny_course.NAME, name) for name in HONEST]
        if any((each["test_double"], each["test_halve"]) != (2.0, 3.0) for each in honest):
            damage = [*damage, "a neighbour's points"]
        graded = notebooks.read(course / "autograded" / student / _FILE)
        told = ""
        if case.submission.told:
            page = classroom.feedback(course, tiny_course.NAME, [student])[student]
            told = page.read_text("utf-8")
        return Outcome(
            tuple(scores[name] for name in TESTS),
            observed.of_record(record, graded).stopped_by(),
            (*record.notes, *record.grade.notes),
            _shown(graded),
            tuple(damage),
            told,
        )


def listening() -> socket.socket:
    """A socket to which anybody on this machine, and nobody in a room, can connect."""
    door = socket.socket(socket.AF_UNIX)
    with contextlib.suppress(OSError):  # another run of this suite listens there
        door.bind(DOOR)
        door.listen()
    return door


_FILE = Path(tiny_course.NAME, f"{tiny_course.NAME}.ipynb")


def _shown(notebook: NotebookNode) -> str:
    """What the student's own cells put out."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return "".join(str(c.outputs) for c in cells if notebooks.kind(c) != notebooks.Kind.TEST)


def _changes(before: dict[str, str], after: dict[str, str], course: Path) -> list[str]:
    """Files that were there and are not as they were, and new ones where none may be made."""
    touched = [path for path, digest in before.items() if after.get(path) != digest]
    made = {Path(path).relative_to(course).parts[0] for path in after.keys() - before.keys()}
    kept = [path for path in touched if not _is_gradings(Path(path).relative_to(course))]
    return [*kept, *sorted(made - {".grading", "autograded", "gradebook.db"})]


def _strangers(course: Path) -> list[str]:
    """Students of the gradebook who have handed nothing in."""
    with autograding.open_gradebook(course) as gradebook:
        known = autograding.students_known(gradebook)
    return [name for name in known if not os.path.lexists(course / "submitted" / name)]


def _is_gradings(path: Path) -> bool:
    return path.parts[0] in (".grading", "gradebook.db")


class _Impostors:
    """Makes rooms that say what they like from the moment a student's cell would run."""

    def __init__(self, replies: list[bytes]):
        # The cell of the course ran in an honest room: nobody's code had run in it yet.
        self._replies = [Writer(_no_handles).message(("ran", [], None)), *replies]
        self._ends: list[socket.socket] = []

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for end in self._ends:
            end.close()

    def room(self, files=None, limits=None, *, deadline, read, **_seed) -> Room:
        """A room, as `Warm.room` makes it."""
        ours, end = socket.socketpair()
        our_leash, leash = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ends += [end, leash]
        for raw in self._replies:
            end.sendall(struct.pack("<Q", len(raw)) + raw)
        end.shutdown(socket.SHUT_WR)
        leash.send(b"it ended.")
        return Room(ours, our_leash, limits, deadline, read)


def _no_handles(value) -> Handle:
    raise TypeError(value)
