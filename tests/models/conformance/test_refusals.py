"""What cannot be done is an error that says whose fault it is."""

from __future__ import annotations

import re

import pytest

from rebut.errors import InputError, ModelRefused, ModelUnavailable, SettingsError

from .subject import Subject


async def test_a_prompt_that_is_too_long_is_refused_with_both_sizes(subject: Subject) -> None:
    words = 3 * (subject.context or 1000)
    if subject.context is None:
        assert await subject.text("word " * words)
        return
    with pytest.raises(ModelRefused) as refused:
        await subject.answer("word " * words)
    assert not refused.value.retryable and "context" in str(refused.value)
    sizes = [int(n) for n in re.findall(r"\d+", str(refused.value))]
    least = words if subject.counts_long else subject.context + 1
    assert subject.context in sizes and any(size >= least for size in sizes), str(refused.value)
    assert await subject.text()


async def test_a_model_that_nobody_serves_is_named(subject: Subject) -> None:
    if not subject.unknown:
        return
    kinds = (ModelUnavailable, ModelRefused, InputError, SettingsError)
    with pytest.raises(kinds, match=r"nobody|nowhere"):
        await subject.backend.complete(subject.ask(model=subject.unknown))
    assert await subject.text()
