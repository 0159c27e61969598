"""Two sets of trials, compared, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import output

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..scenarios.comparing import Comparison
    from ..scenarios.subsampling import Fewer

LEVEL = 0.05


def told(
    first: str, second: str, pair: Comparison | None, curves: Mapping[str, Sequence[Fewer]] | None = None
) -> None:
    """Print how the second compares with the first, and the items that changed."""
    if pair is None:
        output.tell(f"{first} and {second} have no item in common")
        return
    ends = pair.interval
    sure = "" if ends is None else f" ({100 * ends.low:+.1f} to {100 * ends.high:+.1f})"
    output.say(f"{second} against {first}: {100 * pair.gain:+.1f} points{sure}, p = {pair.p:.2g}")
    won = sum(change.won for change in pair.changed)
    output.say(f"{won} won, {len(pair.changed) - won} lost")
    for line in [*_costs(first, second, pair, curves or {}), *_beside(first, second, pair)]:
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


def _costs(first: str, second: str, pair: Comparison, curves: Mapping[str, Sequence[Fewer]]) -> Iterator[str]:
    """What one side spends more, and what it would have been at equal tokens where that is known."""
    if pair.tokens is None or 0.95 <= pair.tokens <= 1.05:
        return
    yield f"not at equal tokens: {second} takes {pair.tokens:.2g} times those of {first}"
    dear, other = (second, first) if pair.tokens > 1 else (first, second)
    room, right = (pair.tokens_before, pair.before) if pair.tokens > 1 else (pair.tokens_after, pair.after)
    if dear not in curves:
        yield (
            f"what {dear} would have been with as few is not in these trials: give both one budget to "
            "compare them at equal cost"
        )
        return
    fits = [one for one in curves[dear] if one.tokens <= 1.05 * room]
    if not fits:
        yield f"even one vote of {dear} takes more than {other} ({curves[dear][0].tokens:.0f} tokens)"
        return
    best = fits[-1]
    said = f"with {best.votes} of its {curves[dear][-1].votes} votes ({best.tokens:.0f} tokens, {other} takes"
    gap = 100 * (best.right.mean - right)
    yield f"at equal tokens: {dear} {said} {room:.0f}) is right in {best.right.mean:.1%}, {gap:+.1f} points"


def _beside(first: str, second: str, pair: Comparison) -> Iterator[str]:
    """What one must know beside the figures."""
    if pair.changed and pair.p >= LEVEL:
        need = "" if pair.needed is None else f"; about {pair.needed:,} items would tell one of this size"
        yield f"chance could explain the difference over {pair.items} items{need}"
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
    names = (
        "items",
        "before",
        "after",
        "gain",
        "error",
        "interval",
        "p",
        "test",
        "tokens",
        "tokens_before",
        "tokens_after",
        "needed",
    )
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
