"""The small real model in the format of Hugging Face, and how vLLM runs it for all tests."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs
import pytest

ENGINE = "?ctx=1024&kv=0.5&eager=1&seqs=16&block=32&adapters=1"


def folder() -> Path:
    """SmolLM2-135M-Instruct; `.ci/vllm` puts it there."""
    usual = Path(platformdirs.user_cache_dir("rebut", appauthor=False)) / "vllm-cpu/smollm2-135m-instruct"
    return Path(os.environ.get("REBUT_TEST_VLLM_MODEL") or usual)


def present() -> Path:
    """The folder; the test fails where it holds no model."""
    if not (folder() / "config.json").is_file():
        pytest.fail(f"no model in {folder()} (.ci/vllm puts one there; or set REBUT_TEST_VLLM_MODEL)")
    return folder()
