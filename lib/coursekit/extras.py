"""What lies outside the core, and which extra of the package brings it.

Importing `convnets`, importing `coursekit` and running the checks of an assignment needs the core
alone. What needs more says so in a sentence:

    with extras.named():
        import nbgrader
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

PROJECT = "convnets-course"
EXTRA_OF = {  # module -> the smallest extra that brings it
    "bleach": "teach",
    "bs4": "teach",
    "distributed": "dask",
    "docutils": "site",
    "flwr": "federated",
    "jinja2": "teach",
    "jupyter_client": "teach",
    "jupyterlab": "lab",
    "markupsafe": "teach",
    "mathjax": "site",
    "myst_nb": "site",
    "nbclient": "teach",
    "nbconvert": "teach",
    "nbformat": "teach",
    "nbgrader": "teach",
    "rich": "teach",
    "sphinx": "site",
    "sphinx_book_theme": "site",
    "tinycss2": "teach",
    "torch": "torch",
    "typer": "teach",
}


class MissingExtra(ModuleNotFoundError):
    """A module is not installed that an extra brings; the message says which, and how."""


@contextmanager
def named() -> Iterator[None]:
    """Inside it, an import that fails for want of an extra says which one.

    Raises:
        MissingExtra: it is not installed.
    """
    try:
        yield
    except MissingExtra:
        raise
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module not in EXTRA_OF:
            raise
        raise MissingExtra(_said(module), name=error.name) from error


def _said(module: str) -> str:
    from coursekit import remedies

    extra = EXTRA_OF[module]
    command = remedies.pip_install(f"{PROJECT}[{extra}]")
    return f"This needs the extra `{extra}`, for {module} is not installed: {command}"
