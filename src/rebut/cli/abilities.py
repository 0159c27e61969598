"""What each back end can do, as its capabilities declare it; nothing is loaded or asked for that."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..models.wire import Capabilities

EXAMPLES = (
    ("local/NAME", "local/default"),
    ("vllm/MODEL", "vllm/owner/name"),
    ("vllm/MODEL?runner=pooling", "vllm/owner/name?runner=pooling&reward=outcome"),
    ("vllm-server/MODEL", "vllm-server/owner/name"),
    ("transformers/MODEL", "transformers/owner/name"),
    ("openai/NAME", "openai/gpt-4.1-mini"),
    ("openai/NAME@URL", "openai/name@http://127.0.0.1:8000/v1"),
    ("hosted_vllm/NAME@URL", "hosted_vllm/name@http://127.0.0.1:8000/v1"),
    ("anthropic/NAME", "anthropic/claude-sonnet-4-5"),
    ("gemini/NAME", "gemini/gemini-2.5-flash"),
    ("mistral/NAME", "mistral/mistral-large-latest"),
    ("ollama/NAME", "ollama/name"),
)
"""How a model string is written, and one that stands for its kind."""


def abilities() -> list[dict[str, Any]]:
    """A row for each kind of model string that this version serves."""
    return [{"model": written, **_can(found)} for written, found in _found()]


def _found() -> Iterator[tuple[str, Capabilities]]:
    from rebut.settings import Settings

    from ..models.hosted.providers import is_provider
    from ..models.registry import BUILTIN, Registry

    registry = Registry(Settings())
    for written, model in EXAMPLES:
        prefix = model.partition("/")[0]
        if prefix in BUILTIN or is_provider(prefix):
            yield written, registry.backend(model).capabilities(model)


def _can(found: Capabilities) -> dict[str, Any]:
    return {f.name: getattr(found, f.name) for f in fields(found) if f.name != "reply"}  # an option's value


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows in Markdown."""
    names = list(rows[0])
    head = [_title(name) for name in names]
    marks = ["---", *[":-:"] * (len(names) - 2), "---:"]
    lines = [head, marks, *([_cell(row[name]) for name in names] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _title(name: str) -> str:
    return {"concurrency": "at once"}.get(name, name.replace("_", " "))


def _cell(value: Any) -> str:
    if value is True:
        return "yes"
    return str(value) if value else "-"
