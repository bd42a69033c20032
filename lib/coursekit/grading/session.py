"""Grades with the judge: in a sandbox, in parallel, and nothing twice.

A submission is judged once for each version of its cells and of the course's code; where only some
tests have changed, only those run again. It is written to the gradebook whole or not at all, and
what was stored is complete at any moment: an interrupted run goes on where it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.utils import compute_checksum

from coursekit import notebooks
from coursekit.checks import inputs
from coursekit.grading import hashes, marking, workers
from coursekit.grading.autograding import GradingFailed
from coursekit.grading.gradebook import Book
from coursekit.grading.grades import Grade, QuestionGrade
from coursekit.grading.hashes import Key
from coursekit.grading.imports import modules_of
from coursekit.grading.jobs import (
    Earlier,
    Graded,
    Job,
    JobResult,
    Material,
    MaterialError,
    Read,
    Start,
)
from coursekit.grading.layout import folder_of, release_of
from coursekit.grading.processes import Lost
from coursekit.grading.results import Result, Status
from coursekit.grading.store import Store, StoredGrade
from coursekit.grading.submissions import (
    STUDENT_ID,
    fingerprint,
    for_student,
    handed_in_at,
    with_notes,
)
from coursekit.grading.workers import Workers
from coursekit.sandbox import Limits, SandboxUnavailable

GIVEN_UP = "the checks could not be carried through; a person looks at it"


@dataclass(frozen=True)
class Options:
    """How to grade.

    Attributes:
        workers: submissions graded at the same time, on this machine.
        limits: of each submission.
        dask: address of a scheduler whose workers grade, or None.
        confined: False to let student code see and change the machine that grades.
        secret: of the class; see `checks.inputs`.
    """

    workers: int = 2
    limits: Limits = field(default_factory=Limits)
    dask: str | None = None
    confined: bool = True
    secret: str = field(default=inputs.PUBLISHED, repr=False)


@contextmanager
def begun(course: Path, assignment: str, confined: bool) -> Iterator[Workers | None]:
    """Grading processes that start while the assignment is being registered.

    None where nothing seems to be left to do.
    """
    there = {path.parent.name for path in course.glob(f"submitted/*/{assignment}")}
    if there <= Store(course, assignment).students():
        yield None
        return
    source = course / "solutions" / assignment / f"{assignment}.ipynb"
    with Workers(_start(source, confined)) as workers_begun:
        yield workers_begun


def results(
    course: Path,
    assignment: str,
    students: Sequence[str],
    options: Options,
    early: Workers | None = None,
) -> Iterator[Result]:
    """Grade submissions; yields each as it is done. `autograding.register` must have run.

    Args:
        students: who has handed something in.
        early: that `begun` has made.
    Raises:
        GradingFailed: nobody's work can be graded here, for the reason in the message.
    """
    with Book(course, assignment) as book:
        session = _Session(course, assignment, options, book, early)
        yield from session.unchanged(students)
        try:
            yield from session.others()
        except SandboxUnavailable as error:
            advice = "Or, on a machine where that is acceptable, grade without it: --no-sandbox"
            raise GradingFailed(f"{error}\n{advice}") from error


class _Session:
    """One run over the submissions of an assignment."""

    def __init__(
        self, course: Path, assignment: str, options: Options, book: Book, early: Workers | None
    ):
        self.course, self.assignment, self.options, self.book = course, assignment, options, book
        self._early = early
        self.material = material_of(course, assignment, options)
        self.store = Store(course, assignment)
        self.release = notebooks.of_text(self.material.release)
        source = notebooks.of_text(self.material.source)
        self.key = Key(
            answers="",
            setup=hashes.setup_hash(self.release, self.material.beside),
            library=hashes.library_hash(),
            limits=hashes.limits_hash(options.limits, options.confined),
            secret=hashes.secret_hash(self.material.secret),
            tests=hashes.test_hashes(source),
        )
        self.most = {name: notebooks.points(c) for name, c in notebooks.graded(source).items()}
        self.automatic = book.automatic()
        self.records: dict[str, StoredGrade | None] = {}  # of those that are not unchanged
        self._innocent = False

    def unchanged(self, students: Sequence[str]) -> Iterator[Result]:
        """Those of whom everything is known; the rest is left for `others`."""
        for student in students:
            self.records[student] = record = self._usable(student)
            same = record and record.files == fingerprint(self._folder(student))
            if same and not self._stale(record):
                del self.records[student]
                yield self._again(student, record)

    def others(self) -> Iterator[Result]:
        """Read what is new or changed, and judge it as far as it has to be."""
        jobs = {student: self._job(student) for student in self.records}
        if not jobs:
            return
        answers = self._on_cluster if self.options.dask else self._here
        for student, answer in answers(jobs):
            if isinstance(answer.outcome, MaterialError):
                self._accuse(answer.outcome)
            yield self._result_of(student, answer)
            del self.records[student]  # all that is still of use has been written

    def _here(self, jobs: Mapping[str, Job], rooms=True) -> Iterator[tuple[str, JobResult]]:
        early, self._early = self._early if rooms else None, None
        if early:
            early.hand_out(self.material)
            yield from workers.graded(early, jobs, self.options.workers)
            return
        with Workers(replace(self.material.start, rooms=rooms), self.material) as new:
            yield from workers.graded(new, jobs, self.options.workers)

    def _on_cluster(self, jobs: Mapping[str, Job]) -> Iterator[tuple[str, JobResult]]:
        """Files are read here, answers are judged there."""
        from coursekit.grading import cluster

        reads, left = {}, {}
        for student, answer in self._here(jobs, rooms=False):
            known = jobs[student].known
            if known and answer.read and known.answers != answer.read.answers:
                known = None
            if answer.text and (known is None or known.stale):
                reads[student] = answer.read
                left[student] = replace(jobs[student], folder="", text=answer.text, known=known)
            else:
                yield student, answer
        for student, answer in cluster.graded(self.material, left, self.options.dask):
            del left[student]
            yield student, replace(answer, read=reads.pop(student))

    def _job(self, student: str) -> Job:
        record = self.records[student]
        known = Earlier(record.key.answers, self._stale(record)) if record else None
        return Job(f"{self.assignment}.ipynb", str(self._folder(student)), known=known)

    def _accuse(self, fault: MaterialError) -> None:
        """Tell a submission that breaks the course's own cells from a course that is broken."""
        if not self._innocent:
            job = Job(f"{self.assignment}.ipynb", text=self.material.release)
            ((_, answer),) = self._here({"the release": job})
            if isinstance(answer.outcome, MaterialError):
                raise GradingFailed(f"{self.assignment} itself does not run: {fault}")
        self._innocent = True

    def _result_of(self, student: str, answer: JobResult) -> Result:
        read = answer.read or Read()
        match answer.outcome:
            case Graded():
                return self._judged(student, read, answer.outcome)
            case None if read.readable:
                record = self.records[student]
                status = _status(read, record.grade)
                known = replace(record, status=status, notes=read.notes, files=read.files)
                return self._again(student, replace(known, written=""))
            case None:
                return self._unreadable(student, read)
            case Lost() | MaterialError():
                return self._give_up(student, read, str(answer.outcome))
        raise answer.outcome

    def _again(self, student: str, record: StoredGrade) -> Result:
        """What was graded before; where the gradebook says otherwise, it is written anew."""
        points, there = _points(record.grade), self.automatic.get(student, {})
        written = record.written == self.book.terms(student, self._stamp(student))
        if written and all(there.get(name) == value for name, value in points.items()):
            return self._result(student, record)
        notes = [*record.notes, *for_student(record.grade)]
        notebook = with_notes(notebooks.read(self.book.autograded(student)), notes)
        return self._store(student, record, notebook, points)

    def _judged(self, student: str, read: Read, graded: Graded) -> Result:
        grade, record = graded.grade, self.records[student]
        notebook = notebooks.of_text(graded.notebook)
        known = {question.name for question in grade.questions}
        if known < self.most.keys():
            old = notebooks.read(self.book.autograded(student))
            marking.complete_notebook(notebook, old, known)
            grade = marking.completed(grade, record.grade, self.most)
        for cell in notebooks.tests(notebook).values():
            cell.metadata.nbgrader.checksum = compute_checksum(cell)
        key, status = replace(self.key, answers=read.answers), _status(read, grade)
        record = StoredGrade(key, status, read.notes, read.files, grade)
        notebook = with_notes(notebook, [*read.notes, *for_student(grade)])
        return self._store(student, record, notebook, _points(grade))

    def _unreadable(self, student: str, read: Read) -> Result:
        grade = Grade(tuple(QuestionGrade(name, 0.0, most) for name, most in self.most.items()))
        key = replace(self.key, answers=read.answers)
        record = StoredGrade(key, Status.UNREADABLE, read.notes, read.files, grade)
        if not STUDENT_ID.fullmatch(student):
            record = replace(record, status=Status.ATTENTION)
        notebook = with_notes(self.release, list(read.notes))
        flag = record.status == Status.ATTENTION
        return self._store(student, record, notebook, dict.fromkeys(self.most, 0.0), flag)

    def _give_up(self, student: str, read: Read, reason: str) -> Result:
        """No points for now; nothing is stored, so that the next run tries again."""
        job = Job(f"{self.assignment}.ipynb", str(self._folder(student)))
        ((_, answer),) = self._here({student: job}, rooms=False)
        notebook = notebooks.of_text(answer.text or self.material.release)
        points = dict.fromkeys(notebooks.tests(notebook), 0.0)
        notebook = with_notes(notebook, [*read.notes, GIVEN_UP])
        self.book.record(student, notebook, points, stamp=self._stamp(student), flag=True)
        notes, scores = (*read.notes, reason), self.book.scores(student)
        return Result(student, self.assignment, Status.ATTENTION, notes, scores)

    def _store(
        self,
        student: str,
        record: StoredGrade,
        notebook: NotebookNode,
        points: Mapping[str, float],
        flag: bool = False,
    ) -> Result:
        """Into the gradebook, and only then among what needs no grading any more."""
        old, stamp = self.store.load(student), self._stamp(student)
        before = self._decided(student)
        self.book.record(student, notebook, points, stamp=stamp, flag=flag)
        record = replace(record, written=self.book.terms(student, stamp))
        self.store.save(student, record)
        result = self._result(student, record)
        changed = old.key.differs(record.key) if old else ()
        return replace(result, fresh=True, changed=tuple(changed), before=before if changed else {})

    def _result(self, student: str, record: StoredGrade) -> Result:
        return Result(
            student,
            self.assignment,
            record.status,
            (*record.notes, *record.grade.all_notes),
            self.book.scores(student),
            record.grade.seconds,
            fresh=False,
        )

    def _decided(self, student: str) -> dict[str, float]:
        """Graded cell -> points that the gradebook holds, without what a person has yet to do."""
        scores = self.book.scores(student) if student in self.automatic else {}
        return {name: score for name, score in scores.items() if score is not None}

    def _usable(self, student: str) -> StoredGrade | None:
        """What is stored and still of use: the library and all that tests share are the same."""
        record = self.store.load(student)
        there = record and self.book.autograded(student).is_file()
        return record if there and self._stale(record) is not None else None

    def _stale(self, record: StoredGrade) -> frozenset[str] | None:
        return record.key.stale(replace(self.key, answers=record.key.answers))

    def _folder(self, student: str) -> Path:
        return folder_of(self.course, self.assignment, student)

    def _stamp(self, student: str) -> str | None:
        return handed_in_at(self._folder(student))


def material_of(course: Path, assignment: str, options: Options) -> Material:
    """The assignment as it is in solutions/ now. `autograding.register` must have run."""
    source = course / "solutions" / assignment / f"{assignment}.ipynb"
    release = release_of(course, assignment)
    return Material(
        source.read_text("utf-8"),
        release.read_text("utf-8"),
        _modules(source.parent),
        _modules(release.parent),
        options.limits,
        _start(source, options.confined),
        options.secret,
    )


def _start(source: Path, confined: bool) -> Start:
    try:
        modules = modules_of(notebooks.read(source), _modules(source.parent))
    except notebooks.NotebookError:  # which will be said in better words
        modules = []
    return Start(tuple(modules), confined)


def _modules(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.py"))}


def _status(read: Read, grade: Grade) -> Status:
    return Status.ATTENTION if read.notes or grade.all_notes else Status.GRADED


def _points(grade: Grade) -> dict[str, float]:
    return {q.name: q.points for q in grade.questions if q.points is not None}
