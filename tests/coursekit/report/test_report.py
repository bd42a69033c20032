"""Item statistics agree with hand-computed values and NumPy; the page survives every class."""

import re
import shutil
from dataclasses import replace
from html.parser import HTMLParser

import books
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coursekit import report
from coursekit.grading import store
from coursekit.grading.grades import CheckGrade, Grade, QuestionGrade
from coursekit.grading.hashes import Key
from coursekit.grading.results import Status
from coursekit.pages import write
from coursekit.report import Record, gather, page, statistics, summary
from coursekit.scores import Mark

HOSTILE = "<script>alert(1)</script>&\"'\u202e\ud800"
MOST = {"test_f": 4.0, "test_g": 2.0, "explain_f": 3.0}


def graded(f=4.0, g=2.0, explain=3.0, **more):
    questions = (
        QuestionGrade("test_f", f, 4.0, (CheckGrade("shapes", 4.0, f == 4),), seconds=0.5),
        QuestionGrade("test_g", g, 2.0, seconds=0.1),
        QuestionGrade("explain_f", explain, 3.0),
    )
    return Grade(questions, **more)


def klass(*grades, **more):
    records = [Record(f"s{i}", grade) for i, grade in enumerate(grades)]
    return gather("a01_tiny", records, questions=MOST, **more)


# --- statistics ----------------------------------------------------------------------------------


def test_discrimination_of_four_students_by_hand():
    # x = 0 1 1 2 and rest = 1 2 4 5: both have mean deviations whose products sum to 4,
    # with sums of squares 2 and 10, so r = 4 / √20.
    points, rest = [0, 1, 1, 2], [1, 2, 4, 5]
    totals = [a + b for a, b in zip(points, rest, strict=True)]
    assert statistics.discrimination(points, totals) == pytest.approx(4 / np.sqrt(20))


def test_a_question_is_not_correlated_with_itself():
    """Uncorrected, a question that is all of the total would reach 1."""
    assert statistics.discrimination([0, 1, 2, 3], [0, 1, 2, 3]) is None


numbers = st.floats(-100, 100).map(lambda value: round(value, 3))


@given(st.lists(st.tuples(numbers, numbers), min_size=3, max_size=30))
def test_correlation_agrees_with_numpy_where_it_is_defined(pairs):
    x, y = map(list, zip(*pairs, strict=True))
    ours = statistics.correlation(x, y)
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert ours is None
    elif np.std(x) > 1e-2 and np.std(y) > 1e-2:
        assert ours == pytest.approx(np.corrcoef(x, y)[0, 1], abs=1e-6)


@pytest.mark.parametrize(
    ("x", "y"),
    [([], []), ([1], [2]), ([1, 2], [3, 4]), ([1, 1, 1], [1, 2, 3]), ([0.1 + 0.2, 0.3, 0.3],) * 2],
    ids=["nobody", "one student", "two students", "no spread", "rounding is no spread"],
)
def test_what_is_undefined_is_none(x, y):
    assert statistics.correlation(x, y) is None


@given(st.lists(numbers, min_size=1), st.floats(0, 1))
def test_quantiles_agree_with_numpy(values, q):
    assert statistics.quantile(values, q) == pytest.approx(np.quantile(values, q), abs=1e-9)


@given(st.lists(st.floats(0, 7.5)))
def test_bins_lose_nobody(values):
    counts, edges = statistics.bins(values, 7.5, 5)
    assert sum(counts) == len(values)
    assert edges == [0.0, 1.5, 3.0, 4.5, 6.0, 7.5]


def test_extra_credit_and_worthless_assignments_have_a_bin():
    assert statistics.bins([12, -1], 10, 2)[0] == [1, 1]
    assert statistics.bins([0], 0, 2)[0] == [1, 0]


def test_no_students_or_no_points_have_no_share():
    assert statistics.mean_share([], 4) is statistics.mean_share([1], 0) is None


# --- the class -----------------------------------------------------------------------------------


