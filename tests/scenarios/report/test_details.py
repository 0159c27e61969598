"""Items one by one: what is marked of them, and how far transcripts go."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from rebut.errors import ModelRefused
from rebut.memory.talks import Turn, Words
from rebut.models.wire import Request
from rebut.scenarios.report.details import QUESTION, details, level, transcript

from ..adder import Adder

Gather = Callable[..., Any]


def turn(*texts: str, seq: int = 1) -> Turn:
    said = tuple(Words(text, len(text)) for text in texts)
    return Turn(
        run="r", seq=seq, path="p", node="n", visit=1, agent="a", role="a", model="m", tokens=1, usd=0.0,
        seconds=0.0, error="", message="", used=True, said=said,
    )  # fmt: skip


@given(st.lists(st.integers(0, 500), max_size=30), st.integers(0, 5000), st.integers(0, 600))
def test_texts_cut_at_the_level_fit_and_could_not_be_longer(
    lengths: list[int], whole: int, most: int
) -> None:
    height = level(lengths, whole, most)
    assert 0 <= height <= most and sum(min(n, height) for n in lengths) <= max(whole, 0)
    if height < most:
        assert sum(min(n, height + 1) for n in lengths) > whole


def test_a_transcript_is_cut_where_its_room_ends_and_the_rest_is_counted() -> None:
    calls, left = transcript([turn("abc", "defg"), turn("hij", seq=2), turn("k", seq=3)], 5)
    assert [[cut.text for cut in call.said] for call in calls] == [["abc", "de"], [""], [""]]
    assert left == 2 + 3 + 1 and [cut.left for cut in calls[0].said] == [0, 2]
    assert transcript([turn("abc")], 3)[1] == 0


def test_what_the_store_gave_only_in_part_counts_as_cut() -> None:
    said = replace(turn(), said=(Words("ab", 10),))
    ((call,), left) = transcript([said], 100)
    assert (call.said[0].text, left) == ("ab", 8)


async def test_items_are_marked_by_what_happened(gather: Gather) -> None:
    def wrong(request: Request, number: int) -> bool:
        return number in (1, 5)  # the first item's solve; the second item's solve

    def fails(request: Request, number: int) -> None:
        if number == 9:
            raise ModelRefused("will not")

    evidence = await gather(Adder(wrong=wrong, fails=fails), concurrency="1")
    shown = details(evidence, 1000)
    assert [(s.at, s.wrong, s.changed, s.failed) for s in shown] == [
        (1, True, True, False),
        (2, True, True, False),
        (3, True, True, True),
        (4, False, False, False),
        (5, False, False, False),
        (6, False, False, False),
    ]
    assert shown[0].marks == (("solve", False), ("vote", True))
    failed = next(p for p in shown[2].trials if p.trial.stop == "failed")
    assert "will not" in failed.why and failed.answer is None
    assert failed.calls[0].turn.error == "ModelRefused"


async def test_long_questions_and_answers_are_cut(gather: Gather, tmp_path: Any) -> None:
    rows = tmp_path / "long.jsonl"
    rows.write_text('{"question": "What is 2 + 2? %s", "answer": "4"}\n' % ("x" * 6000))
    evidence = await gather(Adder(), data=f"{{file: {rows}}}")
    ((_, asked),) = details(evidence, 1000)[0].inputs
    assert len(asked.text) == QUESTION and asked.left == 6015 - QUESTION
