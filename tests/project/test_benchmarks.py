"""What `make bench` does beside measuring: order, facts about the machine, goals."""

import numpy as np
import pytest
import torch
from benchmarks import convolution, example, machine, normalisation, tables, timing
from benchmarks.tables import Goal


def test_candidates_run_equally_often_in_changing_order():
    calls = []
    candidates = {name: lambda name=name: calls.append(name) for name in "abc"}
    times = timing.interleaved(candidates, seconds=0, rounds=20)
    rounds = [tuple(calls[i : i + 3]) for i in range(0, len(calls), 3)]
    assert len(rounds) == 21
    assert all(sorted(each) == ["a", "b", "c"] for each in rounds)
    assert len(set(rounds)) > 1  # the same order 20 times is a matter of 10⁻¹⁵
    assert [len(times.samples[name]) for name in "abc"] == [20, 20, 20]


def test_cases_are_measured_in_changing_order_and_listed_in_theirs():
    orders = set()
    for _ in range(20):
        called = []
        got = timing.in_random_order(range(6), lambda i, called=called: called.append(i) or 10 * i)
        assert got == [0, 10, 20, 30, 40, 50]
        orders.add(tuple(called))
    assert len(orders) > 1


def test_ratios_are_of_the_best_times_and_medians_of_rounds():
    times = timing.Times({"ours": [3.0, 1.0, 4.0], "theirs": [2.0, 4.0, 2.0]})
    assert times.ratio("ours", "theirs") == 0.5
    assert times.median_ratio("ours", "theirs") == 1.5


def test_all_candidates_of_a_convolution_find_the_same_gradients():
    problem = convolution.Problem(convolution.Shape(2, 3, 6, 4, 3, 2, 1))
    problem.check()
    _, dw, _ = problem.library()[1](problem.library()[0]())
    with pytest.raises(AssertionError):
        problem.library = lambda: (lambda: None, lambda _: (problem.x, dw + 1, problem.b))
        problem.check()


@pytest.mark.parametrize("kind", [normalisation.BATCH, normalisation.GROUP])
def test_candidates_of_a_normalisation_find_the_same_gradients(kind):
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in ((4, 16, 3, 3), (4, 16, 3, 3), 16, 16)]
    results = (run(kind, *arrays)() for run in (normalisation.library, normalisation.pytorch))
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


def test_the_example_nets_that_are_compared_are_alike():
    for norm, count in ((False, 6440), (True, 6560)):
        assert sum(p.numel() for p in example.torch_net(norm).parameters()) == count


def test_the_machine_is_told_with_its_kernel_and_its_variables(monkeypatch):
    monkeypatch.setattr(machine, "GIVEN", {"OMP_NUM_THREADS": "3"})
    facts = machine.facts()
    assert facts["NumPy"] == np.__version__
    assert facts["PyTorch"] == torch.__version__
    assert "kernel" in facts["BLAS"]
    assert facts["variables"] == {"OMP_NUM_THREADS": "3"}
    assert facts["cores"] >= 1


def test_what_makes_figures_unlike_a_users_is_named():
    quiet = {"variables": {}, "load": 0.3, "cores": 2}
    assert machine.warnings(quiet) == []
    (tuned,) = machine.warnings({**quiet, "variables": {"OPENBLAS_CORETYPE": "Haswell"}})
    assert "OPENBLAS_CORETYPE set" in tuned
    assert "env -u OPENBLAS_CORETYPE make bench" in tuned
    (busy,) = machine.warnings({**quiet, "load": 4.2})
    assert "load 4.2, 2 cores" in busy


def test_goals_stand_beside_figures():
    goals = [Goal("a ratio", 0.512, 0.75), Goal("another", 1.6, 1.5)]
    columns = [list(column.cells) for column in tables.goals_table(goals).columns]
    assert columns[:3] == [["a ratio", "another"], ["0.75", "1.50"], ["0.51", "1.60"]]
    assert ["met" in columns[3][0], "missed" in columns[3][1]] == [True, True]
