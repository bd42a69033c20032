"""nbgrader's settings, for this folder and for any other course folder this file is put in."""

from pathlib import Path

from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.preprocessors import GetGrades

from coursekit.feedback import HideHiddenTests

c = get_config()  # noqa: F821, nbgrader defines it
root = Path(__file__).absolute().parent

c.CourseDirectory.root = str(root)
c.CourseDirectory.course_id = "convnets"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "assignments"
c.CourseDirectory.ignore = [
    ".ipynb_checkpoints",
    "__pycache__",
    "*.pyc",
    ".DS_Store",
    "checksum",
    "feedback",
]
# Two writers of one SQLite file wait for each other instead of failing after five seconds.
c.CourseDirectory.db_url = f"sqlite:///{root / 'gradebook.db'}?timeout=60"

c.Exchange.root = str(root / "exchange")
c.Exchange.path_includes_course = True

# How learning management systems name what was handed in, for `nbgrader zip_collect`:
#   Canvas      doejane_<student>_678901_a02_convolution-1.ipynb
#   Moodle      Jane Doe_<student>_assignsubmission_file/a02_convolution.ipynb
#   Blackboard  ps_<student>_attempt_2026-01-31-12-00-00_a02_convolution.ipynb
#   otherwise   <student>_a02_convolution.ipynb or <student>/a02_convolution.ipynb
c.FileNameCollectorPlugin.named_regexp = (
    r".*?(?P<student_id>[A-Za-z0-9.@-]+)(?:_\d+(?!_assign|_attempt))?(?:_attempt_(?P<timestamp>[0-9-]+))?"
    r"(?:_assignsubmission_file[^/\\]*)?[_/\\](?P<file_id>a\d\d_[a-z0-9_]+)(?:-\d+)?\.ipynb$"
)

c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\nraise NotImplementedError"}

# A cell that runs longer has an endless loop; the checks themselves take a second.
c.Execute.timeout = 60
c.Execute.interrupt_on_timeout = True
c.Execute.shutdown_kernel = "immediate"  # a graceful goodbye takes 1.5 s for each submission

# Text on stderr, a warning for instance, would otherwise cost a cell all its points.
c.IgnorePattern.enabled = True
c.IgnorePattern.pattern = "."

# Autograded notebooks hold the hidden tests; what students read does not.
c.GenerateFeedback.preprocessors = [GetGrades, HideHiddenTests, CSSHTMLHeaderPreprocessor]

# A written answer may hold HTML, and formgrader shows it to somebody who may change grades.
c.HTMLExporter.filters = {"markdown2html": "coursekit.feedback.harmless_markdown"}
