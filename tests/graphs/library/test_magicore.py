"""MAgICoRe (Chen et al., arXiv:2409.12147), from scripted solvers, scorers, reviewers and refiners."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rebut.errors import InputError, ModelRefused
from rebut.graphs.expressions import Expression
from rebut.graphs.workflow import loads
from rebut.models.script import Line
from rebut.models.wire import Capabilities, Request

from ..stage import NATIVE, SINGLE, Stage, critique, grade, grades, noted, text_of

STEPS = 2


def chain(answer: Any, mark: str = "") -> str:
    """A chain of two steps, as a continuation of the prefill."""
    return f" {mark} think.\nStep 2: conclude. Answer: {answer}"


def stage(
    answers: Iterable[Any],
    *,
    refined: Any = (),
    orm: Any = 5,
    prm: Any = (10, 10),
    review: Any = None,
    can: Capabilities = SINGLE,
) -> Stage:
    """Chains with these answers; `orm` and `prm` are grades, or map an answer to its grades."""

    def answer_of(request: Request) -> str:
        return text_of(request).rpartition("Answer: ")[2].split()[0].strip(".")

    def outcome(request: Request) -> str:
        given = orm[answer_of(request)] if isinstance(orm, Mapping) else orm
        return grade(given) if isinstance(given, int) else given

    def steps(request: Request) -> str:
        given = prm[answer_of(request)] if isinstance(prm, Mapping) else prm
        return grades(*given) if isinstance(given, tuple) else given

    refiner = refined if isinstance(refined, str) or callable(refined) else [_reply(r) for r in refined]
    return Stage(
        {
            "solver": [_reply(a) for a in answers],
            "outcome": outcome,
            "steps": steps,
            "reviewer": critique(False, "look again") if review is None else review,
            "refiner": refiner,
        },
        can,
    )


def ever(answer: int) -> Any:
    """A refiner that always gives this answer, in other words each time: equal prompts are asked once."""
    fresh = count(1)
    return lambda _: chain(answer, f"{next(fresh)})")


def _reply(said: Any) -> Any:
    return said if isinstance(said, Exception | Line) else chain(said)


async def route(answers: list[Any], k: int | None = None, **options: Any) -> Any:
    """The state after the first assessment; no refinement is made."""
    params = {"k": k or len(answers), "iterations": 0, **options.pop("params", {})}
    return (await stage(answers, **options).play("magicore", params=params)).state


# Routing


@pytest.mark.parametrize(
    ("answers", "orm", "prm", "hard"),
    [
        ([1, 1, 1, 1], 9, (9, 9), False),  # good, and of one mind
        ([1, 1, 1, 1], 1, (1, 1), False),  # bad, but sure: one condition alone does not make it hard
        ([1, 2, 3, 4], 9, (9, 9), False),  # unsure, but good
        ([1, 2, 3, 4], 1, (5, 5), True),  # bad and unsure
    ],
    ids=["good-sure", "bad-sure", "good-unsure", "bad-unsure"],
)
async def test_a_question_is_hard_when_quality_and_confidence_are_both_low(
    answers: list[int], orm: int, prm: tuple[int, int], hard: bool
) -> None:
    assert (await route(answers, orm=orm, prm=prm))["hard"] is hard


async def test_quality_is_the_mean_normalised_reward_of_the_majoritys_chains() -> None:
    state = await route(
        [1, 1, 2], orm={"1": 4, "2": 10}, prm={"1": (5, 8), "2": (10, 10)}, params={"mu": 0.9, "sigma": 0.2}
    )
    assert state["quality"] == pytest.approx((0.4 + 0.5 * 0.8 - 0.9) / 0.2)
    assert state["ballot"].answer == "1"


async def test_confidence_is_taken_from_the_sums_of_the_scores_not_from_counts() -> None:
    orm = {"1": 8, "2": 2, "3": 2, "4": 2}
    prm = {"1": (1, 10), "2": (3, 10), "3": (3, 10), "4": (3, 10)}
    state = await route([1, 2, 3, 4], orm=orm, prm=prm)

    def conf(weights: list[float]) -> float:
        shares = [w / sum(weights) for w in weights]
        h = -sum(p * math.log(p) for p in shares)
        return 2 * (1 - 1 / (1 + math.exp(-h)))

    assert state["sure_outcome"] == pytest.approx(conf([0.8, 0.2, 0.2, 0.2]))
    assert state["sure_steps"] == pytest.approx(conf([0.1, 0.3, 0.3, 0.3]))
    assert state["sure_steps"] != pytest.approx(state["sure_outcome"])


@pytest.mark.parametrize("doubting", ["outcome", "steps"])
async def test_one_doubting_scorer_is_enough(doubting: str) -> None:
    flat, peaked = dict.fromkeys("1234", 1), {"1": 10, "2": 0, "3": 0, "4": 0}
    orm = flat if doubting == "outcome" else peaked
    prm = {a: (g, 10) for a, g in (peaked if doubting == "outcome" else flat).items()}
    state = await route([1, 2, 3, 4], orm=orm, prm=prm, params={"mu": 2.0})
    assert (state["sure_outcome"] < 0.5) is (doubting == "outcome")
    assert (state["sure_steps"] < 0.5) is (doubting == "steps")
    assert state["hard"]


async def test_three_chains_are_doubted_only_where_more_than_one_half_is_asked_for() -> None:
    doubts = {
        least: (await route([1, 2, 3], orm=1, prm=(5, 5), params={"mu": 2.0, "conf_min": least}))["hard"]
        for least in (0.5, 0.6)
    }
    assert doubts == {0.5: False, 0.6: True}
    agreed = await route([1, 1, 2], orm=1, prm=(5, 5), params={"mu": 2.0, "conf_min": 0.6})
    assert not agreed["hard"], "two of three are enough"


@pytest.mark.parametrize("router", ["on", "always_easy", "always_hard"])
@pytest.mark.parametrize("easy", [True, False])
async def test_the_router_decides_alone_whether_a_question_is_hard(router: str, easy: bool) -> None:
    answers = [1, 1, 1, 1] if easy else [1, 2, 3, 4]
    state = await route(answers, orm=1, prm=(5, 5), params={"router": router})
    assert state["hard"] is {"on": not easy, "always_easy": False, "always_hard": True}[router]


async def test_an_empty_majority_is_hard_and_no_number_comes_of_it() -> None:
    play = stage(["<number>"] * 3, refined=[4, 4, 4], orm=9)
    result = await play.play("magicore", params={"k": 3, "iterations": 1}, kind="number")
    assert result.answer == "4"
    assert play.order.count("reviewer") == 3
    assert result.state["pool"][0].score is not None


async def test_the_majority_is_taken_anew_in_each_iteration() -> None:
    play = stage([1, 2, 3, 4], refined=[7, 7, 7, 7], orm={**dict.fromkeys("1234", 1), "7": 6}, prm=(5, 5))
    result = await play.play("magicore", params={"k": 4, "iterations": 3})
    assert result.answer == "7"
    assert result.state["ballot"].answer == "7"
    assert play.order.count("refiner") == 4  # of one mind now, so easy


# Pooling


async def test_refined_and_old_chains_are_pooled_and_the_best_k_stay() -> None:
    orm = {"1": 1, "2": 8, "3": 2, "5": 5, "6": 6, "7": 0}
    play = stage([1, 2, 3], refined=[5, 6, 7], orm=orm)
    params = {"k": 3, "iterations": 1, "router": "always_hard"}
    state = (await play.play("magicore", params=params)).state
    assert [c.answer for c in state["chains"]] == ["2", "6", "5"]
    assert len(state["pool"]) == 6


async def test_ties_in_the_pool_keep_the_older_chain_first() -> None:
    play = stage([1, 2], refined=[3, 4])
    params = {"k": 2, "iterations": 1, "router": "always_hard"}
    state = (await play.play("magicore", params=params)).state
    assert [c.answer for c in state["chains"]] == ["1", "2"]


async def test_a_question_that_turns_easy_keeps_what_was_refined() -> None:
    orm = {"1": 1, "2": 1, "3": 1, "4": 1, "9": 10}
    play = stage([1, 2, 3, 4], refined=[9, 9, 9, 9], orm=orm, prm=(5, 5))
    result = await play.play("magicore", params={"k": 4, "iterations": 2})
    assert result.answer == "9"
    assert not result.state["hard"]
    assert [c.answer for c in result.state["chains"]] == ["9"] * 4


@pytest.mark.parametrize("k", [1, 2, 5])
async def test_no_chain_is_lost(k: int) -> None:
    play = stage(range(k), refined=ever(8))
    params = {"k": k, "iterations": 3, "router": "always_hard"}
    state = (await play.play("magicore", params=params)).state
    assert len(state["chains"]) == k


async def test_the_vote_of_the_pool_weighs_answers_by_their_summed_reward() -> None:
    result = await stage([1, 1, 2], orm={"1": 1, "2": 9}, prm={"1": (1, 1), "2": (9, 9)}).play(
        "magicore", params={"k": 3, "router": "always_easy"}
    )
    assert result.answer == "2"
    assert [round(t.weight, 6) for t in result.state["final"].tallies] == [1.71, 0.22]


# Steps


async def test_ten_steps_and_more_are_told_apart() -> None:
    text = " one\n" + "\n".join(f"Step {i}: do {i}" for i in range(2, 13)) + "\nAnswer: 4"
    play = stage([Line(text=text)], prm=(*range(10), 10, 10))
    state = (await play.play("magicore", params={"k": 1, "router": "always_hard", "iterations": 0})).state
    assert len(state["chains"][0].scores["steps"].steps) == 12


@pytest.mark.parametrize(
    ("how", "value"), [("product", 0.4 * 0.9), ("min", 0.4), ("mean", 0.65), ("last", 0.9)]
)
async def test_the_steps_scores_become_one_as_asked(how: str, value: float) -> None:
    state = await route([1], orm=0, prm=(4, 9), params={"prm_agg": how})
    assert state["chains"][0].score == pytest.approx(value)


async def test_the_prefill_opens_the_first_step_where_the_model_can_continue() -> None:
    play = stage([1])
    await play.play("magicore", params={"k": 1, "iterations": 0})
    assert play.asked("solver")[0].messages[-1].content == "Step 1:"


# Ablations


@pytest.mark.parametrize(
    ("flags", "asked"),
    [
        ({}, {"outcome", "steps"}),
        ({"use_orm": False}, {"steps"}),
        ({"use_prm": False}, {"outcome"}),
        ({"use_orm": False, "use_prm": False}, set()),
    ],
    ids=lambda v: "-".join(v) if isinstance(v, dict) else "",
)
async def test_a_scorer_that_is_left_out_is_never_asked(flags: dict[str, Any], asked: set[str]) -> None:
    play = stage([1, 2], refined=[3, 4])
    params = {"k": 2, "iterations": 1, "router": "always_hard", **flags}
    result = await play.play("magicore", params=params)
    assert set(play.order) & {"outcome", "steps"} == asked
    assert play.calls == 2 + 2 * 2 + 4 * len(asked)
    score = (0.5 if "outcome" in asked else 0) + (1 if "steps" in asked else 0)
    assert result.state["pool"][0].score == (score if asked else 1)


async def test_without_scorers_the_plain_majority_of_the_newest_chains_answers() -> None:
    play = stage([1, 1, 2], refined=[1, 2, 2])
    params = {"k": 3, "iterations": 1, "router": "always_hard", "use_orm": False, "use_prm": False}
    result = await play.play("magicore", params=params)
    assert result.answer == "2"


@pytest.mark.parametrize(("answers", "hard"), [([1, 1, 1, 2], False), ([1, 2, 3, 4], True)])
async def test_without_scorers_the_spread_of_the_votes_routes(answers: list[int], hard: bool) -> None:
    assert (await route(answers, params={"use_orm": False, "use_prm": False}))["hard"] is hard


async def test_one_agent_can_review_and_refine_in_one_call() -> None:
    play = stage([1, 2], refined=[3, 4])
    params = {"k": 2, "iterations": 1, "router": "always_hard", "merge": True}
    result = await play.play("magicore", params=params)
    assert "reviewer" not in play.order
    assert play.calls == 2 + 4 + 2 + 4
    assert [c.answer for c in result.state["pool"]] == ["1", "2", "3", "4"]


@pytest.mark.parametrize("flags", [{}, {"show_scores": False}, {"use_prm": False}])
async def test_step_scores_are_shown_unless_switched_off(flags: dict[str, Any]) -> None:
    play = stage([1], refined=[3], prm=(4, 9))
    await play.play("magicore", params={"k": 1, "iterations": 1, "router": "always_hard", **flags})
    for agent in ("reviewer", "refiner"):
        assert ("[score: 4/10]" in play.prompts(agent)[0]) is (flags == {})


@pytest.mark.parametrize(("route_on", "rounds"), [("pool", 2), ("new", 1)])
async def test_the_next_iteration_is_decided_by_the_pool_or_by_the_new_chains(
    route_on: str, rounds: int
) -> None:
    # The new chains agree, but are too bad to enter the pool, where four answers stay.
    orm = {**dict.fromkeys("1234", 3), "7": 0}
    play = stage([1, 2, 3, 4], refined=ever(7), orm=orm, prm=(5, 5))
    params = {"k": 4, "iterations": 2, "route_on": route_on}
    await play.play("magicore", params=params)
    assert play.order.count("refiner") == 4 * rounds


async def test_without_iterations_a_hard_question_is_only_voted_on() -> None:
    play = stage([1, 2, 3, 4], orm=1, prm=(5, 5))
    result = await play.play("magicore", params={"k": 4, "iterations": 0})
    assert result.state["hard"]
    assert play.calls == 4 + 8


# Costs


@pytest.mark.parametrize("can", [SINGLE, NATIVE], ids=["single", "native"])
@pytest.mark.parametrize(("k", "iterations"), [(1, 1), (4, 2), (3, 3)])
async def test_calls_are_k_and_its_scorers_and_for_each_hard_iteration_two_k_and_theirs(
    k: int, iterations: int, can: Capabilities
) -> None:
    play = stage(range(k), refined=ever(8), can=can)
    params = {"k": k, "iterations": iterations, "router": "always_hard"}
    await play.play("magicore", params=params)
    asked = {agent: sum(r.n for r in play.asked(agent)) for agent in play.said}
    assert asked["solver"] + asked["reviewer"] + asked["refiner"] == k + 2 * k * iterations
    assert asked["outcome"] == asked["steps"] == k * (1 + iterations)


@pytest.mark.parametrize("flags", [{}, {"merge": True}, {"use_prm": False}, {"iterations": 0}])
async def test_no_run_costs_more_calls_than_its_plan_says(flags: dict[str, Any]) -> None:
    play = stage(range(3), refined=ever(8))
    params = {"k": 3, "iterations": 2, "router": "always_hard", **flags}
    await play.play("magicore", params=params)
    plan = play.workflow("magicore").plan(params=params)
    assert play.calls == plan.calls_typical <= plan.calls


async def test_old_chains_are_not_scored_again() -> None:
    play = stage([1, 2], refined=ever(8))
    await play.play("magicore", params={"k": 2, "iterations": 2, "router": "always_hard"})
    assert len(play.asked("outcome")) == 6


# Gold


GOLD = "the-planted-reference-3141592"


def reaches(value: Any, depth: int = 6) -> bool:
    """Whether the planted reference stands anywhere in a value."""
    if isinstance(value, str):
        return GOLD in value
    if isinstance(value, Mapping):
        return any(reaches(k) or reaches(v, depth - 1) for k, v in value.items()) if depth else False
    if isinstance(value, list | tuple):
        return depth > 0 and any(reaches(v, depth - 1) for v in value)
    return GOLD in repr(value)


@pytest.fixture
def scopes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, frozenset[str], bool]]:
    """Every evaluation of an expression: its source, the names in scope, and whether the gold was there."""
    seen: list[tuple[str, frozenset[str], bool]] = []
    real = Expression.__call__

    def spying(self: Expression, scope: Mapping[str, Any]) -> Any:
        seen.append((self.source, frozenset(scope), reaches(dict(scope))))
        return real(self, scope)

    monkeypatch.setattr(Expression, "__call__", spying)
    return seen


async def test_no_expression_and_no_prompt_can_see_the_gold(
    scopes: list[tuple[str, frozenset[str], bool]], monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"question": "What is 2 + 2?", "gold": GOLD, "answer": GOLD, "reference": GOLD}
    monkeypatch.setenv("REBUT_GOLD", GOLD)
    monkeypatch.setenv("GOLD", GOLD)
    play = stage([1, 2, 3, 4], refined=ever(7), orm=1, prm=(5, 5))
    await play.play("magicore", row["question"], params={"k": 4, "iterations": 2})
    assert any(source.startswith("quality <") for source, _, _ in scopes)
    assert not any(found for _, _, found in scopes)
    assert not any({"gold", "reference", "target", "label"} & names for _, names, _ in scopes)
    assert not any(GOLD in text_of(request) for _, request in play.seen)


async def test_the_watch_for_gold_sees_one_that_a_workflow_lets_in(
    scopes: list[tuple[str, frozenset[str], bool]],
) -> None:
    leaky = loads("""
