"""What a model would write next, and what each of its layers would: exact log-probabilities of labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any

from ..spelling import sound, spellings
from ..wire import Inside, Request
from . import sampling
from .failures import refused
from .loading import Loaded
from .prompt import encoder
from .reading import Read, Reader, Stopped, branch

_NORMS = ("norm", "final_layernorm", "ln_f", "final_layer_norm", "layer_norm", "embedding_norm")
Spelling = tuple[int, ...]


def inside(
    loaded: Loaded, reader: Reader, request: Request, read: Read, stopped: Callable[[], bool]
) -> Inside | None:
    """What a request's probe finds at the end of the prompt; None without a probe.

    A label's probability is the sum over its spellings: as it stands, and after a space. The probability
    of a spelling of several tokens is the product of theirs, each after those before it.

    Raises:
        ModelRefused: a label is empty, or the layers of such a network cannot be read.
        Stopped: nobody waits any more.
    """
    probe = request.probe
    if probe is None:
        return None
    if not probe.labels:
        return Inside(certainty=()) if probe.certainty else Inside()
    if not all(probe.labels):
        raise refused(f"{request.model}: a label of the probe is empty", request.model)
    scribe = _Scribe(loaded, reader, read, stopped, Lens(loaded, request.model) if probe.layers else None)
    encode = encoder(loaded.tokenizer)
    rows = [scribe.label(spellings(encode, sound(label))) for label in probe.labels]
    by_layer = tuple(zip(*rows, strict=True))
    return Inside(
        certainty=() if probe.certainty else None,
        labels=by_layer[-1],
        layers=by_layer if probe.layers else None,
    )


class Lens:
    """Reads the state after any layer as the last one is read: final norm, unembedding, softmax
    (the "logit lens", as internal consistency uses it)."""

    def __init__(self, loaded: Loaded, model: str) -> None:
        net = loaded.net
        body = net.get_decoder() if hasattr(net, "get_decoder") else getattr(net, net.base_model_prefix)
        self._norm = next((part for name in _NORMS if (part := getattr(body, name, None)) is not None), None)
        self._head, self._model = net.get_output_embeddings(), model
        self._cap = getattr(net.config.get_text_config(), "final_logit_softcapping", None)

    def rows(self, states: Sequence[Any], logits: Any) -> list[Any]:
        """For each layer from the first to the last the log-probabilities of the vocabulary.

        Args:
            states: after the embedding and after each layer, of one position.
            logits: what the network itself says there.

        Raises:
            ModelRefused: read so, the last layer does not say what the network says.
        """
        if self._norm is None or not self._agrees(states[-1], logits):
            raise refused(
                f"{self._model}: the layers of this kind of network cannot be read "
                "(its output is not its final norm and unembedding)",
                self._model,
            )
        rows = [self._logits(self._norm(state)) for state in states[1:-1]]
        return [sampling.logprobs(row.float().cpu()) for row in (*rows, logits)]

    def _agrees(self, last: Any, logits: Any) -> bool:
        """The last state comes with its norm applied."""
        torch = import_module("torch")
        read = self._logits(last).float()
        return bool(torch.allclose(read, logits.float(), rtol=0.02, atol=0.02 * float(logits.float().std())))

    def _logits(self, state: Any) -> Any:
        torch = import_module("torch")
        logits = self._head(state.to(self._head.weight.device))
        return logits if self._cap is None else torch.tanh(logits / self._cap) * self._cap


class _Scribe:
    """Writes spellings after a prompt, by force, and adds up what the model thinks of it."""

    def __init__(
        self, loaded: Loaded, reader: Reader, read: Read, stopped: Callable[[], bool], lens: Lens | None
    ) -> None:
        self._loaded, self._reader, self._read, self._stopped, self._lens = (
            loaded,
            reader,
            read,
            stopped,
            lens,
        )
        self._first = self._rows(read.logits, read.hidden)

    def label(self, ways: Sequence[Spelling]) -> tuple[float, ...]:
        """For each layer (without a lens: the last alone) the log of the sum over the ways to write it."""
        torch = import_module("torch")
        each = torch.stack([self._spelling(way) for way in ways])
        return tuple(torch.logsumexp(each, dim=0).tolist())

    def _spelling(self, way: Spelling) -> Any:
        if self._stopped():
            raise Stopped
        steps = [self._first, *self._after(way[:-1])]
        torch = import_module("torch")
        values = [torch.stack([row[token] for row in rows]) for rows, token in zip(steps, way, strict=True)]
        return torch.stack(values).sum(dim=0)

    def _after(self, ids: Spelling) -> list[list[Any]]:
        """The rows at each of the tokens, written after the prompt."""
        if not ids:
            return []
        hidden = self._lens is not None
        if self._read.plain:
            out = self._reader.forward(ids, branch(self._read.cache), hidden=hidden)
        else:
            out = self._reader.forward((*self._read.ids, *ids), None, hidden=hidden)
        places = range(-len(ids), 0)
        states = [tuple(state[0, i] for state in out.hidden_states) if hidden else None for i in places]
        return [self._rows(out.logits[0, i], state) for i, state in zip(places, states, strict=True)]

    def _rows(self, logits: Any, states: tuple[Any, ...] | None) -> list[Any]:
        if self._lens is None or states is None:
            return [sampling.logprobs(logits.float().cpu())]
        return self._lens.rows(states, logits)
