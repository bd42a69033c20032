"""Experiments as authors write them: a Python file with settings and a function that runs one.

\"\"\"Maximum or average: which pooling is better, each at its best learning rate?\"\"\"

SETTINGS = [{"lr": lr, "seed": seed} for lr in (0.03, 0.06) for seed in range(10)]

def run(lr, seed):
    ...
    return {"validation": 0.97, "test": 0.96}
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from coursekit.experiments.plain import key, plain_dict

FOLDER, RESULTS = Path("course/experiments"), Path("course/results")


class ExperimentError(ValueError):
    """An experiment that cannot be run as it is written, or not now."""


@dataclass(frozen=True)
class Experiment:
    """One experiment.

    Attributes:
        path: its file.
        asks: the first line of its docstring.
        settings: all of them, different from each other; each has a seed.
        run: `run(**setting)` returns a dict of plain values.
        code: eight hexadecimal digits that change with the code, but not with `SETTINGS`, comments,
            blank lines or the docstring.
    """

    path: Path
    asks: str
    settings: list[dict[str, Any]]
    run: Callable[..., dict[str, Any]]
    code: str

    @property
    def name(self) -> str:
        """Such as "03_pooling_rates"."""
        return self.path.stem

    @property
    def lecture(self) -> str:
        """Such as "03"."""
        return self.name.partition("_")[0]


def find(course: Path, lecture: str) -> list[Path]:
    """Files of the experiments of a lecture.

    Args:
        lecture: "03"; "10" also stands for "10a" and "10b"; or the name of one experiment.
    Raises:
        ExperimentError: there are none; the message names those there are.
    """
    there = sorted((course / FOLDER).glob("[0-9]*_*.py"))
    found = [path for path in there if belongs(path.stem, lecture)]
    if not found:
        names = ", ".join(path.stem for path in there) or "none at all"
        raise ExperimentError(
            f"there is no experiment {FOLDER}/{lecture}_*.py; there is: {names}. "
            "Name a lecture by its number: make results L=03"
        )
    return found


def belongs(name: str, lecture: str) -> bool:
    """Whether "03_topic" or "03a_topic" is meant by "03", or by its whole name.

    >>> belongs("10a_search", "10"), belongs("10a_search", "10b"), belongs("03_x", "03_x")
    (True, False, True)
    """
    number = name.partition("_")[0]
    return lecture in (name, number, number.rstrip("abcdefgh"))


def load(path: Path) -> Experiment:
    """The experiment in a file.

    Raises:
        ExperimentError: what is wrong with it, and what it should be.
    """
    module, where = _imported(path), f"{path.name}"
    settings, run = getattr(module, "SETTINGS", None), getattr(module, "run", None)
    if not isinstance(settings, list) or not settings or not callable(run):
        raise ExperimentError(
            f"{where} must define SETTINGS, a list of dicts, and a function run(**setting) that "
            "returns a dict of numbers."
        )
    try:
        settings = [plain_dict(setting, f"setting {k}") for k, setting in enumerate(settings)]
    except ValueError as error:
        raise ExperimentError(f"{where}: {error}") from None
    for number, setting in enumerate(settings):
        _check(where, number, setting, run)
    if len({key(setting) for setting in settings}) < len(settings):
        raise ExperimentError(f"{where} has the same setting twice; let each run differ in seed.")
    asks = (module.__doc__ or "").strip().split("\n")[0]
    if not asks:
        raise ExperimentError(f"{where} needs a docstring whose first line says what it asks.")
    return Experiment(path, asks, settings, run, fingerprint(path.read_text(encoding="utf-8")))


def fingerprint(source: str) -> str:
    """Eight hexadecimal digits of a source; see `Experiment.code`.

    >>> a = fingerprint('SETTINGS = [1]\\ndef run(): return 2')
    >>> a == fingerprint('SETTINGS = [1,\\n 3]\\n# why\\ndef run(): return 2')
    True
    >>> a == fingerprint('SETTINGS = [1]\\ndef run(): return 3')
    False
    """
    lines = source.splitlines()
    for node in ast.parse(source).body:
        if _is_docstring(node) or _sets(node, "SETTINGS"):
            lines[node.lineno - 1 : node.end_lineno] = [""] * (node.end_lineno - node.lineno + 1)
    kept = [line.rstrip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    return hashlib.sha256("\n".join(kept).encode()).hexdigest()[:8]


def _imported(path: Path) -> ModuleType:
    name = f"coursekit_experiment_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look themselves up there
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        last = traceback.format_exc(limit=-1).strip()
        raise ExperimentError(f"{path.name} cannot be loaded.\n{last}") from error
    return module


def _check(where: str, number: int, setting: dict[str, Any], run: Callable) -> None:
    if "seed" not in setting:
        raise ExperimentError(
            f"{where}: setting {number} has no seed: {setting}. "
            'Every run says its seed; write {"seed": 0, …} where nothing is drawn.'
        )
    try:
        inspect.signature(run).bind(**setting)
    except TypeError as error:
        raise ExperimentError(f"{where}: run(**setting) does not fit {setting}: {error}.") from None


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _sets(node: ast.stmt, name: str) -> bool:
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return any(isinstance(target, ast.Name) and target.id == name for target in targets)
