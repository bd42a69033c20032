"""What a student sees when a check fails, and what it costs."""

import linecache
import warnings

import numpy as np
import pytest

from coursekit import Mistake, Oracle, Task, numeric_gradient, relative_error
from coursekit.checks import CheckFailed
from coursekit.checks.compare import difference, picture_of
from coursekit.checks.oracle import relation

RNG = np.random.default_rng(0)
X, W = RNG.standard_normal((3, 4)), RNG.standard_normal((4, 5))

product = Oracle(
    lambda x, w: x @ w,
    explain_shape=lambda x, w: f"rows of x ({len(x)}), columns of w ({w.shape[1]})",
    mistakes=(Mistake("w is upside down", lambda x, w: x @ w[::-1], ("vague", "precise")),),
)


def failure_of(function, oracle=product, *arguments):
    """The result of one check that compares `function` with an oracle."""
    task = Task("task", points=1)
    with task.check("check"):
        task.compare(function, oracle, *(arguments or (X, W)))
    return task.results[0]


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
    assert failure_of(lambda x, w: None).finding.details == ("Is the `return` missing?",)


def test_a_wrong_shape_comes_with_the_formula_worked():
    assert failure_of(lambda x, w: x).finding.details == ("rows of x (3), columns of w (5)",)


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
    assert len(picture_of(np.ones((100, 100), bool), (0, 0)).splitlines()) == 17


def test_a_known_mistake_is_named_with_its_hints():
    finding = failure_of(lambda x, w: x @ w[::-1]).finding
    assert finding.looks_like == "w is upside down" and finding.hints == ("vague", "precise")


def test_a_mistake_that_makes_no_difference_here_is_not_named():
    even = Oracle(lambda x: x, (Mistake("reversed", lambda x: x[::-1]),))
    assert failure_of(lambda x: x + 1, even, np.ones(4)).finding.looks_like != "reversed"


def test_where_two_mistakes_give_the_same_result_none_is_named():
    oracle = Oracle(
        lambda x: x,
        (Mistake("turned", lambda x: x[::-1]), Mistake("rolled", lambda x: np.roll(x, 1))),
    )
    assert failure_of(lambda x: x[::-1], oracle, np.array([1.0, 5.0])).finding.looks_like not in (
        "turned",
        "rolled",
    )
    assert failure_of(lambda x: x[::-1], oracle, np.array([1.0, 5.0, 7.0])).finding.looks_like == (
        "turned"
    )


def test_a_mistake_that_is_impossible_for_these_sizes_is_passed_over():
    def fails(x):
        raise ValueError

    oracle = Oracle(lambda x: x, (Mistake("never", fails), Mistake("double", lambda x: x * 2)))
    assert failure_of(lambda x: x * 2, oracle, X).finding.looks_like == "double"


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        (lambda y: -y, "opposite sign"),
        (lambda y: y / 3, "1/3"),
        (lambda y: y * 2.5, "2.5 times"),
        (lambda y: y + 4, "+4"),
        (lambda y: 0 * y, "zero"),
        (lambda y: y[:, ::-1], "reversed along axis 1"),
        (lambda y: y.T, "swapped"),
        (lambda y: np.trunc(y), "whole numbers"),
    ],
)
def test_simple_relations_are_recognised(wrong, name):
    y = 10 * np.random.default_rng(1).standard_normal((4, 4))
    assert name in relation(wrong(y), y).name


def test_an_unrelated_result_is_given_no_relation():
    a, b = np.random.default_rng(1).standard_normal((2, 4, 4))
    assert relation(a, b) is None


def test_several_outputs_are_told_apart_and_can_be_looked_at_one_by_one():
    both = Oracle(lambda x: (x, 2 * x), outputs=("dx", "dw"))
    finding = failure_of(lambda x: (x, x), both, X).finding
    assert "dw" in finding.says and "1/2" in finding.looks_like
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


@pytest.mark.parametrize(("change", "passes"), [(0, True), (1e-12, False), (1, False)])
def test_unchanged_sees_the_smallest_change(change, passes):
    def student(x):
        x[0, 0] += change

    task = Task("task", points=1)
    with task.check("check"):
        task.unchanged(student, np.ones((2, 2)))
    assert task.results[0].passed is passes


def test_tolerance_follows_the_dtype():
    y = np.ones(3)
    assert difference(y + 1e-12, y) is None
    assert difference(y + 1e-6, y) is not None
    assert difference((y + 1e-6).astype(np.float32), y.astype(np.float32)) is None


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
    assert "2 values" in difference([1, 2], [1]).says


def test_torch_tensors_are_compared_where_torch_is_expected():
    torch = pytest.importorskip("torch")
    y = torch.arange(3.0)
    assert difference(y.clone(), y) is None
    assert "torch tensor" in difference(y.numpy(), y).says
    assert difference(y + 1, y).kind == "values"


def test_raises_wants_that_kind_of_exception():
    def refuses():
        raise ValueError("no")

    task = Task("task", points=3)
    with task.check("right"):
        task.raises(ValueError, refuses)
    with task.check("returns"):
        task.raises(ValueError, lambda: 5)
    with task.check("another"):
        task.raises(KeyError, refuses)
    assert [r.passed for r in task.results] == [True, False, False]
    assert "returned 5" in task.results[1].finding.says


def test_an_unwritten_function_does_not_pass_for_one_that_refuses():
    def student():
        raise NotImplementedError

    task = Task("task", points=1)
    with task.check("error"):
        task.raises(RuntimeError, student)  # NotImplementedError is a RuntimeError
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
        task.compare(lambda x, w: x @ w[::-1], product, X, W)
    first, second = task.results
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


def uses_a_helper(x):
    return helper(x)


def helper(x):
    import torch.nn.functional

    return torch.nn.functional.relu(x)


def uses_only_numpy(x):
    return np.maximum(x, 0)


@pytest.mark.parametrize(("function", "void"), [(uses_a_helper, True), (uses_only_numpy, False)])
def test_a_forbidden_module_voids_the_task(function, void, capsys):
    task = Task("task", points=2)
    with task.check("one"):
        task.forbid(function, "torch", "convnets")
    with task.check("two"):
        pass
    assert float(task.score()) == (0.0 if void else 2.0)
    assert ("uses torch.nn.functional" in capsys.readouterr().out) is void


def test_the_html_report_shows_every_tier_of_hints_and_escapes(capsys):
    task = Task("a<b", points=1)
    with task.check("<check>"):
        task.compare(lambda x, w: x @ w[::-1], product, X, W)
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
