"""The search node: what it asks, in which order, what it finds, and how it fails."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from fractions import Fraction
from functools import cache
from itertools import combinations
from typing import Any

import pytest

import rebut
from rebut.errors import ModelRefused, ModelUnavailable, QuorumMissed, WorkflowError
from rebut.events import NodeFinished
from rebut.models.script import Line
from rebut.models.wire import Completion, Request, TokenLogprob
from rebut.records import Found

from .stage import NATIVE, SINGLE, Stage, able, critique, grade, noted, text_of


def flow(
    slots: str, *, agents: str = "p: {role: solver}, g: {role: scorer}", tail: str = "found.text"
) -> str:
    return (
        f"name: x\nagents: {{{agents}}}\nnodes:\n  s: {{search: p, {slots}, save: found}}\n"
        f"edges: {{start: s, s: end}}\nanswer: {tail}\nfallback: found.text\n"
    )


def said(request: Request) -> str:
    """The solution so far, as a step proposer or a grader sees it."""
    found = re.search(r"<quote>\n(.*?)\n</quote>", text_of(request), re.DOTALL)
    return found[1] if found else ""


def found_in(result: Any) -> Found:
    found = result.state["found"]
    assert isinstance(found, Found)
    return found


# Game of 24: an exact proposer and an exact evaluator, against all that can be done


Numbers = tuple[Fraction, ...]
WON: Numbers = (Fraction(24),)


def moves(left: Numbers) -> list[tuple[str, Numbers]]:
    """Every step with two of the numbers, and what is left after it."""
    found: list[tuple[str, Numbers]] = []
    for i, j in combinations(range(len(left)), 2):
        a, b, rest = left[i], left[j], [n for k, n in enumerate(left) if k not in (i, j)]
        made = [(f"{a}+{b}", a + b), (f"{a}-{b}", a - b), (f"{b}-{a}", b - a), (f"{a}*{b}", a * b)]
        made += [(f"{a}/{b}", a / b)] if b else []
        made += [(f"{b}/{a}", b / a)] if a else []
        found += [(said, tuple(sorted([*rest, value]))) for said, value in made]
    return found


@cache
def solvable(left: Numbers) -> bool:
    return left == WON if len(left) == 1 else any(solvable(after) for _, after in moves(left))


def left_after(text: str, start: Numbers) -> Numbers:
    steps = re.findall(r"left: ([^\n]*)", text)
    return tuple(Fraction(n) for n in steps[-1].split()) if steps else start


def player(start: Numbers) -> Callable[[Request], str]:
    def propose(request: Request) -> str:
        after = moves(left_after(said(request), start))
        return "\n".join(f"- {step} left: {' '.join(map(str, left))}" for step, left in after)

    return propose


def exact(start: Numbers) -> Callable[[Request], str]:
    return lambda request: grade(10 if solvable(left_after(said(request), start)) else 0)


GAME = flow(
    "mode: step, listed: true, width: 40, by: {g: partial}, select: beam, keep: 1, depth: 3,"
    " done: node.depth == 3"
)


@pytest.mark.parametrize("cards", [(4, 9, 10, 13), (1, 5, 5, 5), (3, 3, 8, 8), (1, 1, 1, 1), (2, 2, 2, 9)])
async def test_an_exact_evaluator_wins_the_game_of_24_whenever_it_can_be_won(cards: tuple[int, ...]) -> None:
    start = tuple(sorted(map(Fraction, cards)))
    stage = Stage({"p": player(start), "g": exact(start)})
    if not solvable(start):
        found = found_in(await stage.play(GAME, "24", kind="text"))
        assert found.value == 0 and left_after(found.text, start) != WON
        return
    found = found_in(await stage.play(GAME, "24", kind="text"))
    assert left_after(found.text, start) == WON and found.value == 1
    assert (found.depth, found.reason, len(stage.asked("p"))) == (3, "finished", 3)


@pytest.mark.parametrize(
    "select", ["dfs, threshold: 0.5", "best, threshold: 0.5", "uct, stop: best.done and best.value == 1"]
)
async def test_other_rules_win_it_as_well(select: str) -> None:
    start = tuple(sorted(map(Fraction, (4, 9, 10, 13))))
    unit = "mode: step, listed: true, width: 40, depth: 3, done: node.depth == 3"
    slots = f"{unit}, by: {{g: partial}}, select: {select}, iterations: 60"
    found = found_in(
        await Stage({"p": player(start), "g": exact(start)}).play(flow(slots), "24", kind="text")
    )
    assert left_after(found.text, start) == WON


# Rules of selection on small trees


def digits(request: Request) -> str:
    """Grades a text by its digits: the more of them are 1, the better."""
    text = said(request)
    return grade(10 * text.count("1") // max(len(re.findall(r"\d", text)), 1))


async def test_a_beam_asks_level_by_level_and_values_equal_texts_once() -> None:
    stage = Stage({"p": ["0", "1", "1", "0", "1", "1"], "g": digits}, can=SINGLE)
    slots = "mode: step, width: 2, by: {g: partial}, keep: 1, depth: 3"
    found = found_in(await stage.play(flow(slots), kind="text"))
    assert found.text == "1\n1\n1" and found.reason == "depth"
    assert stage.order == [*"ppgg", *"ppgg", *"ppg"]


async def test_paths_of_calls_name_the_node_of_the_tree() -> None:
    stage = Stage({"p": ["a", "b"], "g": grade(7)})
    found = found_in(
        await stage.play(flow("mode: step, width: 2, by: {g: partial}, votes: 2, depth: 1"), kind="text")
    )
    assert [t.call for t in found.tree] == ["", "s/1:0.expand#0", "s/1:0.expand#1"]
    assert len(stage.asked("g")) == 4 and found.value == pytest.approx(0.7)


async def test_samples_of_a_place_come_in_one_request_where_the_model_can() -> None:
    stage = Stage({"p": ["a", "b", "c"], "g": grade(5)}, can=NATIVE)
    await stage.play(flow("mode: step, width: 3, by: {g: partial}, depth: 1"), kind="text")
    assert [request.n for request in stage.asked("p")] == [3]


async def test_a_continuation_is_begun_where_the_last_one_stopped() -> None:
    stage = Stage({"p": ["Step 1: a", " 2: b", " 3: c. Answer: 4"], "g": grade(5)})
    unit = 'unit: continue, until: "\\nStep", done: node.answer is not None'
    slots = f"mode: steps, {unit}, width: 1, by: {{g: partial}}, depth: 5"
    found = found_in(await stage.play(flow(slots)))
    assert found.text == "Step 1: a\nStep 2: b\nStep 3: c. Answer: 4" and found.answer == "4"
    assert [r.messages[-1].content for r in stage.asked("p")[1:]] == [
        "Step 1: a\nStep",
        "Step 1: a\nStep 2: b\nStep",
    ]
    assert {r.stop for r in stage.asked("p")} == {("\nStep",)}


async def test_a_model_that_cannot_continue_is_asked_in_words() -> None:
    stage = Stage({"p": ["one", " two"], "g": grade(5)}, can=able(prefill=False))
    slots = "mode: plain, unit: continue, width: 1, by: {g: partial}, depth: 2, done: node.depth == 2"
    found = found_in(await stage.play(flow(slots), kind="text"))
    last = stage.asked("p")[-1].messages
    assert found.text == "one two"
    assert [m.role for m in last] == ["user", "assistant", "user"] and last[1].content == "one"


async def test_the_likeliest_tokens_are_children_and_a_silent_one_ends() -> None:
    top = (("a", -0.5), ("b", -1.0), ("", -2.0))
    likely = Completion(text="a", finish="length", logprobs=(TokenLogprob("a", -0.5, top),))
    stage = Stage({"p": [likely], "g": grade(5)})
    slots = "mode: plain, unit: continue, width: 3, alternatives: true, by: {g: partial}, depth: 1"
    found = found_in(await stage.play(flow(slots), kind="text"))
    assert [(t.unit, t.state) for t in found.tree[1:]] == [("a", "open"), ("b", "open"), ("", "done")]
    request = stage.asked("p")[0]
    assert (request.max_tokens, request.logprobs, request.temperature) == (1, 3, 0.0)


async def test_a_beam_over_probabilities_needs_no_evaluator() -> None:
    lines = [
        Completion(text=t, finish="length", logprobs=(TokenLogprob(t, lp),))
        for t, lp in [("a", -1.0), ("b", -0.5), ("c", -2.0), ("d", -0.1)]
    ]
    slots = "mode: plain, unit: continue, width: 2, value: node.logprob, keep: 1, depth: 2"
    found = found_in(await Stage({"p": lines}).play(flow(slots, agents="p: solver"), kind="text"))
    assert found.text == "bd" and found.value == pytest.approx(-0.6)


async def test_options_are_swapped_and_a_bias_to_a_place_counts_nothing() -> None:
    slots = (
        "mode: step, width: 1, by: j, swap: true, worth: (reply.value == 'A') != swapped, "
        "value: 2 * j.value - 1, depth: 1"
    )
    agents = "p: solver, j: {role: conscience, good: kind, bad: rude}"
    for reply, value in (("A", 0.0), ("B", 0.0)):
        found = found_in(await Stage({"p": "hm", "j": reply}).play(flow(slots, agents=agents), kind="text"))
        assert found.value == value

    def fair(request: Request) -> str:
        return "A" if "(A) kind" in text_of(request) else "B"

    found = found_in(await Stage({"p": "hm", "j": fair}).play(flow(slots, agents=agents), kind="text"))
    assert found.value == 1.0


async def test_walks_back_their_values_up_and_count_visits() -> None:
    stage = Stage({"p": lambda r: f"{len(said(r))}" + "ab"[len(stage.seen) % 2], "g": digits})
    slots = "mode: step, width: 2, by: {g: partial}, select: uct, iterations: 5, depth: 3"
    found = found_in(await stage.play(flow(slots), kind="text"))
    root, *others = found.tree
    children = [t for t in others if t.parent == 0]
    assert root.visits == sum(t.visits for t in children)
    assert root.mean == pytest.approx(sum(t.visits * t.mean for t in children) / root.visits)
    assert found.iterations == 5 and found.reason == "iterations"


async def test_side_by_side_walks_part() -> None:
    stage = Stage({"p": lambda r: str(len(stage.seen)), "g": grade(5)})
    slots = "mode: step, width: 3, by: {g: partial}, select: uct, iterations: 4, wave: 3, depth: 3"
    found = found_in(await stage.play(flow(slots), kind="text"))
    assert found.iterations == 4 and found.expanded == 4
    assert len({t.parent for t in found.tree[4:]}) == 3


async def test_units_are_committed_one_by_one_and_the_subtree_is_kept() -> None:
    stage = Stage({"p": lambda r: str(len(stage.seen) % 2), "g": digits})
    slots = (
        "mode: step, width: 2, by: {g: partial}, select: puct, backup: mean, iterations: 3, fresh: 1, "
        "commit: visits, depth: 2"
    )
    found = found_in(await stage.play(flow(slots), kind="text"))
    assert found.reason == "depth" and found.depth == 2
    assert [t.state for t in found.tree].count("committed") == 2


async def test_a_rollout_carries_the_text_on_and_only_its_end_is_judged() -> None:
    begins = Completion(text="He", finish="length")
    stage = Stage({"p": [begins, "llo", " you"], "g": grade(5)})
    rollout = "rollout: {units: 2, max_tokens: 9}"
    slots = f"mode: plain, unit: continue, width: 1, by: {{g: partial}}, {rollout}, depth: 1"
    found = found_in(await stage.play(flow(slots), kind="text"))
    assert found.text == "He" and said(stage.asked("g")[0]) == "Hello you"
    assert stage.asked("p")[1].max_tokens == 9 and stage.asked("p")[1].temperature == 0


async def test_a_look_ahead_is_mixed_into_the_value_of_the_best_child() -> None:
    stage = Stage({"p": ["1 0", "0 0 0", "1", "1"], "g": digits})
    ahead = "rollout: {units: 2, mix: 0.5, of: best}, select: rest, iterations: 1"
    slots = f"mode: step, width: 2, by: {{g: partial}}, {ahead}, depth: 4"
    found = found_in(await stage.play(flow(slots), kind="text"))
    values = {t.unit: t.value for t in found.tree[1:]}
    assert values["1 0"] == pytest.approx(0.5 * 0.5 + 0.5 * 0.7) and values["0 0 0"] == 0.0


async def test_a_tree_widens_where_all_is_bad() -> None:
    stage = Stage({"p": lambda r: str(len(stage.seen)), "g": grade(0)})
    slots = (
        "mode: step, width: 2, by: {g: partial}, select: uct, iterations: 4, depth: 2, "
        "widen: 'node.children + 1 if node.depth == 0 else 0', widest: 4"
    )
    found = found_in(await stage.play(flow(slots), kind="text"))
    assert len([t for t in found.tree if t.parent == 0]) == 4


async def test_refinement_of_whole_responses_returns_the_best_that_was_judged() -> None:
    drafts = {"draft": 3, "better": 6, "worse": 1, "best": 9}
    stage = Stage(
        {
            "p": ["better", "worse", "best", "worse"],
            "w": "draft",
            "j": lambda r: critique(sum(map(ord, said(r))) >= 0 and drafts[said(r)] > 8),
        }
    )
    text = """
