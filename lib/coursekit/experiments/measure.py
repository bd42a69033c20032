"""`make results`: runs what is missing of a lecture's experiments, and stores each run at once."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from coursekit.experiments import machine
from coursekit.experiments.experiment import RESULTS, Experiment, ExperimentError, find, load
from coursekit.experiments.log import Log
from coursekit.experiments.plain import key, shown
from coursekit.experiments.pool import Ended, outcomes

Say = Callable[[str], Any]


def measure(
    course: Path,
    lecture: str,
    *,
    workers: int = 1,
    again: bool = False,
    keep: bool = False,
    say: Say = print,
) -> bool:
    """Run all that is not stored yet of all experiments of a lecture.

    Args:
        course: the course's folder.
        lecture: see `experiment.find`.
        workers: runs at the same time, each in a process with one thread.
        again: begin anew; what was stored is lost.
        keep: runs measured with other code count as if measured with this.
        say: is told what happens, a line at a time.
    Returns:
        Whether all runs are stored now.
    Raises:
        ExperimentError: see `find` and `load`; another process is measuring; or the code has
            changed, and neither `again` nor `keep` says what to do.
        ResultsError: the stored file is damaged.
        OSError: a run could not be stored.
    """
    done = [
        _measure(course, load(path), workers, again, keep, say) for path in find(course, lecture)
    ]
    return all(done)


def _measure(course: Path, experiment: Experiment, workers: int, again, keep, say: Say) -> bool:
    build = course / "build"
    build.mkdir(exist_ok=True)
    try:
        with FileLock(build / f"{experiment.name}.lock", timeout=0):
            log = prepare(course, experiment, again=again, keep=keep, say=say)
            return _run(experiment, log, workers, say)
    except Timeout:
        raise ExperimentError(
            f"{experiment.name} is being measured by another process; wait for it or end it."
        ) from None


def prepare(
    course: Path, experiment: Experiment, *, again: bool, keep: bool, say: Say = print
) -> Log:
    """The stored runs that still belong to an experiment, as they now lie on the disk.

    Runs of settings that it has no more are put aside, into NAME.aside.jsonl, and come back from
    there when the setting does.

    Raises:
        ExperimentError: runs were measured with other code, and neither `again` nor `keep` is set.
    """
    path = course / RESULTS / f"{experiment.name}.jsonl"
    aside_path = path.with_suffix(".aside.jsonl")
    log = Log(path) if again else Log.read(path)
    aside = Log(aside_path) if again else Log.read(aside_path)
    if log.cut_off:
        say(f"{path.name}: the last line was cut off and is dropped; its run is made again.")
    wanted = {key(setting): place for place, setting in enumerate(experiment.settings)}
    _settle_code([run for name, run in log.runs.items() if name in wanted], experiment, keep)
    gone = [name for name in log.runs if name not in wanted]
    back = [
        name
        for name, run in aside.runs.items()
        if name in wanted and name not in log.runs and run["code"] == experiment.code
    ]
    _move(gone, log, aside)
    _move(back, aside, log)
    for name, run in log.runs.items():
        run["place"] = wanted[name]
    log.header = _header(experiment, log.header)
    # Written in this order, a run may for a moment lie in both files, never in none.
    if gone:
        aside.header = _header(experiment, aside.header)
        aside.write()
        say(f"{experiment.name}: {len(gone)} runs have no setting any more; see {aside_path.name}:")
        for name in gone:
            say(f"  {shown(aside.runs[name]['setting'])}")
    log.write()
    if back:
        say(f"{experiment.name}: {len(back)} runs come back from {aside_path.name}.")
        aside.write()
    if not aside.runs:
        aside_path.unlink(missing_ok=True)
    return log


def _settle_code(runs: list[dict[str, Any]], experiment: Experiment, keep: bool) -> None:
    """Mark runs that were measured with other code as measured with this, or refuse."""
    other = [run for run in runs if run["code"] != experiment.code]
    if other and not keep:
        raise ExperimentError(
            f"{experiment.name}: the code has changed since {len(other)} of its runs were "
            'measured; nothing was run. FLAGS="--again" measures everything anew, FLAGS="--keep" '
            "keeps them where the change cannot alter a number."
        )
    for run in other:
        run["code"] = experiment.code


def _move(names: list[str], source: Log, target: Log) -> None:
    for name in names:
        run = source.runs.pop(name)
        target.add(run, source.machine(run))


def _header(experiment: Experiment, old: dict[str, Any]) -> dict[str, Any]:
    return {
        "experiment": experiment.name,
        "asks": experiment.asks,
        "command": f"make results L={experiment.lecture}",
        "runs": len(experiment.settings),
        "on": old.get("on", []),
    }


def _run(experiment: Experiment, log: Log, workers: int, say: Say) -> bool:
    """Run and store what the log lacks; returns whether nothing is missing then."""
    todo = [
        (place, setting)
        for place, setting in enumerate(experiment.settings)
        if key(setting) not in log.runs
    ]
    total, start = len(experiment.settings), time.monotonic()
    say(f"{experiment.name}: {total} runs, {total - len(todo)} stored already.")
    if not todo:
        return True
    failed, on = 0, machine.here()
    ended = outcomes(experiment.path, [setting for _, setting in todo], workers)
    try:
        for count, (number, outcome) in enumerate(ended, 1):
            place, setting = todo[number]
            left = (time.monotonic() - start) / count * (len(todo) - count)
            say(f"  {count}/{len(todo)} {_ended(setting, outcome)}, {_minutes(left)} left")
            if outcome.result is None:
                failed += 1
            else:
                _store(experiment, log, place, setting, outcome, on)
    finally:
        ended.close()
    say(f"{log.path.name}: {len(log.runs)} of {total} runs.")
    if failed:
        say(f"{failed} runs failed, see above; the same command tries them again.")
    return not failed


def _store(experiment: Experiment, log: Log, place: int, setting, outcome: Ended, on) -> None:
    run = {
        "place": place,
        "setting": setting,
        "result": outcome.result,
        "seconds": round(outcome.seconds, 3),
        "code": experiment.code,
    }
    machines = len(log.header["on"])
    stored = log.add(run, on)
    if len(log.header["on"]) > machines:
        log.write()  # the header names one more machine
    else:
        log.append(stored)


def _ended(setting: dict[str, Any], outcome: Ended) -> str:
    if outcome.result is None:
        return f"{shown(setting)}: failed\n{outcome.error}\n "
    return f"{shown(setting)}: {shown(outcome.result)}, {outcome.seconds:.1f} s"


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
