"""The command line: ``rebut run debate "Is 3.11 larger than 3.9?"``."""

from __future__ import annotations


def main() -> None:
    """Entry point of the ``rebut`` script."""
    from .app import app

    app.main()
