"""The one writer of gradebook and autograded/: a submission is in there whole, or not at all.

nbgrader's own code decides what is stored, as in its autograde, but for the points of the tests,
which the judge has counted; all of a submission is one transaction.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from nbformat import NotebookNode
from nbgrader.api import (
    Assignment,
    BaseCell,
    Comment,
    Grade,
    Gradebook,
    SubmittedAssignment,
)
from nbgrader.preprocessors import AssignLatePenalties, SaveAutoGrades
from nbgrader.utils import find_all_files

from coursekit import notebooks
from coursekit.grading import autograding
from coursekit.grading.autograding import GradingFailed
from coursekit.grading.layout import WORK


class Book:
    """The gradebook of a course, open for one assignment. A context manager.

    Args:
        course: the course folder.
        assignment: one that `autograding.register` has told the gradebook about.
    """

    def __init__(self, course: Path, assignment: str):
        self.course, self.assignment = course, assignment
        self._config = autograding.configuration(course)
        self._permissions = autograding.permissions(self._config)
        self._gradebook = autograding.open_gradebook(course)
        folder = course / self._config.CourseDirectory.source_directory / assignment
        ignored = [*self._config.CourseDirectory.get("ignore", []), "*.ipynb"]
        self._beside = [Path(path) for path in find_all_files(str(folder), ignored)]
        self._source = folder

    def __enter__(self) -> Book:
        return self

    def __exit__(self, *error) -> None:
        self._gradebook.close()

    def students(self) -> list[str]:
        """Everyone in the gradebook."""
        return autograding.students_known(self._gradebook)

    def scores(self, student: str) -> dict[str, float | None]:
        """Graded cell -> points; None where a person has to decide."""
        return autograding.scores(self._gradebook, self.assignment, student)

    def automatic(self) -> dict[str, dict[str, float | None]]:
        """Student -> graded cell -> points counted by machine, for everyone who handed in."""
        return {
            each.student_id: {
                grade.name: grade.auto_score
                for notebook in each.notebooks
                for grade in notebook.grades
            }
            for each in self._gradebook.assignment_submissions(self.assignment)
        }

    def autograded(self, student: str) -> Path:
        """Where nbgrader's other tools look for the graded notebook."""
        folder = self.course / "autograded" / student / self.assignment
        return folder / f"{self.assignment}.ipynb"

    def terms(self, student: str, stamp: str | None) -> str:
        """Hash of what a late penalty depends on besides the points."""
        known = self._gradebook.db.query(SubmittedAssignment).filter(
            SubmittedAssignment.assignment.has(Assignment.name == self.assignment),
            SubmittedAssignment.student.has(id=student),
        )
        due = self._gradebook.find_assignment(self.assignment).duedate
        extension = next((each.extension for each in known), None)
        late = self._config.get("AssignLatePenalties", "")
        return hashlib.sha256(repr((stamp, due, extension, late)).encode()).hexdigest()

    def record(
        self,
        student: str,
        notebook: NotebookNode,
        points: Mapping[str, float],
        *,
        stamp: str | None = None,
        flag: bool = False,
    ) -> None:
        """Store a graded submission. Points and comments that a person has given stay.

        Args:
            notebook: as it was run, with hidden tests and outputs.
            points: graded cell -> points; cells left out are graded as nbgrader grades them.
            stamp: time of handing in, as `submissions.handed_in_at` reads it.
            flag: mark all cells in formgrader as waiting for a person.
        Raises:
            GradingFailed: the course's plugin for late penalties failed; nothing is stored.
        """
        with self._transaction() as gradebook:
            gradebook.update_or_create_student(student)
            when = {"timestamp": stamp} if stamp else {}
            with gradebook.db.no_autoflush:  # nbgrader builds a submission piece by piece
                submission = gradebook.update_or_create_submission(self.assignment, student, **when)
            self._save(submission, notebook, points, flag)
            self._penalise(submission, student)
            self._publish(student, notebook, stamp)

    def _save(self, submission, notebook, points, flag) -> None:
        rows = _Rows(self._gradebook, submission)
        settled = self._settled(rows, notebook, points)
        saver = SaveAutoGrades(config=self._config)
        saver.gradebook, saver.student_id = rows, submission.student_id
        saver.assignment_id = saver.notebook_id = self.assignment
        for index, cell in enumerate(notebook.cells):
            if notebooks.grade_id(cell):
                saver.preprocess_cell(cell, {}, index)
        for name, grade in rows.grades.items():
            if name in points:
                grade.auto_score = points[name]
                if grade.manual_score is None:
                    grade.needs_manual_grade = flag
            if name in settled:
                grade.needs_manual_grade = False
        self._gradebook.db.flush()
        self._gradebook.db.expire_all()  # sums are made by the database

    def _settled(self, rows: _Rows, notebook, points) -> set[str]:
        """Cells that a person has marked and that are as they were then.

        nbgrader asks again for all that a person has marked, whenever it grades; a changed test
        would send an assistant through all written answers of a class a second time.
        """
        closed = {
            name: grade.auto_score
            for name, grade in rows.grades.items()
            if grade.manual_score is not None and not grade.needs_manual_grade
        }
        before = self._answers_before(rows.student) if closed else {}
        answers = {name: cell.source for name, cell in notebooks.graded(notebook).items()}
        return {
            name
            for name, score in closed.items()
            if (score == points[name] if name in points else before.get(name) == answers.get(name))
        }

    def _answers_before(self, student: str) -> dict[str, str]:
        """Graded cell -> its text in the notebook that was graded last."""
        try:
            notebook = notebooks.read(self.autograded(student))
        except notebooks.NotebookError:
            return {}
        return {name: cell.source for name, cell in notebooks.graded(notebook).items()}

    def _penalise(self, submission: SubmittedAssignment, student: str) -> None:
        """What `AssignLatePenalties` does, in the same transaction."""
        late = AssignLatePenalties(config=self._config)
        late.init_plugin()
        for notebook in submission.notebooks:
            notebook.late_submission_penalty = None
            if submission.total_seconds_late > 0:
                penalty = self._penalty(late.plugin_inst, submission, student, notebook.score)
                notebook.late_submission_penalty = penalty

    def _penalty(self, plugin, submission, student: str, score: float) -> float | None:
        """What the course's plugin takes off, from 0 to all points; None where it says so."""
        try:
            seconds = submission.total_seconds_late
            penalty = plugin.late_submission_penalty(student, score, seconds)
            return None if penalty is None else max(0.0, min(penalty, score))
        except Exception as error:  # code of the course's own configuration
            name = type(plugin).__name__
            raise GradingFailed(
                f"Late penalties: {name} of nbgrader_config.py failed for {student}: {error!r}"
            ) from error

    def _publish(self, student: str, notebook: NotebookNode, stamp: str | None) -> None:
        """Put the notebook, and what lies beside the source, into autograded/ in one step."""
        target, scratch = self.autograded(student).parent, self.course / WORK / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=scratch) as box:
            new = Path(box, "new")
            self._fill(new, notebook, stamp)
            if os.path.lexists(target):  # a link or a file that stands there goes too
                os.replace(target, Path(box, "old"))
            os.replace(new, target)

    def _fill(self, folder: Path, notebook: NotebookNode, stamp: str | None) -> None:
        """Write what belongs beside each other, with the permissions that nbgrader would set."""
        notebooks.write(notebook, folder / f"{self.assignment}.ipynb")
        for path in self._beside:
            copy = folder / path.relative_to(self._source)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
        if stamp:
            (folder / "timestamp.txt").write_text(stamp)
        for path in folder.rglob("*"):
            if path.is_file():
                path.chmod(self._permissions)

    @contextmanager
    def _transaction(self) -> Iterator[Gradebook]:
        """The gradebook, whose own commits wait for the end of the block."""
        session = self._gradebook.db
        session.remove()
        with self._gradebook.engine.connect() as connection, connection.begin():
            session.configure(bind=connection, join_transaction_mode="rollback_only")
            try:
                yield self._gradebook
                session.flush()
            finally:
                session.remove()
                session.configure(bind=self._gradebook.engine)


class _Rows:
    """What the gradebook holds of one submission, asked for once.

    Stands for the gradebook in `SaveAutoGrades`, which asks for each cell by itself and commits
    each by itself.
    """

    def __init__(self, gradebook: Gradebook, submission: SubmittedAssignment):
        self.db, self.student = self, submission.student_id
        kinds = BaseCell.notebook_id.in_([each.notebook_id for each in submission.notebooks])
        cells = gradebook.db.query(BaseCell).filter(kinds).all()
        self._names = {cell.id: cell.name for cell in cells}
        self.grades = self._by_name(each for n in submission.notebooks for each in n.grades)
        self._comments = self._by_name(each for n in submission.notebooks for each in n.comments)

    def find_grade(self, name: str, *_of: str) -> Grade:
        """The row of a graded cell."""
        return self.grades[name]

    def find_comment(self, name: str, *_of: str) -> Comment:
        """The row of a comment."""
        return self._comments[name]

    def commit(self) -> None:
        """Later, all at once."""

    def _by_name(self, rows: Iterable[Grade | Comment]) -> dict[str, Grade | Comment]:
        return {self._names[row.cell_id]: row for row in rows}
