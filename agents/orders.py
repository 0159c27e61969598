"""Two verdicts on one pair, shown in either order, as one: a judge may favour the first place or the last."""

from __future__ import annotations

from collections.abc import Sequence
from math import isclose

from rebut.errors import InputError, suggest
from rebut.records import Label

POLICIES = ("strict", "lenient", "score")
TIE = "tie"


def both_orders(
    straight: Label | None,
    swapped: Label | None,
    policy: str = "strict",
    band: float = 0.0,
    labels: Sequence[str] = ("A", "B"),
) -> str | None:
    """What two verdicts say together, in the places of `straight`: a label, or ``tie``.

    Policies:
        ``strict``: what both say, else a tie.
        ``lenient``: a tie on one side leaves the other's word; two that contradict each other are a tie.
        ``score``: the label of higher mean probability over both orders, by more than `band`, else a tie.
            A verdict without probabilities counts as sure, a tie as one half each.

    Args:
        straight: the first candidate in the first place; `swapped`: in the second.
        labels: that of the first place, and that of the second; any other that is given is a tie.

    Returns:
        None where one of the two is missing: one order alone is what this is to even out.

    Raises:
        InputError: an unknown policy, a negative band, or not two labels.
    """
    if policy not in POLICIES:
        raise InputError(f"unknown policy: {policy!r}{suggest(str(policy), POLICIES)}")
    if not band >= 0:
        raise InputError(f"band must not be negative: {band!r}")
    if len(labels) != 2:
        raise InputError(f"two places have two labels, not {len(labels)}")
    if straight is None or swapped is None:
        return None
    one, two = labels
    if policy == "score":
        first = (_share(straight, one, two) + _share(swapped, two, one)) / 2
        second = (_share(straight, two, one) + _share(swapped, one, two)) / 2
        apart = abs(first - second) > band and not isclose(abs(first - second), band, abs_tol=1e-12)
        return (one if first > second else two) if apart else TIE
    said = _verdict(straight, one, two)
    turned = {one: two, two: one}.get(_verdict(swapped, one, two), TIE)
    if said == turned or (policy == "lenient" and turned == TIE):
        return said
    return turned if policy == "lenient" and said == TIE else TIE


def _verdict(label: Label, one: str, two: str) -> str:
    return label.value if label.value in (one, two) else TIE


def _share(label: Label, mine: str, other: str) -> float:
    if label.probabilities is not None:
        return label.probabilities.get(mine, 0.0)
    return 1.0 if label.value == mine else 0.0 if label.value == other else 0.5


def probability(given: Label | Sequence[Label | None] | None, label: str) -> float | None:
    """The probability of a label: by one verdict, or the mean over several; missing ones are passed over.

    A verdict without probabilities counts 1 for the label that was written and 0 for others, so that the mean
    over several is the share of those who wrote it.

    Returns:
        None where there is no verdict.

    Raises:
        InputError: no such label.
    """
    verdicts = [given] if given is None or isinstance(given, Label) else list(given)
    found = [_of(verdict, label) for verdict in verdicts if verdict is not None]
    return sum(found) / len(found) if found else None


def _of(verdict: Label, label: str) -> float:
    if verdict.probabilities is None:
        return float(verdict.value == label)
    if label not in verdict.probabilities:
        raise InputError(f"no label {label!r}{suggest(label, list(verdict.probabilities))}")
    return verdict.probabilities[label]
