"""Keeps a test from reaching for the network."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any
from unittest.mock import patch

_METHODS = ("connect", "connect_ex", "sendto")
_LOOKUPS = ("getaddrinfo", "gethostbyname", "gethostbyname_ex")


class NetworkBlocked(RuntimeError):
    """A test reached for the network; no OSError, so that no back end takes it for a server that is down."""


@contextmanager
def block_network() -> Generator[None]:
    """Let Python's sockets reach this machine only: loopback addresses and local sockets.

    Sockets opened by C libraries (such as uvloop's) and by child processes are not seen.
    """
    with ExitStack() as stack:
        for name in _METHODS:
            stack.enter_context(patch.object(socket.socket, name, _guarded(getattr(socket.socket, name))))
        for name in _LOOKUPS:
            stack.enter_context(patch.object(socket, name, partial(_looked_up, getattr(socket, name))))
        yield


def _guarded(method: Callable[..., Any]) -> Callable[..., Any]:
    def call(sock: socket.socket, *args: Any) -> Any:
        address = args[-1]  # the address comes last: connect(address), sendto(data[, flags], address)
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            _allow(address[0])
        return method(sock, *args)

    return call


def _looked_up(lookup: Callable[..., Any], host: Any, *args: Any, **options: Any) -> Any:
    _allow(host)
    return lookup(host, *args, **options)


def _allow(host: Any) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost", socket.gethostname()):
        return
    try:
        local = ipaddress.ip_address(str(name).partition("%")[0])
    except ValueError:
        raise NetworkBlocked(f"this test must not reach the network: it looked up {name!r}") from None
    if not (local.is_loopback or local.is_unspecified):
        raise NetworkBlocked(f"this test must not reach the network: it addressed {name}")
