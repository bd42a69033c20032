"""Speed and memory of the library beside its peers: `python -m benchmarks` (or `make bench`)."""

import os

# What the person who started this has set: it can change figures by half.
GIVEN = {
    name: value
    for name, value in sorted(os.environ.items())
    if name.startswith(("OPENBLAS_", "OMP_", "MKL_", "GOTO_", "KMP_"))
}

# One thread each, so that ratios compare code and not schedulers. The libraries read this once,
# when NumPy and PyTorch are imported, which the modules of this package do.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
