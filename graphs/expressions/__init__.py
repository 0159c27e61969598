"""The expression language of workflow files: Python's look, a white list of its nodes, and no `eval`.

>>> parse("verdict.decided or visits.weigh >= params.rounds").paths
(('verdict', 'decided'), ('visits', 'weigh'), ('params', 'rounds'))
>>> parse("max(x * 2 for x in numbers)")({"numbers": [1, 3]})
6
"""

from __future__ import annotations

from . import (
    deliberation,
    evidence,
    exchange,
    functions,
    judgement,
    marks,
    masking,
    outcomes,
    passages,
    rulings,
    tables,
)
from .expression import Expression, parse
from .faults import ExpressionInvalid
from .registry import FUNCTIONS, Function, register

__all__ = [
    "FUNCTIONS",
    "Expression",
    "ExpressionInvalid",
    "Function",
    "deliberation",
    "evidence",
    "exchange",
    "functions",
    "judgement",
    "marks",
    "masking",
    "outcomes",
    "parse",
    "passages",
    "register",
    "rulings",
    "tables",
]
