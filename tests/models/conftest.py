"""What the tests of the models share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from rebut.models.vllm import engine
from rebut.models.vllm.options import split

from .fault_server import FaultServer, fault_server
from .real import ENGINE, present


@pytest.fixture
async def server() -> AsyncIterator[FaultServer]:
    """A server of OpenAI's protocol that fails on demand."""
    async with fault_server() as running:
        yield running


@pytest.fixture(scope="session")
def lasting_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The home of the engine of `ENGINE`; its start takes long, so it is kept for all tests that use it."""
    home = tmp_path_factory.mktemp("vllm")
    used = engine.borrow(str(present().resolve()), split(f"vllm/m{ENGINE}")[1], home / "vllm")
    yield home
    engine.give_back(used)
