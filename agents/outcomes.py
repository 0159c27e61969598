"""Programs ranked by the tests that they pass: by how many, and by how many programs pass the same ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rebut.errors import InputError

Outcome = Sequence[bool]
"""Of one program: whether it passes each test, in one order for all programs."""


def dual_agreement(outcomes: Sequence[Outcome | None]) -> list[float]:
    """For each program the size of its consensus set, as in CodeT (Chen et al. 2022, arXiv:2207.10397).

    Programs that pass just the same tests form a set; it scores the number of its programs times the number
    of tests that they pass. Tests may be wrong too: a right one is passed by many programs that agree.

    Args:
        outcomes: one for each program; None where it could not be run.

    Returns:
        A score for each program, from 0; that of None is 0.

    Raises:
        InputError: programs that were run on different numbers of tests.

    >>> dual_agreement([[True, True, False], [True, True, False], [True, True, True], None])
    [4.0, 4.0, 3.0, 0.0]
    """
    known = [None if outcome is None else tuple(map(bool, outcome)) for outcome in outcomes]
    counts = {len(outcome) for outcome in known if outcome is not None}
    if len(counts) > 1:
        raise InputError(f"programs were run on different numbers of tests: {sorted(counts)}")
    alike = Counter(outcome for outcome in known if outcome is not None)
    return [0.0 if outcome is None else float(alike[outcome] * sum(outcome)) for outcome in known]
