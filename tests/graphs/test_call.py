"""A workflow that calls another one: what it hands over and gets back, how limits and failures end it."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, TypedDict

import pytest

import rebut
from rebut.errors import InputError, ModelRefused, QuorumMissed, WorkflowError
from rebut.events import Event, NodeFinished, NodeStarted, within
from rebut.graphs.diagnostics import WorkflowInvalid
from rebut.models.wire import Request

from .chance import Chance, runtime_of
from .stage import NATIVE, SINGLE, Stage, noted, text_of

ONE = """
name: one
params: {n: {default: 3, min: 1, max: 9}}
agents: {small: solver, strong: solver}
nodes:
  inner: {call: self-consistency, params: {samples: =params.n}, agents: small, keep: ballot, save: first}
  more: {ask: strong, save: more+}
edges:
  start: inner
  inner:
    - {when: first.kept.ballot.share > 0.5, to: end}
    - {to: more}
  more: end
answer: last(more).answer if more else first.answer
fallback: first.answer
"""


def text(
    nodes: str, edges: str = "start: inner, inner: end", answer: str = "first.answer", more: str = ""
) -> str:
    agents = "agents: {small: solver}\n" if "small" in nodes else ""
    return f"name: one\n{agents}{more}nodes:\n  {nodes}\nedges: {{{edges}}}\nanswer: {answer}\n"


async def test_the_record_tells_what_the_called_workflow_gave_and_used() -> None:
    stage = Stage({"small": ["Answer: 4", "Answer: 4", "Answer: 5"], "strong": "Answer: 7"})
    result = await stage.play(ONE)
    first = result.state["first"]
    assert (result.answer, first.answer, first.workflow) == ("4", "4", "self-consistency")
    assert (first.stop_reason, first.calls, first.index, first.call) == ("answered", 3, 0, "inner/1")
    assert first.kept["ballot"].share == pytest.approx(2 / 3) and set(first.kept) == {"ballot"}
    assert first.tokens == result.usage.prompt + result.usage.completion and result.usage.calls == 3
    assert "ballot" not in result.state


async def test_what_is_kept_decides_where_the_caller_goes() -> None:
    stage = Stage({"small": ["Answer: 4", "Answer: 6", "Answer: 5"], "strong": "Answer: 7"})
    result = await stage.play(ONE)
    assert result.answer == "7" and stage.order == ["small"] * 3 + ["strong"]


async def test_inputs_are_handed_over_or_taken_from_the_caller() -> None:
    stage = Stage({"small": "Answer: 4"})
    flow = text("inner: {call: self-consistency, params: {samples: 1}, agents: small, save: first}")
    await stage.play(flow, "How many?")
    said = flow.replace(
        "params: {samples: 1}", "params: {samples: 1}, inputs: {question: \"='Not ' + question\"}"
    )
    await stage.play(said, "how many?")
    assert "How many?" in stage.prompts("small")[0] and "Not how many?" in stage.prompts("small")[1]


async def test_paths_nodes_and_seeds_of_inner_calls_begin_with_the_place_of_the_call() -> None:
    stage = Stage({"small": "Answer: 4", "strong": "Answer: 7"})
    flow = stage.workflow(ONE)
    events: list[Event] = [event async for event in flow.stream("2 + 2?", seed=1)]
    begun = [event.node for event in events if isinstance(event, NodeStarted)]
    assert begun == ["inner", "inner/1.draw", "inner/1.tally"]
    to = [event.to for event in events if isinstance(event, NodeFinished)]
    assert to == [("inner/1.tally",), ("inner/1.end",), ("end",)]
    assert [within(node) for node in begun] == ["", "inner/1", "inner/1"]
    alone = Stage({"solver": "Answer: 4"})
    await alone.play("self-consistency", "2 + 2?", params={"samples": 3}, seed=1)
    assert {r.seed for _, r in stage.seen}.isdisjoint({r.seed for _, r in alone.seen})
    assert len({r.seed for _, r in stage.seen}) == 3


LOOP = """
name: loop
agents: {small: solver}
nodes:
  inner:
    call: self-consistency
    params: {samples: =visits.inner}
    agents: small
    keep: samples
    save: tries+
edges:
  start: inner
  inner:
    - {when: visits.inner < 3, to: inner}
    - {to: end}
