"""Where the tokens went: by entrant, role, agent and model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ...memory.talks import Turn
from ..runner import Report, by_label


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one agent of an entrant used over all its trials.

    Attributes:
        calls: requests; a sample of several completions is one.
        usd: None where a price is not known.
        share: of the entrant's tokens, in [0, 1].
        start: the shares of those before it, summed.
    """

    role: str
    agent: str
    model: str
    calls: int
    failed: int
    tokens: int
    usd: float | None
    seconds: float
    share: float
    start: float


def spending(report: Report, talks: Mapping[str, Sequence[Turn]]) -> dict[str, list[Spent]]:
    """By entrant, the dearest agent first; entrants whose runs made no call are left out."""
    found = {
        label: _spent([turn for trial in trials for turn in talks.get(trial.run, ())])
        for label, trials in by_label(report).items()
    }
    return {label: rows for label, rows in found.items() if rows}


def _spent(turns: Sequence[Turn]) -> list[Spent]:
    groups: dict[tuple[str, str, str], list[Turn]] = {}
    for turn in turns:
        groups.setdefault((turn.role, turn.agent, turn.model), []).append(turn)
    sums = {key: sum(turn.tokens for turn in group) for key, group in groups.items()}
    whole, start = sum(sums.values()), 0.0
    rows: list[Spent] = []
    for key, group in sorted(groups.items(), key=lambda pair: (-sums[pair[0]], pair[0])):
        share = sums[key] / whole if whole else 0.0
        rows.append(_row(key, group, share, start))
        start += share
    return rows


def _row(key: tuple[str, str, str], group: Sequence[Turn], share: float, start: float) -> Spent:
    usd = [turn.usd for turn in group]
    known = [value for value in usd if value is not None]
    return Spent(
        role=key[0],
        agent=key[1],
        model=key[2],
        calls=len(group),
        failed=sum(bool(turn.error) for turn in group),
        tokens=sum(turn.tokens for turn in group),
        usd=sum(known) if len(known) == len(usd) else None,
        seconds=sum(turn.seconds for turn in group),
        share=share,
        start=start,
    )