def test_questions_are_summed_up():
    first = summary.questions(klass(graded(4), graded(0, 0), graded(2)))[0]
    assert (first.name, first.most, first.share) == ("test_f", 4.0, 0.5)
    assert first.median == 0.5
    assert first.discrimination == pytest.approx(np.corrcoef([4, 0, 2], [5, 3, 5])[0, 1])
    assert [(c.name, c.ran, c.failing) for c in first.checks] == [("shapes", 3, 2 / 3)]


def test_why_a_discrimination_is_undefined_is_said():
    two = summary.questions(klass(graded(), graded(1)))
    assert {question.why for question in two} == {"fewer than three marked"}
    same = summary.questions(klass(graded(), graded(), graded(g=1)))
    assert same[0].why == "all got the same"
    assert same[1].why == "all got the same elsewhere"


def test_a_question_not_yet_marked_for_all_does_not_make_totals_unequal():
    """explain_f, open for one student, would lower the rest of that student only."""
    first = summary.questions(klass(graded(0, 0), graded(2, 1), graded(4, 2, explain=None)))[0]
    assert first.discrimination == pytest.approx(1.0)


def test_unreadable_submissions_do_not_make_questions_look_hard():
    lost = Record("zoe", Grade(), Status.UNREADABLE, ("not a notebook",))
    records = gather("a01_tiny", [Record("ada", graded()), lost], missing=2, questions=MOST)
    assert summary.totals(records) == [9.0]
    assert summary.questions(records)[0].share == 1.0
    assert summary.statuses(records) == {
        "graded": 1,
        "needs attention": 0,
        "unreadable": 1,
        "missing": 2,
    }


def test_the_gradebook_overrules_what_the_judge_gave():
    marks = {"test_f": Mark(1.0, False), "explain_f": Mark(2.5, False)}
    record = Record("ada", graded(4, 2, None), marks=marks)
    assert record.total == 5.5
    assert record.open == ()


def test_what_waits_for_a_person_is_open():
    assert Record("ada", graded(explain=None)).open == ("explain_f",)
    assert Record("ada", graded(), marks={"test_g": Mark(0.0, True)}).open == ("test_g",)


def test_mistakes_count_students_not_checks():
    def wrong(count):
        checks = (CheckGrade("a", 1, False, looks_like="bias forgotten"),) * count
        return Grade((QuestionGrade("test_f", 0.0, 4.0, checks),))

    found = summary.mistakes(klass(wrong(3), wrong(1), graded()))
    assert [(m.name, m.students) for m in found] == [("bias forgotten", 2)]
    assert found[0].share == pytest.approx(2 / 3)


def test_what_is_flagged_says_why():
    stopped = Grade((QuestionGrade("test_f", 0.0, 4.0, stopped_by="time"),))
    records = [
        Record("ada", graded()),
        Record("bea", stopped, Status.ATTENTION, ("another file name",)),
        Record("cleo", graded(sandboxed=False)),
        Record("dora", Grade(), Status.UNREADABLE, ("no notebook",)),
    ]
    flagged = {r.student: r.reasons for r in summary.flagged(gather("a01_tiny", records))}
    assert flagged == {
        "dora": ("no notebook",),
        "bea": ("another file name", "test_f was stopped: it ran out of time"),
        "cleo": ("graded without the sandbox",),
    }
    assert next(iter(flagged)) == "dora"


def test_a_reason_is_given_once():
    stopped = QuestionGrade("test_f", 0.0, 4.0, stopped_by="time")
    grade = Grade((replace(stopped, note="it took more than 3 s"),))
    assert Record("ada", grade).reasons == ("test_f: it took more than 3 s",)
    grade = Grade((stopped,), ("double: odd", "double: odd"))
    assert Record("ada", grade, notes=("double: odd",)).reasons == (
        "double: odd",
        "test_f was stopped: it ran out of time",
    )


