"""``rebut models``: what can answer on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

from . import options, output

if TYPE_CHECKING:
    from rebut.settings import Settings

BACKENDS = (
    ("local/", "xllamacpp", "llama.cpp in this process", "rebut[local]"),
    ("vllm/", "vllm", "vLLM in this process, on GPUs or processors", "rebut[vllm]"),
    ("transformers/", "transformers", "Hugging Face transformers in this process", "rebut[transformers]"),
    ("openai/, anthropic/, ollama/, ...", "litellm", "hosted models and servers", "rebut[litellm]"),
)
KEYS = (
    "ANTHROPIC_API_KEY", "AZURE_API_KEY", "CEREBRAS_API_KEY", "COHERE_API_KEY", "DEEPSEEK_API_KEY",
    "FIREWORKS_API_KEY", "GEMINI_API_KEY", "GROQ_API_KEY", "HF_TOKEN", "MISTRAL_API_KEY", "OPENAI_API_KEY",
    "OPENROUTER_API_KEY", "TOGETHERAI_API_KEY", "XAI_API_KEY",
)  # fmt: skip


@click.command()
@click.option("--table", is_flag=True, help="What each kind of model can do, in Markdown.")
@options.as_json
def models(table: bool, as_json: bool) -> None:
    """Show what can answer here. Back ends, installed weights, which keys are set, the default.

    \b
    rebut models
    rebut models --table
    """
    if table:
        _say_abilities(as_json)
        return
    found = survey()
    if as_json:
        output.say_json(found)
        return
    output.say(f"default model: {found['default']}")
    for role, model in found["roles"].items():
        output.say(f"{role}: {model}")
    output.say()
    output.say_table(
        ("BACK END", "READY", "WHAT IT IS"),
        [(b["name"], "yes" if b["installed"] else "no", _what(b)) for b in found["backends"]],
    )
    output.say()
    if found["weights"]:
        rows = [(w["name"], f"{w['bytes'] / 1e6:.0f} MB", w["about"]) for w in found["weights"]]
        output.say_table(("WEIGHTS", "SIZE", "WHAT THEY ARE"), rows)
    else:
        output.say("no weights installed (uv sync --group weights brings the smallest)")
    output.say()
    output.say(f"keys set: {', '.join(found['keys']) or 'none'}")


def _say_abilities(as_json: bool) -> None:
    from .abilities import abilities
    from .abilities import table as in_markdown

    rows = abilities()
    if as_json:
        output.say_json(rows)
    else:
        output.say(in_markdown(rows))


def _what(backend: dict[str, Any]) -> str:
    return str(backend["about"]) + ("" if backend["installed"] else f" (install {backend['extra']})")


def survey() -> dict[str, Any]:
    """Back ends, weights, keys (by name only) and the default model."""
    from rebut.settings import Settings

    settings = Settings.load()
    backends = [
        {"name": name, "installed": find_spec(module) is not None, "about": about, "extra": extra}
        for name, module, about, extra in BACKENDS
    ]
    return {
        "default": settings.model,
        "roles": dict(settings.models),
        "backends": backends + list(plugins()),
        "weights": list(weights(settings)),
        "keys": [key for key in KEYS if os.environ.get(key)],
    }


def plugins() -> Iterator[dict[str, Any]]:
    """Back ends that other packages add."""
    from ..models.registry import GROUP

    for entry in entry_points(group=GROUP):
        if f"{entry.name}/" not in {name for name, *_ in BACKENDS}:
            about = f"from {entry.dist.name}" if entry.dist else entry.value
            yield {"name": f"{entry.name}/", "installed": True, "about": about, "extra": ""}


def weights(settings: Settings) -> Iterator[dict[str, Any]]:
    """Weights of the embedded back end that are installed, best first."""
    from ..models.local.weights import installed

    for one in installed(settings.folder()):
        where = str(one.path) if one.path else None
        yield {"name": f"local/{one.name}", "bytes": one.size, "path": where, "about": one.about}
