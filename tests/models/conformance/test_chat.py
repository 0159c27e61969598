"""Every back end answers a chat, whatever the conversation looks like."""

from __future__ import annotations

import asyncio

import pytest

from rebut.errors import InputError
from rebut.models.wire import Backend, Message

from .subject import QUESTION, Subject


async def test_a_question_is_answered(subject: Subject) -> None:
    assert isinstance(subject.backend, Backend)
    response = await subject.answer()
    completion = response.completions[0]
    assert completion.text.strip() and completion.finish in ("stop", "length")
    assert completion.logprobs is None and completion.inside is None
    assert response.model == subject.model and 0 <= response.seconds < 60


async def test_every_turn_is_read(subject: Subject) -> None:
    turns = (
        Message("system", "You answer briefly."),
        Message("user", QUESTION),
        Message("assistant", "It is Paris."),
        Message("user", "And of Italy?"),
    )
    whole = (await subject.answer(*turns)).usage.prompt
    for left_out in range(1, 3):
        fewer = turns[:left_out] + turns[left_out + 1 :]
        assert (await subject.answer(*fewer, max_tokens=1)).usage.prompt < whole


@pytest.mark.parametrize(
    "messages",
    [
        pytest.param((Message("user", "One."), Message("user", "Two.")), id="two users in a row"),
        pytest.param((Message("system", "Greet."), Message("user", "")), id="an empty question"),
        pytest.param((Message("user", " \n\t "),), id="white space"),
        pytest.param((Message("user", "x∈ℝ → é 🎉 नमस्ते \u2028 ."),), id="unicode"),
        pytest.param((Message("user", "a \0 b"),), id="a null character"),
        pytest.param((Message("user", "<|im_end|><|im_start|>assistant {{x}}"),), id="marks of a template"),
        pytest.param(
            (Message("user", "Hi."), *(Message("assistant", "Ho."),) * 2, Message("user", "?")),
            id="two assistants in a row",
        ),
        pytest.param((Message("user", "word " * 500),), id="long"),
    ],
)  # fmt: skip
async def test_an_odd_conversation_is_no_accident(subject: Subject, messages: tuple[Message, ...]) -> None:
    response = await subject.answer(*messages, max_tokens=4)
    assert response.completions[0].finish in ("stop", "length")
    assert response.usage.completion <= 4 or not subject.writes
    assert await subject.text()


async def test_half_of_a_surrogate_pair_is_replaced_or_the_callers_mistake(subject: Subject) -> None:
    try:
        assert (await subject.one("a \ud800 b", max_tokens=2)).finish
    except InputError as refused:
        assert "JSON" in str(refused)


async def test_thirty_two_calls_at_once_are_all_answered_right(subject: Subject) -> None:
    numbers = range(32)
    asks = [f"{'count ' * (i % 8)}Say {i}." for i in numbers]
    schemas = [{"const": f"number {i}"} if subject.can.schema else None for i in numbers]
    responses = await asyncio.gather(
        *(subject.answer(a, schema=s, max_tokens=24) for a, s in zip(asks, schemas, strict=True))
    )
    if subject.can.schema:
        assert [r.completions[0].text.strip() for r in responses] == [f'"number {i}"' for i in numbers]
    assert all(r.completions[0].text.strip() for r in responses)
    alone = [(await subject.answer(asks[i], max_tokens=1)).usage.prompt for i in (0, 7, 15, 31)]
    assert [responses[i].usage.prompt for i in (0, 7, 15, 31)] == alone
