"""Several models speak for one agent in turn: who says what, what it costs, and what a replay makes of it."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

import rebut
from rebut.errors import InputError, ModelRefused, SettingsError, WorkflowError
from rebut.graphs.workflow import loads
from rebut.models.wire import Capabilities

from .chance import SINGLE, Chance, runtime_of
from .stage import NATIVE, Stage
from .test_replay import LIMITS, model_for, played

PANEL = """
name: panel
params: {n: 5}
agents:
  member: {role: solver, seats: [ann, bob, cy]}
  critic: {role: reviewer, seats: [ann, bob, cy]}
nodes:
  draw: {sample: member, n: params.n, save: drafts}
  review:
    {ask: critic, for_each: drafts, as: draft, at_most: =params.n, seat: draft.index + 1, quorum: 0, save: n}
edges: {start: draw, draw: review, review: end}
answer: majority(drafts)
"""
NAMES = ("ann", "bob", "cy")


def stage(can: Capabilities = NATIVE, **said: Any) -> Stage:
    says = {name: f"{name} says. Answer: {i}" for i, name in enumerate(NAMES)}
    return Stage({"member": "Answer: 9", "critic": "fine", **says, **said}, can)


async def test_samples_are_drawn_from_the_seats_in_turn_and_over_again() -> None:
    play = stage()
    result = await play.play(PANEL, params={"n": 5})
    drafts = result.state["drafts"]
    assert [d.agent for d in drafts] == ["ann", "bob", "cy", "ann", "bob"]
    assert [d.index for d in drafts] == [0, 1, 2, 3, 4]
    assert [d.answer for d in drafts] == ["0", "1", "2", "0", "1"]


async def test_an_expression_says_whose_turn_it_is() -> None:
    play = stage()
    await play.play(PANEL, params={"n": 4})
    assert play.order[4:8] == ["bob", "cy", "ann", "bob"]  # who follows the one that drew it


async def test_seats_of_one_model_are_one_voice_in_one_request() -> None:
    play = Stage({"member": "Answer: 4", "critic": "fine"}, NATIVE)
    result = await play.play(PANEL, params={"n": 3})
    first, request = play.seen[0]
    assert (first, request.n) == ("member", 3)
    assert {d.agent for d in result.state["drafts"]} == {"member"}


async def test_a_seat_that_fails_leaves_the_others_their_turns() -> None:
    result = await stage(bob=ModelRefused("no", model="m")).play(PANEL, params={"n": 6})
    assert [d.agent for d in result.state["drafts"]] == ["ann", "cy", "ann", "cy"]
    assert [d.index for d in result.state["drafts"]] == [0, 2, 3, 5]


async def test_an_early_stop_counts_the_samples_of_all_seats() -> None:
    text = PANEL.replace("n: params.n,", "n: params.n, wave: 1, stop: len(samples) >= 2,")
    result = await stage().play(text)
    assert [d.agent for d in result.state["drafts"]] == ["ann", "bob"]


async def test_a_budget_that_ends_leaves_what_was_said_before() -> None:
    result = await stage().play(PANEL, budget="calls=4")
    assert (result.stop_reason, result.usage.calls) == ("budget", 4)


async def test_a_seat_is_a_whole_number() -> None:
    with pytest.raises(WorkflowError, match="seat of 'review' must be a whole number, it is 'x'"):
        await stage().play(PANEL.replace("draft.index + 1", "\"'x'\""))


def models(given: dict[str, str], file: str = PANEL, **settings: str) -> list[str]:
    return [seat.model for seat in loads(file, models=given).agents(settings, "d")["member"].voices]


def test_the_nearest_name_decides_on_a_seats_model() -> None:
    everyone = {"*": "w", "solver": "r", "member": "m", "ann": "s", "member.ann": "one"}
    assert models(everyone) == ["one", "m", "m"]
    assert models({"*": "w", "solver": "r", "member": "m", "ann": "s"}) == ["s", "m", "m"]
    assert models({"*": "w", "solver": "r", "cy": "s"}) == ["r", "r", "s"]
    assert models({"*": "w", "cy": "s"}) == ["w", "w", "s"]
    assert models({"bob": "s"}, solver="r") == ["r", "s", "r"]
    assert models({"bob": "s"}) == ["d", "s", "d"]


def test_a_files_model_of_a_seat_stands_unless_another_is_given() -> None:
    text = PANEL.replace("{role: solver, seats: [ann, bob, cy]}", "{role: solver, seats: {ann: x, bob: y}}")
    assert models({}, text) == ["x", "y"]
    assert models({"bob": "z"}, text) == ["x", "z"]
    assert models({"*": "z"}, text) == ["z"]


def test_one_seat_may_have_another_model_in_another_agent() -> None:
    flow = loads(PANEL, models={"ann": "x", "critic.ann": "y", "*": "w"})
    assert flow.own_voices({}, "d") == {
        "member": "x", "member.ann": "x", "member.bob": "w", "member.cy": "w",
        "critic": "y", "critic.ann": "y", "critic.bob": "w", "critic.cy": "w",
    }  # fmt: skip
    again = loads(PANEL, models=flow.own_voices({}, "d"))
    assert again.own_voices({}, "other") == flow.own_voices({}, "d")


def test_an_unknown_seat_is_named_with_those_there_are() -> None:
    with pytest.raises(InputError, match=r"no agent or role 'an'.*did you mean 'ann'"):
        loads(PANEL, models={"an": "x"})


def test_each_seat_is_held_to_what_the_node_wants() -> None:
    class Able(Stage):
        def capabilities(self, model: str) -> Capabilities:
            return Capabilities(certainty=model != "stage/bob")

    play = Able({"member": "4", "ann": "4", "bob": "4"})
    text = PANEL.replace("n: params.n,", "n: params.n, certainty: true,")
    flow = play.workflow(text)
    assert flow.plan().notes[0].startswith("a run is refused: node 'draw', agent 'bob': 'stage/bob' cannot")
    with pytest.raises(SettingsError, match="agent 'bob'"):
        flow.runtime_or_default().begin(flow, {"question": "?"})


DRAW = """
name: draw
params: {n: 5}
agents: {member: {role: solver, seats: [ann, bob, cy], max_tokens: 100}}
nodes: {draw: {sample: member, n: params.n, save: drafts}}
edges: {start: draw, draw: end}
answer: majority(drafts)
"""


def test_a_plan_prices_each_seat_by_its_turns() -> None:
    class Priced(Stage):
        def price(self, model: str) -> tuple[float, float] | None:
            return {"stage/ann": (0.0, 3.0), "stage/bob": (0.0, 1.0)}.get(model, (0.0, 0.0))

    flow = Priced({"ann": "", "bob": "", "cy": ""}).workflow(DRAW)
    assert flow.plan({"n": 1}).calls == 1
    cost = {n: flow.plan({"n": n}).usd for n in (1, 2, 3, 5)}
    assert cost == {1: 300, 2: 400, 3: 400, 5: 800}  # ann; bob too; cy is free; ann and bob again
    assert flow.plan({"n": 10**7 + 1}).usd == pytest.approx(400 * (10**7 - 1) / 3 + 400)
    plan = flow.plan()
    assert plan.nodes[0].models == ("stage/ann", "stage/bob", "stage/cy")
    limited = DRAW.replace("n: params.n,", "n: params.n, budget: {calls: 2},")
    assert Priced({"ann": "", "bob": "", "cy": ""}).workflow(limited).plan().usd == 600  # whoever speaks


async def test_a_council_ranks_with_the_voices_that_answered() -> None:
    fails = ModelRefused("no", model="m")
    ranked = json.dumps({"reason": "so", "ranking": [1], "good": 1})
    said: dict[str, Any] = {
        "a": ["<11> Answer: 11", ranked],
        "b": fails,
        "c": ["<33> Answer: 33", ranked],
        "chair": "9",
    }
    play = Stage({**said, "member": "", "peer": ""})
    await play.play("council")
    ranking = [(name, "<11>" in p) for name in ("a", "c") for p in play.prompts(name)[1:]]
    assert ranking == [("a", False), ("c", True)]  # each reads the other's
    assert play.order.count("b") == 1


@pytest.mark.parametrize("visible", ["all", "relay", "ring"])
async def test_a_member_of_a_society_keeps_its_voice(visible: str) -> None:
    says = {n: [f"<{n}{i}> Answer: 1" for i in range(9)] for n in "abc"}
    play = Stage({**says, "solver": "", "member": "", "reporter": ""})
    await play.play("society", params={"agents": 3, "rounds": 3, "visible": visible})
    turns = [name for name in play.order if name in "abc"]
    assert (
        sorted(turns[:3]) == ["a", "b", "c"] and turns.count("a") == turns.count("b") == turns.count("c") == 3
    )
    for name in "abc":
        assert all(f"<{name}{turn}>" in p for turn, p in enumerate(play.prompts(name)[1:]))


FLOWS = ("council", "mixture", "society", PANEL)


@pytest.mark.parametrize("flow", FLOWS, ids=[flow.split("\n")[0] or "panel" for flow in FLOWS])
async def test_runs_of_several_models_play_again_to_the_byte(flow: str, tmp_path: Path) -> None:
    for seed in range(3):
        chance = Random(seed)
        load = loads if "\n" in flow else rebut.load
        names = ("ann", "cy") if flow == PANEL else ("a", "c")
        given: dict[str, str] = dict(zip(names, ("chance/2", "chance/3"), strict=True))
        workflow = load(flow, kind="number", models=given, budget=chance.choice(LIMITS))
        done = await played(workflow, model_for(chance), tmp_path / "s.db", tmp_path / "r.jsonl", seed)
        assert done.difference is None and done.again == done.live


async def test_a_fork_gives_one_seat_another_model(tmp_path: Path) -> None:
    says = Chance(can=SINGLE)
    async with runtime_of(says, tmp_path / "s.db") as runtime:
        flow = loads(PANEL, kind="number", models={"ann": "chance/2"}, runtime=runtime)
        first = await flow.run("6 * 7?", seed=1)
        run = await runtime.fork(first.run, "review", models={"bob": "chance/3"})
        await run.result()
        assert runtime.store is not None
        calls = {call.site.path: call for call in await runtime.store.calls(run.id)}
    drawn = [calls[f"draw/1#{i}"].request.model for i in range(3)]
    asked = [calls[f"review/1[{i}]"].request.model for i in range(3)]
    assert drawn == ["chance/2", "chance/1", "chance/1"]  # taken over
    assert asked == ["chance/3", "chance/1", "chance/2"]


OUTER = """
name: outer
agents: {}
nodes:
  panel: {call: FILE, save: done}
edges: {start: panel, panel: end}
answer: done.answer
"""


async def test_seats_of_a_called_workflow_have_models_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "panel.yaml").write_text(PANEL.replace("n: 5", "n: 3"))
    (tmp_path / "outer.yaml").write_text(OUTER.replace("FILE", "./panel.yaml"))
    says = Chance(can=SINGLE)
    async with runtime_of(says, tmp_path / "s.db") as runtime:
        given = {"panel.bob": "chance/2", "panel.critic.cy": "chance/3"}
        flow = rebut.load(tmp_path / "outer.yaml", kind="number", models=given, runtime=runtime)
        result = await flow.run("6 * 7?", seed=1)
        assert runtime.store is not None
        calls = await runtime.store.calls(result.run)
    first = {call.site.path: call.request.model for call in calls if "~" not in call.site.path}
    assert [first[f"panel/1.draw/1#{i}"] for i in range(3)] == ["chance/1", "chance/2", "chance/1"]
    assert [first[f"panel/1.review/1[{i}]"] for i in range(3)] == ["chance/2", "chance/3", "chance/1"]
    with pytest.raises(InputError, match=r"no agent or role 'panel\.dan'"):
        rebut.load(tmp_path / "outer.yaml", models={"panel.dan": "x"})
