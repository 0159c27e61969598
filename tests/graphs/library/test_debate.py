"""The debate of two sides before a judge (Liang et al., arXiv:2305.19118), from scripted speakers."""

from __future__ import annotations

from typing import Any

import pytest

from rebut.models.wire import Request

from ..stage import SINGLE, Stage, noted, roles_of, verdict


def numbered(side: str) -> Any:
    """A speaker whose k-th argument can be told from all others."""
    said: list[None] = []

    def say(request: Request) -> str:
        said.append(None)
        return f"{side} argument {len(said)}. Answer: {4 if side == 'pro' else 5}"

    return say


def stage(*judge: Any) -> Stage:
    """Two speakers, and a judge who says these things in turn."""
    return Stage({"affirmative": numbered("pro"), "negative": numbered("con"), "judge": list(judge)})


END = ('{"answers": ["4", "5"]}', verdict("5", "negative"))
OPEN = verdict()


@pytest.mark.parametrize("last", [1, 2, 3])
async def test_a_judge_who_decides_in_a_round_ends_the_debate_after_three_calls_a_round(last: int) -> None:
    play = stage(*[OPEN] * (last - 1), verdict("4", "affirmative"))
    result = await play.play("debate")
    assert result.answer == "4"
    assert play.order == ["affirmative", "negative", "judge"] * last
    assert result.state["verdict"].side == "affirmative"


@pytest.mark.parametrize("rounds", [1, 2, 4])
async def test_a_debate_that_stays_open_ends_with_candidates_and_a_settlement(rounds: int) -> None:
    play = stage(*[OPEN] * rounds, *END)
    result = await play.play("debate", params={"rounds": rounds})
    assert play.calls == 3 * rounds + 2
    assert result.answer == "5"
    assert result.state["candidates"].answers == ("4", "5")


@pytest.mark.parametrize(
    ("source", "kept"), [("history", (1, 2, 3)), ("last", (3,)), ("first", (1,))], ids=lambda v: str(v)
)
async def test_the_judge_settles_on_the_arguments_asked_for_and_by_default_on_all(
    source: str, kept: tuple[int, ...]
) -> None:
    play = stage(OPEN, OPEN, OPEN, *END)
    await play.play("debate", params={"extract_from": source})
    for prompt in play.prompts("judge")[-2:]:
        shown = [(side, k) for k in (1, 2, 3) for side in ("pro", "con") if f"{side} argument {k}." in prompt]
        assert shown == [(side, k) for k in kept for side in ("pro", "con")]


async def test_the_settling_judge_sees_the_candidates() -> None:
    play = stage(OPEN, *END)
    await play.play("debate", params={"rounds": 1})
    assert "4\n5" in play.prompts("judge")[-1]


@pytest.mark.parametrize("garble", ["no json here", '{"side": "me"}', ""])
async def test_a_judge_who_garbles_twice_abstains_and_counts_as_undecided(garble: str) -> None:
    play = stage(garble, garble, verdict("4", "affirmative"))
    result = await play.play("debate")
    assert result.answer == "4"
    assert play.order[:4] == ["affirmative", "negative", "judge", "judge"]
    assert play.order.count("affirmative") == 2
    assert noted(result, "abstained", "weigh")


async def test_a_judge_who_never_speaks_sense_leaves_the_majority_of_the_arguments() -> None:
    play = Stage({"affirmative": "Answer: 4", "negative": "Answer: 4", "judge": "hm"})
    result = await play.play("debate", params={"rounds": 2})
    assert (result.answer, result.stop_reason) == ("4", "answered")
    assert noted(result, "fallback")


async def test_a_debate_is_decided_only_by_an_answer() -> None:
    blank = verdict("  ", "affirmative")
    play = stage(blank, verdict("undecided", "negative"), verdict("4"))
    result = await play.play("debate")
    assert result.answer == "4"
    assert play.calls == 9


async def test_the_negative_side_can_speak_first() -> None:
    play = stage(OPEN, verdict("4"))
    await play.play("debate", params={"first": "negative"})
    assert play.order == ["negative", "affirmative", "judge"] * 2
    assert "You speak first" in play.prompts("negative")[0]
    assert "You speak first" not in play.prompts("affirmative")[0]


