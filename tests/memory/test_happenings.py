"""What happened in many runs, read at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rebut.events import NodeFinished, NodeStarted, Noted
from rebut.memory import happenings
from rebut.memory.store import Store

Make = Callable[..., Any]


async def test_each_run_has_its_events_of_the_wanted_kinds_in_their_order(
    store: Store, start: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(happenings, "CHUNK", 2)
    for run in ("s.b", "s.a", "s.c"):
        journal = await store.begin(start(run))
        journal.event(NodeStarted(run=run, seq=0, node="n", visit=1))
        journal.event(NodeFinished(run=run, seq=1, node="n", visit=1, wrote={"x": ["ž", None]}))
        journal.event(Noted(run=run, seq=2, node="n", what="tie", text="tied"))
        await journal.settle()
        await store.finish(run, status="finished")
    found = await store.happenings(["s.a", "s.b", "s.c", "s.none"], ["node.finished", "noted"])
    assert set(found) == {"s.a", "s.b", "s.c"}
    assert [event["kind"] for event in found["s.a"]] == ["node.finished", "noted"]
    assert found["s.b"][0]["wrote"] == {"x": ["ž", None]}