def test_mistakes_are_shares_of_what_could_be_read():
    checks = (CheckGrade("a", 1, False, looks_like="bias forgotten"),)
    wrong = Record("ada", Grade((QuestionGrade("test_f", 0.0, 4.0, checks),)))
    lost = Record("zoe", Grade(), Status.UNREADABLE)
    assert summary.mistakes(gather("a01_tiny", [wrong, lost]))[0].share == 1.0


def test_submissions_that_were_never_run_have_no_time():
    lost = Record("zoe", Grade(), Status.UNREADABLE)
    records = gather("a01_tiny", [lost, Record("ada", graded(seconds=2.5))])
    assert summary.seconds(records) == [2.5]


def test_the_only_question_has_nothing_to_be_compared_with():
    grades = [Grade((QuestionGrade("test_f", points, 4.0),)) for points in (1.0, 2.0, 4.0)]
    records = gather("a01_tiny", [Record(f"s{i}", grade) for i, grade in enumerate(grades)])
    assert summary.questions(records)[0].why == "no other question is marked for everybody"


# --- the whole class, by NumPy -------------------------------------------------------------------


def expected_by_numpy(points, most):
    """Share and corrected item-total correlation of each column, as a spreadsheet would do it."""
    points = np.asarray(points, dtype=float)
    shares = points.mean(axis=0) / most
    found = []
    for column in range(points.shape[1]):
        own, rest = points[:, column], np.delete(points, column, axis=1).sum(axis=1)
        defined = len(points) > 2 and np.ptp(own) > 0 and np.ptp(rest) > 0
        found.append(np.corrcoef(own, rest)[0, 1] if defined else None)
    return shares, found


def class_of(points, most, seconds):
    names = [f"test_{i}" for i in range(len(most))]
    records = []
    for student, (row, times) in enumerate(zip(points, seconds, strict=True)):
        questions = [
            QuestionGrade(*each)
            for each in zip(names, row, most, [()] * len(most), times, strict=True)
        ]
        records.append(Record(f"s{student}", Grade(tuple(questions), seconds=sum(times))))
    return gather("a01", records, questions=dict(zip(names, most, strict=True)))


@pytest.mark.parametrize("students", [3, 4, 40, 300])
@pytest.mark.parametrize("seed", range(5))
def test_a_class_has_the_statistics_that_numpy_gives(students, seed):
    rng = np.random.default_rng(seed)
    most = rng.integers(1, 9, size=6).astype(float)
    ability = rng.normal(size=(students, 1))
    right = (ability + rng.normal(size=(students, 6)) > rng.normal(size=6)).astype(float)
    points = np.round(right * most * rng.choice([1.0, 0.5, 1 / 3], size=(students, 6)), 4)
    points[:, 0] = most[0]  # everybody solved the first
    seconds = rng.exponential(size=(students, 6))
    records = class_of(points.tolist(), most.tolist(), seconds.tolist())
    shares, discriminations = expected_by_numpy(points, most)
    found = summary.questions(records)
    assert [q.share for q in found] == pytest.approx(shares)
    assert found[0].discrimination is None
    for question, want in zip(found, discriminations, strict=True):
        assert (question.discrimination is None) == (want is None)
        assert want is None or question.discrimination == pytest.approx(want)
    assert [q.median for q in found] == pytest.approx(np.median(seconds, axis=0))
    assert [q.slow for q in found] == pytest.approx(np.quantile(seconds, 0.95, axis=0))
    totals = points.sum(axis=1)
    assert summary.totals(records) == pytest.approx(totals)
    counts, edges = statistics.bins(totals.tolist(), float(most.sum()))
    assert counts == np.histogram(totals, bins=edges)[0].tolist()
    assert not re.search(r"\b(nan|inf)\b", page(records), re.IGNORECASE)


