"""Grades with the judge: in a sandbox, in parallel, and nothing twice.

A submission is read once for each version of its files, judged once for each version of its cells
and of the course's code, and written to the gradebook whole or not at all. What was stored is
complete at any moment, so an interrupted run goes on where it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path

import nbformat

from coursekit import notebooks
from coursekit.grading import autograding, workers
from coursekit.grading.autograding import GradingFailed
from coursekit.grading.gradebook import Book
from coursekit.grading.grades import Grade, QuestionGrade
from coursekit.grading.paper import Graded, Paper, PaperError
from coursekit.grading.processes import Helper, Lost
from coursekit.grading.results import Result, Status
from coursekit.grading.store import (
    Key,
    Record,
    Store,
    answers_hash,
    library_hash,
    limits_hash,
    tests_hash,
)
from coursekit.grading.submissions import (
    STUDENT_ID,
    UNFIT_ID,
    collect,
    fingerprint,
    folder_of,
    handed_in_at,
    prepare,
    prepared,
    with_notes,
)
from coursekit.sandbox import Limits, SandboxUnavailable

READING_SECONDS = 60.0
READING_MEMORY = 8 * 2**30  # bytes; a notebook of 64 MiB needs a twentieth of it


@dataclass(frozen=True)
class Read:
    """What a folder holds.

    Attributes:
        files: its fingerprint.
        answers: hash of the student's cells.
        notes: what was mended or is wrong.
        readable: whether there is anything to grade.
    """

    files: str
    answers: str = ""
    notes: tuple[str, ...] = ()
    readable: bool = True


@dataclass(frozen=True)
class Options:
    """How to grade.

    Attributes:
        workers: submissions graded at the same time, on this machine.
        limits: of each submission.
        dask: address of a scheduler whose workers grade, or None.
    """

    workers: int = 2
    limits: Limits = field(default_factory=Limits)
    dask: str | None = None


def results(
    course: Path, assignment: str, students: Sequence[str], options: Options
) -> Iterator[Result]:
    """Grade submissions; yields each as it is done. `autograding.register` must have run.

    Args:
        students: who has handed something in.
    Raises:
        GradingFailed: nobody's work can be graded here, for the reason in the message.
    """
    with Book(course, assignment) as book:
        session = _Session(course, assignment, options, book)
        yield from session.unchanged(students)
        if session.unread:
            with workers.Workers(session.paper) if options.dask is None else nullcontext() as local:
                yield from session.read()  # while the workers import what they need
                yield from session.judge(local)


class _Session:
    """One run over the submissions of an assignment."""

    def __init__(self, course: Path, assignment: str, options: Options, book: Book):
        self.course, self.assignment, self.options, self.book = course, assignment, options, book
        self.paper = paper_of(course, assignment, options)
        self.store = Store(course, assignment)
        self.release = nbformat.reads(self.paper.release, as_version=4)
        source = nbformat.reads(self.paper.source, as_version=4)
        tests = tests_hash(source, self.release, self.paper.beside)
        limits = limits_hash(options.limits)
        self.key = Key("", tests, library_hash(), limits)
        self.most = {name: notebooks.points(c) for name, c in notebooks.graded(source).items()}
        self.automatic = book.automatic()
        self.unread: list[str] = []
        self.unjudged: dict[str, Read] = {}
        self._innocent = False

    def unchanged(self, students: Sequence[str]) -> Iterator[Result]:
        """Those of whom everything is known; the others are left for `read`."""
        for student in students:
            record = self.store.load(student)
            files = fingerprint(folder_of(self.course, self.assignment, student))
            known = record and record.files == files and self._valid(record, record.key.answers)
            result = self._again(student, record) if known else None
            if result:
                yield result
            else:
                self.unread.append(student)

    def read(self) -> Iterator[Result]:
        """Read what is new; what needs no judge is done, the rest is left for `judge`."""
        count = min(self.options.workers, len(self.unread))
        shares = [self.unread[first::count] for first in range(count)]
        with ThreadPoolExecutor(max(count, 1)) as pool:
            found = {name: read for part in pool.map(self._reading, shares) for name, read in part}
        for student in self.unread:
            result = self._without_judge(student, found[student])
            if result:
                yield result
            else:
                self.unjudged[student] = found[student]

    def _reading(self, students: Sequence[str]) -> list[tuple[str, Read]]:
        """What some students handed in, read in another process."""
        found = []
        with Helper([__name__], READING_MEMORY) as helper:
            for name in students:
                arguments = self.course, self.assignment, name
                try:
                    read = helper(_read, *arguments, limit=READING_SECONDS)
                except Lost as error:
                    read = Read("", notes=(f"it cannot be read: {error}",), readable=False)
                found.append((name, read))
        return found

    def judge(self, local: workers.Workers | None) -> Iterator[Result]:
        """Judge what is left, here or, without `local`, on the cluster."""
        if not self.unjudged:
            return
        texts = {name: self._prepared(name).read_text("utf-8") for name in self.unjudged}
        try:
            for student, outcome in self._graded(texts, local):
                if isinstance(outcome, PaperError):
                    self._accuse(outcome)
                yield self._judged(student, outcome)
        except SandboxUnavailable as error:
            advice = "Or, on a machine where that is acceptable, grade without it: --no-sandbox"
            raise GradingFailed(f"{error}\n{advice}") from error

    def _accuse(self, fault: PaperError) -> None:
        """Tell a submission that breaks the course's own cells from a course that is broken."""
        if not self._innocent:
            with workers.Workers(self.paper) as local:
                (_, outcome), *_ = self._graded({"the release": self.paper.release}, local)
            if isinstance(outcome, PaperError):
                raise GradingFailed(f"{self.assignment} itself does not run: {fault}")
        self._innocent = True

    def _graded(
        self, texts: dict[str, str], local: workers.Workers | None
    ) -> Iterator[tuple[str, Graded | Exception]]:
        if local is not None:
            return workers.graded(local, texts, self.options.workers)
        from coursekit.grading import cluster

        return cluster.graded(self.paper, texts, self.options.dask)

    def _without_judge(self, student: str, found: Read) -> Result | None:
        """What needs no judge, because there is nothing to run or its cells were run before."""
        if not found.readable:
            return self._unreadable(student, found)
        record = self.store.load(student)
        if not record or not self._valid(record, found.answers):
            return None
        status = _status(found, record.grade)
        record = replace(record, status=status, notes=found.notes, files=found.files, written="")
        return self._again(student, record)

    def _again(self, student: str, record: Record) -> Result | None:
        """What was graded before; where the gradebook says otherwise, it is written anew.

        None where the notebook as it was run is lost.
        """
        path, points = self.book.autograded(student), _points(record.grade)
        if not path.is_file():
            return None
        there = self.automatic.get(student, {})
        stamp = handed_in_at(folder_of(self.course, self.assignment, student))
        written = record.written == self.book.terms(student, stamp)
        if written and all(there.get(name) == value for name, value in points.items()):
            return self._result(student, record, fresh=False)
        return self._store(student, record, notebooks.read(path), points)

    def _unreadable(self, student: str, found: Read) -> Result:
        grade = Grade(tuple(QuestionGrade(name, 0.0, most) for name, most in self.most.items()))
        key = self._key(found.answers)
        record = Record(key, Status.UNREADABLE, found.notes, found.files, grade)
        if not STUDENT_ID.fullmatch(student):
            record = replace(record, status=Status.ATTENTION)
        notebook = with_notes(self.release, list(found.notes))
        flag = record.status == Status.ATTENTION
        return self._store(student, record, notebook, dict.fromkeys(self.most, 0.0), flag)

    def _judged(self, student: str, outcome: Graded | Exception) -> Result:
        found = self.unjudged[student]
        match outcome:
            case Graded(grade, text):
                notebook = nbformat.reads(text, as_version=4)
            case Lost() | PaperError():
                return self._give_up(student, found, str(outcome))
            case _:
                raise outcome
        key, status = self._key(found.answers), _status(found, grade)
        record = Record(key, status, found.notes, found.files, grade)
        return self._store(student, record, notebook, _points(grade))

    def _give_up(self, student: str, found: Read, reason: str) -> Result:
        """No points for now; nothing is stored, so that the next run tries again."""
        notes = (*found.notes, reason)
        notebook = with_notes(notebooks.read(self._prepared(student)), [reason])
        points = dict.fromkeys(self.most, 0.0)
        stamp = handed_in_at(folder_of(self.course, self.assignment, student))
        self.book.record(student, notebook, points, stamp=stamp, flag=True)
        scores = self.book.scores(student)
        return Result(student, self.assignment, Status.ATTENTION, notes, scores)

    def _store(self, student, record: Record, notebook, points, flag=False) -> Result:
        """Into the gradebook, and only then among what needs no grading any more."""
        old = self.store.load(student)
        stamp = handed_in_at(folder_of(self.course, self.assignment, student))
        self.book.record(student, notebook, points, stamp=stamp, flag=flag)
        record = replace(record, written=self.book.terms(student, stamp))
        self.store.save(student, record)
        return self._result(student, record, old=old)

    def _result(self, student, record: Record, *, fresh=True, old: Record | None = None) -> Result:
        grade = record.grade
        changed = old.key.differs(record.key) if old else []
        return Result(
            student,
            self.assignment,
            record.status,
            (*record.notes, *grade.notes),
            self.book.scores(student),
            grade.seconds,
            fresh=fresh,
            changed=tuple(changed),
            before=_points(old.grade) if changed else {},
        )

    def _key(self, answers: str) -> Key:
        return replace(self.key, answers=answers)

    def _valid(self, record: Record, answers: str) -> bool:
        return record.key == self._key(answers)

    def _prepared(self, student: str) -> Path:
        return prepared(self.course, self.assignment, student)


