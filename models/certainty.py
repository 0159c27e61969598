"""Self-certainty: how far the distribution that a token was drawn from is from uniform (arXiv:2502.18581).

For one position with the log-probabilities ln p_j of all V tokens of the vocabulary it is
KL(uniform || p) = -ln V - (1/V) sum_j ln p_j, in nats: 0 where every token is as likely as any other, and
higher the surer the model is. It wants the model's own distribution, at temperature 1, before any top-p or
top-k; what is known of a few best tokens is not enough, since the sum is over the many unlikely ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence


def of_logprobs(row: Sequence[float]) -> float:
    """The self-certainty of one position, in nats, from the natural-log probabilities of the vocabulary.

    A token that cannot be written at all (log-probability ``-inf``: masked, or a filler of the vocabulary)
    is left out and V is the number of the others; with it the divergence would be infinite for every row.

    >>> round(of_logprobs([math.log(0.5), math.log(0.25), math.log(0.25)]), 4)
    0.0566

    Raises:
        ValueError: the row is empty, holds NaN or ``inf``, or leaves no token that can be written.
    """
    values, total = _finite(row)
    # By Jensen's inequality below 0 only by rounding.
    return max(0.0, -math.log(len(values)) - total / len(values))


def of_logits(row: Sequence[float]) -> float:
    """The same from logits: log-probabilities up to a constant, such as a network's last layer gives.

    >>> of_logits([3.0, 3.0, 3.0]), of_logits([0.0, 5.0, -math.inf]) == of_logits([0.0, 5.0])
    (0.0, True)

    Raises:
        ValueError: as `of_logprobs`.
    """
    values, total = _finite(row)
    most = max(values)
    spread = math.log(math.fsum(math.exp(value - most) for value in values))
    return max(0.0, most + spread - math.log(len(values)) - total / len(values))


def mean(tokens: Sequence[float]) -> float | None:
    """The self-certainty of a text: the mean over its tokens; None where nothing was written."""
    return math.fsum(tokens) / len(tokens) if tokens else None


def _finite(row: Sequence[float]) -> tuple[Sequence[float], float]:
    """What can be written, and its sum."""
    try:
        total = math.fsum(row)
        if math.isinf(total):
            row = [value for value in row if value != -math.inf]
            total = math.fsum(row)
    except (ValueError, OverflowError):  # inf beside -inf, or numbers that no network gives
        total = math.nan
    if not row or not math.isfinite(total):
        raise ValueError("self-certainty needs the finite log-probabilities of at least one token")
    return row, total
