"""What llama.cpp's server does differently from OpenAI's protocol."""

from __future__ import annotations

from typing import Any

import pytest

from rebut.models.hosted.llama import count_all, is_llama
from rebut.models.wire import Request


def choice(index: int, text: str, finish: str) -> dict[str, Any]:
    return {"index": index, "message": {"content": text}, "finish_reason": finish}


def test_it_is_known_by_its_header() -> None:
    assert is_llama({"Server": "llama.cpp"}) and not is_llama({"Server": "uvicorn"}) and not is_llama({})


@pytest.mark.parametrize(("most", "tokens"), [(9, 7 + 9 + 4), (None, 7 + 11 + 4)])
def test_the_choices_that_it_does_not_count_are_counted_not_too_low(most: int | None, tokens: int) -> None:
    data = {
        "choices": [choice(0, "x", "stop"), choice(1, "0123456789", "length"), choice(2, "abc", "stop")],
        "usage": {"completion_tokens": 7},
    }
    count_all(data, Request(model="openai/m", messages=(), n=3, max_tokens=most))
    assert data["usage"] == {"completion_tokens": tokens}


@pytest.mark.parametrize("data", [{}, {"usage": 3, "choices": [1, 2]}, {"usage": {}, "choices": "no"}])
def test_nonsense_is_left_for_whoever_reads_the_reply(data: dict[str, Any]) -> None:
    before = dict(data)
    count_all(data, Request(model="openai/m", messages=()))
    assert data == before
