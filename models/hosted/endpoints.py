"""Providers whose servers speak OpenAI's chat protocol as it is: where they are and what they can do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """A server of OpenAI's protocol.

    Attributes:
        base: its URL, or empty when only the environment can tell.
        base_env: variables that say another URL; the first that is set holds.
        key_env: variables that hold the key; the first that is set holds.
        path: what is put behind a URL that does not end with it.
        keyless: whether it is usually run without a key.
        n: whether one request may ask for several completions.
        most_tokens: the name of the option that bounds a completion.
        prefill: whether a last assistant message can be continued (vLLM's own options).
        names_chosen: whether the chosen token is among the alternatives, in place of the least likely one.
        most_alternatives: for each token, as far as the server is known to give.
    """

    base: str = ""
    base_env: tuple[str, ...] = ()
    key_env: tuple[str, ...] = ()
    path: str = ""
    keyless: bool = False
    n: bool = True
    logprobs: bool = True
    most_tokens: str = "max_tokens"
    prefill: bool = False
    names_chosen: bool = False
    most_alternatives: int = 20


ENDPOINTS: Mapping[str, Endpoint] = {
    "openai": Endpoint(
        base="https://api.openai.com/v1",
        base_env=("OPENAI_BASE_URL", "OPENAI_API_BASE"),
        key_env=("OPENAI_API_KEY",),
        most_tokens="max_completion_tokens",
    ),
    "hosted_vllm": Endpoint(
        base_env=("HOSTED_VLLM_API_BASE",),
        key_env=("HOSTED_VLLM_API_KEY",),
        keyless=True,
        prefill=True,
        names_chosen=True,
    ),
    "openai_like": Endpoint(
        base_env=("OPENAI_LIKE_API_BASE",), key_env=("OPENAI_LIKE_API_KEY",), keyless=True
    ),
    "custom_openai": Endpoint(
        base_env=("OPENAI_LIKE_API_BASE",), key_env=("OPENAI_LIKE_API_KEY",), keyless=True
    ),
    "ollama": Endpoint(
        base="http://localhost:11434/v1",
        base_env=("OLLAMA_API_BASE",),
        key_env=("OLLAMA_API_KEY",),
        path="/v1",
        keyless=True,
        n=False,
        logprobs=False,
    ),
    "lm_studio": Endpoint(
        base_env=("LM_STUDIO_API_BASE",),
        key_env=("LM_STUDIO_API_KEY",),
        keyless=True,
        n=False,
        logprobs=False,
    ),
    "llamafile": Endpoint(
        base="http://127.0.0.1:8080/v1",
        base_env=("LLAMAFILE_API_BASE",),
        key_env=("LLAMAFILE_API_KEY",),
        keyless=True,
        n=False,
    ),
    "groq": Endpoint(
        base="https://api.groq.com/openai/v1",
        base_env=("GROQ_API_BASE",),
        key_env=("GROQ_API_KEY",),
        n=False,
        logprobs=False,
    ),
    "openrouter": Endpoint(
        base="https://openrouter.ai/api/v1",
        base_env=("OPENROUTER_API_BASE",),
        key_env=("OPENROUTER_API_KEY",),
        n=False,
    ),
    "together_ai": Endpoint(
        base="https://api.together.ai/v1",
        base_env=("TOGETHER_AI_API_BASE",),
        key_env=("TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHERAI_API_KEY", "TOGETHER_AI_TOKEN"),
    ),
    "deepseek": Endpoint(
        base="https://api.deepseek.com/v1",
        base_env=("DEEPSEEK_API_BASE",),
        key_env=("DEEPSEEK_API_KEY",),
        n=False,
    ),
    "xai": Endpoint(base="https://api.x.ai/v1", base_env=("XAI_API_BASE",), key_env=("XAI_API_KEY",)),
    "cerebras": Endpoint(
        base="https://api.cerebras.ai/v1",
        base_env=("CEREBRAS_API_BASE",),
        key_env=("CEREBRAS_API_KEY",),
        n=False,
    ),
    "nvidia_nim": Endpoint(
        base="https://integrate.api.nvidia.com/v1",
        base_env=("NVIDIA_NIM_API_BASE",),
        key_env=("NVIDIA_NIM_API_KEY",),
        n=False,
    ),
    "litellm_proxy": Endpoint(
        base_env=("LITELLM_PROXY_API_BASE",), key_env=("LITELLM_PROXY_API_KEY",), keyless=True
    ),
}
"""By provider; `ollama` is reached by the OpenAI-compatible half of its server."""

OFFICIAL = "https://api.openai.com/"
"""Below it, models that reason take fewer options."""
