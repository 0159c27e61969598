"""A run is shown to its end; its result is printed as asked, and the exit code tells how it ended."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from rebut.cli.options import Look
from rebut.cli.watching import Interrupts, Stopped, code_of, go, told, view_of, watch
from rebut.events import Event, Noted, RunFinished, RunStarted
from rebut.graphs.result import Result
from rebut.graphs.run import Run
from rebut.models.budget import Limits
from rebut.view.live import LiveView
from rebut.view.plain import NoView, PlainView


class PlayedRun:
    """Plays events, then gives a result; with `hang` it waits between them until it is cancelled."""

    id = "261121-abc"
    limits = Limits()

    def __init__(self, events: list[Event], result: Result | Exception | None = None) -> None:
        self._events, self._result = events, result
        self._cancelled = asyncio.Event()
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[Event]:
        for event in self._events:
            yield event
        if self._result is None:
            await self._cancelled.wait()

    def cancel(self) -> None:
        self._cancelled.set()

    async def result(self) -> Result:
        if isinstance(self._result, Exception):
            raise self._result
        if self._result is None:
            raise asyncio.CancelledError
        return self._result

    async def aclose(self) -> None:
        self.closed = True


START = RunStarted(run="r", seq=0, workflow="w", input={"question": "q"}, params={}, models={})
END = RunFinished(run="r", seq=1, answer="4", stop_reason="answered")
QUIET = Look(quiet=True)


def result(answer: Any, stop_reason: Any = "answered", detail: str = "") -> Result:
    return Result(answer=answer, stop_reason=stop_reason, detail=detail, run="r")


@pytest.mark.parametrize(
    ("ended", "code"),
    [
        (result("4"), 0),
        (result(0), 0),
        (result("4", "budget"), 3),
        (result("4", "failed"), 3),
        (result(None), 4),
        (result(None, "budget"), 4),
    ],
)
def test_the_exit_code_tells_how_it_ended(ended: Result, code: int) -> None:
    assert code_of(ended) == code


def test_the_answer_alone_is_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(result("four\x1b[31m\n\n"), Look()) == 0
    out, err = capsys.readouterr()
    assert (out, err) == ("four\n", "rebut show r\n")


def test_the_best_answer_so_far_comes_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(result("4", "budget", "budget spent: calls limit of 2 (run)"), QUIET) == 3
    out, err = capsys.readouterr()
    assert out == "4\n"
    assert err == "best answer so far: budget spent: calls limit of 2 (run)\n"


def test_without_an_answer_stdout_is_empty(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(result(None), QUIET) == 4
    out, err = capsys.readouterr()
    assert (out, err) == ("", "no answer: every agent abstained\n")


def test_an_answer_that_is_no_text_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    told(result({"b": [1.5, None]}), QUIET)
    assert json.loads(capsys.readouterr().out) == {"b": [1.5, None]}


def test_the_result_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    note = Noted(node="n", what="tie", text="two\x9b first")
    whole = Result(answer="4", stop_reason="answered", run="r", notes=(note,), state={"x": object, "n": 1})
    assert told(whole, Look("json", quiet=True)) == 0
    out = capsys.readouterr().out
    data = json.loads(out)
    assert data["answer"] == "4" and data["usage"]["calls"] == 0 and data["state"]["n"] == 1
    assert data["notes"] == [{"node": "n", "what": "tie", "text": "two\x9b first", "data": {}}]
    assert "\x9b" not in out


def test_events_are_json_lines_of_what_is_kept(capsys: pytest.CaptureFixture[str]) -> None:
    run = cast(Run, PlayedRun([START, END], result("4")))
    go(watch(run, Look("events", quiet=True)))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["kind"] for line in lines] == ["run.started", "run.finished"]


def test_the_run_is_closed_also_when_it_fails() -> None:
    run = PlayedRun([START], ValueError("broken"))
    with pytest.raises(ValueError, match="broken"):
        go(watch(cast(Run, run), QUIET))
    assert run.closed


@pytest.mark.parametrize(("which", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("kept", [True, False])
def test_a_signal_stops_the_run_and_says_how_to_resume(
    which: signal.Signals, code: int, kept: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    async def stop_soon() -> Result:
        asyncio.get_running_loop().call_later(0.01, signal.raise_signal, which)
        return await watch(cast(Run, run), QUIET, kept=kept)

    run = PlayedRun([START])
    with pytest.raises(Stopped) as stopped:
        go(stop_soon())
    assert stopped.value.code == code and run.closed
    assert str(stopped.value) == ("stopped; resume with: rebut resume 261121-abc" if kept else "stopped")
    assert "once more: at once" in capsys.readouterr().err


@pytest.mark.parametrize("times", [1, 2])
def test_whatever_a_command_does_is_ended_by_sigterm(
    times: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    cleaned: list[str] = []

    async def work() -> None:
        loop = asyncio.get_running_loop()
        for i in range(times):
            loop.call_later(0.01 * (i + 1), signal.raise_signal, signal.SIGTERM)
        try:
            await asyncio.sleep(30)
        finally:
            await asyncio.sleep(0.05)
            cleaned.append("up")

    def exits(code: int) -> None:
        raise SystemExit(code)

    monkeypatch.setattr("os._exit", exits)
    with pytest.raises((Stopped, SystemExit)) as ended:
        go(work())
    assert isinstance(ended.value, Stopped if times == 1 else SystemExit)
    assert ended.value.code == 143
    assert cleaned == ["up"] or times == 2
    assert ("stopped at once" in capsys.readouterr().err) == (times == 2)


def test_a_second_signal_ends_the_process_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("os._exit", sys.exit)
    stop = Interrupts(cast(Run, PlayedRun([])), NoView(print))
    stop(signal.SIGINT)
    with pytest.raises(SystemExit):
        stop(signal.SIGINT)
    out, err = capsys.readouterr()
    assert (out, err) == ("stopping (once more: at once)\n", "stopped at once\n")


class LateSignal(PlayedRun):
    async def __aiter__(self) -> AsyncIterator[Event]:
        yield START
        signal.raise_signal(signal.SIGINT)
        await asyncio.sleep(0.01)
        yield END


def test_a_signal_that_comes_too_late_does_not_take_the_answer_away() -> None:
    run = LateSignal([], result("4"))
    assert go(watch(cast(Run, run), QUIET)).answer == "4"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


class Stream:
    def __init__(self, terminal: bool) -> None:
        self.terminal = terminal
        self.encoding = "utf-8"

    def isatty(self) -> bool:
        return self.terminal

    def write(self, text: str) -> int:
        return len(text)

    def flush(self) -> None:
        pass


@pytest.mark.parametrize(
    ("terminal", "term", "look", "kind"),
    [
        (True, "xterm", Look(), LiveView),
        (True, "dumb", Look(), PlainView),
        (True, "xterm", Look(plain=True), PlainView),
        (False, "xterm", Look(), PlainView),
        (True, "xterm", Look(quiet=True), NoView),
    ],
)
def test_the_view_suits_the_terminal(
    terminal: bool, term: str, look: Look, kind: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr("sys.stderr", Stream(terminal))
    assert type(view_of(look, None, {})) is kind
