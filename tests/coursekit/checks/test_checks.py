"""What a student sees when a check fails, and what it costs."""

import linecache
import warnings

import numpy as np
import pytest

from coursekit import Mistake, Oracle, Task, numeric_gradient, relative_error
from coursekit.checks import CheckFailed
from coursekit.checks.battery import inputs, other
from coursekit.checks.cases import Case, copies, same_bits, scattered, word_of
from coursekit.checks.compare import difference, picture_of

RNG = np.random.default_rng(0)
X, W = RNG.standard_normal((3, 4)), RNG.standard_normal((4, 5))

product = Oracle(
    lambda x, w: x @ w,
    explain_shape=lambda x, w: f"rows of x ({len(x)}), columns of w ({w.shape[1]})",
    mistakes=(Mistake("w is upside down", lambda x, w: x @ w[::-1], ("vague", "precise")),),
)


MORE = [(X, W), tuple(RNG.standard_normal((2, 5, 5)))]


def failure_of(function, oracle=product, *arguments):
    """The result of one check that compares `function` with an oracle in one case."""
    return failure_in(function, oracle, [arguments or (X, W)])


def failure_in(function, oracle, cases):
    """The result of one check that compares `function` with an oracle in several cases."""
    task = Task("task", points=1)
    with task.check("check"):
        task.compare_all(function, oracle, cases)
    return task.report.results[0]


def written(source):
    """The function `student` of a cell with this source."""
    name, namespace = "<cell student>", {"np": np}
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    exec(compile(source, name, "exec"), namespace)
    return namespace["student"]


def test_a_right_function_passes():
    assert failure_of(lambda x, w: x @ w).passed


def test_an_exception_names_its_type_its_message_and_the_students_own_line():
    student = written("def student(x, w):\n    return x + w")
    finding = failure_of(student).finding
    assert finding.kind == "exception"
    assert finding.says.startswith("ValueError: operands could not be broadcast")
    assert "student" in finding.details[0] and "`return x + w`" in finding.details[0]


def test_the_students_line_is_named_also_when_a_library_raises():
    student = written("def student(x, w):\n    return np.linalg.inv(x)")
    assert "np.linalg.inv(x)" in failure_of(student).finding.details[0]


def test_an_untouched_stub_is_told_to_be_written():
    student = written("def student(x, w):\n    raise NotImplementedError")
    finding = failure_of(student).finding
    assert finding.kind == "missing" and "Not written yet" in finding.says


def test_a_name_that_does_not_exist_is_told_to_run_the_cell_above():
    task = Task("task", points=1)
    with task.check("check"):
        task.compare(not_there, product, X, W)  # noqa: F821
    says = task.results[0].finding.says
    assert "`not_there` is not defined" in says and "Run the cell above" in says


@pytest.mark.parametrize(
    ("student", "kind", "part"),
    [
        (lambda x, w: None, "type", "None"),
        (lambda x, w: (x @ w).tolist(), "type", "a list"),
        (lambda x, w: (x @ w, 1), "type", "a tuple"),
        (lambda x, w: (x @ w)[:2], "shape", "(2, 5), expected (3, 5)"),
        (lambda x, w: (x @ w).astype(np.float32), "dtype", "float32, expected float64"),
        (lambda x, w: (x @ w).astype(int), "dtype", "int64, expected float64"),
        (lambda x, w: x @ w + np.eye(3, 5), "values", "3 of 15 values"),
        (lambda x, w: np.full((3, 5), np.nan), "values", "all 15 values"),
    ],
)
def test_type_then_shape_then_dtype_then_values(student, kind, part):
    finding = failure_of(student).finding
    assert finding.kind == kind and part in finding.says


def test_a_missing_return_is_asked_for():
    finding = failure_of(lambda x, w: None).finding
    assert finding.details[0] == "Is the `return` missing?"


def test_a_wrong_shape_comes_with_the_formula_worked():
    assert failure_of(lambda x, w: x).finding.details[0] == "rows of x (3), columns of w (5)"


