"""The live view fits the terminal, whatever the terminal and the words."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from rebut.events import CallDelta, CallFinished, CallRetrying, CallStarted, Event
from rebut.view.board import Board
from rebut.view.live import LiveView, status_words


def shown(events: list[Event], width: int = 80, height: int = 24, **board: object) -> tuple[str, str]:
    """What scrolled by, and what stands below after the last event."""
    file = io.StringIO()
    console = Console(
        file=file, width=width, height=height, force_terminal=False, highlight=False, markup=False
    )
    view = LiveView(console, Board(**board))  # type: ignore[arg-type]
    for event in events:
        view.see(event)
    above = file.getvalue()
    file.truncate(0)
    file.seek(0)
    console.print(view._below())
    return above, file.getvalue()


def test_what_was_said_scrolls_by_and_the_standing_is_below(debate: list[Event]) -> None:
    above, below = shown(debate, worst=9, planned=6, limits={"calls": 10})
    assert "Truly." in above and "round 2" in above and "75% ━" in above
    assert "2/9 calls" in below and "240 tok" in below and "left 8 calls" in below


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_no_line_is_wider_than_the_terminal(debate: list[Event], width: int) -> None:
    speaking = [
        CallDelta(node="n", call=f"c{i}", agent="a" * 30, index=0, text="漢字 and words " * 50)
        for i in range(3)
    ]
    above, below = shown([*debate[:-1], *speaking], width, worst=9, limits={"usd": 1.0})
    assert max(map(cell_len, (above + below).splitlines())) <= width


def test_many_speakers_fit_the_height() -> None:
    calls: list[Event] = [
        CallStarted(node="n", call=f"c{i}", agent="solver", role="s", model="m") for i in range(50)
    ]
    _, below = shown(calls, height=12)
    assert below.count("solver") == 2 and "+ 48 more speaking" in below
    assert len(below.splitlines()) < 12


def test_speech_in_flight_shows_its_end_and_its_trouble() -> None:
    start = CallStarted(node="n", call="c", agent="ada", role="r", model="m", n=4)
    delta = CallDelta(node="n", call="c", agent="ada", index=0, text="first " * 200 + "last words")
    retry = CallRetrying(node="n", call="c", agent="ada", attempt=1, wait=2, error="server is busy")
    assert "ada x4 thinking" in shown([start])[1]
    assert "last words" in shown([start, delta])[1]
    assert "retry 1 in 2s: server is busy" in shown([start, delta, retry])[1]


def test_a_long_speech_is_cut_and_says_so() -> None:
    call = CallFinished(node="n", visit=1, call="c", agent="a", role="", model="m", texts=("line\n" * 50,))
    above, _ = shown([call])
    assert above.count("  line ") == 6 and "(+44 lines)" in above


def test_markup_and_escapes_in_words_are_only_words() -> None:
    text = "[red]not red[/red] \x1b[31mnot red either [link=x]y[/link] :smile:"
    call = CallFinished(node="n", visit=1, call="c", agent="a", role="", model="m", texts=(text,))
    above, _ = shown([call])
    assert "[red]not red[/red] not red either [link=x]y[/link] :smile:" in above
    assert "\x1b" not in above


def test_a_terminal_without_unicode_gets_plain_characters(debate: list[Event]) -> None:
    raw = io.BytesIO()
    file = io.TextIOWrapper(raw, encoding="ascii", errors="replace", write_through=True)
    view = LiveView(Console(file=file, width=80, force_terminal=False), Board(worst=4))
    for event in debate:
        view.see(event)
    view._console.print(view._below())
    assert b"75% ####" in raw.getvalue()


def test_the_standing_in_words() -> None:
    board = Board(calls=3, prompt=1500, usd=None, limits={"calls": 5, "seconds": 0})
    assert status_words(board).startswith("3 calls · 1.5k tok · $? · ")
    assert status_words(board).endswith("left 2 calls, 0.0s")


def test_the_standing_tells_how_much_of_the_prompts_was_cached() -> None:
    board = Board(calls=4, prompt=1000, completion=200, usd=0.0)
    assert "cached" not in status_words(board)
    call = CallFinished(
        node="n",
        visit=1,
        call="c",
        agent="a",
        role="a",
        model="m",
        texts=("x",),
        prompt_tokens=1000,
        cached_tokens=900,
        usd=0.0,
    )
    board.see(call)
    assert "2.2k tok (45% cached)" in status_words(board)
