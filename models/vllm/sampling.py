"""A request in the words of vLLM's sampling parameters."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from rebut.errors import suggest

from ..hosted.body import IDEMPOTENCY
from ..wire import Request
from .failures import refused

TEMPLATE = "chat_template_kwargs"
"""The key of `Request.extra` that holds variables for the chat template."""

_EXTRA = (
    "allowed_token_ids",
    "bad_words",
    "frequency_penalty",
    "ignore_eos",
    "include_stop_str_in_output",
    "logit_bias",
    "min_p",
    "min_tokens",
    "presence_penalty",
    "repetition_penalty",
    "skip_special_tokens",
    "stop_token_ids",
    "structured_outputs",
    "thinking_token_budget",
    "top_k",
)
_SEEDS = 1 << 62  # vLLM adds the number of the completion, and takes 64 bits with a sign


def parameters(request: Request, defaults: Mapping[str, Any], most: int) -> dict[str, Any]:
    """The fields of `SamplingParams` for all completions of the request.

    Args:
        defaults: what the model's makers recommend, for what the request does not say.
        most: tokens that the context still has room for.

    Raises:
        ModelRefused: `extra` holds what vLLM does not know.
    """
    optional: dict[str, Any] = {
        "temperature": request.temperature,
        "top_p": request.top_p,
        "stop": list(request.stop) or None,
        "seed": None if request.seed is None else request.seed % _SEEDS,
        "logprobs": request.logprobs,
    }
    chosen = {**defaults, **extra_of(request)}
    chosen.update({name: value for name, value in optional.items() if value is not None})
    tokens = min(request.max_tokens or chosen.get("max_tokens") or most, most)
    chosen["max_tokens"] = tokens
    if "min_tokens" in chosen:
        chosen["min_tokens"] = min(chosen["min_tokens"], tokens)
    if request.schema is not None:
        chosen["structured_outputs"] = {"json": dict(request.schema)}
    chosen["n"] = 1 if chosen.get("temperature") == 0 else request.n
    return chosen


def extra_of(request: Request) -> dict[str, Any]:
    """What the request passes through, without what is not for the sampler.

    Raises:
        ModelRefused: a key that vLLM does not know.
    """
    extra = {k: v for k, v in request.extra.items() if k not in (IDEMPOTENCY, TEMPLATE)}
    for name in extra:
        if name not in _EXTRA:
            raise refused(f"unknown parameter {name!r}{suggest(name, (*_EXTRA, TEMPLATE))}", request.model)
    if extra.get("logit_bias"):
        extra["logit_bias"] = {int(token): float(bias) for token, bias in extra["logit_bias"].items()}
    return extra


def built(chosen: Mapping[str, Any], *, stream: bool) -> Any:
    """vLLM's `SamplingParams`; not to be used twice."""
    module = import_module("vllm.sampling_params")
    fields = dict(chosen)
    if isinstance(structured := fields.get("structured_outputs"), Mapping):
        fields["structured_outputs"] = module.StructuredOutputsParams(**structured)
    kind = module.RequestOutputKind
    return module.SamplingParams(**fields, output_kind=kind.DELTA if stream else kind.FINAL_ONLY)
