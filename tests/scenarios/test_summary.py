"""What trials say: shares with intervals, and pairs against the base."""

from __future__ import annotations

import pytest

from rebut.records import Usage
from rebut.scenarios.runner import Report
from rebut.scenarios.statistics import mcnemar, wilson
from rebut.scenarios.summary import Line, summary
from rebut.scenarios.trials import Trial

from .adder import scenario


def trial(
    label: str, item: int, right: bool, seed: int = 0, group: str = "", usd: float | None = 0.5
) -> Trial:
    usage = Usage(calls=2, prompt=6, completion=4, usd=usd)
    said = "1" if right else None
    return Trial(
        item=str(item), group=group, label=label, seed=seed, run="r", gold=("1",), answer=said, right=right,
        stop="answered", usage=usage, seconds=2.0,
    )  # fmt: skip


def lines(*trials: Trial, labels: tuple[str, ...] = ("solve", "vote")) -> dict[str, Line]:
    return {line.label: line for line in summary(Report(scenario(), labels, list(trials), len(trials)))}


def of(label: str, rights: str, **more: object) -> list[Trial]:
    return [trial(label, i, mark == "1", **more) for i, mark in enumerate(rights)]  # type: ignore[arg-type]


def test_a_line_tells_shares_and_means() -> None:
    found = lines(*of("solve", "1100"), *of("vote", "1110"))
    solve, vote = found["solve"], found["vote"]
    assert (solve.n, solve.right, solve.interval) == (4, 0.5, wilson(2, 4))
    assert (solve.calls, solve.tokens, solve.usd, solve.seconds) == (2, 10, 0.5, 2.0)
    assert (solve.none, solve.failed, solve.cut) == (2, 0, 0)
    assert (solve.gain, solve.p) == (None, None) and vote.gain == 0.25


def test_a_base_is_compared_with_in_pairs() -> None:
    vote = lines(*of("solve", "0000001111"), *of("vote", "1111111110"))["vote"]
    assert vote.gain == pytest.approx(0.5)
    assert vote.p == mcnemar(1, 6).p == vote.p_holm
    assert vote.gain_interval is not None and vote.gain_interval.low < 0.5 < vote.gain_interval.high


def test_only_items_that_both_met_are_compared() -> None:
    vote = lines(*of("solve", "10"), *of("vote", "1111"))["vote"]
    assert (vote.n, vote.right, vote.gain) == (4, 1.0, 0.5)
    alone = lines(*of("vote", "11"))["vote"]
    assert alone.gain is None and alone.p is None


def test_several_comparisons_are_corrected() -> None:
    found = lines(*of("solve", "0" * 12), *of("vote", "1" * 8 + "0" * 4), *of("x", "1" * 6 + "0" * 6),
                  labels=("solve", "vote", "x"))  # fmt: skip
    assert found["vote"].p_holm == pytest.approx(2 * mcnemar(0, 8).p)
    assert found["x"].p_holm == pytest.approx(mcnemar(0, 6).p)


def test_trials_of_one_item_or_group_are_not_counted_as_independent() -> None:
    rights = "1100110010"
    seeds = [trial("solve", i, mark == "1", seed) for seed in range(3) for i, mark in enumerate(rights)]
    once, thrice = lines(*of("solve", rights))["solve"], lines(*seeds)["solve"]
    assert thrice.n == 30 and thrice.right == once.right
    assert thrice.interval.high - thrice.interval.low > 0.5  # as wide as ten items allow, not as thirty would
    assert wilson(15, 30).high - wilson(15, 30).low < 0.36
    grouped = lines(*[trial("solve", i, i < 5, group="ab"[i < 5]) for i in range(10)])["solve"]
    assert grouped.interval == (0.0, 1.0)


def test_a_gain_of_all_items_alike_is_no_chance_where_there_are_several_seeds() -> None:
    def twice(label: str, right: bool) -> list[Trial]:
        return [trial(label, i, right, seed) for i in range(10) for seed in (1, 2)]

    won = lines(*twice("solve", False), *twice("vote", True))["vote"]
    assert (won.gain, won.p) == (1.0, mcnemar(0, 10).p)
    lost = lines(*twice("solve", True), *twice("vote", False))["vote"]
    assert (lost.gain, lost.p) == (-1.0, mcnemar(10, 0).p)
    assert lines(*twice("solve", True), *twice("vote", True))["vote"].p == 1.0


def test_a_price_that_is_not_known_stays_unknown() -> None:
    assert lines(*of("solve", "1", usd=None))["solve"].usd is None
