from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest

from rebut.errors import JournalDrift
from rebut.memory.recall import Recall
from rebut.memory.values import RecordedCall

Called = Callable[..., RecordedCall]


async def test_outcomes_come_in_the_recorded_order_whatever_the_order_of_asking(called: Called) -> None:
    calls = _numbered(called, "c", "a", "b")
    order = await _order(Recall(calls, strict=False), [calls[1], calls[2], calls[0]])
    assert order == ["c", "a", "b"]


async def test_a_next_call_does_not_overtake_one_that_was_handed_over_before(called: Called) -> None:
    calls = _numbered(called, "a/1", "b/1", "a/2")
    recall = Recall(calls, strict=True)
    order: list[str] = []

    async def chain(*mine: RecordedCall) -> None:
        for call in mine:
            await recall.ask(call.site, call.request)
            order.append(call.site.path)

    await asyncio.gather(chain(calls[0], calls[2]), chain(calls[1]))
    assert order == ["a/1", "b/1", "a/2"]


async def test_a_new_call_waits_until_all_recorded_ones_are_handed_over(called: Called) -> None:
    calls = _numbered(called, "a", "b")
    recall = Recall(calls, strict=False)
    new = called("new")
    waiting = asyncio.create_task(recall.ask(new.site, new.request))
    await recall.ask(calls[0].site, calls[0].request)
    await asyncio.sleep(0.01)
    assert not waiting.done() and recall.left == 1
    await recall.ask(calls[1].site, calls[1].request)
    assert await waiting is None
    assert recall.left == 0


async def test_a_recorded_call_that_is_given_up_does_not_hold_up_the_others(called: Called) -> None:
    first, second = calls = _numbered(called, "a", "b")
    recall = Recall(calls, strict=True)
    waiting = asyncio.create_task(recall.ask(second.site, second.request))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert await recall.ask(first.site, first.request) == first.outcome
    await asyncio.sleep(0)
    assert recall.left == 0
    assert recall.used == {1: True, 2: False}


async def test_in_a_replay_a_call_that_was_cancelled_waits_to_be_cancelled(called: Called) -> None:
    call, lost = called("a"), called("lost")
    recall = Recall([call], strict=True, drift_after=5)
    waiting = asyncio.create_task(recall.ask(lost.site, lost.request))
    await recall.ask(call.site, call.request)
    await asyncio.sleep(0.01)
    assert not waiting.done()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_another_request_at_the_same_path_is_shown_as_a_difference(called: Called) -> None:
    recall = Recall([called("a/1", asked="one\ntwo\nthree")], strict=True)
    asked = called("a/1", asked="one\n2\nthree")
    with pytest.raises(JournalDrift) as drift:
        await recall.ask(asked.site, asked.request)
    assert str(drift.value).splitlines() == [
        "call 'a/1' (node 'a', agent 'ada') asks something else than its journal holds:",
        "--- recorded",
        "+++ asked",
        "@@ -11,4 +11,4 @@",
        " [user]",
        " one",
        "-two",
        "+2",
        " three",
    ]


async def test_other_settings_are_a_difference_too(called: Called) -> None:
    from dataclasses import replace

    call = called("a/1")
    recall = Recall([call], strict=True)
    with pytest.raises(JournalDrift, match=r"-temperature: null\n\+temperature: 0\.5"):
        await recall.ask(call.site, replace(call.request, temperature=0.5))


async def test_a_long_difference_is_cut(called: Called) -> None:
    recall = Recall([called("a/1", asked="\n".join(map(str, range(500))))], strict=True)
    asked = called("a/1", asked="\n".join(map(str, range(1000, 1500))))
    with pytest.raises(JournalDrift, match=r"\.\.\. \(\d+ more lines\)$") as drift:
        await recall.ask(asked.site, asked.request)
    assert len(str(drift.value).splitlines()) < 70


async def test_a_drift_reaches_every_call_that_waits(called: Called) -> None:
    calls = _numbered(called, "a", "b")
    recall = Recall(calls, strict=True)
    waiting = asyncio.create_task(recall.ask(calls[1].site, calls[1].request))
    await asyncio.sleep(0)
    with pytest.raises(JournalDrift):
        await recall.ask(calls[0].site, called("a", asked="else").request)
    with pytest.raises(JournalDrift):
        await waiting


@pytest.mark.parametrize("strict", [True, False])
async def test_a_call_that_is_never_asked_for_is_named(called: Called, strict: bool) -> None:
    recall = Recall(_numbered(called, "a/1", "b/1"), strict=strict, drift_after=0.05)
    asked = [called("b/1"), called("c/1")]
    results = await asyncio.gather(
        *(recall.ask(call.site, call.request) for call in asked), return_exceptions=True
    )
    assert {str(error) for error in results} == {
        "the journal holds call 'a/1' (node 'a', agent 'ada') as number 1, but the run did not ask for it "
        "within 0.05 s; it asked for 'b/1', 'c/1'"
    }
    assert all(isinstance(error, JournalDrift) for error in results)


async def test_a_replay_that_wants_more_than_was_recorded_is_told_where_it_ends(called: Called) -> None:
    recall = Recall([], strict=True, drift_after=0.05)
    asked = called("a/1")
    with pytest.raises(JournalDrift, match=r"the journal ends before 'a/1', and nothing came for 0\.05 s"):
        await recall.ask(asked.site, asked.request)


async def test_movement_puts_the_drift_off(called: Called) -> None:
    calls = _numbered(called, *"abcdef")
    recall = Recall(calls, strict=True, drift_after=0.3)
    last = asyncio.create_task(recall.ask(calls[-1].site, calls[-1].request))
    for call in calls[:-1]:
        await asyncio.sleep(0.08)
        await recall.ask(call.site, call.request)
    assert await last == calls[-1].outcome


def _numbered(called: Called, *paths: str) -> list[RecordedCall]:
    return [called(path, seq=number) for number, path in enumerate(paths, 1)]


async def _order(recall: Recall, asked: Sequence[RecordedCall]) -> list[str]:
    order: list[str] = []

    async def one(call: RecordedCall) -> None:
        assert await recall.ask(call.site, call.request) == call.outcome
        order.append(call.site.path)

    await asyncio.gather(*map(one, asked))
    return order