@pytest.mark.parametrize(
    ("points", "why"),
    [
        ([], "fewer than three marked"),
        ([[2.0, 1.0]], "fewer than three marked"),
        ([[2.0, 1.0]] * 5, "all got the same"),
        ([[0.0, 0.0]] * 5, "all got the same"),
    ],
    ids=["nobody", "one student", "all equal", "all nothing"],
)
def test_degenerate_classes_have_words_instead_of_numbers(points, why):
    records = class_of(points, [2.0, 1.0], [[0.1, 0.2]] * len(points))
    assert {q.why for q in summary.questions(records)} == {why}
    assert {q.discrimination for q in summary.questions(records)} == {None}
    shown = Page(page(records)).text
    assert not re.search(r"\b(nan|inf|None)\b", shown, re.IGNORECASE)


# --- the page ------------------------------------------------------------------------------------


class Page(HTMLParser):
    """Tags, attributes and text of a page, which must be well nested."""

    VOID = frozenset({"meta", "rect", "path", "br"})

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.text, self._open = [], [], "", []
        self.feed(text)
        assert self._open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] != "style":
            self.text += data


def varied(count):
    marks = [(i % 5, i % 3, None if i % 4 else 3.0) for i in range(count)]
    return klass(*[graded(*each) for each in marks])


@pytest.mark.parametrize("count", [0, 1, 2, 40, 3000])
def test_the_page_is_well_formed_for_every_size_of_class(count):
    shown = Page(page(varied(count)))
    assert f"{count} submission" in shown.text
    assert not re.search(r"\b(nan|inf|None)\b", shown.text, re.IGNORECASE)


def test_who_handed_nothing_in_is_not_unreadable():
    assert "Nothing has been handed in." in Page(page(varied(0))).text


def test_an_undefined_discrimination_is_put_into_words():
    assert "undefined: fewer than three marked" in Page(page(klass(graded()))).text


def test_nothing_a_student_wrote_becomes_markup():
    checks = (CheckGrade(HOSTILE, 1, False, kind=HOSTILE, looks_like=HOSTILE),)
    grade = Grade((QuestionGrade(HOSTILE, None, 4.0, checks, 1.0, HOSTILE),), (HOSTILE,))
    text = page(gather(HOSTILE, [Record(HOSTILE, grade, Status.ATTENTION, (HOSTILE,))]))
    harmless = page(gather("a", [Record("a", grade, Status.ATTENTION)]))
    assert Page(text).tags.count("script") == Page(harmless).tags.count("script") == 0
    assert Page(text).text.count("<script>alert(1)</script>") >= 8


def test_the_page_needs_nothing_from_outside():
    shown = Page(page(varied(40)))
    assert not {"script", "link", "img", "iframe", "object"} & set(shown.tags)
    assert not {"src", "href", "onclick", "onload"} & {name for name, _ in shown.attributes}
    assert ("content", "default-src 'none'; style-src 'unsafe-inline'") in shown.attributes
    assert "url(" not in page(varied(1)) and "@import" not in page(varied(1))


def test_any_character_can_be_written(tmp_path):
    records = gather("a01_tiny", [Record(HOSTILE, graded(), Status.ATTENTION)])
    path = write(page(records), tmp_path / "deep" / "report.html")
    assert "alert(1)" in path.read_text(encoding="utf-8")


# --- from disk -----------------------------------------------------------------------------------

KEY = Key(answers="a", setup="s", library="l", limits="m", secret="", tests={})


@pytest.fixture(scope="module")
def gradebook(tmp_path_factory):
    course = tmp_path_factory.mktemp("course")
    with books.book(course) as gradebook:
        books.add(gradebook, "ada", points=3.0, manual=2.0)
        books.add(gradebook, "bea", points=0.0)
        books.add(gradebook, "zoe")
    return course / "gradebook.db"


@pytest.fixture
def course(tmp_path, gradebook):
    shutil.copy(gradebook, tmp_path)
    return tmp_path


