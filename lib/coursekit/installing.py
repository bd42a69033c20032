"""Runs pip for `make`: quiet while all goes well; where it fails, its own reason and what to try.

`python installing.py ARGUMENTS` is `pip install ARGUMENTS`. It needs the standard library alone.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

LOG = Path(sys.prefix, "install.log")
MOST_LINES = 8  # of pip's own that are shown; the last ones say most
LONGEST = 160  # characters of one of them
_PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "install")
# Verbose tells which releases pip passed over, and why. All of it goes to the log.
_VERBOSE = ("-v", "--progress-bar", "off")

_SAYS = re.compile(r"ERROR: .+|error: .+|The user requested .+|\w+Error: \[Errno .+")
_DEPENDS = re.compile(r".+ depends on .+")
_BROKEN = re.compile(r"Retry\(total=0.*?(connection broken by .+)|(Max retries exceeded.+)")
_FULL = re.compile(r"No space left on device|Disk quota exceeded")
_CLOSED = re.compile(r"PermissionError: |Read-only file system")
_NO_RELEASE = re.compile(r"No matching distribution|ResolutionImpossible")
_UNBUILT = re.compile(r"(?i)failed[- ](building|to build)|metadata-generation-failed")
_OTHER_PYTHON = re.compile(
    r"(?:Package '(?P<package>[^']+)' )?requires a different Python:? "
    r"\(?(?P<this>[\d.]+\w*) not in:? '(?P<wants>[^']+)'"
    r"(?:.*?/(?P<name>[\w.]+)-(?P<version>\d[\w.!+]*?)(?:-|\.tar|\.zip))?"
)
_PINNED = re.compile(r"(?:\(constraint\)|requirement|found for) ([\w.-]+)==([\w.!+]+)")


def main(arguments: list[str]) -> int:
    """Install, and say why where that fails.

    Returns:
        0, or 1 where pip failed.
    """
    sys.stdout.reconfigure(errors="replace")  # a terminal that is not UTF-8 cannot show all of it
    command = [sys.executable, *_PIP, *_VERBOSE, *arguments]
    # Kept in memory: on a full disk its last words would find no room in a file.
    done = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        # A broken .venv is the system's Python, which must not be changed.
        env={"PIP_REQUIRE_VIRTUALENV": "1", **os.environ},
        check=False,
    )
    if done.returncode == 0:
        return 0
    print("Installing failed. What pip says:")
    for line in said(done.stdout):
        print(f"  {line}")
    for line in hints(done.stdout):
        print(line)
    print("What is installed so far stays; the same command continues.")
    if _kept(done.stdout):
        print(f"All that pip said: {LOG}")
    return 1


def said(output: str) -> list[str]:
    """The lines of pip's output that say what went wrong."""
    lines = [line.strip() for line in output.splitlines()]
    broken = [match[1] or match[2] for match in map(_BROKEN.search, lines) if match]
    # Of a conflict, every release that was tried says the same.
    depends = [line for line in lines if _DEPENDS.fullmatch(line)]
    found = broken[-1:] + depends[-1:] + [line for line in lines if _SAYS.fullmatch(line)]
    found = list(dict.fromkeys(found or list(filter(None, lines))[-3:]))
    return [_cut(line) for line in found[-MOST_LINES:]]


def _cut(line: str) -> str:
    """Its beginning and its end: pip lists all versions there are in between."""
    half = LONGEST // 2
    return line if len(line) <= LONGEST else f"{line[:half]} … {line[-half:]}"


def hints(output: str) -> Iterator[str]:
    """What to do about it: of a full disk, an unreachable network and a missing version, one."""
    another = "Make the environment with another one: rm -rf .venv; make PYTHON=python3.12 …"
    python = list(_wants_other_python(output))
    if _FULL.search(output):
        yield f"The disk is full: {_free(sys.prefix)}, {_free(tempfile.gettempdir())}."
        yield "The environment takes 2 GB, with CUDA's libraries some more. TMPDIR=… names another"
        yield "folder for what is in between."
    elif _CLOSED.search(output):
        yield f"{sys.prefix} belongs to somebody else, or to root: remove it, and run make again."
    elif _BROKEN.search(output):
        yield "The package index cannot be reached. Is there a network? Behind a proxy, set"
        yield "HTTPS_PROXY; for another index, set PIP_INDEX_URL."
    elif python:
        yield from python
        yield another
    elif _NO_RELEASE.search(output):
        machine = f"{platform.system()} on {platform.machine()}"
        yield f"There is no such version for Python {platform.python_version()}, {machine}."
        yield another
    elif _UNBUILT.search(output):
        yield f"A package has no ready-made file for Python {platform.python_version()}."
        yield another


def _wants_other_python(output: str) -> Iterator[str]:
    """Which of the releases that were asked for need another Python than this."""
    pinned = {(_canonical(name), version) for name, version in _PINNED.findall(output)}
    lines = {}
    for match in _OTHER_PYTHON.finditer(output):
        package, name, version = match["package"], match["name"], match["version"]
        if name and (_canonical(name), version) in pinned:
            package = f"{name} {version}"
        if package:
            lines[f"{package} needs Python {match['wants']}; this is {match['this']}."] = None
    yield from lines


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _free(folder: str) -> str:
    return f"{shutil.disk_usage(folder).free / 1e9:.1f} GB are free in {folder}"


def _kept(output: str) -> bool:
    try:
        LOG.write_text(output, encoding="utf-8")
    except OSError:
        return False
    return True


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
