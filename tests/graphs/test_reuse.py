"""A node with `reuse` takes the reply that another run of the store was given to the same request."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

import rebut
from rebut.errors import WorkflowError
from rebut.graphs.runtime import Runtime
from rebut.graphs.workflow import Workflow, loads
from rebut.memory.choosing import Choice
from rebut.memory.collect import collect, plan
from rebut.memory.dialect import address
from rebut.memory.store import Store
from rebut.models.gateway import Gateway
from rebut.settings import Settings

from .stage import SINGLE, Stage

FLOW = """
name: reusing
inputs: [question]
params: {reuse: {default: true}, task: {default: sums}}
agents:
  maker: {role: planner, task: =params.task, slots: "=range(3)", temperature: 0.7}
  solver: solver
nodes:
  make: {ask: maker, mode: modules, with: {examples: ["1 + 3?"]}, reuse: =params.reuse, save: made, quorum: 0}
  solve: {ask: solver, save: solution}
edges: {start: make, make: solve, solve: end}
answer: solution.answer
"""
MADE = json.dumps({"modules": ["Count.", "Check."]})


BUILT: list[House] = []


class House:
    """Runs of a workflow on one stage and one store."""

    def __init__(self, store: Path | str, **said: Any) -> None:
        self.stage = Stage({"maker": MADE, "solver": "Answer: 4", **said}, SINGLE)
        settings = Settings(retries=0)
        self.runtime = Runtime(store, settings=settings, gateway=Gateway(settings, {"stage": self.stage}))
        BUILT.append(self)

    @property
    def store(self) -> Store:
        assert self.runtime.store is not None
        return self.runtime.store

    def flow(self, models: str = "stage/", text: str = FLOW, **params: Any) -> Workflow:
        flow = loads(text) if "\n" in text else rebut.load(text)
        named = {name: models + name for name in flow.spec.agents}
        return flow.with_(models=named, kind="number", runtime=self.runtime, params=params)

    async def order(self, flow: Workflow, question: str = "2 + 2?", **options: Any) -> list[str]:
        """Who was asked in one more run."""
        before = len(self.stage.order)
        self.last = await flow.run(question, **options)
        assert self.last.answer == "4"
        return self.stage.order[before:]


@pytest.fixture(autouse=True)
async def closed() -> AsyncGenerator[None]:
    """Closes the houses of a test."""
    yield
    while BUILT:
        await BUILT.pop().runtime.close()


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "s.db")


async def test_the_second_run_takes_the_reply_of_the_first_and_pays_nothing_for_it(house: House) -> None:
    assert await house.order(house.flow(), seed=1) == ["maker", "solver"]
    first = house.last
    assert await house.order(house.flow(), "3 + 1?", seed=2) == ["solver"]
    assert house.last.state["made"] == first.state["made"] is not None
    assert (house.last.usage.calls, first.usage.calls) == (1, 2)
    assert house.last.usage.tokens < first.usage.tokens
    made, solved = await house.store.calls(house.last.run)
    assert made.taken and not solved.taken
    [spent] = await house.store.spent([house.last.run])
    assert spent.agent == "solver"


async def test_a_third_run_takes_it_too_also_of_a_store_opened_again(tmp_path: Path) -> None:
    for place in range(3):
        again = House(tmp_path / "s.db")
        assert await again.order(again.flow()) == (["solver"] if place else ["maker", "solver"])
        await again.runtime.close()


@pytest.mark.parametrize("other", [{"task": "products"}, {"reuse": False}])
async def test_another_request_is_made(house: House, other: dict[str, Any]) -> None:
    await house.order(house.flow())
    assert await house.order(house.flow(**other)) == ["maker", "solver"]


async def test_another_model_is_asked_itself(house: House) -> None:
    await house.order(house.flow())
    house.stage._voices["larger"] = house.stage._voices["maker"]
    flow = house.flow().with_(models={"maker": "stage/larger"})
    assert await house.order(flow) == ["larger", "solver"]


async def test_what_did_not_fit_is_not_kept(tmp_path: Path) -> None:
    house = House(tmp_path / "s.db", maker=["I cannot.", "No.", "I cannot.", MADE, MADE])
    assert await house.order(house.flow()) == ["maker", "maker", "solver"]
    assert await house.order(house.flow()) == ["maker", "maker", "solver"]
    assert await house.order(house.flow()) == ["maker", "solver"], "a mended reply answers another request"
    assert await house.order(house.flow()) == ["solver"]


async def test_without_a_store_every_run_asks() -> None:
    house = House("none")
    for _ in range(2):
        assert await house.order(house.flow()) == ["maker", "solver"]


async def test_a_run_that_took_a_reply_plays_again_where_the_other_is_unknown(
    house: House, tmp_path: Path
) -> None:
    await house.order(house.flow())
    await house.order(house.flow(), seed=9)
    replay = await house.runtime.replay(house.last.run)
    assert (await replay.result()).answer == "4" and replay.difference() is None
    await house.store.export(house.last.run, tmp_path / "run.jsonl")
    elsewhere = House("none")
    replay = await elsewhere.runtime.replay(tmp_path / "run.jsonl")
    assert (await replay.result()).answer == "4" and replay.difference() is None
    assert elsewhere.stage.order == []


async def test_a_fork_keeps_what_was_taken(house: House) -> None:
    await house.order(house.flow())
    await house.order(house.flow(), seed=9)
    run = await house.runtime.fork(house.last.run, "solve", models={"solver": "stage/solver"})
    assert (await run.result()).answer == "4"
    assert house.stage.order[-2:] == ["solver", "solver"]


async def test_what_a_fork_took_over_of_another_model_is_not_taken_for_its_own(house: House) -> None:
    await house.order(house.flow())
    for name in ("maker", "solver"):
        house.stage._voices[f"larger-{name}"] = house.stage._voices[name]
    larger = {name: f"stage/larger-{name}" for name in ("maker", "solver")}
    run = await house.runtime.fork(house.last.run, "solve", models=larger)
    assert (await run.result()).answer == "4" and house.stage.order[-1] == "larger-solver"
    replay = await house.runtime.replay(run.id)
    assert (await replay.result()).answer == "4" and replay.difference() is None
    assert await house.order(house.flow().with_(models=larger)) == ["larger-maker", "larger-solver"]
    assert await house.order(house.flow().with_(models=larger)) == ["larger-solver"]
    assert await house.order(house.flow()) == ["solver"]


async def test_a_reply_written_by_hand_is_for_its_fork_alone(tmp_path: Path) -> None:
    house = House(tmp_path / "s.db", maker=["I cannot.", "No.", MADE])
    await house.order(house.flow())
    wished = json.dumps({"modules": ["Wish."]})
    run = await house.runtime.fork(house.last.run, "make", say=wished)
    forked = (await run.result()).state["made"]
    replay = await house.runtime.replay(run.id)
    assert (await replay.result()).state["made"] == forked and replay.difference() is None
    assert await house.order(house.flow()) == ["maker", "solver"]
    assert house.last.state["made"] != forked
    assert await house.order(house.flow()) == ["solver"]
    assert house.last.state["made"] != forked


async def test_when_the_run_that_was_answered_is_gone_the_next_one_asks_and_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    house = House(path)
    await house.order(house.flow())
    gone = house.last.run
    await house.runtime.close()
    where = address(path)
    assert collect(where, plan(where, Choice(runs=(gone,)))).runs == 1
    house = House(path)
    assert await house.order(house.flow()) == ["maker", "solver"]
    assert await house.order(house.flow()) == ["solver"]
    await house.runtime.close()


async def test_what_is_taken_uses_nothing_of_a_budget_up(house: House) -> None:
    await house.order(house.flow())
    assert await house.order(house.flow(), budget="calls=1") == ["solver"]


async def test_a_plan_for_questions_of_one_sort_is_made_once(tmp_path: Path) -> None:
    drafted, better = json.dumps({"steps": ["Add."]}), json.dumps({"remark": "hm", "steps": ["Count."]})
    house = House(tmp_path / "s.db", planner=[drafted, better])
    flow = house.flow(text="auto-evolve", task="sums", examples=["1 + 3?"])
    assert await house.order(flow) == ["maker", "planner", "planner", "solver"]
    for question in ("3 + 1?", "4 + 0?"):
        assert await house.order(flow, question) == ["solver"]
        assert house.last.state["plan"] == ["Count."]


def test_reuse_is_a_word_of_nodes_that_ask() -> None:
    text = FLOW.replace("solve: {ask: solver,", "solve: {sample: solver, reuse: true,")
    with pytest.raises(WorkflowError, match="reuse"):
        loads(text)
