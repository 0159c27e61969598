"""Places in the plot, worked out by hand: 414 units for costs, 262 for shares."""

from __future__ import annotations

import math

import pytest

from rebut.scenarios.report.plot import HEIGHT, Offer, cost_axis, plot, share_axis
from rebut.scenarios.statistics.means import Interval


def offer(number: int, right: float, cost: float, wide: float = 0.1) -> Offer:
    interval = Interval(max(0.0, right - wide), min(1.0, right + wide))
    return Offer(number=number, label=f"w{number}", right=right, interval=interval, cost=cost)


def test_linear_costs_begin_at_nothing() -> None:
    axis = cost_axis([100.0, 300.0])
    assert not axis.log and [axis.low, axis.high] == pytest.approx([0, 330])
    assert axis.place(0) == 52 and axis.place(330) == pytest.approx(466)
    assert axis.place(165) == pytest.approx((52 + 466) / 2)
    assert axis.ticks == pytest.approx((0, 100, 200, 300))


def test_costs_far_apart_are_drawn_on_a_log_scale() -> None:
    axis = cost_axis([10.0, 1000.0])
    assert axis.log and axis.place(100) == pytest.approx((52 + 466) / 2)
    room = 0.08 / 1.16 * 414
    assert axis.place(10) == pytest.approx(52 + room) and axis.place(1000) == pytest.approx(466 - room)
    assert axis.ticks == pytest.approx((10, 20, 50, 100, 200, 500, 1000))
    assert not cost_axis([0.0, 1000.0]).log and cost_axis([250.0, 1000.0]).log
    assert not cost_axis([251.0, 1000.0]).log


def test_many_decades_have_one_tick_each_and_not_too_many() -> None:
    assert cost_axis([1.0, 1e6]).ticks == pytest.approx([10.0**k for k in range(7)])
    assert len(cost_axis([1e-9, 1e9]).ticks) <= 10


def test_shares_stand_between_whole_tenths() -> None:
    axis = share_axis([Interval(0.42, 0.71), Interval(0.55, 0.90)])
    assert (axis.low, axis.high) == (0.4, 0.9) and axis.ticks == (0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
    assert axis.place(0.4) == 274 and axis.place(0.9) == 12 and axis.place(0.65) == pytest.approx(143)
    assert share_axis([Interval(1.0, 1.0)]).low == 0.8
    assert share_axis([Interval(0.0, 0.0)]).high == 0.2
    assert share_axis([Interval(0.0, 1.0)]).ticks == (0, 0.2, 0.4, 0.6, 0.8, 1.0)


def test_the_frontier_is_a_stair_through_those_that_none_beats() -> None:
    made = plot([offer(1, 0.5, 100), offer(2, 0.8, 200), offer(3, 0.6, 300), offer(4, 0.9, 350)])
    assert made is not None
    assert [mark.best for mark in made.marks] == [True, True, False, True]
    one, two, _, four = ((mark.x, mark.y) for mark in made.marks)
    assert made.steps == (one, (two[0], one[1]), two, (four[0], two[1]), four, (466.0, four[1]))


def test_bars_are_the_intervals() -> None:
    made = plot([offer(1, 0.5, 1), offer(2, 0.7, 2)])
    assert made is not None and (made.y.low, made.y.high) == (0.4, 0.8)
    first = made.marks[0]
    assert (first.low, first.y, first.high) == pytest.approx((274, 274 - 65.5, 274 - 131))


def test_numbers_of_marks_at_one_place_do_not_stand_on_each_other() -> None:
    made = plot([offer(n, 1.0, 10.0) for n in range(1, 7)])
    assert made is not None
    spots = [(mark.number_x, mark.number_y) for mark in made.marks]
    apart = [math.dist(a, b) for i, a in enumerate(spots) for b in spots[:i]]
    assert min(apart) > 8 and all(0 < x < 480 and 0 < y < HEIGHT for x, y in spots)


def test_what_costs_nothing_is_not_drawn() -> None:
    assert plot([]) is None and plot([offer(1, 0.5, 0.0)]) is None
    assert plot([offer(1, 0.5, 0.0), offer(2, 0.6, 5.0)]) is not None
