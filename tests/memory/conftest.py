"""A store in a folder of the test's own, or in a database of its own; and calls to put into it."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from itertools import count
from pathlib import Path

import pytest

from rebut.memory.store import Store
from rebut.memory.values import RecordedCall, RunStart
from rebut.models.journal import CallSite, Outcome, RunJournal
from rebut.models.wire import Completion, Message, Request, Response
from rebut.records import Usage
from rebut.testing.databases import Database, InFile, OnServer
from rebut.testing.postgres import Cluster

NUMBERS = count()


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server, with a database `empty_store` that a store was opened on."""
    try:
        made = Cluster()
        importlib.import_module("psycopg")
    except (FileNotFoundError, ImportError) as error:
        pytest.fail(f"{error}; a test on PostgreSQL needs its programs and rebut[postgres]")
    with made as running:
        running.create("empty_store")
        asyncio.run(Store.open(running.url("empty_store")).close())
        yield running


@pytest.fixture
def database(cluster: Cluster) -> Iterator[OnServer]:
    """A database of a server with an empty store."""
    name = f"test_{next(NUMBERS)}"
    cluster.create(name, template="empty_store")
    yield OnServer(cluster, name)
    cluster.drop(name)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file for a store on SQLite."""
    return tmp_path / "runs.db"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def where(request: pytest.FixtureRequest) -> Database:
    """A database for a store: every test that asks for it is done on both kinds."""
    if request.param == "sqlite":
        return InFile(request.getfixturevalue("path"))
    found: OnServer = request.getfixturevalue("database")
    return found


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def bare(request: pytest.FixtureRequest) -> Iterator[Database]:
    """A database that nothing was done to, of both kinds."""
    if request.param == "sqlite":
        yield InFile(request.getfixturevalue("path"))
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    name = f"test_{next(NUMBERS)}"
    cluster.create(name)
    yield OnServer(cluster, name)
    cluster.drop(name)


@pytest.fixture
async def store(where: Database) -> AsyncIterator[Store]:
    async with Store.open(where.url, drift_after=0.2) as opened:
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
