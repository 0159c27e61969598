"""What agents answered, in the form that the measures read."""

from __future__ import annotations

import pytest

from rebut.errors import InputError
from rebut.scenarios.measures import Deliberation
from rebut.scenarios.measures.deliberation import aligned


def test_equivalent_answers_become_one_and_the_gold_answers_own() -> None:
    found = Deliberation.of([["5.0", "7", None], ["$5", "7.0", " "]], "5", "number")
    assert found.rounds == (("5", "7", None), ("5", "7", None))
    assert found.right(1) == (True, False, False)


def test_answers_are_compared_without_a_gold_answer_too() -> None:
    found = Deliberation.of([["yes", "Yes."], ["no", "yes"]], None, "yesno")
    assert found.rounds[0][0] == found.rounds[0][1] == found.rounds[1][1]
    with pytest.raises(InputError, match="give its gold answer"):
        found.right(0)


def test_an_item_that_ended_early_keeps_its_last_round() -> None:
    short, long = Deliberation((("a",),)), Deliberation((("a",), ("b",)))
    assert short.until(3).rounds == (("a",), ("a",), ("a",))
    assert long.until(1).rounds == (("a",),)
    assert [len(having) for having in aligned([short, long], carry=False)] == [2, 1]
    assert [len(having) for having in aligned([short, long], carry=True)] == [2, 2]


@pytest.mark.parametrize(
    ("rounds", "gold", "said"),
    [
        ([], "a", "at least one round with one agent"),
        ([[]], "a", "at least one round with one agent"),
        (["ab"], "a", "round 1 must be a sequence of values, not str: 'ab'"),
        ([["a", "b"], ["a"]], "a", "round 2 has 1 answers, round 1 has 2"),
        ([["a", 5]], "a", "answer must be text or None: 5, agent 1 in round 1"),
        ([["a"]], 5, "gold must be a text that is not blank, or None: 5"),
        ([["a"]], " ", "gold must be a text that is not blank, or None: ' '"),
    ],
)
def test_what_is_no_deliberation_is_refused(rounds: list[list[str]], gold: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Deliberation.of(rounds, gold)


def test_an_unknown_kind_of_answer_is_refused() -> None:
    with pytest.raises(InputError, match="unknown answer kind: 'numbr'"):
        Deliberation.of([["a"]], "a", "numbr")
