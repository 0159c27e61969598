"""Answers: how to ask for one, find it in a text, and tell whether two are the same."""

from .equivalence import cluster, correct, equivalent, normalise
from .extraction import extract
from .kinds import KINDS, check_kind, instruction

__all__ = ["KINDS", "check_kind", "cluster", "correct", "equivalent", "extract", "instruction", "normalise"]
