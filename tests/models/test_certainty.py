"""Self-certainty as a formula: its bounds, what it does not depend on, and what it refuses."""

from __future__ import annotations

import math
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebut.models.certainty import mean, of_logits, of_logprobs

ROWS = st.lists(st.floats(-60, 60), min_size=1, max_size=60)


def logprobs(logits: list[float]) -> list[float]:
    most = max(logits)
    total = most + math.log(math.fsum(math.exp(x - most) for x in logits))
    return [x - total for x in logits]


def divergence(row: list[float]) -> float:
    """KL(uniform || p) as the textbook writes it."""
    uniform = 1 / len(row)
    return math.fsum(uniform * (math.log(uniform) - value) for value in row)


@given(st.floats(-1e6, 1e6), st.integers(1, 5000))
def test_nothing_is_certain_where_all_tokens_are_as_likely(logit: float, size: int) -> None:
    assert of_logits([logit] * size) == pytest.approx(0.0, abs=1e-9)
    assert of_logprobs([-math.log(size)] * size) == pytest.approx(0.0, abs=1e-9)


@given(ROWS)
def test_it_is_the_divergence_of_the_uniform_from_the_models_own(row: list[float]) -> None:
    expected = divergence(logprobs(row))
    assert of_logits(row) == pytest.approx(expected, abs=1e-9)
    assert of_logprobs(logprobs(row)) == pytest.approx(expected, abs=1e-9)
    assert of_logits(row) >= 0.0


@given(ROWS, st.lists(st.floats(0, 8), min_size=2, max_size=6))
def test_sharper_is_never_less_certain(row: list[float], scales: list[float]) -> None:
    values = [of_logits([x * scale for x in row]) for scale in sorted(scales)]
    assert all(low <= high + 1e-9 for low, high in pairwise(values))


@given(ROWS, st.floats(-1e4, 1e4))
def test_a_constant_beside_all_logits_changes_nothing(row: list[float], shift: float) -> None:
    assert of_logits([x + shift for x in row]) == pytest.approx(of_logits(row), abs=1e-8)


@given(ROWS, st.randoms(use_true_random=False))
def test_the_order_of_the_vocabulary_does_not_matter(row: list[float], random: Random) -> None:
    shuffled = row.copy()
    random.shuffle(shuffled)
    assert of_logits(shuffled) == pytest.approx(of_logits(row), abs=1e-12)


@given(ROWS, st.integers(1, 9))
def test_tokens_that_cannot_be_written_are_no_part_of_the_vocabulary(row: list[float], masked: int) -> None:
    assert of_logits(row + [-math.inf] * masked) == pytest.approx(of_logits(row), abs=1e-12)
    own = logprobs(row)
    assert of_logprobs([-math.inf] * masked + own) == pytest.approx(of_logprobs(own), abs=1e-12)


@pytest.mark.parametrize(
    "row", [[], [-math.inf], [math.nan, 0.0], [math.inf, 0.0], [math.inf, -math.inf], [1e308, 1e308]]
)
def test_what_is_no_distribution_is_refused(row: list[float]) -> None:
    with pytest.raises(ValueError, match="self-certainty needs the finite log-probabilities"):
        of_logits(row)
    with pytest.raises(ValueError, match="self-certainty needs the finite log-probabilities"):
        of_logprobs(row)


def test_a_vocabulary_of_one_is_never_in_doubt() -> None:
    assert of_logits([7.0]) == of_logprobs([0.0]) == 0.0


def test_the_certainty_of_a_text_is_the_mean_over_its_tokens() -> None:
    assert mean((1.0, 2.0, 6.0)) == 3.0
    assert mean(()) is None
