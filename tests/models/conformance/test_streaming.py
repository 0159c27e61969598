"""A listener hears all of every text, in order, and changes nothing."""

from __future__ import annotations

import asyncio
import time

from .subject import LIST, Subject


async def test_the_pieces_of_each_completion_give_its_text(subject: Subject) -> None:
    n = 2 if subject.can.n else 1
    response, pieces = await subject.heard(LIST, n=n, temperature=1.0, seed=5)
    texts = {i: c.text for i, c in enumerate(response.completions)}
    if subject.can.stream:
        assert {i: "".join(p) for i, p in pieces.items()} == texts
        assert len(texts) == n
        assert len((await subject.heard(LIST))[1][0]) > 1
    else:
        assert not pieces or {i: "".join(p) for i, p in pieces.items()} == texts


async def test_a_streamed_text_is_the_text(subject: Subject) -> None:
    response, _ = await subject.heard(LIST)
    assert response.completions[0] == await subject.one(LIST)


async def test_nothing_of_a_stop_string_is_heard(subject: Subject) -> None:
    whole = await subject.text(LIST, max_tokens=24)
    stop = whole.split()[3]
    response, pieces = await subject.heard(LIST, max_tokens=24, stop=(stop,))
    heard = "".join(pieces.get(0, [""]))
    assert heard in ("", response.completions[0].text) and stop not in heard
    assert response.completions[0].finish == "stop"


async def test_the_first_piece_comes_before_the_text_is_complete(subject: Subject) -> None:
    times: list[float] = []
    request = subject.ask(LIST, max_tokens=48, extra=subject.endless)
    if subject.can.stream:
        await subject.backend.complete(request, lambda i, t: times.append(time.perf_counter()))
        assert times[0] < time.perf_counter() - 0.03
    else:
        assert (await subject.backend.complete(request)).completions


async def test_nobody_listens_to_a_call_that_was_cancelled(subject: Subject) -> None:
    if not subject.can.stream:
        assert subject.writes is False
        return
    begun, late = asyncio.Event(), [""]

    def hear(index: int, text: str) -> None:
        late.append(text)
        begun.set()

    task = asyncio.create_task(subject.backend.complete(subject.long(), hear))
    await asyncio.wait_for(begun.wait(), 60)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    count = len(late)
    await asyncio.sleep(0.1)
    assert len(late) == count and task.cancelled()
