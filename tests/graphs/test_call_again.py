"""Runs that call workflows are replayed to the byte, resumed and forked without their files, and planned."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest

import rebut
from rebut.errors import WorkflowError
from rebut.graphs.plan import Plan

from .chance import SINGLE, Chance, runtime_of
from .test_replay import FORKS, model_for, played

LIMITS = (None, None, None, "calls=9", "calls=25", "tokens=4000", "seconds=0.02")

TOP = """
name: top
agents: {weak: solver}
nodes:
  list: {set: {parts: "['6 * 7?', '6 * 8?', '6 * 9?', '1 + 1?']"}}
  left:
    call: ./forks.yaml
    for_each: parts
    as: part
    inputs: {question: =part}
    agents: {a: weak}
    budget: {calls: 30}
    quorum: 0
    keep: said
    save: found
  right: {call: magicore, params: {k: 2, iterations: 1}, quorum: 0, save: other}
  adaptive:
    call: adaptive-consistency
    params: {samples: 9, wave: "=2 + len(found)"}
    quorum: 0
    save: third
  tally: {vote: "[f for f in found] + [other, third]", quorum: 0, save: ballot}
edges:
  start: list
  list: [left, right]
  left: adaptive
  adaptive: tally
  right: tally
  tally:
    - {when: visits.left < 2 and ballot.share < 0.9, to: left_again}
    - {to: end}
  left_again: end
answer: ballot.answer
fallback: vote(compact(found)).answer
"""


@pytest.fixture
def top(tmp_path: Path) -> Path:
    (tmp_path / "forks.yaml").write_text(FORKS)
    again = "  left_again: {call: self-refine, params: {rounds: 1}, quorum: 0, save: again}\n"
    (tmp_path / "top.yaml").write_text(TOP.replace("edges:\n", again + "edges:\n", 1))
    return tmp_path / "top.yaml"


async def _played(top: Path, tmp_path: Path, seed: int) -> str:
    chance = Random(seed)
    flow = rebut.load(top, kind="number", budget=chance.choice(LIMITS))
    done = await played(flow, model_for(chance), tmp_path / "s.db", tmp_path / "r.jsonl", seed)
    assert done.difference is None and done.again == done.live, f"seed {seed}"
    return done.live.split(":")[0]


async def test_graphs_side_by_side_in_graphs_play_again_to_the_byte(top: Path, tmp_path: Path) -> None:
    for seed in range(4):
        await _played(top, tmp_path, seed)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_hundreds_of_timings_of_nested_graphs_play_again_to_the_byte(top: Path, tmp_path: Path) -> None:
    reasons = {await _played(top, tmp_path, seed) for seed in range(100, 300)}
    assert reasons >= {"answered", "budget"}


def _remove(*files: Path) -> None:
    for file in files:
        file.unlink()


async def test_no_run_makes_more_calls_than_its_plan_says(top: Path) -> None:
    flow = rebut.load(top, kind="number")
    bound = flow.plan()
    for seed in range(4):
        model = Chance(seed=seed, answers=9, misfits=0.5, settled=0.1)
        result = await flow.with_(runtime=runtime_of(model)).run("6 * 7?", seed=seed)
        assert 0 < result.usage.calls <= bound.calls
        assert result.state["third"].calls <= 9


def mild() -> Chance:
    return Chance(seed=5, answers=4, misfits=0.15, settled=0.2, pace=0.001, can=SINGLE)


STEADY = """
name: steady
nodes:
  inner:
    call: self-refine
    for_each: "['6 * 7?', '6 * 8?', '6 * 9?']"
    inputs: {question: =item}
    save: found
  tally: {vote: found, save: ballot}
