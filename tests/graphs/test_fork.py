"""A fork takes over what came before a call, pays for nothing twice, and plays again to the byte."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

import rebut
from rebut.errors import InputError, JournalDrift, ModelUnavailable, RebutError, StoreError
from rebut.graphs.run import Run
from rebut.graphs.runtime import Runtime
from rebut.memory.store import Store
from rebut.memory.values import RecordedCall

from .chance import NATIVE, SINGLE, Chance, runtime_of

FLOWS: list[tuple[str, dict[str, Any], bool]] = [
    ("debate", {}, True),
    ("magicore", {"k": 3, "router": "always_hard"}, True),
    ("society", {"agents": 3, "rounds": 2}, True),
    ("self-refine", {}, False),
    ("adaptive-consistency", {"samples": 9, "wave": 3}, False),
]
MARKED = [pytest.param(*flow, marks=pytest.mark.slow) if flow[0] == "magicore" else flow for flow in FLOWS]
"""The one with the most calls takes the longest."""


def model(single: bool = True, **options: Any) -> Chance:
    options = {"answers": 4, "misfits": 0.15, "settled": 0.05, "pace": 0.001, **options}
    return Chance(seed=5, can=SINGLE if single else NATIVE, **options)


def kept(runtime: Runtime) -> Store:
    assert runtime.store is not None
    return runtime.store


async def ending(run: Run) -> str:
    try:
        return (await run.result()).stop_reason
    except RebutError as error:
        return f"{type(error).__name__}: {error}"


async def difference(runtime: Runtime, run: str) -> str | None:
    replay = await runtime.replay(run)
    await ending(replay)
    return replay.difference()


def spent(runtime: Runtime, run: str) -> int:
    """How many calls of a run were paid for, as the view says."""
    connection = sqlite3.connect(kept(runtime).path)
    [(calls,)] = connection.execute("SELECT sum(calls) FROM spend WHERE run = ?", (run,)).fetchall()
    connection.close()
    return int(calls)


def crossings(calls: list[RecordedCall]) -> list[tuple[Any, ...]]:
    return [(c.seq, c.site, c.request, c.outcome.response, c.outcome.at, c.wall, c.used) for c in calls]


@pytest.mark.parametrize(("name", "params", "single"), MARKED, ids=[name for name, _, _ in FLOWS])
async def test_a_fork_at_any_call_asks_only_what_comes_behind_it(
    name: str, params: dict[str, Any], single: bool, tmp_path: Path
) -> None:
    says = model(single)
    async with runtime_of(says, tmp_path / "s.db") as runtime:
        workflow = rebut.load(name, params=params, kind="number", runtime=runtime)
        first = await workflow.run("6 * 7?", seed=3)
        calls = await kept(runtime).calls(first.run)
        for place, call in enumerate(calls):
            says.answered.clear()
            run = await runtime.fork(first.run, call.site.path, seed=place)
            await ending(run)
            forked = await kept(runtime).calls(run.id)
            assert crossings(forked[:place]) == crossings(calls[:place])
            assert [c.taken for c in forked] == [True] * place + [False] * (len(forked) - place)
            assert set(says.answered).isdisjoint(c.site.path for c in calls[:place])
            assert (await kept(runtime).run(run.id)).start.parent == first.run
            assert await difference(runtime, run.id) is None
        assert len(calls) >= 3 or name == "adaptive-consistency"


async def test_a_reply_written_by_hand_takes_the_place_of_the_model_s(tmp_path: Path) -> None:
    says = model(answers=1, misfits=0.0, settled=1.0)
    async with runtime_of(says, tmp_path / "s.db") as runtime:
        first = await rebut.load("self-refine", kind="number", runtime=runtime).run("6 * 7?")
        says.asked.clear()
        run = await runtime.fork(first.run, "write", say="Answer: 77 \ud800 ☃")
        result = await run.result()
        [written, *rest] = await kept(runtime).calls(run.id)
        assert (first.answer, result.answer) == ("40", "77")
        assert written.edited and written.taken and not any(call.taken for call in rest)
        assert written.outcome.response is not None
        assert (written.outcome.response.usage.usd, written.outcome.response.usage.requests) == (0.0, 0)
        assert set(says.asked) == {call.site.path for call in rest}
        assert spent(runtime, run.id) == len(rest)
        assert [n.text for n in result.notes if n.what == "edited"] == [
            "the reply of solver was written by hand"
        ]
        assert await difference(runtime, run.id) is None
        again = await runtime.fork(run.id, rest[0].site.path)
        assert (await again.result()).answer == "77"
        assert [c.edited for c in await kept(runtime).calls(again.id)] == [True] + [False] * len(rest)


async def test_one_completion_of_many_is_written_by_hand(tmp_path: Path) -> None:
    async with runtime_of(Chance(answers=1, can=NATIVE), tmp_path / "s.db") as runtime:
        workflow = rebut.load("self-consistency", params={"samples": 3}, kind="number", runtime=runtime)
        first = await workflow.run("6 * 7?")
        [call] = await kept(runtime).calls(first.run)
        path = call.site.path
        with pytest.raises(
            InputError, match=rf"'{path}' has 3 completions: say which, from {path}#0 to {path}#2"
        ):
            await runtime.fork(first.run, path, say="Answer: 7")
        run = await runtime.fork(first.run, f"{path}#1", say="Answer: 7")
        ballot = (await run.result()).state["ballot"]
        assert [(t.answer, t.members) for t in ballot.tallies] == [("40", (0, 2)), ("7", (1,))]
        assert await difference(runtime, run.id) is None


async def test_models_and_parameters_change_from_the_fork_on(tmp_path: Path) -> None:
    says, other = model(misfits=0.0), model(misfits=0.0)
    async with runtime_of(says, tmp_path / "s.db") as runtime:
        runtime.gateway._registry._made["other"] = other
        flow = rebut.load("debate", params={"rounds": 2}, kind="number", runtime=runtime)
        first = await flow.run("6 * 7?")
        calls = await kept(runtime).calls(first.run)
        place = len(calls) // 2
        says.asked.clear()
        run = await runtime.fork(first.run, calls[place].site.path, models="other/1", params={"rounds": 3})
        await run.result()
        forked = await kept(runtime).calls(run.id)
        assert {call.request.model for call in forked[:place]} == {"chance/1"}
        assert {call.request.model for call in forked[place:]} == {"other/1"}
        assert not says.asked and set(other.asked) == {call.site.path for call in forked[place:]}
        info = await kept(runtime).run(run.id)
        assert info.start.params["rounds"] == 3 and set(info.start.models.values()) == {"other/1"}
        assert await difference(runtime, run.id) is None


async def test_a_change_that_reaches_back_behind_the_fork_is_refused(tmp_path: Path) -> None:
    text = (
        "name: w\nparams: {mood: {default: dry, help: x}}\nagents: {p: {role: solver}}\nnodes:\n"
        "  a: {ask: p, with: {hint: =params.mood}, save: x}\n  b: {ask: p, save: y}\n"
        "edges: {start: a, a: b, b: end}\nanswer: y.answer\n"
    )
    (tmp_path / "solver").mkdir()
    prompt = "---\nabout: x\n---\n{% message 'user' %}{{ question }} {{ hint | default('') }}{% endmessage %}"
    (tmp_path / "solver" / "default.j2").write_text(prompt)
    says = model()
    async with runtime_of(says, tmp_path / "s.db") as runtime:
        first = await rebut.loads(text, roles=[tmp_path], runtime=runtime).run("6 * 7?")
        says.asked.clear()
        run = await runtime.fork(first.run, "b", params={"mood": "warm"})
        with pytest.raises(JournalDrift, match=r"(?s)fork at 'a/1' or before.*-.*dry.*\+.*warm"):
            await run.result()
        assert not says.asked


async def test_a_fork_that_was_interrupted_is_resumed(tmp_path: Path) -> None:
    says = model()
    async with runtime_of(says, tmp_path / "s.db") as runtime:
        first = await rebut.load("debate", params={"rounds": 3}, kind="number", runtime=runtime).run("6 * 7?")
        calls = await kept(runtime).calls(first.run)
        run = await runtime.fork(first.run, calls[3].site.path, seed=9, models={"judge": "chance/2"})
        says.asked.clear()
        says.on_call = lambda number: run.cancel() if number == 2 else None
        with pytest.raises(asyncio.CancelledError):
            await run.result()
        says.on_call = None
    async with runtime_of(says, tmp_path / "s.db") as later:
        resumed = await later.resume(run.id)
        assert (await resumed.result()).stop_reason == "answered"
        assert [c.taken for c in await kept(later).calls(run.id)][:4] == [True, True, True, False]
        assert await difference(later, run.id) is None


async def test_the_workflow_of_a_fork_is_the_run_s_own_whatever_its_file_says_now(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text((Path(rebut.graphs.loader.LIBRARY) / "self-refine.yaml").read_text())
    async with runtime_of(model(), tmp_path / "s.db") as runtime:
        first = await rebut.load(file, kind="number", runtime=runtime).run("6 * 7?")
        file.write_text("name: broken\n")
        run = await runtime.fork(first.run, "write")
        assert (await run.result()).stop_reason == "answered"


async def test_what_cannot_be_forked_is_said(tmp_path: Path) -> None:
    says = model(pace=0.2)
    async with runtime_of(says, tmp_path / "s.db") as runtime, runtime_of(says, "none") as nowhere:
        flow = rebut.load("self-refine", kind="number", runtime=runtime)
        done = await flow.run("6 * 7?")
        with pytest.raises(InputError, match="no run 'nosuch'"):
            await runtime.fork("nosuch", "write")
        with pytest.raises(InputError, match=r"made no call 'wrote' \(did you mean 'write"):
            await runtime.fork(done.run, "wrote")
        with pytest.raises(InputError, match=r"made no call 'zzz' \(possible: write, "):
            await runtime.fork(done.run, "zzz")
        with pytest.raises(InputError, match="no parameter"):
            await runtime.fork(done.run, "write", params={"nosuch": 1})
        with pytest.raises(InputError, match="no agent or role 'jugde'"):
            await runtime.fork(done.run, "write", models={"jugde": "x/y"})
        with pytest.raises(ModelUnavailable, match="unknown provider 'nosuch'"):
            await runtime.fork(done.run, "write", models="nosuch/1")
        with pytest.raises(InputError, match="the reply is empty"):
            await runtime.fork(done.run, "write", say=" \n")
        with pytest.raises(InputError, match="no store to fork"):
            await nowhere.fork(done.run, "write")
        assert len(await kept(runtime).runs()) == 1
        says.pace = 60
        going = flow.start("and 7 * 8?")
        await asyncio.sleep(0.05)
        with pytest.raises(StoreError, match="is still running"):
            await runtime.fork(going.id, "write")
        await going.aclose()
