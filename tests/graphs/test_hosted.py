"""A workflow's own graph under a checkpointer: new questions, interrupts, retries, and being given up."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.errors import GraphRecursionError

import rebut
from rebut.errors import ModelRefused, RebutError
from rebut.graphs.compile import REPLACE, written
from rebut.graphs.hosted import RunHost
from rebut.graphs.runtime import Runtime

from .chance import SINGLE, Chance, runtime_of
from .test_embedding import FORKS, around

CHAT: Any = {"configurable": {"thread_id": "chat"}}
QUESTION = {"question": "6 * 7?"}

ONCE = """
name: once
agents: {a: solver, critic: reviewer}
nodes:
  first: {sample: a, n: 2, save: drafts+}
  look: {ask: critic, with: {draft: "=drafts[0]"}, save: critique}
  retry: {sample: a, n: 1, save: drafts+}
  tally: {vote: drafts, save: ballot}
edges:
  start: first
  first: look
  look: retry
  retry: tally
  tally: end
answer: ballot.answer
"""


def once(number: int) -> Callable[[int], None]:
    """A back end's whim: to refuse the call of this number, and no other."""

    def refuse(call: int) -> None:
        if call == number:
            raise ModelRefused("not this one", model="chance/1", status=400)

    return refuse


def kept(text: str, runtime: Runtime, saver: InMemorySaver | None = None) -> Any:
    """The workflow's graph, whose threads are kept."""
    graph = rebut.loads(text, kind="number", runtime=runtime).graph()
    graph.checkpointer = saver or InMemorySaver()
    return graph


@pytest.mark.parametrize("text", [ONCE, FORKS])
async def test_a_second_question_of_a_thread_starts_from_nothing(text: str) -> None:
    async with runtime_of(Chance(can=SINGLE, settled=1.0)) as runtime:
        graph = kept(text, runtime)
        states: list[Any] = [
            await graph.ainvoke({"question": q}, CHAT) for q in ("6 * 7?", "6 * 7?", "1 + 1?")
        ]
        alone = (
            await rebut.loads(text, kind="number", runtime=runtime).graph().ainvoke({"question": "1 + 1?"})
        )
    assert {state["ballot"].voters for state in states} == {3}
    assert [state["visits"] for state in states] == [alone["visits"]] * 3
    assert not any(state.get("arrived", {}).get("adopt") for state in states)


async def test_what_an_earlier_run_saved_is_reset_when_the_next_begins() -> None:
    async with runtime_of(Chance(can=SINGLE)) as runtime:
        graph = kept(ONCE, runtime)
        await graph.ainvoke(QUESTION, CHAT)
        [first, *_] = [update async for update in graph.astream(QUESTION, CHAT, stream_mode="updates")]
    begun = first["begin_run"]
    assert [begun[name] for name in ("critique", "ballot", "answer")] == [None, None, None]
    assert begun["drafts"] == {REPLACE: []}


async def test_a_node_does_not_see_what_only_an_earlier_run_saved() -> None:
    async with runtime_of(Chance(can=SINGLE)) as runtime:
        workflow = rebut.loads(ONCE, kind="number", runtime=runtime)
        run = runtime.begin(workflow, QUESTION).context
        run.state["ballot"] = None
        state: dict[str, Any] = {**QUESTION, "drafts": [], "critique": None, "ballot": None}
        assert written(run, state, RunHost(workflow)) == {**QUESTION, "drafts": [], "ballot": None}


async def test_a_first_question_resets_nothing() -> None:
    async with runtime_of(Chance(can=SINGLE)) as runtime:
        graph = kept(ONCE, runtime)
        first = await anext(aiter(graph.astream(QUESTION, CHAT, stream_mode="updates")))
    assert set(first["begin_run"]) == {"visits", "rebut_run"}