def test_the_arguments_and_the_number_of_wrong_cases_are_told():
    details = failure_in(lambda x, w: x[:1] @ w, product, [(X[:1], W), *MORE]).finding.details
    assert details[-2:] == (
        "called with x of shape (3, 4), w of shape (4, 5)",
        "2 of 3 cases are wrong; this is the first.",
    )


def test_short_arguments_are_told_by_value():
    assert word_of(np.array([[1.0, 2.5]])) == "[[1. , 2.5]]"
    assert word_of((3, 3)) == "(3, 3)" and word_of(2) == "2"
    assert word_of(np.zeros((3, 4))) == "of shape (3, 4)"


def test_numbers_that_differ_are_shown_with_the_digits_in_which_they_do():
    finding = failure_of(lambda x: x + 1e-8, Oracle(lambda x: x), np.ones(3)).finding
    assert finding.details[0] == "first wrong: result[0] = 1.00000001, expected 1"


def test_wrong_values_name_the_first_wrong_index_got_and_expected():
    def student(x, w):
        y = x @ w
        y[1, 2] = 7.0
        return y

    finding = failure_of(student).finding
    assert finding.details[0].startswith("first wrong: result[1, 2] = 7, expected ")
    assert finding.picture.splitlines()[1] == "· · ■ · ·"


def test_what_is_wrong_is_told_as_a_sentence():
    assert failure_of(lambda x, w: None).finding.sentence.startswith("The result is None")
    both = Oracle(lambda x: (x, x), outputs=("dx", "dw"))
    assert failure_of(lambda x: (x, x[:1]), both, X).finding.sentence.startswith("dw has shape")


def test_the_picture_is_of_the_image_with_the_first_wrong_element():
    wrong = np.zeros((2, 3, 2, 2), bool)
    wrong[1, 2, 0, 1] = True
    lines = picture_of(wrong, (1, 2, 0, 1)).splitlines()
    assert lines[0].startswith("[1, 2, :, :]")
    assert lines[1:] == ["· ■", "· ·"]


def test_a_large_picture_is_cut():
    lines = picture_of(np.ones((100, 30), bool), (0, 0)).splitlines()
    assert len(lines) == 17 and lines[-1] == "(the first 16 of 100 rows)"


def test_a_hint_about_dtypes_fits_what_came_back():
    single = Oracle(lambda x: x.astype(np.float32))
    assert "float64" in failure_of(lambda x: x, single, X).finding.details[0]
    details = failure_of(lambda x: x.astype(np.float32), Oracle(lambda x: x), X).finding.details
    assert not any("np.zeros" in line for line in details)


def test_a_result_spoilt_by_changing_an_argument_is_told_so():
    def student(x, w):
        w *= 2
        return x @ w

    finding = failure_in(student, product, MORE).finding
    says = "w was changed by the call, and the result is not right."
    assert (finding.kind, finding.says) == ("mutated", says)
    assert finding.details[0] == "All 15 values of the result are wrong."


def test_another_exception_than_the_one_asked_for_is_told_so():
    def student():
        raise KeyError("no")

    task = Task("task", points=1)
    with task.check("error"):
        task.raises(ValueError, student, [()])
    finding = task.results[0].finding
    assert finding.looks_like == "another exception is raised, not ValueError"


def test_a_known_mistake_is_named_with_its_hints():
    finding = failure_in(lambda x, w: x @ w[::-1], product, MORE).finding
    assert finding.looks_like == "w is upside down" and finding.hints == ("vague", "precise")


def test_one_case_is_not_enough_to_name_a_mistake():
    assert failure_of(lambda x, w: x @ w[::-1]).finding.looks_like == ""


def test_four_different_values_are_not_enough_to_name_a_mistake():
    oracle = Oracle(lambda x: x, (Mistake("turned", lambda x: x[::-1]),))
    few = [(np.array([1.0, 2.0]),), (np.array([3.0, 4.0]),)]
    assert failure_in(lambda x: x[::-1], oracle, few).finding.looks_like == ""
    more = [*few, (np.array([5.0, 6.0]),)]
    assert failure_in(lambda x: x[::-1], oracle, more).finding.looks_like == "turned"


