"""A recorded run plays again to the byte, whatever the order in which its calls happened to end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import orjson
import pytest

import rebut
from rebut.errors import JournalDrift, RebutError
from rebut.graphs.run import Run
from rebut.graphs.runtime import Runtime

from .chance import NATIVE, SINGLE, Chance, runtime_of

FLOWS: list[tuple[str, dict[str, Any]]] = [
    ("debate", {}),
    ("debate", {"first": "negative", "extract_from": "last"}),
    ("magicore", {"k": 4, "router": "always_hard"}),
    ("magicore", {"k": 4, "merge": True, "iterations": 3, "route_on": "new"}),
    ("society", {"agents": 4, "rounds": 3}),
    ("self-refine", {}),
    ("self-consistency", {"samples": 6, "weights": "confidence"}),
    ("adaptive-consistency", {"samples": 12, "wave": 5}),
    ("adaptive-consistency", {"samples": 9, "wave": 3, "criterion": "dirichlet", "certainty": 0.8}),
    ("best-of-n", {"n": 4, "scorer": "both"}),
    ("fobar", {"backward": 1}),
    ("self-agreement", {"ask": "unsure"}),
    ("aggregate", {"finals": 3}),
    ("universal-consistency", {"samples": 4, "asks": 3}),
    ("tree-of-thought", {"votes": 2}),
    ("mcts", {"simulations": 3, "depth": 3}),
    ("rest-mcts", {"iterations": 4}),
    ("spar", {}),
    ("particles", {"depth": 2}),
    ("rain", {"width": 3, "iterations": 4, "units": 3}),
    ("beam", {"depth": 3}),
    ("cascade", {"signal": "grade", "sure": 0.9}),
    ("route-by-difficulty", {"method": "magicore", "samples": 4}),
    ("auto-evolve", {"rounds": 3}),
    ("alpha-search", {"simulations": 3, "depth": 2}),
    ("swe-search", {"iterations": 5, "depth": 3}),
    ("council", {"members": 4, "rule": "condorcet"}),
    ("council", {"open": True, "rule": "approval"}),
    ("mixture", {}),
    ("simulated-audience", {}),
    ("discriminator", {}),
    ("personas", {"apart": True}),
    ("society", {"agents": 3, "rounds": 3, "visible": "relay"}),
    ("society", {"visible": "report"}),
    ("checklist", {"rounds": 2}),
    ("checklist", {"use": "best", "apart": True, "items": 3}),
    ("rcot", {"rounds": 2, "votes": 2}),
    ("critique", {}),
    ("critique", {"mode": "sequential"}),
    ("self", {}),
]
LIMITS = (None, None, "calls=7", "calls=13", "tokens=3000", "usd=0.02", "seconds=0.02", "seconds=0.005")

FORKS = """
name: forks
agents: {a: solver, critic: reviewer, mender: refiner}
nodes:
  one: {sample: a, n: 5, wave: 3, stop: len(samples) > 2, save: said+}
  two: {ask: a, save: draft}
  check: {ask: critic, save: critique}
  mend: {ask: mender, save: draft}
  hand: {set: {said+: draft}}
  three: {sample: a, n: 4, wave: 2, stop: certainty(samples) > 0.8, save: said+}
  tally: {vote: said, save: ballot}
edges:
  start: [one, two, three]
  one: tally
  two: check
  check:
    - {when: critique is None or critique.accepted or visits.mend >= 2, to: hand}
    - {to: mend}
  mend: check
  hand: tally
  three: tally
  tally: end