@pytest.mark.parametrize("call", range(1, 6))
async def test_a_thread_that_failed_takes_a_new_question(call: int) -> None:
    async with runtime_of(Chance(can=SINGLE, settled=1.0, on_call=once(call))) as runtime:
        graph = kept(FORKS, runtime)
        try:
            await graph.ainvoke(QUESTION, CHAT)
        except RebutError:
            assert not runtime._running
        state: Any = await graph.ainvoke(QUESTION, CHAT)
    assert (state["ballot"].voters, state["arrived"]) == (3, {"adopt": 0})


async def test_a_graph_that_is_given_up_between_two_nodes_cancels_its_run(tmp_path: Path) -> None:
    async with runtime_of(Chance(can=SINGLE), tmp_path / "s.db") as runtime:
        workflow = rebut.loads(ONCE, kind="number", runtime=runtime)
        stream: Any = workflow.graph().astream(QUESTION, stream_mode="updates")
        async for update in stream:
            if "first" in update:
                break
        await stream.aclose()
        assert runtime.store is not None and not runtime._running
        [left] = await runtime.store.runs()
        assert left.status == "cancelled"
        result = await (await runtime.resume(left.id)).result()
    assert result.answer is not None


async def test_time_outs_at_any_moment_leave_no_run_open(tmp_path: Path) -> None:
    async with runtime_of(Chance(can=SINGLE, pace=0.002), tmp_path / "s.db") as runtime:
        graph = rebut.loads(FORKS, kind="number", runtime=runtime).graph()
        for moment in range(30):
            try:
                async with asyncio.timeout(moment / 1000):
                    await graph.ainvoke(QUESTION)
            except TimeoutError:
                pass
            assert not runtime._running
        assert runtime.store is not None
        assert {run.status for run in await runtime.store.runs()} <= {"cancelled", "finished"}


async def test_a_graph_that_takes_too_many_steps_fails_its_run(tmp_path: Path) -> None:
    async with runtime_of(Chance(can=SINGLE), tmp_path / "s.db") as runtime:
        graph = rebut.loads(ONCE, kind="number", runtime=runtime).graph()
        with pytest.raises(GraphRecursionError):
            await graph.ainvoke(QUESTION, {"recursion_limit": 3})
        assert runtime.store is not None and not runtime._running
        [left] = await runtime.store.runs()
    assert left.status == "failed"


@pytest.mark.parametrize("store", ["none", "s.db"])
async def test_an_interrupted_graph_keeps_its_run_for_who_goes_on(store: str, tmp_path: Path) -> None:
    says = Chance(can=SINGLE)
    async with runtime_of(says, store if store == "none" else tmp_path / store) as runtime:
        graph = kept(ONCE, runtime)
        await graph.ainvoke(QUESTION, CHAT, interrupt_before=["look"], interrupt_after=["retry"])
        [run] = runtime._running
        await graph.ainvoke(None, CHAT, interrupt_after=["retry"])
        assert runtime._running == {run}
        state = await graph.ainvoke(None, CHAT)
        assert (state["rebut_run"], state["ballot"].voters) == (run.id, 3)
        assert not runtime._running and says.completions == 4


async def test_a_node_of_somebody_elses_graph_is_interrupted_and_goes_on() -> None:
    says = Chance(can=SINGLE)
    async with runtime_of(says) as runtime:
        workflow = rebut.loads(ONCE, kind="number", runtime=runtime)
        theirs = around(workflow, checkpointer=InMemorySaver())
        theirs.nodes["method"].bound.interrupt_before_nodes = ["look"]
        await theirs.ainvoke(QUESTION, CHAT)
        assert len(runtime._running) == 1
        state = await theirs.ainvoke(None, CHAT)
        assert state["shouted"] == f"{state['answer']}!" and not runtime._running
    assert says.completions == 4


async def test_a_new_question_ends_the_run_that_waited_at_an_interrupt() -> None:
    async with runtime_of(Chance(can=SINGLE)) as runtime:
        graph = kept(ONCE, runtime)
        await graph.ainvoke(QUESTION, CHAT, interrupt_before=["look"])
        state = await graph.ainvoke(QUESTION, CHAT)
        assert state["ballot"].voters == 3 and not runtime._running


