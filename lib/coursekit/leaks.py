"""Finds what students must not see in what they get: solutions, hidden tests, nbgrader's markers.

One line tells little: `torch.cuda.synchronize()` stands in many files. So two telling lines of one
solution, one after the other, are a leak; or a single one that nobody would write by chance; or the
only telling line that a solution has.
"""

from __future__ import annotations

import ast
import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from nbformat import NotebookNode

from coursekit import notebooks
from coursekit.notebooks import HIDDEN, MARKERS, SOLUTION, Kind

TELLING = 16  # characters from which a line is worth keeping secret: not `return y`, not `else:`
LONG = 24  # from which one may be unmistakable
DECISIONS = 3  # operators, indices, numbers, or words in quotes, that make it so
_ROUTINE = re.compile(r"[\w\s,()*]+=\s*\w+\.shape(\[[\d:]+\])?|(from|import)\s.*|#.*|[\W\d]*")
_BARE_CALL = re.compile(r"[\w.]+\(\)")
_SENTENCE = re.compile(r"([^\W\d_]{2,}[,;:]?\s+){4}[^\W\d_]{2,}")  # five words in a row
_TEXT = re.compile(r"""(["'])(.+?)\1""")
_EINSUM = re.compile(r"[\w.]+(,\s*[\w.]+)*\s*->\s*[\w.]*")
_DECISION = re.compile(
    r"""(?<=[\w)\]]) \s* (?:[-+*/%@&|^<>]|//|\*\*|[<>=!]=) \s* (?=[\w(\[\-~"'])  # an operator
    | (?<=[\w)\]])\[                                                  # an index
    | \b(?:for|if|lambda)\b (?!.*:$)                                  # within an expression
    | (?<![\w.])\d*[3-9]\d*(?!\w) | \d\.\d | \d{2,}                   # a number that is chosen
    | \(\w+(?=\()                                                     # a call in a call
    """,
    re.VERBOSE,
)


@dataclass(frozen=True)
class _Secret:
    """Telling lines of one solution or hidden test that students must not see.

    Attributes:
        of: what it is, such as "the solution of double".
        lines: without indentation.
        alone: those that are a leak by themselves.
    """

    of: str
    lines: frozenset[str]
    alone: frozenset[str]

    @classmethod
    def made(cls, of: str, lines: Iterable[str], shown: Set[str]) -> _Secret:
        """Without what is shown to students anyway."""
        telling = {line for line in map(_bare, lines) if tells(line)}
        alone = {line for line in telling if unmistakable(line)}
        if len(telling) == 1:
            alone |= {line for line in telling if not _BARE_CALL.fullmatch(line)}
        return cls(of, frozenset(telling - shown), frozenset(alone - shown))

    def found(self, lines: Mapping[int, str]) -> Iterator[tuple[int, bool]]:
        """(number, whether there are several) of lines with which a passage of it begins.

        Lines that tell nothing do not part those that do.
        """
        telling = [(number, line) for number, line in lines.items() if tells(line)]
        for secret, passage in groupby(telling, lambda item: item[1] in self.lines):
            here = list(passage) if secret else []
            alone = [number for number, line in here if line in self.alone]
            if len({line for _, line in here}) > 1:
                yield here[0][0], True
            elif alone:
                yield alone[0], False


def leaks(original: NotebookNode, released: Path) -> list[str]:
    """Passages of solutions and hidden tests, and nbgrader's markers, that are in released files.

    A line counts if it is long enough to tell something and also stands nowhere in the notebook
    where students are meant to see it.
    """
    secrets = _secrets(original)
    found = []
    for path in sorted(released.rglob("*")):
        if not path.is_file():
            continue
        name = path.relative_to(released).as_posix()
        for block in _blocks(path):
            for number, fault in _faults(block, secrets):
                where = name if path.suffix == ".ipynb" else f"{name}, line {number}"
                found.append(f"{where}: {fault}")
    return list(dict.fromkeys(found))


def _faults(block: Mapping[int, str], secrets: list[_Secret]) -> list[tuple[int, str]]:
    """(line number, what is wrong with it), in order."""
    found = [
        (number, f"holds the marker {marker!r}")
        for number, line in block.items()
        for marker in MARKERS
        if marker in line
    ]
    bare = {number: _bare(line) for number, line in block.items()}
    shown: dict[int, str] = {}
    for secret in secrets:
        for number, several in secret.found(bare):
            what = "lines" if several else "a line"
            shown.setdefault(number, f"shows {what} of {secret.of}: {bare[number]!r}")
    return sorted([*found, *shown.items()])


def _secrets(original: NotebookNode) -> list[_Secret]:
    parts: list[tuple[str, list[str]]] = []
    shown: set[str] = set()
    for cell in original.cells:
        name, kind = notebooks.grade_id(cell), notebooks.kind(cell)
        hidden = notebooks.in_region(cell.source, HIDDEN)
        solved = notebooks.in_region(cell.source, SOLUTION)
        open_text = notebooks.outside_region(
            "\n".join(notebooks.outside_region(cell.source, HIDDEN)), SOLUTION
        )
        if kind in (Kind.SOLUTION, Kind.MANUAL) and not solved:
            solved, open_text = cell.source.splitlines(), []  # nbgrader replaces the whole cell
        parts += [(f"the solution of {name}", solved), (f"the hidden tests of {name}", hidden)]
        shown |= set(map(_bare, open_text))
    return [_Secret.made(of, lines, shown) for of, lines in parts if lines]


def tells(line: str) -> bool:
    """Whether a line is worth keeping secret.

    >>> tells("return np.maximum(x, 0)"), tells("n, c, h, w = x.shape"), tells("return y")
    (True, False, False)
    """
    return len(line) >= TELLING and not _ROUTINE.fullmatch(line)


def unmistakable(line: str) -> bool:
    """Whether nobody would write this line by chance.

    >>> unmistakable("return w @ x.reshape(f, -1) + b[:, None]")
    True
    >>> unmistakable("torch.cuda.synchronize()"), unmistakable("optimizer.zero_grad()")
    (False, False)
    """
    if len(line) < LONG:
        return False
    if _SENTENCE.search(line) and not _is_code(line):
        return True
    texts = [match[2] for match in _TEXT.finditer(line)]
    if any(len(text.split()) >= DECISIONS or _EINSUM.fullmatch(text) for text in texts):
        return True
    return len(_DECISION.findall(_TEXT.sub("''", line))) >= DECISIONS


def _is_code(line: str) -> bool:
    """Whether it is a statement of Python, or the head of one."""
    for text in (line, f"{line} pass", f"if 1: pass\n{line} pass"):
        with contextlib.suppress(SyntaxError, ValueError):
            ast.parse(text)
            return True
    return False


def _bare(line: str) -> str:
    """A line without what does not count: indentation and spacing."""
    return " ".join(line.split())


def _blocks(path: Path) -> Iterator[dict[int, str]]:
    """Line number -> line, for each part of a file within which lines follow one another."""
    if path.suffix != ".ipynb":
        lines = path.read_bytes().decode("utf-8", errors="replace").splitlines()
        yield dict(enumerate(lines, 1))
        return
    for cell in notebooks.read(path).cells:
        outputs = [str(output) for output in cell.get("outputs", [])]
        for lines in (cell.source.splitlines(), outputs, [str(dict(cell.metadata))]):
            yield dict(enumerate(lines, 1))
