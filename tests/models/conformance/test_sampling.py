"""Every back end draws as it is told: how many, how random, how long, and until what."""

from __future__ import annotations

from rebut.models.gateway import Gateway
from rebut.settings import Settings

from .subject import LIST, QUESTION, Subject


async def test_several_completions_come_of_one_request_or_of_as_many_as_it_takes(subject: Subject) -> None:
    request = subject.ask(LIST, n=3, temperature=1.0, seed=1)
    if subject.can.n:
        direct = await subject.backend.complete(request)
        assert len(direct.completions) == 3 and direct.usage.calls == 3
        if subject.writes:
            assert len({c.text for c in direct.completions}) > 1
    prefix = subject.model.partition("/")[0]
    gateway = Gateway(Settings(), {prefix: Keeping(subject)})
    response, _ = await gateway.complete(request)
    assert len(response.completions) == response.usage.calls == 3
    await gateway.close()


class Keeping:
    """The back end of a subject, which the gateway must not close."""

    def __init__(self, subject: Subject) -> None:
        self.capabilities = subject.backend.capabilities
        self.complete = subject.backend.complete
        self.price = subject.backend.price

    async def close(self) -> None:
        """It is needed later."""


async def test_a_seed_repeats_its_text_and_another_does_not(subject: Subject) -> None:
    async def drawn(seed: int) -> str:
        return await subject.text(LIST, temperature=1.0, seed=seed, max_tokens=16)

    first = await drawn(7)
    if not subject.can.seed:
        assert first.strip()
        return
    assert await drawn(7) == first
    assert len({first, await drawn(8), await drawn(9)}) > 1


async def test_a_seed_repeats_several_completions_too(subject: Subject) -> None:
    async def drawn() -> list[str]:
        response = await subject.answer(LIST, n=2, temperature=1.0, seed=7)
        return [c.text for c in response.completions]

    if subject.can.n and subject.can.seed:
        assert await drawn() == await drawn()
    else:
        assert 1 <= len(await drawn()) <= 2


async def test_without_temperature_a_text_repeats(subject: Subject) -> None:
    texts = [await subject.text(LIST) for _ in range(3)]
    assert len(set(texts)) == 1


async def test_a_nucleus_of_next_to_nothing_is_as_good_as_no_temperature(subject: Subject) -> None:
    text = await subject.text(LIST)
    assert await subject.text(LIST, temperature=1.0, top_p=1e-6, seed=3) == text


async def test_the_text_ends_before_a_stop_string(subject: Subject) -> None:
    whole = await subject.text(LIST, max_tokens=24)
    words = whole.split()
    across = f"{words[2][-1:]} {words[3][:1]}"  # the end of one word and the start of the next
    for stop in ((words[3],), ("never said", words[3]), (across,)):
        cut = await subject.one(LIST, max_tokens=24, stop=stop)
        assert cut.text == whole.partition(stop[-1])[0], stop
        assert cut.finish == "stop"


async def test_a_text_ends_with_its_last_token(subject: Subject) -> None:
    for most in (1, 5):
        response = await subject.answer(LIST, max_tokens=most)
        if subject.writes:
            assert response.completions[0].finish == "length"
            assert response.usage.completion == most


async def test_a_text_that_is_complete_ends_by_itself(subject: Subject) -> None:
    completion = await subject.one(QUESTION, max_tokens=60)
    assert completion.finish == "stop"
    assert not completion.text.endswith(("<|im_end|>", "<|endoftext|>", "</s>"))
