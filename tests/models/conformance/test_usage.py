"""What is counted is what the engine counted."""

from __future__ import annotations

from rebut.models.wire import Message

from .subject import LIST, QUESTION, Subject


async def test_tokens_are_counted_as_the_engine_counts_them(subject: Subject) -> None:
    turns = (Message("system", "Be brief."), Message("user", "How do you do?"))
    usage = (await subject.answer(*turns)).usage
    assert usage.prompt > 0 and usage.completion > 0
    assert (usage.calls, usage.requests) == (1, 1)
    if subject.count is not None:
        assert usage.prompt == await subject.count(turns)


async def test_several_completions_are_that_many_calls_on_one_prompt(subject: Subject) -> None:
    options = {"max_tokens": 5, "temperature": 1.0, "seed": 1, "extra": subject.endless}
    one = (await subject.answer(LIST, **options)).usage
    response = await subject.answer(LIST, n=3, **options)
    usage = response.usage
    if subject.can.n:
        assert (usage.calls, usage.prompt) == (3, one.prompt)
    if subject.can.n and subject.writes:
        assert usage.completion == 15
    assert len(response.completions) <= usage.calls == 3


async def test_a_stream_is_counted_like_a_reply_in_one_piece(subject: Subject) -> None:
    plain = (await subject.answer(LIST)).usage
    streamed = (await subject.heard(LIST))[0].usage
    assert streamed.completion == plain.completion
    assert streamed.prompt == plain.prompt or (streamed.prompt > 0 and not subject.counts_streams)


async def test_a_prompt_that_was_read_lately_is_read_from_the_cache(subject: Subject) -> None:
    long = Message("system", "You know a great deal about fruit and about roots. " * 8)
    first = (await subject.answer(long, "Name a red one.", max_tokens=2)).usage
    again = (await subject.answer(long, "Name a green one.", max_tokens=2)).usage
    assert 0 <= first.cached <= first.prompt and 0 <= again.cached <= again.prompt
    if subject.can.prefix_cache:
        assert again.cached > 0.6 * first.prompt


async def test_what_costs_nothing_is_said_to_cost_nothing(subject: Subject) -> None:
    usage, price = (await subject.answer(QUESTION)).usage, subject.backend.price(subject.model)
    if price is None:
        assert usage.usd is None
    else:
        assert usage.usd is not None
        assert abs(usage.usd - usage.prompt * price[0] - usage.completion * price[1]) < 1e-9
