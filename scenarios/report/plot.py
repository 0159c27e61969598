"""Where things stand in a plot of accuracy against cost: plain numbers, which the page draws as SVG."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from ..measures.price import Priced, frontier
from ..statistics.means import Interval

WIDTH, HEIGHT = 480.0, 320.0
LEFT, RIGHT, TOP, BOTTOM = 52.0, 14.0, 12.0, 46.0
LOG_FROM = 4.0
"""Costs that differ by this factor are drawn on a log scale."""
_AWAY = 13.0


@dataclass(frozen=True, slots=True)
class Axis:
    """A scale from values to places: `low` stands at `start`, `high` at `end`."""

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...]
    log: bool = False

    def place(self, value: float) -> float:
        """Where a value stands.

        >>> Axis(1, 100, 0, 200, (), log=True).place(10), Axis(0, 1, 100, 0, ()).place(0.25)
        (100.0, 75.0)
        """
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What is drawn of an entrant: `cost` is that of a trial, `right` a share with its `interval`."""

    number: int
    label: str
    right: float
    interval: Interval
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """An offer at its place. `best`: it is on the frontier. The number stands at `number_x`, `number_y`."""

    offer: Offer
    x: float
    y: float
    low: float
    high: float
    best: bool
    number_x: float
    number_y: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """A plot; `steps` is the frontier as the points of a line, `x` and `y` its axes."""

    x: Axis
    y: Axis
    marks: tuple[Mark, ...]
    steps: tuple[tuple[float, float], ...]


def plot(offers: Sequence[Offer]) -> Plot | None:
    """The plot of some offers; None where there is none, or nothing costs anything."""
    if not offers or not any(offer.cost > 0 for offer in offers):
        return None
    x, y = cost_axis([offer.cost for offer in offers]), share_axis([offer.interval for offer in offers])
    best = [offer.name for offer in frontier([Priced(str(o.number), o.right, o.cost) for o in offers])]
    places = {offer.number: (x.place(offer.cost), y.place(offer.right)) for offer in offers}
    taken = list(places.values())
    marks: list[Mark] = []
    for offer in offers:
        at = places[offer.number]
        beside = _beside(at, taken)
        taken.append(beside)
        marks.append(
            Mark(
                offer=offer,
                x=at[0],
                y=at[1],
                low=y.place(offer.interval.low),
                high=y.place(offer.interval.high),
                best=str(offer.number) in best,
                number_x=beside[0],
                number_y=beside[1],
            )
        )
    return Plot(x=x, y=y, marks=tuple(marks), steps=_steps([places[int(name)] for name in best]))


def _steps(points: Sequence[tuple[float, float]]) -> tuple[tuple[float, float], ...]:
    """As stairs: what a point offers holds until the next one's cost, and the last to the plot's end."""
    line: list[tuple[float, float]] = []
    for i, (x, y) in enumerate(points):
        until = points[i + 1][0] if i + 1 < len(points) else WIDTH - RIGHT
        line += [(x, y), (until, y)]
    return tuple(line)


def _beside(at: tuple[float, float], taken: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The place around a point where a number is farthest from what stands there; the first that is free."""
    ways = [(math.cos(turn), -math.sin(turn)) for turn in (k * math.pi / 4 for k in (1, 7, 3, 5, 0, 4))]
    spots = [(at[0] + far * dx, at[1] + far * dy) for far in (_AWAY, 2 * _AWAY, 3 * _AWAY) for dx, dy in ways]
    inside = [s for s in spots if LEFT + 6 < s[0] < WIDTH - 6 and TOP <= s[1] < HEIGHT - BOTTOM - 6] or spots
    rooms = [min((math.dist(spot, one) for one in taken), default=_AWAY) for spot in inside]
    free = next((spot for spot, room in zip(inside, rooms, strict=True) if room >= _AWAY - 0.1), None)
    return free or inside[rooms.index(max(rooms))]


def share_axis(intervals: Sequence[Interval]) -> Axis:
    """From below the least to above the highest end, at whole tenths, at least .2 wide."""
    low = math.floor(10 * min(i.low for i in intervals) + 1e-9)
    high = math.ceil(10 * max(i.high for i in intervals) - 1e-9)
    while high - low < 2:
        low, high = max(0, low - 1), min(10, high + 1)
    step = 1 if high - low <= 5 else 2
    ticks = tuple(k / 10 for k in range(low, high + 1) if (k - low) % step == 0)
    return Axis(low / 10, high / 10, HEIGHT - BOTTOM, TOP, ticks)


def cost_axis(costs: Sequence[float]) -> Axis:
    """From 0, or on a log scale where all cost something and the dearest `LOG_FROM` times the cheapest."""
    start, end = LEFT, WIDTH - RIGHT
    least, most = min(costs), max(costs)
    if least > 0 and most / least >= LOG_FROM:
        room = (most / least) ** 0.08
        low, high = least / room, most * room
        return Axis(low, high, start, end, _decades(low, high), log=True)
    ticks = _even(most * 1.1)
    return Axis(0.0, most * 1.1, start, end, ticks)


def _decades(low: float, high: float) -> tuple[float, ...]:
    """1, 2 and 5 of each power of ten; where that is too many, the powers alone."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    fine = [m * 10.0**k for k in powers for m in (1, 2, 5) if low <= m * 10.0**k <= high]
    coarse = [10.0**k for k in powers if low <= 10.0**k <= high]
    return tuple(fine if len(fine) <= 7 or len(coarse) < 2 else coarse[:: 1 + len(coarse) // 8])


def _even(high: float) -> tuple[float, ...]:
    """Up to six whole steps from 0."""
    unit = 10.0 ** math.floor(math.log10(high))
    step = next(m * unit for m in (0.1, 0.2, 0.5, 1, 2) if high / (m * unit) <= 6)
    return tuple(step * k for k in range(int(high / step) + 1))
