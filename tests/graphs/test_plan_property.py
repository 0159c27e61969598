"""No run passes its plan: random workflows against a model that chooses at random."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress
from random import Random
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import rebut
from rebut.errors import QuorumMissed, WorkflowError
from rebut.events import CallFinished, Event, NodeFinished, NodeStarted
from rebut.graphs.plan import Plan

from .chance import NATIVE, SINGLE, Chance, runtime_of

MOST = 300
"""Plans of more calls are not run."""


CROWD = {"crowd": {"role": "solver", "seats": ["x", "y"]}}
MODELS = {"x": "chance/1", "y": "chance/2"}
"""An agent who speaks with the voices of two models."""


class Written:
    """A random workflow, written backwards from its end: every block is told what comes after it."""

    def __init__(self, dice: Random) -> None:
        self.dice = dice
        self.nodes: dict[str, Any] = {}
        self.edges: dict[str, Any] = {}
        self.count = 0

    def workflow(self) -> str:
        first = self.draw(self.series("pool", 3, self.node({"set": {"done": 1}}, "end")), "pool")
        whole = {
            "name": "random",
            "params": {"b": self.dice.randint(0, 3)},
            "agents": {"a": "solver", "critic": "reviewer", "grader": "scorer", "steps": "step_scorer"}
            | CROWD,
            "nodes": self.nodes,
            "edges": {"start": first, **self.edges},
            "answer": "done",
        }
        return yaml.safe_dump(whole, sort_keys=False)

    def name(self, what: str) -> str:
        self.count += 1
        return f"{what}{self.count}"

    def node(self, does: dict[str, Any], after: Any, name: str = "") -> str:
        name = name or self.name("n")
        self.nodes[name], self.edges[name] = does, after
        return name

    def solver(self) -> str:
        return self.dice.choice(["a", "a", "crowd"])

    def draw(self, after: str, pool: str) -> str:
        does: dict[str, Any] = {"sample": self.solver(), "n": self.dice.randint(1, 3), "save": pool}
        if self.dice.random() < 0.3:
            does |= {"stop": f"len(samples) >= {self.dice.randint(1, 3)}", "wave": self.dice.randint(1, 2)}
        return self.node(does, after)

    def series(self, pool: str, depth: int, after: str) -> str:
        for _ in range(self.dice.randint(1, 3)):
            after = self.block(pool, depth, after)
        return after

    def block(self, pool: str, depth: int, after: str) -> str:
        kinds = [self.ask, self.each, self.score, self.double, self.draw_more, self.search]
        if depth > 0:
            kinds += [self.choice, self.loop, self.loop, self.fork]
        return self.dice.choice(kinds)(pool, depth, after)

    def ask(self, pool: str, depth: int, after: str) -> str:
        return self.node({"ask": "a", "save": self.name("v")}, after)

    def each(self, pool: str, depth: int, after: str) -> str:
        more = self.name("more")
        joined = {"set": {pool: f"{pool} + compact({more})"}}
        does: dict[str, Any] = {"ask": self.solver(), "for_each": pool, "as": "it", "save": more}
        if self.dice.random() < 0.4:
            does["at_most"] = self.dice.randint(1, 4)
        return self.node(does, self.node(joined, after))

    def score(self, pool: str, depth: int, after: str) -> str:
        by = self.dice.choice([["grader"], ["steps"], ["grader", "steps"]])
        return self.node({"score": pool, "by": by, "save": pool}, after)

    def double(self, pool: str, depth: int, after: str) -> str:
        how = self.dice.choice(["{p} + {p}", "{p} + {p}[:1]", "{p}[:2]", "{p}[-2:]", "{p}[1:] + {p}[:1]"])
        return self.node({"set": {pool: how.format(p=pool)}}, after)

    def draw_more(self, pool: str, depth: int, after: str) -> str:
        return self.draw(after, f"{pool}+")

    def search(self, pool: str, depth: int, after: str) -> str:
        dice = self.dice
        select = dice.choice(["beam", "particles", "dfs", "best", "uct", "puct", "rain", "rest"])
        levels, walks = select in ("beam", "particles"), select in ("uct", "puct", "rain", "rest")
        does: dict[str, Any] = {
            "search": "a",
            "mode": "step",
            "by": "grader",
            "select": select,
            "width": dice.choice([1, 2, "3 - depth", "params.b + 1"]),
            "depth": dice.randint(1, 3),
            "done": f"node.depth >= {dice.randint(1, 3)}",
            "save": self.name("found"),
        }
        some: dict[str, Any] = {"votes": 2, "swap": True, "listed": True, "stop": "best.value > 0.8"}
        some |= {"rollout": {"units": 2}, "greedy": True, "budget": {"calls": 5}}
        some |= {"keep": dice.randint(1, 3)} if levels or select == "dfs" else {}
        some |= {} if levels else {"iterations": dice.randint(1, 4)}
        if walks:
            some |= {"evaluate": "leaf", "commit": "visits", "wave": 2, "share": 0.5, "output": "visited"}
            some |= {"rollout": {"units": 2, "mix": 0.5, "of": "all"}}
        does |= {key: value for key, value in some.items() if dice.random() < 0.4}
        if walks and dice.random() < 0.3:
            does |= {"widen": "node.children + 1", "widest": dice.randint(1, 4)}
        if "listed" in does:
            does.pop("greedy", None)
        if "commit" in does:
            does.pop("output", None)
        return self.node(does, after)

    def asked(self, pool: str) -> tuple[dict[str, Any], str]:
        """A question to the critic, and the condition that it answered yes."""
        saved = self.name("c")
        does = {"ask": "critic", "with": {"draft": f"={pool}[0]"}, "save": saved}
        return does, f"{saved} is not none and {saved}.accepted".replace("none", "None")

    def choice(self, pool: str, depth: int, after: str) -> str:
        does, yes = self.asked(pool)
        ways = [self.series(pool, depth - 1, after) for _ in range(2)]
        return self.node(does, [{"when": yes, "to": ways[0]}, {"to": ways[1]}])

    def loop(self, pool: str, depth: int, after: str) -> str:
        head = self.name("h")
        body = self.series(pool, depth - 1, head)
        does, yes = self.asked(pool)
        counted = self.dice.choice([head, body])
        bound = self.dice.choice(["1", "2", "3", "params.b", "params.b + 1"])
        more = f"visits.{counted} {self.dice.choice(['<', '<='])} {bound}"
        out = f"visits.{counted} >= {bound}"
        edges: list[dict[str, Any]] = self.dice.choice(
            [
                [{"when": more, "to": body}, {"to": after}],
                [{"when": f"{more} and not ({yes})", "to": body}, {"to": after}],
                [{"when": f"{out} or ({yes})", "to": after}, {"to": body}],
            ]
        )
        return self.node(does, edges, head)

    def fork(self, pool: str, depth: int, after: str) -> str:
        join = self.node({"set": {self.name("met"): 1}}, after)
        branches: list[str] = []
        for _ in range(self.dice.randint(2, 3)):
            own = self.name("pool")
            branches.append(self.draw(self.series(own, depth - 1, join), own))
        return self.node({"set": {self.name("apart"): 1}}, branches)


def longest_chain(events: list[Event]) -> int:
    """The most calls one after another, each waiting for the one before, as the events of a run tell."""
    reached: Counter[str] = Counter()
    within: dict[tuple[str, int], int] = {}
    began: dict[tuple[str, int], int] = {}
    longest = 0
    for event in events:
        if isinstance(event, NodeStarted):
            began[event.node, event.visit] = reached.pop(event.node, 0)
        elif isinstance(event, CallFinished):
            here = event.node, event.visit
            within[here] = max(within.get(here, 0), 2 if "~" in event.call else 1)
        elif isinstance(event, NodeFinished):
            here = event.node, event.visit
            depth = began[here] + within.get(here, 0)
            longest = max(longest, depth)
            for target in event.to:
                reached[target] = max(reached[target], depth)
    return longest


async def run_events(workflow: rebut.Workflow, says: Chance) -> list[Event]:
    async with runtime_of(says) as runtime:
        run = workflow.with_(runtime=runtime, models=MODELS).start("?", seed=1)
        events = [event async for event in run]
        with suppress(QuorumMissed):  # a search in which nothing could be valued
            await run.result()
    return events


def check(seed: int) -> Plan | None:
    """Hold one run to its plan; None when the workflow is refused or too large to be run."""
    dice = Random(seed)
    text = Written(dice).workflow()
    try:
        workflow = rebut.loads(text, kind="number")
        plan = workflow.plan()
    except WorkflowError:
        return None
    if plan.calls > MOST:
        return None
    says = Chance(
        seed=seed,
        misfits=dice.choice([0, 0.3, 1]),
        settled=dice.choice([0, 0.3, 0.6]),
        can=dice.choice([NATIVE, SINGLE]),
    )
    events = asyncio.run(run_events(workflow, says))
    visits = Counter(event.node for event in events if isinstance(event, NodeStarted))
    assert says.completions <= plan.calls, text
    assert longest_chain(events) <= plan.path, text
    for row in plan.nodes:
        assert visits[row.node] <= row.visits, f"{row.node}\n{text}"
    return plan


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much],
)
@given(st.integers(0, 10**9))
def test_no_run_passes_its_plan(seed: int) -> None:
    assume(check(seed) is not None)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("part", range(5))
def test_no_run_of_thousands_passes_its_plan(part: int) -> None:
    held = sum(check(seed) is not None for seed in range(500 * part, 500 * (part + 1)))
    assert held > 150
