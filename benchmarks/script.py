"""What every benchmark does as a script: its command line, a word on stderr, its page where it is wanted."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def parser_of(doc: str | None) -> argparse.ArgumentParser:
    """A parser whose help is a module's docstring: its first line above the options, the rest below them."""
    about, _, rest = (doc or "").partition("\n")
    form = argparse.RawDescriptionHelpFormatter
    return argparse.ArgumentParser(description=about, epilog=rest, formatter_class=form)


def tell(text: str) -> None:
    """A line to stderr."""
    print(text, file=sys.stderr, flush=True)


def publish(text: str, out: Path | None) -> None:
    """The page to stdout, and to a file (with its folders) where one is given."""
    print(text, end="")
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text(text, "utf-8")