def test_a_mistake_that_does_not_explain_every_case_is_not_named():
    def student(x, w):
        return x @ w[::-1] if len(x) == 3 else x @ w  # upside down for three rows only

    cases = [*MORE, (X + 1, W), (X + 2, W)]
    assert failure_in(student, product, cases).finding.looks_like == ""


def test_cases_of_other_checks_count_as_well():
    task = Task("task", points=2)

    def upside_down(x, w):
        return x @ w[::-1]

    for x, w in MORE:
        with task.check("check"):
            task.compare_all(upside_down, product, [(x, w)])
    assert [r.finding.looks_like for r in task.report.results] == [
        "w is upside down",
        "again: w is upside down",
    ]
    with task.check("another check shows that it was not that"):
        task.compare_all(upside_down, product, [(X, np.ones((4, 5)))])
        task.compare_all(lambda x, w: x @ w, product, [(X + 1, W)])
    assert task.report.results[0].finding.looks_like == "w is upside down"


def test_a_case_that_it_does_not_explain_takes_a_diagnosis_back():
    def student(x, w):
        return x @ w[::-1] if len(x) != 2 else x @ w

    task = Task("task", points=2)
    with task.check("check"):
        task.compare_all(student, product, MORE)
    assert task.report.results[0].finding.looks_like == "w is upside down"
    with task.check("another check shows that it was not that"):
        task.compare_all(student, product, [(X[:2], W)])
    assert task.report.results[0].finding.looks_like == ""


def test_a_mistake_that_raises_explains_a_function_that_raises():
    def crosswise(x):
        return x + x.T

    oracle = Oracle(lambda x: 2 * x, (Mistake("transposed", crosswise),))
    squares = [(m,) for m in np.random.default_rng(0).standard_normal((2, 3, 3))]
    assert failure_in(crosswise, oracle, [*squares, (X,)]).finding.looks_like == "transposed"
    assert (
        failure_in(
            lambda x: x + x.T if len(x) == len(x.T) else x, oracle, [*squares, (X,)]
        ).finding.looks_like
        == ""
    )


@pytest.mark.parametrize("which", [0, 1])
def test_what_raises_is_explained_by_whichever_output_shows_why(which):
    def crosswise(x):
        both = [2 * x, 3 * x]
        both[which] = x + x.T
        return tuple(both)

    right = Oracle(lambda x: (2 * x, 3 * x), (Mistake("transposed", crosswise),), ("y", "z"))
    squares = [(m,) for m in np.random.default_rng(0).standard_normal((2, 3, 3))]
    for cases in ([*squares, (X,)], [(X,), *squares]):
        assert failure_in(crosswise, right, cases).finding.looks_like == "transposed"


def test_a_mistake_that_makes_no_difference_here_is_not_named():
    even = Oracle(lambda x: x, (Mistake("reversed", lambda x: x[::-1]),))
    cases = [(np.full(8, c),) for c in (1.0, 2.0, 3.0)]
    assert failure_in(lambda x: x + 1, even, cases).finding.looks_like != "reversed"


def test_where_two_mistakes_give_the_same_result_none_is_named():
    oracle = Oracle(
        lambda x: x,
        (Mistake("turned", lambda x: x[::-1]), Mistake("rolled", lambda x: np.roll(x, 1))),
    )
    pairs = [(pair,) for pair in np.random.default_rng(0).standard_normal((6, 2))]
    assert failure_in(lambda x: x[::-1], oracle, pairs).finding.looks_like == ""
    triples = [(triple,) for triple in np.random.default_rng(0).standard_normal((6, 3))]
    assert failure_in(lambda x: x[::-1], oracle, triples).finding.looks_like == "turned"


