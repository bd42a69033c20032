"""What the pages need that Sphinx and MyST-NB do not do; loaded by Sphinx."""

from __future__ import annotations

import posixpath
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util import logging

from coursekit.site.sources import FRONT

_log = logging.getLogger(__name__)


def setup(app: Sphinx) -> dict[str, Any]:
    """Tell Sphinx what to call."""
    app.add_config_value("course", "", "env", str)
    app.connect("doctree-read", describe_pictures)
    app.connect("doctree-read", settle_links)
    app.connect("env-updated", all_where_the_sidebar_changed)
    app.connect("build-finished", remove_what_is_gone)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def describe_pictures(app: Sphinx, doctree: nodes.document) -> None:
    """Give the pictures of each code cell the words that `sources.lecture` noted."""
    for cell in doctree.findall(nodes.container):
        if cell.get("nb_element") == "cell_code":
            pictures, alts = list(cell.findall(nodes.image)), cell["cell_metadata"]["alts"]
            if len(pictures) != len(alts):
                message = "%d pictures, and words for %d; show each one by itself"
                _log.warning(message, len(pictures), len(alts), location=cell)
            for picture, alt in zip(pictures, alts, strict=False):
                picture["alt"] = alt


def settle_links(app: Sphinx, doctree: nodes.document) -> None:
    """Links to the README lead to the front page; to files that are no pages, nowhere.

    A link that leads nowhere in the course, too, is left alone: Sphinx warns of it.
    """
    course = Path(app.config.course)
    for link in list(doctree.findall(addnodes.pending_xref)):
        if link["reftype"] != "myst" or link["refdomain"]:
            continue
        path, _, place = link["reftarget"].partition("#")
        target = posixpath.normpath(posixpath.join(posixpath.dirname(link["refdoc"]), path))
        if target == "README.md":
            link["refdomain"], link["reftarget"] = "doc", Path(FRONT).stem
            link["reftargetid"] = place or None
        elif path and not target.startswith("..") and (course / target).exists():
            link.replace_self(link.children)


def all_where_the_sidebar_changed(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """All pages, where one has come, gone or got another title: each page lists them all."""
    titles = {name: title.astext() for name, title in env.titles.items()}
    before, env.coursekit_titles = getattr(env, "coursekit_titles", None), titles
    return sorted(env.found_docs) if before != titles else []


def remove_what_is_gone(app: Sphinx, error: Exception | None) -> None:
    """Remove pages without a source, and pictures that no page shows."""
    if error is not None:
        return
    pages = {f"{name}.html" for name in app.env.found_docs} | {"search.html"}
    pictures = {f"_images/{name}" for _, name in app.env.images.values()}
    kept = pages | pictures
    for path in [*app.outdir.rglob("*.html"), *app.outdir.glob("_images/*")]:
        name = Path(path).relative_to(app.outdir).as_posix()
        if name not in kept and not name.startswith("_static/"):
            path.unlink()
