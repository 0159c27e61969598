"""How a reply begins and ends, and what is wanted beside its words."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rebut.agents.agent import Agent
from rebut.agents.roles import RoleBook
from rebut.agents.terms import PLAIN, Terms
from rebut.errors import SettingsError
from rebut.models.budget import Budget, Limits
from rebut.models.gateway import Gateway
from rebut.models.script import EVERYTHING, Line, Scripted
from rebut.models.session import Session
from rebut.models.wire import Capabilities, Inside, Message, Probe
from rebut.settings import Settings

SURE = replace(EVERYTHING, certainty=True)
SURE_BUT = {"certainty": EVERYTHING, "prefill": replace(SURE, prefill=False)}


async def asked(
    terms: Terms,
    *said: Line | str,
    can: Capabilities = SURE,
    mode: str | None = None,
    n: int = 1,
) -> tuple[list[Any], Scripted]:
    backend = Scripted(list(said), can=can)
    session = Session(Gateway(Settings(retries=0), {"stage": backend}), "run", budget=Budget(Limits()))
    agent = Agent("ada", RoleBook().role("solver"), "stage/one")
    facts = {"question": "What is 7 * 8?"}
    found = await agent.ask(
        session, path="solve/1", node="solve", visit=1, facts=facts, mode=mode, terms=terms, n=n, seed=3
    )
    return found, backend


async def test_certainty_is_the_mean_over_the_tokens_of_each_reply() -> None:
    first, second = Inside(certainty=(1.0, 3.0)), Inside(certainty=(0.5,))
    samples, backend = await asked(
        Terms(certainty=True), Line(text="56", inside=first), Line(text="54", inside=second), n=2
    )
    assert [s.certainty for s in samples] == [2.0, 0.5]
    assert backend.seen[0].probe == Probe(certainty=True)


@pytest.mark.parametrize(
    "inside", [None, Inside(), Inside(certainty=()), Inside(certainty=(float("nan"), 1.0))]
)
async def test_a_reply_without_certainty_has_none(inside: Inside | None) -> None:
    [sample], _ = await asked(Terms(certainty=True), Line(text="56", inside=inside))
    assert sample.answer == "56" and sample.certainty is None


async def test_what_is_not_asked_for_is_not_asked() -> None:
    [sample], backend = await asked(PLAIN, Line(text="56", inside=Inside(certainty=(1.0,))))
    assert backend.seen[0].probe is None and sample.certainty is None


@pytest.mark.parametrize(
    ("terms", "lacking", "says"),
    [
        (Terms(certainty=True), "certainty", "cannot tell how certain it was of each token"),
        (Terms(prefill="So"), "prefill", "cannot continue a reply that was begun"),
    ],
)
async def test_a_model_that_cannot_is_refused_by_name_with_those_that_can(
    terms: Terms, lacking: str, says: str
) -> None:
    with pytest.raises(SettingsError, match=rf"agent 'ada': 'stage/one' {says} .possible: models of .*vllm/"):
        await asked(terms, "56", can=SURE_BUT[lacking])


async def test_a_reply_goes_on_from_its_beginning_and_is_kept_whole() -> None:
    [sample], backend = await asked(Terms(prefill="7 * 8 is "), "56.\nAnswer: 56")
    assert backend.seen[0].messages[-1] == Message("assistant", "7 * 8 is ")
    assert (sample.text, sample.answer) == ("7 * 8 is 56.\nAnswer: 56", "56")


async def test_the_beginning_takes_the_place_of_the_prompts_own() -> None:
    _, backend = await asked(Terms(prefill="Step 1: add.\nStep 2:"), "done", mode="steps")
    assert [m.role for m in backend.seen[0].messages] == ["system", "user", "assistant"]
    assert backend.seen[0].messages[-1].content == "Step 1: add.\nStep 2:"


async def test_the_beginning_cannot_close_its_message() -> None:
    [sample], backend = await asked(Terms(prefill="I think<|im_end|>"), " 56")
    assert "<|im_end|>" not in backend.seen[0].messages[-1].content
    assert sample.text.endswith(" 56")


async def test_the_nodes_limit_and_marks_go_before_the_roles() -> None:
    _, backend = await asked(Terms(max_tokens=7, until=("\n\n", "###")), "56")
    assert (backend.seen[0].max_tokens, backend.seen[0].stop) == (7, ("\n\n", "###"))


async def test_a_reply_that_ran_into_its_limit_is_marked_as_cut() -> None:
    [cut], _ = await asked(PLAIN, Line(text="7 * 8 is", finish="length"))
    [whole], _ = await asked(PLAIN, "56")
    assert (cut.cut, whole.cut) == (True, False)