def paper_of(course: Path, assignment: str, options: Options) -> Paper:
    """The assignment as it is in solutions/ now. `autograding.register` must have run."""
    source = course / "solutions" / assignment / f"{assignment}.ipynb"
    release = autograding.release_of(course, assignment)
    return Paper(
        source.read_text("utf-8"),
        release.read_text("utf-8"),
        _modules(source.parent),
        _modules(release.parent),
        options.limits,
    )


def _modules(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.py"))}


def _status(found: Read, grade: Grade) -> Status:
    stopped = any(question.stopped_by for question in grade.questions)
    return Status.ATTENTION if found.notes or grade.notes or stopped else Status.GRADED


def _points(grade: Grade) -> dict[str, float]:
    return {q.name: q.points for q in grade.questions if q.points is not None}


def _read(course: Path, assignment: str, student: str) -> Read:
    """Read and mend one submission, in a process that may come to grief over it."""
    folder = folder_of(course, assignment, student)
    files = fingerprint(folder)  # first: what changes later is read again next time
    if not STUDENT_ID.fullmatch(student):
        return Read(files, notes=(UNFIT_ID,), readable=False)
    release = notebooks.read(autograding.release_of(course, assignment))
    submission = collect(folder, release, f"{assignment}.ipynb")
    prepare(course, assignment, student, submission)
    answers = answers_hash(submission.notebook, release)
    return Read(files, answers, tuple(submission.notes), submission.readable)
