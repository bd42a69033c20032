"""The figures of a run as tables."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from rich.table import Table

from benchmarks import example, lenet, normalisation, seeds
from benchmarks.timing import geometric_mean

SHAPE = "(N,C,H,W→F,K,stride,pad)"


class Goal(NamedTuple):
    """A figure and the bound it should keep."""

    what: str
    measured: float
    bound: float

    @property
    def met(self) -> bool:
        return self.measured <= self.bound


def convolution_table(records) -> Table:
    """Times of forward plus backward."""
    table = Table(
        *(SHAPE, "ms", "PyTorch ms", "÷ PyTorch", "median"),
        *("C-ordered", "÷ channels_last", "÷ textbook"),
        title="Convolution, forward plus backward, float32, one thread (lower is better)",
        caption="C-ordered: images and gradients as users have them, ÷ PyTorch",
    )
    ratios = ("to_pytorch", "to_pytorch_median", "to_pytorch_c_order")
    ratios = (*ratios, "to_channels_last", "to_textbook")
    for r in records:
        _row(table, r["shape"], r["library_ms"], r["pytorch_ms"], *(r[name] for name in ratios))
    table.add_section()
    _row(table, "geometric mean", None, None, *(mean(records, name) for name in ratios))
    return table


def threads_table(records, count) -> Table:
    """Wall-clock times with several threads."""
    table = Table(
        *(SHAPE, "ms", "PyTorch ms", "÷ PyTorch"),
        title=f"The same with {count} threads, by the clock on the wall",
    )
    for r in records:
        _row(table, r["shape"], r["library_ms"], r["pytorch_ms"], r["to_pytorch"])
    table.add_section()
    _row(table, "geometric mean", None, None, mean(records, "to_pytorch"))
    return table


def memory_table(records) -> Table:
    """Peak memory of backward."""
    table = Table(
        *(SHAPE, "MB", "textbook MB", "÷ textbook"), title="Convolution, peak memory of backward"
    )
    for r in records:
        ours, textbooks = r["library_mb"], r["textbook_mb"]
        _row(table, r["shape"], ours, textbooks, ours / textbooks)
    return table


def large_table(records) -> Table:
    """How time and memory grow with an image."""
    table = Table(
        *(SHAPE, "ms", "÷ PyTorch", "ns a pixel", "forward MB", "result MB"),
        title="One large image of few channels",
    )
    for r in records:
        times = (r["library_ms"], r["to_pytorch"], r["ns_per_pixel"])
        _row(table, r["shape"], *times, r["forward_mb"], r["results_mb"])
    return table


def pooling_table(records) -> Table:
    """Times of forward plus backward."""
    table = Table(
        *("pooling", "(N,C,H,W→K,stride,pad)", "ms", "PyTorch ms"),
        *("÷ PyTorch", "median", "C-ordered"),
        title="Pooling, forward plus backward, float32, one thread",
    )
    ratios = ("to_pytorch", "to_pytorch_median", "to_pytorch_c_order")
    for r in records:
        numbers = (r["library_ms"], r["pytorch_ms"], *(r[name] for name in ratios))
        _row(table, r["kind"], r["shape"], *numbers)
    return table


def normalisation_table(records) -> Table:
    """Times of forward plus backward."""
    table = Table(
        *("over", "shape", "ms", "PyTorch ms", "÷ PyTorch", "median", "C-ordered"),
        title="Normalisation, forward plus backward, float32, one thread",
    )
    names = ("library_ms", "pytorch_ms", "to_pytorch", "to_pytorch_median", "to_pytorch_c_order")
    for r in records:
        _row(table, r["kind"], r["shape"], *(r[name] for name in names))
    return table


def example_table(records) -> Table:
    """Times of an epoch."""
    table = Table(
        *("(CONV [BN] RELU CONV [BN] RELU POOL) × 3 FC", "ms", "PyTorch ms", "÷ PyTorch", "median"),
        title=f"An epoch of {example.IMAGES} images 3×32×32, batch {example.BATCH}",
    )
    names = ("library_ms", "pytorch_ms", "to_pytorch", "to_pytorch_median")
    for r in records:
        _row(table, "with BN" if r["norm"] else "without", *(r[name] for name in names))
    return table


def dropout_table(records) -> Table:
    """Times of forward plus backward."""
    table = Table(
        *("shape", "ms", "PyTorch ms", "÷ PyTorch", "median", "C-ordered"),
        title="Dropout, forward plus backward, float32, one thread",
    )
    names = ("library_ms", "pytorch_ms", "to_pytorch", "to_pytorch_median", "to_pytorch_c_order")
    for r in records:
        _row(table, r["shape"], *(r[name] for name in names))
    return table


def lenet_line(record) -> str:
    """The LeNet epoch in a sentence."""
    return (
        f"LeNet epoch on digits, batch {lenet.BATCH}: {record['library_ms']:.0f} ms, PyTorch eager "
        f"{record['pytorch_ms']:.0f} ms, ratio {record['to_pytorch']:.2f} "
        f"(median {record['to_pytorch_median']:.2f})"
    )


def seeds_table(records) -> Table:
    """Times of training from one seed and from five at once."""
    table = Table(
        *("network", "one seed, ms", "five at once, ms", "five ÷ one", "median"),
        title=f"Many seeds at once, {seeds.EPOCHS} epochs of digits, batch {seeds.BATCH}",
    )
    for r in records:
        names = ("one_ms", "five_ms", "five_to_one", "five_to_one_median")
        _row(table, r["network"], *(r[name] for name in names))
    return table


def goals(figures) -> list[Goal]:
    """The goals of the library next to what was measured."""
    convs, large = figures["convolution"], figures["large"]
    maxima = [r for r in figures["pooling"] if r["kind"] == "maximum"]
    unrolled = [r["library_mb"] / r["textbook_mb"] for r in convs if r["kernel"] >= 3]
    many = [r["five_to_one"] for r in figures["seeds"] if seeds.BOTH in r["network"]]
    batch, group = (
        [r for r in figures["normalisation"] if r["kind"] == kind]
        for kind in (normalisation.BATCH, normalisation.GROUP)
    )
    (example_with,) = (r for r in figures["example"] if r["norm"])
    grown = [b["library_ms"] / a["library_ms"] for a, b in pairwise(large)]
    return [
        Goal("convolution ÷ PyTorch, geometric mean", mean(convs, "to_pytorch"), 0.75),
        Goal("convolution ÷ PyTorch, worst shape", max(r["to_pytorch"] for r in convs), 1.5),
        Goal("C-ordered ÷ PyTorch, geometric mean", mean(convs, "to_pytorch_c_order"), 0.95),
        Goal("backward's memory ÷ textbook im2col, worst kernel ≥ 3", max(unrolled), 1 / 3),
        Goal("four times the pixels of a large image, times the time", max(grown), 4.4),
        Goal("maximum pooling ÷ PyTorch, geometric mean", mean(maxima, "to_pytorch"), 0.4),
        Goal(
            "dropout ÷ PyTorch, worst shape", max(r["to_pytorch"] for r in figures["dropout"]), 1.2
        ),
        *(
            Goal(f"{kind} normalisation ÷ PyTorch, geometric mean", mean(records, "to_pytorch"), b)
            for kind, records, b in (("batch", batch, 1.3), ("group", group, 1.5))
        ),
        Goal("epoch of six convolutions with BN ÷ PyTorch", example_with["to_pytorch"], 1.0),
        Goal("LeNet epoch ÷ PyTorch eager", figures["lenet"]["to_pytorch"], 0.6),
        Goal(f"five seeds ÷ one, worst net with {seeds.BOTH}", max(many), 2.5),
        Goal("import convnets, seconds", figures["import"]["seconds"], 0.2),
        Goal("the same with convnets.layers", figures["import"]["with_layers"], 0.2),
        Goal("heavy packages that it loads", len(figures["import"]["heavy"]), 0),
    ]


def goals_table(found: list[Goal]) -> Table:
    """Measured beside bound."""
    table = Table("goal", "at most", "measured", "", title="Goals")
    for goal in found:
        mark = "[green]met[/]" if goal.met else "[bold red]missed[/]"
        table.add_row(goal.what, f"{goal.bound:.2f}", f"{goal.measured:.2f}", mark)
    return table


def mean(records, name) -> float:
    """Geometric mean of one figure over records."""
    return geometric_mean(r[name] for r in records)


def _row(table: Table, *cells) -> None:
    table.add_row(*("" if c is None else c if isinstance(c, str) else f"{c:.2f}" for c in cells))
