"""The plain view writes one line an event."""

from __future__ import annotations

from rebut.events import CallFinished, Event
from rebut.view.plain import NoView, PlainView
from rebut.view.transcript import transcript


def lines_of(events: list[Event], width: int = 160) -> list[str]:
    lines: list[str] = []
    with PlainView(lines.append, width) as view:
        for event in events:
            view.see(event)
    return lines


def test_a_debate_in_plain_lines(debate: list[Event]) -> None:
    assert lines_of(debate) == [
        "debate: Is it?",
        "    0.0s  ada (debater): It is. Truly.",
        "    0.0s  -- round 2",
        "    0.0s  bel (debater): side: bel sure: 0.875",
        "    0.0s  = verdict: decided for bel: no",
        "    0.0s  = tally: majority vote of 4, 1 abstained: no 75%, yes 25%",
        "    0.0s  ! abstained at tally: 1 of 5 gave no answer",
        "answered (2 calls, 240 tokens, $0.0020, 4.2s)",
    ]


def test_hostile_words_stay_on_their_line_and_are_cut() -> None:
    text = "\x1b[2Ja\r\nb\n" + "c" * 500
    call = CallFinished(node="n", visit=1, call="c", agent="a\x1b[1m", role="", model="m", texts=(text,))
    [line] = lines_of([call], width=40)
    assert "\x1b" not in line and "\n" not in line
    assert len(line) <= 40 and line.endswith("…")


def test_quiet_shows_nothing(debate: list[Event]) -> None:
    lines: list[str] = []
    view = NoView(lines.append)
    for event in debate:
        view.see(event)
    view.say("stopping")
    assert lines == ["stopping"]


def test_a_transcript_cuts_nothing(debate: list[Event]) -> None:
    long = "word " * 2000
    call = CallFinished(node="n", visit=1, call="c", agent="cy", role="", model="m", texts=(long,))
    told = "\n".join(line for _, line in transcript([*debate[:-1], call, debate[-1]]))
    assert long.strip() in told
    assert "   75% #########    3  no\n   25% ###          1  yes" in told
    assert told.rstrip().endswith("answered (2 calls, 240 tokens, $0.0020, 4.2s)")
