"""Levels and priors: what is kept, and how likely each child is."""

from __future__ import annotations

import math
from itertools import combinations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebut.graphs.search import levels
from rebut.graphs.search.prior import priors
from rebut.graphs.search.tree import Tree, TreeNode


def nodes(*values: float | None) -> list[TreeNode]:
    tree = Tree()
    born = [tree.add(tree.root, str(i), str(i)) for i in range(len(values))]
    for node, value in zip(born, values, strict=True):
        node.value = value
    return born


def test_a_beam_keeps_the_best_the_earlier_first_and_nobody_without_a_value() -> None:
    born = nodes(0.2, 0.9, None, 0.9, 0.5)
    assert [n.unit for n in levels.beam(born, 3)] == ["1", "3", "4"]
    assert [n.unit for n in levels.beam(born, 9, 0.5)] == ["1", "3", "4"]
    born[1].closed = True
    assert [n.unit for n in levels.beam(born, 1)] == ["3"]


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=8), st.integers(1, 8))
def test_a_beam_is_a_heaviest_set(values: list[float], keep: int) -> None:
    kept = levels.beam(nodes(*values), keep)
    assert len(kept) == min(keep, len(values))
    heaviest = max(math.fsum(part) for part in combinations(values, len(kept)))
    assert math.fsum(n.value or 0 for n in kept) == pytest.approx(heaviest)


def test_particles_are_drawn_in_proportion() -> None:
    born = nodes(3.0, 1.0, 0.0, None, -2.0)
    drawn = levels.resample(born, 400, Random(1))
    assert [drawn.count(n) for n in born] == [300, 100, 0, 0, 0]


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=6), st.integers(1, 30), st.integers(0, 99))
def test_no_particle_is_drawn_a_whole_time_off_its_share(values: list[float], keep: int, seed: int) -> None:
    born = nodes(*values)
    drawn = levels.resample(born, keep, Random(seed))
    assert len(drawn) == keep
    for node in born:
        share = keep * (node.value or 0) / math.fsum(values)
        assert abs(drawn.count(node) - share) < 1 + 1e-6


def test_particles_of_no_worth_are_equal_and_none_gives_none() -> None:
    born = nodes(0.0, -1.0)
    assert sorted(n.unit for n in levels.resample(born, 4, Random(0))) == ["0", "0", "1", "1"]
    assert levels.resample(nodes(None), 3, Random(0)) == []


def test_the_prior_of_rain_at_its_root() -> None:
    found = priors([math.log(0.6), math.log(0.2)], "probability", mix=0.25)
    assert found == [pytest.approx(0.75 * 0.75 + 0.125), pytest.approx(0.75 * 0.25 + 0.125)]


def test_priors_are_one_each_or_even_or_sharpened() -> None:
    assert priors([None, None], "none") == [1, 1]
    assert priors([-1.0, -9.0], "uniform") == [0.5, 0.5]
    assert priors([-1.0, None], "probability") == [0.5, 0.5]
    assert priors([math.log(0.8), math.log(0.2)], "probability", temperature=0.5)[0] == pytest.approx(16 / 17)
    assert priors([-1e9, -1e9 - 1000], "probability") == [1.0, 0.0]
    assert priors([], "probability") == []
