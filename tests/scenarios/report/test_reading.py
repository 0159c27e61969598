"""What is read for a page: all that the store holds, and nothing is asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import rebut
from rebut.errors import InputError, ModelRefused
from rebut.models.limits import Limits
from rebut.models.wire import Request
from rebut.scenarios.report import read
from rebut.scenarios.report.spending import spending
from rebut.scenarios.runner import measure
from rebut.scenarios.summary import summary

from ..adder import Adder, scenario
from .conftest import Talker, errs

Open = Callable[[Adder], rebut.Runtime]
Gather = Callable[..., Any]


async def test_a_page_asks_no_model_and_finds_the_same_figures(runtime: Open) -> None:
    idle = Adder()
    async with runtime(Talker(wrong=errs)) as opened:
        made = await measure(scenario(), opened)
    async with runtime(idle) as opened:
        evidence = await read(scenario(), opened)
    assert idle.seen == [] and evidence.missing == 0
    assert [(t.item, t.label, t.answer) for t in evidence.report.trials] == [
        (t.item, t.label, t.answer) for t in made.trials
    ]
    figures = [(line.right, line.p_holm, line.tokens) for line in summary(made)]
    assert [(line.right, line.p_holm, line.tokens) for line in summary(evidence.report)] == figures


async def test_failed_trials_count_as_wrong_as_they_did_when_made(runtime: Open) -> None:
    def fails(request: Request, number: int) -> None:
        if number == 5:
            raise ModelRefused("no")

    async with runtime(Adder(fails=fails)) as opened:
        made = await measure(scenario(concurrency="1"), opened)
        evidence = await read(scenario(concurrency="1"), opened)
    failed = [t for t in evidence.report.trials if t.stop == "failed"]
    assert len(failed) == 1 and failed[0].error and not failed[0].right
    assert [line.right for line in summary(evidence.report)] == [line.right for line in summary(made)]


async def test_missing_trials_are_counted(runtime: Open) -> None:
    async with runtime(Adder()) as opened:
        await measure(scenario(total="{calls: 9}", concurrency="1"), opened)
        evidence = await read(scenario(), opened)
    assert 0 < evidence.missing == 12 - len(evidence.report.trials)
    assert evidence.report.spec.total == Limits()


async def test_where_nothing_is_kept_the_reason_is_told(runtime: Open) -> None:
    async with runtime(Adder()) as opened:
        with pytest.raises(InputError, match=r"none of the 12 trials .* .make them with: rebut scenario run"):
            await read(scenario(), opened)
        await measure(scenario(), opened)
        with pytest.raises(InputError, match=r"the 12 runs of this name there were made with other models"):
            await read(scenario(), opened, models={"*": "adder/y"})
    async with rebut.Runtime("none") as without:
        with pytest.raises(InputError, match="runs are not kept"):
            await read(scenario(models="scripted/none.yaml"), without)


async def test_spending_adds_up_to_what_the_trials_used(gather: Gather) -> None:
    evidence = await gather(workflows="[solve, self-refine]")
    found = spending(evidence.report, evidence.talks)
    rows = [row for rows in found.values() for row in rows]
    usage = evidence.report.usage
    assert sum(row.tokens for row in rows) == usage.tokens
    assert sum(row.usd or 0 for row in rows) == pytest.approx(usage.usd)
    assert sum(row.calls for row in rows) == usage.requests
    assert {row.role for row in found["self-refine"]} >= {"solver"} and len(found["solve"]) == 1
    for each in found.values():
        assert sum(row.share for row in each) == pytest.approx(1)
        assert each[0].start == 0


async def test_a_price_that_is_not_known_stays_unknown(gather: Gather) -> None:
    from dataclasses import replace

    evidence = await gather()
    talks = {run: [replace(t, usd=None) for t in turns] for run, turns in evidence.talks.items()}
    assert {row.usd for rows in spending(evidence.report, talks).values() for row in rows} == {None}
