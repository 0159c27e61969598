"""How a model is to be run by vLLM: `vllm/<hf id or folder>?ctx=8192&memory=0.9&tensor=2`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Literal
from urllib.parse import parse_qsl

from rebut.errors import SettingsError, suggest

PREFIX = "vllm/"
SERVER = "vllm-server/"

SEQS = 256
"""Sequences decoded at the same time where the model string says nothing."""

_DTYPES = ("auto", "half", "float16", "bfloat16", "float", "float32")
_RUNNERS = ("auto", "generate", "pooling")


@dataclass(frozen=True, slots=True)
class Options:
    """How an engine is set up and used.

    Attributes:
        ctx: tokens that one conversation and its reply may fill; None for what the model was trained for.
        memory: the share of the GPU's memory that the engine may take; None for vLLM's default.
        kv: GiB for the key-value cache, in place of what `memory` leaves for it.
        tensor, data: GPUs that share one copy of the model; copies of the model.
        dtype, quantization, revision: as vLLM calls them.
        runner: ``pooling`` for a reward model.
        reward: what a reward model judges; empty for what its configuration says.
        step: the text of the token behind each step, at which a process reward model is read.
        reasoning: vLLM's parser for the model's thoughts, such as ``qwen3``; empty for a model without.
        eager: leave out compilation and CUDA graphs: a faster start, slower decoding.
        seed: of the engine.
        seqs: sequences decoded at the same time.
        block: tokens in one piece of the prefix cache, below which nothing is found again.
        adapters: LoRA adapters that may be active at the same time.
        sleep: seconds without a call after which the engine gives its GPU memory back until the next one.
        lora: the folder of a LoRA adapter. Model strings that differ only in this share an engine.
        reply: the most tokens of any reply, also where a role allows more.
        port: of a server; 0 for a free one.
        keep: whether a server outlives its last user.
    """

    ctx: int | None = None
    memory: float | None = None
    kv: float | None = None
    tensor: int = 1
    data: int = 1
    dtype: str = "auto"
    quantization: str = ""
    revision: str = ""
    runner: str = "auto"
    reward: Literal["", "outcome", "steps"] = ""
    step: str = ""
    reasoning: str = ""
    eager: bool = False
    seed: int = 0
    seqs: int | None = None
    block: int | None = None
    adapters: int = 0
    sleep: float | None = None
    lora: str = ""
    reply: int | None = None
    port: int = 0
    keep: bool = False

    def cap(self, max_tokens: int | None) -> int | None:
        """The limit of a reply for which `max_tokens` were asked."""
        return min((most for most in (self.reply, max_tokens) if most is not None), default=None)

    def of_engine(self) -> Options:
        """What makes up the engine: without what may differ from call to call."""
        adapters = max(self.adapters, 1 if self.lora else 0)
        return replace(self, adapters=adapters, lora="", reply=None, reward="", step="")

    @property
    def pools(self) -> bool:
        """Whether this is a reward model, which writes nothing."""
        return self.runner == "pooling"


def split(model: str, prefix: str = PREFIX) -> tuple[str, Options]:
    """The id or folder of the weights in a model string, and the options in it.

    >>> split("vllm/org/name?ctx=2048&eager=1")[0]
    'org/name'

    Raises:
        SettingsError: an option is not known or has no sensible value; or no weights are named.
    """
    name, _, query = model.removeprefix(prefix).partition("?")
    if not name or name.isspace():
        raise SettingsError(
            f"no weights named in the model {model!r} (expected: {prefix}ORG/NAME or {prefix}FOLDER)"
        )
    known = _of_server() if prefix == SERVER else _of_engine()
    asked: dict[str, Any] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        if key not in known:
            raise SettingsError(f"unknown option {key!r} in the model {model!r}{suggest(key, known)}")
        asked[key] = _READERS[key](value, f"{key}={value} in the model {model!r}")
    return name, _checked(Options(**asked), model)


def _of_engine() -> list[str]:
    return [f.name for f in fields(Options) if f.name not in ("port", "keep")]


def _of_server() -> list[str]:
    return [f.name for f in fields(Options) if f.name != "sleep"]


def _checked(options: Options, model: str) -> Options:
    if options.pools and (options.lora or options.reasoning):
        wrong = "lora" if options.lora else "reasoning"
        raise SettingsError(f"{wrong} has no meaning for a reward model (runner=pooling) in {model!r}")
    if not options.pools and (options.reward or options.step):
        given = "reward" if options.reward else "step"
        raise SettingsError(f"{given} needs runner=pooling in the model {model!r}")
    return options


def _whole(low: int, high: int) -> Callable[[str, str], int]:
    def read(value: str, where: str) -> int:
        if not (value.isascii() and value.isdigit() and len(value) < 20 and low <= int(value) <= high):
            raise SettingsError(f"{where}: expected a whole number, {low} to {high}")
        return int(value)

    return read


def _number(low: float, high: float) -> Callable[[str, str], float]:
    def read(value: str, where: str) -> float:
        try:
            number = float(value)
        except ValueError:
            number = float("nan")
        if not low <= number <= high:
            raise SettingsError(f"{where}: expected a number, {low:g} to {high:g}")
        return number

    return read


def _choice(*possible: str) -> Callable[[str, str], str]:
    def read(value: str, where: str) -> str:
        if value not in possible:
            raise SettingsError(f"{where}: not possible{suggest(value, possible)}")
        return value

    return read


def _text(value: str, where: str) -> str:
    if not value or not value.isprintable():
        raise SettingsError(f"{where}: expected a text")
    return value


def _switch(value: str, where: str) -> bool:
    if value.lower() not in ("1", "0", "true", "false", "yes", "no"):
        raise SettingsError(f"{where}: expected 1 or 0")
    return value.lower() in ("1", "true", "yes")


_READERS: Mapping[str, Callable[[str, str], Any]] = {
    "ctx": _whole(16, 1 << 24),
    "memory": _number(0.01, 1.0),
    "kv": _number(0.01, 1 << 14),
    "tensor": _whole(1, 1024),
    "data": _whole(1, 1024),
    "dtype": _choice(*_DTYPES),
    "quantization": _text,
    "revision": _text,
    "runner": _choice(*_RUNNERS),
    "reward": _choice("outcome", "steps"),
    "step": _text,
    "reasoning": _text,
    "eager": _switch,
    "seed": _whole(0, (1 << 63) - 1),
    "seqs": _whole(1, 1 << 16),
    "block": _whole(1, 4096),
    "adapters": _whole(1, 256),
    "sleep": _number(0.1, 1e7),
    "lora": _text,
    "reply": _whole(1, 1 << 24),
    "port": _whole(1, 65535),
    "keep": _switch,
}
