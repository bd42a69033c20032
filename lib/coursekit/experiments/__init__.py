"""Larger experiments of a lecture: measured once, by one command, and drawn from what is stored.

`make results L=03` runs what course/experiments/03_*.py describe; a lecture then reads

from coursekit.experiments import results
rates = results("03_pooling_rates")
best = rates.where(pool="max", lr=0.03).column("test")
"""

from coursekit.experiments.log import ResultsError
from coursekit.experiments.table import Results, results

__all__ = ["Results", "ResultsError", "results"]
