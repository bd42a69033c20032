"""`make results`: what is measured stays, what is missing is measured, what changed is told."""

import json
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from coursekit.experiments import Results, ResultsError, results
from coursekit.experiments.experiment import (
    FOLDER,
    RESULTS,
    ExperimentError,
    find,
    fingerprint,
    load,
)
from coursekit.experiments.log import Log
from coursekit.experiments.measure import measure
from coursekit.experiments.plain import key

ROOT = Path(__file__).parents[3]
NAME = "07_squares"
SQUARES = '''\
"""What is the square of a seed?"""

SETTINGS = [{"times": 2, "seed": seed} for seed in range(4)]


def run(times, seed):
    return {"value": times * seed**2}
'''


class Course:
    """A folder with one experiment, and what was said while it was measured."""

    def __init__(self, folder):
        self.folder, self.said = folder, []
        for name in (FOLDER, RESULTS, Path("solutions")):
            (folder / name).mkdir(parents=True)
        self.file = folder / FOLDER / f"{NAME}.py"
        self.stored = folder / RESULTS / f"{NAME}.jsonl"
        self.aside = self.stored.with_suffix(".aside.jsonl")
        self.file.write_text(SQUARES)

    def change(self, old, new):
        text = self.file.read_text()
        assert text.count(old) == 1
        self.file.write_text(text.replace(old, new))

    def measure(self, **how):
        self.said = []
        return measure(self.folder, "07", say=self.said.append, **how)

    def lines(self):
        return [json.loads(line) for line in self.stored.read_text().splitlines()]

    def table(self):
        return results(NAME, self.folder / RESULTS)

    def command(self, *flags):
        """The command in a process of its own, which the experiment may kill."""
        code = "from coursekit.cli import main; main()"
        return subprocess.run(
            [sys.executable, "-c", code, "results", "07", *flags],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=120,
        )


@pytest.fixture
def course(tmp_path):
    return Course(tmp_path)


def test_every_setting_is_run_and_stored_with_where_it_was_measured(course):
    assert course.measure(workers=2)
    header, *runs = course.lines()
    assert header["experiment"] == NAME and header["asks"] == "What is the square of a seed?"
    assert header["command"] == "make results L=07" and header["runs"] == 4
    (on,) = header["on"]
    assert {"date", "cpu", "cores", "threads", "python", "numpy", "convnets"} <= set(on)
    assert on["threads"] == 1 and on["cores"] == os.cpu_count()
    values = {run["setting"]["seed"]: run["result"]["value"] for run in runs}
    assert values == {0: 0, 1: 2, 2: 8, 3: 18}
    assert all(run["seconds"] >= 0 and run["on"] == 0 for run in runs)


def test_the_table_is_in_the_order_of_the_settings_whatever_finished_first(course):
    course.measure(workers=2)
    header, *runs = course.stored.read_text().splitlines(keepends=True)
    course.stored.write_text("".join([header, *runs[::-1]]))
    table = course.table()
    assert table.column("seed") == [0, 1, 2, 3] and table.column("value") == [0, 2, 8, 18]
    assert table[1].keys() == {"times", "seed", "value", "seconds"}
    assert table.where(seed=3)[0]["value"] == 18 and table.header["runs"] == 4
    assert "4 runs" in table.measured and "1 thread a run" in table.measured
    assert repr(table) == "Results(07_squares: 4 runs; times, seed, value, seconds)"


def test_what_is_stored_is_not_run_again(course):
    course.measure()
    before = course.stored.read_bytes()
    assert course.measure()
    assert course.stored.read_bytes() == before
    assert course.said == ["07_squares: 4 runs, 4 stored already."]


def test_more_settings_run_only_what_is_new(course):
    course.measure()
    old = {run["setting"]["seed"]: run for run in course.lines()[1:]}
    course.change("range(4)", "range(-1, 5)")
    assert course.measure()
    runs = {run["setting"]["seed"]: run for run in course.lines()[1:]}
    assert sorted(runs) == [-1, 0, 1, 2, 3, 4] and len(course.said) == 4
    assert all({**runs[seed], "place": seed} == old[seed] for seed in old)
    assert course.table().column("seed") == [-1, 0, 1, 2, 3, 4]


def test_runs_without_a_setting_are_named_kept_aside_and_come_back(course):
    course.measure()
    whole = course.stored.read_bytes()
    course.change("range(4)", "range(2)")
    assert course.measure()
    assert course.table().column("seed") == [0, 1]
    assert any("2 runs have no setting any more" in line for line in course.said)
    assert {"  times=2 seed=2", "  times=2 seed=3"} <= set(course.said)
    assert sorted(r["setting"]["seed"] for r in Log.read(course.aside).runs.values()) == [2, 3]
    course.change("range(2)", "range(4)")
    assert course.measure()
    assert course.stored.read_bytes() == whole and not course.aside.exists()
    assert any("2 runs come back" in line for line in course.said)


