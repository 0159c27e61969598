"""Back-off: jittered, bounded, and obedient to Retry-After."""

from __future__ import annotations

from random import Random

import pytest

from rebut.errors import ModelBusy, ModelError, ModelRefused, ModelTimeout
from rebut.models.retry import Backoff, retry_after


def test_waits_are_drawn_from_ranges_that_double() -> None:
    backoff = Backoff(attempts=10, base=0.5, longest=3.0, random=Random(7))
    for attempt, most in [(1, 0.5), (2, 1.0), (3, 2.0), (4, 3.0), (8, 3.0)]:
        waits = [backoff.wait(attempt, ModelTimeout("slow")) or 0.0 for _ in range(200)]
        assert 0.8 * most < max(waits) <= most
        assert min(waits) < 0.2 * most


def test_the_same_dice_give_the_same_waits() -> None:
    one, two = (Backoff(random=Random(3)) for _ in range(2))
    assert [one.wait(i, ModelTimeout("")) for i in (1, 2, 3)] == [
        two.wait(i, ModelTimeout("")) for i in (1, 2, 3)
    ]


@pytest.mark.parametrize(
    ("attempt", "error", "left"),
    [
        (4, ModelBusy("busy"), None),
        (1, ModelRefused("no"), None),
        (1, ModelBusy("busy", retry_after=10.0), 9.0),
        (1, ModelBusy("busy", retry_after=3600.0), None),
        (1, ModelBusy("busy"), 0.0),
    ],
)
def test_it_gives_up_when_waiting_is_vain(attempt: int, error: ModelError, left: float | None) -> None:
    assert Backoff().wait(attempt, error, left) is None


def test_it_never_asks_sooner_than_the_server_said() -> None:
    assert Backoff(random=Random(1)).wait(1, ModelBusy("busy", retry_after=7.5), 60.0) == 7.5


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": "0.25"}, 0.25),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, 40.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:10 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, now=60.0) == seconds
