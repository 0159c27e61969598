"""Recommendations: the cheapest that cannot be told from the best, and what is noise."""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean, variance

import pytest

from rebut.errors import InputError
from rebut.records import Usage
from rebut.scenarios.runner import Report
from rebut.scenarios.statistics import items_needed, mcnemar
from rebut.scenarios.trials import Trial
from rebut.scenarios.verdict import recommend

from .adder import scenario


def of(label: str, rights: str, tokens: int = 100, usd: float | None = 0.0) -> list[Trial]:
    usage = Usage(calls=1, prompt=tokens, usd=usd)
    return [
        Trial(
            item=str(i), group="", label=label, seed=0, run=f"{label}{i}", gold=("1",),
            answer=mark, right=mark == "1", stop="answered", usage=usage,
        )
        for i, mark in enumerate(rights)
    ]  # fmt: skip


def report(*trials: list[Trial]) -> Report:
    labels = tuple(dict.fromkeys(t.label for mine in trials for t in mine))
    every = [t for mine in trials for t in mine]
    return Report(scenario(), labels, every, len(every))


def test_the_best_is_taken_where_it_stands_out() -> None:
    verdict = recommend(report(of("plain", "0" * 20, 10), of("vote", "1" * 20, 90)))
    (rival,) = verdict.rivals
    assert (verdict.label, verdict.best, verdict.noise) == ("vote", "vote", False)
    assert (rival.label, rival.behind, rival.p, rival.told_apart) == ("plain", 1.0, mcnemar(20, 0).p, True)


def test_the_cheaper_is_taken_where_noise_would_explain_the_difference() -> None:
    verdict = recommend(report(of("plain", "1110011111", 10), of("vote", "1111011111", 90)))
    assert (verdict.label, verdict.best, verdict.noise) == ("plain", "vote", True)
    assert verdict.detectable is not None and verdict.detectable > 0.1


def test_dollars_go_before_tokens_and_an_unknown_price_is_dear() -> None:
    same = "1" * 8
    paid, free, unknown = of("paid", same, 10, 0.5), of("free", same, 90, 0.0), of("unknown", same, 5, None)
    assert recommend(report(paid, free, unknown)).label == "free"
    assert recommend(report(paid, unknown)).label == "paid"


def test_what_is_over_the_limit_is_left_out() -> None:
    trials = report(of("plain", "0" * 20, 10), of("vote", "1" * 20, 90), of("other", "0" * 20, 20))
    verdict = recommend(trials, tokens=50)
    assert (verdict.label, verdict.left_out) == ("plain", ("vote",))
    with pytest.raises(InputError, match="the cheapest takes 10 tokens a run"):
        recommend(trials, tokens=5)
    with pytest.raises(InputError, match=r"no contender has trials within the limits$"):
        recommend(Report(scenario(), ("plain",)))


def test_one_contender_alone_is_recommended_without_a_comparison() -> None:
    verdict = recommend(report(of("plain", "10")))
    assert (verdict.label, verdict.rivals, verdict.detectable, verdict.noise) == ("plain", (), None, False)


def test_nothing_speaks_for_anyone_where_nobody_is_ever_right() -> None:
    verdict = recommend(report(of("plain", "000", 10), of("vote", "000", 90)))
    assert verdict.hopeless and verdict.label == "plain"
    assert not recommend(report(of("plain", "100"))).hopeless


def test_equals_are_named_and_a_true_difference_would_need_so_many_items() -> None:
    verdict = recommend(report(of("plain", "1110", 10), of("vote", "0111", 40), of("other", "0011", 10)))
    assert (verdict.label, verdict.equals, verdict.right, verdict.items) == ("plain", ("vote",), 0.75, 4)
    vote, other = verdict.rivals
    assert (vote.behind, vote.needed, vote.tokens) == (0.0, None, 4.0)
    gains = [1.0, 1.0, 0.0, -1.0]
    assert other.needed == items_needed(fmean(gains), variance(gains))


def test_shares_are_compared_over_items_that_all_have_met() -> None:
    lucky = of("plain", "101111", 10)
    verdict = recommend(report(lucky, of("vote", "111", 90), of("other", "001", 90)))
    assert (verdict.best, verdict.right, verdict.items, verdict.aside) == ("vote", 1.0, 3, 3)
    assert all(rival.behind >= 0 for rival in verdict.rivals)
    apart = [replace(trial, item=f"x{trial.item}") for trial in of("vote", "111", 90)]
    assert recommend(report(lucky, apart)).aside == 0
