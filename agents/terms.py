"""The terms of one call: how its reply begins and ends, and what is wanted beside its words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rebut.errors import SettingsError

from ..models.wire import Message, Probe
from .chat import without_prefill
from .quoting import defused

if TYPE_CHECKING:
    from ..models.wire import Capabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a node asks of the replies of one call, beyond what agent and role say.

    Attributes:
        prefill: text that the reply begins with; in the place of the prompt's own prefill.
        max_tokens: limit of the reply; None for the agent's or the mode's.
        until: texts at which the reply ends, beside the mode's own.
        certainty: whether self-certainty is wanted.
        layers: whether the labels' probabilities are wanted of every layer.
    """

    prefill: str = ""
    max_tokens: int | None = None
    until: tuple[str, ...] = ()
    certainty: bool = False
    layers: bool = False

    def begun(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        """The messages, with the beginning of the reply as the last one."""
        if not self.prefill:
            return messages
        return (*without_prefill(messages)[0], Message("assistant", defused(self.prefill)))

    def wanting(self) -> tuple[str, ...]:
        """Which capabilities of a back end they cannot do without."""
        wanted = {"prefill": bool(self.prefill), "certainty": self.certainty, "layers": self.layers}
        return tuple(name for name, needed in wanted.items() if needed)

    def probe(self) -> Probe | None:
        """What is wanted from inside the model for a free reply."""
        return Probe(certainty=True) if self.certainty else None


PLAIN = Terms()

WHAT = {
    "prefill": "continue a reply that was begun",
    "certainty": "tell how certain it was of each token",
    "labels": "tell the probability of a label",
    "layers": "tell what its layers predict",
    "images": "look at pictures",
}
WHO = {
    "prefill": "local/..., vllm/..., transformers/...",
    "certainty": "local/..., vllm/..., transformers/...",
    "labels": "local/..., vllm/..., transformers/...",
    "layers": "transformers/...",
    "images": "hosted providers that see, such as openai/gpt-5-mini",
}


def unable(model: str, wanted: str, where: str) -> SettingsError:
    """The error for a model that cannot do what is wanted of it."""
    return SettingsError(f"{where}: {model!r} cannot {WHAT[wanted]} (possible: models of {WHO[wanted]})")


def demand(able: Capabilities, wanted: Sequence[str], model: str, where: str) -> None:
    """Hold a model to what is wanted of it.

    Raises:
        SettingsError: its back end cannot; the text names which can.
    """
    for name in wanted:
        if not getattr(able, name):
            raise unable(model, name, where)
