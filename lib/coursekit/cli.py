"""The commands behind `make`. Each imports what it needs when it runs, so help comes at once."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from coursekit.startup import skip_grammars

skip_grammars()  # here, not in `main`: helping processes import this module, and call nothing

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Lectures, assignments and grading of the course. Run it in the course folder.",
)

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[ASSIGNMENT]...", help="Such as a02_convolution; all by default."),
]
Name = Annotated[str, typer.Argument(metavar="ASSIGNMENT", help="Such as a02_convolution.")]
Students = Annotated[
    list[str] | None, typer.Option("--student", help="Only this student; may be repeated.")
]
Workers = Annotated[int, typer.Option(help="Submissions graded at the same time.", min=1)]
Lecture = Annotated[
    str, typer.Argument(metavar="LECTURE", help="A number such as 03, or a whole name.")
]
NOT_CONFINED = (
    "Warning: student code runs without the sandbox. It can read and change whatever you can: "
    "other submissions, solutions, the gradebook, your files."
)


def main() -> None:
    """Run the command line."""
    app()


@app.command()
def new(
    name: Annotated[str, typer.Argument(help="Such as 05_batchnorm, or a05_batchnorm.")],
) -> None:
    """Make a small lecture or assignment that passes, to write a real one from."""
    from coursekit.authoring.skeleton import NewError
    from coursekit.authoring.skeleton import new as make
    from coursekit.notebooks import ExecutionError

    course = _course()
    try:
        made = make(course, name)
    except (ExecutionError, NewError) as error:
        _fail(str(error))
    for path in made:
        typer.echo(f"written: {path.relative_to(course)}")


@app.command()
def check(
    number: Annotated[str, typer.Argument(metavar="LECTURE", help="Its number, such as 05.")],
    workers: Annotated[int, typer.Option(help="Tests at the same time.", min=1)] = 2,
) -> None:
    """Prove one lecture and its assignment: rules, outputs, solutions, release, three ways."""
    from coursekit.authoring import checking
    from coursekit.authoring.demands import draft
    from coursekit.authoring.rules import measure

    course = _course()
    try:
        what = checking.subject(course, number)
        typer.echo(f"Checking {', '.join(what.names)}.")
        for lecture in what.lectures:
            for rule in measure(lecture):
                typer.echo(f"  {'✓' if rule.holds else '✗'} {rule}")
        for path in what.assignments:
            for left in draft(course, path.stem) or []:
                typer.echo(f"  still to do, {path.stem} is a draft: {left}")
        good = checking.check(course, what, workers)
    except checking.CheckError as error:
        _fail(str(error))
    if not good:
        raise typer.Exit(1)


@app.command()
def release(
    names: Names = None,
    force: Annotated[
        bool, typer.Option("--force", help="Change graded cells although students handed in.")
    ] = False,
) -> None:
    """Build and verify the student notebooks: assignments/, and a zip in build/.

    What follows from the cells of a source is written anew first: points, headings, the table.
    A draft is not released, and what is left to do is named.
    """
    from coursekit.authoring.demands import draft
    from coursekit.authoring.renewing import renew_assignment
    from coursekit.notebooks import NotebookError
    from coursekit.notebooks.outline import OutlineError
    from coursekit.release import ReleaseError, source_of
    from coursekit.release import release as release_one

    course = _course()
    for name in _assignments(course, names):
        if not names and draft(course, name) is not None:
            typer.echo(f"{name}: a draft, not released; what is left: make release A={name}")
            continue
        try:
            renew_assignment(source_of(course, name))
            done = release_one(course, name, force=force)
        except (NotebookError, OutlineError, ReleaseError) as error:
            _fail(f"{name}: {error}" if isinstance(error, OutlineError) else str(error))
        what = f"{len(done.changed)} files written" if done.changed else "unchanged"
        typer.echo(f"{name}: {what}, {done.archive.relative_to(course)}")


@app.command()
def verify(names: Names = None) -> None:
    """Check that releases leak nothing, points agree, solutions earn them and stubs do not."""
    from coursekit.release import ReleaseError
    from coursekit.release import verify as verify_one

    course, failed = _course(), False
    for name in _assignments(course, names):
        try:
            found = verify_one(course, name)
        except ReleaseError as error:
            found = [str(error)]
        failed = failed or bool(found)
        typer.echo(f"{name}: {'all well' if not found else ''}")
        for problem in found:
            typer.echo(f"  - {problem}")
    if failed:
        raise typer.Exit(1)


@app.command()
def mistakes(names: Names = None) -> None:
    """Run the known wrong and right solutions; show what each one loses and what it was told."""
    from coursekit import collection, rehearse
    from coursekit.mistakes import show

    course, failed = _course(), False
    wanted = names or [path.stem for path in collection.collections_in(course)]
    for name in wanted:
        path = course / "tests" / "assignments" / f"{name}.py"
        if not path.is_file():
            _fail(f"{name} has no collection of solutions: {path} is missing.")
        rehearsal = rehearse.Rehearsal.of(course / "solutions" / name / f"{name}.ipynb")
        failed = not show(rehearsal, collection.load(path)) or failed
    if failed:
        raise typer.Exit(1)


@app.command()
def notebooks(
    paths: Annotated[
        list[Path] | None, typer.Argument(help="Lectures or solutions; all by default.")
    ] = None,
    timeout: Annotated[float, typer.Option(help="Seconds for one cell.")] = 120,
) -> None:
    """Run the lectures in fresh kernels and store the results; renew the solutions.

    First and last cells, headings and the table of points are written anew from the other cells.
    """
    from coursekit.authoring.renewing import renew_assignment, renew_lecture
    from coursekit.notebooks import ExecutionError, NotebookError
    from coursekit.notebooks.outline import OutlineError

    course, failed = _course(), False
    for path in paths or _all_notebooks(course):
        path = path.resolve()
        try:
            if path.is_relative_to(course / "solutions"):
                changed = renew_assignment(path)
            else:
                changed = renew_lecture(path, timeout)
        except (ExecutionError, NotebookError, OutlineError) as error:
            failed = True
            typer.echo(f"{path.name}: {error}", err=True)
        else:
            typer.echo(f"{path.name}: {'written' if changed else 'unchanged'}")
    if failed:
        raise typer.Exit(1)


@app.command()
def results(
    lecture: Lecture,
    workers: Annotated[int, typer.Option(help="Runs at a time, each one thread.", min=1)] = 1,
    again: Annotated[
        bool, typer.Option("--again", help="Begin anew; what is stored is lost.")
    ] = False,
    keep: Annotated[
        bool, typer.Option("--keep", help="The code has changed, but no number: keep the runs.")
    ] = False,
) -> None:
    """Run the larger experiments of a lecture and store each run in course/results/.

    What is stored already is not run again, so it may be interrupted at any moment.
    """
    from coursekit.experiments import ResultsError
    from coursekit.experiments.experiment import ExperimentError
    from coursekit.experiments.measure import measure

    try:
        done = measure(_course(), lecture, workers=workers, again=again, keep=keep, say=typer.echo)
    except (ExperimentError, ResultsError) as error:
        _fail(str(error))
    except OSError as error:
        _fail(f"A run could not be stored: {error}. The same command goes on from there.")
    except KeyboardInterrupt:
        _fail("Stopped. What is measured is stored; the same command goes on with the rest.")
    if not done:
        raise typer.Exit(1)


@app.command()
def perturb(
    lecture: Lecture,
    runs: Annotated[int, typer.Option(help="How often.", min=1)] = 20,
    workers: Annotated[int, typer.Option(help="Runs at a time, each one thread.", min=1)] = 2,
    scale: Annotated[float, typer.Option(help="Size of the noise.", min=0)] = 1e-6,
    timeout: Annotated[float, typer.Option(help="Seconds for one run.")] = 600,
) -> None:
    """Run a lecture many times with initial weights × (1 + noise); say which asserts held."""
    from coursekit.perturb import perturb as lectures

    try:
        held = lectures.perturb(
            _course(),
            lecture,
            runs=runs,
            workers=workers,
            scale=scale,
            timeout=timeout,
            say=typer.echo,
        )
    except lectures.PerturbError as error:
        _fail(str(error))
    except KeyboardInterrupt:
        _fail("Stopped.")
    if not held:
        raise typer.Exit(1)


@app.command()
def grade(
    name: Name,
    student: Students = None,
    workers: Annotated[
        int, typer.Option(help="Submissions graded at the same time; as many as cores.", min=1)
    ] = os.cpu_count() or 1,
    dask: Annotated[
        str | None,
        typer.Option(metavar="ADDRESS", help="Grade on a Dask cluster, such as tcp://host:8786."),
    ] = None,
    no_sandbox: Annotated[
        bool, typer.Option("--no-sandbox", help="Let student code see and change this machine.")
    ] = False,
) -> None:
    """Grade everything handed in, safely and in parallel, and write grades-ASSIGNMENT.csv.

    What is graded already is not graded again, so it may be interrupted at any moment.
    """
    from coursekit.grading import classroom
    from coursekit.grading.autograding import GradingFailed

    course = _course()
    if no_sandbox:
        typer.secho(NOT_CONFINED, fg="red", bold=True, err=True)
    try:
        results = classroom.grade(
            course,
            name,
            student,
            workers=workers,
            sandboxed=not no_sandbox,
            dask=dask,
        )
        part = "-part" if student else ""  # the table of the whole class stays
        classroom.show(course, results, course / f"grades-{name}{part}.csv")
    except (FileNotFoundError, GradingFailed) as error:
        _fail(str(error))
    except KeyboardInterrupt:
        _fail("Stopped. What is graded is stored; the same command goes on with the rest.")


@app.command()
def feedback(
    name: Name,
    student: Students = None,
    workers: Annotated[
        int, typer.Option(help="Pages written at the same time; as many as cores.", min=1)
    ] = os.cpu_count() or 1,
    force: Annotated[
        bool, typer.Option("--force", help="Write pages anew that have not changed.")
    ] = False,
) -> None:
    """Write HTML feedback for everyone graded, where notebook, points or comments have changed.

    May be interrupted at any moment; the same command goes on with the rest.
    """
    from coursekit.grading import classroom
    from coursekit.grading.autograding import GradingFailed

    course = _course()
    try:
        written = classroom.feedback(course, name, student, workers=workers, force=force)
    except GradingFailed as error:
        _fail(str(error))
    except KeyboardInterrupt:
        _fail("Stopped. What is written stays; the same command goes on with the rest.")
    if not written:
        _fail(f"nobody's {name} has been graded yet; first: coursekit grade {name}")
    pages = [page for page in written.values() if page]
    if pages:
        noun = "page:" if len(pages) == 1 else "pages, such as"
        typer.echo(f"{len(pages)} {noun} {pages[0]}")
    for who in sorted(who for who, page in written.items() if page is None):
        typer.echo(f"{who}: could not be written")
    if None in written.values():
        raise typer.Exit(1)


@app.command()
def demo(
    folder: Annotated[Path, typer.Argument(help="Where to make the demo's course.")] = Path("demo"),
    workers: Workers = 2,
) -> None:
    """Grade a class of sample students, from release to feedback."""
    from coursekit import demo
    from coursekit.grading.autograding import GradingFailed

    try:
        demo.run(folder, _course(), workers)
    except (FileExistsError, FileNotFoundError, GradingFailed) as error:
        _fail(str(error))


@app.command()
def lab(
    arguments: Annotated[
        list[str] | None, typer.Argument(help="For `jupyter lab`, after `--`.")
    ] = None,
) -> None:
    """Open JupyterLab on the course: Validate, assignment list, formgrader."""
    from coursekit import lab

    lab.run(_course(), arguments or ())


@app.command()
def site() -> None:
    """Write front page, lectures and guides as static pages into build/site/; nothing is run."""
    from coursekit import site

    try:
        front = site.build(_course())
    except site.SiteError as error:
        _fail(str(error))
    typer.echo(f"The front page: {front}")


@app.command("check-env")
def check_env() -> None:
    """Say in plain words what is wrong with this installation."""
    from coursekit import doctor

    raise typer.Exit(doctor.run())


@app.command()
def report(name: Name) -> None:
    """Write reports/ASSIGNMENT.html: scores, questions, checks, mistakes, what to look at."""
    from coursekit.report import write_page

    try:
        typer.echo(f"Report: {write_page(_course(), name)}")
    except FileNotFoundError as error:
        _fail(str(error))


@app.command()
def similar(name: Name) -> None:
    """Write reports/ASSIGNMENT-similar.html: pairs of submissions that share unusual code."""
    from coursekit.similarity import write_page

    try:
        page, striking = write_page(_course(), name)
    except FileNotFoundError as error:
        _fail(str(error))
    for pair in striking:
        typer.echo(f"{pair.first} and {pair.second}: {pair.share:.0%}")
    noun = "pair" if len(striking) == 1 else "pairs"
    typer.echo(f"{len(striking)} {noun} worth a look: {page}")


@app.command()
def export(
    name: Name,
    to: Annotated[str, typer.Option(help="canvas, moodle, gradescope or csv.")] = "csv",
    roster: Annotated[
        Path | None, typer.Option(help="A class list that the system exported, to match students.")
    ] = None,
    unfinished: Annotated[
        bool, typer.Option("--unfinished", help="Include who waits for manual grading.")
    ] = False,
    missing_as_zero: Annotated[
        bool, typer.Option("--missing-as-zero", help="Give 0 to who handed nothing in.")
    ] = False,
) -> None:
    """Write the grades, with manual points and late penalties, in a format for import."""
    from coursekit import exports

    try:
        done = exports.export(
            _course(),
            name,
            to,
            roster=roster,
            unfinished=unfinished,
            missing_as_zero=missing_as_zero,
        )
    except exports.ExportError as error:
        _fail(str(error))
    for who, why in done.left_out:
        typer.echo(f"left out: {who}, {why}")
    for who in done.unknown:
        typer.echo(f"in the roster, but without a grade: {who}")
    typer.echo(f"{done.written} grades: {done.path}\n{done.advice}")


def _course() -> Path:
    """The folder the command runs in, if it is a course."""
    here = Path.cwd()
    if not (here / "solutions").is_dir():
        _fail(f"{here} has no folder solutions/. Run this in the course folder.")
    return here


def _assignments(course: Path, names: list[str] | None) -> Iterable[str]:
    from coursekit.release import assignments

    return names or assignments(course)


def _all_notebooks(course: Path) -> list[Path]:
    return sorted(course.glob("course/*.ipynb")) + sorted(course.glob("solutions/*/*.ipynb"))


def _fail(message: str) -> None:
    typer.echo(message, err=True)
    raise typer.Exit(1)