RELATED = [
    (lambda y: -y, "opposite sign"),
    (lambda y: y / 3, "1/3 of"),
    (lambda y: y * 2.5, "2.5 times"),
    (lambda y: y + 4, "+4"),
    (lambda y: 0 * y, "zero"),
    (lambda y: y[:, ::-1], "reversed along axis 1"),
    (lambda y: y.T, "swapped"),
    (lambda y: np.trunc(y), "whole numbers"),
    (np.abs, "lost its sign"),
    (lambda y: np.maximum(y, 0), "cut off at zero"),
    (lambda y: y.astype(np.float32).astype(float), "only about seven digits are right"),
]


@pytest.mark.parametrize(("wrong", "name"), RELATED)
def test_simple_relations_are_recognised_if_they_hold_in_all_cases(wrong, name):
    y = 10 * np.random.default_rng(1).standard_normal((3, 4, 5))
    same = Oracle(lambda y: y)
    assert name in failure_in(wrong, same, [(part,) for part in y]).finding.looks_like

    def in_two(part):
        return wrong(part) if not np.array_equal(part, y[2]) else part + np.eye(4, 5)

    assert failure_in(in_two, same, [(part,) for part in y]).finding.looks_like == ""


def test_an_unrelated_result_is_given_no_relation():
    a, b = np.random.default_rng(1).standard_normal((2, 4, 4))
    cases = [(a,), (b,)]
    assert failure_in(lambda x: np.sin(x), Oracle(lambda x: x), cases).finding.looks_like == ""


def test_almost_the_right_factor_is_none():
    cases = [(m,) for m in np.random.default_rng(1).standard_normal((3, 4, 4))]
    assert (
        failure_in(
            lambda x: x * (1 + 1e-7) + 1e-3 * (x > 1), Oracle(lambda x: x), cases
        ).finding.looks_like
        == ""
    )


def test_a_result_of_any_kind_gets_a_finding():
    for strange in (object(), {1, 2}, "text", [None], np.array(["a"]), (1, "b"), lambda: 1):
        finding = failure_in(lambda x, w, v=strange: v, product, MORE).finding
        assert finding.kind in ("type", "shape") and finding.looks_like == ""
        finding = failure_in(lambda x, v=strange: v, Oracle(lambda x: 2.5), [(X,), (W,)]).finding
        assert finding.kind in ("type", "shape") and finding.looks_like == ""


def test_several_outputs_are_told_apart_and_can_be_looked_at_one_by_one():
    both = Oracle(lambda x: (x, 2 * x), outputs=("dx", "dw"))
    finding = failure_in(lambda x: (x, x), both, [(X,), (X + 1,)]).finding
    assert "dw" in finding.says
    assert finding.looks_like == "every value of dw is 1/2 of the expected one"
    assert failure_of(lambda x: (x, x), both.only("dx"), X).passed
    assert "(dx, dw)" in failure_of(lambda x: x, both, X).finding.says
    with pytest.raises(ValueError, match="no output is called 'dz'"):
        both.only("dz")


def test_arguments_reach_the_student_as_copies():
    def student(x, w):
        x += 1
        return x @ w

    before = X.copy()
    failure_of(student)
    np.testing.assert_array_equal(X, before)


def test_outputs_in_another_order_are_told_so():
    both = Oracle(lambda x: (x, 2 * x), outputs=("dx", "dw"))
    finding = failure_of(lambda x: (2 * x, x), both, X).finding
    assert finding.looks_like == "the values are returned as (dw, dx), not as (dx, dw)"


def test_one_output_earns_its_points_also_where_another_cannot_be_read():
    both = Oracle(lambda x: (x, 2 * x), outputs=("dx", "dw"))
    task = Task("task", points=2)
    runs = task.runs(lambda x: (x, None), [(X,), (X + 1,)])
    for output in ("dx", "dw"):
        with task.check(output):
            task.compare_all(runs, both.only(output))
    assert [r.passed for r in task.results] == [True, False]


def test_a_function_is_called_once_for_runs_that_several_checks_look_at():
    calls = []
    task = Task("task", points=2)
    runs = task.runs(lambda x: calls.append(1) or x, [(X,), (W,)])
    for _ in range(3):
        task.compare_all(runs, Oracle(lambda x: x))
    assert len(calls) == 2


