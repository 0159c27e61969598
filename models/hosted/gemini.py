"""Gemini's own words where LiteLLM keeps them outside its configuration."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def version(name: str) -> str:
    """The version of the API that serves a model."""
    return "v1alpha" if name.startswith("gemini-3") else "v1beta"


def headers(key: str) -> dict[str, str]:
    """The key travels in a header, never in the URL, which shows up in messages."""
    return {"Content-Type": "application/json", "x-goog-api-key": key}


def body(name: str, messages: list[dict[str, Any]], options: dict[str, Any]) -> dict[str, Any]:
    """The request's body."""
    module = import_module("litellm.llms.vertex_ai.gemini.transformation")
    made = module.transform_request_body(
        messages=messages,
        model=name,
        optional_params=options,
        custom_llm_provider="gemini",
        litellm_params={},
        cached_content=None,
    )
    return dict(made)
