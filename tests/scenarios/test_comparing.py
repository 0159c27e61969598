"""Two sets of trials on the same items: in whatever order, with whatever seeds, and of whatever run."""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean

import pytest

from rebut.errors import InputError
from rebut.scenarios.comparing import compared, matched, no_worse
from rebut.scenarios.statistics import mcnemar, wilson
from rebut.scenarios.trials import Trial

from .test_verdict import of


def seeded(label: str, **rights: str) -> list[Trial]:
    """Trials with the seeds of the names: ``seeded("a", s0="10", s1="11")``."""
    return [replace(t, seed=int(name[1:])) for name, marks in rights.items() for t in of(label, marks)]


def test_the_items_that_changed_are_named_the_lost_ones_first_whatever_the_order() -> None:
    found = compared(of("plain", "1100")[::-1], of("vote", "1010"))
    assert found is not None
    assert [(c.item, c.won, c.runs) for c in found.changed] == [
        ("1", False, ("plain1", "vote1")),
        ("2", True, ("plain2", "vote2")),
    ]
    assert (found.gain, found.p, found.test, found.items) == (0, mcnemar(1, 1).p, "McNemar, exact", 4)
    assert found.needed is None


def test_items_of_one_side_only_are_counted_and_left_out() -> None:
    found = compared(of("a", "1111"), of("b", "10"))
    assert found is not None
    assert (found.items, found.gain, found.matched.first_only, found.matched.second_only) == (2, -0.5, 2, 0)
    assert compared(of("a", "1"), [replace(t, item="x") for t in of("b", "1")]) is None


def test_an_item_with_another_accepted_answer_is_another_item() -> None:
    other = of("b", "11")
    other[1] = replace(other[1], gold=("2",))
    both = matched(of("a", "11"), other)
    assert ([pair.item for pair in both.pairs], both.other_gold) == (["0"], ("1",))


def test_the_same_seeds_are_paired_and_other_seeds_count_with_their_means() -> None:
    same = compared(seeded("a", s0="10", s1="11"), seeded("b", s1="01", s2="00"))
    assert same is not None and same.matched.seeds and same.gain == -0.5
    other = compared(seeded("a", s0="10", s1="11"), seeded("b", s2="00", s3="01"))
    assert other is not None and not other.matched.seeds
    assert other.gain == fmean([0 - 1, 0.5 - 0.5]) and other.test == "normal, clustered errors"


def test_items_that_all_gain_alike_are_told_apart_whatever_the_number_of_seeds() -> None:
    found = compared(seeded("a", s0="0" * 8, s1="0" * 8), seeded("b", s0="1" * 8, s1="1" * 8))
    assert found is not None and (found.gain, found.error) == (1.0, 0.0)
    assert (found.p, found.test) == (mcnemar(0, 8).p, "sign, exact")
    half = compared(seeded("a", s0="0" * 8, s1="0" * 8), seeded("b", s0="1" * 8, s1="0" * 8))
    assert half is not None and (half.gain, half.p) == (0.5, mcnemar(0, 8).p)


def test_tokens_are_held_against_each_other() -> None:
    found = compared(of("a", "11", tokens=50), of("b", "11", tokens=120))
    assert found is not None and found.tokens == 2.4
    free = compared(of("a", "11", tokens=0), of("b", "11"))
    assert free is not None and free.tokens is None


def test_a_difference_tells_how_many_items_would_show_one_of_its_size() -> None:
    found = compared(of("a", "1110000000" * 3), of("b", "1111000000" * 3))
    assert found is not None and found.needed is not None and found.needed > found.items
    more = compared(of("a", "1110000000" * 30), of("b", "1111000000" * 30))
    assert more is not None and more.needed == pytest.approx(found.needed, rel=0.05) and more.p < 0.05


def test_the_same_trials_are_no_worse_and_clearly_lost_ones_are_worse() -> None:
    kept = of("a", "1101" * 10)
    same = no_worse(kept, of("a", "1101" * 10), 0.0)
    assert (same.holds, same.bound, same.sure, same.worse, same.needed) == (True, 0.0, 1.0, False, None)
    lost = no_worse(kept, of("a", "0001" * 10), 0.1)
    assert (lost.holds, lost.worse, lost.gain) == (False, True, -0.5) and lost.sure < 0.01
    won = no_worse(of("a", "0001" * 10), kept, 0.0)
    assert won.holds and won.bound > 0


def test_what_too_few_items_cannot_show_is_not_held_for_shown() -> None:
    found = no_worse(of("a", "1111111111"), of("a", "1111111110"), 0.05)
    assert not found.holds and not found.worse and 0 < found.sure < 1
    assert found.needed is not None and found.needed > found.items
    wide = no_worse(of("a", "1" * 100), of("a", "1" * 99 + "0"), 0.05)
    assert wide.holds and -0.05 < wide.bound < 0
    with pytest.raises(InputError, match="too few items in common to compare: 1"):
        no_worse(of("a", "1"), of("a", "1"), 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("n", [60, 200])
def test_a_loss_as_large_as_the_margin_is_seldom_let_through(n: int) -> None:
    from random import Random

    draw, margin, passed, rounds = Random(3), 0.1, 0, 150
    for _ in range(rounds):
        kept = "".join("1" if draw.random() < 0.6 else "0" for _ in range(n))
        now = "".join("0" if k == "1" and draw.random() < margin / 0.6 else k for k in kept)
        passed += no_worse(of("a", kept), of("a", now), margin).holds
    assert wilson(passed, rounds).low < 0.09
