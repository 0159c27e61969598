"""Runtimes with the model of sums."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

import rebut
from rebut.models.gateway import Gateway
from rebut.settings import Settings

from .adder import Adder

Open = Callable[[Adder], rebut.Runtime]


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """The file of a store."""
    return tmp_path / "s.db"


@pytest.fixture
def runtime(store: Path) -> Open:
    """Runtimes on one store, each with a model."""

    def make(adder: Adder) -> rebut.Runtime:
        settings = Settings(retries=0)
        return rebut.Runtime(store, settings=settings, gateway=Gateway(settings, {"adder": adder}))

    return make
