"""Prices of hosted models, read from the table that LiteLLM ships, without importing LiteLLM."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson

TABLE = "model_prices_and_context_window_backup.json"
_TIER = re.compile(r"(input|output)_cost_per_token_above_(\d+)k_tokens")


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars a token.

    Attributes:
        cached: for a prompt token that came from the server's prefix cache.
        written: for one that was put into it, where that costs extra; else None.
        tiers: (prompts longer than this many tokens, prompt price, completion price), longest first.
    """

    prompt: float
    completion: float
    cached: float
    tiers: tuple[tuple[int, float, float], ...] = ()
    written: float | None = None

    def of(self, prompt: int, completion: int, cached: int = 0, written: int = 0) -> float:
        """US dollars for a request's tokens; `cached` and `written` are among `prompt`."""
        for above, dear_prompt, dear_completion in self.tiers:
            if prompt > above:
                return prompt * dear_prompt + completion * dear_completion
        more = written * (self.written - self.prompt) if self.written is not None else 0.0
        return (prompt - cached) * self.prompt + cached * self.cached + more + completion * self.completion


def price_of(model: str, overrides: Mapping[str, tuple[float, float]] | None = None) -> Price | None:
    """The price of a model string such as ``openai/gpt-5-mini``; None when not known.

    Args:
        overrides: model string -> (prompt, completion) of the user, which come first.
    """
    if overrides and model in overrides:
        prompt, completion = overrides[model]
        return Price(prompt, completion, prompt)
    if "@" in model:
        return None
    entry = _entry(model)
    return _price(entry) if entry else None


def traits_of(model: str) -> Mapping[str, Any]:
    """What LiteLLM's table says of a model, such as ``supports_assistant_prefill``; empty when nothing."""
    return _entry(model) or {}


def provider_of(name: str) -> str | None:
    """The provider that a bare model name such as ``gpt-5-mini`` is usually had from, or None."""
    entry = price_table().get(name)
    return entry.get("litellm_provider") if entry else None


@lru_cache(maxsize=1)
def price_table() -> Mapping[str, Mapping[str, Any]]:
    """LiteLLM's table of models; empty when LiteLLM is not installed."""
    spec = find_spec("litellm")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / TABLE
        if path.is_file():
            table: dict[str, Mapping[str, Any]] = orjson.loads(path.read_bytes())
            table.pop("sample_spec", None)
            return table
    return {}


def _entry(model: str) -> Mapping[str, Any] | None:
    table = price_table()
    provider, _, name = model.partition("/")
    if found := table.get(model):
        return found
    found = table.get(name)
    return found if found and str(found.get("litellm_provider", "")).startswith(provider) else None


def _price(entry: Mapping[str, Any]) -> Price | None:
    prompt, completion = entry.get("input_cost_per_token"), entry.get("output_cost_per_token")
    if prompt is None or completion is None:
        return None
    cached = entry.get("cache_read_input_token_cost")
    written = entry.get("cache_creation_input_token_cost")
    return Price(
        float(prompt),
        float(completion),
        float(prompt if cached is None else cached),
        _tiers(entry),
        float(written) if written else None,
    )


def _tiers(entry: Mapping[str, Any]) -> tuple[tuple[int, float, float], ...]:
    tiers: dict[int, dict[str, float]] = {}
    for key, value in entry.items():
        if (match := _TIER.fullmatch(key)) and value is not None:
            tiers.setdefault(int(match[2]) * 1000, {})[match[1]] = float(value)
    base = {"input": float(entry["input_cost_per_token"]), "output": float(entry["output_cost_per_token"])}
    rows = (
        (above, t.get("input", base["input"]), t.get("output", base["output"])) for above, t in tiers.items()
    )
    return tuple(sorted(rows, reverse=True))
