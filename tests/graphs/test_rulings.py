"""Several rulings on one point."""

from __future__ import annotations

from typing import Any

import pytest

from rebut.graphs.expressions import parse
from rebut.graphs.expressions.faults import Fault


@pytest.mark.parametrize(
    ("flags", "says"),
    [([True], True), ([False], False), ([True, False], None), ([True, True, False], True), ([], None),
     ([None, None], None), ([None, False], False), ([True, None, False, False], False)],
)  # fmt: skip
def test_more_than_half_of_those_who_ruled_decide(flags: list[Any], says: bool | None) -> None:
    assert parse("mostly(flags)")({"flags": flags}) is says


def test_what_is_no_truth_value_is_refused() -> None:
    from rebut.errors import WorkflowError

    for wrong in ([1, 0], ["yes"], "yes", 3):
        with pytest.raises((WorkflowError, Fault)):
            parse("mostly(flags)")({"flags": wrong})
