"""From a model string to the server, name and key of a model that speaks OpenAI's protocol."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from rebut.errors import SettingsError

from .endpoints import ENDPOINTS, OFFICIAL, Endpoint

_REASONS = re.compile(r"(o\d|gpt-5)(?!.*chat)")
_AT = re.compile(r"(?P<name>.+)@(?P<url>https?://.+)")
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Where one model is, and how it is spoken to.

    Attributes:
        model: the model string.
        name: what the server calls the model.
        url: of the chat completions.
        key: never shown.
        key_env: the variable to set when the key is refused.
        reasons: whether it is a reasoning model of OpenAI, which takes no sampling options.
    """

    model: str
    provider: str
    name: str
    url: str
    key: str = field(default="", repr=False)
    key_env: str = ""
    endpoint: Endpoint
    reasons: bool = False

    @property
    def base(self) -> str:
        """The URL without the path of the chat completions, for messages."""
        return self.url.removesuffix("/chat/completions")


def target_of(model: str, environ: Mapping[str, str], *, check: bool = True) -> Target | None:
    """The target of a model string, or None when its provider has a protocol of its own.

    Args:
        check: whether a URL and a key must be there.

    Raises:
        SettingsError: the URL or the key is missing.
    """
    provider, _, name = model.partition("/")
    endpoint = ENDPOINTS.get("ollama" if provider == "ollama_chat" else provider)
    at = _AT.fullmatch(name)
    if endpoint is None:
        if at:
            raise SettingsError(
                f"a URL can follow only openai/ and its like, not {provider}/ (model {model!r})"
            )
        return None
    if not name:
        raise SettingsError(f"model {model!r} has no name behind the provider")
    if at:
        return _at_url(model, provider, at["name"], at["url"], replace(endpoint, keyless=True), environ)
    base = _first(endpoint.base_env, environ)[1] or endpoint.base
    if not base and not check:
        base = "http://localhost"
    if not base:
        raise SettingsError(f"no server is known for {model!r} (set {endpoint.base_env[0]})")
    key_env, key = _first(endpoint.key_env, environ)
    if check and not key and not endpoint.keyless and not _is_loopback(base):
        raise SettingsError(f"no key for {model!r} (set {key_env})")
    return _target(model, provider, name, base, key, key_env, endpoint)


def _at_url(
    model: str, provider: str, name: str, url: str, endpoint: Endpoint, environ: Mapping[str, str]
) -> Target:
    """A server that the model string names: it gets the provider's key only if it is the provider's own.

    A workflow file may come from anywhere, and could name a server that collects keys.
    """
    own = (endpoint.base, *(environ.get(name, "") for name in endpoint.base_env))
    trusted = _is_loopback(url) or any(base and _origin(base) == _origin(url) for base in own)
    names = endpoint.key_env if trusted else ("OPENAI_LIKE_API_KEY",)
    key_env, key = _first(names, environ)
    return _target(model, provider, name, url, key, key_env, endpoint)


def _target(
    model: str, provider: str, name: str, base: str, key: str, key_env: str, endpoint: Endpoint
) -> Target:
    base = base.rstrip("/").removesuffix("/chat/completions")
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(f"not a URL: {base!r} for model {model!r}")
    if parts.username or parts.password:
        raise SettingsError(
            f"a URL of a model may hold no password (model at {parts.hostname}; set {key_env})"
        )
    if endpoint.path and not base.endswith(endpoint.path):
        base += endpoint.path
    url = base + "/chat/completions"
    official = url.startswith(OFFICIAL)
    if provider == "openai" and not official:
        endpoint = replace(endpoint, most_tokens="max_tokens")
    reasons = official and _REASONS.match(name) is not None
    return Target(
        model=model,
        provider=provider,
        name=name,
        url=url,
        key=key,
        key_env=key_env,
        endpoint=endpoint,
        reasons=reasons,
    )


def _first(names: tuple[str, ...], environ: Mapping[str, str]) -> tuple[str, str]:
    """The first variable that is set and its value; the first name and nothing when none is."""
    for name in names:
        if value := environ.get(name, "").strip():
            if not value.isprintable() or " " in value:
                raise SettingsError(f"{name} holds white space or control characters")
            return name, value
    return (names[0] if names else "", "")


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return (parts.scheme, parts.hostname, parts.port)


def _is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in _LOOPBACK
