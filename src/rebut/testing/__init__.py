"""What users test workflows with: `Scripted`, `FaultyBackend`, and the fixtures of the pytest plug-in."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rebut.models.script import Line, Scripted, Unscripted
    from rebut.testing.faulty import Fault, FaultyBackend
    from rebut.testing.network import NetworkBlocked, block_network

_HOMES = {
    "Fault": "rebut.testing.faulty",
    "FaultyBackend": "rebut.testing.faulty",
    "Line": "rebut.models.script",
    "NetworkBlocked": "rebut.testing.network",
    "Scripted": "rebut.models.script",
    "Unscripted": "rebut.models.script",
    "block_network": "rebut.testing.network",
}

__all__ = ["Fault", "FaultyBackend", "Line", "NetworkBlocked", "Scripted", "Unscripted", "block_network"]


def __getattr__(name: str) -> object:
    # The plug-in is imported by every pytest run on the machine: the names are fetched when they are used.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
