"""The translated way: LiteLLM's configuration of a provider around the pooled session."""

from __future__ import annotations

import copy
import os
import time
from collections.abc import Mapping
from typing import Any

import orjson

from rebut.errors import ModelError, ModelGarbled, ModelRefused, SettingsError

from ..prices import Price
from ..wire import Request, Response, Sink
from . import gemini
from .body import IDEMPOTENCY, as_json, idempotency_key
from .dialects import DIALECTS
from .failures import broken, refusal
from .lite import NoLog, litellm, status_of
from .options import key_of, messages_of, options_of
from .reply import pass_on, response_of
from .secrets import scrub
from .transport import Transport

_CACHED = 256


class TranslatorLane:
    """One model of a provider with a protocol of its own."""

    def __init__(self, model: str, price: Price | None, transport: Transport) -> None:
        """
        Raises:
            SettingsError: no key, or LiteLLM is not installed.
        """
        self.model, self.price = model, price
        self.provider, _, self.name = model.partition("/")
        self._dialect = DIALECTS[self.provider]
        self._transport = transport
        self._key_env, self._key = _first(self._dialect.key_env)
        if not self._key:
            raise SettingsError(f"no key for {model!r} (set {self._dialect.key_env[0]})")
        self._base = (_first(self._dialect.base_env)[1] or self._dialect.base).rstrip("/")
        self._config = self._load()
        self._options: dict[bytes, dict[str, Any]] = {}

    def _load(self) -> Any:
        lite = litellm()
        provider = lite.LlmProviders(self.provider)
        return lite.utils.ProviderConfigManager.get_provider_chat_config(model=self.name, provider=provider)

    async def complete(self, request: Request, sink: Sink | None) -> Response:
        """One attempt.

        Raises:
            ModelError: by status, connection and content.
        """
        import aiohttp

        options = self._mapped(request)
        json_mode = bool(options.pop("json_mode", False))
        messages = messages_of(request)
        url, headers, body = self._translated(request, messages, options)
        began = time.perf_counter()
        try:
            async with await self._transport.post(url, body, headers) as reply:
                raw = await reply.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise broken(error, model=self.model, where=self._base, key=self._key) from None
        if reply.status >= 300:
            raise self._refusal(reply.status, raw, reply.headers)
        data = self._read(raw, messages, options, orjson.loads(body), json_mode)
        response = response_of(data, request, self.price, time.perf_counter() - began)
        if sink is not None:
            pass_on(response, sink)
        return response

    def _mapped(self, request: Request) -> dict[str, Any]:
        """The request's options in the provider's words; a new copy, for the transformation may change it."""
        options = options_of(request)
        key = key_of(options)
        mapped = self._options.get(key)
        if mapped is None:
            if len(self._options) >= _CACHED:
                self._options.clear()
            mapped = self._options[key] = self._map(options, request)
        return copy.deepcopy(mapped)

    def _map(self, options: dict[str, Any], request: Request) -> dict[str, Any]:
        try:
            mapped: dict[str, Any] = litellm().utils.get_optional_params(
                model=self.name,
                custom_llm_provider=self.provider,
                messages=messages_of(request),
                drop_params=True,
                **options,
            )
        except Exception as error:
            raise self._untranslatable(error) from None
        for extra in ("stream", "is_vertex_request", "max_retries"):
            mapped.pop(extra, None)
        return mapped

    def _translated(
        self, request: Request, messages: list[dict[str, Any]], options: dict[str, Any]
    ) -> tuple[str, dict[str, str], bytes]:
        """URL, headers and body."""
        config, where = self._config, self._url()
        try:
            headers = config.validate_environment(
                headers={},
                model=self.name,
                messages=messages,
                optional_params=options,
                litellm_params={},
                api_key=self._key,
                api_base=where,
            )
            body = self._body(messages, options, headers)
            body.update({k: v for k, v in request.extra.items() if k != IDEMPOTENCY})
            headers, signed = config.sign_request(
                headers=headers, optional_params=options, request_data=body, api_base=where, api_key=self._key
            )
        except Exception as error:
            raise self._untranslatable(error) from None
        if self.provider == "gemini":
            headers = gemini.headers(self._key)
        key = idempotency_key(request)
        if key is not None:
            headers["Idempotency-Key"] = key
        return where, {k: str(v) for k, v in headers.items()}, signed or as_json(body)

    def _url(self) -> str:
        path = self._dialect.path.format(name=self.name, version=gemini.version(self.name))
        return self._base if not path or self._base.endswith(path) else self._base + path

    def _body(self, messages: list[dict[str, Any]], options: dict[str, Any], headers: Any) -> dict[str, Any]:
        if self.provider == "gemini":
            return gemini.body(self.name, messages, options)
        body: dict[str, Any] = self._config.transform_request(
            model=self.name, messages=messages, optional_params=options, litellm_params={}, headers=headers
        )
        return body

    def _read(
        self,
        raw: bytes,
        messages: list[dict[str, Any]],
        options: dict[str, Any],
        body: dict[str, Any],
        json_mode: bool,
    ) -> Mapping[str, Any]:
        """The reply in OpenAI's words."""
        import httpx

        lite = litellm()
        try:
            whole = self._config.transform_response(
                model=self.name,
                raw_response=httpx.Response(200, content=raw, headers={"content-type": "application/json"}),
                model_response=lite.ModelResponse(),
                logging_obj=NoLog(options),
                request_data=body,
                messages=messages,
                optional_params=options,
                litellm_params={},
                encoding=None,
                api_key=self._key,
                json_mode=json_mode,
            )
        except Exception as error:
            said = scrub(str(error), self._key)[:200]
            text = f"the reply of {self._base} cannot be read ({type(error).__name__}: {said})"
            raise ModelGarbled(text, model=self.model) from None
        data: Mapping[str, Any] = whole.model_dump()
        if self.provider.startswith("cohere"):  # LiteLLM drops why Cohere stopped
            data["choices"][0]["finish_reason"] = str(orjson.loads(raw).get("finish_reason", "")).lower()
        return data

    def _refusal(self, status: int, raw: bytes, headers: Mapping[str, str]) -> ModelError:
        return refusal(
            status,
            raw,
            headers,
            model=self.model,
            where=self._base,
            key=self._key,
            key_env=self._key_env,
        )

    def _untranslatable(self, error: Exception) -> ModelRefused:
        said = scrub(str(error), self._key)[:300]
        return ModelRefused(
            f"LiteLLM cannot translate the request ({said})", model=self.model, status=status_of(error)
        )


def _first(names: tuple[str, ...]) -> tuple[str, str]:
    for name in names:
        if value := os.environ.get(name, "").strip():
            return name, value
    return names[0], ""
