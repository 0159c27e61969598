"""The board knows who is speaking and what is spent."""

from __future__ import annotations

from rebut.events import CallDelta, CallFinished, CallRetrying, CallStarted, Event, NodeStarted, RunFinished
from rebut.view.board import KEPT, Board


def board_of(events: list[Event], **limits: float) -> Board:
    board = Board(limits=limits)
    for event in events:
        board.see(event)
    return board


def test_spend_is_summed_over_the_calls(debate: list[Event]) -> None:
    board = board_of(debate)
    assert (board.calls, board.prompt, board.completion) == (2, 200, 40)
    assert board.usd is not None and abs(board.usd - 0.002) < 1e-12
    assert board.over and not board.speaking


def test_a_call_speaks_from_its_start_to_its_end(debate: list[Event]) -> None:
    assert board_of(debate[:3]).speaking["ada/1"].text == ""
    assert board_of(debate[:4]).speaking["ada/1"].text == "It is"
    assert not board_of(debate[:5]).speaking


def test_a_retry_forgets_what_was_said_and_says_why() -> None:
    start = CallStarted(node="a", call="c", agent="ada", role="r", model="m")
    delta = CallDelta(node="a", call="c", agent="ada", index=0, text="half a sen")
    retry = CallRetrying(node="a", call="c", agent="ada", attempt=2, wait=4.0, error="busy")
    speech = board_of([start, delta, retry]).speaking["c"]
    assert speech.text == "" and speech.trouble == "retry 2 in 4s: busy"


def test_an_unknown_price_makes_the_sum_unknown(debate: list[Event]) -> None:
    free = CallFinished(node="n", visit=1, call="x", agent="a", role="r", model="m", texts=("t",), usd=None)
    assert board_of([*debate[:5], free]).usd is None


def test_what_is_left_never_goes_below_zero(debate: list[Event]) -> None:
    left = board_of(debate, calls=1, tokens=1000, usd=0.5).left()
    assert left["calls"] == 0 and left["tokens"] == 760
    assert 0.49 < left["usd"] < 0.5


def test_a_long_stream_is_kept_only_at_its_end() -> None:
    board = Board()
    for piece in ("x" * 999 for _ in range(1000)):
        board.see(CallDelta(node="n", call="c", agent="a", index=0, text=piece))
    board.see(CallDelta(node="n", call="c", agent="a", index=0, text="END"))
    text = board.speaking["c"].text
    assert text.endswith("END") and len(text) <= 2 * KEPT


def test_rounds_count_by_the_highest_visit() -> None:
    visits = [1, 3, 2]
    assert board_of([NodeStarted(node=f"n{v}", visit=v) for v in visits]).round == 3


def test_rounds_of_a_called_workflow_are_not_those_of_the_run() -> None:
    assert board_of([NodeStarted(node="inner/1.draw", visit=4), NodeStarted(node="n", visit=2)]).round == 2


def test_the_end_clears_the_floor() -> None:
    start = CallStarted(node="a", call="c", agent="ada", role="r", model="m")
    assert not board_of([start, RunFinished(answer=None, stop_reason="cancelled")]).speaking
