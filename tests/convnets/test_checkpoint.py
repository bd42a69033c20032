"""Checkpoint files: plain data in, the same out; damage is reported and never half-read."""

import os
import pickle

import numpy as np
import pytest
import torch

from convnets import checkpoint
from convnets.checkpoint import CheckpointError, generator_state, restore_generator

STATE = {
    "epoch": 3,
    "best": None,
    "stopped": "",
    "lr": 0.1 + 0.2,
    "limits": [float("inf"), -0.0, True, 2**127],
    "arrays": {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "count": np.int64(7)},
    "by number": {0: {"momentum": np.ones(2)}, 1: {}},
    "array": 1,
    "dict": {},
}


def assert_same(got, want):
    """Equality of nested plain data, arrays by dtype and value."""
    if isinstance(want, dict):
        assert list(got) == list(want)
        for key in want:
            assert_same(got[key], want[key])
    elif isinstance(want, list):
        assert len(got) == len(want)
        for g, w in zip(got, want, strict=True):
            assert_same(g, w)
    elif isinstance(want, np.ndarray | np.generic):
        assert got.dtype == want.dtype
        assert np.array_equal(got, want)
    else:
        assert type(got) is type(want)
        assert got == want


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.npz"


def test_plain_data_comes_back_exactly(path):
    checkpoint.save(path, STATE)
    assert_same(checkpoint.load(path), STATE)


def test_tensors_come_back_as_tensors_and_tuples_as_lists(path):
    tensor = torch.arange(3.0, requires_grad=True)
    checkpoint.save(path, {"t": tensor, "step": torch.tensor(7), "pair": (1, 2)})
    loaded = checkpoint.load(path)
    assert torch.equal(loaded["t"], tensor.detach())
    assert loaded["step"].dtype == torch.int64 and loaded["step"].shape == ()
    assert loaded["pair"] == [1, 2]


def test_folders_are_made_and_the_name_is_kept(tmp_path):
    path = tmp_path / "new" / "run.of.monday"
    checkpoint.save(path, 1)
    assert os.listdir(path.parent) == ["run.of.monday"]


@pytest.mark.parametrize("value", [{1, 2}, object(), print, np.array([None]), b"bytes"])
def test_other_data_is_refused_and_leaves_the_old_file(path, value):
    checkpoint.save(path, "old")
    with pytest.raises(TypeError, match="a checkpoint holds"):
        checkpoint.save(path, {"value": value})
    assert checkpoint.load(path) == "old"
    assert os.listdir(path.parent) == [path.name]


def test_a_crash_while_writing_leaves_the_old_file_and_nothing_else(path, monkeypatch):
    checkpoint.save(path, "old")

    def crash(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", crash)
    with pytest.raises(KeyboardInterrupt):
        checkpoint.save(path, "new")
    assert checkpoint.load(path) == "old"
    assert os.listdir(path.parent) == [path.name]


def test_a_missing_file_says_how_to_make_one(path):
    with pytest.raises(FileNotFoundError, match="leave resume out"):
        checkpoint.load(path)


def test_a_file_cut_short_anywhere_is_refused(path):
    checkpoint.save(path, STATE)
    whole = path.read_bytes()
    for length in range(0, len(whole), 37):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match="damaged"):
            checkpoint.load(path)


def test_a_flipped_byte_never_changes_what_is_read(path):
    checkpoint.save(path, STATE)
    whole = path.read_bytes()
    refused = 0
    for at in range(0, len(whole), 11):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])
        try:
            assert_same(checkpoint.load(path), STATE)  # bytes that carry nothing, as dates
        except CheckpointError:
            refused += 1
    assert refused > len(whole) / 11 / 2


def foreign_files(folder):
    np.save(folder / "array.npy", np.ones(3))
    np.savez(folder / "arrays.npz", w=np.ones(3))
    np.savez(folder / "header.npz", header=np.ones(3))
    np.savez(folder / "other.npz", header=np.frombuffer(b'{"format": "other"}', np.uint8))
    (folder / "pickle.pt").write_bytes(pickle.dumps({"w": 1}))
    (folder / "text.json").write_text('{"format": "convnets checkpoint 1"}')
    torch.save({"w": torch.ones(1)}, folder / "torch.pt")
    return sorted(folder.iterdir())


def test_foreign_files_are_refused_with_their_name(tmp_path):
    files = foreign_files(tmp_path)
    assert len(files) == 7
    for path in files:
        with pytest.raises(CheckpointError, match="no checkpoint of this library") as error:
            checkpoint.load(path)
        assert path.name in str(error.value)


@pytest.mark.parametrize("kind", [np.random.PCG64, np.random.MT19937, np.random.Philox])
def test_a_generator_continues_from_a_file(path, kind):
    rng = np.random.Generator(kind(3))
    rng.random(5)
    rng.integers(7, dtype=np.int32)
    checkpoint.save(path, generator_state(rng))
    want = rng.random(4)
    other = np.random.Generator(kind(0))
    restore_generator(other, checkpoint.load(path))
    assert np.array_equal(other.random(4), want)


def test_a_torch_generator_continues_from_a_file(path):
    rng = torch.Generator().manual_seed(3)
    checkpoint.save(path, generator_state(rng))
    want = torch.rand(4, generator=rng)
    other = torch.Generator()
    restore_generator(other, checkpoint.load(path))
    assert torch.equal(torch.rand(4, generator=other), want)


def test_the_state_of_another_kind_of_generator_is_refused():
    state = generator_state(np.random.Generator(np.random.Philox(0)))
    with pytest.raises(ValueError, match="PCG64"):
        restore_generator(np.random.default_rng(0), state)
