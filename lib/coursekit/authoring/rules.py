"""The rules for a lecture that a program can hold, each with its figure and where it comes from.

    for rule in measure(Path("course/05_batchnorm.ipynb")):
        print(rule)

They see form, not sense: whether a prediction is settled by the next cell, not whether it is good.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from nbformat import NotebookNode

from coursekit import notebooks
from coursekit.authoring.frame import is_frame
from coursekit.cell_runner import Cell

WORDS, SECTIONS, FIGURES = 3500, 12, 25
SILENT = 14  # percent of code cells that show nothing
IMPORTS = 12  # lines
MEGABYTES = 0.8
QUESTIONS = range(5, 8)  # folded answers under "Check yourself"
SLACK = 5  # minutes by which the time that is stated may be off
INTRODUCTION = ("You will be able to", "Time", "Builds on", "Leads to")
ENDING = ("Summary", "Check yourself", "Further reading")

_PREDICTION = re.compile(r"\*\*predict", re.IGNORECASE)
_TIME = re.compile(r"\*\*Time\b[^*]*\*\*:?\s*about (\d+) minutes")
_FORMULA = re.compile(r"\$\$?.*?\$\$?", re.DOTALL)
_SHOWN = ("display_data", "execute_result", "stream")


@dataclass(frozen=True)
class Rule:
    """One rule, and how a lecture stands against it.

    Attributes:
        name: what is counted.
        figure: what was found.
        limit: the most that may be found.
        advice: what to do where there is more.
        places: ids of the cells it comes from, where that helps.
    """

    name: str
    figure: float
    limit: float
    advice: str
    places: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether the lecture keeps it."""
        return self.figure <= self.limit

    def __str__(self) -> str:
        where = f" ({', '.join(self.places)})" if self.places and not self.holds else ""
        advice = "" if self.holds else f": {self.advice}"
        return f"{self.name}: {self.figure:g}, at most {self.limit:g}{advice}{where}"


def measure(path: Path) -> list[Rule]:
    """How a lecture stands against every rule.

    Raises:
        NotebookError: there is no notebook at `path`.
    """
    text = Text(notebooks.read(path))
    size = round(path.stat().st_size / 1e6, 2)
    return [
        Rule("words", text.words, WORDS, "make two lectures of it, NNa_… and NNb_…"),
        Rule("numbered sections", len(text.numbers), SECTIONS, "make two lectures of it"),
        Rule("figures", len(text.figures), FIGURES, "keep those that show something new"),
        Rule("megabytes", size, MEGABYTES, "fewer colours, smaller figures"),
        _silent(text),
        _imports(text),
        _of("private modules imported", text.private(), "what a lecture needs is public"),
        _of("parts of the template missing", text.missing(), "add them, in this order"),
        _of("sections numbered wrongly", text.misnumbered(), "## 1 · …, ## 2 · … in order"),
        _time(text),
        _of("predictions the next cell shows nothing of", text.unsettled, "print or draw it there"),
        _of("answers not folded", text.open_answers, "set jupyter.outputs_hidden on these cells"),
        _of("figures without alt text", text.undescribed, 'plots.show("what it shows")'),
        _questions(text),
        _of("further reading without a link", text.unlinked(), "[doi:…](https://doi.org/…)"),
    ]


def minutes(text: Text) -> float:
    """How long a lecture takes: reading, running, predicting, looking."""
    seen = 0.5 * len(text.code) + 2 * len(text.predictions) + 0.5 * len(text.figures)
    return text.words / 120 + seen


def _of(name: str, found: tuple[str, ...], advice: str) -> Rule:
    return Rule(name, len(found), 0, advice, found)


def _silent(text: Text) -> Rule:
    silent = tuple(cell.id for cell in text.code if not _shows(cell))
    share = 100 * len(silent) // max(1, len(text.code))  # so 14 means: less than 15
    advice = "print what the next sentence speaks of"
    return Rule("percent of code cells that show nothing", share, SILENT, advice, silent)


def _imports(text: Text) -> Rule:
    lines = {cell.id: sum(_lines(node) for node in _imports_of(cell)) for cell in text.code}
    most = max(lines, key=lines.get, default="")
    advice = "import modules, not every name of theirs"
    return Rule("lines of imports in a cell", lines.get(most, 0), IMPORTS, advice, (most,))


def _time(text: Text) -> Rule:
    stated, real = text.stated_minutes, minutes(text)
    off = round(abs((stated or 0) - real))
    advice = f"write **Time:** about {5 * round(real / 5)} minutes"
    return Rule("minutes by which the time stated is off", off, SLACK, advice)


def _questions(text: Text) -> Rule:
    part, _, _ = text.after("Check yourself").partition("\n## ")
    count = part.count("<details")
    off = max(QUESTIONS[0] - count, count - QUESTIONS[-1], 0)
    advice = f"five to seven questions, each with its answer in <details>; there are {count}"
    return Rule("folded answers too few or too many", off, 0, advice)


