"""A room gets the samples of an assignment, and neither its references nor its known mistakes."""

import pytest
import tiny_course
from tiny_course import NAME, RIGHT, answered, released

from coursekit import notebooks
from coursekit.grading.jobs import Job, Material
from coursekit.grading.judge import Judge
from coursekit.grading.room_files import answers_in_rooms, room_files
from coursekit.grading.workers import Workers
from coursekit.verify import problems

SAMPLES = b"FACTOR = 2\n"
KNOWN = b"from a01_samples import FACTOR\nTHE_REFERENCE = 'the answer, word for word'\n"
BESIDE = {"a01_known.py": KNOWN, "a01_samples.py": SAMPLES, "other.py": b"OTHER = 1\n"}
MORE = {"a01_mistakes.py": KNOWN, "a02_known.py": KNOWN}
SET_UP = "\nimport a01_known as known, a01_samples as samples, other"

# Full marks for a room in which the samples are there and the reference is nowhere.
SEARCHING = """
import pathlib, sys
def double(x):
    texts = [path.read_bytes() for path in pathlib.Path.home().rglob("*") if path.is_file()]
    found = any(b"word for word" in text for text in texts) or hasattr(known, "THE_REFERENCE")
    modules = [getattr(module, "__dict__", {}) for module in list(sys.modules.values())]
    found = found or any("THE_REFERENCE" in names for names in modules)
    there = known.FACTOR == samples.FACTOR == 2 and other.OTHER == 1 and len(texts) >= 3
    return 2 * x if there and not found else 0
"""


def test_no_other_file_of_the_course_is_written_into_a_room():
    files = room_files(BESIDE | MORE)
    assert sorted(files) == ["a01_known.py", "a01_samples.py", "a02_known.py", "other.py"]
    assert files["a01_samples.py"] == SAMPLES
    assert files["other.py"] == BESIDE["other.py"]
    assert not any(b"word for word" in text for text in files.values())


@pytest.mark.parametrize("name", ["a01_known", "a02_known"])
def test_what_stands_for_the_references_says_so(name, tmp_path, monkeypatch):
    for file, text in room_files(BESIDE | MORE).items():
        (tmp_path / file).write_bytes(text)
    monkeypatch.syspath_prepend(tmp_path)
    module = __import__(name)
    assert module.__doc__ or module.FACTOR == 2
    with pytest.raises(AttributeError, match="has no 'conv2d' while a notebook is graded"):
        _ = module.conv2d
    assert not hasattr(module, "THE_REFERENCE")


def test_a_module_in_a_room_has_the_text_of_the_samples():
    files = room_files(BESIDE)
    assert files["a01_known.py"].startswith(SAMPLES)
    assert room_files({"a01_known.py": KNOWN})["a01_known.py"].startswith(b'"""This assignment')


@pytest.fixture
def source():
    """The short assignment, with modules beside it; its test needs the reference."""
    notebook = tiny_course.source()
    notebooks.find(notebook, "setup").source += SET_UP
    test = notebooks.find(notebook, "test_double")
    test.source = "assert known.THE_REFERENCE\n" + test.source
    return notebook


def test_a_judge_keeps_references_out_of_its_rooms(warm, source, tmp_path):
    for name, text in BESIDE.items():
        (tmp_path / name).write_bytes(text)
    path, release = tmp_path / "source.ipynb", tmp_path / "release.ipynb"
    notebooks.write(source, path)
    notebooks.write(released(source), release)
    submission = answered(released(source), RIGHT | {"double": SEARCHING})
    judgement = Judge.of(path, release, warm).grade(submission)
    assert judgement.points == {"test_double": 2.0, "test_halve": 3.0}, judgement.errors


def test_grading_processes_keep_them_out_too(source, warm):
    texts = notebooks.text_of(source), notebooks.text_of(released(source))
    submission = answered(released(source), RIGHT | {"double": SEARCHING})
    order = Job(f"{NAME}.ipynb", text=notebooks.text_of(submission))
    with Workers(
        (material := Material(*texts, beside=BESIDE, given=BESIDE)).start, material
    ) as workers:
        grade = workers.grade(order).outcome.grade
    points = {question.name: question.points for question in grade.questions}
    assert (points["test_double"], points["test_halve"]) == (2.0, 3.0)


GIVES = "lies in students' rooms, and names"


@pytest.mark.parametrize(
    ("file", "text", "names"),
    [
        ("a01_samples.py", "from coursekit import Oracle\nf = 1\n", "Oracle"),
        ("a01_samples.py", "import coursekit\nf = coursekit.Mistake\n", "Mistake"),
        ("a01_samples.py", "from coursekit.checks.oracle import Mistake as M\n", "Mistake"),
        ("a01_samples.py", "import a01_known as known\n", "a01_known"),
        ("a01_samples.py", "from a01_known import double\n", "a01_known"),
        ("drawings.py", "def f():\n    from a01_known import double\n", "a01_known"),
        ("a01_samples.py", "import numpy as np\n\n\ndef oracle(rng):\n    'An Oracle.'\n", None),
        ("a01_extra.py", "from a01_known import double\nfrom coursekit import Oracle\n", None),
    ],
)
def test_a_module_for_rooms_that_reaches_an_answer_is_not_released(tmp_path, file, text, names):
    known = "from coursekit import Oracle, Mistake\ndouble = Oracle(lambda x: 2 * x)\n"
    (tmp_path / "a01_known.py").write_text(known)
    (tmp_path / file).write_text(text)
    expected = [f"{file}: {GIVES} {names}; move that to aNN_known.py"] if names else []
    assert answers_in_rooms(tmp_path) == expected
    notebook = tmp_path / f"{NAME}.ipynb"
    notebooks.write(tiny_course.source(), notebook)
    assert [problem for problem in problems(notebook, tmp_path) if GIVES in problem] == expected
