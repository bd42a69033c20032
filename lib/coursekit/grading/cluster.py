"""Grades on the machines of a Dask cluster: one submission goes out, one grade comes back.

Every machine needs this library, in the same version, and Bubblewrap. Workers hold no results, so a
lost one costs its share of the work in progress, which others do again.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Mapping

from coursekit import extras

with extras.named():
    from distributed import Client, Future, KilledWorker, WorkerPlugin, as_completed, get_worker

from coursekit.grading import hashes
from coursekit.grading.autograding import GradingFailed
from coursekit.grading.jobs import Job, JobResult, Material
from coursekit.grading.processes import Lost
from coursekit.grading.workers import Workers
from coursekit.sandbox import SandboxUnavailable

CONNECT_SECONDS = 30


class Unfit(Exception):
    """A worker that would grade otherwise than this machine."""


class Grading(WorkerPlugin):
    """Holds the grading processes of a Dask worker; Dask brings it to workers that join later.

    Args:
        material: the assignment.
        library: hash of the library that a worker must have too.
    Attributes:
        name: of this run alone: several people may grade different assignments on one cluster.
    """

    def __init__(self, material: Material, library: str):
        self.name = f"coursekit-grading-{uuid.uuid4().hex}"
        self._material, self._library = material, library

    def setup(self, worker) -> None:
        """Nothing is started before there is work."""
        self._lock, self._workers = threading.Lock(), None

    def teardown(self, worker) -> None:
        """End the grading processes."""
        if self._workers:
            self._workers.stop()

    def grade(self, job: Job) -> JobResult:
        """Grade a submission on this worker; see `Workers.grade`."""
        with self._lock:
            if self._workers is None:
                if hashes.library_hash() != self._library:
                    raise Unfit("it has another version of the course's library")
                self._workers = Workers(self._material.start, self._material).__enter__()
        return self._workers.grade(job)


def graded(
    material: Material, jobs: Mapping[str, Job], address: str
) -> Iterator[tuple[str, JobResult]]:
    """Grade several submissions on a cluster; yields name and answer as each is done.

    Args:
        jobs: by name; they hold the rebuilt notebooks, for workers see no files of the course.
        address: of the Dask scheduler, such as "tcp://10.0.0.5:8786".
    Raises:
        GradingFailed: there is no scheduler at this address, it went away, or a worker is not fit
            for it.
    """
    with _connected(address) as client:
        try:
            yield from _graded(client, material, jobs)
        except OSError as error:
            raise GradingFailed(
                f"The connection to the Dask scheduler at {address} is lost: {error}. "
                "What is graded is stored; the same command goes on with the rest."
            ) from error


def _graded(
    client: Client, material: Material, jobs: Mapping[str, Job]
) -> Iterator[tuple[str, JobResult]]:
    grading = _registered(client, material)
    jobs = {client.submit(_grade, job, grading, pure=False): name for name, job in jobs.items()}
    try:
        for job in as_completed(jobs, loop=client.loop):
            yield jobs.pop(job), _outcome(job)  # the cluster, too, lets go of what is done
    finally:
        client.cancel(list(jobs))
        client.unregister_worker_plugin(grading)


def _registered(client: Client, material: Material) -> str:
    """Have the workers hold a `Grading`; returns its name."""
    grading = Grading(material, hashes.library_hash())
    try:
        client.register_plugin(grading)
    except OSError:
        raise
    except Exception as error:  # whatever a worker raises that cannot load it
        raise GradingFailed(f"A Dask worker cannot grade: {error}") from error
    return grading.name


def _connected(address: str) -> Client:
    try:
        return Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise GradingFailed(f"There is no Dask scheduler at {address}: {error}") from error


def _grade(job: Job, grading: str) -> JobResult:
    return get_worker().plugins[grading].grade(job)


def _outcome(job: Future) -> JobResult:
    """What came of a submission.

    Raises:
        GradingFailed: the worker can grade nobody's.
        OSError: the scheduler, which alone could tell, is gone.
    """
    if job.cancelled():
        raise OSError("it cancelled what was left")
    error = job.exception()
    match error:
        case None:
            return job.result()
        case KilledWorker():
            return JobResult(outcome=Lost("worker after worker was lost over it"))
        case Unfit() | SandboxUnavailable():
            raise GradingFailed(f"A Dask worker cannot grade: {error}") from error
    return JobResult(outcome=error)
