"""The pytest plug-in: fixtures for tests of workflows, at no cost to a run that does not use them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from rebut.models.script import Replies, Scripted


@pytest.fixture
def scripted() -> Callable[..., Scripted]:
    """Makes back ends that say what they are told: ``model = scripted(["first", "second"])``."""

    def make(replies: Replies, **options: Any) -> Scripted:
        from rebut.models.script import Scripted

        return Scripted(replies, **options)

    return make


@pytest.fixture
def no_network() -> Iterator[None]:
    """The test fails where it reaches for anything but this machine."""
    from rebut.testing.network import block_network

    with block_network():
        yield
