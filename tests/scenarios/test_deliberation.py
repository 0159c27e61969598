"""What went on inside of trials, from real runs of the library's workflows with a model of sums."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import rebut
from rebut.models.wire import Request
from rebut.scenarios.confidence import calibrated, sureness
from rebut.scenarios.courses import Course
from rebut.scenarios.deliberation import Inside, courses, inside, main
from rebut.scenarios.runner import Report, Runner
from rebut.scenarios.statistics import auroc, brier, ece

from .adder import Adder, scenario
from .report.conftest import Talker
from .test_courses import follow, said
from .test_verdict import of

Open = Callable[[Adder], rebut.Runtime]


@dataclass
class Known:
    report: Report
    found: dict[str, Course]
    told: dict[str, Inside]


async def known(opened: rebut.Runtime, workflows: str, **more: str) -> Known:
    runner = Runner(scenario(workflows=workflows, **more), opened)
    report = await runner.run()
    found = await courses(report, runner.entrants, opened)
    kinds = {entrant.label: entrant.workflow.kind for entrant in runner.entrants}
    return Known(report, found, {one.label: one for one in inside(report, found, kinds)})


def first_look(request: Request, number: int) -> bool:
    """Wrong in a first answer of every other seed, right once others have been read."""
    looked = any("<quote>" in message.content for message in request.messages)
    return not looked and (request.seed or 0) % 2 == 0


async def test_a_society_has_its_rounds_its_gains_and_its_agreement(runtime: Open) -> None:
    async with runtime(Talker(wrong=first_look, says="")) as opened:
        found = await known(opened, "{society: {workflow: society, params: {agents: 3, rounds: 3}}}")
    (exchange,) = found.told["society"].exchanges
    first, second, third = exchange.rounds
    assert (exchange.name, exchange.seats, exchange.used, exchange.trials) == ("answers", 3, 3, 6)
    assert first.changes is None and first.agreement is not None and third.agreement is not None
    assert second.changes is not None and second.changes.gained > 0 and second.changes.lost == 0
    assert third.agreement.pairwise == 1 and (first.agreement.pairwise or 0) < 1
    assert exchange.flips is not None and exchange.flips.counts["wrong", "right"] == second.changes.gained
    assert exchange.correction is not None and exchange.correction.critique_score == 1


async def test_without_a_second_round_nothing_is_said_of_changes(runtime: Open) -> None:
    async with runtime(Adder(wrong=lambda request, _: (request.seed or 0) % 3 == 0)) as opened:
        found = await known(
            opened, "{solve: solve, vote: {workflow: self-consistency, params: {samples: 3}}}"
        )
    solve, vote = (found.told[label].exchanges[0] for label in ("solve", "vote"))
    assert (solve.flips, solve.correction, solve.influence) == (None, None, None)
    assert solve.rounds[0].agreement is None and solve.rounds[0].diversity is None
    assert vote.rounds[0].agreement is not None and vote.rounds[0].diversity is not None
    assert found.told["solve"].ways == () and found.told["solve"].position is None


async def test_a_confidence_is_held_against_what_was_right(runtime: Open) -> None:
    async with runtime(Adder(wrong=lambda request, _: (request.seed or 0) % 3 == 0)) as opened:
        found = await known(
            opened, "{solve: solve, vote: {workflow: self-consistency, params: {samples: 3}}}"
        )
    (vote,) = calibrated(found.report, found.found)
    trials = [trial for trial in found.report.trials if trial.label == "vote"]
    sure = [found.found[trial.run].sure["share of the vote"] for trial in trials]
    right = [trial.right for trial in trials]
    assert (vote.label, vote.source, vote.n, vote.of) == ("vote", "share of the vote", 6, 6)
    assert (vote.ece, vote.brier, vote.auroc) == (ece(sure, right), brier(sure, right), auroc(sure, right))
    told = {trial.run: (value, "share of the vote") for trial, value in zip(trials, sure, strict=True)}
    assert sureness(found.report, found.found) == told, "solve says nothing of how sure it is"
    assert vote.ece_interval is not None and vote.ece_interval.low <= vote.ece <= vote.ece_interval.high


async def test_the_way_that_only_some_took_is_told_with_how_they_fared(runtime: Open) -> None:
    async with runtime(Talker(wrong=lambda request, _: (request.seed or 0) % 2 == 0, says="")) as opened:
        found = await known(
            opened, "{route: {workflow: route-by-difficulty, params: {method: self-consistency}}}"
        )
    route = found.told["route"]
    hard = next(way for way in route.ways if "hard" in way.nodes)
    came = sum("hard" in found.found[trial.run].visited for trial in found.report.trials)
    assert 0 < came < 6 and (hard.taken.hard, hard.taken.n) == (came, 6)
    assert "hard.draw" in hard.nodes and "draw" not in hard.nodes


def test_the_exchange_that_the_answers_come_from_goes_first() -> None:
    (trial,) = of("w", "1")
    run = follow(
        ("draw", "sample", {"samples": [said("1", "d/1#0"), said("2", "d/1#1", index=1)]}),
        ("check", "ask", {"guesses": [said("9", "c/1[0]"), said("8", "c/1[1]"), said("7", "c/1[2]")]}),
        ("plan", "ask", {"idea": said("5", "p/1")}),
        ("plan", "ask", {"idea": said("6", "p/2")}),
    )
    assert main([(trial, run)]) == ["samples", "idea"]
