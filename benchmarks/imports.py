"""What `import convnets` costs."""

from __future__ import annotations

import json
import subprocess
import sys

PROGRAM = """
import json, sys, time
begin = time.process_time()
import convnets
package = time.process_time() - begin
import convnets.layers
layers = time.process_time() - begin
heavy = [name for name in ("torch", "matplotlib", "sklearn") if name in sys.modules]
print(json.dumps({"seconds": package, "with_layers": layers, "heavy": heavy}))
"""


def measure(rounds: int = 5) -> dict:
    """Best CPU times of fresh interpreters, and which heavy packages they loaded.

    "seconds" is of `import convnets` alone, "with_layers" also of all layers and of NumPy.
    """
    runs = [
        json.loads(subprocess.check_output([sys.executable, "-c", PROGRAM], text=True))
        for _ in range(rounds)
    ]
    best = {name: min(run[name] for run in runs) for name in ("seconds", "with_layers")}
    return {**best, "heavy": runs[0]["heavy"]}