answer: majority([s for t in tries for s in t.kept.samples])
"""


async def test_each_visit_has_paths_of_its_own_and_parameters_of_the_moment() -> None:
    stage = Stage({"small": "Answer: 4"})
    result = await stage.play(LOOP)
    paths = [sample.call for call in result.state["tries"] for sample in call.kept["samples"]]
    assert paths == [
        "inner/1.draw/1#0",
        *(f"inner/2.draw/1#{i}" for i in range(2)),
        *(f"inner/3.draw/1#{i}" for i in range(3)),
    ]


EACH = """
name: each
agents: {small: solver}
nodes:
  list: {set: {parts: "['1 + 1?', None, '2 + 2?']"}}
  inner:
    call: self-consistency
    for_each: parts
    as: part
    inputs: {question: =part}
    params: {samples: =index + 1}
    agents: small
    quorum: 1
    save: found
edges: {start: list, list: inner, inner: end}
answer: "[f.answer if f else 'none' for f in found]"
"""


class Theirs(TypedDict, total=False):
    question: str
    answer: Any


def adds(request: Request) -> str:
    return "Answer: 2" if "1 + 1" in text_of(request) else "Answer: 4"


async def test_one_call_an_item_side_by_side_and_none_where_there_is_no_item() -> None:
    stage = Stage({"small": adds})
    result = await stage.play(EACH)
    assert result.answer == ["2", "none", "4"]
    assert [f and (f.index, f.calls, f.call) for f in result.state["found"]] == [
        (0, 1, "inner/1[0]"), None, (2, 3, "inner/1[2]"),
    ]  # fmt: skip


async def test_an_item_that_fails_is_none_as_long_as_the_quorum_stands() -> None:
    def fails(request: Request) -> Any:
        return ModelRefused("no", model="m", status=400) if "1 + 1" in text_of(request) else "Answer: 4"

    result = await Stage({"small": fails}).play(EACH)
    assert result.answer == ["none", "none", "4"] and noted(result, "quorum", "inner") == ["1 of 2 stood"]
    assert noted(result, "failed", "inner")[0].startswith("item 0: ")
    with pytest.raises(QuorumMissed, match="'inner': 1 of 2 stood, 2 needed"):
        await Stage({"small": fails}).play(EACH.replace("quorum: 1", "quorum: 2"))


async def test_a_failure_fails_the_node_unless_it_may_fail() -> None:
    flow = text("inner: {call: self-consistency, agents: small, save: first}")
    refused = ModelRefused("no", model="m", status=400)
    with pytest.raises(ModelRefused):
        await Stage({"small": refused}).play(flow)
    may = flow.replace("save: first}", "quorum: 0, save: first}").replace(
        "first.answer", "first.answer if first else 'none'"
    )
    result = await Stage({"small": refused}).play(may)
    assert result.answer == "none" and result.state["first"] is None


@pytest.mark.parametrize("where", ["node", "file"])
async def test_a_limit_of_its_own_ends_it_with_its_fallback_and_the_run_goes_on(
    where: str, tmp_path: Path
) -> None:
    (tmp_path / "inner.yaml").write_text(
        "name: inner\nparams: {n: 5}\nagents: {solver: solver}\n"
        "nodes:\n  a: {sample: solver, n: 2, save: said+}\n  b: {ask: solver, save: said+}\n"
        "edges: {start: a, a: b, b: end}\nanswer: \"'all'\"\nfallback: majority(said)\n"
        + ("budget: {calls: 2}\n" if where == "file" else "")
    )
    limit = "budget: {calls: 2}, " if where == "node" else ""
    (tmp_path / "outer.yaml").write_text(
        "name: outer\nagents: {small: solver}\nnodes:\n"
        f"  inner: {{call: inner.yaml, agents: small, {limit}save: first}}\n"
        "  more: {ask: small, save: more}\n"
        "edges: {start: inner, inner: more, more: end}\nanswer: more.answer\n"
    )
    stage = Stage({"small": "Answer: 4"})
    result = await stage.play(rebut.load(tmp_path / "outer.yaml"))
    first = result.state["first"]
    assert (first.answer, first.stop_reason, first.calls) == ("4", "budget", 2)
    assert "calls limit of 2" in first.detail and "inner" in first.detail
    assert (result.stop_reason, stage.calls) == ("answered", 3)


async def test_a_limit_of_the_run_ends_both_and_the_outer_fallback_reads_the_inner_one() -> None:
    stage = Stage({"small": ["Answer: 4", "Answer: 5", "Answer: 4"], "strong": "Answer: 7"})
    result = await stage.play(ONE.replace("> 0.5", "> 2"), budget="calls=3")
    assert (result.answer, result.stop_reason, stage.calls) == ("4", "budget", 3)
    assert result.state["first"].stop_reason == "answered"
    result = await Stage({"small": "Answer: 4"}, can=NATIVE).play(ONE, budget="calls=2")
    assert (result.answer, result.stop_reason) == ("4", "budget") and result.state["first"].calls == 2


async def test_a_limit_before_there_is_any_answer_is_that_of_the_node() -> None:
    flow = text("inner: {call: self-refine, agents: small, budget: {tokens: 1}, save: first}")
    result = await Stage({"small": "Answer: 4"}).play(flow)
    assert (result.answer, result.stop_reason, result.detail) == (
        None, "budget", "budget spent: tokens limit of 1 (node inner)",
    )  # fmt: skip


async def test_models_reach_the_inner_agents_by_name_by_role_and_by_the_agent_that_stands_for_them() -> None:
    flow = rebut.loads(text("inner: {call: self-refine, agents: {solver: small}, save: first}"))
    table = flow.with_(models={"small": "a/1", "reviewer": "b/1", "*": "c/1"}).voices({}, "d/1")
    assert table == {"small": "a/1", "inner.solver": "a/1", "inner.reviewer": "b/1", "inner.refiner": "c/1"}
    assert flow.with_(models={"inner.solver": "e/1"}).voices({}, "d/1")["inner.solver"] == "e/1"
    assert flow.voices({"refiner": "f/1"}, "d/1")["inner.refiner"] == "f/1"
    assert flow.models_by_agent({"inner.solver": "e/1"}) == {"inner.solver": "e/1"}
    assert flow.models_by_agent({"small": "e/1"}) == {"small": "e/1", "inner.solver": "e/1"}
    with pytest.raises(InputError, match=r"no agent or role 'inner\.slover' .did you mean 'inner\.solver'"):
        flow.with_(models={"inner.slover": "e/1"})


CHOICE = """
name: choice
params: {method: {default: self-refine, choices: [self-refine, self-consistency]}}
agents: {small: solver}
nodes: {inner: {call: =params.method, agents: small, save: first}}
edges: {start: inner, inner: end}
answer: first.answer
"""


async def test_a_parameter_with_choices_names_the_workflow() -> None:
    stage = Stage({"small": "Answer: 4"})
    result = await stage.play(CHOICE, params={"method": "self-consistency"})
    assert result.state["first"].workflow == "self-consistency" and stage.calls == 5
    flow = rebut.loads(CHOICE)
    assert set(flow.spec.callees) == {"self-refine", "self-consistency"}
    assert flow.plan().calls == 10 and flow.plan({"method": "self-consistency"}).calls == 5
    assert set(flow.voices({}, "m/1")) == {"small", "inner.solver", "inner.reviewer", "inner.refiner"}


def write(folder: Path, **files: str) -> None:
    for name, content in files.items():
        (folder / f"{name}.yaml").write_text(content.replace("name: one", f"name: {name}", 1))


def test_files_that_call_each_other_in_a_circle_are_refused(tmp_path: Path) -> None:
    write(
        tmp_path,
        a=text("inner: {call: ./b.yaml, save: first}"),
        b=text("inner: {call: ./c.yaml, save: first}"),
        c=text("inner: {call: a.yaml, save: first}"),
    )
    with pytest.raises(WorkflowInvalid, match=r"workflow '\./b\.yaml' has mistakes") as caught:
        rebut.load(tmp_path / "a.yaml")
    assert "c.yaml" in str(caught.value)
    with pytest.raises(WorkflowInvalid, match=r"a.yaml:3:17: workflows call each other: b -> c -> a -> b"):
        rebut.loads((tmp_path / "b.yaml").read_text(), path=str(tmp_path / "b.yaml"))


def test_a_file_that_calls_none_in_a_circle_may_call_one_twice(tmp_path: Path) -> None:
    leaf = text("inner: {call: self-consistency, save: first}")
    two = "inner: {call: ./leaf.yaml, save: first}\n  more: {call: ./mid.yaml, save: more}"
    write(
        tmp_path,
        leaf=leaf,
        mid=text("inner: {call: ./leaf.yaml, save: first}"),
        top=text(two, "start: inner, inner: more, more: end", "first.answer or more.answer"),
    )
    flow = rebut.load(tmp_path / "top.yaml")
    assert flow.plan().calls == 10
    names = {"inner.inner.solver", "more.inner.inner.solver"}
    assert set(flow.voices({}, "m/1")) == names


def test_workflows_within_each_other_end_somewhere(tmp_path: Path) -> None:
    for i in range(12):
        write(tmp_path, **{f"w{i}": text(f"inner: {{call: ./w{i + 1}.yaml, save: first}}")})
    with pytest.raises(WorkflowInvalid):
        rebut.load(tmp_path / "w0.yaml")
    try:
        rebut.load(tmp_path / "w5.yaml")
    except WorkflowInvalid as error:
        assert "no such workflow file" in str(error) or "has mistakes" in str(error)


def test_what_names_a_workflow_below_has_to_be_known_before_a_run(tmp_path: Path) -> None:
    write(tmp_path, choice=CHOICE)
    flow = (
        "name: top\nagents: {small: solver}\nnodes:\n  ask: {ask: small, save: draft}\n"
        "  inner: {call: choice.yaml, params: {method: =draft.answer}, save: first}\n"
        "edges: {start: ask, ask: inner, inner: end}\nanswer: first.answer\n"
    )
    with pytest.raises(WorkflowInvalid, match="'method' says which workflow 'choice' calls"):
        rebut.loads(flow, path=str(tmp_path / "top.yaml"))


async def test_an_input_that_is_empty_when_it_comes_to_it_is_told_with_its_node() -> None:
    flow = text("inner: {call: self-consistency, inputs: {question: \"=''\"}, agents: small, save: first}")
    with pytest.raises(WorkflowError, match="node 'inner': input 'question' is empty"):
        await Stage({"small": "Answer: 4"}).play(flow)


async def test_a_parameter_out_of_bounds_when_it_comes_to_it_is_told_with_its_node() -> None:
    flow = text(
        'inner: {call: self-consistency, params: {samples: "=0 * len(question)"}, agents: small, save: first}'
    )
    with pytest.raises(WorkflowError, match="node 'inner': parameter 'samples' must be at least 1"):
        await Stage({"small": "Answer: 4"}).play(flow)


async def test_a_workflow_within_one_within_one_runs_and_notes_where(tmp_path: Path) -> None:
    write(tmp_path, mid=text("middle: {call: self-consistency, save: first}", "start: middle, middle: end"))
    flow = rebut.loads(
        text("inner: {call: ./mid.yaml, agents: small, save: first}"), path=str(tmp_path / "top.yaml")
    )
    stage = Stage({"small": ["Answer: 4", "Answer: 4", "Answer: 5", "Answer: 5", "so?"]}, can=SINGLE)
    result = await stage.play(flow)
    assert result.answer == "4" and noted(result, "tie", "inner/1.middle/1.tally")
    assert flow.plan().calls == 5


def test_the_drawing_shows_what_is_called() -> None:
    flow = rebut.loads(CHOICE)
    assert '[["inner<br/><small>call params.method</small>"]]' in flow.draw()
    assert "inner  call params.method" in flow.draw("text")


async def test_a_workflow_that_calls_is_a_node_in_somebody_elses_graph() -> None:
    from langgraph.checkpoint.memory import InMemorySaver
    from langgraph.graph import END, START, StateGraph

    stage = Stage({"small": adds})
    graph = StateGraph(Theirs)
    graph.add_node("ours", stage.workflow(EACH).graph())
    graph.add_edge(START, "ours")
    graph.add_edge("ours", END)
    compiled = graph.compile(checkpointer=InMemorySaver())
    state = await compiled.ainvoke({"question": "?"}, {"configurable": {"thread_id": "1"}})
    assert state["answer"] == ["2", "none", "4"]


class Stuck(Chance):
    """Never answers."""

    async def _wait(self) -> None:
        await asyncio.Event().wait()


async def test_a_cancelled_run_leaves_none_of_the_calls_within_it() -> None:
    both = asyncio.Event()
    model = Stuck(on_call=lambda number: both.set() if number == 2 else None)
    flow = rebut.loads(EACH, runtime=runtime_of(model))
    before = asyncio.all_tasks()
    run = asyncio.create_task(flow.run("?"))
    await both.wait()
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    assert model.now == 0 and model.cancelled == 2 and asyncio.all_tasks() == before


async def test_a_list_that_nothing_was_appended_to_is_empty_at_the_end() -> None:
    nodes = "one: {ask: small, save: draft}\n  more: {ask: small, save: drafts+}"
    edges = "start: one, one: [{when: draft is None, to: more}, {to: end}], more: end"
    result = await Stage({"small": "Answer: 4"}).play(text(nodes, edges, "'[draft.answer, len(drafts)]'"))
    assert result.answer == ["4", 0]