class Text:
    """A lecture, as the rules look at it.

    Args:
        notebook: executed.
    """

    def __init__(self, notebook: NotebookNode):
        self.cells = [cell for cell in notebook.cells if not is_frame(cell)]
        self.code = [c for c in self.cells if c.cell_type == "code" and c.source.strip()]
        self.prose = [c for c in self.cells if c.cell_type == "markdown"]

    @cached_property
    def words(self) -> int:
        """Words of text; a formula counts as one, further reading not at all."""
        cells = [cell.source for cell in self.prose if "## Further reading" not in cell.source]
        return sum(len(re.findall(r"\w+", _FORMULA.sub(" f ", source))) for source in cells)

    @cached_property
    def headings(self) -> list[str]:
        """Headings of the second level."""
        return [
            title.strip()
            for cell in self.prose
            for title in re.findall(r"^## (.+)$", cell.source, re.MULTILINE)
        ]

    @cached_property
    def numbers(self) -> list[int]:
        """Numbers of the numbered sections."""
        found = (re.match(r"\d+", title) for title in self.headings)
        return [int(match[0]) for match in found if match]

    @cached_property
    def figures(self) -> list[str]:
        """What each picture shows, in words."""
        return [alt for cell in self.code for alt in notebooks.alts(cell)]

    @cached_property
    def undescribed(self) -> tuple[str, ...]:
        """Cells with a figure that somebody who cannot see it learns nothing of."""
        return tuple(cell.id for cell in self.code for alt in notebooks.alts(cell) if not alt)

    @cached_property
    def predictions(self) -> list[tuple[NotebookNode, NotebookNode | None]]:
        """(cell that asks, the code cell after it or None)."""
        found = []
        for place, cell in enumerate(self.cells):
            if cell.cell_type == "markdown" and _PREDICTION.search(cell.source):
                later = (each for each in self.cells[place + 1 :] if each.cell_type == "code")
                found.append((cell, next(later, None)))
        return found

    @cached_property
    def unsettled(self) -> tuple[str, ...]:
        """Predictions whose next code cell shows nothing."""
        return tuple(
            cell.id for cell, answer in self.predictions if answer is None or not _shows(answer)
        )

    @cached_property
    def open_answers(self) -> tuple[str, ...]:
        """Cells that answer a prediction, and that a reader sees before having made it."""
        answers = [answer for _, answer in self.predictions if answer is not None]
        return tuple(answer.id for answer in answers if not notebooks.is_folded(answer))

    @cached_property
    def stated_minutes(self) -> int | None:
        """What the introduction says of the time, or None."""
        found = _TIME.search(self.prose[0].source if self.prose else "")
        return int(found[1]) if found else None

    def after(self, title: str) -> str:
        """All text that follows a heading."""
        whole = "\n\n".join(cell.source for cell in self.prose)
        return whole.partition(f"\n## {title}")[2]

    def missing(self) -> tuple[str, ...]:
        """Parts of the template that are not there."""
        first = self.prose[0].source if self.prose else ""
        found = [] if first.startswith("# ") else ["# a title, in the first cell"]
        found += [f"**{part}**" for part in INTRODUCTION if not re.search(rf"\*\*{part}\b", first)]
        place = 0
        for part in ENDING:
            later = [i for i, title in enumerate(self.headings) if title == part and i >= place]
            found += [] if later else [f"## {part}"]
            place = later[0] if later else place
        return tuple(found)

    def misnumbered(self) -> tuple[str, ...]:
        """Headings before the summary that have no number, or another one."""
        end = self.headings.index("Summary") if "Summary" in self.headings else None
        return tuple(
            title
            for number, title in enumerate(self.headings[:end], 1)
            if not re.match(rf"{number}\b", title)
        )

    def unlinked(self) -> tuple[str, ...]:
        """The beginning of each entry of the further reading that has no link."""
        entries = re.split(r"^[-*] ", self.after("Further reading"), flags=re.MULTILINE)[1:]
        return tuple(entry[:40].strip() for entry in entries if "](http" not in entry)

    def private(self) -> tuple[str, ...]:
        """Modules and names with a leading underscore that cells import."""
        names = (
            part
            for cell in self.code
            for node in _imports_of(cell)
            for part in [getattr(node, "module", None), *(alias.name for alias in node.names)]
        )
        return tuple(name for name in names if name and re.search(r"(^|\.)_(?!_)", name))


def _shows(cell: NotebookNode) -> bool:
    return any(output.output_type in _SHOWN for output in cell.outputs)


def _imports_of(cell: NotebookNode) -> Iterator[ast.Import | ast.ImportFrom]:
    nodes = ast.walk(Cell(cell.id, cell.source).tree)
    return (node for node in nodes if isinstance(node, ast.Import | ast.ImportFrom))


def _lines(node: ast.stmt) -> int:
    return node.end_lineno - node.lineno + 1
