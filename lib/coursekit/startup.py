"""What processes of this package do before they import anything else."""

from __future__ import annotations

import sys


def skip_grammars() -> None:
    """Import nbformat in a tenth of the time.

    nbformat imports jsonschema, which builds a parser of internationalised web addresses, for 0.8
    seconds, if it finds the package for that. Notebooks hold no such addresses to check.
    """
    sys.modules.setdefault("rfc3987_syntax", None)
