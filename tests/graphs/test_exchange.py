"""Who reads what of whom in a group."""

from __future__ import annotations

from typing import Any

import pytest

from rebut.errors import WorkflowError
from rebut.graphs.expressions import parse
from rebut.graphs.expressions.exchange import PROTOCOLS


def seen(items: list[Any], me: Any, protocol: str) -> Any:
    return parse("seen_by(items, me, protocol)")({"items": items, "me": me, "protocol": protocol})


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("protocol", [p for p in PROTOCOLS if p != "others"])
def test_everyone_reads_itself_and_places_are_kept(size: int, protocol: str) -> None:
    group = [f"a{i}" for i in range(size)]
    for me in range(size):
        found = seen(group, me, protocol)
        assert found[me] == group[me]
        assert all(item in (None, group[i]) for i, item in enumerate(found))


def test_each_protocol_of_five() -> None:
    group = ["a", "b", "c", "d", "e"]
    found = {p: "".join(item or "." for item in seen(group, 0, p)) for p in PROTOCOLS}
    assert found == {
        "all": "abcde", "memory": "abcde", "others": ".bcde", "relay": "a...e", "ring": "ab..e",
        "report": "a....",
    }  # fmt: skip


def test_in_a_ring_reading_goes_both_ways() -> None:
    group = list("abcdefg")
    reads = [[i for i, item in enumerate(seen(group, me, "ring")) if item] for me in range(7)]
    assert all((other in reads[me]) == (me in reads[other]) for me in range(7) for other in range(7))


@pytest.mark.parametrize("me", [-1, 3, None, "a", 1.5])
def test_whoever_is_no_member_is_refused(me: Any) -> None:
    with pytest.raises(WorkflowError, match="is no member of a group of 3"):
        seen(["a", "b", "c"], me, "all")


def test_an_unknown_protocol_is_named_with_what_is_possible() -> None:
    with pytest.raises(WorkflowError, match="did you mean 'relay'"):
        seen(["a"], 0, "relais")