def test_the_report_is_written_from_what_grading_stored(course):
    shelf = store.Store(course, "a01_tiny")
    shelf.save("ada", store.StoredGrade(KEY, Status.GRADED, (), "files", graded()))
    shelf.save("bea", store.StoredGrade(KEY, Status.UNREADABLE, ("no file",), "files", Grade()))
    read = report.read(course, "a01_tiny")
    assert [(r.student, r.status, r.total) for r in read.records] == [
        ("ada", Status.GRADED, 5.0),
        ("bea", Status.UNREADABLE, 0.0),
    ]
    assert read.missing == 1
    assert list(read.questions) == ["test_f", "explain_f"]
    assert [record.open for record in read.records] == [(), ("explain_f",)]
    path = report.write_page(course, "a01_tiny")
    assert path == course / "reports" / "a01_tiny.html"
    assert "no file" in path.read_text(encoding="utf-8")


def test_who_was_given_up_is_flagged_and_not_missing(course):
    """The judge stores nothing of a submission it lost; the gradebook has it with 0 points."""
    store.Store(course, "a01_tiny").save(
        "ada", store.StoredGrade(KEY, Status.GRADED, (), "f", graded())
    )
    read = report.read(course, "a01_tiny")
    assert [(r.student, r.status) for r in summary.flagged(read)] == [("bea", Status.ATTENTION)]
    assert read.records[1].reasons == ("not graded by the judge: see formgrader, or grade again",)
    assert read.missing == 1


def test_a_class_that_nbgrader_graded_has_a_report_too(course):
    read = report.read(course, "a01_tiny")
    assert [(r.student, r.total, r.reasons) for r in read.records] == [
        ("ada", 5.0, ()),
        ("bea", 0.0, ()),
    ]
    assert list(read.questions) == ["test_f", "explain_f"]
    assert "No check has run." in page(read)


def test_who_left_the_course_leaves_the_report(course):
    shelf = store.Store(course, "a01_tiny")
    for student in ("ada", "gone"):
        shelf.save(student, store.StoredGrade(KEY, Status.GRADED, (), "files", graded()))
    assert [r.student for r in report.read(course, "a01_tiny").records] == ["ada", "bea"]


def test_without_a_gradebook_what_is_stored_counts(tmp_path):
    with books.book(tmp_path):
        pass
    shelf = store.Store(tmp_path, "a01_tiny")
    shelf.save("ada", store.StoredGrade(KEY, Status.GRADED, (), "files", graded()))
    read = report.read(tmp_path, "a01_tiny")
    assert [(r.student, r.total) for r in read.records] == [("ada", 9.0)]
    assert read.most == 9.0


def test_questions_that_are_no_longer_asked_do_not_count(course):
    store.Store(course, "a01_tiny").save(
        "ada", store.StoredGrade(KEY, Status.GRADED, (), "f", graded())
    )
    read = report.read(course, "a01_tiny")
    assert (read.most, read.records[0].total) == (7.0, 5.0)


def test_a_page_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = write("first", tmp_path / "page.html")

    def die(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("os.replace", die)
        with pytest.raises(KeyboardInterrupt):
            write("second", path)
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_without_grades_the_report_says_what_to_do_first(course):
    with pytest.raises(FileNotFoundError, match="coursekit grade a09_other"):
        report.write_page(course, "a09_other")


@pytest.mark.parametrize("damage", ["", "{}", '{"questions": [{"points": NaN}]}'])
def test_a_damaged_grade_is_flagged_and_stops_nobody(course, damage):
    store.Store(course, "a01_tiny").save(
        "bea", store.StoredGrade(KEY, Status.GRADED, (), "f", graded())
    )
    (course / ".grading" / "grades" / "a01_tiny" / "ada.json").write_text(damage)
    read = report.read(course, "a01_tiny")
    assert [(r.student, r.total) for r in read.records] == [("ada", 5.0), ("bea", 0.0)]
    (flagged,) = summary.flagged(read)
    assert (flagged.student, flagged.status) == ("ada", Status.ATTENTION)
    assert "is damaged" in flagged.reasons[0]
    report.write_page(course, "a01_tiny")
