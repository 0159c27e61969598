"""What the tests of the models share."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from fault_server import FaultServer, fault_server


@pytest.fixture
async def server() -> AsyncIterator[FaultServer]:
    """A server of OpenAI's protocol that fails on demand."""
    async with fault_server() as running:
        yield running
