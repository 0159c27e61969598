"""Calls that are given up, too late, or asked of a back end that was closed."""

from __future__ import annotations

import asyncio
import time

import pytest

from rebut.errors import ModelTimeout, RebutError
from rebut.models.wire import Request, Response

from .subject import Subject

PATIENCE = 20.0


async def settled(subject: Subject) -> float:
    """Seconds until the back end has nothing to do."""
    began = time.perf_counter()
    while subject.idle is not None and not await subject.idle():
        assert time.perf_counter() - began < PATIENCE, "it is still busy"
        await asyncio.sleep(0.01)
    return time.perf_counter() - began


def endless(subject: Subject, **options: float) -> Request:
    """A question whose answer takes many seconds, also where a script speaks."""
    return subject.ask("Tell me everything.", max_tokens=900, extra=subject.endless, **options)


def start(subject: Subject, request: Request) -> asyncio.Task[Response]:
    """The call as a task; with a listener where the back end is left only while it streams."""
    sink = None if subject.left_at_any_time else lambda i, t: None
    return asyncio.create_task(subject.backend.complete(request, sink))


async def test_cancelling_frees_the_back_end(subject: Subject) -> None:
    await subject.answer(max_tokens=1)
    many = min(subject.can.concurrency, 4)
    request = endless(subject)
    tasks = [start(subject, request) for _ in range(many)]
    await asyncio.sleep(0.4)
    assert subject.idle is None or not await subject.idle()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert all(task.cancelled() for task in tasks)
    assert await settled(subject) < 10
    began = time.perf_counter()
    assert await subject.text()
    assert time.perf_counter() - began < 10  # the four would have taken much longer


async def test_cancelling_a_call_that_waits_or_was_only_just_made(subject: Subject) -> None:
    request = endless(subject)
    waiting = [start(subject, request) for _ in range(12)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0.1)
    for task in reversed(waiting):
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert all(task.cancelled() for task in waiting)
    await settled(subject)
    assert await subject.text()


async def test_no_task_is_left_behind(subject: Subject) -> None:
    await subject.answer(max_tokens=1)
    before = len(asyncio.all_tasks())
    request = endless(subject)
    task = start(subject, request)
    await asyncio.sleep(0.1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await settled(subject)
    await asyncio.sleep(0.05)
    assert len(asyncio.all_tasks()) <= before


async def test_a_call_that_takes_too_long_is_a_timeout_and_ends(subject: Subject) -> None:
    await subject.answer(max_tokens=1)  # the time of a call does not count what starts
    request = endless(subject, timeout=0.3)
    began = time.perf_counter()
    with pytest.raises(ModelTimeout) as late:
        await start(subject, request)
    assert time.perf_counter() - began < 15  # the request asked for more than minutes would write
    assert late.value.retryable
    assert late.value.model == subject.model
    await settled(subject)


async def test_a_stream_that_takes_too_long_is_a_timeout(subject: Subject) -> None:
    request = endless(subject, timeout=0.3)
    with pytest.raises(ModelTimeout):
        await subject.backend.complete(request, lambda i, t: None)
    await settled(subject)


async def test_a_back_end_that_was_never_used_can_be_closed_twice(subject: Subject) -> None:
    fresh = subject.fresh()
    await fresh.close()
    await fresh.close()


async def test_a_closed_back_end_answers_anew_or_says_that_it_is_closed(subject: Subject) -> None:
    fresh = subject.fresh()
    request = subject.ask(max_tokens=2)
    if subject.after_close:
        await fresh.complete(request)
    await fresh.close()
    await fresh.close()
    if subject.after_close:
        try:
            response = await fresh.complete(request)
            assert response.completions[0].text
        except RebutError as closed:
            assert "closed" in str(closed)
        await fresh.close()
    assert await subject.text()  # the other instance goes on
