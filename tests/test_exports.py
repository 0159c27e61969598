"""The names of `import rebut`: all there, all lazy, none by accident."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping

import pytest

import rebut

HOMES: Mapping[str, str] = rebut._HOMES


def test_all_names_what_is_public_in_order() -> None:
    assert sorted(rebut.__all__) == list(rebut.__all__)
    assert set(rebut.__all__) == {*HOMES, "__version__"}
    assert dir(rebut) == list(rebut.__all__)


@pytest.mark.parametrize("name", sorted(HOMES))
def test_every_name_is_the_object_of_its_home(name: str) -> None:
    assert getattr(rebut, name) is getattr(importlib.import_module(HOMES[name]), name)


@pytest.mark.parametrize("name", sorted(HOMES))
def test_every_name_says_what_it_is(name: str) -> None:
    assert inspect.getdoc(getattr(rebut, name))


def test_type_checkers_see_the_same_names() -> None:
    source = inspect.getsource(rebut)
    declared = {
        line.rpartition(" as ")[2] for line in source.splitlines() if line.startswith("    from rebut")
    }
    assert declared == set(HOMES)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'lod'"):
        _ = rebut.lod  # pyright: ignore[reportAttributeAccessIssue]


def test_the_version_is_that_of_the_package() -> None:
    assert rebut.__version__ == importlib.import_module("importlib.metadata").version("rebut")
