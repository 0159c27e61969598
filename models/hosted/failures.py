"""A refusal or a broken connection, as the error that says whose fault it is and what can be done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from rebut.errors import ModelBusy, ModelError, ModelGarbled, ModelRefused, ModelTimeout, ModelUnavailable

from ..retry import retry_after
from .secrets import scrub

_OVERFLOW = (
    "context length",
    "context_length",
    "context window",
    "context size",
    "maximum context",
    "too many tokens",
    "prompt is too long",
)
_QUOTA = ("insufficient_quota", "credit balance", "exceeded your current quota")


def refusal(
    status: int, raw: bytes, headers: Mapping[str, str], *, model: str, where: str, key: str, key_env: str
) -> ModelError:
    """The error for a status of 300 and above.

    Args:
        where: the server's address, for messages.
        key: what was sent as the key; it is taken out of what the server says.
        key_env: the environment variable that the user can set.
    """
    said = scrub(message_in(raw), key)
    return refused(status, said, model=model, where=where, key_env=key_env, wait=retry_after(headers))


def refused(
    status: int, said: str, *, model: str, where: str, key_env: str, wait: float | None = None
) -> ModelError:
    """The error for a status and what the server said, free of keys."""
    tail = f": {said}" if said else ""
    low = said.lower()
    if status in (401, 403):
        set_it = f" (set {key_env})" if key_env else ""
        return ModelRefused(f"{where} refused the key{set_it}{tail}", model=model, status=status)
    if status == 404:
        return ModelUnavailable(f"{where} does not know model {model!r}{tail}", model=model, status=status)
    if status == 429 and any(word in low for word in _QUOTA):
        return ModelRefused(f"{where}: the account's quota is spent{tail}", model=model, status=status)
    if status == 408:
        return ModelTimeout(f"{where} timed out{tail}", model=model, status=status)
    if status in (409, 425, 429) or status >= 500:
        text = (
            f"{where} is busy (status {status}){tail}"
            if status in (409, 425, 429, 503, 529)
            else (f"{where} failed (status {status}){tail}")
        )
        return ModelBusy(text, model=model, status=status, retry_after=wait)
    if 300 <= status < 400:
        return ModelUnavailable(
            f"{where} sends elsewhere (status {status}): check the URL", model=model, status=status
        )
    if any(word in low for word in _OVERFLOW):
        text = f"the prompt does not fit into the model's context{tail}"
        return ModelRefused(text, model=model, status=status)
    return ModelRefused(f"{where} refused the request (status {status}){tail}", model=model, status=status)


def message_in(raw: bytes) -> str:
    """What an error body says, in at most 500 characters."""
    try:
        data: Any = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return _short(raw[:2000].decode("utf-8", "replace"))
    return _short(words(data))


def words(data: Any) -> str:
    """The message in an error object, where servers have put it so far, with its code."""
    if isinstance(data, list) and data:
        data = data[0]
    if not isinstance(data, Mapping):
        return str(data)
    error = data.get("error", data)
    if isinstance(error, Mapping):
        said = error.get("message") or error.get("detail") or error.get("error") or error
        code = error.get("code")
        text = said if isinstance(said, str) else orjson.dumps(said, default=str).decode()
        return f"{text} [{code}]" if isinstance(code, str) and code not in text else text
    return str(error)


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= 500 else text[:497] + "..."


def broken(error: Exception, *, model: str, where: str, key: str) -> ModelError:
    """The error for an exception of aiohttp."""
    import aiohttp

    said = scrub(str(error), key) or type(error).__name__
    if isinstance(error, aiohttp.ClientPayloadError):
        return ModelGarbled(f"{where} broke off its reply ({said})", model=model)
    if isinstance(error, aiohttp.ClientResponseError):
        return ModelGarbled(f"{where} does not speak HTTP ({said})", model=model)
    failure = ModelUnavailable(_lost(error, said, where), model=model)
    failure.retryable = not isinstance(error, aiohttp.ClientSSLError)
    return failure


def _lost(error: Exception, said: str, where: str) -> str:
    import aiohttp

    if isinstance(error, aiohttp.ClientConnectorError):
        return f"cannot reach {where} ({error.os_error.strerror or said})"
    if isinstance(error, TimeoutError):
        return f"cannot reach {where} (no connection in time)"
    return f"{where} closed the connection ({said})"
