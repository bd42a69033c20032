"""Training state in one file of plain data: a NumPy `.npz` with a JSON header, never pickle.

A file is written beside its final name and then moved there in one step, so that a crash leaves
either the old file or the new one.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import numpy as np

from convnets.arrays import is_torch, to_numpy

FORMAT = "convnets checkpoint 1"


class CheckpointError(ValueError):
    """A checkpoint that cannot be read, or that belongs to another run."""


def save(path: str | os.PathLike, state) -> None:
    """Write `state` to `path`, replacing what was there in one step.

    Args:
        path: the file's name; missing folders are made.
        state: None, booleans, numbers, strings and arrays (NumPy or torch), in dicts and lists of
            any depth. Tuples come back as lists, tensors on the CPU.
    Raises:
        TypeError: a value that is not plain data.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(folder + "/run.npz", {"epoch": 3, "weights": [np.ones(2, np.float32)]})
    ...     load(folder + "/run.npz")
    {'epoch': 3, 'weights': [array([1., 1.], dtype=float32)]}
    """
    path = Path(path)
    arrays: list[np.ndarray] = []
    header = json.dumps({"format": FORMAT, "state": _encode(state, arrays)})
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            named = {str(i): array for i, array in enumerate(arrays)}
            np.savez(file, header=np.frombuffer(header.encode(), np.uint8), **named)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def load(path: str | os.PathLike):
    """Read what `save` wrote; the whole file is read and verified before anything is returned.

    Raises:
        FileNotFoundError: there is no such file.
        CheckpointError: the file is cut short, damaged or something else than a checkpoint.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"there is no checkpoint at {path}; train with callbacks=[Checkpoint(path)] first, "
            "or leave resume out to start afresh."
        )
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            content = {name: file[name] for name in file.files}
        header = json.loads(content["header"].tobytes())
        if header["format"] != FORMAT:
            raise ValueError(f"its format is {header['format']!r}")
        return _decode(header["state"], content)
    # Damaged bytes make NumPy, zipfile and json raise nearly anything; it all means the same.
    except Exception as error:
        raise CheckpointError(
            f"{path} is damaged or no checkpoint of this library ({error}); nothing was loaded. "
            "Use an older file, or train again without resume."
        ) from error


def generator_state(rng: np.random.Generator):
    """The state of a generator (NumPy or torch) as plain data."""
    if isinstance(rng, np.random.Generator):
        return rng.bit_generator.state
    return rng.get_state()


def restore_generator(rng: np.random.Generator, state) -> None:
    """Put a generator into a state taken by `generator_state`.

    Raises:
        ValueError: the state is of another kind of generator.
    """
    if isinstance(rng, np.random.Generator):
        rng.bit_generator.state = state
    else:
        rng.set_state(state)


def _encode(value, arrays: list[np.ndarray]):
    """`value` as JSON; arrays are appended to `arrays` and replaced by their position there."""
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        # Pairs, because JSON would turn the integer keys of torch.optim into strings.
        return {"dict": [[_encode(k, arrays), _encode(v, arrays)] for k, v in value.items()]}
    if isinstance(value, list | tuple):
        return [_encode(item, arrays) for item in value]
    array = to_numpy(value) if is_torch(value) else value
    if not isinstance(array, np.ndarray | np.generic) or array.dtype.hasobject:
        raise TypeError(
            f"a checkpoint holds numbers, strings, arrays, lists and dicts, but got "
            f"{type(value).__name__}; turn it into one of these in state_dict()."
        )
    arrays.append(np.asarray(array))
    return {"tensor" if is_torch(value) else "array": len(arrays) - 1}


def _decode(value, arrays: dict[str, np.ndarray]):
    if isinstance(value, list):
        return [_decode(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if "array" in value:
        return arrays[str(value["array"])]
    if "tensor" in value:
        return _tensor(arrays[str(value["tensor"])])
    return {_decode(k, arrays): _decode(v, arrays) for k, v in value["dict"]}


def _tensor(array: np.ndarray):
    try:
        import torch
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "This checkpoint holds tensors of PyTorch, which is not installed; try: "
            "pip install 'convnets-course[torch]'",
            name=error.name,
        ) from error
    return torch.from_numpy(array)
