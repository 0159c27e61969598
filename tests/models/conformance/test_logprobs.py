"""Log-probabilities are those of what was written."""

from __future__ import annotations

import math

from .subject import LIST, Subject


async def test_the_tokens_give_the_text_and_each_has_its_probability(subject: Subject) -> None:
    response = await subject.answer(LIST, logprobs=3, max_tokens=6)
    completion = response.completions[0]
    if not subject.can.logprobs:
        assert completion.logprobs is None and completion.text.strip()
        return
    assert completion.logprobs is not None
    assert len(completion.logprobs) == response.usage.completion == 6
    assert "".join(p.token for p in completion.logprobs) == completion.text
    for token in completion.logprobs:
        values = [value for _, value in token.top]
        assert len(values) == 3 and values == sorted(values, reverse=True)
        assert token.logprob <= 0 and sum(map(math.exp, values)) <= 1.0001
        assert token.top[0] == (token.token, token.logprob)  # greedy


async def test_the_chosen_tokens_alone(subject: Subject) -> None:
    completion = await subject.one(LIST, logprobs=0, max_tokens=3)
    if subject.can.logprobs:
        assert completion.logprobs is not None and [p.top for p in completion.logprobs] == [(), (), ()]
        assert all(p.logprob <= 0 for p in completion.logprobs)


async def test_they_are_those_of_the_model_not_of_the_temperature(subject: Subject) -> None:
    if not subject.can.logprobs:
        assert (await subject.one(LIST, logprobs=2)).logprobs is None
        return
    cold = await subject.one(LIST, logprobs=2, max_tokens=1)
    warm = await subject.one(LIST, logprobs=2, max_tokens=1, temperature=1.7, seed=3)
    assert cold.logprobs is not None and warm.logprobs is not None
    for (a, x), (b, y) in zip(cold.logprobs[0].top, warm.logprobs[0].top, strict=True):
        assert a == b and abs(x - y) < 0.05


async def test_every_completion_and_every_stream_has_its_own(subject: Subject) -> None:
    options = {"logprobs": 1, "max_tokens": 4, "n": 2, "temperature": 1.0, "seed": 6}
    plain, (streamed, _) = await subject.answer(LIST, **options), await subject.heard(LIST, **options)
    for completion in (*plain.completions, *streamed.completions) if subject.can.logprobs else ():
        assert completion.logprobs is not None
        assert "".join(p.token for p in completion.logprobs) == completion.text


async def test_not_asked_for_is_not_given(subject: Subject) -> None:
    assert (await subject.one()).logprobs is None
