"""The pictures of calibration stand where the numbers say."""

from __future__ import annotations

import pytest

from rebut.scenarios.confidence import Calibrated
from rebut.scenarios.report.sureness import sure
from rebut.scenarios.statistics import aurc, auroc, brier, ece, reliability, risk_coverage

GIVEN = [0.2, 0.2, 0.6, 0.6, 0.6, 1.0]
RIGHT = [False, False, True, True, False, True]


@pytest.fixture
def one() -> Calibrated:
    return Calibrated(
        label="vote", source="share of the vote", n=6, of=8, confidence=0.53, right=0.5,
        ece=ece(GIVEN, RIGHT), ece_interval=None, brier=brier(GIVEN, RIGHT), brier_interval=None,
        auroc=auroc(GIVEN, RIGHT), auroc_interval=None, aurc=aurc(GIVEN, RIGHT),
        bins=reliability(GIVEN, RIGHT), curve=risk_coverage(GIVEN, RIGHT),
    )  # fmt: skip


def test_a_bar_is_as_high_as_its_bin_is_right_and_the_dot_stands_at_its_confidence(one: Calibrated) -> None:
    found = sure(one)
    low, middle, high = found.bars
    assert low.height == 0 and low.y == found.y.place(0)
    assert middle.height == pytest.approx(2 / 3 * (found.y.place(0) - found.y.place(1)))
    assert [bar.dot for bar in found.bars] == pytest.approx([found.x.place(c) for c in (0.2, 0.6, 1.0)])
    assert middle.radius > low.radius > high.radius > 0
    assert middle.told == "confidence 0.60: 67 % right of 3"


def test_the_curve_ends_where_guessing_is(one: Calibrated) -> None:
    found = sure(one)
    assert found.curve[-1] == (found.x.place(1), found.y.place(0.5))
    assert found.level == found.y.place(0.5)
    assert found.risked.endswith("50 % wrong of the surest 100 %.")
