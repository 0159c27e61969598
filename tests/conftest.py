"""What every test gets."""

from __future__ import annotations

import ctypes
import platform
import sys

import pytest
from hypothesis import settings

# How long an example takes is the machine's affair: a busy one must not fail a test.
settings.register_profile("rebut", deadline=None)
settings.load_profile("rebut")


@pytest.fixture(autouse=True)
def _offline(no_network: None) -> None:
    """No test reaches the network."""


@pytest.fixture(scope="session")
def barriers() -> None:
    """Programs can be shut in by this machine's kernel; where it has no Landlock, the test is left out."""
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"):
        pytest.skip("no barriers for programs on this machine")
    call = ctypes.CDLL(None).syscall
    call.restype = ctypes.c_long
    if call(444, None, 0, 1) < 1:
        pytest.skip("this machine's kernel has no Landlock")