@pytest.mark.parametrize(("first", "second"), [("affirmative", "negative"), ("negative", "affirmative")])
async def test_the_second_speaker_reads_the_first_ones_message_of_the_same_round(
    first: str, second: str
) -> None:
    play = stage(OPEN, OPEN, verdict("4"))
    await play.play("debate", params={"first": first})
    said = "pro" if first == "affirmative" else "con"
    answered = "con" if said == "pro" else "pro"
    for k, prompt in enumerate(play.prompts(second), 1):
        assert f"{said} argument {k}." in prompt
    for k, prompt in enumerate(play.prompts(first), 1):
        assert f"{answered} argument {k}." not in prompt
        assert k == 1 or f"{answered} argument {k - 1}." in prompt


async def test_a_speakers_own_words_are_its_own_turns_and_the_others_are_quoted() -> None:
    play = stage(OPEN, verdict("4"))
    await play.play("debate")
    assert roles_of(play.asked("affirmative")[1]) == ["system", "user", "assistant", "user"]
    assert '<quote by="negative">\ncon argument 1.' in play.prompts("affirmative")[1]


async def test_each_level_gives_the_debaters_other_orders_and_the_judge_none() -> None:
    systems, judges = [], []
    for level in range(4):
        play = stage(verdict("4"))
        await play.play("debate", params={"level": level})
        systems.append(play.asked("negative")[0].messages[0].content)
        judges.append(play.prompts("judge")[0])
    assert len(set(systems)) == 4
    assert "agreement on every point" in systems[0]
    assert "disagree with the other side on every point" in systems[3]
    assert len(set(judges)) == 1


async def test_without_the_adaptive_break_all_rounds_are_held_though_the_judge_decides() -> None:
    play = stage(*[verdict("4", "affirmative")] * 3, *END)
    result = await play.play("debate", params={"adaptive": False})
    assert play.calls == 3 * 3 + 2
    assert result.answer == "5"


async def test_a_judge_for_whoever_spoke_last_is_found_out_by_swapping_the_sides() -> None:
    def biased(request: Request) -> str:
        text = request.messages[-1].content
        last = "4" if text.rindex("pro argument") > text.rindex("con argument") else "5"
        return verdict(last)

    answers = []
    for first in ("affirmative", "negative"):
        play = Stage({"affirmative": numbered("pro"), "negative": numbered("con"), "judge": biased})
        answers.append((await play.play("debate", params={"first": first})).answer)
    assert answers == ["5", "4"]


@pytest.mark.parametrize(("calls", "answer"), [(1, "4"), (2, "4"), (4, "4"), (0, None)])
async def test_a_spent_budget_leaves_the_majority_of_the_arguments_so_far(
    calls: int, answer: str | None
) -> None:
    play = Stage({"affirmative": "Answer: 4", "negative": ["Answer: 5", "Answer: 4"], "judge": OPEN})
    if calls == 0:
        play = Stage({"affirmative": ["I do not know"], "negative": "", "judge": OPEN})
    result = await play.play("debate", budget=f"calls={calls or 1}")
    assert (result.answer, result.stop_reason) == (answer, "budget")
    assert play.calls == (calls or 1)


async def test_what_the_judge_writes_is_never_run() -> None:
    evil = "__import__('os').abort()"
    play = stage(evil, evil, "{'answer': exec('raise SystemExit')}", verdict("4"), verdict("4"))
    assert (await play.play("debate")).answer == "4"


async def test_apostrophes_and_prose_around_the_ruling_do_not_lose_it() -> None:
    said = 'It\'s clear:\n```json\n{"reason": "it\'s so", "side": "negative", "answer": "5"}\n```'
    play = stage(said)
    assert (await play.play("debate")).answer == "5"
    assert play.calls == 3


async def test_judge_and_sides_may_be_other_models() -> None:
    play = stage(verdict("4"))
    await play.play("debate")
    assert {r.model for _, r in play.seen} == {"stage/affirmative", "stage/negative", "stage/judge"}
    assert play.can == SINGLE
