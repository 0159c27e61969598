"""What changed against the base, and which items are hard."""

from __future__ import annotations

from rebut.scenarios.report.flips import STRIPES, difficulty, flips
from rebut.scenarios.runner import Report
from rebut.scenarios.trials import Trial

from ..adder import scenario


def of(label: str, rights: str, seed: int = 0) -> list[Trial]:
    return [
        Trial(item=f"i{at}", group="", label=label, seed=seed, run="r", gold=("1",), right=mark == "1")
        for at, mark in enumerate(rights)
        if mark != "-"
    ]


def report(*trials: Trial, labels: tuple[str, ...] = ("solve", "vote")) -> Report:
    return Report(scenario(), labels, list(trials), len(trials))


def test_items_won_and_lost_are_counted_and_named() -> None:
    (found,) = flips(report(*of("solve", "110010"), *of("vote", "101011")))
    counts = found.counts
    assert (counts.kept, counts.lost, counts.gained, counts.missed) == (2, 1, 2, 1)
    assert (found.label, found.gained, found.lost) == ("vote", ("i2", "i5"), ("i1",))


def test_only_items_that_both_met_are_compared() -> None:
    (found,) = flips(report(*of("solve", "01-"), *of("vote", "1-1")))
    assert found.counts.n == 1 and found.gained == ("i0",)
    assert flips(report(*of("solve", "1-"), *of("vote", "-1"))) == []
    assert flips(report(*of("vote", "11"))) == [] and flips(report(*of("solve", "11"))) == []


def test_seeds_are_pairs_of_their_own_and_items_named_once() -> None:
    trials = [t for seed in (0, 1) for t in (*of("solve", "0", seed), *of("vote", "1", seed))]
    (found,) = flips(report(*trials))
    assert found.counts.gained == 2 and found.gained == ("i0",)


def test_items_stand_from_the_hardest_to_the_easiest() -> None:
    found = difficulty(report(*of("solve", "1010"), *of("vote", "1110")))
    assert found is not None and found.labels == ("solve", "vote")
    assert found.shares == ((0, 0, 1, 1), (0, 1, 1, 1)) and found.sizes == (1, 1, 1, 1)
    assert (found.everyone, found.nobody, found.items) == (2, 1, 4)


def test_many_items_share_columns_and_none_is_lost() -> None:
    rights = "01" * 125 + "1"
    found = difficulty(report(*of("solve", rights), *of("vote", rights)))
    assert found is not None and len(found.sizes) == STRIPES and sum(found.sizes) == 251
    assert max(found.sizes) - min(found.sizes) == 1
    shares = found.shares[0]
    assert list(shares) == sorted(shares) and shares[0] == 0 and shares[-1] == 1


def test_one_entrant_or_item_tells_nothing_of_difficulty() -> None:
    assert difficulty(report(*of("solve", "1010"))) is None
    assert difficulty(report(*of("solve", "1"), *of("vote", "0"))) is None
    assert difficulty(report(*of("solve", "11--"), *of("vote", "--11"))) is None
