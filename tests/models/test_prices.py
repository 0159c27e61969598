"""Prices from LiteLLM's table, and the user's own."""

from __future__ import annotations

import pytest

from rebut.models.prices import Price, price_of, provider_of


def test_a_model_of_the_table_has_a_price() -> None:
    price = price_of("openai/gpt-4o-mini")
    assert price is not None
    assert (price.prompt, price.completion) == (1.5e-07, 6e-07)
    assert price.cached < price.prompt


def test_the_users_price_is_stronger() -> None:
    assert price_of("openai/gpt-4o-mini", {"openai/gpt-4o-mini": (1e-6, 2e-6)}) == Price(1e-6, 2e-6, 1e-6)


@pytest.mark.parametrize(
    "model", ["openai/no-such", "openai/gpt-4o-mini@http://h/v1", "anthropic/gpt-4o-mini"]
)
def test_what_is_not_known_has_no_price(model: str) -> None:
    assert price_of(model) is None


def test_cached_tokens_are_cheaper_and_long_prompts_dearer() -> None:
    price = Price(2e-6, 10e-6, 0.5e-6, tiers=((200_000, 4e-6, 15e-6),))
    assert price.of(1000, 100, 400) == pytest.approx(600 * 2e-6 + 400 * 0.5e-6 + 100 * 10e-6)
    assert price.of(200_001, 100) == pytest.approx(200_001 * 4e-6 + 100 * 15e-6)


def test_a_bare_name_tells_its_provider() -> None:
    assert provider_of("gpt-4o-mini") == "openai"
    assert provider_of("no-such") is None