edges: {start: inner, inner: tally, tally: end}
answer: ballot.answer
"""
"""Without early stops the end does not hang on how fast the model is."""


@pytest.mark.parametrize("steady", [True, False])
async def test_a_run_cancelled_within_a_call_resumes_to_the_same_end(
    top: Path, tmp_path: Path, steady: bool
) -> None:
    flow = rebut.loads(STEADY, kind="number") if steady else rebut.load(top, kind="number")
    async with runtime_of(mild(), tmp_path / "s.db") as runtime:
        whole = await flow.with_(runtime=runtime).run("6 * 7?", seed=3)
    _remove(top, top.parent / "forks.yaml")
    for k in (1, 2, 5, 9, whole.usage.requests - 1):
        says = mild()
        async with runtime_of(says, tmp_path / "s.db") as runtime:
            run = flow.with_(runtime=runtime).start("6 * 7?", seed=3)
            says.on_call = lambda n, k=k, run=run: run.cancel() if n == k else None
            with pytest.raises(asyncio.CancelledError):
                await run.result()
            says.on_call, asked = None, dict(says.asked)
            assert runtime.store is not None
            kept = {c.site.path for c in await runtime.store.calls(run.id) if c.outcome.response}
            again = await (await runtime.resume(run.id)).result()
            replay = await runtime.replay(run.id)
            assert (await replay.result()).answer == again.answer
        assert replay.difference() is None
        assert not steady or (again.answer, again.usage.calls) == (whole.answer, whole.usage.calls)
        assert {path: says.asked[path] for path in kept} == {path: asked[path] for path in kept}


async def test_a_fork_goes_on_within_a_call_and_may_choose_another_workflow(tmp_path: Path) -> None:
    flow = rebut.loads(
        "name: two\nparams: {method: {default: self-refine, choices: [self-refine, self-consistency]}}\n"
        "nodes: {inner: {call: =params.method, save: first}}\n"
        "edges: {start: inner, inner: end}\nanswer: first.answer\n",
        kind="number",
    )
    async with runtime_of(Chance(settled=0.0), tmp_path / "s.db") as runtime:
        whole = await flow.with_(runtime=runtime).run("6 * 7?", seed=3)
        said = await runtime.fork(whole.run, "inner/1.refine/1", say="Answer: 77")
        result = await said.result()
        assert result.usage.calls == whole.usage.calls
        other = await (
            await runtime.fork(whole.run, "inner/1.write/1", params={"method": "self-consistency"})
        ).result()
        assert other.usage.calls == 5 and other.state["first"].workflow == "self-consistency"
        assert runtime.store is not None
        start = (await runtime.store.cassette(other.run)).start
        assert start.models == {"inner.solver": "chance/1"}
        assert set(start.snapshot["callees"]) == {"self-refine", "self-consistency"}
        assert {"solver/default", "reviewer/default"} <= set(start.snapshot["roles"])


def plan(
    nodes: str, params: str = "", edges: str = "start: inner, inner: end", answer: str = "first"
) -> Plan:
    agents = "agents: {a: solver}\n" if "a," in nodes or "sample: a" in nodes else ""
    return rebut.loads(
        f"name: p\n{params}{agents}nodes:\n  {nodes}\nedges: {{{edges}}}\nanswer: {answer}\n"
    ).plan()


def test_the_worst_case_of_a_call_is_that_of_the_called_workflow() -> None:
    bound = plan("inner: {call: self-refine, params: {rounds: 2}, save: first}")
    assert (bound.calls, bound.calls_typical, bound.path) == (1 + 2 * 3, 1 + 2 * 2, 7)
    alone = rebut.load("self-refine").plan({"rounds": 2})
    assert bound.tokens == alone.tokens
    [row] = bound.nodes
    assert (row.node, row.does, row.agents) == (
        "inner",
        "call self-refine",
        ("solver", "reviewer", "refiner"),
    )


Q = """
name: q
params: {n: 50}
agents: {a: solver}
nodes: {d: {sample: a, n: params.n, save: x}}
edges: {start: d, d: end}
answer: majority(x)
"""


def test_parameters_that_hang_on_the_run_count_at_the_ends_of_their_ranges() -> None:
    some = "inner: {call: %s, params: {%s}, save: first}"
    assert plan(some % ("self-consistency", "samples: =len(question)")).calls == 1000
    bound = plan(some % ("adaptive-consistency", "samples: 6, wave: =len(question)"))
    assert (bound.calls, bound.path) == (6, 6)
    with pytest.raises(WorkflowError, match="parameter 'n' that node 'inner' gives cannot be bounded"):
        _in_file(Q, "inner: {call: ./q.yaml, params: {n: =len(question)}, save: first}").plan()


def _in_file(
    inner: str, node: str, answer: str = "first", more: str = "", edges: str = "start: inner, inner: end"
) -> rebut.Workflow:
    with TemporaryDirectory() as folder:
        (Path(folder) / "q.yaml").write_text(inner)
        return rebut.loads(
            f"name: p\n{more}nodes:\n  {node}\nedges: {{{edges}}}\nanswer: {answer}\n",
            path=f"{folder}/p.yaml",
        )


def test_limits_of_the_node_and_of_the_called_file_bound_the_plan() -> None:
    node = "inner: {call: self-refine, budget: {calls: 4}, save: first}"
    assert plan(node).calls == 4
    inner = Q + "budget: {calls: 7}\n"
    assert _in_file(inner, "inner: {call: ./q.yaml, save: first}").plan().calls == 7
    each = 'inner: {call: ./q.yaml, for_each: "[1, 2, 3]", save: first}'
    assert _in_file(inner, each).plan().calls == 21


def test_lists_that_go_in_and_come_out_are_followed() -> None:
    inner = (
        "name: q\ninputs: [items]\nagents: {a: solver}\nnodes:\n"
        "  d: {ask: a, for_each: items, with: {question: =item}, save: said}\n"
        "edges: {start: d, d: end}\nanswer: majority(said)\n"
    )
    node = (
        "draw: {sample: a, n: 4, save: drawn}\n"
        "  inner: {call: ./q.yaml, inputs: {items: =drawn}, keep: said, save: first}\n"
        "  after: {ask: a, for_each: first.kept.said, save: more}"
    )
    flow = _in_file(
        inner,
        node,
        "majority(more)",
        "agents: {a: solver}\n",
        "start: draw, draw: inner, inner: after, after: end",
    )
    assert flow.plan().calls == 4 + 4 + 4


def test_a_run_that_a_model_below_cannot_do_is_refused() -> None:
    flow = rebut.loads(
        "name: p\nnodes: {inner: {call: self-certainty, save: first}}\n"
        "edges: {start: inner, inner: end}\nanswer: first.answer\n",
        models="chance/1",
    )
    with pytest.raises(rebut.errors.SettingsError, match="chance/1"):
        runtime_of(Chance()).begin(flow, {"question": "6 * 7?"})
