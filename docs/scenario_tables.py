"""Writes the tables of docs/scenarios.md from what the loader reads by.

python docs/scenario_tables.py
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rebut.graphs.shapes import Either, Fixed, Key, MapOf
from rebut.scenarios.checkers import CHECKS
from rebut.scenarios.generators import GENERATORS
from rebut.scenarios.keys import SCENARIO
from rebut.scenarios.loader import load, names
from rebut.scenarios.metrics import MEASURES

PAGE = Path(__file__).parent / "scenarios.md"


def tables() -> dict[str, str]:
    """By its mark: each table of the page."""
    return {
        "keys": table(("key", "what it is", "needs"), list(_keys(SCENARIO.keys))),
        "generators": table(
            ("generator", "items", "kind", "check", "options"),
            [(f"`{name}`", g.about, g.kind, g.check, _options(name)) for name, g in GENERATORS.items()],
        ),
        "checks": table(
            ("check", "an answer is right if", "kind"),
            [(f"`{name}`", check.about, check.kind or "any") for name, check in CHECKS.items()],
        ),
        "metrics": table(
            ("metric", "what it measures"),
            [(f"`{name}`", about) for name, (_, about) in MEASURES.items()],
        ),
        "library": table(
            ("scenario", "what it measures", "contenders"),
            [(f"`{s.name}`", s.title, ", ".join(c.label for c in s.contenders)) for s in map(load, names())],
        ),
    }


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _keys(keys: Sequence[Key], above: str = "") -> Iterator[tuple[str, str, str]]:
    for key in keys:
        needs = "always" if key.required else f"`{key.needs}`" if key.needs else ""
        yield f"`{above}{key.name}`", key.help, needs
        shape = key.shape
        if isinstance(shape, Fixed):
            yield from _keys(shape.keys, f"{above}{key.name}.")
        elif isinstance(shape, Either) and isinstance(shape.table, MapOf):
            inner = shape.table.value
            if isinstance(inner, Either) and isinstance(inner.table, Fixed):
                yield from _keys(inner.table.keys, f"{above}{key.name}.LABEL.")


def _options(name: str) -> str:
    return "; ".join(
        f"`{option}` {o.help} ({o.least} to {o.most}, {o.default})"
        for option, o in GENERATORS[name].options.items()
    )


def filled(page: str) -> str:
    """The page with its tables as they are now."""
    for mark, made in tables().items():
        before, opening, rest = page.partition(f"<!-- {mark} -->\n")
        after = rest[rest.index(f"<!-- /{mark} -->") :]
        page = f"{before}{opening}{made}\n{after}"
    return page


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text("utf-8")), "utf-8")