name: x
agents: {p: refiner, w: solver, j: reviewer}
nodes:
  write: {ask: w, save: draft}
  s: {search: p, mode: remark, root: draft, unit: whole, width: 2, by: {j: response}, keep: 1, depth: 2,
      stop: best.value > 0.5, save: found}
edges: {start: write, write: s, s: end}
answer: found.text
"""
    result = await stage.play(text, kind="text")
    assert result.answer == "best" and found_in(result).reason == "stopped"
    assert "mend it" in stage.prompts("p")[0]


def refining(slots: str) -> str:
    """A draft, refined from the root of a search."""
    unit = "mode: remark, root: draft, unit: whole, width: 2, by: {j: response}"
    return f"""
name: x
agents: {{p: refiner, w: solver, j: reviewer}}
nodes:
  write: {{ask: w, save: draft}}
  s: {{search: p, {unit}, {slots}, save: found}}
edges: {{start: write, write: s, s: end}}
answer: found.text
"""


@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize(
    "select",
    [
        "beam, depth: 2",
        "particles, depth: 2",
        "dfs, iterations: 2",
        "best, iterations: 2",
        "uct, iterations: 2",
        "uct, iterations: 2, output: visited",
        "uct, iterations: 2, output: vote",
    ],
)
async def test_a_first_response_that_is_good_enough_is_not_refined(select: str, accepted: bool) -> None:
    stage = Stage({"p": lambda r: str(len(stage.seen)), "w": "draft", "j": critique(accepted)})
    result = await stage.play(refining(f"select: {select}, stop: best.value > 0.5"), kind="text")
    found = found_in(result)
    assert bool(stage.asked("p")) is not accepted
    if accepted:
        assert (result.answer, found.reason, found.iterations, found.expanded) == ("draft", "stopped", 0, 0)


async def test_a_first_response_that_nobody_can_value_is_refined() -> None:
    stage = Stage({"p": "better", "w": "draft", "j": lambda r: "?" if said(r) == "draft" else critique(True)})
    result = await stage.play(refining("depth: 2, stop: best.value > 0.5"), kind="text")
    assert (result.answer, found_in(result).iterations) == ("better", 1)


async def test_particles_that_are_drawn_twice_grow_twice() -> None:
    stage = Stage({"p": lambda r: str(len(stage.seen)), "g": lambda r: grade(10 if said(r)[0] == "1" else 0)})
    slots = "mode: step, width: 1, by: {g: partial}, select: particles, keep: 3, depth: 2"
    found = found_in(await stage.play(flow(slots), kind="text"))
    assert [t.parent for t in found.tree[1:]] == [0, 0, 0, 1, 1, 1]


async def test_leaves_vote_with_their_values() -> None:
    answers = iter(["Answer: 4", "Answer: 5", "So 5. Answer: 5"])
    stage = Stage({"p": lambda _: next(answers), "g": lambda r: grade(6 if "4" in said(r) else 5)})
    slots = "mode: step, width: 3, by: {g: partial}, depth: 1, output: vote"
    found = found_in(await stage.play(flow(slots)))
    assert found.answer == "5" and len(found.leaves) == 3


# Failure


async def test_a_failed_expansion_ends_its_branch_alone() -> None:
    def propose(request: Request) -> str | Exception:
        if said(request) == "bad":
            return ModelRefused("no", model="m")
        return ["bad", "good"][len(stage.asked("p")) % 2] if not said(request) else "end"

    stage = Stage({"p": propose, "g": grade(5)})
    slots = "mode: step, width: 2, by: {g: partial}, keep: 2, depth: 2"
    result = await stage.play(flow(slots), kind="text")
    assert result.answer == "good\nend" and found_in(result).failed == 2
    assert len(noted(result, "failed")) == 2


async def test_what_nobody_can_value_is_left_out_and_counted() -> None:
    stage = Stage({"p": ["odd", "even"], "g": lambda r: "?" if said(r) == "odd" else grade(5)})
    result = await stage.play(flow("mode: step, width: 2, by: {g: partial}, depth: 1"), kind="text")
    found = found_in(result)
    assert found.text == "even" and found.abstained == 1
    assert [t.state for t in found.tree] == ["open", "closed", "open"]


async def test_a_search_in_which_nothing_can_be_valued_says_so() -> None:
    stage = Stage({"p": ["a", "b"], "g": "?"})
    with pytest.raises(QuorumMissed, match="'s'"):
        await stage.play(flow("mode: step, width: 2, by: {g: partial}, depth: 1"), kind="text")


async def test_a_search_whose_calls_all_fail_raises_the_models_error() -> None:
    stage = Stage({"p": ModelUnavailable("gone", model="m"), "g": grade(5)})
    with pytest.raises(ModelUnavailable, match="gone"):
        await stage.play(flow("mode: step, width: 1, by: {g: partial}, depth: 1"), kind="text")


@pytest.mark.parametrize("calls", range(3, 12))
async def test_a_budget_that_ends_gives_the_best_so_far(calls: int) -> None:
    stage = Stage({"p": lambda r: str(len(stage.seen)), "g": grade(5)})
    slots = "mode: step, width: 2, by: {g: partial}, keep: 2, depth: 4"
    result = await stage.play(flow(slots), kind="text", budget=f"calls={calls}")
    found = found_in(result)
    assert (result.stop_reason, found.reason) == ("budget", "budget")
    assert found.text and stage.calls <= calls


async def test_a_budget_too_small_for_one_value_leaves_no_answer() -> None:
    stage = Stage({"p": "a", "g": grade(5)})
    result = await stage.play(
        flow("mode: step, width: 1, by: {g: partial}, depth: 1"), kind="text", budget="calls=1"
    )
    assert result.answer is None and result.stop_reason == "budget"


async def test_a_search_is_cancelled_with_its_calls() -> None:
    stage = Stage({"p": Line(text="a", delay=60.0), "g": grade(5)})
    workflow = stage.workflow(flow("mode: step, width: 3, by: {g: partial}, depth: 1"), kind="text")
    run = workflow.start("?")
    await asyncio.sleep(0.05)
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(run.result(), 5)


@pytest.mark.parametrize(
    ("slots", "says"),
    [
        ("value: node.text", r"value of node 's' must be a number, it is 'a'"),
        ("value: 1, root: 5", r"root of node 's' must be a text or a sample, it is int"),
        ("value: 1, width: '0 * 3'", r"width of 's' must be at least 1"),
    ],
)
async def test_values_of_the_wrong_kind_are_named(slots: str, says: str) -> None:
    stage = Stage({"p": "a"})
    with pytest.raises(WorkflowError, match=says):
        await stage.play(flow(f"mode: step, depth: 1, {slots}", agents="p: solver"), kind="text")


async def test_the_event_of_a_search_holds_its_tree_in_short() -> None:
    stage = Stage({"p": lambda r: f"{len(stage.seen)}" * 5000, "g": grade(5)})
    slots = "mode: step, width: 2, by: {g: partial}, keep: 1, depth: 1"
    run = stage.workflow(flow(slots), kind="text").start("?")
    [done] = [event async for event in run if isinstance(event, NodeFinished)]
    tree = json.loads(done.as_json())["wrote"]["found"]["tree"]
    assert [len(twig["unit"]) for twig in tree] == [0, 80, 80]
    assert rebut.loads(flow(slots)).plan().calls == 2 + 2 * 2
