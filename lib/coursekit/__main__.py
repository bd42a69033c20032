"""`coursekit`, also as `python -m coursekit`: the commands, or which extra is missing for one."""

from __future__ import annotations

import sys

from coursekit import extras


def main() -> None:
    """Run the command line."""
    try:
        with extras.named():
            from coursekit import cli

            cli.main()
    except extras.MissingExtra as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
