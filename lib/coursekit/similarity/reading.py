"""The answers of a class, read from submitted/, and the page that shows what is alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from coursekit import notebooks, pages
from coursekit.grading import autograding
from coursekit.grading.submissions import collect
from coursekit.similarity.pairs import Answers, Pair, common_runs, compare, marked_lines
from coursekit.similarity.tokens import code_tokens, imported_names, prose_tokens

MOST_VIEWS = 25  # pairs shown side by side
SHOWN = 0.3  # share of an answer from which its text is shown


@dataclass(frozen=True)
class Readings:
    """What could be read, and what could not.

    Attributes:
        answers: of each student whose submission is readable.
        left_out: (student, why) of the others.
    """

    answers: tuple[Answers, ...]
    left_out: tuple[tuple[str, str], ...] = ()


def read_class(course: str | Path, assignment: str) -> Readings:
    """Read submitted/<student>/<assignment>/ of everyone, without running anything.

    Raises:
        FileNotFoundError: the assignment has not been released, or nobody handed in.
    """
    course = Path(course).resolve()
    release = _release(course, assignment)
    folders = sorted(course.glob(f"submitted/[!.]*/{assignment}"))
    if not folders:
        raise FileNotFoundError(
            f"Nobody handed in {assignment}: {course}/submitted has none of it."
        )
    answers, left_out = [], []
    for folder in folders:
        submission = collect(folder, release, f"{assignment}.ipynb")
        if submission.readable:
            answers.append(answers_of(folder.parent.name, submission.notebook, release))
        else:
            left_out.append((folder.parent.name, "; ".join(submission.notes)))
    return Readings(tuple(answers), tuple(left_out))


def answers_of(student: str, notebook: NotebookNode, release: NotebookNode) -> Answers:
    """What a student wrote into the solution cells of a notebook.

    Args:
        release: the notebook as it was handed out; its text does not count.
    """
    known = imported_names(cell.source for cell in release.cells if cell.cell_type == "code")
    given = notebooks.solutions(release)
    sources, tokens = {}, {}
    for name, cell in notebooks.solutions(notebook).items():
        released = given[name].source if name in given else ""
        sources[name] = cell.source
        if cell.cell_type == "code":
            tokens[name] = code_tokens(cell.source, released, known)
        else:
            tokens[name] = prose_tokens(cell.source, released)
    return Answers(student, sources, tokens)


def write_page(course: str | Path, assignment: str) -> tuple[Path, list[Pair]]:
    """Compare a class and write reports/<assignment>-similar.html.

    Returns:
        The file, and the pairs that are worth a look.
    Raises:
        FileNotFoundError: the assignment has not been released, or nobody handed in.
    """
    course = Path(course).resolve()
    readings = read_class(course, assignment)
    pairs = compare(readings.answers)
    path = course / "reports" / f"{assignment}-similar.html"
    pages.write(page(assignment, readings, pairs), path)
    return path, [pair for pair in pairs if pair.striking]


def page(assignment: str, readings: Readings, pairs: Sequence[Pair]) -> str:
    """The HTML page: the pairs that `compare` found, and the striking ones side by side."""
    by_name = {each.student: each for each in readings.answers}
    striking = [pair for pair in pairs if pair.striking]
    common = common_runs(readings.answers) if striking else set()
    return pages.render(
        "similar.html",
        assignment=assignment,
        students=len(readings.answers),
        left_out=readings.left_out,
        striking=len(striking),
        pairs=[_row(pair) for pair in pairs],
        views=[_view(pair, by_name, common) for pair in striking[:MOST_VIEWS]],
    )


def _row(pair: Pair) -> dict:
    largest = sorted(pair.questions.items(), key=lambda item: (-item[1].share, item[0]))
    return {
        "first": pair.first,
        "second": pair.second,
        "share": pair.share,
        "evidence": pair.evidence,
        "striking": pair.striking,
        "largest": largest[:4],
    }


def _view(pair: Pair, by_name: Mapping[str, Answers], common: set[int]) -> dict:
    first, second = by_name[pair.first], by_name[pair.second]
    questions = [
        {
            "name": name,
            "share": pair.questions[name].share,
            "sides": [_side(first, second, name, common), _side(second, first, name, common)],
        }
        for name in first.sources
        if name in pair.questions and pair.questions[name].share >= SHOWN
    ]
    return {"first": pair.first, "second": pair.second, "share": pair.share, "questions": questions}


def _side(own: Answers, other: Answers, name: str, common: set[int]) -> dict:
    marked = marked_lines(own.tokens.get(name, ()), other.tokens.values(), common)
    lines = _lines(own.sources.get(name, ""), marked)
    return {"student": own.student, "lines": list(lines)}


def _lines(source: str, marked: set[int]) -> Iterator[dict]:
    for number, text in enumerate(source.splitlines(), 1):
        yield {"text": text, "shared": number in marked}


def _release(course: Path, assignment: str) -> NotebookNode:
    """The notebook as students got it: as grading built it, else as it was released."""
    released = course / "assignments" / assignment / f"{assignment}.ipynb"
    for path in (autograding.release_of(course, assignment), released):
        if path.is_file():
            return notebooks.read(path)
    raise FileNotFoundError(f"{assignment} is not released: {released} is missing.")