def test_changed_code_is_noticed_and_nothing_is_mixed(course):
    course.measure()
    before = course.stored.read_bytes()
    course.change("times * seed**2", "times * seed**3")
    with pytest.raises(ExperimentError, match=r'4 of its runs.*"--again".*"--keep"'):
        course.measure()
    assert course.stored.read_bytes() == before
    assert course.measure(again=True)
    assert course.table().column("value") == [0, 2, 16, 54]


def test_changed_code_that_changes_no_number_may_keep_its_runs(course):
    course.measure()
    old = course.table()
    course.change("times * seed**2", "times * seed * seed")
    assert course.measure(keep=True) and course.said[0].endswith("4 stored already.")
    assert course.table() == old
    assert {run["code"] for run in course.lines()[1:]} == {load(course.file).code}
    assert course.measure()


def test_comments_docstring_and_settings_are_no_code():
    source = fingerprint(SQUARES)
    changed = SQUARES.replace("What is", "Which is").replace("range(4)", "range(\n    9\n)")
    assert fingerprint(changed.replace("    return", "    # why\n\n    return")) == source
    assert fingerprint(SQUARES.replace("times * ", "")) != source


def test_a_last_line_that_was_cut_off_is_dropped_with_a_word(course):
    course.measure()
    whole = course.stored.read_bytes()
    course.stored.write_bytes(whole[:-9])
    with pytest.raises(ResultsError, match="3 of 4 runs"):
        course.table()
    assert course.measure()
    assert course.said[0].startswith("07_squares.jsonl: the last line was cut off")
    assert course.table().column("value") == [0, 2, 8, 18]


def test_a_damaged_line_elsewhere_is_named_not_dropped(course):
    course.measure()
    header, first, *rest = course.stored.read_text().splitlines(keepends=True)
    course.stored.write_text("".join([header, first[:-9] + "\n", *rest]))
    with pytest.raises(ResultsError, match="line 2 is damaged"):
        course.measure()
    assert course.measure(again=True)


KILLS = """\
    if seed == 2:
        {how}
        while True:
            pass
    return"""


def test_a_killed_command_loses_the_run_in_progress_and_ends_its_processes(course):
    course.change("    return", KILLS.format(how="os.kill(os.getppid(), signal.SIGKILL)"))
    course.change("SETTINGS", "import os\nimport signal\n\nSETTINGS")
    killed = course.command()  # comes back when nobody holds its output open: all have ended
    assert killed.returncode == -signal.SIGKILL
    assert [run["setting"]["seed"] for run in course.lines()[1:]] == [0, 1]
    course.file.write_text(SQUARES)
    assert course.measure(keep=True)
    assert course.said[0].endswith("4 runs, 2 stored already.")
    assert course.table().column("value") == [0, 2, 8, 18]


def test_an_interrupt_says_that_what_is_measured_stays(course):
    course.change("    return", KILLS.format(how="os.kill(os.getppid(), signal.SIGINT)"))
    course.change("SETTINGS", "import os\nimport signal\n\nSETTINGS")
    stopped = course.command()
    assert stopped.returncode == 1 and "What is measured is stored" in stopped.stderr
    assert "Traceback" not in stopped.stderr
    assert len(course.lines()) == 3


def test_a_run_that_raises_or_dies_fails_alone(course):
    course.change(
        "    return",
        '    if seed == 0:\n        raise ZeroDivisionError("no room")\n'
        "    if seed == 1:\n        os._exit(3)\n"
        '    if seed == 2:\n        return {"value": float("nan")}\n    return',
    )
    course.change("SETTINGS", "import os\n\nSETTINGS")
    assert not course.measure()
    said = "\n".join(course.said)
    assert "ZeroDivisionError: no room" in said and "exit status 3" in said
    assert "'value' is nan; give None where there is no number" in said
    assert "3 runs failed" in course.said[-1]
    assert [run["setting"]["seed"] for run in course.lines()[1:]] == [3]


