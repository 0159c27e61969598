"""The surroundings in which an engine is started: a log of its own, fresh processes, nothing printed."""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from itertools import count
from multiprocessing import spawn
from pathlib import Path
from shlex import quote
from typing import Any

_numbers = count(1)
_nowhere = logging.NullHandler()


def log_of(folder: Path, weights: str) -> Path:
    """Where an engine of these weights is to write what it has to say: another file for each start."""
    slug = re.sub(r"[^\w.-]+", "-", weights).strip("-")[-60:] or "model"
    return folder / "logs" / f"{slug}-{os.getpid()}-{next(_numbers)}.log"


def surroundings(log: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Environment variables for vLLM, none that the user has set.

    Its processes are fresh ones: a fork of a process with threads may hang. Nothing is printed (standard
    output is for answers), and nothing is reported to its makers.
    """
    wanted = {
        "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
        "VLLM_NO_USAGE_STATS": "1",
        "VLLM_WORKER_SHUTDOWN_TIMEOUT_SECONDS": "1",
        "PYTHONWARNINGS": "ignore",
        "TORCH_CPP_LOG_LEVEL": "ERROR",
        "TQDM_DISABLE": "1",
    }
    if not any(name in environ for name in ("VLLM_LOGGING_CONFIG_PATH", "VLLM_CONFIGURE_LOGGING")):
        wanted["VLLM_LOGGING_CONFIG_PATH"] = str(_logging_config(log))
    return {name: value for name, value in wanted.items() if name not in environ}


def _logging_config(log: Path) -> Path:
    config: dict[str, Any] = {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"format": "%(asctime)s %(levelname)s [%(name)s:%(lineno)d] %(message)s"}},
        "handlers": {
            "file": {
                "class": "logging.FileHandler",
                "filename": str(log),
                "formatter": "line",
                "encoding": "utf-8",
                "delay": True,
            }
        },
        "loggers": {"vllm": {"handlers": ["file"], "level": "INFO", "propagate": False}},
    }
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    path = log.with_suffix(".json")
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


@contextmanager
def environment(values: Mapping[str, str]) -> Generator[None]:
    """Set variables of this process for a while; what it starts meanwhile inherits them."""
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            os.environ.pop(name, None)


@contextmanager
def muted(log: Path) -> Generator[None]:
    """Send what new processes print to the log: a traceback of theirs is no sentence for a user."""
    # Said before vLLM has set up its logging, a warning would be printed.
    logging.getLogger("vllm").addHandler(_nowhere)
    log.parent.mkdir(parents=True, exist_ok=True)
    script, usual = log.with_suffix(".sh"), spawn.get_executable()
    script.write_text(f'#!/bin/sh\nexec {quote(sys.executable)} "$@" >>{quote(str(log))} 2>&1\n', "utf-8")
    script.chmod(0o700)
    try:
        if os.access(script, os.X_OK):  # not so on a file system without programs
            spawn.set_executable(str(script))
        yield
    finally:
        spawn.set_executable(usual)
        script.unlink(missing_ok=True)


@contextmanager
def nameless_main() -> Generator[None]:
    """Hide the main module from new processes, which would run the user's script again from its top."""
    main: dict[str, Any] = sys.modules["__main__"].__dict__
    kept: dict[str, Any] = {name: main[name] for name in ("__file__", "__spec__") if name in main}
    main.pop("__file__", None)
    main["__spec__"] = None
    try:
        yield
    finally:
        main.pop("__spec__", None)
        main.update(kept)
