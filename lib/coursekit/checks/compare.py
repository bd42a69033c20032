"""Finds how a result differs from the one expected: type, then shape, then dtype, then values."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from coursekit.checks.findings import Finding
from coursekit.checks.kinds import described, remedy

# Sums taken in another order differ by a few units in the last place of the largest term.
TOLERANCE = {"float64": 1e-9, "float32": 1e-4, "float16": 1e-2, "bfloat16": 5e-2}


def is_tensor(value: Any) -> bool:
    """Whether it is a torch tensor, and not only says so; torch is not imported to find out."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def as_numpy(value: Any) -> np.ndarray:
    """A plain NumPy array: torch tensors are brought over, array subclasses lose their tricks."""
    if is_tensor(value):
        value = value.detach().cpu().numpy()
    return np.array(value, copy=True, subok=False)


def tolerance(*arrays: np.ndarray) -> float:
    """Relative tolerance of the least precise floating-point dtype among `arrays`."""
    return max(TOLERANCE.get(str(a.dtype), 0.0) for a in arrays)


def wrong_elements(got: np.ndarray, want: np.ndarray, rtol: float | None = None) -> np.ndarray:
    """Boolean array: True where |got − want| > rtol · (|want| + max |want|), NaN equal to NaN."""
    rtol = tolerance(got, want) if rtol is None else rtol
    if want.dtype.kind not in "fc" and got.dtype.kind not in "fc":
        return got != want
    finite = np.abs(want[np.isfinite(want)])
    scale = np.abs(want) + (finite.max() if finite.size else 0.0)
    with np.errstate(invalid="ignore"):
        near = np.abs(got - want) <= rtol * scale
    same = (got == want) | (np.isnan(got) & np.isnan(want))
    return ~(near & np.isfinite(got) & np.isfinite(want) | same)


def close(a: Any, b: Any) -> bool:
    """Equal shape, and equal values up to rounding."""
    a, b = as_numpy(a), as_numpy(b)
    return a.shape == b.shape and not wrong_elements(a, b).any()


def difference(
    got: Any, want: Any, name: str = "the result", rtol: float | None = None
) -> Finding | None:
    """The first way in which `got` differs from `want`, or None.

    Args:
        got: what the student's code returned.
        want: array, torch tensor, number, string, or a dict/list/tuple of them.
        name: how the value is called in the message.
        rtol: relative tolerance; by default that of the dtype (float64 1e-9, float32 1e-4).
    """
    if isinstance(want, (str, bool, type(None))):
        return None if got == want else _plain(got, want, name)
    if isinstance(want, dict):
        return _dict_difference(got, want, name, rtol)
    if isinstance(want, (list, tuple)):
        return _sequence_difference(got, want, name, rtol)
    return (
        _type_difference(got, want, name)
        or _shape_difference(got, want, name)
        or _dtype_difference(got, want, name)
        or _value_difference(as_numpy(got), as_numpy(want), name, rtol)
    )


def _plain(got, want, name) -> Finding:
    return Finding("values", f"{name} is {described(got)}, expected {want!r}.")


def _dict_difference(got, want, name, rtol) -> Finding | None:
    if not isinstance(got, dict) or got.keys() != want.keys():
        keys = sorted(got) if isinstance(got, dict) else type(got).__name__
        return Finding("type", f"{name} must be a dict with keys {sorted(want)}, but is {keys}.")
    part_of = _bare(name)
    parts = (difference(got[key], want[key], f"{part_of}[{key!r}]", rtol=rtol) for key in want)
    return next((part for part in parts if part), None)


def _sequence_difference(got, want, name, rtol) -> Finding | None:
    if not isinstance(got, (list, tuple)) or len(got) != len(want):
        is_several = isinstance(got, (list, tuple))
        given = f"{described(got)} of {_values(len(got))}" if is_several else described(got)
        says = f"{name} is {given}, expected {described(want)} of {_values(len(want))}."
        return Finding("type", says, what_to_try(got))
    parts = (
        difference(g, w, f"{_bare(name)}[{i}]", rtol=rtol)
        for i, (g, w) in enumerate(zip(got, want, strict=True))
    )
    return next((part for part in parts if part), None)


def _type_difference(got, want, name) -> Finding | None:
    number_wanted = np.ndim(want) == 0 and not is_tensor(want)
    if isinstance(want, (int, np.integer)) and isinstance(got, (float, np.floating)):
        says = f"{name} is {got}, a float; expected an integer."
        return Finding("type", says, ("`//` divides integers and rounds down; `/` makes a float.",))
    is_array = isinstance(got, np.ndarray) and got.dtype.kind in "biufc"
    if number_wanted and (isinstance(got, (int, float, np.number)) or is_array):
        return None
    if number_wanted and is_tensor(got) and got.ndim == 0:
        return None
    if is_array and isinstance(want, np.ndarray):
        return None
    wanted = "a single number" if number_wanted else described(want)
    given = described(got)
    if given == wanted and not isinstance(got, np.ndarray):
        return None
    return Finding("type", f"{name} is {given}, expected {wanted}.", what_to_try(got))


