"""Scenarios run: every item meets every contender once, whatever happens on the way."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import rebut
from rebut.errors import InputError, ModelRefused, ModelUnavailable, RebutError
from rebut.models.limits import Limits
from rebut.models.wire import Request
from rebut.scenarios.runner import HOPELESS, Report, Runner, measure
from rebut.scenarios.spec import ScenarioSpec
from rebut.scenarios.trials import Trial

from .adder import Adder, scenario

Open = Callable[[Adder], rebut.Runtime]


async def sitting(runtime: Open, adder: Adder, spec: ScenarioSpec | None = None, **more: Any) -> Report:
    async with runtime(adder) as opened:
        return await measure(spec or scenario(), opened, **more)


def outcomes(report: Report) -> list[tuple[str, str, str | None, bool]]:
    return [(t.item, t.label, t.answer, t.right) for t in report.trials]


async def test_every_item_meets_every_contender_in_order(runtime: Open) -> None:
    adder = Adder()
    report = await sitting(runtime, adder)
    ids = [f"arithmetic-0-{i}" for i in range(6)]
    assert [(t.item, t.label) for t in report.trials] == [
        (i, label) for i in ids for label in ("solve", "vote")
    ]
    assert all(t.right and t.answer == t.gold[0] and t.stop == "answered" for t in report.trials)
    assert len(adder.seen) == 6 * (1 + 3) == report.usage.calls
    assert report.usage.usd == pytest.approx(24 * 15e-6)


async def test_the_same_command_asks_nothing_again(runtime: Open) -> None:
    first = await sitting(runtime, Adder(wrong=lambda r, n: n % 3 == 0))
    idle = Adder()
    second = await sitting(runtime, idle)
    assert idle.seen == [] and outcomes(second) == outcomes(first)
    assert all(t.kept for t in second.trials) and not any(t.kept for t in first.trials)
    assert second.usage.calls == first.usage.calls


async def test_contenders_that_differ_in_nothing_share_their_runs(runtime: Open) -> None:
    cold = "{workflow: solve, params: {temperature: 0.0}}"
    twins = scenario(workflows=f"{{one: solve, two: {cold}, three: solve}}")
    adder = Adder()
    report = await sitting(runtime, adder, twins)
    assert len(adder.seen) == 6 == report.usage.calls and not report.stopped
    assert [t.label for t in report.trials] == ["one", "two", "three"] * 6
    assert all(t.right and t.stop == "answered" for t in report.trials)
    again = await sitting(runtime, idle := Adder(), replace(twins, total=Limits(calls=7)))
    assert idle.seen == [] and outcomes(again) == outcomes(report) and not again.stopped


async def test_only_what_is_new_is_asked(runtime: Open) -> None:
    await sitting(runtime, Adder())
    more_items, other_params = Adder(), Adder()
    await sitting(
        runtime, more_items, scenario(data="{generate: arithmetic, n: 8, with: {numbers: 2, largest: 9}}")
    )
    assert len(more_items.seen) == 2 * (1 + 3)
    spec = scenario()
    vote = replace(spec.contenders[1], params={"samples": 5})
    await sitting(runtime, other_params, replace(spec, contenders=(spec.contenders[0], vote)))
    assert len(other_params.seen) == 6 * 5


async def test_seeds_are_runs_of_their_own_with_the_same_draws_for_all_contenders(runtime: Open) -> None:
    adder, drawn = Adder(), "{vote: {workflow: self-consistency, params: {samples: 1}}}"
    report = await sitting(runtime, adder, scenario(workflows=drawn, seeds="[0, 1, 2]"))
    assert len(report.trials) == 18 and len({t.run for t in report.trials}) == 18
    assert len({request.seed for request in adder.seen}) == 18
    again = Adder()
    await sitting(runtime, again, scenario(name="other", workflows=drawn, seeds="[0]"))
    assert {r.seed for r in again.seen} < {r.seed for r in adder.seen}


async def test_what_is_written_for_readers_makes_no_new_trials(runtime: Open, tmp_path: Path) -> None:
    adder, file = Adder(), tmp_path / "mine.yaml"
    text = rebut.load("solve").spec.source.replace("name: solve", "name: mine")
    mine = replace(scenario().contenders[0], label="mine", workflow=str(file))
    spec = replace(scenario(), contenders=(mine,), base="mine")
    file.write_text(text)
    await sitting(runtime, adder, spec)
    asked = len(adder.seen)
    file.write_text(text.replace("help: of the solver", "help: how warm") + "# the end\n")
    await sitting(runtime, adder, spec)
    assert len(adder.seen) == asked > 0
    file.write_text(text.replace("default: 0.0", "default: 0.1"))
    await sitting(runtime, adder, spec)
    assert len(adder.seen) == 2 * asked


async def test_a_failed_trial_is_wrong_and_told_and_made_again_next_time(runtime: Open) -> None:
    def fails(request: Request, number: int) -> None:
        if number == 3:
            raise ModelRefused("not today")

    first = await sitting(runtime, Adder(fails=fails), scenario(workflows="[solve]"), concurrency=1)
    (failed,) = [t for t in first.trials if t.stop == "failed"]
    assert (failed.answer, failed.right) == (None, False) and "ModelRefused: " in failed.error
    assert len(first.trials) == 6
    later = Adder()
    second = await sitting(runtime, later, scenario(workflows="[solve]"))
    assert len(later.seen) == 1 and all(t.right for t in second.trials)


async def test_a_model_that_cannot_be_had_ends_the_scenario_soon(runtime: Open) -> None:
    def fails(request: Request, number: int) -> None:
        raise ModelUnavailable("nobody there")

    adder = Adder(fails=fails)
    with pytest.raises(ModelUnavailable, match="nobody there"):
        await sitting(runtime, adder, scenario(workflows="[solve]"), concurrency=1)
    assert len(adder.seen) == HOPELESS


async def test_a_model_that_goes_away_later_is_a_failure_of_some_trials(runtime: Open) -> None:
    def fails(request: Request, number: int) -> None:
        if number > 1:
            raise ModelUnavailable("gone")

    report = await sitting(runtime, Adder(fails=fails), scenario(workflows="[solve]"), concurrency=1)
    assert [t.stop for t in report.trials] == ["answered"] + ["failed"] * 5


@pytest.mark.parametrize("after", [1, 4, 9, 15, 22])
async def test_a_scenario_that_is_cancelled_goes_on_where_it_was(runtime: Open, after: int) -> None:
    whole = await sitting(runtime, Adder(), scenario(name="whole"))
    first = Adder(delay=0.002, tells_at=after)
    async with runtime(first) as opened:
        runner = Runner(scenario(), opened, concurrency=3)
        task = asyncio.create_task(runner.run())
        await first.told.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert first.under_way == 0
    later = Adder()
    report = await sitting(runtime, later)
    assert outcomes(report) == outcomes(whole)
    paid_twice = len(first.seen) + len(later.seen) - 24
    assert 0 <= paid_twice <= 3 * 3  # what was under way when it was cancelled: three runs of three samples


async def test_no_more_runs_than_allowed_go_side_by_side(runtime: Open) -> None:
    adder = Adder(delay=0.002)
    await sitting(runtime, adder, scenario(workflows="[solve]"), concurrency=2)
    assert adder.most == 2
    with pytest.raises(InputError, match="at least 1"):
        await sitting(runtime, Adder(), concurrency=0)


async def test_a_total_is_never_passed_and_a_larger_one_goes_on(runtime: Open) -> None:
    spec = replace(scenario(), total=Limits(calls=10))
    adder = Adder(delay=0.001)
    report = await sitting(runtime, adder, spec)
    assert len(adder.seen) <= 10 and len(report.trials) < report.wanted
    assert report.stopped == "the total of 10 calls has no room for another run of vote"
    more = Adder()
    rest = await sitting(runtime, more, replace(spec, total=Limits(calls=24)))
    assert rest.stopped == "" and len(adder.seen) + len(more.seen) == 24
    assert (await sitting(runtime, Adder(), replace(spec, total=Limits(calls=24)))).stopped == ""


async def test_a_total_in_dollars_wants_known_prices(runtime: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Adder, "price", lambda self, model: None)
    with pytest.raises(InputError, match="the price of solve is not known"):
        await sitting(runtime, Adder(), replace(scenario(), total=Limits(usd=1.0)))


async def test_each_contender_runs_with_each_model_and_one_that_is_given_goes_before(runtime: Open) -> None:
    spec = scenario(workflows="[solve]", models="[adder/x, adder/y]")
    async with runtime(Adder()) as opened:
        labels = Runner(spec, opened).report.labels
        assert labels == ("solve @ adder/x", "solve @ adder/y")
        assert Runner(spec, opened, models={"*": "adder/z"}).report.labels == ("solve",)


async def test_progress_is_told_of_what_was_kept_and_of_each_new_trial(runtime: Open) -> None:
    seen: list[tuple[int, bool]] = []

    def note(report: Report, trial: Trial | None) -> None:
        seen.append((len(report.trials), trial is None))

    async with runtime(Adder()) as opened:
        await Runner(scenario(), opened, limit=2, concurrency=1, seen=note).run()
        await Runner(scenario(), opened, limit=3, concurrency=1, seen=note).run()
    assert seen == [
        (0, True),
        (1, False),
        (2, False),
        (3, False),
        (4, False),
        (4, True),
        (5, False),
        (6, False),
    ]


async def test_a_run_that_another_process_is_at_is_waited_for_and_paid_once(runtime: Open) -> None:
    slow, quick = Adder(delay=1.0), Adder()
    async with runtime(slow) as one, runtime(quick) as other:
        first = asyncio.create_task(Runner(scenario(workflows="[solve]"), one, limit=1).run())
        await slow.told.wait()
        report = await Runner(scenario(workflows="[solve]"), other, limit=2).run()
        assert [(t.stop, t.right) for t in report.trials] == [("answered", True)] * 2
        assert outcomes(await first) == outcomes(report)[:1]
    assert (len(slow.seen), len(quick.seen)) == (1, 1)


async def test_a_run_that_another_process_gives_up_is_taken_up(runtime: Open) -> None:
    slow, quick = Adder(delay=30), Adder()
    async with runtime(slow) as one, runtime(quick) as other:
        first = asyncio.create_task(Runner(scenario(workflows="[solve]"), one, limit=1).run())
        await slow.told.wait()
        second = asyncio.create_task(Runner(scenario(workflows="[solve]"), other, limit=2).run())
        await quick.told.wait()
        first.cancel()
        await asyncio.wait([first])
        assert [(t.stop, t.error) for t in (await second).trials] == [("answered", "")] * 2
    assert len(quick.seen) == 2


async def test_a_model_for_a_role_that_nobody_has_is_refused(runtime: Open) -> None:
    with pytest.raises(
        InputError, match=r"no contender has an agent or role 'sovler' \(did you mean 'solver'"
    ):
        Runner(scenario(), runtime(Adder()), models={"sovler": "adder/y"})


@pytest.mark.parametrize("error", [InputError("no script"), ModelRefused("wrong key", status=401)])
async def test_what_would_fail_every_trial_alike_ends_the_scenario(runtime: Open, error: RebutError) -> None:
    def fails(request: Request, number: int) -> None:
        raise error

    adder = Adder(fails=fails)
    with pytest.raises(type(error)):
        await sitting(runtime, adder, scenario(workflows="[solve]"), concurrency=1)
    assert len(adder.seen) == HOPELESS


async def test_what_a_killed_process_used_counts_in_the_total(runtime: Open, store: Path) -> None:
    spec = scenario(workflows="{vote: {workflow: self-consistency, params: {samples: 3}}}")
    async with runtime(Adder()) as opened:
        first = await Runner(spec, opened, limit=2).run()
    connection = sqlite3.connect(store)  # as if it had begun with the second item, and was killed then
    for table, key in {"run": "id", "call": "run", "message": "run", "event": "run"}.items():
        connection.execute(f"delete from {table} where {key} = ?", (first.trials[0].run,))
    connection.execute("update run set status = 'running', calls = 0, machine = 'gone', pid = 1")
    connection.commit()
    connection.close()
    idle, more = Adder(), Adder()
    short = await sitting(runtime, idle, replace(spec, total=Limits(calls=5)))
    assert short.stopped and idle.seen == []
    enough = await sitting(runtime, more, replace(spec, total=Limits(calls=6)))
    assert len(more.seen) == 3 and enough.usage.calls == 6 and len(enough.trials) == 2
