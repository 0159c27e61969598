"""The providers that LiteLLM knows, without importing LiteLLM."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

COMMON = (
    "openai", "anthropic", "gemini", "mistral", "ollama", "hosted_vllm", "openrouter", "groq", "deepseek",
    "azure", "bedrock", "vertex_ai",
)  # fmt: skip
"""What a message names as possible."""

_MEMBER = re.compile(r'^ {4}[A-Z0-9_]+ = "([^"]+)"', re.MULTILINE)


def is_provider(prefix: str) -> bool:
    """Whether a model string may begin with this."""
    return prefix in COMMON or prefix in providers()


@lru_cache(maxsize=1)
def providers() -> tuple[str, ...]:
    """All providers of the LiteLLM that is installed, or the common ones where none is.

    They are read from the text of its enumeration, for importing LiteLLM costs seconds.
    """
    spec = find_spec("litellm")
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        path = Path(folder) / "types" / "utils.py"
        if path.is_file():
            return _members(path.read_text(encoding="utf-8"))
    return COMMON


def _members(source: str) -> tuple[str, ...]:
    _, _, rest = source.partition("\nclass LlmProviders(")
    body = rest.partition("\nclass ")[0]
    return tuple(dict.fromkeys((*COMMON, *_MEMBER.findall(body))))
