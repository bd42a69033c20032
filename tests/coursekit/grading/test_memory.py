"""Whoever grades a class lets go of each submission once it is written."""

import gc
import weakref
from pathlib import Path

import nbformat
import pytest
import tiny_course
from tiny_course import MOST, NAME, RIGHT, answered, hand_in

from coursekit import notebooks
from coursekit.grading import autograding, classroom, reading, session, workers
from coursekit.grading.grades import Grade, QuestionGrade
from coursekit.grading.jobs import Graded, Job, JobResult

POINTS = MOST | {"explain_double": None}


@pytest.fixture(autouse=True)
def only_what_is_made_here():
    """Collecting garbage looks at this test's objects, not at all that pytest has loaded."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


class Quick:
    """Stands for the grading processes; knows which of its answers are still in memory."""

    def __init__(self):
        self.given, self.stopped = [], False

    def __call__(self, start, material=None):
        return self

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.stop()

    def hand_out(self, material):
        self.release = nbformat.reads(material.release, 4)

    def grade(self, job):
        read, text = None, ""
        if job.folder:
            read, notebook = reading.read(Path(job.folder), job.name, self.release)
            text = nbformat.writes(notebook)
        questions = [QuestionGrade(name, points, MOST[name]) for name, points in POINTS.items()]
        graded = Graded(Grade(tuple(questions)), text)
        self.given.append(weakref.ref(graded))
        return JobResult(read, graded)

    def stop(self):
        self.stopped = True

    def count(self):
        gc.collect()
        return sum(answer() is not None for answer in self.given)


@pytest.mark.parametrize("count", [1, 3])
def test_answers_that_are_not_fetched_yet_are_few(count):
    quick, jobs = Quick(), {f"student {i}": Job("a.ipynb") for i in range(40)}
    found, most = [], 0
    for name, _ in workers.graded(quick, jobs, count):
        found.append(name)
        most = max(most, quick.count())
    assert sorted(found) == sorted(jobs)
    assert 0 < most <= workers.AHEAD * count + 1
    assert quick.stopped


def test_who_stops_early_stops_the_processes():
    quick = Quick()
    arriving = workers.graded(quick, {str(i): Job("a.ipynb") for i in range(40)}, 2)
    next(arriving)
    arriving.close()
    assert quick.stopped
    assert quick.count() <= 2 * workers.AHEAD


def test_of_a_class_no_more_is_kept_than_is_in_progress(tmp_path, monkeypatch):
    course, quick, kept = tiny_course.build(tmp_path), Quick(), []
    release = autograding.register(course, NAME)
    for i in range(12):
        hand_in(course, f"student-{i}", answered(notebooks.read(release), RIGHT))
    sessions = []
    init = session._Session.__init__
    monkeypatch.setattr(
        session._Session, "__init__", lambda self, *a: (sessions.append(self), init(self, *a))[1]
    )
    monkeypatch.setattr(session, "Workers", quick)

    def watched(results, *_):
        for result in results:
            kept.append((quick.count(), len(sessions[0].records)))
            yield result

    monkeypatch.setattr(classroom, "watched", watched)
    done = classroom.grade(course, NAME, workers=1)
    assert [result.total for result in done] == [5.0] * 12
    assert len(kept) == 12
    assert max(answers for answers, _ in kept) <= workers.AHEAD + 1
    assert [records for _, records in kept] == [12 - i for i in range(12)]