def test_a_result_worked_out_by_hand_is_what_counts():
    task = Task("task", points=1)
    with task.check("by hand"):
        task.compare_all(lambda x: x, Oracle(lambda x: 2 * x), [task.case(1.0, want=1.0)])
    assert task.results[0].passed


def test_a_case_must_be_a_tuple():
    with pytest.raises(TypeError, match=r"write \(x,\)"):
        Task("task", 1).compare_all(lambda x: x, Oracle(lambda x: x), [X])


@pytest.mark.parametrize(("change", "passes"), [(0, True), (1e-12, False), (1, False)])
def test_a_call_sees_the_smallest_change_of_an_argument(change, passes):
    def student(x):
        x[0, 0] += change
        return x

    task = Task("task", points=1)
    with task.check("check"):
        task.call(student, np.ones((2, 2)))
    assert task.results[0].passed is passes


def test_a_call_names_the_argument_that_was_changed():
    def student(function, x):
        x *= 2
        return function(x)

    task = Task("task", points=2)
    for names in ((), ("function", "x")):
        with task.check("check"):
            task.call(student, lambda x: x, X, names=names)
    assert [r.finding.says.split(" was")[0] for r in task.results] == ["argument 2", "x"]


def test_a_call_asks_for_a_missing_return():
    task = Task("task", points=1)
    with task.check("check"):
        task.call(lambda x: None, X)
    assert task.results[0].finding.details == ("Is the `return` missing?",)


# --- what every function has to stand -------------------------------------------------------------

scale = Oracle(lambda x, factor: factor * x, batch=("x",), extreme=("x",), dtype_of="x")
THREE = np.random.default_rng(3).standard_normal((3, 5))


def battery_of(function, oracle=scale, part=None, case=(THREE, 3.0)):
    task = Task("task", points=1)
    with task.check("check", hidden=True):
        task.battery(function, oracle, [case], part)
    return task.results[0]


def keeps_a_buffer(x, factor, kept={}):  # noqa: B006
    made = kept.setdefault((x.shape, x.dtype), np.empty_like(x))
    made[...] = factor * x
    return made


def remembers_by_shape(x, factor, kept={}):  # noqa: B006
    return kept.setdefault((x.shape, x.dtype), factor * x).copy()


def divides_and_multiplies(x, factor):
    x /= 3
    y = 3 * x * factor
    x *= 3
    return y


def writes_and_restores(x, factor):
    y, first = factor * x, x[0, 0]
    x[0, 0] = 0
    x[0, 0] = first
    return y


def reads_the_memory(x, factor):
    flat = np.lib.stride_tricks.as_strided(x, (x.size,), (x.itemsize,))
    return (factor * flat).reshape(x.shape)


STUMBLES = [
    (keeps_a_buffer, "calls", "kept", ""),
    (remembers_by_shape, "calls", "values", "called again with other values"),
    (divides_and_multiplies, "calls", "mutated", ""),
    (writes_and_restores, "calls", "mutated", ""),
    (reads_the_memory, "inputs", "values", "with arguments that are not contiguous in memory"),
    (lambda x, f: f * x.astype(float), "inputs", "dtype", "with float32 arguments"),
    (lambda x, f: np.squeeze(f * x), "inputs", "shape", "with a batch of 1"),
    (lambda x, f: np.maximum(f * x, -1e9), "inputs", "values", "with very large values"),
    (lambda x, f: f * x * (x.max() > 0), "inputs", "values", "with very negative values"),
]


@pytest.mark.parametrize(("function", "part", "kind", "trait"), STUMBLES)
def test_the_battery_finds_what_goes_wrong_and_says_when(function, part, kind, trait):
    finding = battery_of(function, part=part).finding
    assert (finding.kind, finding.trait) == (kind, trait)
    if function is not remembers_by_shape:  # which is wrong for other values in either part
        assert battery_of(function, part={"calls": "inputs", "inputs": "calls"}[part]).passed