answer: ballot.answer
fallback: majority(said)
"""


@dataclass
class Played:
    """How a run ended, live and again."""

    live: str
    again: str
    difference: str | None
    calls: int


async def ending(run: Run) -> str:
    try:
        return (await run.result()).stop_reason
    except RebutError as error:
        return f"{type(error).__name__}: {error}"


def model_for(chance: Random) -> Chance:
    """A model of some temper."""
    return Chance(
        seed=chance.randrange(10**6),
        answers=chance.choice([2, 3, 9]),
        misfits=chance.choice([0, 0, 0.2, 0.5]),
        failures=chance.choice([0, 0, 0.1, 0.3]),
        settled=chance.choice([0.1, 0.3, 0.7]),
        pace=chance.choice([0, 0.0005, 0.002]),
        can=chance.choice([NATIVE, SINGLE]),
        cost=(1e-5, 2e-5),
    )


async def played(workflow: rebut.Workflow, model: Chance, store: Path, offline: Path, seed: int) -> Played:
    """Run live, export, and play the file again in a runtime that has neither a store nor a model."""
    async with runtime_of(model, store) as runtime:
        run = workflow.with_(runtime=runtime).start("What is 6 times 7?", seed=seed)
        live = await ending(run)
        assert runtime.store is not None
        await runtime.store.export(run.id, offline)
        by_id = await runtime.replay(run.id)
        await ending(by_id)
        assert by_id.difference() is None
    asked = model.asked.total()
    async with Runtime("none") as elsewhere:
        again = await elsewhere.replay(offline)
        events = [event.as_json() async for event in again if event.durable]
        assert tuple(events) == recorded_events(offline)
        result = Played(live, await ending(again), again.difference(), asked)
    assert model.asked.total() == asked, "a replay asked the model"
    return result


def recorded_events(file: Path) -> tuple[bytes, ...]:
    from rebut.memory import cassette

    return cassette.read(file).events


@pytest.mark.parametrize("flow", range(len(FLOWS)), ids=[f"{n}-{i}" for i, (n, _) in enumerate(FLOWS)])
async def test_every_library_workflow_plays_again_to_the_byte(flow: int, tmp_path: Path) -> None:
    name, params = FLOWS[flow]
    for seed in range(3):
        chance = Random(100 * flow + seed)
        workflow = rebut.load(name, params=params, kind="number", budget=chance.choice(LIMITS))
        done = await played(workflow, model_for(chance), tmp_path / "s.db", tmp_path / "r.jsonl", seed)
        assert done.difference is None and done.again == done.live


async def test_forks_with_early_stops_and_loops_play_again_to_the_byte(tmp_path: Path) -> None:
    for seed in range(8):
        chance = Random(seed)
        workflow = rebut.loads(FORKS, kind="number", budget=chance.choice(LIMITS))
        done = await played(workflow, model_for(chance), tmp_path / "s.db", tmp_path / "r.jsonl", seed)
        assert done.difference is None and done.again == done.live


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_hundreds_of_random_timings_play_again_to_the_byte(tmp_path: Path) -> None:
    reasons: dict[str, int] = {}
    for seed in range(600):
        chance = Random(10_000 + seed)
        if seed % 4 == 0:
            workflow = rebut.loads(FORKS, kind="number", budget=chance.choice(LIMITS))
        else:
            name, params = chance.choice(FLOWS)
            workflow = rebut.load(name, params=params, kind="number", budget=chance.choice(LIMITS))
        done = await played(workflow, model_for(chance), tmp_path / "s.db", tmp_path / "r.jsonl", seed)
        assert done.difference is None and done.again == done.live, f"seed {seed}"
        reasons[done.live.split(":")[0]] = reasons.get(done.live.split(":")[0], 0) + 1
    assert reasons.keys() >= {"answered", "budget", "ModelRefused"}


async def test_an_early_stop_that_cancels_calls_cancels_them_again(tmp_path: Path) -> None:
    model = Chance(answers=1, pace=0.1, can=SINGLE)
    workflow = rebut.load("adaptive-consistency", params={"samples": 30, "wave": 8}, kind="number")
    done = await played(workflow, model, tmp_path / "s.db", tmp_path / "r.jsonl", 1)
    assert done.difference is None and done.live == "answered"
    assert model.cancelled > 0 and done.calls < 30


async def test_concurrent_runs_in_one_store_play_again(tmp_path: Path) -> None:
    import asyncio

    model = Chance(pace=0.002, misfits=0.2, can=SINGLE)
    async with runtime_of(model, tmp_path / "s.db") as runtime:
        flows = [rebut.load(n, params=p, kind="number", runtime=runtime) for n, p in FLOWS]
        done = await asyncio.gather(*[f.run("6 * 7?", seed=i) for i, f in enumerate(flows * 2)])
        replays = [await runtime.replay(result.run) for result in done]
        again = await asyncio.gather(*[replay.result() for replay in replays])
        assert [r.answer for r in again] == [r.answer for r in done]
        assert [replay.difference() for replay in replays] == [None] * len(replays)


async def test_a_journal_with_another_prompt_is_refused_with_what_differs(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    await played(rebut.load("self-refine", kind="number"), Chance(), tmp_path / "s.db", file, 1)
    file.write_bytes(file.read_bytes().replace(b"What is 6 times 7?", b"What is 6 times 8?", 1))
    async with Runtime("none") as runtime:
        run = await runtime.replay(file)
        with pytest.raises(JournalDrift, match=r"(?s)call 'write/1'.*-.*times 7.*\+.*times 8"):
            await run.result()


async def test_a_journal_with_another_answer_shows_which_events_differ(tmp_path: Path) -> None:
    file = tmp_path / "run.jsonl"
    model = Chance(settled=1.0)
    await played(rebut.load("self-refine", kind="number"), model, tmp_path / "s.db", file, 1)
    lines = file.read_bytes().splitlines()
    last = orjson.loads(lines[-1])
    assert "run.finished" in lines[-1].decode()
    text = lines[-1].decode().replace(str(last), "").replace('"answered"', '"tampered"')
    file.write_bytes(b"\n".join([*lines[:-1], text.encode()]) + b"\n")
    async with Runtime("none") as runtime:
        run = await runtime.replay(file)
        await run.result()
        difference = run.difference()
    assert difference is not None and "tampered" in difference and "+++ replayed" in difference


PROMPT = '---\nabout: x\n---\n{% message "user" %}\n{{ question.nothing }}\n{% endmessage %}'


async def test_a_prompt_that_fails_is_told_alike_live_and_again(tmp_path: Path) -> None:
    (tmp_path / "poet").mkdir()
    file = tmp_path / "poet" / "default.j2"
    file.write_text(PROMPT)
    text = "name: w\nagents: {p: poet}\nnodes: {a: {ask: p, save: x}}\nedges: {start: a, a: end}\nanswer: x\n"
    workflow = rebut.loads(text, roles=[tmp_path])
    done = await played(workflow, Chance(), tmp_path / "s.db", tmp_path / "r.jsonl", 1)
    assert done.difference is None and done.again == done.live
    assert done.live.startswith("WorkflowError: poet/default.j2:5: ")
