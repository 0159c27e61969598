"""The fixtures, and what the plug-in costs those who do not use them."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from collections.abc import Callable

import pytest

import rebut.testing
from rebut.models.wire import Message, Request
from rebut.testing import NetworkBlocked, Scripted, block_network


async def test_the_scripted_fixture_makes_back_ends(scripted: Callable[..., Scripted]) -> None:
    model = scripted(["hi"], delay=0.001)
    response = await model.complete(Request(model="m", messages=(Message("user", "x"),)))
    assert (response.completions[0].text, response.seconds) == ("hi", 0.001)


async def test_this_machine_can_be_reached() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "localhost", 0)
    async with server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.sockets[0].getsockname()[1])
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize("host", ["192.0.2.1", "example.org", "2001:db8::1"])
def test_the_network_cannot_be_reached(host: str) -> None:
    with pytest.raises(NetworkBlocked, match="must not reach the network"):
        socket.create_connection((host, 80), timeout=0.1)


def test_a_datagram_does_not_slip_through() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock, pytest.raises(NetworkBlocked):
        sock.sendto(b"x", ("192.0.2.1", 53))


def test_the_block_is_lifted_afterwards() -> None:
    before = socket.socket.connect, socket.getaddrinfo
    with block_network():
        assert socket.socket.connect is not before[0]
    assert (socket.socket.connect, socket.getaddrinfo) == before


def test_every_public_name_is_there_and_a_wrong_one_is_not() -> None:
    assert all(getattr(rebut.testing, name) for name in rebut.testing.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Scriptd'"):
        _ = rebut.testing.Scriptd


def test_loading_the_plugin_imports_nothing_heavy() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import rebut.testing.plugin; "
        "print(sorted(m for m in set(sys.modules) - before if not m.startswith('rebut')))"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "pydantic" not in out and "yaml" not in out and "orjson" not in out and "sqlmodel" not in out
