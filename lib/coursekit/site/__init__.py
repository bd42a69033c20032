"""The course as static pages: front page, lectures and guides, for reading without Jupyter.

    site.build(Path("."))  # build/site/index.html

Lectures are shown as they are stored; nothing is run. The pages lie in one folder and ask for
nothing outside it, formulas included: MathJax 3 (Apache License 2.0) is copied beside them.
"""

from coursekit.site.building import SiteError, build

__all__ = ["SiteError", "build"]
