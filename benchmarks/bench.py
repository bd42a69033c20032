"""Runs every benchmark, prints the tables and the goals, and writes the figures down."""

from __future__ import annotations

import argparse
import json
from datetime import date
from pathlib import Path

import torch
from rich.console import Console

from benchmarks import (
    convolution,
    dropout,
    example,
    imports,
    lenet,
    machine,
    normalisation,
    pooling,
    seeds,
    tables,
)

RESULTS = Path(__file__).with_name("results.json")
THREADS = 2


def main() -> None:
    """Entry point of `python -m benchmarks`."""
    options = _options()
    torch.set_num_threads(1)
    console = Console(width=None if Console().is_terminal else 120)
    figures = {"machine": machine.facts(), "date": date.today().isoformat()}
    _print_machine(console, figures["machine"])
    figures |= _measure(console, options.seconds)
    found = tables.goals(figures)
    console.print(tables.goals_table(found))
    figures["goals"] = [{**goal._asdict(), "met": goal.met} for goal in found]
    options.output.write_text(json.dumps(figures, indent=2, ensure_ascii=False) + "\n")
    console.print(f"Figures are in {options.output}.")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument(
        "--seconds", type=float, default=3.0, help="least time for each comparison (default 3)"
    )
    parser.add_argument(
        "--output", type=Path, default=RESULTS, help="JSON file to write (default beside this)"
    )
    return parser.parse_args()


def _print_machine(console: Console, facts: dict) -> None:
    variables = " ".join(f"{k}={v}" for k, v in facts["variables"].items()) or "none"
    known = " · ".join(f"{k} {v}" for k, v in facts.items() if k != "variables")
    console.print(f"{known} · variables that steer it: {variables}", style="dim")
    for warning in machine.warnings(facts):
        console.print(warning, style="yellow")


def _measure(console: Console, seconds: float) -> dict:
    """All figures, each printed as soon as it is there."""
    figures = {}
    with console.status("convolution"):
        figures["convolution"] = convolution.measure(seconds)
    console.print(tables.convolution_table(figures["convolution"]))
    console.print(tables.memory_table(figures["convolution"]))
    with console.status("large images"):
        figures["large"] = convolution.measure_large(seconds)
    console.print(tables.large_table(figures["large"]))
    with console.status("pooling"):
        figures["pooling"] = pooling.measure(seconds / 2)
    console.print(tables.pooling_table(figures["pooling"]))
    with console.status("dropout"):
        figures["dropout"] = dropout.measure(seconds / 2)
    console.print(tables.dropout_table(figures["dropout"]))
    with console.status("normalisation"):
        figures["normalisation"] = normalisation.measure(seconds / 2)
    console.print(tables.normalisation_table(figures["normalisation"]))
    with console.status("the example net"):
        figures["example"] = example.measure(2 * seconds)
    console.print(tables.example_table(figures["example"]))
    with console.status("LeNet"):
        figures["lenet"] = lenet.measure(2 * seconds)
    figures["import"] = imports.measure()
    console.print(tables.lenet_line(figures["lenet"]))
    with console.status("many seeds"):
        figures["seeds"] = seeds.measure(seconds)
    console.print(tables.seeds_table(figures["seeds"]))
    # Last, since the threads of a pool go on looking for work for a while.
    with console.status(f"{THREADS} threads"):
        figures["threads"] = convolution.measure_threads(seconds / 2, THREADS)
    console.print(tables.threads_table(figures["threads"], THREADS))
    return figures
