"""Pictures reach hosted models in the words of their providers, and cost what is held for them."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import pytest

from rebut.models.fitting import IMAGE_TOKENS, prompt_bound
from rebut.models.hosted import HostedBackend
from rebut.models.hosted.body import words_of
from rebut.models.hosted.options import messages_of
from rebut.models.leading import SHARED
from rebut.models.wire import Message, Request
from rebut.settings import Settings

from .fault_server import FaultServer

DATA = "data:image/png;base64,iVBORw0KGgo="
SEEN = Message("user", "What is it?", (DATA, "https://example.org/b.png"))


@contextmanager
def shared(there: int) -> Generator[None]:
    token = SHARED.set(there)
    yield
    SHARED.reset(token)


def test_pictures_stand_before_the_text() -> None:
    assert words_of(Message("user", "plain")) == {"role": "user", "content": "plain"}
    *pictures, text = words_of(SEEN)["content"]
    assert [p["image_url"]["url"] for p in pictures] == list(SEEN.images)
    assert text == {"type": "text", "text": "What is it?"}


async def test_a_server_is_sent_the_picture(server: FaultServer) -> None:
    backend = HostedBackend(Settings(), {"OPENAI_API_KEY": "sk-test"})
    try:
        await backend.complete(Request(model=server.model(), messages=(Message("system", "Look."), SEEN)))
    finally:
        await backend.close()
    system, user = server.bodies[0]["messages"]
    assert system == {"role": "system", "content": "Look."} and user == words_of(SEEN)


def test_a_prompt_with_pictures_is_not_marked_for_the_cache() -> None:
    request = Request(model="anthropic/claude-sonnet-4-5", messages=(Message("system", "x" * 50), SEEN))
    with shared(5000):
        assert messages_of(request) == [words_of(m) for m in request.messages]


@pytest.mark.parametrize(
    ("model", "sees"),
    [("openai/gpt-5-mini", True), ("anthropic/claude-sonnet-4-5", True), ("openai/gpt-3.5-turbo", False),
     ("deepseek/deepseek-chat", False), ("openai/anything@http://127.0.0.1:9/v1", True)],
)  # fmt: skip
def test_who_is_known_to_be_blind_is_not_shown_pictures(model: str, sees: bool) -> None:
    assert HostedBackend(Settings(), {"OPENAI_API_KEY": "sk-test"}).capabilities(model).images is sees


def test_a_budget_holds_tokens_for_pictures() -> None:
    bare, seeing = (
        Request(model="a/b", messages=(message,)) for message in (Message("user", SEEN.content), SEEN)
    )
    assert prompt_bound(seeing) - prompt_bound(bare) == 2 * IMAGE_TOKENS
