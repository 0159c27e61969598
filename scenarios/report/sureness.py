"""Where things stand in the pictures of calibration: plain numbers, which the page draws as SVG."""

from __future__ import annotations

from dataclasses import dataclass

from ..confidence import Calibrated
from . import words
from .plot import Axis

SIDE = 240.0
LEFT, BOTTOM, TOP, RIGHT = 44.0, 40.0, 8.0, 12.0
TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A bin of the reliability diagram: `dot` stands at its mean confidence, as large as it holds trials."""

    x: float
    y: float
    width: float
    height: float
    dot: float
    radius: float
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sure:
    """A contender's two pictures; `level` is the height of the risk that guessing has."""

    one: Calibrated
    x: Axis
    y: Axis
    bars: tuple[Bar, ...]
    curve: tuple[tuple[float, float], ...]
    level: float
    told: str
    risked: str


def sure(one: Calibrated) -> Sure:
    """The pictures of a contender's calibration."""
    x = Axis(0.0, 1.0, LEFT, SIDE - RIGHT, TICKS)
    y = Axis(0.0, 1.0, SIDE - BOTTOM, TOP, TICKS)
    most = max(bin.n for bin in one.bins)
    bars = tuple(
        Bar(
            x=x.place(bin.low) + 1,
            y=y.place(bin.accuracy),
            width=x.place(bin.high) - x.place(bin.low) - 2,
            height=y.place(0) - y.place(bin.accuracy),
            dot=x.place(bin.confidence),
            radius=2.5 + 3.5 * (bin.n / most) ** 0.5,
            told=f"confidence {bin.confidence:.2f}: {words.percent(bin.accuracy, 0)} right of {bin.n}",
        )
        for bin in one.bins
    )
    return Sure(
        one=one,
        x=x,
        y=y,
        bars=bars,
        curve=tuple((x.place(point.coverage), y.place(point.risk)) for point in one.curve),
        level=y.place(1 - one.right),
        told="; ".join(bar.told for bar in bars) + ".",
        risked=_risked(one),
    )


def _risked(one: Calibrated) -> str:
    """The curve in words, at a quarter, a half and all of the answers."""
    found: list[str] = []
    for share in (0.25, 0.5, 1.0):
        point = min(one.curve, key=lambda point: abs(point.coverage - share))
        found.append(f"{words.percent(point.risk, 0)} wrong of the surest {words.percent(point.coverage, 0)}")
    return "; ".join(dict.fromkeys(found)) + "."
