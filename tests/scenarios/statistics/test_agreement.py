"""Agreement beyond chance, with the examples of those who proposed it."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rebut.errors import InputError
from rebut.scenarios.statistics import cohen, fleiss, krippendorff

N = None
OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3],
    [N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N],
]
UNITS = list(zip(*OBSERVERS, strict=True))
ratings = st.integers(1, 4)
units = st.lists(st.lists(st.none() | ratings, min_size=2, max_size=4), min_size=1, max_size=10)


@pytest.mark.parametrize(("scale", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_krippendorffs_own_example_with_missing_data(scale: str, alpha: float) -> None:
    found = krippendorff(UNITS, scale)
    assert found is not None and round(found, 3) == alpha


@settings(deadline=None, max_examples=50)
@given(units, st.sampled_from(["nominal", "ordinal", "interval"]))
def test_alpha_is_its_definition_by_the_coincidence_matrix(rows: list[list[int | None]], scale: str) -> None:
    kept = [rated for row in rows if len(rated := [r for r in row if r is not None]) > 1]
    if not kept:
        return
    flat = sorted(rating for row in kept for rating in row)

    def apart(c: int, k: int) -> float:
        if scale == "nominal":
            return c != k
        if scale == "interval":
            return (c - k) ** 2
        low, high = sorted((c, k))
        between = sum(low <= rating <= high for rating in flat)
        return (between - (flat.count(c) + flat.count(k)) / 2) ** 2 if c != k else 0

    observed = sum(apart(c, k) / (len(row) - 1) for row in kept for c in row for k in row) / len(flat)
    expected = sum(apart(c, k) for c in flat for k in flat) / (len(flat) * (len(flat) - 1))
    assert krippendorff(rows, scale) == (pytest.approx(1 - observed / expected) if expected else None)


def test_full_agreement_is_1_and_no_variation_is_undefined() -> None:
    assert krippendorff([["a", "a"], ["b", "b", None]]) == 1
    assert krippendorff([["a", "a"], ["a", "a"]]) is None
    assert krippendorff([[2, 2], [2, 2]], "ordinal") is None
    assert cohen("aab", "aab") == 1
    assert cohen("aaa", "aaa") is None
    assert fleiss(["aaa", "bbb"]) == 1
    assert fleiss(["aa", "aa"]) is None


def test_cohens_kappa_by_hand() -> None:
    # of 50: 20 both yes, 15 both no, 5 and 10 apart: p_o = .7, p_e = .5 x .6 + .5 x .4 = .5
    first = "y" * 20 + "n" * 15 + "y" * 5 + "n" * 10
    second = "y" * 20 + "n" * 15 + "n" * 5 + "y" * 10
    assert cohen(first, second) == pytest.approx(0.4)


def test_weights_forgive_what_is_near() -> None:
    near, far = [1, 2, 3, 2, 1], [1, 2, 3, 1, 3]
    mild = cohen([1, 2, 3, 3, 1], near, weights="quadratic")
    hard = cohen([1, 2, 3, 3, 1], far, weights="quadratic")
    assert mild is not None and hard is not None and mild > hard
    assert cohen([1, 2, 2, 1], [1, 2, 1, 1], weights="linear") == pytest.approx(cohen("1221", "1211"))


def test_fleiss_own_example() -> None:
    table = [
        (0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1),
        (7, 7, 0, 0, 0), (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7),
    ]  # fmt: skip
    rows = [[k for k, times in enumerate(counts) for _ in range(times)] for counts in table]
    found = fleiss(rows)
    assert found is not None and round(found, 3) == 0.210


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(ratings, ratings), min_size=1, max_size=20))
def test_raters_are_alike_to_cohen(pairs: list[tuple[int, int]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    for weights in ("none", "linear", "quadratic"):
        one, other = cohen(first, second, weights=weights), cohen(second, first, weights=weights)
        assert one == pytest.approx(other) if one is not None else other is None


@pytest.mark.parametrize(
    ("rows", "scale", "said"),
    [
        ([], "nominal", "units is empty"),
        ([["a"], [None, "b"]], "nominal", "no unit has two ratings"),
        ([["a", "b"]], "interval", "a rating on this scale must be a number: 'a'"),
        ([["a", "b"]], "ratio", r"unknown scale: 'ratio' \(possible: nominal, ordinal, interval\)"),
        ([[1, float("nan")]], "ordinal", "must be finite: nan"),
        ([["a", float("nan")]], "nominal", "a rating is missing: nan"),
        ([[["a"], ["b"]]], "nominal", "cannot be a rating"),
    ],
)
def test_units_that_cannot_be_rated_are_refused(
    rows: Sequence[Sequence[Hashable]], scale: str, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        krippendorff(rows, scale)


def test_kappas_refuse_what_is_missing() -> None:
    with pytest.raises(InputError, match=r"second\[1\] is missing: None"):
        cohen(["a", "b"], ["a", None])
    with pytest.raises(InputError, match="first is empty"):
        cohen([], [])
    with pytest.raises(InputError, match="differ in length: 2 and 1"):
        cohen("ab", "a")
    with pytest.raises(InputError, match="a weighted rating must be a number: 'a'"):
        cohen("aa", "aa", weights="linear")
    with pytest.raises(InputError, match=r"units\[1\] and units\[0\] differ in length: 3 and 2"):
        fleiss(["ab", "abc"])
    with pytest.raises(InputError, match=r"units\[0\] must be a sequence of values, not NoneType"):
        krippendorff([None])  # type: ignore[list-item]
    with pytest.raises(InputError, match="second must be a sequence of values, not NoneType"):
        cohen("a", None)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"units\[0\] has only 1"):
        fleiss([["a"]])