def test_the_battery_leaves_labels_as_they_are_when_values_get_large_or_small():
    scores, labels = np.arange(6.0).reshape(2, 3), np.array([2, 0])
    oracle = Oracle(lambda scores, labels: scores.sum(), extreme=("scores",))
    given = {each.trait: each.args for each in inputs(Case((scores, labels)), oracle)}
    for trait, factor in {"very large": 1e12, "very small": 1e-9}.items():
        new_scores, new_labels = given[f"with {trait} values"]
        assert np.array_equal(new_scores, scores * factor)
        assert new_labels.dtype == labels.dtype and np.array_equal(new_labels, labels)


@pytest.mark.parametrize(
    ("value", "other_one"),
    [
        ([1.0, float("nan")], [float("nan"), 1.0]),
        ({"loss": float("nan")}, {"loss": 0.0}),
        ((float("nan"), 2), (float("nan"), 3)),
    ],
)
def test_an_argument_that_holds_nan_is_not_changed_by_being_looked_at(value, other_one):
    (same,) = copies([value])
    assert same_bits(value, same)
    assert not same_bits(value, other_one)


def test_the_battery_tries_other_dtypes_where_the_task_speaks_of_them():
    product = Oracle(lambda x, w: x @ w, dtype_of="x")
    assert battery_of(lambda x, w: (x @ w).astype(x.dtype), product, case=(X, W)).passed
    finding = battery_of(lambda x, w: x @ w, product, case=(X, W)).finding
    assert (finding.kind, finding.trait) == ("dtype", "with x in float32 and the rest in float64")


def test_a_right_function_passes_the_battery_and_one_that_does_nothing_does_not():
    assert battery_of(lambda x, factor: factor * x).passed
    for part in ("calls", "inputs"):
        assert not battery_of(lambda x, factor: None, part=part).passed
        assert not battery_of(lambda x, factor: x, part=part).passed


def test_what_is_passed_again_has_other_values_in_the_same_shapes():
    for array in (THREE, np.ones((1, 1)), np.arange(4), np.arange(6).reshape(1, 2, 3)):
        (turned,) = other((array,))
        assert turned.shape == array.shape and sorted(turned.ravel()) == sorted(array.ravel())
        assert array.size == 1 or array.ptp() == 0 if hasattr(array, "ptp") else True
    assert not np.array_equal(other((THREE,))[0], THREE)


def test_copies_are_as_scattered_as_the_originals():
    for array in (scattered(THREE), THREE.T, THREE[::-1], THREE[:, ::2]):
        got = []
        Task("task", 1).compare_all(
            lambda x, got=got: got.append(x) or x, Oracle(lambda x: x), [Case((array,))]
        )
        np.testing.assert_array_equal(got[0], array)
        assert got[0].flags.c_contiguous == array.flags.c_contiguous


def test_an_oracle_refuses_a_parameter_that_is_not_there():
    with pytest.raises(ValueError, match="no parameter 'images'"):
        Oracle(lambda x: x, batch=("images",))


# --- randomness -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("draw", "like"),
    [
        (lambda rng: [rng.standard_normal(4), rng.standard_normal(3)], None),
        (lambda rng: [np.random.default_rng(0).standard_normal(4)], "the generator is ignored"),
        (lambda rng: [np.random.default_rng().standard_normal(4)], "not all numbers are drawn"),
        (lambda rng: [rng.standard_normal(4), np.ones(3)], "not all numbers are drawn"),
        (lambda rng: [np.append(rng.standard_normal(9), 1.0)], "the generator is ignored"),
        (lambda rng: [np.append(rng.standard_normal(999), 1.0)], None),
        (lambda rng: [r.standard_normal(2) for r in rng.spawn(2)], None),
    ],
)
def test_what_is_drawn_must_come_from_the_generator(draw, like):
    task = Task("task", 1)
    with task.check("check"):
        task.seeded(draw)
    finding = task.results[0].finding
    assert (finding is None) if like is None else finding.looks_like.startswith(like)


def numbers(name="f", hidden=False, check="check"):
    task, found = Task(name, 1), []
    with task.check(check, hidden=hidden):
        found += [task.rng().integers(2**40) for _ in range(2)]
    return found


