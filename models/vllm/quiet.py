"""The surroundings in which an engine is started: a log of its own, fresh processes, nothing left behind."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_GRACE = 5.0  # seconds for a process that was told to end


def log_of(folder: Path, weights: str) -> Path:
    """Where the engines of this process that run these weights write what they have to say."""
    slug = re.sub(r"[^\w.-]+", "-", weights).strip("-")[-60:] or "model"
    return folder / "logs" / f"{slug}-{os.getpid()}.log"


def surroundings(log: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """Environment variables for vLLM, none that the user has set.

    Its processes are fresh ones: a fork of a process with threads may hang. Nothing is printed (standard
    output is for answers), and nothing is reported to its makers.
    """
    wanted = {
        "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
        "VLLM_NO_USAGE_STATS": "1",
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


class Guard:
    """Ends the processes of an engine when this process dies without a chance to do so itself."""

    def __init__(self, before: set[int | None]) -> None:
        """
        Args:
            before: ids of the child processes that are not the engine's (see `children`).
        """
        self.pids = sorted(pid for pid in children() - before if pid is not None)
        self._watch: subprocess.Popen[bytes] | None = None
        if self.pids and os.name == "posix":
            # Reads until the other end of the pipe is gone, which the kernel sees to however we die.
            script = 'read _; kill -9 "$@" 2>/dev/null'
            self._watch = subprocess.Popen(
                ["/bin/sh", "-c", script, "rebut-guard", *map(str, self.pids)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )

    def end(self) -> None:
        """Kill what is left of the engine and lift the guard: its ids may be other processes' from now on."""
        for child in multiprocessing.active_children():
            if child.pid in self.pids:
                child.join(_GRACE)
                if child.is_alive():
                    child.kill()
                    child.join()
        self._lift()

    def _lift(self) -> None:
        if self._watch is not None:
            self._watch.kill()
            self._watch.wait()
            if self._watch.stdin is not None:
                with suppress(OSError):
                    self._watch.stdin.close()
            self._watch = None


def children() -> set[int | None]:
    """Ids of the processes that this one started through `multiprocessing`."""
    return {child.pid for child in multiprocessing.active_children()}
