"""Loads a model and its tokenizer, from a folder, a GGUF file or the Hugging Face hub."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from rebut.errors import ModelUnavailable

from .failures import INSTALL, not_loaded
from .options import Options


@dataclass(frozen=True, slots=True, eq=False)
class Loaded:
    """A model in memory.

    Attributes:
        net: the causal language model of transformers, set to infer.
        tokenizer: its tokenizer.
        ends: the tokens that end a reply.
        ctx: tokens that a prompt and its reply may fill.
        vocabulary: how many numbers the network gives for a position.
    """

    net: Any
    tokenizer: Any
    ends: frozenset[int]
    ctx: int
    vocabulary: int

    def decode(self, ids: Any) -> str:
        """The text of tokens, without those that only mark places."""
        text: str = self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        return text


def load(name: str, options: Options) -> Loaded:
    """Load the model of a hub id, a folder, or a file that ends in ``.gguf``; blocks.

    What a repository brings along as code is not run.

    Raises:
        ModelUnavailable: torch or transformers is not installed, there is no such model, the device is not
            there, or the memory does not suffice.
    """
    model = f"transformers/{name}"
    torch, transformers = _libraries(model)
    place, more = _place(name)
    device = _device(torch, options, model)
    try:
        with _quietly(transformers):
            tokenizer = transformers.AutoTokenizer.from_pretrained(place, **more)
            net = transformers.AutoModelForCausalLM.from_pretrained(
                place, dtype=_dtype(torch, options, device), **more, **_mapping(device)
            )
    except Exception as bad:  # errors of five libraries; each means that the model is not to be had
        raise not_loaded(bad, model) from None
    net.eval()
    return _described(net, tokenizer, options)


def _described(net: Any, tokenizer: Any, options: Options) -> Loaded:
    config = net.config.get_text_config()
    trained = getattr(config, "max_position_embeddings", None) or options.ctx
    return Loaded(
        net=net,
        tokenizer=tokenizer,
        ends=_ends(net, tokenizer),
        ctx=min(options.ctx, trained),
        vocabulary=int(net.get_output_embeddings().weight.shape[0]),
    )


def _libraries(model: str) -> tuple[Any, Any]:
    try:
        return import_module("torch"), import_module("transformers")
    except ImportError as missing:
        if missing.name not in ("torch", "transformers"):
            raise
        raise ModelUnavailable(f"{model} needs torch and transformers; run: {INSTALL}", model=model) from None


def _place(name: str) -> tuple[str, dict[str, str]]:
    path = Path(name).expanduser()
    if name.endswith(".gguf"):
        if not path.is_file():
            raise ModelUnavailable(f"no such file: {name!r}", model=f"transformers/{name}")
        return str(path.parent), {"gguf_file": path.name}
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise ModelUnavailable(
                f"{name!r} holds no model of transformers: it has no config.json",
                model=f"transformers/{name}",
            )
        return str(path), {}
    if name.startswith(("/", ".", "~")) or name.count("/") > 1:
        raise ModelUnavailable(f"no such folder: {name!r}", model=f"transformers/{name}")
    return name, {}


def _device(torch: Any, options: Options, model: str) -> str:
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    there["xpu"] = hasattr(torch, "xpu") and torch.xpu.is_available()
    if options.device == "auto":
        return next(kind for kind in ("cuda", "xpu", "mps", "cpu") if there[kind])
    kind, _, number = options.device.partition(":")
    if there[kind] and (not number or int(number) < getattr(torch, kind).device_count()):
        return options.device
    has = ", ".join(name for name, is_there in there.items() if is_there)
    raise ModelUnavailable(f"{model}: no device {options.device!r} here (there is: {has})", model=model)


def _dtype(torch: Any, options: Options, device: str) -> Any:
    if options.dtype == "auto":
        return torch.float32 if device == "cpu" else "auto"
    return getattr(torch, options.dtype)


def _mapping(device: str) -> dict[str, str]:
    """Onto an accelerator at once, and over all of them when none is named by its number."""
    if device == "cpu":
        return {}
    return {"device_map": "auto" if device == "cuda" else device}


def _ends(net: Any, tokenizer: Any) -> frozenset[int]:
    stated = getattr(net.generation_config, "eos_token_id", None)
    ids = stated if isinstance(stated, list) else [stated]
    return frozenset(i for i in (*ids, tokenizer.eos_token_id) if i is not None)


@contextmanager
def _quietly(transformers: Any) -> Generator[None]:
    """No bars and no notices, which would be printed between what the user reads."""
    log = transformers.utils.logging
    before, bars = log.get_verbosity(), log.is_progress_bar_enabled()
    log.set_verbosity_error()
    log.disable_progress_bar()
    try:
        yield
    finally:
        log.set_verbosity(before)
        if bars:
            log.enable_progress_bar()