def test_inputs_repeat_and_differ_between_tasks_checks_and_calls(monkeypatch):
    assert numbers() == numbers()
    assert len({*numbers(), *numbers("g"), *numbers(check="other"), *numbers(hidden=True)}) == 8
    visible, hidden = numbers(), numbers(hidden=True)
    monkeypatch.setenv("COURSE_SECRET", "of this class")
    assert numbers() == visible
    assert numbers(hidden=True) != hidden
    outside = Task("f", 1)
    assert outside.rng(hidden=True).integers(2**40) != Task("f", 1).rng().integers(2**40)


def test_tolerance_follows_the_dtype():
    y = np.ones(3)
    assert difference(y + 1e-12, y) is None
    assert difference(y + 1e-6, y) is not None
    assert difference((y + 1e-6).astype(np.float32), y.astype(np.float32)) is None


def test_what_is_infinite_must_be_infinite():
    want = np.array([-np.inf, np.inf, 1.0])
    assert difference(want.copy(), want) is None
    for got in ([-1e300, np.inf, 1.0], [np.inf, np.inf, 1.0], [-np.inf, np.inf, np.inf]):
        assert difference(np.array(got), want).says.startswith("1 of 3 values")


def test_an_array_subclass_cannot_lie_about_equality():
    class Liar(np.ndarray):
        def __eq__(self, other):
            return np.ones(self.shape, bool)

        def __sub__(self, other):
            return np.zeros(self.shape)

    assert difference(np.ones(3).view(Liar), np.zeros(3)) is not None


def test_integers_must_be_integers():
    finding = difference((3.0, 4), (3, 4))
    assert finding.kind == "type" and "`//`" in finding.details[0]


def test_dicts_strings_and_lists_are_compared():
    assert difference({"a": [1, "x"]}, {"a": [1, "x"]}) is None
    assert "'y'" in difference({"a": [1, "y"]}, {"a": [1, "x"]}).says
    assert difference({"b": 1}, {"a": 1}).kind == "type"
    assert (
        difference([1, 2], [1]).says
        == "the result is a list of 2 values, expected a list of 1 value."
    )


def test_torch_tensors_are_compared_where_torch_is_expected():
    torch = pytest.importorskip("torch")
    y = torch.arange(3.0)
    assert difference(y.clone(), y) is None
    assert "torch tensor" in difference(y.numpy(), y).says
    assert difference(y + 1, y).kind == "values"


def test_raises_wants_that_kind_of_exception():
    def refuses(x):
        raise ValueError("no")

    task = Task("task", points=3)
    with task.check("right"):
        task.raises(ValueError, refuses, [(1,), (2,)])
    with task.check("returns"):
        task.raises(
            ValueError,
            lambda x: refuses(x) if x < 2 else 5,
            [(1,), (2,)],
            sometimes="no",
            never="never",
        )
    with task.check("another"):
        task.raises(KeyError, refuses, [(1,)])
    assert [r.passed for r in task.results] == [True, False, False]
    says = task.results[1].finding.says
    assert says.startswith("expected ValueError for (2), but the call returned") and "5" in says
    assert task.results[1].finding.looks_like == "no"


def test_an_unwritten_function_does_not_pass_for_one_that_refuses():
    def student():
        raise NotImplementedError

    task = Task("task", points=1)
    with task.check("error"):
        task.raises(RuntimeError, student, [()])  # NotImplementedError is a RuntimeError
    assert not task.results[0].passed


def test_checks_are_independent_and_weighted(capsys):
    task = Task("task", points=4)
    with task.check("one", points=1):
        raise RuntimeError("lost")
    with task.check("two", points=3):
        pass
    assert float(task.score()) == 3.0
    assert "1 of 2 checks passed, 3 of 4 points" in capsys.readouterr().out


def test_no_check_no_points(capsys):
    assert float(Task("task", points=4).score()) == 0.0
    assert "0 of 0" in capsys.readouterr().out


