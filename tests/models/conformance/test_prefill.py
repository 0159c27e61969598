"""A last assistant message is continued where a back end declares it."""

from __future__ import annotations

import pytest

from rebut.models.wire import Message

from .subject import LIST, Subject


def begun(text: str) -> tuple[Message, Message]:
    return LIST, Message("assistant", text)


async def test_only_what_was_added_comes_back(subject: Subject) -> None:
    whole = await subject.text(LIST, max_tokens=16)
    prefill = whole.partition(whole.split()[2])[0].rstrip()
    added = await subject.text(*begun(prefill), max_tokens=5)
    if not subject.can.prefill:
        assert added.strip()
        return
    assert added.strip() and (prefill + added).split()[:4] == whole.split()[:4], (whole, prefill, added)


async def test_a_listener_hears_only_what_was_added(subject: Subject) -> None:
    response, pieces = await subject.heard(*begun("Here are three of them:"), max_tokens=6)
    heard = "".join(pieces.get(0, []))
    if subject.can.prefill:
        assert heard == response.completions[0].text and not heard.startswith("Here are")


@pytest.mark.parametrize("start", ["It is clear 🗼 that", "Well:\n", "1. Apple\n2. ", "{"])
async def test_every_beginning_can_be_continued(subject: Subject, start: str) -> None:
    completion = await subject.one(*begun(start), max_tokens=4)
    assert completion.finish in ("stop", "length")
    if subject.can.prefill:
        assert not completion.text.startswith(start)


async def test_several_completions_continue_one_beginning(subject: Subject) -> None:
    response = await subject.answer(*begun("My list:"), n=2, temperature=1.0, seed=2, max_tokens=6)
    if subject.can.prefill and subject.can.n:
        assert len(response.completions) == 2
        assert not any(c.text.startswith("My list:") for c in response.completions)
    else:
        assert response.completions
