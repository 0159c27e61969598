"""Functions of the expression language over groups of agents: who reads what of whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rebut.errors import suggest

from .faults import Fault
from .registry import register
from .values import charge, items_of

_READS: dict[str, Callable[[int, int, int], bool]] = {
    "all": lambda me, other, size: True,
    "memory": lambda me, other, size: True,
    "others": lambda me, other, size: other != me,
    "relay": lambda me, other, size: other in (me, (me - 1) % size),
    "ring": lambda me, other, size: other in (me, (me - 1) % size, (me + 1) % size),
    "report": lambda me, other, size: other == me,
}
PROTOCOLS = tuple(_READS)


@register()
def seen_by(items: Any, me: Any, protocol: str = "all") -> list[Any]:
    """The items of a group, one a member, that member `me` reads under a protocol; None for the others.

    ``all`` and ``memory``: everyone's, its own too. ``others``: everyone's but its own. ``relay``: its own
    and that of the member before it. ``ring``: also that of the member behind it. ``report``: its own alone.
    """
    values = list(items_of(items))
    charge(len(values))
    if protocol not in _READS:
        raise Fault(f"unknown protocol: {protocol!r}{suggest(str(protocol), PROTOCOLS)}")
    if not isinstance(me, int) or not 0 <= me < len(values):
        raise Fault(f"{me!r} is no member of a group of {len(values)}")
    reads = _READS[protocol]
    return [item if reads(me, other, len(values)) else None for other, item in enumerate(values)]
