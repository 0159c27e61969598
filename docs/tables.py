"""Writes the tables of docs/scenarios.md and docs/language.md from what the loaders read by.

python docs/tables.py
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel

from rebut import records
from rebut.agents.roles import RoleBook
from rebut.graphs.expressions.registry import FUNCTIONS
from rebut.graphs.keys import AGENT, BUDGET, NODE_KINDS, PARAM, ROLLOUT, WORKFLOW_KEYS
from rebut.graphs.shapes import Either, Fixed, Key, MapOf
from rebut.scenarios.checkers import CHECKS
from rebut.scenarios.generators import GENERATORS
from rebut.scenarios.keys import SCENARIO
from rebut.scenarios.loader import load, names
from rebut.scenarios.metrics import MEASURES

HERE = Path(__file__).parent
PLAIN = "rebut.graphs.expressions.functions"
RECORDS = (
    "Sample", "Critique", "Verdict", "Candidates", "Score", "Label", "Reply", "Vote", "Tally", "Found",
    "Called",
)  # fmt: skip


def scenarios() -> dict[str, str]:
    """By its mark: each table of the page about scenarios."""
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


def language() -> dict[str, str]:
    """By its mark: each table of the page about workflow files."""
    kinds = {kind: shape.keys for kind, shape in NODE_KINDS.items()}
    parts = {"workflow": WORKFLOW_KEYS.keys, "agent": AGENT.keys, "param": PARAM.keys, "budget": BUDGET.keys}
    return {
        **{part: _told(keys) for part, keys in {**parts, **kinds, "rollout": ROLLOUT.keys}.items()},
        "plain": _functions(plain=True),
        "special": _functions(plain=False),
        "records": table(("record", "what it is", "fields"), list(map(_record, RECORDS))),
        "roles": table(("role", "mode", "what it does", "returns", "facts it needs"), list(_roles())),
    }


PAGES = {"scenarios.md": scenarios, "language.md": language}


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def _keys(keys: Sequence[Key], above: str = "") -> Iterator[tuple[str, str, str]]:
    for key in keys:
        yield f"`{above}{key.name}`", key.help, _needs(key)
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


def _told(keys: Sequence[Key]) -> str:
    rows = [(f"`{key.name}`", key.help, _needs(key)) for key in keys]
    return table(("key", "what it is", "needs"), rows)


def _needs(key: Key) -> str:
    return "always" if key.required else f"`{key.needs}`" if key.needs else ""


def _functions(*, plain: bool) -> str:
    told = [f for f in FUNCTIONS.values() if (f.call.__module__ == PLAIN) == plain]
    return table(("function", "what it gives"), [(f"`{f.usage}`", f.doc) for f in told])


def _record(name: str) -> tuple[str, str, str]:
    record: type[BaseModel] = getattr(records, name)
    about = (inspect.getdoc(record) or "").partition("\n")[0]
    return f"`{name}`", about, ", ".join(f"`{field}`" for field in record.model_fields)


def _roles() -> Iterator[tuple[str, str, str, str, str]]:
    book = RoleBook()
    for role in sorted(book.names()):
        for mode in map(book.role(role).mode, book.role(role).modes):
            returns = mode.returns if isinstance(mode.returns, str) else "a form of its own"
            needs = ", ".join(f"`{name}`" for name in sorted(mode.needs))
            yield f"`{role}`", f"`{mode.name}`", mode.about, returns, needs


def filled(page: str, tables: Mapping[str, str]) -> str:
    """The page with its tables as they are now."""
    for mark, made in tables.items():
        before, opening, rest = page.partition(f"<!-- {mark} -->\n")
        after = rest[rest.index(f"<!-- /{mark} -->") :]
        page = f"{before}{opening}{made}\n{after}"
    return page


if __name__ == "__main__":
    for name, tables in PAGES.items():
        path = HERE / name
        path.write_text(filled(path.read_text("utf-8"), tables()), "utf-8")
