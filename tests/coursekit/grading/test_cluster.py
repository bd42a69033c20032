"""A Dask cluster grades like this machine does, and a worker that is lost costs a retry."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import pytest
import tiny_course
from tiny_course import NAME, RIGHT, answered, hand_in

from coursekit import notebooks
from coursekit.grading import autograding, classroom, hashes, session
from coursekit.grading.autograding import GradingFailed
from coursekit.grading.jobs import Job

distributed = pytest.importorskip("distributed")
config = pytest.importorskip("dask.config")
cluster = pytest.importorskip("coursekit.grading.cluster")

FULL = {"test_double": 2.0, "test_halve": 3.0, "explain_double": None}
STUDENTS = 8
PATIENCE = 120.0  # seconds for processes to appear
SLOW = "import time; time.sleep(0.5)"  # so that there is work in progress when a worker is lost

pytestmark = pytest.mark.usefixtures("warm")  # no Bubblewrap: a failure in CI, skipped elsewhere


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    root = tiny_course.build(tmp_path_factory.mktemp("course"))
    path = autograding.register(root, NAME)
    for number in range(STUDENTS):
        answers = RIGHT | {"halve": f"{SLOW}\n{RIGHT['halve']}"}
        if number % 3 == 0:
            answers["double"] = "def double(x):\n    return x"
        hand_in(root, f"student{number}", answered(notebooks.read(path), answers))
    return root


def start(program, *arguments):
    return subprocess.Popen(
        [sys.executable, "-m", f"distributed.cli.{program}", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


@pytest.fixture(scope="module")
def dask(tmp_path_factory):
    """A client of a scheduler with two workers, and the workers' processes by name."""
    folder = tmp_path_factory.mktemp("dask")
    known = f"--scheduler-file={folder / 'scheduler.json'}"
    scheduler = start("dask_scheduler", known, "--host=127.0.0.1", "--port=0", "--no-dashboard")
    options = (known, "--no-nanny", "--nthreads=1", "--no-dashboard", f"--local-directory={folder}")
    workers = {name: start("dask_worker", f"--name={name}", *options) for name in ("one", "two")}
    try:
        client = distributed.Client(
            scheduler_file=str(folder / "scheduler.json"), timeout=PATIENCE, set_as_default=False
        )
        with client:
            client.wait_for_workers(2, timeout=PATIENCE)
            yield client, workers
    finally:
        for process in (*workers.values(), scheduler):
            process.kill()
            process.wait()


def test_a_worker_killed_midway_costs_a_retry_and_nothing_else(course, dask, monkeypatch):
    client, workers = dask
    graded, lost = cluster.graded, []
    address = next(
        where for where, pid in client.run(os.getpid).items() if pid == workers["one"].pid
    )

    def killing(*args):
        for count, item in enumerate(graded(*args)):
            if count == 1:
                lost.extend(client.processing()[address])
                workers["one"].kill()
            yield item

    monkeypatch.setattr(cluster, "graded", killing)
    results = classroom.grade(course, NAME, dask=client.scheduler.address)
    assert lost, "nothing was in progress on the worker that was killed"
    assert address not in client.run(os.getpid)
    assert {result.student: (result.notes, result.scores) for result in results} == {
        f"student{number}": ((), FULL | ({"test_double": 0.0} if number % 3 == 0 else {}))
        for number in range(STUDENTS)
    }
    again = classroom.grade(course, NAME, dask=client.scheduler.address)
    assert not any(result.fresh for result in again)


def jobs(course, count):
    release = notebooks.read(autograding.release_of(course, NAME))
    text = notebooks.text_of(answered(release, RIGHT))
    return {f"s{number}": Job(f"{NAME}.ipynb", text=text) for number in range(count)}


def earned(answer):
    return {q.name: q.points for q in answer.outcome.grade.questions}["test_halve"]


def test_two_assistants_share_a_cluster_without_mixing_their_assignments(course, dask):
    client, _ = dask
    address = client.scheduler.address
    mine = session.material_of(course, NAME, session.Options())
    other = replace(mine, source=mine.source.replace("halve(3.0), 1.5", "halve(3.0), 2.5"))
    first = cluster.graded(mine, jobs(course, 4), address)
    points = [earned(next(first)[1])]
    assert [earned(answer) for _, answer in cluster.graded(other, jobs(course, 2), address)] == [
        0,
        0,
    ]
    points += [earned(answer) for _, answer in first]
    assert points == [3.0] * 4


def test_workers_without_the_library_are_named(course, dask, monkeypatch):
    def register(client, plugin):
        raise ModuleNotFoundError("No module named 'coursekit'")

    monkeypatch.setattr(distributed.Client, "register_plugin", register)
    with pytest.raises(GradingFailed, match="worker cannot grade: No module named 'coursekit'"):
        classroom.grade(course, NAME, limit=78, dask=dask[0].scheduler.address)


def test_a_scheduler_that_is_lost_midway_is_named(course, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 10)  # also the time it waits for its return
    known = tmp_path / "scheduler.json"
    options = ("--host=127.0.0.1", "--port=0", "--no-dashboard", f"--scheduler-file={known}")
    scheduler = start("dask_scheduler", *options)
    options = (f"--scheduler-file={known}", "--no-nanny", "--no-dashboard", "--nthreads=1")
    worker = start("dask_worker", *options, f"--local-directory={tmp_path}")
    try:
        with distributed.Client(scheduler_file=str(known), timeout=PATIENCE, set_as_default=False):
            address = json.loads(known.read_text())["address"]
        material = session.material_of(course, NAME, session.Options())
        arriving = cluster.graded(material, jobs(course, 8), address)
        next(arriving)
        scheduler.kill()
        impatient = {"distributed.comm.timeouts.connect": "1s"}
        with (
            config.set(impatient),
            pytest.raises(GradingFailed, match=r"Dask scheduler at .* is lost"),
        ):
            list(arriving)
    finally:
        for process in (worker, scheduler):
            process.kill()
            process.wait()


def test_a_worker_with_another_library_is_refused(course, dask, monkeypatch):
    client, _ = dask
    monkeypatch.setattr(hashes, "library_hash", lambda: "of another version")
    with pytest.raises(GradingFailed, match="another version of the course's library"):
        classroom.grade(course, NAME, limit=77, dask=client.scheduler.address)


def test_where_there_is_no_scheduler_it_says_so(course, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.1)
    with pytest.raises(GradingFailed, match=r"no Dask scheduler at tcp://127.0.0.1:9"):
        classroom.grade(course, NAME, limit=77, dask="tcp://127.0.0.1:9")
