"""Workflows within other people's code: as a node of their graph, from code without a loop, in a stream."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from typing import Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph

import rebut
from rebut.errors import ModelRefused
from rebut.graphs.runtime import Runtime

from .chance import SINGLE, Chance, runtime_of

FORKS = """
name: forks
params: {rounds: 2}
agents: {a: solver, critic: reviewer, mender: refiner}
nodes:
  one: {sample: a, n: 3, save: said+}
  two: {ask: a, save: draft}
  check: {ask: critic, save: critique}
  mend: {ask: mender, save: draft}
  hand: {set: {said+: draft}}
  adopt: {set: {said: "said[:3]"}}
  tally: {vote: said, save: ballot}
edges:
  start: [one, two]
  one: adopt
  two: check
  check:
    - {when: critique.accepted or visits.mend >= params.rounds, to: hand}
    - {to: mend}
  mend: check
  hand: adopt
  adopt: tally
  tally: end
answer: ballot.answer
fallback: majority(said)
"""


class Theirs(TypedDict, total=False):
    question: str
    answer: Any
    shouted: str


def around(workflow: rebut.Workflow, **options: Any) -> Any:
    """Somebody's graph, with the workflow as its first node."""

    async def shout(state: Theirs) -> Theirs:
        return {"shouted": f"{state.get('answer')}!"}

    graph = StateGraph(Theirs)
    graph.add_node("method", workflow.graph())
    graph.add_node("shout", shout)
    graph.add_edge(START, "method")
    graph.add_edge("method", "shout")
    graph.add_edge("shout", END)
    return graph.compile(**options)


@pytest.mark.parametrize("name", ["debate", "magicore", "society", "self-refine", "self-consistency"])
async def test_every_workflow_is_a_node_in_another_graph(name: str) -> None:
    async with runtime_of(Chance(can=SINGLE)) as runtime:
        theirs = around(rebut.load(name, kind="number", runtime=runtime))
        state = await theirs.ainvoke({"question": "6 * 7?"})
    assert state["shouted"] == f"{state['answer']}!" and state["answer"] is not None


async def test_forks_and_loops_live_under_somebody_elses_checkpointer() -> None:
    async with runtime_of(Chance(can=SINGLE)) as runtime:
        theirs = around(rebut.loads(FORKS, kind="number", runtime=runtime), checkpointer=InMemorySaver())
        for thread in ("a", "b", "a"):
            config = {"configurable": {"thread_id": thread}}
            state = await theirs.ainvoke({"question": "6 * 7?"}, config)
            assert state["answer"] is not None
        kept = await theirs.aget_state({"configurable": {"thread_id": "a"}})
    assert kept.values["shouted"] == f"{state['answer']}!"


async def test_the_whole_is_drawn_and_streamed() -> None:
    async with runtime_of(Chance(can=SINGLE)) as runtime:
        workflow = rebut.loads(FORKS, kind="number", runtime=runtime)
        theirs = around(workflow)
        assert "check -.-> mend" in workflow.graph().get_graph().draw_mermaid().replace("&nbsp;", " ")
        assert "method" in theirs.get_graph().draw_mermaid()
        seen: list[str] = []
        async for _, update in theirs.astream({"question": "?"}, stream_mode="updates", subgraphs=True):
            seen += update
    assert {"one", "two", "check", "tally", "method", "shout"} <= set(seen)


async def test_several_at_once_keep_apart() -> None:
    async with runtime_of(Chance(can=SINGLE, pace=0.002, answers=30)) as runtime:
        workflow = rebut.load("self-refine", kind="number", runtime=runtime)
        theirs = around(workflow)
        questions = [f"{i} * 7?" for i in range(30)]
        states = await asyncio.gather(*[theirs.ainvoke({"question": q}) for q in questions])
    assert [state["question"] for state in states] == questions
    assert not runtime._running


async def test_an_error_inside_is_theirs_to_see_and_ends_the_run(tmp_path: Any) -> None:
    async with runtime_of(Chance(failures=1.0), tmp_path / "s.db") as runtime:
        with pytest.raises(ModelRefused) as failed:
            await around(rebut.load("debate", runtime=runtime)).ainvoke({"question": "?"})
        assert runtime.store is not None
        assert (await runtime.store.run(failed.value.run)).status == "failed"


