"""GGUF files of the Hugging Face hub: from its cache, or over the network where there is one."""

from __future__ import annotations

from pathlib import Path

from rebut.errors import ModelUnavailable

_PREFERRED = ("q4_k_m", "q4_k_s", "q5_k_m", "q4_0", "q8_0")
_REACH_SECONDS = 5.0


def fetch(repo: str, file: str | None, *, model: str) -> Path:
    """The file of a repository; without a name, the one whose quantisation suits a small machine best.

    Raises:
        ModelUnavailable: not in the cache, and the hub cannot be reached or does not have it.
    """
    try:
        import huggingface_hub as hub
        from huggingface_hub import constants
    except ImportError:
        raise ModelUnavailable(
            f"{model} names the Hugging Face hub, which needs a package; run: uv pip install huggingface-hub",
            model=model,
        ) from None
    cached = _cached(Path(constants.HF_HUB_CACHE), repo, file)
    if cached is not None:
        return cached
    try:
        info = hub.HfApi().model_info(repo, timeout=_REACH_SECONDS)
        name = file or preferred([s.rfilename for s in info.siblings or []])
        if name is not None:
            return Path(hub.hf_hub_download(repo, name, revision=info.sha))
    except Exception as bad:
        # The hub's client raises errors of four libraries; any of them means that the file is not here.
        raise ModelUnavailable(
            f"{model} is not in the Hugging Face cache, and the hub does not give it: {_first_line(bad)}",
            model=model,
        ) from None
    raise ModelUnavailable(f"{repo} on the Hugging Face hub holds no GGUF file", model=model)


def preferred(names: list[str]) -> str | None:
    """The GGUF file to take when none is named; files in several parts are left out.

    >>> preferred(["README.md", "m-q8_0.gguf", "m-Q4_K_M.gguf"])
    'm-Q4_K_M.gguf'
    """
    whole = sorted(n for n in names if n.lower().endswith(".gguf") and "-of-" not in n)
    for quantisation in _PREFERRED:
        for name in whole:
            if quantisation in name.lower():
                return name
    return whole[0] if whole else None


def _cached(cache: Path, repo: str, file: str | None) -> Path | None:
    """The file in the newest snapshot that has it."""
    folder = cache / f"models--{repo.replace('/', '--')}" / "snapshots"
    snapshots = sorted(folder.glob("*"), key=lambda s: s.stat().st_mtime, reverse=True)
    for snapshot in snapshots:
        name = file or preferred([str(f.relative_to(snapshot)) for f in snapshot.rglob("*.gguf")])
        if name is not None and (snapshot / name).is_file():
            return snapshot / name
    return None


def _first_line(bad: Exception) -> str:
    return next(iter(str(bad).splitlines()), "") or type(bad).__name__
