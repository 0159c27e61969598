"""The long way: `litellm.acompletion`, for providers that sign, poll or speak through a kit of their own."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from rebut.errors import ModelError, ModelGarbled, ModelTimeout, ModelUnavailable

from ..prices import Price
from ..retry import retry_after
from ..wire import Request, Response, Sink
from .body import IDEMPOTENCY, as_json, idempotency_key
from .failures import refused
from .lite import litellm, status_of
from .llama import count_all, is_llama
from .options import messages_of, options_of
from .reply import pass_on, response_of
from .secrets import scrub
from .stream import Assembly


class AcompletionLane:
    """One model of any provider that LiteLLM knows."""

    def __init__(self, model: str, price: Price | None, given: Mapping[str, Any] | None = None) -> None:
        """
        Args:
            given: more arguments of `litellm.acompletion`, such as ``api_base``.
        """
        self.model, self.price = model, price
        self.provider = model.partition("/")[0]
        self._given: Mapping[str, Any] = {"model": model, **(given or {})}

    async def complete(self, request: Request, sink: Sink | None) -> Response:
        """One attempt.

        Raises:
            InputError: the messages cannot be written as JSON.
            ModelError: by what LiteLLM raised.
        """
        lite = litellm()
        as_json(
            {"messages": messages_of(request)}
        )  # LiteLLM would take the caller's mistake for the server's
        streams = sink is not None and request.n == 1  # it loses the ends of all texts but one
        began = time.perf_counter()
        try:
            reply = await lite.acompletion(**self._arguments(request, stream=streams))
            if sink is not None and streams:
                data = await self._streamed(reply, sink)
            else:
                data = reply.model_dump()
                if is_llama(_headers(reply)):
                    count_all(data, request)
        except ModelError:
            raise
        except Exception as error:
            raise self._error(error) from None
        response = response_of(data, request, self.price, time.perf_counter() - began)
        if sink is not None and not streams:
            pass_on(response, sink)
        return response

    def _arguments(self, request: Request, *, stream: bool) -> dict[str, Any]:
        arguments: dict[str, Any] = {
            **self._given,
            "messages": messages_of(request),
            **options_of(request),
            "num_retries": 0,
            "max_retries": 0,
            "drop_params": True,
            "no-log": True,
            **{k: v for k, v in request.extra.items() if k != IDEMPOTENCY},
        }
        if request.timeout is not None:
            arguments["timeout"] = request.timeout
        key = idempotency_key(request)
        if key is not None:
            arguments["extra_headers"] = {"Idempotency-Key": key}
        if stream:
            arguments |= {"stream": True, "stream_options": {"include_usage": True}}
        return arguments

    async def _streamed(self, reply: Any, sink: Sink) -> Mapping[str, Any]:
        assembly = Assembly(self.model, sink)
        try:
            async for chunk in reply:
                assembly.add(chunk.model_dump())
        finally:
            close = getattr(reply, "aclose", None)
            if close is not None:
                await close()
        return assembly.finished()

    def _error(self, error: Exception) -> ModelError:
        """What LiteLLM raised, as ours, without keys."""
        lite = litellm()
        said = scrub(str(error), str(self._given.get("api_key") or ""))
        said = " ".join(said.removeprefix("litellm.").split())[:500]
        if isinstance(error, lite.Timeout):
            return ModelTimeout(f"{self.provider} did not answer in time: {said}", model=self.model)
        if isinstance(error, lite.APIConnectionError):
            failure = ModelUnavailable(f"cannot reach {self.provider}: {said}", model=self.model)
            failure.retryable = True
            return failure
        status = status_of(error)
        if status is None:
            return ModelGarbled(f"{self.provider} failed: {type(error).__name__}: {said}", model=self.model)
        headers = getattr(error, "litellm_response_headers", None)
        if headers is None:
            headers = getattr(getattr(error, "response", None), "headers", None)
        key_env = f"{self.provider.upper()}_API_KEY"
        where, wait = self.provider, retry_after(headers or {})
        return refused(status, said, model=self.model, where=where, key_env=key_env, wait=wait)


def _headers(reply: Any) -> dict[str, str]:
    """Headers of the server, which LiteLLM hands on under names of its own."""
    known = getattr(reply, "_hidden_params", {}).get("additional_headers") or {}
    return {"Server": str(known.get("llm_provider-server", ""))}
