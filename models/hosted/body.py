"""A request in the words of OpenAI's chat protocol."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import orjson

from rebut.errors import InputError

from ..journal import CALL_KEY
from ..wire import Message, Request
from .endpoints import Endpoint
from .target import Target

_LOG = logging.getLogger("rebut.models")
_warned: set[str] = set()

IDEMPOTENCY = "idempotency_key"
"""The key of `Request.extra` that becomes a header."""


def idempotency_key(request: Request) -> str | None:
    """What the request says its key is, else the place of the call in its run."""
    return request.extra.get(IDEMPOTENCY) or CALL_KEY.get()


def body_of(request: Request, target: Target, *, stream: bool = False) -> bytes:
    """The JSON body of the request."""
    body: dict[str, Any] = {
        "model": target.name,
        "messages": [words_of(message) for message in request.messages],
    }
    if request.n != 1:
        body["n"] = request.n
    if request.max_tokens is not None:
        body[target.endpoint.most_tokens] = request.max_tokens
    if request.seed is not None:
        body["seed"] = request.seed
    if request.schema is not None:
        body["response_format"] = response_format(request.schema)
    if target.reasons:
        _warn_dropped(request)
    else:
        _add_sampling(body, request, target.endpoint)
    if target.endpoint.prefill and request.messages and request.messages[-1].role == "assistant":
        body["add_generation_prompt"] = False
        body["continue_final_message"] = True
    if stream:
        body["stream"] = True
        body["stream_options"] = {"include_usage": True}
    if request.extra:
        body.update(request.extra)
        body.pop(IDEMPOTENCY, None)
    return as_json(body)


def words_of(message: Message) -> dict[str, Any]:
    """A message in OpenAI's words; pictures stand before the text, so that prompts about one begin alike."""
    if not message.images:
        return {"role": message.role, "content": message.content}
    pictures = [{"type": "image_url", "image_url": {"url": image}} for image in message.images]
    return {"role": message.role, "content": [*pictures, {"type": "text", "text": message.content}]}


def as_json(body: Mapping[str, Any]) -> bytes:
    """The body as bytes.

    Raises:
        InputError: a lone surrogate in a prompt, or something in `extra` that JSON does not know.
    """
    try:
        return orjson.dumps(body)
    except TypeError as error:
        raise InputError(f"the request cannot be written as JSON ({error})") from None


def _add_sampling(body: dict[str, Any], request: Request, endpoint: Endpoint) -> None:
    if request.temperature is not None:
        body["temperature"] = request.temperature
    if request.top_p is not None:
        body["top_p"] = request.top_p
    if request.stop:
        body["stop"] = request.stop
    if request.logprobs is not None:
        body["logprobs"] = True
        if request.logprobs:
            body["top_logprobs"] = _alternatives(request.logprobs, endpoint)


def _alternatives(wanted: int, endpoint: Endpoint) -> int:
    """How many to ask for so that the `wanted` likeliest are among them."""
    return max(wanted, min(wanted + 1, endpoint.most_alternatives)) if endpoint.names_chosen else wanted


def _warn_dropped(request: Request) -> None:
    """Reasoning models refuse sampling options; say once that they are left out."""
    given = {
        "temperature": request.temperature not in (None, 1, 1.0),
        "top_p": request.top_p not in (None, 1, 1.0),
        "stop": bool(request.stop),
        "logprobs": request.logprobs is not None,
    }
    dropped = [name for name, there in given.items() if there]
    if dropped and request.model not in _warned:
        _warned.add(request.model)
        _LOG.warning("%s is a reasoning model: it takes no %s", request.model, ", ".join(dropped))


def response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The option that constrains decoding to a JSON Schema."""
    name = "".join(
        c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in str(schema.get("title", ""))
    )
    wanted = {"name": name[:64] or "reply", "schema": schema, "strict": is_strict(schema)}
    return {"type": "json_schema", "json_schema": wanted}


def is_strict(schema: Any) -> bool:
    """Whether a schema keeps the rules of OpenAI's strict mode: all properties required, none added."""
    if isinstance(schema, list):
        return all(is_strict(part) for part in schema)
    if not isinstance(schema, Mapping):
        return True
    if "properties" in schema and isinstance(schema["properties"], Mapping):
        closed = schema.get("additionalProperties") is False
        if not closed or set(schema.get("required", ())) != set(schema["properties"]):
            return False
    elif schema.get("type") == "object":
        return False
    return all(is_strict(part) for part in schema.values())
