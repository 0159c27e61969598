"""What is PostgreSQL's alone: its server that comes and goes, its rights, its texts and its deadlocks."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Connection

from rebut.errors import InputError, StoreError
from rebut.events import NodeFinished, NodeStarted
from rebut.memory.store import Store
from rebut.memory.values import RunStart
from rebut.models.journal import CallSite, Outcome
from rebut.models.wire import Completion, Message, Request, Response
from rebut.records import Usage
from rebut.testing.databases import OnServer
from rebut.testing.postgres import Cluster

pytestmark = pytest.mark.postgres

Start = Callable[..., RunStart]
Record = Callable[..., Coroutine[None, None, None]]


@pytest.fixture(scope="module")
def mortal() -> Iterator[Cluster]:
    """A server that tests may stop."""
    with Cluster(fsync="on") as running:
        yield running


@pytest.fixture
def where(request: pytest.FixtureRequest) -> OnServer:
    """Only on a server."""
    found: OnServer = request.getfixturevalue("database")
    return found


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("rebut:", "nobody:"), r"the server does not let this role in \(password authentication failed"),
        (("{password}", "wrong-word"), r"the server does not let this role in \(password authentication"),
        (
            ("/{database}", "/none"),
            r"there is no such database \(database \"none\" does not exist\): make it",
        ),
        ((":{port}", ":1"), r"the server cannot be reached \(.*Connection refused\): look at host and port"),
    ],
)
def test_a_server_that_cannot_be_used_says_why(
    where: OnServer, wrong: tuple[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    names = {"password": where.cluster.password, "port": where.cluster.port, "database": where.database}
    url = where.with_(timeout=2).replace(wrong[0].format(**names), wrong[1])
    with pytest.raises(StoreError, match=f"cannot open store postgresql://.*: {said}") as refused:
        Store.open(url)
    told = str(refused.value) + "".join(capsys.readouterr())
    assert where.cluster.password not in told and "wrong-word" not in told
    assert "\n" not in str(refused.value)


async def test_no_password_is_shown_or_kept(where: OnServer, start: Start, record: Record) -> None:
    async with Store.open(where.url) as store:
        await record(await store.begin(start()), "a/1")
        shown = f"{store.address} {store.address!r} {store.address.engine(writes=False)!r}"
        with pytest.raises(InputError, match="is on a server: it is no file") as refused:
            _ = store.path
    tables = ("run", "content", "call", "message", "event", "migration")
    kept = [where.rows(f"SELECT * FROM {table}") for table in tables]
    assert where.cluster.password not in shown + str(refused.value) + str(kept)
    assert "***" in str(store.address)


async def test_a_server_that_comes_back_in_time_is_waited_for(
    mortal: Cluster, start: Start, record: Record
) -> None:
    async with _opened(mortal, "restart") as store:
        journal = await store.begin(start())
        await record(journal, "a/1")
        mortal.stop()
        task = asyncio.create_task(record(journal, "a/2"))
        await asyncio.sleep(0.3)
        assert not task.done()
        mortal.start()
        await task
        assert [call.seq for call in await store.calls("run-1")] == [1, 2]
        await store.finish("run-1", status="finished")


async def test_a_server_that_stays_away_ends_the_run_which_can_be_resumed(
    mortal: Cluster, start: Start, record: Record
) -> None:
    async with _opened(mortal, "away", timeout="0.3") as store:
        journal = await store.begin(start())
        await record(journal, "a/1")
        mortal.stop(signal.SIGQUIT)
        with pytest.raises(StoreError, match=r"cannot write to store .*the server cannot be reached") as lost:
            await record(journal, "a/2")
        assert "\n" not in str(lost.value)
        with pytest.raises(StoreError, match=r"cannot read store .*the server cannot be reached"):
            await store.runs()
        with pytest.raises(StoreError):
            await store.finish("run-1", status="failed")
    mortal.start()
    mortal.run("away", "UPDATE run SET born = born + 1")  # as if the process had ended
    async with Store.open(mortal.url("away")) as store:
        (info,) = await store.runs()
        _, journal = await store.reopen(info.id)
        assert journal.recalling
        assert [call.site.path for call in await store.calls("run-1")] == ["a/1"]


async def test_connections_that_are_ended_between_and_amid_calls_cost_nothing(
    where: OnServer, start: Start, record: Record, caplog: pytest.LogCaptureFixture
) -> None:
    async with Store.open(where.url) as store:
        journals = [await store.begin(start(f"run-{n}")) for n in range(5)]
        ended = asyncio.create_task(_end_connections(where, 15))

        async def one(number: int) -> None:
            for call in range(60):
                await record(journals[number], f"a/{call}", f"{number} says {call}")
                await asyncio.sleep(0.01)
                if call % 10 == 0:
                    await store.run(f"run-{number}")

        done = await asyncio.gather(*map(one, range(5)), return_exceptions=True)
        assert await ended > 0
        failures = [str(one) for one in done if one is not None]
        # only where nobody knows what became of a commit
        assert all("amid a commit" in failure for failure in failures), failures
        assert caplog.messages == []
        seqs = [[call.seq for call in await store.calls(f"run-{n}")] for n in range(5)]
        for number, failure in enumerate(done):
            assert failure is not None or seqs[number] == list(range(1, 61))


async def _end_connections(where: OnServer, times: int) -> int:
    ended = 0
    for _ in range(times):
        await asyncio.sleep(0.05)
        ended += where.one(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'rebut'"
        )
    return ended


async def test_a_role_that_may_only_read_reads(where: OnServer, start: Start) -> None:
    async with Store.open(where.url) as store:
        await store.begin(start())
        await store.finish("run-1", status="finished")
    name = f"reader_{where.database}"
    where.rows(f"CREATE ROLE {name} LOGIN PASSWORD 'r'")
    where.rows(f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}")
    server = f"postgresql://{name}:r@127.0.0.1:{where.cluster.port}"
    async with Store.open(f"{server}/{where.database}") as store:
        assert [info.id for info in await store.runs()] == ["run-1"]
        with pytest.raises(StoreError, match=r"the role may not do this \(permission denied for table run\)"):
            await store.begin(start("run-2"))
    empty = f"{where.database}_bare"
    where.cluster.create(empty)
    with pytest.raises(StoreError, match=r"the role may not do this \(permission denied for schema public\)"):
        Store.open(f"{server}/{empty}")
    where.cluster.drop(empty)


async def test_a_database_that_only_reads_is_named(where: OnServer, start: Start) -> None:
    where.rows(f"ALTER DATABASE {where.database} SET default_transaction_read_only = on")
    async with Store.open(where.url) as store:
        assert await store.runs() == []
        with pytest.raises(StoreError, match="the server only reads"):
            await store.begin(start())


async def test_a_database_of_another_encoding_is_refused(cluster: Cluster) -> None:
    cluster.create("latin", template="template0", options="ENCODING LATIN1 LOCALE_PROVIDER libc LOCALE 'C'")
    with pytest.raises(StoreError, match=r"its database has the encoding LATIN1: make one with .* UTF8"):
        Store.open(cluster.url("latin"))


async def test_tables_of_another_program_are_left_alone_and_a_schema_stands_beside_them(
    where: OnServer, start: Start
) -> None:
    where.rows("DROP TABLE migration")
    with pytest.raises(StoreError, match="it is a database of another program"):
        Store.open(where.url)
    async with Store.open(where.with_(schema="rebut")) as store, Store.open(where.with_(schema="b")) as other:
        await store.begin(start())
        assert ([run.id for run in await store.runs()], await other.runs()) == (["run-1"], [])
    assert where.one("SELECT count(*) FROM run") == 0
    assert where.one("SELECT count(*) FROM rebut.run") == 1
    with pytest.raises(InputError, match="a store's schema has a name of a-z"):
        Store.open(where.with_(schema="a;b"))


async def test_every_text_comes_back(store: Store, where: OnServer, start: Start) -> None:
    texts = [
        "a\x00b",
        "\x00",
        "\ufdd0",
        "\ufdd00",
        "\x00\ufdd0\ufdd1",
        "\\x00 \\u0000 %s %(a)s :a",
        "🦊" * 9,
        "",
    ]
    journal = await store.begin(replace(start(), input={"question": "\x00", "n": 2**53, "text": texts}))
    for number, said in enumerate(texts):
        site = CallSite(path=f"a/{number}", node="a\x00", visit=2**40, agent="ada\ufdd0", role="%s")
        response = Response(completions=(Completion(text=said),), usage=Usage(calls=1))
        request = Request(model="m", messages=(Message("user", f"{said}?"),))
        await journal.record(site, request, Outcome(response=response, attempts=2**33))
    journal.event(NodeFinished(run="run-1", seq=2**33, node="a", visit=1, wrote={"said": texts}))
    await store.finish("run-1", status="finished", answer=texts, detail="\x00")
    assert [call.request.messages[0].content for call in await store.calls("run-1")] == [
        f"{text}?" for text in texts
    ]
    site = (await store.calls("run-1"))[0].site
    assert (site.node, site.agent, site.visit) == ("a\x00", "ada\ufdd0", 2**40)
    info = await store.run("run-1")
    assert (info.start.input["text"], info.result.answer, info.result.detail) == (texts, texts, "\x00")
    assert [said.text for said in await store.said("run-1")] == texts
    assert (await store.talks(["run-1"], 1))["run-1"][0].said[0].text == "a"
    assert where.one("SELECT at FROM step") == 0.0
    with pytest.raises(StoreError, match="surrogates not allowed"):
        request = Request(model="m", messages=())
        await journal.record(replace(site, path="b"), request, Outcome(error="x", message="\ud800"))


async def test_a_large_text_and_a_path_too_long_for_an_index(
    store: Store, start: Start, record: Record
) -> None:
    journals = [await store.begin(start(f"run-{n}")) for n in range(2)]
    huge = "gr\u00f6\u00dfer " * 1_000_000
    wrong = "".join(f"{n:x}" for n in range(3_000))
    done = await asyncio.gather(
        record(journals[0], wrong), record(journals[1], "a/1", huge), return_exceptions=True
    )
    assert isinstance(done[0], StoreError) and "index row " in str(done[0])
    assert done[1] is None
    assert (await store.said("run-1"))[0].text == huge


async def test_ids_are_sorted_byte_by_byte_though_the_database_sorts_as_people_do(
    store: Store, where: OnServer, start: Start
) -> None:
    ids = ["a.1", "B.1", "A.1", "ä.1", "a.10", "a.2", "a-1", "a.\U0010ffff", "a/1", "_1"]
    for number, run in enumerate(ids):
        await store.begin(start(run, started=float(number)))
    assert [info.id for info in await store.runs_of("a")] == ["a.1", "a.10", "a.2", "a.\U0010ffff"]
    assert [row[0] for row in where.rows("SELECT id FROM run ORDER BY id")] == sorted(ids)
    assert where.rows("SELECT 'a' < 'B'") == [(True,)], "else the server sorts bytes, and this shows nothing"
    for other in ("seqscan", "bitmapscan"):
        where.rows(f"ALTER DATABASE {where.database} SET enable_{other} = off")
    plan = where.rows("EXPLAIN SELECT * FROM run WHERE id >= 'a.' AND id < 'a/' ORDER BY id")
    assert "run_pkey" in str(plan) and "Sort" not in str(plan)


async def test_writers_that_wait_for_each_other_in_a_ring_both_go_on(where: OnServer, start: Start) -> None:
    met = threading.Barrier(2)
    tried: list[str] = []

    def deed(first: str, second: str) -> Callable[[Connection], None]:
        def write(connection: Connection) -> None:
            tried.append(first)
            store._writer.inserts.contents(connection, [(first, first)])
            if tried.count(first) == 1:
                met.wait(20)
            store._writer.inserts.contents(connection, [(second, second)])

        return write

    async with Store.open(where.url) as store, Store.open(where.url) as other:
        await asyncio.gather(
            store._writer.submit(before=deed("x", "y")), other._writer.submit(before=deed("y", "x"))
        )
    assert where.rows("SELECT hash FROM content ORDER BY hash") == [("x",), ("y",)]
    assert len(tried) == 3, "the server ended one of the two, which was done again"


async def test_of_two_that_begin_one_run_at_once_one_begins_it(where: OnServer, start: Start) -> None:
    stores = [Store.open(where.url) for _ in range(4)]
    for number in range(5):
        run = start(f"run-{number}")
        done = await asyncio.gather(*(store.begin(run) for store in stores), return_exceptions=True)
        assert sum(isinstance(one, InputError) for one in done) == 3
    for store in stores:
        await store.close()


async def test_an_event_goes_into_the_views(store: Store, where: OnServer, start: Start) -> None:
    journal = await store.begin(start())
    wrote = {
        "best": [{"answer": "4\x00", "score": 0.5}, {"answer": "5", "score": None}, {"score": "good"}, 3],
        "said": "x",
    }
    journal.event(NodeStarted(run="run-1", seq=0, node="g", visit=1, does="score"))
    journal.event(NodeFinished(run="run-1", seq=1, t=2.0, node="g", visit=1, wrote=wrote))
    await store.finish("run-1", status="finished")
    assert where.rows("SELECT * FROM score") == [("run-1", "g", 1, 0, "4\ufffd", 0.5)]
    (score,) = await store.first_scores()
    assert (score.node, score.score) == ("g", 0.5)
    assert await store.first_scores("other") == []


def _opened(cluster: Cluster, name: str, **options: str) -> Store:
    cluster.create(name)
    return Store.open(cluster.url(name, **options))
