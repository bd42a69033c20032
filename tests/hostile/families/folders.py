"""What a student's folder may hold besides the notebook that was asked for, or instead of it."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

from coursekit.grading import autograding

from ..case import BOTH, NOTHING, RIGHT, Case, HandedIn
from ..observed import REBUILT, REFUSED, WALL

NEIGHBOUR = "aaa_honest"


def _put(make: Callable[[Path, str], None]) -> Callable[[Path, str], None]:
    """Makes the folder first."""

    def put(folder: Path, text: str) -> None:
        folder.mkdir(parents=True)
        make(folder, text)

    return put


def _file(content: Callable[[str], bytes], name: str = "") -> Callable[[Path, str], None]:
    """One file, of the name that is asked for unless another is given."""
    return _put(lambda folder, text: (folder / (name or _name(folder))).write_bytes(content(text)))


def _beside(**files: str) -> Callable[[Path, str], None]:
    """The notebook, and other files: the path with "__" for "/" -> content."""

    def make(folder: Path, text: str) -> None:
        (folder / _name(folder)).write_text(text)
        for name, content in files.items():
            path = folder / name.replace("__", "/").replace("_py", ".py").replace("_db", ".db")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)

    return _put(make)


def _name(folder: Path) -> str:
    return f"{folder.name}.ipynb"


def _changed(**keys) -> Callable[[str], bytes]:
    """The notebook with other top-level keys; None takes one away."""

    def content(text: str) -> bytes:
        raw = json.loads(text) | keys
        return json.dumps({key: value for key, value in raw.items() if value is not None}).encode()

    return content


def _version_3(text: str) -> bytes:
    """The notebook as IPython 2 would have stored it."""
    cells = []
    for cell in json.loads(text)["cells"]:
        known = {"cell_type": cell["cell_type"], "metadata": cell["metadata"]}
        if cell["cell_type"] == "code":
            cells.append(
                known
                | {"input": cell["source"], "outputs": [], "language": "python", "collapsed": False}
            )
        else:
            cells.append(known | {"source": cell["source"]})
    sheet = {"cells": cells, "metadata": {}}
    return json.dumps(
        {"worksheets": [sheet], "metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0}
    ).encode()


def _link_to(target: str) -> Callable[[Path, str], None]:
    """A symbolic link in the place of the notebook; `{submitted}` is submitted/."""

    def make(folder: Path, text: str) -> None:
        os.symlink(target.format(submitted=folder.parents[1]), folder / _name(folder))

    return _put(make)


def _linked_folder(folder: Path, text: str) -> None:
    folder.parent.mkdir(parents=True)
    os.symlink(folder.parents[1] / NEIGHBOUR / folder.name, folder)


def _linked_student(folder: Path, text: str) -> None:
    os.symlink(folder.parents[1] / NEIGHBOUR, folder.parent)


def _linked_beside(folder: Path, text: str) -> None:
    (folder / _name(folder)).write_text(text)
    os.symlink(folder.parents[2] / "solutions", folder / "more")
    os.symlink(folder / _name(folder), folder / "again.ipynb")
    os.symlink("/", folder / "everything")


def _hard_link(folder: Path, text: str) -> None:
    os.link(folder.parents[1] / NEIGHBOUR / folder.name / _name(folder), folder / _name(folder))


def _pipe(folder: Path, text: str) -> None:
    os.mkfifo(folder / _name(folder))
    os.mkfifo(folder / "timestamp.txt")


def _socket(folder: Path, text: str) -> None:
    here = os.getcwd()
    os.chdir(folder)  # the path of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(_name(folder))
    finally:
        os.chdir(here)


def _folder_as_notebook(folder: Path, text: str) -> None:
    (folder / _name(folder)).mkdir()


def _folder_of_notebooks(folder: Path, text: str) -> None:
    (folder / _name(folder)).mkdir()
    (folder / _name(folder) / _name(folder)).write_text(text)


def _sparse(folder: Path, text: str) -> None:
    with (folder / _name(folder)).open("wb") as file:
        file.truncate(100 * 2**20)


def _padded(text: str) -> bytes:
    raw = json.loads(text)
    raw["metadata"]["padding"] = "x" * 30 * 2**20
    return json.dumps(raw).encode()


def _many_files(folder: Path, text: str) -> None:
    for number in range(300):
        (folder / f"copy-{number}.ipynb").write_text("{")
    (folder / _name(folder)).write_text(text)


def _deep_folders(folder: Path, text: str) -> None:
    deep = folder.joinpath(*["d"] * 60)
    deep.mkdir(parents=True)
    (deep / _name(folder)).write_text(text)


def _two_answers(folder: Path, text: str) -> None:
    released = autograding.release_of(folder.parents[2], folder.name)
    (folder / _name(folder)).write_bytes(released.read_bytes())
    (folder / "better.ipynb").write_text(text)


def _locked(folder: Path, text: str) -> None:
    path = folder / _name(folder)
    path.write_text(text)
    path.chmod(0)


def _refused(name, put, says, points=NOTHING, student=""):
    return Case(name, HandedIn(put, student), points, REFUSED, says=says)


def _mended(name, put, says, student=""):
    return Case(name, HandedIn(put, student), BOTH, REBUILT, says=says)


def _ignored(name, put, student=""):
    return Case(name, HandedIn(put, student), BOTH, WALL)


def _odd_name(name):
    put = _file(str.encode)
    return _refused(f"a student named {name!r}", put, "cannot be a student's id", student=name)


FILES = [
    _refused("no notebook", _put(lambda folder, text: None), "no notebook was handed in"),
    _refused("an empty file", _file(lambda text: b""), "empty"),
    _refused("a truncated file", _file(lambda text: text[:300].encode()), "truncated"),
    _refused("no JSON", _file(lambda text: b"print('hello')"), "not JSON"),
    _refused("JSON, and no notebook", _file(lambda text: b'{"answer": 42}'), "not a notebook"),
    _refused("a list of nothing", _file(lambda text: b"[]"), "not a notebook"),
    _refused("endless nesting", _file(lambda text: b'{"cells":' + b"[" * 10**6), "not JSON"),
    _refused(
        "a number of a million digits",
        _file(lambda text: b'{"cells": ' + b"9" * 10**6 + b"}"),
        "not",
    ),
    _refused("a program", _file(lambda text: RIGHT.encode(), "solution.py"), "solution.py"),
    _refused("an archive", _file(lambda text: b"PK\x03\x04" + bytes(99)), "not JSON"),
    _refused("another notebook", _file(_changed(cells=[])), "no cell of this assignment is in it"),
    _refused("100 MB", _put(_sparse), "too large"),
    _ignored("30 MB of metadata", _file(_padded)),
    _refused("a named pipe", _put(_pipe), "not a regular file"),
    _refused("a socket", _put(_socket), "not a regular file"),
    _refused(
        "a folder named like the notebook", _put(_folder_as_notebook), "no notebook was handed in"
    ),
    _mended("the notebook in a folder of its name", _put(_folder_of_notebooks), "handed in as"),
    _mended("the notebook sixty folders deep", _put(_deep_folders), "handed in as"),
    _mended(
        "another file name", _file(str.encode, "tiny final (2).ipynb"), "handed in as tiny final"
    ),
    _mended(
        "an unanswered copy of the right name", _put(_two_answers), "handed in as better.ipynb"
    ),
    _mended("three hundred broken copies", _put(_many_files), "copy-0.ipynb: truncated"),
    _mended(
        "Latin-1",
        _file(lambda text: text.replace("Because", "Ça va").encode("latin-1")),
        "Latin-1 text",
    ),
    _mended("UTF-16", _file(lambda text: text.encode("utf-16")), "UTF-16 text"),
    _ignored("a byte-order mark", _file(lambda text: text.encode("utf-8-sig"))),
    _mended("nbformat 3", _file(_version_3), "nbformat 3, upgraded"),
    _mended("nbformat 9", _file(_changed(nbformat=9)), "nbformat 9, read as 4"),
    _mended("no nbformat", _file(_changed(nbformat=None)), "no nbformat key"),
    _ignored("metadata that is none", _file(_changed(metadata=[1, 2]))),
    _mended(
        "cells that are none",
        _file(
            lambda text: text.replace(
                '"cells": [', '"cells": [7, null, {"cell_type": 3}, '
            ).encode()
        ),
        "3 malformed cells left out",
    ),
]

LINKS = [
    _refused("the folder is a link to a neighbour's", _linked_folder, "the folder is a link"),
    _refused("the student is a link to a neighbour", _linked_student, "the folder is a link"),
    _refused(
        "the notebook is a link to a neighbour's",
        _link_to("{submitted}/aaa_honest/a01_tiny/a01_tiny.ipynb"),
        "not a regular file",
    ),
    _refused(
        "the notebook is a link to the solutions",
        _link_to("../../../solutions/a01_tiny/a01_tiny.ipynb"),
        "not a regular file",
    ),
    _refused(
        "the notebook is a link to /etc/passwd", _link_to("/etc/passwd"), "not a regular file"
    ),
    _refused("the notebook is a link to itself", _link_to("a01_tiny.ipynb"), "not a regular file"),
    _refused("the notebook is a link to a device", _link_to("/dev/zero"), "not a regular file"),
    _mended("links beside the notebook", _put(_linked_beside), "again.ipynb: not a regular file"),
]

BESIDE = [
    _ignored("a file named numpy.py", _beside(numpy_py="raise SystemExit")),
    _ignored("a file named coursekit.py", _beside(coursekit_py="class Task: score = lambda s: 99")),
    _ignored("a file named sitecustomize.py", _beside(sitecustomize_py="import os; os._exit(1)")),
    _ignored("settings of nbgrader", _beside(nbgrader_config_py="raise SystemExit")),
    _ignored("a gradebook with full marks", _beside(gradebook_db="full marks")),
    _ignored("a start-up file of IPython", _beside(**{"_ipython__startup__00_py": "1 / 0"})),
    _ignored("a graded notebook", _beside(autograded__a01_tiny="{}", feedback__a="<script>")),
    _ignored("a time of handing in that is none", _beside(timestamp="the day before yesterday")),
]

ODD = [
    _odd_name(name) for name in ("x ", "[ab]*", "-rf;$(true)", "a\nb", "<script>", "…", "%2e%2e")
]

PLAIN = [_ignored(f"a student named {name!r}", _file(str.encode), name) for name in ("-rf", "a..b")]

CASES = [*FILES, *LINKS, *BESIDE, *ODD, *PLAIN]

if os.geteuid():  # whoever is root may read it
    CASES.append(_refused("a file that may not be read", _put(_locked), "unreadable"))
