"""The answers of a class, read from submitted/, and the page that shows what is alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nbformat import NotebookNode

from coursekit import notebooks, pages
from coursekit.grading.layout import release_of
from coursekit.grading.processes import Helper, Lost
from coursekit.grading.submissions import Submission, collect
from coursekit.similarity.fingerprints import k_grams
from coursekit.similarity.pairs import Answers, Pair, common_runs, compare, marked_lines
from coursekit.similarity.tokens import code_tokens, imported_names, prose_tokens

MOST_VIEWS = 25  # pairs shown side by side
SHOWN = 0.3  # share of an answer from which its text is shown
SECONDS = 60.0  # in which a submission must be read
MEMORY = 8 * 2**30  # bytes for it; a notebook of 64 MiB needs a twentieth
REFERENCE = "(reference solution)"  # nobody's id: that has no brackets


@dataclass(frozen=True)
class Readings:
    """What could be read, and what could not.

    Attributes:
        answers: of each student whose submission is readable, and of `REFERENCE`.
        left_out: (student, why) of the others.
        given: hashes of the runs of tokens in the code that was handed out.
    """

    answers: tuple[Answers, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    given: frozenset[int] = frozenset()

    @property
    def students(self) -> int:
        """How many students are compared."""
        return sum(each.student != REFERENCE for each in self.answers)


def read_class(course: str | Path, assignment: str) -> Readings:
    """Read submitted/<student>/<assignment>/ of everyone, without running anything.

    The reference solution takes part as if it were a student's: who copied it, is found too.

    Raises:
        FileNotFoundError: the assignment has not been released, or nobody handed in.
    """
    course = Path(course).resolve()
    release = _release(course, assignment)
    folders = sorted(course.glob(f"submitted/[!.]*/{assignment}"))
    folders = [folder for folder in folders if not folder.parent.name.startswith("__")]
    if not folders:
        raise FileNotFoundError(
            f"Nobody handed in {assignment}: {course}/submitted has none of it."
        )
    answers, left_out = _reference(course, assignment, release), []
    for student, submission in _collected(folders, release, f"{assignment}.ipynb"):
        if submission.readable:
            answers.append(answers_of(student, submission.notebook, release))
        else:
            left_out.append((student, "; ".join(submission.notes)))
    return Readings(tuple(answers), tuple(left_out), released_runs(release))


def released_runs(release: NotebookNode) -> frozenset[int]:
    """Hashes of the runs of tokens in the code cells of a release."""
    code = [cell.source for cell in release.cells if cell.cell_type == "code"]
    known = imported_names(code)
    return frozenset(run for source in code for run in k_grams(code_tokens(source, "", known)))


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


def _reference(course: Path, assignment: str, release: NotebookNode) -> list[Answers]:
    path = course / "solutions" / assignment / f"{assignment}.ipynb"
    if not path.is_file():
        return []
    source = notebooks.read(path)
    for cell in source.cells:
        cell.source = notebooks.without_markers(cell.source)
    return [answers_of(REFERENCE, source, release)]


def _collected(
    folders: Sequence[Path], release: NotebookNode, name: str
) -> Iterator[tuple[str, Submission]]:
    """Each student's submission, read in a process that may come to grief over it."""
    with Helper([collect.__module__], MEMORY) as helper:
        for folder in folders:
            try:
                submission = helper(collect, folder, release, name, limit=SECONDS)
            except Lost as error:
                submission = Submission(release, False, [f"it cannot be read: {error}"])
            yield folder.parent.name, submission


def write_page(course: str | Path, assignment: str) -> tuple[Path, list[Pair]]:
    """Compare a class and write reports/<assignment>-similar.html.

    Returns:
        The file, and the pairs that are worth a look.
    Raises:
        FileNotFoundError: the assignment has not been released, or nobody handed in.
    """
    course = Path(course).resolve()
    readings = read_class(course, assignment)
    pairs = compare(readings.answers, given=readings.given)
    path = course / "reports" / f"{assignment}-similar.html"
    pages.write(page(assignment, readings, pairs), path)
    return path, [pair for pair in pairs if pair.striking]


def page(assignment: str, readings: Readings, pairs: Sequence[Pair]) -> str:
    """The HTML page: the pairs that `compare` found, and the striking ones side by side."""
    by_name = {each.student: each for each in readings.answers}
    striking = [pair for pair in pairs if pair.striking]
    common = common_runs(readings.answers) | readings.given if striking else set()
    return pages.render(
        "similar.html",
        assignment=assignment,
        students=readings.students,
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
    for number, text in enumerate(source.split("\n"), 1):
        yield {"text": text, "shared": number in marked}


def _release(course: Path, assignment: str) -> NotebookNode:
    """The notebook as students got it: as grading built it, else as it was released."""
    released = course / "assignments" / assignment / f"{assignment}.ipynb"
    for path in (release_of(course, assignment), released):
        if path.is_file():
            return notebooks.read(path)
    raise FileNotFoundError(f"{assignment} is not released: {released} is missing.")