name: leaky
inputs: [question, gold]
agents: {solver: solver}
nodes: {say: {ask: solver, save: said}}
edges:
  start: say
  say: end
answer: said.answer if said.answer == gold else None
""")
    await Stage({"solver": "Answer: 4"}).play(leaky, gold=GOLD)
    assert any(found for _, _, found in scopes)


@pytest.mark.parametrize("name", ["gold", "reference", "answer", "chains", "params"])
async def test_inputs_other_than_the_question_are_refused(name: str) -> None:
    with pytest.raises((InputError, TypeError)):
        await stage([1]).play("magicore", **{name: GOLD})


# Abstaining and failing


async def test_a_chain_whose_scorer_abstains_has_no_score_and_no_vote() -> None:
    play = stage([1, 1, 2], orm={"1": "no idea", "2": 3})
    result = await play.play("magicore", params={"k": 3, "iterations": 0})
    scores = {c.answer: c.score for c in result.state["chains"]}
    assert scores == {"1": None, "2": 1.3}
    assert result.answer == "2"
    assert noted(result, "abstained", "grade")


@pytest.mark.parametrize("iterations", [0, 2])
async def test_when_no_chain_could_be_scored_the_plain_majority_stands_in(iterations: int) -> None:
    play = stage([1, 1, 2], refined=ever(5), orm="no idea")
    result = await play.play("magicore", params={"k": 3, "iterations": iterations})
    assert result.answer == "1"
    assert result.state["final"].answer is None
    assert noted(result, "fallback")


@pytest.mark.parametrize("garble", ["the second step is wrong", ModelRefused("no", model="m")])
async def test_a_review_that_fails_for_one_chain_leaves_the_others_refined(garble: Any) -> None:
    def review(request: Request) -> Any:
        return garble if "Answer: 2" in text_of(request) else critique(False, "look again")

    play = stage([1, 2, 3], refined=ever(8), review=review)
    params = {"k": 3, "iterations": 1, "router": "always_hard"}
    result = await play.play("magicore", params=params)
    assert [c is None for c in result.state["critiques"]] == [False, True, False]
    assert play.order.count("refiner") == 2
    assert len(result.state["chains"]) == 3
    assert noted(result, "abstained", "review") or noted(result, "failed", "review")


async def test_reviews_that_all_fail_leave_the_vote_of_the_first_chains() -> None:
    play = stage([1, 1, 2], refined=[], review="nothing to say")
    result = await play.play("magicore", params={"k": 3, "iterations": 2, "router": "always_hard"})
    assert (result.answer, result.stop_reason) == ("1", "answered")


async def test_a_budget_that_ends_in_the_middle_leaves_the_best_pool_so_far() -> None:
    orm = {"1": 1, "2": 9, "3": 1, "8": 10}
    play = stage([1, 1, 2], refined=ever(8), orm=orm, prm={a: (9, g) for a, g in orm.items()})
    params = {"k": 3, "iterations": 1, "router": "always_hard"}
    for calls in range(9, 15):
        result = await play_again(play, params, calls)
        assert (result.answer, result.stop_reason) == ("2", "budget"), calls


async def play_again(play: Stage, params: dict[str, Any], calls: int) -> Any:
    fresh = stage([1, 1, 2], refined=ever(8), orm={"1": 1, "2": 9, "8": 10},
                  prm={"1": (9, 1), "2": (9, 9), "8": (9, 10)})  # fmt: skip
    return await fresh.play("magicore", params=params, budget=f"calls={calls}")


# Shapes of what is asked


async def test_open_questions_are_not_told_to_answer_with_a_letter() -> None:
    play = stage([1], refined=[2])
    await play.play("magicore", params={"k": 1, "iterations": 1, "router": "always_hard"})
    for _, request in play.seen:
        assert "letter" not in text_of(request)
        assert "A, B" not in text_of(request)


async def test_answers_that_are_written_differently_are_one_answer() -> None:
    state = await route(["1/2", "0.5", "3"])
    assert state["ballot"].members == (0, 1)


async def test_the_reviewer_is_told_not_to_solve() -> None:
    play = stage([1], refined=[2])
    await play.play("magicore", params={"k": 1, "iterations": 1, "router": "always_hard"})
    assert "You do not write a new solution" in play.prompts("reviewer")[0]


@settings(max_examples=15, deadline=None)
@given(st.data())
async def test_whatever_the_grades_the_pool_is_the_best_k_of_all_chains(data: st.DataObject) -> None:
    k = data.draw(st.integers(1, 4))
    grade_ = st.integers(0, 10)
    orm = {str(a): data.draw(grade_) for a in range(2 * k)}
    prm = {str(a): (data.draw(grade_), data.draw(grade_)) for a in range(2 * k)}
    fresh = count(k)
    play = stage(range(k), refined=lambda _: chain(next(fresh)), orm=orm, prm=prm)
    params = {"k": k, "iterations": 1, "router": "always_hard"}
    state = (await play.play("magicore", params=params)).state
    reward = {a: orm[a] / 10 + prm[a][0] / 10 * prm[a][1] / 10 for a in orm}
    kept = [c.score for c in state["chains"]]
    assert kept == pytest.approx(sorted(reward.values(), reverse=True)[:k])
