"""How likely each child is, before anything is known of its value."""

from __future__ import annotations

import math
from collections.abc import Sequence


def priors(
    logprobs: Sequence[float | None], kind: str, *, temperature: float = 1.0, mix: float = 0.0
) -> list[float]:
    """A weight for each sibling.

    ``none`` gives 1 each; ``uniform`` equal shares; ``probability`` the units' probabilities to the power
    of 1 / `temperature`, normalised, with a part `mix` shared out evenly (RAIN has 0.25 at the root).
    Where a probability is not known the shares are equal.
    """
    count = len(logprobs)
    if not count:
        return []
    if kind == "none":
        return [1.0] * count
    known = [lp for lp in logprobs if lp is not None]
    if kind == "uniform" or len(known) < count:
        return [1 / count] * count
    top = max(known)
    weights = [math.exp((lp - top) / temperature) for lp in known]
    total = math.fsum(weights)
    return [(1 - mix) * weight / total + mix / count for weight in weights]
