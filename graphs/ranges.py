"""The values that a called workflow's parameters may have, as far as that is known before a run."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

from rebut.errors import WorkflowError

from .expressions import Expression
from .partial import known
from .spec import CallNode, Param, WorkflowSpec

MOST = 64
"""Combinations of values that are looked at."""


def ranges(node: CallNode, callee: WorkflowSpec, scope: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What a node may give for the parameters that hang on the run: all combinations of each one's choices,
    or of the ends of its range. Parameters that are known are left out.

    Raises:
        WorkflowError: one has neither choices nor a range, or the combinations are too many.
    """
    axes: dict[str, tuple[Any, ...]] = {}
    for name, value in node.params.items():
        if isinstance(value, Expression) and known(value, scope) is None:
            axes[name] = _ends(node, name, callee.params[name])
    found = [
        dict(zip(axes, values, strict=True))
        for values, _ in zip(product(*axes.values()), range(MOST + 1), strict=False)
    ]
    if len(found) > MOST:
        raise WorkflowError(f"too many parameters of node {node.name!r} hang on the run to bound its calls")
    return found


def _ends(node: CallNode, name: str, param: Param) -> tuple[Any, ...]:
    default = param.default
    if param.choices:
        return param.choices
    if isinstance(default, bool):
        return (True, False)
    if not isinstance(default, int | float):
        return (default,)
    if param.max is None:
        raise WorkflowError(
            f"parameter {name!r} that node {node.name!r} gives cannot be bounded before the run (give the "
            f"parameter a max, or let it depend on params alone)"
        )
    least = default if param.min is None else param.min
    return tuple(dict.fromkeys(type(default)(end) for end in (least, param.max)))