async def test_an_interrupt_that_nobody_can_go_on_from_ends_the_run() -> None:
    async with runtime_of(Chance(can=SINGLE)) as runtime:
        graph: Any = rebut.loads(ONCE, kind="number", runtime=runtime).graph()
        await graph.ainvoke(QUESTION, interrupt_before=["look"])
        assert not runtime._running


@pytest.mark.parametrize(("text", "call"), [(ONCE, 3), (ONCE, 4), (FORKS, 5)])
@pytest.mark.parametrize("store", ["none", "s.db"])
async def test_a_failed_graph_is_made_again_from_where_it_failed(
    text: str, store: str, call: int, tmp_path: Path
) -> None:
    says = Chance(can=SINGLE, settled=1.0, on_call=once(call))
    async with runtime_of(says, store if store == "none" else tmp_path / store) as runtime:
        graph = kept(text.replace("n: 2", "n: 2, quorum: 2").replace("n: 3", "n: 3, quorum: 3"), runtime)
        with pytest.raises(RebutError):
            await graph.ainvoke(QUESTION, CHAT)
        assert not runtime._running
        state = await graph.ainvoke(None, CHAT)
        assert state["answer"] is not None and state["ballot"].voters == 3
        assert set(state["visits"].values()) <= {0, 1} and not runtime._running
        if runtime.store is None:
            return
        [run] = await runtime.store.runs()
        assert (run.status, run.id) == ("finished", state["rebut_run"])
        assert set(says.answered.values()) == {1}, "nothing is paid twice"
        again = await runtime.replay(run.id)
        assert (await again.result()).answer == state["answer"] and again.difference() is None


@pytest.mark.parametrize("text", [ONCE, FORKS])
@pytest.mark.parametrize("call", range(1, 5))
async def test_without_a_store_only_the_failed_node_is_made_again(text: str, call: int) -> None:
    says = Chance(can=SINGLE, settled=1.0, on_call=once(call))
    async with runtime_of(says) as runtime:
        graph = kept(text.replace("n: 2", "n: 2, quorum: 2").replace("n: 3", "n: 3, quorum: 3"), runtime)
        with pytest.raises(RebutError):
            await graph.ainvoke(QUESTION, CHAT)
        state = await graph.ainvoke(None, CHAT)
        assert state["ballot"].voters == 3 and not runtime._running
    assert set(state["visits"].values()) <= {0, 1}


async def test_a_thread_goes_on_in_another_runtime_from_the_journal(tmp_path: Path) -> None:
    saver, says = InMemorySaver(), Chance(can=SINGLE)
    async with runtime_of(says, tmp_path / "s.db") as runtime:
        await kept(ONCE, runtime, saver).ainvoke(QUESTION, CHAT, interrupt_before=["retry"])
    async with runtime_of(says, tmp_path / "s.db") as later:
        state = await kept(ONCE, later, saver).ainvoke(None, CHAT)
    assert (state["ballot"].voters, says.completions) == (3, 4)


async def test_a_run_that_another_graph_holds_is_left_to_it(tmp_path: Path) -> None:
    saver, says = InMemorySaver(), Chance(can=SINGLE)
    async with runtime_of(says, tmp_path / "s.db") as runtime, runtime_of(says, tmp_path / "s.db") as other:
        ours = kept(ONCE, runtime, saver)
        await ours.ainvoke(QUESTION, CHAT, interrupt_before=["retry"])
        fork = await ours.aget_state(CHAT)
        with pytest.raises(RebutError, match="is being run by process"):
            await kept(ONCE, other, saver).ainvoke(None, fork.config)
        assert len(runtime._running) == 1 and not other._running


async def test_a_state_without_a_run_says_so() -> None:
    async with runtime_of(Chance()) as runtime:
        graph = kept(ONCE, runtime)
        await graph.aupdate_state(CHAT, QUESTION, as_node="first")
        await graph.aupdate_state(CHAT, {"drafts": []}, as_node="begin_run")
        with pytest.raises(RebutError, match="belongs to no run"):
            await graph.ainvoke(None, CHAT)
