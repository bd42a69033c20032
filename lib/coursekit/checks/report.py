"""What a student sees under a check: the same facts as text and as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from html import escape

from coursekit.checks.findings import Finding

GREEN, RED, GREY = "#0a7d38", "#c0341d", "#767676"
SUMMARY = "display:list-item;cursor:pointer"  # some style sheets take the triangle away


@dataclass(frozen=True)
class CheckResult:
    """One check after it ran: `finding` is None where it passed."""

    name: str
    points: float
    hidden: bool
    finding: Finding | None = None
    printed: str = ""

    @property
    def passed(self) -> bool:
        return self.finding is None


class Score(float):
    """Points of a graded cell. Its text is a plain number, which nbgrader reads as the grade."""

    partial = False  # True where hidden checks have yet to run

    def __repr__(self) -> str:
        return f"{float(self):g}"

    def _repr_html_(self) -> str:
        text = " if the hidden checks go as the visible ones did" if self.partial else ""
        unit = "point" if self == 1 else "points"
        return f'<span style="color:{GREY}">{self!r} {unit}{text}</span>'


class Report:
    """All results of one task, drawn as text (terminals, logs) and HTML (notebooks, feedback).

    Args:
        name: of the task.
        points: what its cell is worth, hidden checks included.
        results: of the checks that ran.
        void: why the task gets no points whatever its checks say, or "".
        note: what the student should know before reading on, or "".
    """

    def __init__(
        self, name: str, points: float, results: list[CheckResult], void: str = "", note: str = ""
    ):
        self.name, self.points, self.void, self.note = name, points, void, note
        self.results = list(_told_once(results))
        self.possible = sum(r.points for r in results)
        self.earned = 0.0 if void else sum(r.points for r in results if r.passed)

    @property
    def score(self) -> Score:
        """Points scaled to the checks that ran: full marks where all passed, 0 where none ran."""
        score = Score(self.points * self.earned / self.possible if self.possible else 0.0)
        score.partial = self._hidden_left > 0
        return score

    @property
    def _hidden_left(self) -> float:
        return 0.0 if any(r.hidden for r in self.results) else self.points - self.possible

    @property
    def summary(self) -> str:
        """One line, such as 'conv2d: 4 of 5 checks passed, 3 of 6 points.'"""
        passed = sum(r.passed for r in self.results)
        left = self._hidden_left
        rest = f"; hidden checks decide the other {left:g}" if left else ""
        return (
            f"{self.name}: {passed} of {len(self.results)} {'visible ' if left else ''}checks "
            f"passed, {self.earned:g} of {self.possible:g} points{rest}."
        )

    def failures(self) -> str:
        """A short text of what failed; "" when all passed."""
        lines = [text for text in (self.note, self.void) if text]
        for r in (r for r in self.results if not r.passed):
            lines.append(
                " ".join(filter(None, (f"✗ {r.name}: {r.finding.sentence}", _like(r.finding))))
            )
        return "\n".join((self.summary, *lines)) if lines else ""

    def __repr__(self) -> str:
        lines = [self.summary, *(text for text in (self.note, self.void) if text)]
        for r in self.results:
            lines.append(f"  {'✓' if r.passed else '✗'} {r.name} ({_points(r)})")
            if r.finding:
                lines += ["      " + line for line in _finding_text(r.finding).splitlines()]
            if r.finding and r.printed:
                printed = r.printed.replace("\n", "\n        ")
                lines.append(f"      your code printed or warned: {printed}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        good = all(r.passed for r in self.results) and not self.void and not self.note
        colour = GREEN if good else RED
        rows = "".join(_row_html(r) for r in self.results)
        told = (text for text in (self.note, self.void) if text)
        note = "".join(f'<div style="color:{RED}">{_code(text)}</div>' for text in told)
        return (
            f'<div style="border-left:4px solid {colour};padding:2px 12px;margin:4px 0;'
            f'line-height:1.5"><b>{escape(self.summary)}</b>{note}{rows}</div>'
        )


AGAIN = "again: "  # before a mistake that the report has named already


def _told_once(results: Iterable[CheckResult]) -> Iterator[CheckResult]:
    """The results, with each mistake's hints where it is first named and nowhere else."""
    named: set[tuple[str, tuple[str, ...]]] = set()
    for result in results:
        finding = result.finding
        if finding and finding.looks_like:
            key = finding.looks_like, finding.hints
            if key in named:
                finding = replace(finding, looks_like=AGAIN + finding.looks_like, hints=())
            named.add(key)
        yield result if finding is result.finding else replace(result, finding=finding)


def _like(finding: Finding) -> str:
    """What the result looks like, as a sentence."""
    if not finding.looks_like:
        return ""
    if finding.looks_like.startswith(AGAIN):
        return f"Again, it looks as if {finding.looks_like.removeprefix(AGAIN)}."
    return f"It looks as if {finding.looks_like}."


def _points(r: CheckResult) -> str:
    return f"{r.points:g} point{'' if r.points == 1 else 's'}{', hidden' if r.hidden else ''}"


def _finding_text(f: Finding) -> str:
    parts = [f.sentence, *f.details, *f.picture.splitlines()]
    if f.looks_like:
        parts.append(_like(f))
    if f.hints:
        parts.append(f"Hint: {f.hints[0]}")
    return "\n".join(parts)


def _row_html(r: CheckResult) -> str:
    mark, colour = ("✓", GREEN) if r.passed else ("✗", RED)
    head = (
        f'<div><span style="color:{colour}"><b>{mark}</b></span> {escape(r.name)} '
        f'<span style="color:{GREY}">({_points(r)})</span></div>'
    )
    return head + (_finding_html(r.finding, r.printed) if r.finding else "")


def _finding_html(f: Finding, printed: str) -> str:
    parts = [f"<b>{_code(f.sentence)}</b>", *(_code(d) for d in f.details)]
    if f.picture:
        parts.append(f'<pre style="line-height:1.15;margin:4px 0">{escape(f.picture)}</pre>')
    if f.looks_like:
        parts.append(f"<b>{_code(_like(f))}</b>")
    parts.append(_hints_html(f.hints))
    if printed:
        text = f'<pre style="margin:4px 0">{escape(printed)}</pre>'
        head = f'<summary style="{SUMMARY}">What your code printed or warned</summary>'
        parts.append(f"<details>{head}{text}</details>")
    body = "".join(f"<div>{part}</div>" for part in parts if part)
    return f'<div style="margin:0 0 6px 20px">{body}</div>'


def _hints_html(hints: tuple[str, ...], number: int = 1) -> str:
    """Each tier opens inside the one before, so that nobody reads the last hint by accident."""
    if not hints:
        return ""
    deeper = _hints_html(hints[1:], number + 1)
    return (
        f'<details><summary style="{SUMMARY}">Hint {number}</summary>'
        f'<div style="margin-left:16px">{_code(hints[0])}{deeper}</div></details>'
    )


def _code(text: str) -> str:
    """Escaped HTML with `code` in backticks set as code."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{p}</code>" if i % 2 else p for i, p in enumerate(pieces))
