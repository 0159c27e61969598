"""What every test gets."""

from __future__ import annotations

import pytest
from hypothesis import settings

# How long an example takes is the machine's affair: a busy one must not fail a test.
settings.register_profile("rebut", deadline=None)
settings.load_profile("rebut")


@pytest.fixture(autouse=True)
def _offline(no_network: None) -> None:
    """No test reaches the network."""
