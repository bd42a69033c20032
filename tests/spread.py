"""How tests are spread over workers, and what each part of them costs: `pytest -p tests.spread`.

Tests that name an assignment or a lecture are spread by it, others by file, so that what a file
prepares is prepared once. At the end stand the core-seconds of the fixed part and of each lecture
with its assignment, children such as kernels and rooms included, and what a whole course would take
at that rate.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping

import pytest
from xdist.scheduler import LoadScopeScheduling

PAIRS = 21  # lectures, with their assignments, of the whole course
FIXED = "fixed part"
OTHER = "starting, importing, collecting, ending"
_NAMED = re.compile(r"(?:^|[/\[-])a?(\d\d)[a-z]?_[a-z]")
MOST = 12  # files that are shown by themselves
SPENT = pytest.StashKey[Counter]()  # (file, part) -> core-seconds


def part(nodeid: str) -> str:
    """Number of the lecture or assignment that a test is about, or `FIXED`.

    >>> part("tests/notebooks/test_notebooks.py::test_it_parses[02a_convolution]"), part("t.py::a")
    ('02', 'fixed part')
    """
    match = _NAMED.search(nodeid)
    return match[1] if match else FIXED


class _Scheduler(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return f"{nodeid.partition('::')[0]} {part(nodeid)}"


def pytest_configure(config: pytest.Config) -> None:
    """Nothing is spent yet."""
    config.stash[SPENT] = Counter()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log):
    """Tests of one group go to one worker, in their order."""
    return _Scheduler(config, log)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None):
    """Count what a test costs, with its fixtures; the last one takes down what all have used."""
    before = core_seconds()
    try:
        return (yield)
    finally:
        key = (item.nodeid.partition("::")[0], part(item.nodeid)) if nextitem else ("", OTHER)
        item.config.stash[SPENT][key] += core_seconds() - before


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker hands in its bill."""
    config = session.config
    if hasattr(config, "workeroutput"):
        spent = config.stash[SPENT]
        spent["", OTHER] += core_seconds() - sum(spent.values())
        config.workeroutput["core_seconds"] = [[*key, seconds] for key, seconds in spent.items()]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node) -> None:
    """Add up what the workers hand in."""
    for file, name, seconds in getattr(node, "workeroutput", {}).get("core_seconds", []):
        node.config.stash[SPENT][file, name] += seconds


def pytest_terminal_summary(terminalreporter, config: pytest.Config) -> None:
    """Show the bill."""
    spent = config.stash[SPENT]
    if spent:
        terminalreporter.section("core-seconds")
        terminalreporter.write_line(bill(spent, config.getoption("numprocesses", None) or 1))


def bill(spent: Mapping[tuple[str, str], float], workers: int) -> str:
    """What each part has cost, and the course with all its lectures.

    Args:
        spent: (file, part) -> core-seconds.
        workers: that share the work.
    """
    parts, files = Counter(), Counter()
    for (file, name), seconds in spent.items():
        parts[name] += seconds
        if name != OTHER:
            files[file, name] += seconds
    pairs = sorted(name for name in parts if name.isdigit())
    rest = [name for name in parts if name not in pairs]
    lines = [(parts[name], name) for name in rest]
    lines += [(parts[name], f"lecture and assignment {name}") for name in pairs]
    lines.append((sum(parts.values()), "together"))
    if pairs:
        whole = sum(parts[n] for n in rest) + PAIRS * sum(parts[n] for n in pairs) / len(pairs)
        least = f"{whole / 60 / workers:.0f} minutes or more on {workers} cores"
        lines.append((whole, f"with {PAIRS} pairs like these: {least}"))
    lines += [(cost, f"of it {file} ({name})") for (file, name), cost in files.most_common(MOST)]
    return "\n".join(f"{seconds:7.0f}  {text}" for seconds, text in lines)


def core_seconds() -> float:
    """Processor time of this process and of its children that have ended."""
    return sum(os.times()[:4])
