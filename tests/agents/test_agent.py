"""An agent, its calls, and their re-asks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from rebut.agents.agent import Agent
from rebut.agents.asking import Session as Asked
from rebut.agents.roles import RoleBook
from rebut.errors import BudgetSpent, ModelBusy, WorkflowError
from rebut.models.budget import Budget, Limits
from rebut.models.gateway import Gateway
from rebut.models.journal import CallSite
from rebut.models.script import Scripted
from rebut.models.session import Session
from rebut.models.wire import Capabilities, Completion, Message, Request, Response, TokenLogprob
from rebut.records import Critique, Sample, Score, Usage, Verdict

Reply = str | Completion | Exception | list[str | Completion]
ALL = Capabilities(n=True, schema=True, logprobs=True, seed=True, prefill=True)
VERDICT = json.dumps({"reason": "r", "side": "ada", "answer": "56"})


@dataclass
class Played:
    """A session that says its lines, and keeps what it was asked."""

    lines: list[Reply]
    able: Capabilities = ALL
    asked: list[tuple[Request, CallSite]] = field(default_factory=list)
    limits: list[tuple[Budget | None, float | None]] = field(default_factory=list)
    kept: list[tuple[Request, CallSite]] = field(default_factory=list)

    @property
    def gateway(self) -> Played:
        return self

    def capabilities(self, model: str) -> Capabilities:
        return self.able

    async def call(
        self,
        request: Request,
        site: CallSite,
        *,
        budget: Budget | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - the session's own signature
        reuse: bool = False,
    ) -> Response:
        self.asked.append((request, site))
        self.limits.append((budget, timeout))
        await asyncio.sleep(0)
        line = self.lines.pop(0)
        if isinstance(line, Exception):
            raise line
        said = line if isinstance(line, list) else [line]
        texts = tuple(c if isinstance(c, Completion) else Completion(text=c) for c in said)
        return Response(completions=texts, usage=Usage())

    def keep(self, request: Request, site: CallSite) -> None:
        self.kept.append((request, site))


class Notes(list[tuple[str, str]]):
    """Notes taken, as (what, path)."""

    def __call__(self, what: str, text: str, data: Mapping[str, Any]) -> None:
        assert text and data["agent"] == "ada"
        self.append((what, data["call"]))


def agent(role: str, **settings: Any) -> Agent:
    return Agent(name="ada", role=RoleBook().role(role), model="scripted/x", **settings)


async def ask(who: Agent, session: Asked, **more: Any) -> list[Any]:
    facts = {"question": "What is 7 * 8?"} | more.pop("facts", {})
    given: dict[str, Any] = {
        "path": "n/1",
        "node": "n",
        "visit": 1,
        "kind": "number",
        "seed": 5,
        "facts": facts,
    }
    return list(await who.ask(session, **(given | more)))


JUDGING: dict[str, Any] = {"facts": {"arguments": [], "sides": ["ada", "bel"]}}


async def test_a_solvers_reply_becomes_a_sample() -> None:
    session = Played([Completion(text="So 56.\nAnswer: 56", logprobs=(TokenLogprob("a", 0.0),))])
    (sample,) = await ask(agent("solver"), session, visit=2, logprobs=0)
    assert sample == Sample(
        text="So 56.\nAnswer: 56",
        answer="56",
        agent="ada",
        model="scripted/x",
        visit=2,
        confidence=1.0,
        call="n/1",
    )
    request, site = session.asked[0]
    assert site == CallSite(path="n/1", node="n", visit=2, agent="ada", role="solver")
    assert (request.model, request.n, request.seed, request.logprobs) == ("scripted/x", 1, 5, 0)
    assert request.messages[-1].content.endswith("Finish with a line `Answer: <number>`.")


async def test_the_agents_settings_go_before_its_modes() -> None:
    session = Played(["1", "1"])
    await ask(agent("solver"), session)
    await ask(agent("solver", temperature=0.0, top_p=0.5, max_tokens=7), session)
    theirs, mine = session.asked[0][0], session.asked[1][0]
    assert (theirs.temperature, theirs.top_p, theirs.max_tokens, theirs.seed) == (0.7, None, 1024, 5)
    assert (mine.temperature, mine.top_p, mine.max_tokens, mine.seed) == (0.0, 0.5, 7, None)


async def test_limits_are_handed_to_the_session() -> None:
    session, budget = Played(["x", VERDICT]), Budget()
    await ask(agent("judge"), session, budget=budget, timeout=3.0, **JUDGING)
    assert session.limits == [(budget, 3.0), (budget, 3.0)]


async def test_facts_of_a_call_go_before_the_agents_and_its_name_before_both() -> None:
    session = Played(["x"])
    who = agent("debater", facts={"side": "pro", "opponent": "bel", "level": 2, "agent": "eve"})
    await ask(who, session, facts={"arguments": [], "side": "con", "agent": "mal"})
    assert (
        session.asked[0][0].messages[0].content.startswith("You are ada, the con side, in a debate with bel.")
    )


async def test_a_missing_fact_is_told_before_anything_is_sent() -> None:
    session = Played([])
    with pytest.raises(WorkflowError, match=r"debater/default\.j2:\d+: 'arguments' is undefined"):
        await ask(agent("debater"), session)
    assert not session.asked


async def test_samples_of_one_call_are_numbered_from_the_index_on() -> None:
    session = Played([["Answer: 1", "no idea", "Answer: 3"]])
    samples = await ask(agent("solver"), session, n=3, facts={"index": 4})
    assert [(s.index, s.answer) for s in samples] == [(4, "1"), (5, None), (6, "3")]
    assert session.asked[0][0].n == 3


async def test_missing_completions_abstain_and_surplus_ones_are_dropped() -> None:
    notes = Notes()
    assert [s and s.answer for s in await ask(agent("solver"), Played([["1"]]), n=2, on_note=notes)] == [
        "1",
        None,
    ]
    assert notes == [("abstained", "n/1")]
    assert len(await ask(agent("solver"), Played([["1", "2", "3"]]), n=2)) == 2


async def test_a_prefill_is_part_of_the_sample_where_the_back_end_continues_it() -> None:
    session = Played([" add\nStep 2: done\nAnswer: 56"])
    (sample,) = await ask(agent("solver"), session, mode="steps")
    assert session.asked[0][0].messages[-1] == Message("assistant", "Step 1:")
    assert sample.text == "Step 1: add\nStep 2: done\nAnswer: 56"


async def test_a_prefill_is_left_out_where_the_back_end_cannot_continue_it() -> None:
    session = Played(["Step 1: add\nAnswer: 56"], able=replace(ALL, prefill=False))
    (sample,) = await ask(agent("solver"), session, mode="steps")
    assert session.asked[0][0].messages[-1].role == "user"
    assert sample.text == "Step 1: add\nAnswer: 56"


async def test_decoding_is_constrained_where_the_back_end_can() -> None:
    session = Played([VERDICT] * 3)
    await ask(agent("judge"), session, **JUDGING)
    await ask(agent("judge"), session, schema=False, **JUDGING)
    session.able = Capabilities()
    (verdict,) = await ask(agent("judge"), session, logprobs=0, **JUDGING)
    schemas = [request.schema for request, _ in session.asked]
    assert schemas[0] and schemas[0]["properties"]["side"] == {
        "type": "string",
        "enum": ["ada", "bel", "neither"],
    }
    assert schemas[1:] == [None, None]
    assert session.asked[-1][0].logprobs is None
    assert verdict == Verdict(
        decided=True, answer="56", side="ada", reason="r", agent="ada", model="scripted/x", call="n/1"
    )


async def test_a_reply_that_does_not_fit_is_asked_again_with_what_is_wrong() -> None:
    session, notes = Played(["Ada wins.", VERDICT]), Notes()
    (verdict,) = await ask(agent("judge"), session, on_note=notes, **JUDGING)
    assert verdict.answer == "56" and verdict.call == "n/1~1"
    (first, _), (second, site) = session.asked
    assert site.path == "n/1~1"
    assert second.messages[:-2] == first.messages
    assert second.messages[-2] == Message("assistant", "Ada wins.")
    assert second.messages[-1].content.startswith("Your reply does not fit: the reply holds no JSON object.")
    assert replace(second, messages=first.messages) == first
    assert notes == [("reasked", "n/1~1")]


async def test_a_reply_that_never_fits_abstains() -> None:
    session, notes = Played(["a", "b", "c"]), Notes()
    assert await ask(agent("judge"), session, reasks=2, on_note=notes, **JUDGING) == [None]
    assert [site.path for _, site in session.asked] == ["n/1", "n/1~1", "n/1~2"]
    assert "b" in session.asked[2][0].messages[-2].content
    assert notes == [("reasked", "n/1~1"), ("reasked", "n/1~2"), ("abstained", "n/1")]


async def test_nothing_is_asked_again_when_re_asks_are_off() -> None:
    session, notes = Played(["a"]), Notes()
    assert await ask(agent("judge"), session, reasks=0, on_note=notes, **JUDGING) == [None]
    assert notes == [("abstained", "n/1")]


async def test_a_repair_is_noted() -> None:
    notes = Notes()
    (verdict,) = await ask(agent("judge"), Played([VERDICT[:-1]]), on_note=notes, **JUDGING)
    assert verdict.decided
    assert notes == [("repaired", "n/1")]


async def test_a_reply_cut_off_is_told_so() -> None:
    session = Played([Completion(text=VERDICT[:-1], finish="length"), VERDICT])
    (verdict,) = await ask(agent("judge"), session, **JUDGING)
    assert verdict.decided
    assert "cut off before its end, so it must be shorter" in session.asked[1][0].messages[-1].content


async def test_only_the_unfit_of_many_replies_is_asked_again() -> None:
    session, good = (
        Played([['{"score": 8}', "eight", '{"score": 2}'], '{"score": 9}']),
        {"item": Sample(text="t")},
    )
    scores = await ask(agent("scorer"), session, n=3, facts=good)
    assert scores == [Score(value=0.8), Score(value=0.9), Score(value=0.2)]
    (_, _), (again, site) = session.asked
    assert (again.n, site.path) == (1, "n/1#1~1")
    assert again.messages[-2].content == "eight"


async def test_a_judge_who_must_decide_is_asked_again_and_a_solver_is_not() -> None:
    open_ = json.dumps({"reason": "r", "side": "neither", "answer": ""})
    session = Played([open_, VERDICT])
    facts = {"evidence": [Sample(text="56", agent="ada")], "candidates": None}
    (verdict,) = await ask(agent("judge"), session, mode="settle", facts=facts)
    assert verdict.answer == "56" and len(session.asked) == 2
    assert (await ask(agent("solver"), Played(["no idea"])))[0].answer is None


@pytest.mark.parametrize("error", [ModelBusy("busy"), BudgetSpent("calls", 1)])
async def test_failures_of_the_call_reach_the_caller(error: Exception) -> None:
    with pytest.raises(type(error)):
        await ask(agent("judge"), Played([error]), **JUDGING)
    with pytest.raises(type(error)):
        await ask(agent("judge"), Played(["unfit", error]), **JUDGING)


@pytest.mark.parametrize("error", [ModelBusy("busy"), BudgetSpent("calls", 1)])
async def test_a_failed_re_ask_does_not_take_the_replies_that_stand_with_it(error: Exception) -> None:
    notes, facts = Notes(), {"item": Sample(text="t")}
    session = Played([["unfit", '{"score": 8}'], error])
    assert await ask(agent("scorer"), session, n=2, facts=facts, on_note=notes) == [None, Score(value=0.8)]
    assert notes == [("reasked", "n/1#0~1"), ("abstained", "n/1#0~1")]


async def test_cancelling_an_ask_cancels_its_call() -> None:
    class Stuck(Played):
        async def call(self, *args: Any, **more: Any) -> Response:
            await asyncio.Event().wait()
            raise AssertionError

    task = asyncio.create_task(ask(agent("solver"), Stuck([])))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_nothing_is_awaited_behind_the_last_hand_over() -> None:
    order: list[str] = []

    class Watched(Played):
        async def call(self, *args: Any, **more: Any) -> Response:
            response = await super().call(*args, **more)
            asyncio.get_running_loop().call_soon(order.append, "loop turned")
            return response

    facts = {"item": Sample(text="t")}
    await ask(agent("scorer"), Watched([["unfit", '{"score": 8}'], '{"score": 9}']), n=2, facts=facts)
    order.append("returned")
    await asyncio.sleep(0)
    assert order == ["loop turned", "returned", "loop turned"]


async def test_a_reviewer_returns_a_critique_with_its_author() -> None:
    session = Played(['{"text": "Fine.", "accepted": true}'])
    assert await ask(agent("reviewer"), session, facts={"draft": Sample(text="56")}) == [
        Critique(accepted=True, text="Fine.", agent="ada", model="scripted/x", call="n/1")
    ]


async def test_a_real_session_carries_the_calls_and_counts_them() -> None:
    model = Scripted(["Ada wins.", VERDICT])
    budget = Budget(Limits(calls=2))
    session = Session(Gateway(backends={"scripted": model}), "run", budget=budget)
    (verdict,) = await ask(agent("judge"), session, **JUDGING)
    assert verdict.answer == "56"
    assert [request.schema is not None for request in model.seen] == [True, True]
    with pytest.raises(BudgetSpent):
        await ask(agent("judge"), session, path="n/2", **JUDGING)
    assert budget.spent.calls == 2


async def test_only_replies_that_fitted_at_once_may_be_taken_by_others() -> None:
    good = '{"text": "Step 2 is wrong.", "accepted": false}'
    for lines, reuse, kept in (([good], True, 1), ([good], False, 0), (["I say no.", good], True, 0)):
        session = Played(list(lines))
        await ask(agent("reviewer"), session, reuse=reuse, facts={"draft": Sample(text="56")})
        assert session.kept == session.asked[:1] * kept