def test_visible_checks_alone_are_scaled_and_say_so(capsys):
    task = Task("task", points=10)
    with task.check("one", points=2):
        pass
    with task.check("two", points=2):
        task.expect(False, "no")
    score = task.score()
    assert (repr(score), score.partial) == ("5", True)
    assert "2 of 4 points; hidden checks decide the other 6." in capsys.readouterr().out


def test_the_score_is_a_number_that_nbgrader_can_read(capsys):
    task = Task("task", points=3)
    with task.check("one", points=1):
        pass
    with task.check("two", points=2, hidden=True):
        task.expect(False, "no")
    assert float(repr(task.score())) == 1.0
    capsys.readouterr()


def test_a_hidden_check_tells_neither_values_nor_shapes_nor_messages():
    def student(x, w):
        print("x is", x)
        raise ValueError(f"leaked {x.shape}")

    task = Task("task", points=2)
    with task.check("fresh values", hidden=True, hint="think"):
        task.compare(student, product, X, W)
    with task.check("more", hidden=True):
        task.compare_all(lambda x, w: x @ w[::-1], product, MORE)
    first, second = task.report.results
    assert first.finding.says == "Your code raised an exception." and first.printed == ""
    assert first.finding.details == () and first.finding.hints == ("think",)
    assert second.finding.says == "The values are not right."
    assert second.finding.picture == "" and second.finding.looks_like == "w is upside down"


def test_printing_and_warnings_cost_nothing_and_are_kept_with_the_failure():
    def student(x, w):
        print("here")
        warnings.warn("careful", stacklevel=1)
        return x

    result = failure_of(student)
    assert "here" in result.printed and "careful" in result.printed
    assert result.finding.kind == "shape"


def test_an_endless_print_is_cut():
    def student(x, w):
        print("x" * 10_000)
        return x

    assert len(failure_of(student).printed) < 2100


def test_an_interrupt_stops_the_cell():
    task = Task("task", points=1)
    with pytest.raises(KeyboardInterrupt), task.check("check"):
        raise KeyboardInterrupt


def test_a_task_is_void_where_its_function_uses_what_is_not_allowed(capsys):
    cell = """
task = Task("relu", points=2, allow="numpy")
with task.check("one"):
    pass
score = task.score()
"""
    for name, score in (("torch", 0.0), ("numpy", 2.0)):
        namespace = {"Task": Task, "__name__": "__main__"}
        exec(f"import {name} as lib\ndef relu(x):\n    return lib.abs(x)", namespace)
        exec(cell, namespace)
        assert namespace["score"] == score
        assert ("allows numpy and the standard library" in capsys.readouterr().out) is (not score)


def test_the_html_report_shows_every_tier_of_hints_and_escapes(capsys):
    task = Task("a<b", points=1)
    with task.check("<check>"):
        task.compare_all(lambda x, w: x @ w[::-1], product, MORE)
    task.score()
    capsys.readouterr()
    from coursekit.checks.report import Report

    html = Report(task.name, 1, task.results)._repr_html_()
    assert "a&lt;b" in html and "&lt;check&gt;" in html and "<check>" not in html
    assert html.index("Hint 1") < html.index("vague") < html.index("Hint 2")
    assert html.index("Hint 2") < html.index("precise")


def test_checks_can_be_used_outside_a_task_block():
    with pytest.raises(CheckFailed, match="3 of 15"):
        Task("task", 1).equal(X @ W + np.eye(3, 5), X @ W)


def test_numeric_gradient_of_a_cubic_and_its_relative_error():
    gradient = numeric_gradient(lambda x: x**3, X, dy=np.ones_like(X))
    assert relative_error(gradient, 3 * X**2) < 1e-9
    assert relative_error(gradient, 3 * X) > 1e-2


def test_numeric_gradient_survives_a_function_that_changes_its_argument():
    def greedy(x):
        x *= 2
        return x.sum()

    np.testing.assert_allclose(numeric_gradient(greedy, X), np.full(X.shape, 2.0), rtol=1e-6)


def test_hints_must_be_a_tuple():
    with pytest.raises(TypeError, match="tuple of strings"):
        Mistake("name", lambda: None, "not a tuple")
