"""What stands when some of many calls fail: votes go on, quorums are held to, and the notes say so."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from rebut.errors import ModelRefused, ModelTimeout, ModelUnavailable, QuorumMissed, WorkflowError
from rebut.models.script import Line
from rebut.models.wire import Capabilities, Completion, Request, Response, Sink
from rebut.records import Usage

from .stage import NATIVE, SINGLE, Stage, grade, noted

REFUSED = ModelRefused("too long", model="m", status=400)


def vote_of(n: int, *, quorum: int | str = 1, timeout: float = 0.2, more: str = "") -> str:
    return f"""
name: votes
agents: {{solver: solver}}
nodes:
  draw: {{sample: solver, n: {n}, quorum: {quorum}, timeout: {timeout}, save: samples{more}}}
  tally: {{vote: samples, save: ballot}}
edges:
  start: draw
  draw: tally
  tally: end
answer: ballot.answer
fallback: majority(samples)
"""


def each(*, quorum: int = 1, timeout: float = 0.2) -> str:
    return f"""
name: each
agents: {{solver: solver, other: solver}}
nodes:
  draw: {{sample: solver, n: 3, save: drafts}}
  again: {{ask: other, for_each: drafts, as: draft, quorum: {quorum}, timeout: {timeout}, save: revised}}
edges:
  start: draw
  draw: again
  again: end
answer: majority(compact(revised))
fallback: majority(drafts)
"""


SCORED = """
name: scored
agents: {solver: solver, scorer: scorer}
nodes:
  draw: {sample: solver, n: 3, save: samples}
  grade: {score: samples, by: scorer, timeout: 0.2, save: samples}
  tally: {vote: samples, weights: item.score, rule: weighted, save: ballot}
edges:
  start: draw
  draw: grade
  grade: tally
  tally: end
