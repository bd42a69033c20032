"""A course of one short assignment, which grading tests run in a second instead of ten."""

from pathlib import Path

from nbformat import v4
from nbgrader.converters import GenerateFeedback
from nbgrader.coursedir import CourseDirectory

from coursekit import notebooks
from coursekit.grading import autograding

NAME = "a01_tiny"
MOST = {"test_double": 2.0, "test_halve": 3.0, "explain_double": 4.0}
RIGHT = {
    "double": "def double(x):\n    return 2 * x",
    "halve": "def halve(x):\n    return x / 2",
    "explain_double": "Because every number has a double.",
}

ROOT = Path(__file__).parents[1]
IMPATIENT = "c.Execute.timeout = 3  # seconds for a cell; what is right takes none\n"

DOUBLE = """\
def double(x):
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION"""
TEST_DOUBLE = """\
task = Task("double", points=2)
with task.check("three", points=1):
    task.equal(double(3), 6)
### BEGIN HIDDEN TESTS
with task.check("a negative number", points=1, hidden=True):
    task.equal(double(-4), -8)
### END HIDDEN TESTS
task.score()"""
HALVE = """\
def halve(x):
    ### BEGIN SOLUTION
    return x / 2
    ### END SOLUTION"""
TEST_HALVE = """\
task = Task("halve", points=3)
with task.check("an odd number", points=3):
    task.equal(halve(3.0), 1.5)
task.score()"""


def source():
    """The assignment as it lies in solutions/."""
    cells = [
        v4.new_markdown_cell("# Doubling and halving"),
        _cell("setup", "from coursekit import Task", locked=True),
        _cell("double", DOUBLE, solution=True),
        _cell("test_double", TEST_DOUBLE, grade=True, locked=True, points=2),
        _cell("halve", HALVE, solution=True),
        _cell("test_halve", TEST_HALVE, grade=True, locked=True, points=3),
        _cell(
            "explain_double",
            "Why can every number be doubled?",
            grade=True,
            solution=True,
            points=4,
            make=v4.new_markdown_cell,
        ),
    ]
    return notebooks.normalise(v4.new_notebook(cells=cells))


def released(source):
    """The student version of the assignment, made without nbgrader."""
    release = notebooks.normalise(source)
    for cell in release.cells:
        lines = notebooks.outside_region(cell.source, notebooks.HIDDEN)
        if notebooks.kind(cell) == notebooks.Kind.SOLUTION:
            lines = [*notebooks.outside_region(cell.source, notebooks.SOLUTION)]
            lines.append("    raise NotImplementedError")
        cell.source = "\n".join(lines)
    return release


def _cell(name, text, make=v4.new_code_cell, **about):
    flags = {"grade": False, "solution": False, "locked": False, "task": False} | about
    known = {"grade_id": name, "schema_version": 3, "cell_type": make("").cell_type}
    return make(text, metadata={"nbgrader": known | flags})


def build(root: Path) -> Path:
    """Write the course to a folder."""
    notebooks.write(source(), root / "solutions" / NAME / f"{NAME}.ipynb")
    config = (ROOT / "nbgrader_config.py").read_text()
    (root / "nbgrader_config.py").write_text(config + IMPATIENT)
    return root


def answered(release, answers):
    """The release with `answers`, by grade id, filled in."""
    for name, text in answers.items():
        notebooks.find(release, name).source = text
    return release


def hand_in(course, student, notebook=None, *, name=f"{NAME}.ipynb", data=None) -> Path:
    """Put a notebook, or bytes, into submitted/."""
    folder = course / "submitted" / student / NAME
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    if data is None:
        notebooks.write(notebook, path)
    else:
        path.write_bytes(data)
    return path


def nbgraders_feedback(course, student) -> Path:
    """The page that nbgrader's own GenerateFeedback writes."""
    config = autograding.configuration(course)
    config.CourseDirectory.assignment_id = NAME
    config.CourseDirectory.student_id = student
    config.GenerateFeedback.force = True
    autograding.run(GenerateFeedback(coursedir=CourseDirectory(config=config), config=config))
    return course / "feedback" / student / NAME / f"{NAME}.html"