def test_a_run_that_does_not_fit_on_the_disk_leaves_the_file_as_it_was(course):
    course.measure()
    before = course.stored.read_bytes()
    log = Log.read(course.stored)
    run = {**next(iter(log.runs.values())), "result": {"value": list(range(1000))}}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 100, limits[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            log.append(run)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert course.stored.read_bytes() == before


def test_runs_have_one_thread_each(course):
    course.change("times * seed**2", "[os.environ[name] for name in THREADS]")
    course.change(
        "SETTINGS",
        'import os\n\nTHREADS = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]\n'
        "SETTINGS",
    )
    course.measure()
    assert course.table().column("value") == [["1", "1", "1"]] * 4


def test_another_machine_is_named_beside_the_first(course, monkeypatch):
    course.measure()
    course.change("range(4)", "range(5)")
    monkeypatch.setattr("coursekit.experiments.machine._processor", lambda: "another")
    course.measure()
    header, *runs = course.lines()
    assert [on["cpu"] == "another" for on in header["on"]] == [False, True]
    assert [run["on"] for run in runs] == [0, 0, 0, 0, 1]
    assert course.table().measured.count("cores") == 2


def test_two_commands_do_not_write_into_one_file(course):
    course.change("times * seed**2", "again(seed)")
    course.change(
        "SETTINGS",
        "from pathlib import Path\n"
        "from coursekit.experiments.measure import measure\n\n"
        "def again(seed):\n"
        "    measure(Path(__file__).parents[2], '07')\n\n"
        "SETTINGS",
    )
    assert not course.measure()
    assert "being measured by another process" in "\n".join(course.said)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("SETTINGS", "OTHERS", "must define SETTINGS, a list of dicts, and a function run"),
        ("def run", "def walk", "must define SETTINGS, a list of dicts, and a function run"),
        ('"""What is the square of a seed?"""', "", "needs a docstring"),
        ('"seed": seed', '"start": seed', "setting 0 has no seed"),
        ('"times": 2', '"time": 2', r"does not fit .*missing a required argument: 'times'"),
        ('"times": 2', '"times": print', "setting 0: 'times' is a builtin_function"),
        ("range(4)", "[1, 1]", "has the same setting twice"),
        ("SETTINGS", "1 / 0\nSETTINGS", r"cannot be loaded(.|\n)*line 3(.|\n)*ZeroDivisionError"),
    ],
)
def test_an_experiment_that_is_not_well_formed_is_told_why(course, old, new, message):
    course.change(old, new)
    with pytest.raises(ExperimentError, match=message):
        course.measure()


def test_a_lecture_is_named_by_its_number_with_or_without_a_letter(course):
    for name in ("10a_x", "10b_y", "1_z"):
        (course.folder / FOLDER / f"{name}.py").touch()

    def names(lecture):
        return [path.stem for path in find(course.folder, lecture)]

    assert names("10") == ["10a_x", "10b_y"] and names("10b") == ["10b_y"]
    assert names("07_squares") == ["07_squares"]
    with pytest.raises(ExperimentError, match=r"no experiment .*there is: 07_squares, 10a_x"):
        names("11")


def test_results_that_are_missing_say_how_to_make_them(course, monkeypatch):
    with pytest.raises(ResultsError, match=r"no results of 08_cubes .*run `make results L=08`"):
        results("08_cubes", course.folder / RESULTS)
    course.measure()
    monkeypatch.chdir(course.folder / "course")  # as a lecture does
    assert len(results(NAME)) == 4
    with pytest.raises(ResultsError, match=r"there: 07_squares"):
        results("08_cubes")


def test_a_table_says_which_columns_and_values_there_are():
    table = Results([{"lr": 0.1, "seed": 0}, {"lr": 0.2, "seed": 0}])
    with pytest.raises(KeyError, match="no column 'rate'; there are lr, seed"):
        table.where(rate=0.1)
    with pytest.raises(ValueError, match=r"no run has {'lr': 0.3}; there are {'lr': \[0.1, 0.2\]}"):
        table.where(lr=0.3)


STORED = sorted((ROOT / RESULTS).glob("*.jsonl"))


def test_there_are_stored_results():
    assert STORED


@pytest.mark.parametrize("path", STORED, ids=lambda path: path.stem)
def test_stored_results_are_complete_and_belong_to_the_experiment_as_it_is(path):
    assert len(results(path.stem, path.parent)) > 0
    experiment, log = load(ROOT / FOLDER / f"{path.stem}.py"), Log.read(path)
    assert set(log.runs) == {key(setting) for setting in experiment.settings}
    assert {run["code"] for run in log.runs.values()} == {experiment.code}, "make results"


def test_a_stored_run_comes_out_again():
    experiment = load(ROOT / FOLDER / "03_pooling_rates.py")
    rows = results("03_pooling_rates", ROOT / RESULTS)
    setting = {"pool": "max", "lr": 0.0075, "seed": 0}
    (stored,) = rows.where(**setting)
    result = experiment.run(**setting)
    assert result.keys() == {"train_loss", "validation", "test"}
    # Another processor adds in another order: weights × (1 + 1e-6 noise) move the accuracy by 0.16
    # points and the loss by 0.0014 (standard deviation of 12 runs), at larger rates by up to 0.8.
    assert abs(result["test"] - stored["test"]) < 1
    assert abs(result["train_loss"] - stored["train_loss"]) < 0.01


def test_the_best_rate_is_that_of_the_highest_mean_without_diverged_runs():
    seen = {0.1: [0.7, 0.8], 0.2: [0.9, 0.8], 0.3: [1.0, None]}
    table = Results({"lr": lr, "seen": value} for lr, values in seen.items() for value in values)
    assert table.best("seen", over="lr").column("seen") == [0.9, 0.8]
    assert table.best("seen", over="lr", lowest=True).column("seen") == [0.7, 0.8]
    with pytest.raises(ValueError, match="for every lr"):
        table.where(lr=0.3).best("seen", over="lr")