@pytest.mark.parametrize("calls", [0, 1, 2, 3, 4, 5])
async def test_a_spent_budget_gives_the_fallback_inside_another_graph(calls: int, tmp_path: Any) -> None:
    says = Chance(can=SINGLE, settled=0.0)
    async with runtime_of(says, tmp_path / "s.db") as runtime:
        workflow = rebut.loads(FORKS, kind="number", runtime=runtime, budget=f"calls={calls}")
        state = await around(workflow).ainvoke({"question": "?"})
        assert says.completions == calls and runtime.store is not None
        [kept] = await runtime.store.runs()
        assert (kept.status, kept.result.stop_reason) == ("finished", "budget")
        assert (state["answer"] is None) == (calls == 0 or (calls < 3 and kept.result.answer is None))


async def test_a_runtime_closed_under_an_embedded_run_ends_it(tmp_path: Any) -> None:
    begun = asyncio.Event()
    says = Chance(pace=30, timing=0, on_call=lambda _: begun.set())
    async with runtime_of(says, tmp_path / "s.db") as runtime:
        theirs = around(rebut.load("debate", runtime=runtime))
        task = asyncio.create_task(theirs.ainvoke({"question": "?"}))
        await asyncio.wait_for(begun.wait(), 60)
        assert says.now == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with Runtime(tmp_path / "s.db") as later:
        assert later.store is not None
        [kept] = await later.store.runs()
    assert kept.status == "cancelled" and says.now == 0


async def test_a_stream_that_is_closed_early_cancels_the_call() -> None:
    begun = asyncio.Event()
    says = Chance(pace=30, timing=0, on_call=lambda _: begun.set())
    async with runtime_of(says) as runtime:
        stream = rebut.load("debate", runtime=runtime).stream("6 * 7?")
        async for event in stream:
            if event.kind == "call.started":
                break
        await begun.wait()
        await stream.aclose()
        assert (says.now, says.cancelled) == (0, 1)


async def test_run_sync_within_a_loop_says_what_to_do() -> None:
    async with runtime_of(Chance()) as runtime:
        with pytest.raises(RuntimeError, match="await"):
            rebut.load("debate", runtime=runtime).run_sync("6 * 7?")


PROGRAM = """
import asyncio, rebut
flow = rebut.load("self-refine", kind="number", models="scripted/script.yaml")
assert flow.run_sync("6 * 7?").answer == "42"
assert flow.run_sync("6 * 7?").answer == "42"
async def two():
    assert [r.answer for r in await asyncio.gather(flow.run("a"), flow.run("b"))] == ["42", "42"]
asyncio.run(two())
"""


@pytest.mark.slow
def test_the_default_runtime_leaves_nothing_open(tmp_path: Any) -> None:
    content = """- {when: {last: Accept it only}, say: '{"text": "good", "accepted": true}'}"""
    (tmp_path / "script.yaml").write_text(f"{content}\n- say: The answer is 42.\n")
    program = [sys.executable, "-X", "tracemalloc", "-W", "error", "-c", PROGRAM]
    env = {"REBUT_HOME": str(tmp_path / "home"), "PATH": ""}
    done = subprocess.run(program, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_thousand_runs_at_once_end_and_leave_no_memory_behind(tmp_path: Any) -> None:
    import gc
    import tracemalloc

    async with runtime_of(Chance(can=SINGLE, pace=0.01), tmp_path / "s.db") as runtime:
        workflow = rebut.load("self-refine", kind="number", runtime=runtime)

        async def storm(tag: int) -> int:
            done = await asyncio.gather(*[workflow.run(f"{tag} {i}?") for i in range(1000)])
            assert all(result.stop_reason == "answered" for result in done)
            del done
            gc.collect()
            return tracemalloc.get_traced_memory()[0]

        await storm(0)
        tracemalloc.start()
        first = await storm(1)
        last = [await storm(i) for i in range(2, 4)][-1]
        tracemalloc.stop()
        assert not runtime._running
    assert last - first < 8_000_000, f"{(last - first) / 1e6:.1f} MB more after 2,000 more runs"
