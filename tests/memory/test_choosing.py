"""Dates and ages, and pages of runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

import pytest

from rebut.errors import InputError
from rebut.memory.choosing import Choice, chosen, moment
from rebut.memory.dialect import address
from rebut.memory.reach import reach
from rebut.memory.store import Store
from rebut.memory.values import RunStart
from rebut.testing.databases import Database


def test_a_moment_is_a_date_or_an_age() -> None:
    assert moment("2026-11-21") == datetime(2026, 11, 21).timestamp()
    assert moment("2026-11-21T10:30+00:00") == 1795257000.0
    assert moment("1.5h", now=10_000.0) == 10_000.0 - 5400
    assert moment("2w", now=2e6) == 2e6 - 14 * 86400
    assert abs(moment("30d") - (time.time() - 30 * 86400)) < 5


@pytest.mark.parametrize("text", ["", "yesterday", "30", "d", "-1d", "2026-13-01", "9999999d", "1e9d"])
def test_what_is_neither_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="neither a date nor an age"):
        moment(text)


async def test_runs_come_page_by_page_in_the_order_in_which_they_began(
    where: Database, store: Store, start: Callable[..., RunStart], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rebut.memory.choosing.PAGE", 3)
    names = ["c", "a", "b", "f", "e", "d", "g"]
    for place, name in enumerate(names):
        await store.begin(start(name, started=float(place // 4)))
    with reach(address(where.url), "read") as engine, engine.begin() as connection:
        found = [run.id for run in chosen(connection, Choice())]
    assert found == ["a", "b", "c", "f", "d", "e", "g"]
