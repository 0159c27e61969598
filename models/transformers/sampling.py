"""Draws tokens, and reads the distributions that they are drawn from.

All of it is done by the processor in float64, so that the same logits and seed give the same token on every
device, whatever else is in the batch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from ..wire import Request
from .failures import refused

_EXTRAS = ("ignore_eos", "top_k")
_COLDEST = 1e-4  # below it the likeliest token is as good as certain, and quotients overflow


@dataclass(frozen=True, slots=True)
class Taste:
    """How tokens are drawn: temperature 0 takes the likeliest; `top_k` 0 and `top_p` 1 leave nothing out."""

    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    ignore_end: bool = False


def taste_of(request: Request, usual: Any) -> Taste:
    """What a request asks for; where it is silent, what the model's authors recommend.

    Args:
        usual: the generation config of the model.

    Raises:
        ModelRefused: `extra` holds what is not known here, or a number is out of its range.
    """
    if unknown := sorted(set(request.extra) - set(_EXTRAS)):
        raise refused(
            f"{request.model} takes no extra {unknown[0]!r} (possible: {', '.join(_EXTRAS)})", request.model
        )
    temperature = _first(request.temperature, getattr(usual, "temperature", None), 1.0)
    top_p = _first(request.top_p, getattr(usual, "top_p", None), 1.0)
    top_k = request.extra.get("top_k", 0)
    if not (0 <= temperature < math.inf and 0 <= top_p <= 1):
        raise refused(f"temperature {temperature:g}, top_p {top_p:g}: out of range", request.model)
    if not isinstance(top_k, int) or top_k < 0:
        raise refused(f"top_k must be a whole number from 0, not {top_k!r}", request.model)
    return Taste(temperature, top_p, top_k, bool(request.extra.get("ignore_eos")))


def _first(*values: float | None) -> float:
    return float(next(value for value in values if value is not None))


def draw(logits: Any, taste: Taste, generator: Any) -> int:
    """A token from the logits of one position; one number of the generator is used for each."""
    torch = import_module("torch")
    if taste.temperature < _COLDEST:
        return int(torch.argmax(logits))
    weights = torch.softmax(logits.double() / taste.temperature, dim=-1)
    order = None
    if taste.top_p < 1 or taste.top_k:
        weights, order = torch.sort(weights, descending=True, stable=True)
        weights = weights[: taste.top_k or None]
        weights = weights * (torch.cumsum(weights, dim=-1) - weights < taste.top_p)
        weights[0] = weights[0].clamp(min=1e-300)  # top_p 0 leaves the likeliest
    heap = torch.cumsum(weights, dim=-1)
    point = torch.rand(1, generator=generator, dtype=torch.float64) * heap[-1]
    place = int(torch.searchsorted(heap, point, right=True).clamp(max=len(heap) - 1))
    return place if order is None else int(order[place])


def generator(seed: int | None, index: int) -> Any:
    """The source of chance of completion `index`: of its own, so that its neighbours do not matter."""
    torch = import_module("torch")
    source = torch.Generator()
    if seed is None:
        source.seed()
    else:
        source.manual_seed((seed + index) % 2**63)
    return source


def logprobs(logits: Any) -> Any:
    """Natural-log probabilities of the vocabulary at temperature 1, in float64, with nothing left out."""
    return import_module("torch").log_softmax(logits.double(), dim=-1)


def certainty(row: Any) -> float:
    """Self-certainty of one position from its log-probabilities, in nats; as `certainty.of_logprobs`."""
    masked = row.isneginf()
    if bool(masked.any()):
        row = row[~masked]
    return max(0.0, -math.log(len(row)) - float(row.mean()))


def best(row: Any, count: int) -> list[tuple[int, float]]:
    """The likeliest tokens with their log-probabilities, best first."""
    values, ids = row.topk(min(count, len(row)))
    return list(zip(ids.tolist(), values.tolist(), strict=True))
