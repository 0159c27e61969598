"""From a model string to the back end that serves it, made when first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from rebut.errors import ModelUnavailable, suggest
from rebut.settings import Settings

from .wire import Backend

GROUP = "rebut.backends"
"""Entry points of this group add back ends: the name is the prefix, the object a class or factory."""

BUILTIN: Mapping[str, str] = {
    "local": "rebut.models.local:LocalBackend",
    "scripted": "rebut.models.scripted:ScriptedBackend",
    "transformers": "rebut.models.transformers:TransformersBackend",
    "vllm": "rebut.models.vllm:VllmBackend",
    "vllm-server": "rebut.models.vllm:VllmServerBackend",
}
HOSTED = "rebut.models.hosted:HostedBackend"


class Registry:
    """The back ends of one gateway, by the prefix of the model string."""

    def __init__(self, settings: Settings, backends: Mapping[str, Backend] | None = None) -> None:
        """
        Args:
            backends: prefix -> back end; these come before all others and are closed with the rest.
        """
        self._settings = settings
        self._given = dict(backends or {})
        self._made: dict[str, Backend] = dict(self._given)
        self._hosted: Backend | None = None

    def backend(self, model: str) -> Backend:
        """The back end for a model string such as ``local/smollm2``.

        Raises:
            ModelUnavailable: nothing serves that prefix; the message names what could have been meant.
        """
        prefix = model.partition("/")[0]
        if found := self._made.get(prefix):
            return found
        if prefix in BUILTIN:
            return self._make(prefix, BUILTIN[prefix])
        if "/" in model and self._is_hosted(prefix):
            self._hosted = self._hosted or self._make(prefix, HOSTED)
            self._made[prefix] = self._hosted
            return self._hosted
        for entry in entry_points(group=GROUP):
            if entry.name == prefix:
                return self._make(prefix, entry)
        raise ModelUnavailable(self._unknown(model, prefix), model=model)

    async def close(self) -> None:
        """Close every back end that was made or given, each once."""
        backends = list({id(b): b for b in self._made.values()}.values())
        self._made, self._hosted = dict(self._given), None
        for backend in backends:
            await backend.close()

    def _make(self, prefix: str, source: str | EntryPoint) -> Backend:
        factory = _load(source)
        configured = getattr(factory, "from_settings", None)
        backend: Backend = configured(self._settings) if configured else factory()
        self._made[prefix] = backend
        return backend

    def _is_hosted(self, prefix: str) -> bool:
        from .hosted.providers import is_provider

        return is_provider(prefix)

    def _unknown(self, model: str, prefix: str) -> str:
        from .hosted.providers import COMMON, providers
        from .prices import provider_of

        if "/" not in model:
            provider = provider_of(model)
            hint = f" (did you mean '{provider}/{model}'?)" if provider else " (write provider/model)"
            return f"model {model!r} names no provider{hint}"
        own = (*self._made, *BUILTIN, *(entry.name for entry in entry_points(group=GROUP)))
        close = suggest(prefix, tuple(dict.fromkeys((*own, *providers()))))
        if not close.startswith(" (did"):
            names = dict.fromkeys((*own, *COMMON))
            close = f" (possible: {', '.join(names)}, or another provider of LiteLLM)"
        return f"unknown provider {prefix!r} of model {model!r}{close}"


def _load(source: str | EntryPoint) -> Any:
    if isinstance(source, EntryPoint):
        return source.load()
    module, _, name = source.partition(":")
    return getattr(import_module(module), name)
