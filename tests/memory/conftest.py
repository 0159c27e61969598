"""A store in a folder of the test's own, and calls to put into it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path

import pytest

from rebut.memory.store import Store
from rebut.memory.values import RecordedCall, RunStart
from rebut.models.journal import CallSite, Outcome, RunJournal
from rebut.models.wire import Completion, Message, Request, Response
from rebut.records import Usage


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    async with Store.open(path, drift_after=0.2) as opened:
        yield opened


@pytest.fixture
def start() -> Callable[..., RunStart]:
    def make(run: str = "run-1", workflow: str = "debate", started: float = 1000.0) -> RunStart:
        return RunStart(
            run=run,
            workflow=workflow,
            snapshot={"source": "name: debate", "roles": {"b": 1, "a": 2}},
            input={"question": "Is 3.11 larger than 3.9?"},
            params={"rounds": 3},
            models={"judge": "scripted/m"},
            seed=7,
            budget={"calls": 20},
            started=started,
        )

    return make


@pytest.fixture
def called() -> Callable[..., RecordedCall]:
    """A call by its path; `said` is the completion, or with `error` the reason of its failure."""

    def make(
        path: str, said: str = "yes", *, asked: str | None = None, error: str | None = None, seq: int = 1
    ) -> RecordedCall:
        usage = Usage(calls=1, requests=1, prompt=10, completion=5, usd=0.25)
        response = Response(completions=(Completion(text=said),), usage=usage, seconds=0.5)
        return RecordedCall(
            seq=seq,
            site=CallSite(path=path, node=path.partition("/")[0], visit=1, agent="ada", role="solver"),
            request=Request(model="scripted/m", messages=(Message("user", asked or f"ask {path}"),)),
            outcome=Outcome(error=error, message=said, status=503)
            if error
            else Outcome(response=response, at=float(seq)),
        )

    return make


@pytest.fixture
def record(called: Callable[..., RecordedCall]) -> Callable[..., Coroutine[None, None, None]]:
    """Record a call in a journal."""

    async def put(journal: RunJournal, path: str, said: str = "yes", *, error: str | None = None) -> None:
        call = called(path, said, error=error)
        await journal.record(call.site, call.request, call.outcome)

    return put
