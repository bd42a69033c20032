"""Where things lie in a course folder."""

from __future__ import annotations

from pathlib import Path

WORK = ".grading"  # what grading makes on the way; submitted/ itself is only read


def folder_of(course: Path, assignment: str, student: str) -> Path:
    """Where a student's work lies, as it was handed in."""
    return course / "submitted" / student / assignment


def release_of(course: Path, assignment: str) -> Path:
    """Where the released notebook lies that submissions are rebuilt from."""
    return course / WORK / "release" / assignment / f"{assignment}.ipynb"
