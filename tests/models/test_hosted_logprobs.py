"""Log-probabilities as servers of OpenAI's protocol tell them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from rebut.models.hosted import HostedBackend
from rebut.models.hosted.reply import logprobs_of
from rebut.models.wire import Message, Request, TokenLogprob
from rebut.settings import Settings

from .fault_server import FaultServer


@pytest.fixture
async def backend() -> AsyncIterator[HostedBackend]:
    made = HostedBackend(Settings(), {"OPENAI_API_KEY": "sk-planted", "HOSTED_VLLM_API_KEY": "sk-planted"})
    yield made
    await made.close()


def ask(model: str, logprobs: int) -> Request:
    return Request(messages=(Message("user", "What is six times seven?"),), model=model, logprobs=logprobs)


async def test_log_probabilities_are_read(server: FaultServer, backend: HostedBackend) -> None:
    response = await backend.complete(ask(server.model(), 2))
    assert server.bodies[0]["top_logprobs"] == 2
    top = (("t0", -1.0), ("t1", -2.0))
    assert response.completions[0].logprobs == (
        TokenLogprob("Answer:", -0.5, top),
        TokenLogprob("0", -0.5, top),
    )
    plain = await backend.complete(ask(server.model(), 0))
    assert "top_logprobs" not in server.bodies[1]
    assert plain.completions[0].logprobs == (TokenLogprob("Answer:", -0.5), TokenLogprob("0", -0.5))


async def test_who_names_the_chosen_token_among_the_others_is_asked_for_one_more(
    server: FaultServer, backend: HostedBackend
) -> None:
    model = server.model(provider="hosted_vllm")
    response = await backend.complete(ask(model, 2))
    await backend.complete(ask(model, 20))
    assert [body["top_logprobs"] for body in server.bodies] == [3, 20]
    told = response.completions[0].logprobs
    assert told is not None and told[0].top == (("t0", -1.0), ("t1", -2.0))


def test_the_likeliest_tokens_are_kept_though_the_server_names_the_chosen_one_first() -> None:
    top = [{"token": t, "logprob": p} for t, p in (("x", -3.0), ("a", -0.5), ("b", None))]
    chosen = {"token": "x", "logprob": -3.0, "top_logprobs": top}
    assert logprobs_of([chosen], 2) == (TokenLogprob("x", -3.0, (("a", -0.5), ("x", -3.0))),)
    assert logprobs_of([chosen], 0) == (TokenLogprob("x", -3.0),)
