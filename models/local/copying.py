"""Copies what one slot of llama.cpp's server has read into others, through the server's own local port."""

from __future__ import annotations

import http.client
import shutil
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import orjson

from ..prefixes import beginning

_TIMEOUT = 30.0
_STATE = "prefix.kv"
_A_TOKEN = 128 << 10  # bytes of state, for a model of some size; the first copy tells better
_SHARE = 0.5  # of the room on the disk that a copy may fill


@dataclass(frozen=True, slots=True)
class Spread:
    """What a warm-up did: tokens in the beginning, those of them that were computed, slots that hold it."""

    tokens: int
    computed: int
    slots: tuple[int, ...]


class Slots:
    """The slots of one server."""

    def __init__(self, server: Any, key: str, folder: Path) -> None:
        """
        Args:
            folder: where states lie for a moment; private to this process.
        """
        self._server: Any = server
        self._key, self._folder = key, folder
        self._token_size = float(_A_TOKEN)

    def close(self) -> None:
        """Let go of the server, and clear up."""
        self._server = None
        shutil.rmtree(self._folder, ignore_errors=True)

    def spread(
        self, bodies: Sequence[Mapping[str, Any]], places: int, kept: Collection[int], stop: threading.Event
    ) -> Spread | None:
        """Read once what the prompts of some requests begin with, and put it into several slots; blocks.

        Nothing else may start meanwhile. None when it was stopped, or there is not room for it.

        Args:
            places: how many slots shall hold it; `kept` are not to be touched.

        Raises:
            RuntimeError, OSError, http.client.HTTPException: the server did not do it.
        """
        prompt = beginning([self.rendered(body) for body in bodies])
        usage = self._read(prompt, stop)
        if usage is None:
            return None
        tokens = usage["prompt_tokens"]
        computed = tokens - (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
        source, *idle = self._idle(kept)
        filled = self._copy(source, idle[: places - 1], tokens) if not stop.is_set() else ()
        return Spread(tokens, computed, (source, *filled))

    def rendered(self, body: Mapping[str, Any]) -> str:
        """The prompt that the server makes of a request."""
        wanted = {
            k: v for k, v in body.items() if k not in ("n", "stream", "stream_options", "return_progress")
        }
        return str(self.post("/apply-template", wanted)["prompt"])

    def _read(self, prompt: str, stop: threading.Event) -> Mapping[str, Any] | None:
        found: list[Mapping[str, Any]] = []

        def take(chunk: Mapping[str, Any]) -> bool:
            found.extend([chunk] if "error" in chunk or chunk.get("usage") else [])
            return stop.is_set() or not threading.main_thread().is_alive()

        body = {"prompt": prompt, "n_predict": 0, "stream": True, "stream_options": {"include_usage": True}}
        self._server.handle_completions({**body, "cache_prompt": True, "return_progress": True}, take)
        if not found or stop.is_set():
            return None
        usage: Mapping[str, Any] | None = found[-1].get("usage")
        if usage is None:
            raise RuntimeError(f"the beginning of the prompts could not be read: {found[-1]['error']}")
        return usage

    def _idle(self, kept: Collection[int]) -> list[int]:
        """The slot that worked last, then the others that are idle, unused for longest first."""
        states = [s for s in self._get("/slots") if not s["is_processing"]]
        states.sort(key=lambda state: state.get("id_task", -1))
        return [states[-1]["id"], *(s["id"] for s in states[:-1] if s["id"] not in kept)]

    def _copy(self, source: int, targets: Sequence[int], tokens: int) -> Sequence[int]:
        """The targets, which now hold what the source holds; none where there is no room for the state."""
        if tokens * self._token_size > shutil.disk_usage(self._folder).free * _SHARE:
            return ()
        file = self._folder / _STATE
        try:
            saved = self.post(f"/slots/{source}?action=save", {"filename": _STATE})
            self._token_size = saved["n_written"] / max(1, saved["n_saved"])
            for target in targets:
                self.post(f"/slots/{target}?action=restore", {"filename": _STATE})
        finally:
            file.unlink(missing_ok=True)
        return targets

    def _get(self, path: str) -> Any:
        return self._send(lambda line: line.request("GET", path, headers=self._headers()))

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """What the server answers on one of its paths; blocks.

        Raises:
            RuntimeError, OSError, http.client.HTTPException: it did not.
        """
        sent = orjson.dumps(body)
        return self._send(lambda line: line.request("POST", path, sent, self._headers()))

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}

    def _send(self, request: Callable[[http.client.HTTPConnection], None]) -> Any:
        where = urlsplit(self._server.listening_address)
        line = http.client.HTTPConnection(where.hostname or "127.0.0.1", where.port, timeout=_TIMEOUT)
        with closing(line):
            request(line)
            reply = line.getresponse()
            said = reply.read()
        if reply.status != 200:
            raise RuntimeError(f"llama.cpp's server refused ({reply.status}): {said[:200]!r}")
        return orjson.loads(said)
