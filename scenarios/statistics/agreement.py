"""How far raters agree beyond chance: Cohen's and Fleiss' kappa, Krippendorff's alpha."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from math import fsum
from statistics import fmean

from rebut.errors import InputError

from .checks import alike, chosen, enough, number, sequence
from .ranks import ranks

SCALES = ("nominal", "ordinal", "interval")
WEIGHTS = ("none", "linear", "quadratic")


def cohen(first: Sequence[Hashable], second: Sequence[Hashable], *, weights: str = "none") -> float | None:
    """Cohen's kappa of two raters, (p_o - p_e) / (1 - p_e); None where both gave one same rating throughout.

    With ``linear`` or ``quadratic`` weights disagreement counts by the distance of the ratings, which must
    be numbers: ``1 - sum w O / sum w E``, where the distance is in places among the ratings that occur (so
    1, 2, 5 are as far apart as 1, 2, 3).

    Raises:
        InputError: no ratings, one that is missing, or the two differ in length.

    >>> round(cohen("aabb", "abbb"), 3)
    0.5
    """
    chosen("weights", weights, WEIGHTS)
    pairs = list(zip(*_raters(first, second), strict=True))
    seen = Counter(pairs)
    one, other = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    place = _places(weights, {*one, *other})
    power = {"none": 0, "linear": 1, "quadratic": 2}[weights]

    def apart(a: Hashable, b: Hashable) -> int:
        return 0 if a == b else abs(place[a] - place[b]) ** power

    n = len(pairs)
    expected = sum(one[a] * other[b] * apart(a, b) for a in one for b in other)
    if not expected:
        return None
    return 1 - n * sum(times * apart(a, b) for (a, b), times in seen.items()) / expected


def _raters(first: Sequence[Hashable], second: Sequence[Hashable]) -> tuple[list[Hashable], list[Hashable]]:
    for what, ratings in (("first", first), ("second", second)):
        sequence(what, ratings)
        if not len(ratings):
            raise InputError(f"{what} is empty: at least 1 needed")
        for i, rating in enumerate(ratings):
            _rated(f"{what}[{i}]", rating)
    alike("first", first, "second", second)
    return list(first), list(second)


def _places(weights: str, ratings: Iterable[Hashable]) -> dict[Hashable, int]:
    if weights == "none":
        return dict.fromkeys(ratings, 0)
    for rating in ratings:
        number("a weighted rating", rating)
    return {rating: i for i, rating in enumerate(sorted(ratings, key=lambda r: number("rating", r)))}


def _rated(what: str, rating: object) -> None:
    if rating is None or rating != rating:
        raise InputError(f"{what} is missing: {rating!r}")
    if not isinstance(rating, Hashable):
        raise InputError(f"{what} cannot be a rating: {rating!r}")


def fleiss(units: Sequence[Sequence[Hashable]]) -> float | None:
    """Fleiss' kappa (1971) of as many ratings of each unit; None where all ratings are the same.

    A row of `units` holds the ratings of one unit, by whomever. With n_uk the ratings k of unit u, of n::

        P_u = (sum_k n_uk^2 - n) / (n (n - 1)),  P_e = sum_k p_k^2,  kappa = (mean P_u - P_e) / (1 - P_e)

    Raises:
        InputError: no units, one of another length than the first or of fewer than two ratings, or a rating
            that is missing (use `krippendorff`).
    """
    enough("units", units, 1)
    for i, unit in enumerate(units):
        sequence(f"units[{i}]", unit)
        enough(f"units[{i}]", list(unit), 2)
        alike(f"units[{i}]", unit, "units[0]", units[0])
        for k, rating in enumerate(unit):
            _rated(f"units[{i}][{k}]", rating)
    n, total = len(units[0]), Counter(rating for unit in units for rating in unit)
    chance = fsum((times / (n * len(units))) ** 2 for times in total.values())
    if len(total) == 1:
        return None
    return (fmean(_pairs_alike(unit) for unit in units) - chance) / (1 - chance)


def _pairs_alike(ratings: Sequence[Hashable]) -> float:
    n = len(ratings)
    return sum(times * (times - 1) for times in Counter(ratings).values()) / (n * (n - 1))


def krippendorff(units: Sequence[Sequence[Hashable]], scale: str = "nominal") -> float | None:
    """Krippendorff's alpha, 1 - D_o / D_e: 1 full agreement, 0 as by chance; None where nothing varies.

    A row of `units` holds the ratings of one unit; None is a missing one, and units with fewer than two
    ratings are left out. The distance of two ratings is 0 or 1 (``nominal``), that of the numbers squared
    (``interval``), or that of their middle ranks among all ratings squared (``ordinal``, which is
    Krippendorff's own metric written as one subtraction).

    Raises:
        InputError: no unit with two ratings, an unknown scale, or ratings that are no finite numbers on a
            scale that needs them.

    >>> one, other = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    >>> round(krippendorff(list(zip(one, other))), 3)
    0.095
    """
    chosen("scale", scale, SCALES)
    enough("units", units, 1)
    for i, unit in enumerate(units):
        sequence(f"units[{i}]", unit)
    rated = [[rating for rating in unit if rating is not None] for unit in units]
    kept = [unit for unit in rated if len(unit) > 1]
    if not kept:
        raise InputError("no unit has two ratings")
    return _nominal(kept) if scale == "nominal" else _metric(_scaled(kept, scale))


def _nominal(units: Sequence[Sequence[Hashable]]) -> float | None:
    for rating in (rating for unit in units for rating in unit):
        _rated("a rating", rating)
    total = Counter(rating for unit in units for rating in unit)
    n = sum(total.values())
    expected = n * n - sum(times * times for times in total.values())
    observed = fsum(len(unit) * (1 - _pairs_alike(unit)) for unit in units)
    return 1 - (n - 1) * observed / expected if expected else None


def _scaled(units: Sequence[Sequence[Hashable]], scale: str) -> list[list[float]]:
    plain = [[number("a rating on this scale", rating) for rating in unit] for unit in units]
    if scale == "interval":
        return plain
    middle = iter(ranks([rating for unit in plain for rating in unit]))
    return [[next(middle) for _ in unit] for unit in plain]


def _metric(units: Sequence[Sequence[float]]) -> float | None:
    """Alpha with squared distances: sums over pairs, written as sums of squares about means."""
    ratings = [rating for unit in units for rating in unit]
    expected = _squares(ratings) / (len(ratings) - 1)
    if min(ratings) == max(ratings):
        return None
    observed = fsum(len(unit) * _squares(unit) / (len(unit) - 1) for unit in units) / len(ratings)
    return 1 - observed / expected


def _squares(values: Sequence[float]) -> float:
    middle = fmean(values)
    return fsum((value - middle) ** 2 for value in values)
