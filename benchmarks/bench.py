"""Runs every benchmark, prints the tables and the goals, and writes the figures down."""

from __future__ import annotations

import argparse
import json
import platform
from datetime import date
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_info

from benchmarks import convolution, imports, lenet, pooling
from benchmarks.machine import processor
from benchmarks.timing import geometric_mean

RESULTS = Path(__file__).with_name("results.json")


class Goal(NamedTuple):
    """A figure and the bound it should keep."""

    what: str
    measured: float
    bound: float

    @property
    def met(self) -> bool:
        return self.measured <= self.bound


def main() -> None:
    """Entry point of `python -m benchmarks`."""
    options = _options()
    torch.set_num_threads(1)
    console = Console(width=None if Console().is_terminal else 110)
    figures = {"machine": machine(), "date": date.today().isoformat()}
    console.print(" · ".join(f"{k} {v}" for k, v in figures["machine"].items()), style="dim")
    with console.status("convolution"):
        figures["convolution"] = convolution.measure(options.seconds)
    console.print(convolution_table(figures["convolution"]), memory_table(figures["convolution"]))
    with console.status("pooling"):
        figures["pooling"] = pooling.measure(options.seconds / 2)
    console.print(pooling_table(figures["pooling"]))
    with console.status("LeNet"):
        figures["lenet"] = lenet.measure(2 * options.seconds)
    figures["import"] = imports.measure()
    found = goals(figures)
    console.print(lenet_line(figures["lenet"]), goals_table(found))
    figures["goals"] = [{**goal._asdict(), "met": goal.met} for goal in found]
    options.output.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n")
    console.print(f"Figures are in {options.output}.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=3.0, help="least time for each shape (default 3)"
    )
    parser.add_argument(
        "--output", type=Path, default=RESULTS, help="JSON file to write (default beside this)"
    )
    return parser.parse_args()


def machine() -> dict:
    """What the figures depend on: processor, versions, BLAS."""
    blas = {i["internal_api"]: i for i in threadpool_info() if i["user_api"] == "blas"}
    return {
        "CPU": processor(),
        "threads": 1,
        "Python": platform.python_version(),
        "NumPy": np.__version__,
        "PyTorch": torch.__version__,
        "BLAS": ", ".join(f"{k} {v['version']} {v.get('architecture')}" for k, v in blas.items()),
    }


def convolution_table(records) -> Table:
    """Times of forward plus backward."""
    table = Table(
        "(N,C,H,W→F,K,stride,pad)",
        *("ms", "PyTorch ms", "÷ PyTorch", "median", "C-ordered", "÷ textbook"),
        title="Convolution, forward plus backward, float32 (lower is better)",
    )
    for r in records:
        ratios = ("to_pytorch", "to_pytorch_median", "to_pytorch_c_order", "to_textbook")
        _row(table, r["shape"], r["library_ms"], r["pytorch_ms"], *(r[name] for name in ratios))
    table.add_section()
    _row(table, "geometric mean", None, None, *(_mean(records, name) for name in ratios))
    return table


def memory_table(records) -> Table:
    """Peak memory of backward."""
    table = Table(
        *("(N,C,H,W→F,K,stride,pad)", "MB", "textbook MB", "÷ textbook"),
        title="Convolution, peak memory of backward",
    )
    for r in records:
        _row(
            table,
            r["shape"],
            *(r["library_mb"], r["textbook_mb"], r["library_mb"] / r["textbook_mb"]),
        )
    return table


def pooling_table(records) -> Table:
    """Times of forward plus backward."""
    table = Table(
        *("pooling", "(N,C,H,W→K,stride,pad)", "ms", "PyTorch ms"),
        *("÷ PyTorch", "median", "C-ordered"),
        title="Pooling, forward plus backward, float32",
    )
    for r in records:
        ratios = ("to_pytorch", "to_pytorch_median", "to_pytorch_c_order")
        numbers = (r["library_ms"], r["pytorch_ms"], *(r[name] for name in ratios))
        table.add_row(r["kind"], r["shape"], *(f"{value:.2f}" for value in numbers))
    return table


def lenet_line(record) -> str:
    """The LeNet epoch in a sentence."""
    return (
        f"LeNet epoch on digits, batch {lenet.BATCH}: {record['library_ms']:.0f} ms, PyTorch eager "
        f"{record['pytorch_ms']:.0f} ms, ratio {record['to_pytorch']:.2f} "
        f"(median {record['to_pytorch_median']:.2f})"
    )


def goals(figures) -> list[Goal]:
    """The goals of the library next to what was measured."""
    convs, pools = figures["convolution"], figures["pooling"]
    maxima = [r for r in pools if r["kind"] == "maximum"]
    unrolled = [r["library_mb"] / r["textbook_mb"] for r in convs if r["kernel"] >= 3]
    return [
        Goal("convolution ÷ PyTorch, geometric mean", _mean(convs, "to_pytorch"), 0.85),
        Goal("convolution ÷ PyTorch, worst shape", max(r["to_pytorch"] for r in convs), 1.9),
        Goal("backward's memory ÷ textbook im2col, worst kernel ≥ 3", max(unrolled), 1 / 3),
        Goal("maximum pooling ÷ PyTorch, geometric mean", _mean(maxima, "to_pytorch"), 0.8),
        Goal("LeNet epoch ÷ PyTorch eager", figures["lenet"]["to_pytorch"], 0.6),
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


def _mean(records, name) -> float:
    return geometric_mean(r[name] for r in records)


def _row(table: Table, *cells) -> None:
    table.add_row(*("" if c is None else c if isinstance(c, str) else f"{c:.2f}" for c in cells))


if __name__ == "__main__":
    main()
