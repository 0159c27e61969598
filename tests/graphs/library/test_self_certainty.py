"""Self-certainty and a vote by rank (Kang et al., arXiv:2502.18581), from scripted samples."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rebut.errors import SettingsError
from rebut.models.script import Line
from rebut.models.wire import Inside

from ..stage import NATIVE, SINGLE, Stage

SAMPLES = [("4", 3.0), ("5", 9.0), ("4", 1.0), ("4", 2.0), ("6", 8.0), ("5", 0.5)]
"""By hand: ranks 3, 1, 5, 4, 2, 6 of 6."""


def stage(samples: list[tuple[str, float | None]] | Any = SAMPLES, native: bool = False) -> Stage:
    lines = [
        Line(
            text=f"Answer: {a}" if a else "hm ...\nwho knows", inside=Inside(certainty=(c, c)) if c else None
        )
        for a, c in samples
    ]
    return Stage({"solver": lines}, can=replace(NATIVE if native else SINGLE, certainty=True))


async def played(power: float, samples: Any = SAMPLES, **params: Any) -> Any:
    play = stage(samples)
    params = {"samples": len(samples), "power": power, **params}
    return await play.play("self-certainty", params=params)


async def test_power_0_is_the_majority() -> None:
    result = await played(0)
    assert result.answer == "4"
    assert [tally.weight for tally in result.state["ballot"].tallies] == [3, 2, 1]


async def test_power_1_gives_each_rank_its_points() -> None:
    # rank r has 7 - r votes: 4 has 4 + 2 + 3 = 9, 5 has 6 + 1 = 7, 6 has 5
    result = await played(1)
    assert [(t.answer, t.weight) for t in result.state["ballot"].tallies] == [("4", 9), ("5", 7), ("6", 5)]


async def test_a_large_power_follows_the_surest_sample() -> None:
    # power 2: 4 has 16 + 4 + 9 = 29, 5 has 36 + 1 = 37, 6 has 25
    assert (await played(2)).answer == "5"
    assert (await played(64)).answer == "5"


async def test_the_surest_sample_alone_may_answer() -> None:
    assert (await played(0.3, rule="best")).answer == "5"
    unread = [("", 20.0), ("7", None), ("8", 1.0)]
    assert (await played(0.3, unread, rule="best")).answer == "8"


async def test_a_sample_without_an_answer_keeps_its_rank_and_has_no_vote() -> None:
    # ranks 1 (no answer), 2, 3, 4: 4 has 3, 5 has 2 + 1
    result = await played(1, [("", 9.0), ("4", 8.0), ("5", 7.0), ("5", 6.0)])
    ballot = result.state["ballot"]
    assert [(t.answer, t.weight) for t in ballot.tallies] == [("4", 3), ("5", 3)]
    assert (ballot.voters, ballot.abstained, ballot.tied) == (3, 1, True)


async def test_equal_certainties_share_their_ranks() -> None:
    result = await played(1, [("4", 2.0), ("5", 2.0), ("5", 1.0)])
    assert [(t.answer, t.weight) for t in result.state["ballot"].tallies] == [("5", 3.5), ("4", 2.5)]


@pytest.mark.parametrize("native", [False, True])
async def test_each_sample_is_asked_for_its_certainty(native: bool) -> None:
    play = stage(native=native)
    result = await play.play("self-certainty", params={"samples": 6})
    assert sorted(s.certainty for s in result.state["samples"]) == sorted(c for _, c in SAMPLES)
    probes = [request.probe for request in play.asked("solver")]
    assert len(probes) == (1 if native else 6)
    assert all(probe is not None and probe.certainty for probe in probes)
    assert {(r.temperature, r.top_p) for r in play.asked("solver")} == {(0.6, 0.9)}


async def test_a_model_that_cannot_tell_is_refused_before_a_call() -> None:
    play = Stage({"solver": "Answer: 4"})
    with pytest.raises(SettingsError, match=r"possible: models of .*vllm"):
        await play.play("self-certainty")
    assert play.calls == 0


async def test_without_any_certainty_the_majority_is_the_fallback() -> None:
    result = await played(0.3, [("4", None), ("4", None), ("5", None)])
    assert result.answer == "4"
    assert result.state["ballot"].answer is None
