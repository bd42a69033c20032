"""From sources to pages: Sphinx with MyST-NB, everything it is told, and MathJax beside them."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path
from typing import Any

from coursekit import extras
from coursekit.site import sources

with extras.named():
    import mathjax  # nothing but files
    import myst_nb  # noqa: F401, loaded by Sphinx, as is the theme
    import sphinx_book_theme  # noqa: F401
    from sphinx.application import Sphinx
    from sphinx.errors import SphinxError

PAGES, WORK = "build/site", "build/site-work"
# All of MathJax in one file: the plain `tex-svg.js` fetches rarer commands when they are met.
MATHJAX = "tex-svg-full.js"
SETTINGS: dict[str, Any] = {
    "project": "ConvNets",
    "html_title": "ConvNets",
    "extensions": ["myst_nb", "sphinx.ext.mathjax", "coursekit.site.extension"],
    "root_doc": Path(sources.FRONT).stem,
    # Notebooks as they are stored.
    "nb_execution_mode": "off",
    "nb_merge_streams": True,
    "nb_code_prompt_show": "Show the answer",
    "nb_code_prompt_hide": "Hide the answer",
    "nb_ipywidgets_js": {},
    # Markdown as GitHub reads it.
    "myst_enable_extensions": ["amsmath", "dollarmath"],
    # To MyST a line that begins with % is a comment, and one with +++ or (name)= a mark.
    "myst_disable_syntax": ["myst_block_break", "myst_line_comment", "myst_target"],
    "myst_heading_anchors": 6,
    # Nothing fetched. MathJax's menu would load parts that are not there.
    "mathjax_path": f"mathjax/{MATHJAX}",
    "mathjax3_config": {"options": {"enableMenu": False}},
    # The look.
    "html_theme": "sphinx_book_theme",
    "html_theme_options": {
        "footer_content_items": [],
        "show_toc_level": 2,
        "use_download_button": False,
    },
    "html_context": {"default_mode": "auto"},  # light or dark, as the reader's system is
    "html_css_files": ["coursekit.css"],
    "html_static_path": [str(Path(__file__).parent / "static")],
    "html_copy_source": False,
    "html_show_copyright": False,
    "html_show_search_summary": False,  # a page that lies in a folder may not read another one
    "html_use_index": False,
}


class SiteError(Exception):
    """The site could not be built, or something in it is wrong; the message says what."""


def build(course: Path) -> Path:
    """Write the pages of a course; of those that have changed, where it was built before.

    Args:
        course: with README.md, course/ and docs/.
    Returns:
        The front page.
    Raises:
        SiteError: Sphinx warned, for example of a link that leads nowhere. The pages are there all
            the same, and the next build begins anew and warns again.
    """
    course = course.resolve()
    pages, work = course / PAGES, course / WORK
    sources.assemble(course, work / "sources")
    said = _run(course, pages, work)
    if said:
        shutil.rmtree(work / "read", ignore_errors=True)
        raise SiteError(said)
    return pages / "index.html"


def _run(course: Path, pages: Path, work: Path) -> str:
    """Build; returns what Sphinx warned of."""
    settings, warned = {**SETTINGS, "course": str(course)}, io.StringIO()
    try:
        app = Sphinx(work / "sources", None, pages, work / "read", "html", settings, None, warned)
        _copy_mathjax(pages)
        app.build()
    except SphinxError as error:
        warned.write(f"{error}\n")
    return _where_it_stands(warned.getvalue().strip(), work / "sources")


def _where_it_stands(warnings: str, folder: Path) -> str:
    """Warnings that name the files of the course, not their copies. Lines of notebooks say nothing.

    >>> _where_it_stands("/c/build/s/index.md:3: WARNING: …", Path("/c/build/s"))
    'README.md:3: WARNING: …'
    """
    own = warnings.replace(f"{folder}/{sources.FRONT}", "README.md").replace(f"{folder}/", "")
    return re.sub(r"(\.ipynb):\d+", r"\1", re.sub(r"\x1b\[[\d;]*m", "", own))


def _copy_mathjax(pages: Path) -> None:
    """Put MathJax and its licence beside the pages."""
    home = Path(mathjax.__file__).parent / "static" / "mathjax"
    there = pages / "_static" / "mathjax"
    there.mkdir(parents=True, exist_ok=True)
    for file in (home / "es5" / MATHJAX, home / "LICENSE"):
        shutil.copyfile(file, there / file.name)
