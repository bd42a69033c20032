"""HTML pages that open offline: one file each, no script, nothing fetched, everything escaped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from coursekit import extras, files

with extras.named():
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

from coursekit.pages.charts import histogram, share_bar
from coursekit.pages.wording import percent, seconds


def render(template: str, **values: Any) -> str:
    """Fill one of the templates beside this file.

    Every value is escaped unless it is markup made by this package. The page's content security
    policy forbids scripts and requests, should anything slip through.

    Args:
        template: such as "report.html".
        values: what the template names; a missing one is an error.
    """
    return _environment().get_template(template).render(**values)


def write(text: str, path: Path) -> Path:
    """Write a page whole or not at all, whatever characters students put into it."""
    return files.replace(path, text.encode("utf-8", "replace"))  # lone surrogates become "?"


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(histogram=histogram, share_bar=share_bar)
    environment.filters["percent"] = percent
    environment.filters["number"] = lambda value: f"{round(value, 2):g}"
    environment.filters["seconds"] = seconds
    return environment
