"""Measures of deliberation: who moved whom and whither, judges and routers, and what it was worth."""

from __future__ import annotations

from .changes import Transitions, transitions, transitions_by_round
from .deliberation import Deliberation
from .exchange import FlipMatrix, Influence, RoundAgreement, agreement_by_round, flip_matrix, flips, influence
from .judges import PositionBias, Routing, position_bias, routing
from .price import Priced, Ranked, frontier, ranked
from .rethinking import Correction, correction, correction_of, relative_score

__all__ = [
    "Correction",
    "Deliberation",
    "FlipMatrix",
    "Influence",
    "PositionBias",
    "Priced",
    "Ranked",
    "RoundAgreement",
    "Routing",
    "Transitions",
    "agreement_by_round",
    "correction",
    "correction_of",
    "flip_matrix",
    "flips",
    "frontier",
    "influence",
    "position_bias",
    "ranked",
    "relative_score",
    "routing",
    "transitions",
    "transitions_by_round",
]
