"""What the tests of the models share."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from .fault_server import FaultServer, fault_server


@pytest.fixture
async def server() -> AsyncIterator[FaultServer]:
    """A server of OpenAI's protocol that fails on demand."""
    async with fault_server() as running:
        yield running
