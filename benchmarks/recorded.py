"""What votes, picks and panels of judges make of outputs that models really gave; no model is asked.

The data sets lie in a folder of JSON Lines, `<name>/<name>.jsonl`; they are not part of the project.

    python benchmarks/recorded.py --data DATA --out benchmarks/results/recorded.md
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from accuracy_table import markdown
from machine import command, versions
from recorded_sets import (
    Record,
    Table,
    Unusable,
    judgebench,
    judges,
    llmbar,
    panel,
    programs,
    read,
    reasoning,
)
from script import parser_of, publish, tell

ROOT = Path(__file__).resolve().parents[1]
SETS: dict[str, Callable[[Sequence[Record]], Table]] = {
    "codet_humaneval": programs,
    "gsm8k_recorded": panel,
    "llmbar": lambda rows: judges(rows, llmbar, "llmbar"),
    "judgebench": lambda rows: judges(rows, judgebench, "judgebench"),
    "bbh": reasoning,
}


def page(tables: Sequence[Table], argv: Sequence[str]) -> str:
    """The whole document."""
    parts = ["# Decisions on recorded outputs", f"- command: `{command(argv)}`\n- versions: {versions()}"]
    for table in tables:
        parts += [f"## {table.name}", table.about, markdown(table.headings, table.lines)]
    return "\n\n".join(parts) + "\n"


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = parser_of(__doc__)
    usual = Path(os.environ.get("REBUT_DATA") or ROOT.parent / "shared" / "data")
    parser.add_argument("--data", type=Path, default=usual, help="folder of the data sets; or REBUT_DATA")
    parser.add_argument("--sets", default=",".join(SETS), help="with commas between (default: all)")
    parser.add_argument("--out", type=Path, help="file for the page")
    args = parser.parse_args(argv)
    args.sets = args.sets.split(",")
    if unknown := [name for name in args.sets if name not in SETS]:
        parser.error(f"unknown set {unknown[0]!r} (possible: {', '.join(SETS)})")
    return args


def main() -> None:
    """Measure and print."""
    args = arguments()
    tables = []
    for name in args.sets:
        try:
            rows = read(args.data, name)
        except Unusable as error:
            raise SystemExit(f"error: {error}") from None
        tell(f"{name}: {len(rows)} rows")
        tables.append(SETS[name](rows))
    publish(page(tables, sys.argv), args.out)


if __name__ == "__main__":
    main()