answer: ballot.answer
fallback: majority(samples)
"""

MIXED: list[Any] = [
    REFUSED,
    Line(text="Answer: 9", delay=30),
    "I have no idea",
    *["Answer: 4"] * 3,
    *["Answer: 5"] * 2,
]


async def test_of_eight_one_fails_one_is_late_one_says_nothing_and_the_vote_stands_on_the_rest() -> None:
    result = await Stage({"solver": MIXED}).play(vote_of(8))
    assert (result.answer, result.stop_reason) == ("4", "answered")
    ballot = result.state["ballot"]
    assert (ballot.voters, ballot.abstained) == (5, 1)
    assert [s.index for s in result.state["samples"]] == [2, 3, 4, 5, 6, 7]
    assert len(noted(result, "failed", "draw")) == 2
    assert noted(result, "quorum", "draw") == ["6 of 8 stood"]
    assert noted(result, "abstained", "tally") == ["1 of 6 had no answer to vote with"]
    assert result.seconds < 10


async def test_the_notes_name_who_failed_and_how() -> None:
    result = await Stage({"solver": MIXED}).play(vote_of(8))
    failed = [n for n in result.notes if n.what == "failed"]
    assert {n.data["error"] for n in failed} == {"ModelRefused", "ModelTimeout"}
    assert {n.text.partition(":")[0] for n in failed} == {"sample 0", "sample 1"}


async def test_a_missed_quorum_ends_the_run_and_says_by_how_much() -> None:
    with pytest.raises(QuorumMissed, match="at node 'draw': 6 of 8 stood, 7 needed") as missed:
        await Stage({"solver": MIXED}).play(vote_of(8, quorum=7))
    assert (missed.value.stood, missed.value.quorum, missed.value.of) == (6, 7, 8)


@pytest.mark.parametrize("can", [SINGLE, NATIVE], ids=["single", "native"])
@pytest.mark.parametrize("quorum", [1, 3])
async def test_when_all_fail_the_models_own_error_ends_the_run(can: Capabilities, quorum: int) -> None:
    with pytest.raises(ModelRefused, match="too long"):
        await Stage({"solver": REFUSED}, can).play(vote_of(3, quorum=quorum))


@pytest.mark.parametrize("can", [SINGLE, NATIVE], ids=["single", "native"])
async def test_without_a_quorum_a_vote_of_nobody_needs_its_own(can: Capabilities) -> None:
    with pytest.raises(QuorumMissed, match="'tally': 0 of 0"):
        await Stage({"solver": REFUSED}, can).play(vote_of(3, quorum=0))


async def test_a_late_batch_is_a_timeout() -> None:
    with pytest.raises(ModelTimeout):
        await Stage({"solver": Line(text="Answer: 4", delay=30)}, NATIVE).play(vote_of(3))


class Short(Stage):
    """A server that gives fewer completions than were asked for."""

    async def complete(self, request: Request, sink: Sink | None = None) -> Response:
        self.seen.append(("solver", request))
        some = max(request.n - 2, 1)
        said = tuple(Completion(text="Answer: 4") for _ in range(some))
        return Response(completions=said, usage=Usage(calls=request.n, requests=1), model=request.model)


async def test_what_a_batch_leaves_out_is_drawn_one_by_one() -> None:
    play = Short({"solver": []}, NATIVE)
    result = await play.play(vote_of(5))
    assert [request.n for _, request in play.seen] == [5, 1, 1]
    assert [s.index for s in result.state["samples"]] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("can", [SINGLE, NATIVE], ids=["single", "native"])
@pytest.mark.parametrize("calls", [1, 3, 7])
async def test_a_budget_that_is_spent_midway_keeps_the_samples_that_stand(
    can: Capabilities, calls: int
) -> None:
    play = Stage({"solver": "Answer: 4"}, can)
    result = await play.play(vote_of(8), budget=f"calls={calls}")
    assert (result.answer, result.stop_reason) == ("4", "budget")
    assert len(result.state["samples"]) == calls == play.calls
    assert noted(result, "quorum", "draw") == [f"{calls} of 8 stood"]
    assert len(noted(result, "budget")) == 1


@pytest.mark.parametrize("can", [SINGLE, NATIVE], ids=["single", "native"])
async def test_a_node_whose_own_budget_is_spent_keeps_what_stands(can: Capabilities) -> None:
    play = Stage({"solver": "Answer: 4"}, can)
    result = await play.play(vote_of(8, more=", budget: {calls: 3}"))
    assert (result.answer, len(result.state["samples"])) == ("4", 3)


@pytest.mark.parametrize("can", [SINGLE, NATIVE], ids=["single", "native"])
async def test_a_budget_below_the_quorum_ends_with_the_fallback(can: Capabilities) -> None:
    play = Stage({"solver": "Answer: 4"}, can)
    result = await play.play(vote_of(8, quorum=5), budget="calls=3")
    assert (result.answer, result.stop_reason) == (None, "budget")


@pytest.mark.parametrize("can", [SINGLE, NATIVE], ids=["single", "native"])
async def test_tokens_too_few_for_all_at_once_suffice_for_one_by_one(
    can: Capabilities,
) -> None:
    play = Stage({"solver": "Answer: 4"}, can)
    result = await play.play(vote_of(8), budget="tokens=6000")
    stood = len(result.state["samples"])
    assert result.answer == "4"
    # What is asked for at once is cut to what fits at worst; what was not used is room for those left out.
    assert (stood, result.stop_reason) == (8, "answered")
    assert not can.n or play.seen[0][1].n < 8


async def test_an_early_stop_waits_for_the_quorum() -> None:
    play = Stage({"solver": "Answer: 4"})
    result = await play.play(vote_of(8, quorum=3, more=', stop: "True", wave: 1'))
    assert (play.calls, len(result.state["samples"])) == (3, 3)


async def test_failures_count_when_it_is_asked_what_remains() -> None:
    play = Stage({"solver": ["Answer: 4", "Answer: 4", REFUSED, REFUSED, "Answer: 5"]})
    more = ', stop: "settled(samples, remaining)", wave: 1'
    result = await play.play(vote_of(5, more=more))
    assert (result.answer, play.calls) == ("4", 4)


# for_each


async def test_an_item_that_fails_is_none_in_its_place() -> None:
    late = Line(text="Answer: 9", delay=30)
    play = Stage({"solver": "Answer: 1", "other": [REFUSED, "Answer: 4", late]})
    result = await play.play(each())
    assert [r and r.answer for r in result.state["revised"]] == [None, "4", None]
    assert result.answer == "4"
    assert noted(result, "quorum", "again") == ["1 of 3 stood"]
    assert result.seconds < 10


async def test_for_each_holds_to_its_quorum() -> None:
    play = Stage({"solver": "Answer: 1", "other": [REFUSED, "Answer: 4", REFUSED]})
    with pytest.raises(QuorumMissed, match="'again': 1 of 3 stood, 2 needed"):
        await play.play(each(quorum=2))


async def test_for_each_of_failures_raises_the_models_error_unless_none_need_stand() -> None:
    with pytest.raises(ModelRefused):
        await Stage({"solver": "Answer: 1", "other": REFUSED}).play(each())
    result = await Stage({"solver": "Answer: 1", "other": REFUSED}).play(each(quorum=0))
    assert result.answer == "1"
    assert noted(result, "fallback")


async def test_for_each_keeps_what_was_done_when_the_budget_is_spent() -> None:
    play = Stage({"solver": "Answer: 1", "other": "Answer: 4"})
    result = await play.play(each(), budget="calls=5")
    assert (result.answer, result.stop_reason) == ("4", "budget")
    assert [r and r.answer for r in result.state["revised"]] == ["4", "4", None]


# score


async def test_a_sample_that_could_not_be_scored_has_no_score_and_no_vote() -> None:
    lines: list[Any] = [REFUSED, grade(5), Line(text=grade(9), delay=30)]
    play = Stage({"solver": ["Answer: 1", "Answer: 2", "Answer: 3"], "scorer": lines})
    result = await play.play(SCORED)
    assert [s.score for s in result.state["samples"]] == [None, 0.5, None]
    assert result.answer == "2"
    assert len(noted(result, "failed", "grade")) == 2


async def test_when_no_scorer_answers_the_models_error_ends_the_run() -> None:
    with pytest.raises(ModelRefused):
        await Stage({"solver": ["Answer: 1", "Answer: 2", "Answer: 3"], "scorer": REFUSED}).play(SCORED)


async def test_scorers_that_only_abstain_leave_it_to_the_vote_and_its_quorum() -> None:
    play = Stage({"solver": ["Answer: 1", "Answer: 2", "Answer: 3"], "scorer": "great!"})
    with pytest.raises(QuorumMissed, match="'tally': 0 of 3"):
        await play.play(SCORED)


@pytest.mark.parametrize(("calls", "answer"), [(3, "1"), (4, "1"), (5, "2")])
async def test_scores_that_were_given_before_the_budget_ended_count(calls: int, answer: str) -> None:
    play = Stage({"solver": ["Answer: 1", "Answer: 2", "Answer: 3"], "scorer": [grade(5), grade(6)]})
    result = await play.play(SCORED, budget=f"calls={calls}")
    assert (result.answer, result.stop_reason) == (answer, "budget")


# Cancelling


class Hanging(Stage):
    """Hangs for ever, and counts who was let go."""

    gone = 0
    under_way = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self.full = asyncio.Event()

    async def complete(self, request: Request, sink: Sink | None = None) -> Response:
        self.under_way += 1
        if self.under_way >= 3:
            self.full.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.gone += 1
            raise
        raise AssertionError


@pytest.mark.parametrize("can", [SINGLE, NATIVE], ids=["single", "native"])
async def test_late_calls_are_cancelled_at_the_back_end(can: Capabilities) -> None:
    play = Hanging({"solver": []}, can)
    with pytest.raises(ModelTimeout):
        await play.play(vote_of(4, timeout=0.05))
    assert play.gone == play.under_way == (1 if can.n else 4)


@pytest.mark.parametrize("ref", ["self-consistency", "society", "magicore"])
async def test_cancelling_a_run_cancels_its_calls_and_leaves_no_task(ref: str) -> None:
    play = Hanging({agent: [] for agent in ("solver", "member")})
    before = asyncio.all_tasks()
    task = asyncio.create_task(play.play(ref))
    await play.full.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert play.gone == play.under_way
    assert asyncio.all_tasks() == before


# Votes


@pytest.mark.parametrize(("kind", "answers"), [("math", ["x^2+2x+1", "(x+1)^2", "3x"]),
                                               ("auto", ["$x^2+2x+1$", "$(x+1)^2$", "$3x$"])])  # fmt: skip
async def test_a_vote_on_formulas_does_not_hold_up_the_event_loop(
    kind: str, answers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    from rebut.agents.answers import maths

    asked_in: list[threading.Thread] = []

    def proved(a: str, b: str) -> bool:
        asked_in.append(threading.current_thread())
        return "3" not in a + b

    monkeypatch.setattr(maths, "_proved", proved)
    said = [f"Answer: {a}" for a in answers]
    result = await Stage({"solver": said}).play(vote_of(3, timeout=5), kind=kind)
    assert asked_in and threading.main_thread() not in asked_in
    assert result.state["ballot"].members == (0, 1)


async def test_a_wrong_weight_is_the_workflows_fault() -> None:
    text = vote_of(2).replace("vote: samples,", "vote: samples, weights: -1, rule: weighted,")
    with pytest.raises(WorkflowError, match="node 'tally': weight must be"):
        await Stage({"solver": "Answer: 4"}).play(text)


@pytest.mark.parametrize(("threshold", "answer"), [(0.5, "4"), (0.9, None)])
async def test_a_supermajority_can_be_set(threshold: float, answer: str | None) -> None:
    text = vote_of(3).replace(
        "vote: samples,", f"vote: samples, rule: supermajority, threshold: {threshold},"
    )
    text = text.replace("fallback: majority(samples)\n", "")
    result = await Stage({"solver": ["Answer: 4", "Answer: 4", "Answer: 5"]}).play(text)
    assert result.answer == answer


@pytest.mark.parametrize(("power", "answer"), [(0, "5"), (8, "4")])
async def test_the_power_of_a_borda_vote_can_be_set(power: int, answer: str) -> None:
    weights = "weights: \"9 if item.answer == '4' else 1\""
    text = vote_of(3).replace("vote: samples,", f"vote: samples, rule: borda, {weights}, power: {power},")
    result = await Stage({"solver": ["Answer: 5", "Answer: 4", "Answer: 5"]}).play(text)
    assert result.answer == answer


async def test_a_model_that_cannot_be_reached_names_itself() -> None:
    gone = ModelUnavailable("no such server", model="stage/solver")
    with pytest.raises(ModelUnavailable, match="no such server"):
        await Stage({"solver": gone}).play("self-consistency")
