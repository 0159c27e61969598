"""A real llama.cpp server on a port of loopback, in a process that ends with whoever started it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rebut.models.wire import Message

KEY = "conformance-key"
SLOTS = 4
CONTEXT = 1024

CHILD = f"""
import sys, xllamacpp
params = xllamacpp.CommonParams()
params.model.path = sys.argv[1]
params.verbosity = -1
params.n_parallel, params.n_ctx, params.n_batch = {SLOTS}, {SLOTS * CONTEXT}, 128
params.cpuparams.n_threads = 1
params.hostnames, params.port, params.api_keys = ["127.0.0.1"], 0, [{KEY!r}]
params.ui, params.endpoint_slots = False, True
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
"""


@dataclass(frozen=True)
class LlamaServer:
    """Where it listens, and what it says of itself by other ways than a chat."""

    address: str

    def working(self) -> int:
        """How many conversations are being read or written."""
        return sum(slot["is_processing"] for slot in self._ask("/slots"))

    def count(self, messages: Sequence[Message]) -> int:
        """Tokens of the prompt that the messages make."""
        said = [{"role": m.role, "content": m.content} for m in messages]
        return int(self._ask("/v1/chat/completions/input_tokens", {"messages": said})["input_tokens"])

    def _ask(self, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(urllib.request.Request(self.address + path, data, headers)) as reply:
            return json.load(reply)


@contextmanager
def llama_server(weights: Path) -> Generator[LlamaServer]:
    """The server, while the context lasts."""
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(weights)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "GOMP_SPINCOUNT": "2000"},
        text=True,
    )
    assert child.stdout is not None and child.stdin is not None
    try:
        address = child.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), f"the server did not start: {address!r}"
        yield LlamaServer(address)
    finally:
        child.kill()
        child.wait()
        child.stdin.close()
        child.stdout.close()