def what_to_try(got: Any) -> tuple[str, ...]:
    """The line that helps where a result is of the wrong kind; none where nothing is known."""
    return (found,) if (found := remedy(got)) else ()


def _values(count: int) -> str:
    return f"{count} value{'' if count == 1 else 's'}"


def _shape_difference(got, want, name) -> Finding | None:
    got_shape, want_shape = tuple(np.shape(got)), tuple(np.shape(want))
    if got_shape == want_shape:
        return None
    return Finding("shape", f"{name} has shape {got_shape}, expected {want_shape}.")


def _dtype_difference(got, want, name) -> Finding | None:
    got_dtype, want_dtype = getattr(got, "dtype", None), getattr(want, "dtype", None)
    if got_dtype is None or want_dtype is None or str(got_dtype) == str(want_dtype):
        return None
    if np.ndim(got) == 0 and "float" in str(got_dtype) and "float" in str(want_dtype):
        return None
    details = ()
    if (str(got_dtype), str(want_dtype)) == ("float64", "float32"):
        details = ("np.zeros(...) makes float64 unless it is told a dtype: dtype=x.dtype.",)
    return Finding("dtype", f"{name} has dtype {got_dtype}, expected {want_dtype}.", details)


def _value_difference(got, want, name, rtol) -> Finding | None:
    wrong = wrong_elements(got, want, rtol)
    if not wrong.any():
        return None
    index = tuple(int(i) for i in np.argwhere(wrong)[0])
    where = f"[{', '.join(map(str, index))}]" if index else ""
    given, expected = _numbers(got[index], want[index])
    if not index:
        return Finding("values", f"{name} is {given}, expected {expected}.")
    details = [f"first wrong: {_bare(name)}{where} = {given}, expected {expected}"]
    bad = int(np.sum(~np.isfinite(got) & np.isfinite(want))) if got.dtype.kind == "f" else 0
    if bad:
        details.append(f"{bad} of them are NaN or infinite.")
    if wrong.size == 1:
        says = f"{name} is wrong."
    elif wrong.all():
        count = "both" if wrong.size == 2 else f"all {wrong.size}"
        says = f"{count} values of {name} are wrong."
    else:
        count = int(wrong.sum())
        says = f"{count} of {wrong.size} values of {name} {'is' if count == 1 else 'are'} wrong."
    picture = "" if wrong.all() else picture_of(wrong, index)
    return Finding("values", says, tuple(details), picture)


def _bare(name: str) -> str:
    return name.removeprefix("the ")


def _numbers(got: Any, want: Any) -> tuple[str, str]:
    """Two numbers with as many digits, six at least, as it takes to tell them apart.

    >>> _numbers(np.float64(1.00000001), np.float64(1.0))
    ('1.00000001', '1')
    """
    if not {np.asarray(got).dtype.kind, np.asarray(want).dtype.kind} <= {*"fc"}:
        return f"{got}", f"{want}"
    got, want = got + 0.0, want + 0.0  # no minus before a zero
    for digits in range(6, 18):
        given, expected = f"{got:.{digits}g}", f"{want:.{digits}g}"
        if given != expected:
            break
    return given, expected


def picture_of(wrong: np.ndarray, index: tuple[int, ...], rows: int = 16, columns: int = 40) -> str:
    """A small map of the image (last two axes) that holds the first wrong element.

    >>> print(picture_of(np.array([[False, True], [False, False]]), (0, 1)))
    · ■
    · ·
    """
    if wrong.ndim == 0 or wrong.size == 1:
        return ""
    image = np.atleast_2d(wrong[index[:-2]] if wrong.ndim > 2 else wrong)
    lines = [" ".join("■" if cell else "·" for cell in row[:columns]) for row in image[:rows]]
    high, wide = image.shape
    if high > rows or wide > columns:
        parts = [
            f"the first {most} of {size} {name}"
            for most, size, name in zip(
                (rows, columns), image.shape, ("rows", "columns"), strict=True
            )
            if size > most
        ]
        lines.append(f"({' and '.join(parts)})")
    if wrong.ndim > 2:
        lines.insert(0, f"[{', '.join(map(str, index[:-2]))}, :, :]   ■ wrong   · right")
    return "\n".join(lines)
