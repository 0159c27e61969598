"""Providers with a protocol of their own that LiteLLM's configurations translate: where they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """A provider that is spoken to through its LiteLLM configuration.

    Attributes:
        base: its URL.
        base_env: variables that say another.
        key_env: variables that hold the key; the first that is set holds.
        path: put behind the URL, with the model's ``{name}`` and the API's ``{version}`` filled in.
        n, logprobs, prefill: what it can do.
    """

    base: str
    base_env: tuple[str, ...]
    key_env: tuple[str, ...]
    path: str = ""
    n: bool = False
    logprobs: bool = False
    prefill: bool = False


_COHERE = Dialect(
    base="https://api.cohere.com/v2/chat",
    base_env=("COHERE_API_BASE",),
    key_env=("COHERE_API_KEY", "CO_API_KEY"),
)

DIALECTS: Mapping[str, Dialect] = {
    "anthropic": Dialect(
        base="https://api.anthropic.com",
        base_env=("ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL"),
        key_env=("ANTHROPIC_API_KEY",),
        path="/v1/messages",
        prefill=True,
    ),
    "gemini": Dialect(
        base="https://generativelanguage.googleapis.com",
        base_env=("GEMINI_API_BASE",),
        key_env=("GEMINI_API_KEY", "GOOGLE_API_KEY"),
        path="/{version}/models/{name}:generateContent",
        n=True,
        logprobs=True,
    ),
    "mistral": Dialect(
        base="https://api.mistral.ai/v1",
        base_env=("MISTRAL_API_BASE", "MISTRAL_AZURE_API_BASE"),
        key_env=("MISTRAL_API_KEY", "MISTRAL_AZURE_API_KEY"),
        path="/chat/completions",
    ),
    "cohere": _COHERE,
    "cohere_chat": _COHERE,
}
