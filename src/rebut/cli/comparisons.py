"""Two sets of trials, compared, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import output

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..scenarios.comparing import Comparison

LEVEL = 0.05


def told(first: str, second: str, pair: Comparison | None) -> None:
    """Print how the second compares with the first, and the items that changed."""
    if pair is None:
        output.tell(f"{first} and {second} have no item in common")
        return
    ends = pair.interval
    sure = "" if ends is None else f" ({100 * ends.low:+.1f} to {100 * ends.high:+.1f})"
    output.say(f"{second} against {first}: {100 * pair.gain:+.1f} points{sure}, p = {pair.p:.2g}")
    won = sum(change.won for change in pair.changed)
    output.say(f"{won} won, {len(pair.changed) - won} lost")
    for line in _beside(first, second, pair):
        output.say(line)
    if pair.changed:
        output.say()
        output.say_table(
            ("ITEM", "", first.upper(), second.upper(), "RUNS"),
            [
                (c.item, "won" if c.won else "lost", str(c.before), str(c.after), " ".join(c.runs))
                for c in pair.changed
            ],
        )


def _beside(first: str, second: str, pair: Comparison) -> Iterator[str]:
    """What one must know beside the figures."""
    if pair.changed and pair.p >= LEVEL:
        need = "" if pair.needed is None else f"; about {pair.needed:,} items would tell one of this size"
        yield f"chance could explain the difference over {pair.items} items{need}"
    if pair.tokens is not None and not 0.95 <= pair.tokens <= 1.05:
        yield (
            f"not at equal tokens: {second} takes {pair.tokens:.2g} times those of {first}; what {first} "
            "would gain from as many is not in these trials (give both one budget to compare at equal cost)"
        )
    both = pair.matched
    if both.first_only or both.second_only:
        yield (
            f"{pair.items} items in common; {both.first_only} only of {first}, {both.second_only} of {second}"
        )
    if both.other_gold:
        names = ", ".join(both.other_gold[:5]) + (", ..." if len(both.other_gold) > 5 else "")
        yield f"left out, as other answers are accepted: {len(both.other_gold)} items ({names})"
    if not both.seeds:
        yield "the seeds differ: each item counts with the mean over its seeds"


def together(found: Sequence[tuple[str, Comparison | None]]) -> None:
    """Print the p values of several comparisons, corrected for being several (Holm)."""
    from ..scenarios.statistics.paired import holm

    pairs = [(name, pair) for name, pair in found if pair is not None]
    corrected = holm([pair.p for _, pair in pairs]) if pairs else ()
    output.say()
    output.say_table(
        ("WORKFLOW", "CHANGE", "P (HOLM)"),
        [
            (name, f"{100 * pair.gain:+.1f}", f"{p:.2g}")
            for (name, pair), p in zip(pairs, corrected, strict=True)
        ],
    )


def as_json(first: str, second: str, pair: Comparison | None) -> dict[str, Any]:
    """A comparison as JSON types; ``pair`` is null where there is no item in common."""
    names = ("items", "before", "after", "gain", "error", "interval", "p", "test", "tokens", "needed")
    changed = [] if pair is None else pair.changed
    return {
        "first": first,
        "second": second,
        "pair": None if pair is None else {name: getattr(pair, name) for name in names},
        "matched": None
        if pair is None
        else {
            name: getattr(pair.matched, name) for name in ("first_only", "second_only", "other_gold", "seeds")
        },
        "changed": [
            {
                "item": c.item,
                "won": c.won,
                "gain": c.gain,
                "before": c.before,
                "after": c.after,
                "runs": c.runs,
            }
            for c in changed
        ],
    }
