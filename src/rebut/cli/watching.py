"""Watching a run: its events to the view, its answer to stdout, Ctrl-C to the run."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Generator, Mapping
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from . import output
from .codes import Exit
from .options import Look

if TYPE_CHECKING:
    from rebut.events import Event

    from ..graphs.plan import Plan
    from ..graphs.result import Result
    from ..graphs.run import Run

T = TypeVar("T")


class View(Protocol):
    """What shows a run: a context that is handed every event."""

    def __enter__(self) -> View: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...
    def see(self, event: Event) -> None:
        """Show the event."""
        ...

    def say(self, text: str) -> None:
        """Show a line that is no event."""
        ...


def go(work: Coroutine[Any, Any, T]) -> T:
    """Run the coroutine in a loop of its own: uvloop's where it is installed."""
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    try:
        import uvloop

        factory = uvloop.new_event_loop
    except ImportError:
        pass
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(_ended(work))


async def _ended(work: Coroutine[Any, Any, T]) -> T:
    """The work, which SIGTERM stops as Ctrl-C does: cleanly, and at once when it comes again.

    Raises:
        Stopped: by SIGTERM.
    """
    loop, task, got = asyncio.get_running_loop(), asyncio.current_task(), False

    def stop() -> None:
        nonlocal got
        if got or task is None:
            output.tell("stopped at once")
            os._exit(Exit.TERMINATED)
        got = task.cancel()

    with suppress(NotImplementedError, RuntimeError, ValueError):  # Windows, or not the main thread
        loop.add_signal_handler(signal.SIGTERM, stop)
    try:
        return await work
    except asyncio.CancelledError:
        if not got:
            raise
        raise Stopped("", Exit.TERMINATED) from None


class Interrupts:
    """Signals while a run goes on: the first stops it cleanly, the second ends the process at once."""

    def __init__(self, run: Run, view: View) -> None:
        self._run, self._view = run, view
        self.got: signal.Signals | None = None

    def __call__(self, which: signal.Signals) -> None:
        if self.got is not None:
            self._view.__exit__(None, None, None)
            output.tell("stopped at once")
            os._exit(self.code)
        self.got = which
        self._view.say("stopping (once more: at once)")
        self._run.cancel()

    @property
    def code(self) -> int:
        """The exit code of the signal that came."""
        return Exit.TERMINATED if self.got is signal.SIGTERM else Exit.INTERRUPTED


@contextmanager
def interrupts(run: Run, view: View) -> Generator[Interrupts, None, None]:
    """Send SIGINT and SIGTERM to the run inside the block."""
    handler = Interrupts(run, view)
    loop = asyncio.get_running_loop()
    caught = [signal.SIGINT, signal.SIGTERM]
    try:
        for which in caught:
            loop.add_signal_handler(which, handler, which)
    except (NotImplementedError, RuntimeError, ValueError):  # Windows, or not the main thread
        caught = []
    try:
        yield handler
    finally:
        for which in caught:
            loop.remove_signal_handler(which)


class Stopped(Exception):
    """The user stopped the run. `code` is the exit code, `run` the id to resume with, or empty."""

    def __init__(self, run: str, code: int) -> None:
        super().__init__(f"stopped; resume with: rebut resume {run}" if run else "stopped")
        self.code = code


async def watch(run: Run, look: Look, plan: Plan | None = None, *, kept: bool = True) -> Result:
    """Show the run to its end, and give its result. `kept` says whether it can be resumed.

    Raises:
        Stopped: a signal ended it.
        RebutError: it failed.
    """
    view = view_of(look, plan, limits_of(run))
    with interrupts(run, view) as stop:
        try:
            with view:
                async for event in run:
                    if look.form == "events" and event.durable:
                        _event_line(event)
                    view.see(event)
            return await run.result()
        except asyncio.CancelledError:
            if stop.got is None:
                raise
            raise Stopped(run.id if kept else "", stop.code) from None
        finally:
            await run.aclose()


def limits_of(run: Run) -> dict[str, float]:
    """The limits that hold for the run, by resource."""
    from dataclasses import asdict

    return {name: limit for name, limit in asdict(run.limits).items() if limit is not None}


def _event_line(event: Event) -> None:
    from ..view.text import clean_json

    output.say(clean_json(event.as_json().decode()))
    sys.stdout.flush()


def told(result: Result, look: Look, *, shown: bool = True) -> int:
    """Print the result as the look says; the exit code. `shown`: say how to show the run again."""
    if look.form == "json":
        output.say_json(result_json(result))
    elif look.form == "answer":
        output.say_answer(result.answer)
    code = code_of(result)
    if code != Exit.OK:
        output.tell(why(result))
    if shown and result.run and not look.quiet:
        style = None if look.plain or look.no_color else {"dim": True}
        output.tell(f"rebut show {result.run}", style=style)
    return code


def code_of(result: Result) -> int:
    """0 answered, 3 ended early with an answer, 4 without one."""
    if result.answer is None:
        return Exit.NO_ANSWER
    return Exit.OK if result.stop_reason == "answered" else Exit.PARTIAL


def why(result: Result) -> str:
    """Why the result is not a plain answer, for stderr."""
    from ..view.text import one_line

    reason = {"answered": "every agent abstained", "budget": "budget spent"}
    said = one_line(result.detail) or reason.get(result.stop_reason, result.stop_reason)
    return f"no answer: {said}" if result.answer is None else f"best answer so far: {said}"


def result_json(result: Result) -> dict[str, Any]:
    """The result as JSON types."""
    return {
        "run": result.run,
        "answer": result.answer,
        "stop_reason": result.stop_reason,
        "detail": result.detail,
        "seconds": round(result.seconds, 3),
        "usage": result.usage,
        "notes": [{"node": n.node, "what": n.what, "text": n.text, "data": n.data} for n in result.notes],
        "state": result.state,
    }


def view_of(look: Look, plan: Plan | None, limits: Mapping[str, float]) -> View:
    """The view that suits stderr and the options."""
    from ..view.plain import NoView, PlainView

    if look.quiet:
        return NoView(output.tell)
    if look.plain or not output.is_terminal(sys.stderr):
        return PlainView(output.tell)
    from rich.console import Console

    from ..view.board import Board
    from ..view.live import LiveView

    console = Console(stderr=True, highlight=False, markup=False, emoji=False, no_color=look.no_color or None)
    board = Board(limits=dict(limits))
    if plan is not None:
        board.planned, board.worst = plan.calls_typical, plan.calls
    return LiveView(console, board)
