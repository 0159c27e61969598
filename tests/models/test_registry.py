"""Model strings find their back end, or an error that names what was meant."""

from __future__ import annotations

import pytest

from rebut.errors import ModelUnavailable
from rebut.models.hosted import HostedBackend
from rebut.models.hosted.providers import COMMON, is_provider, providers
from rebut.models.registry import Registry
from rebut.models.scripted import ScriptedBackend
from rebut.settings import Settings


def test_one_back_end_serves_all_hosted_providers() -> None:
    registry = Registry(Settings())
    hosted = registry.backend("openai/gpt-5-mini")
    assert isinstance(hosted, HostedBackend)
    assert registry.backend("anthropic/claude") is hosted
    assert registry.backend("openai/x@http://localhost:1/v1") is hosted


def test_a_prefix_of_ours_finds_its_own() -> None:
    assert isinstance(Registry(Settings()).backend("scripted/x"), ScriptedBackend)


def test_a_given_back_end_comes_first() -> None:
    mine = HostedBackend()
    assert Registry(Settings(), {"local": mine}).backend("local/x") is mine


@pytest.mark.parametrize(
    ("model", "said"),
    [
        ("opena/gpt-5-mini", "unknown provider 'opena' of model 'opena/gpt-5-mini' .did you mean 'openai'"),
        ("lokal/x", "did you mean 'local'"),
        ("zzzzz/x", "possible: .*local.*openai.*or another provider of LiteLLM"),
        ("gpt-5-mini", "names no provider .did you mean 'openai/gpt-5-mini'"),
        ("nonsense", "names no provider .write provider/model"),
        ("", "names no provider"),
    ],
)
def test_an_unknown_prefix_names_what_is_possible(model: str, said: str) -> None:
    with pytest.raises(ModelUnavailable, match=said):
        Registry(Settings()).backend(model)


def test_providers_are_read_from_litellm_without_importing_it() -> None:
    assert len(providers()) > 100
    assert {"anthropic", "bedrock", "vertex_ai", "nano-gpt"} <= set(providers())
    assert all(is_provider(name) for name in COMMON)
    assert not is_provider("local")
