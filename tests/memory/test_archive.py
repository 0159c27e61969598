"""Many runs in one file, and back into stores of both kinds."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebut.errors import InputError
from rebut.memory import archive
from rebut.memory.archive import Taken
from rebut.memory.cassette import CassetteJournal
from rebut.memory.choosing import Choice
from rebut.memory.dialect import address
from rebut.memory.store import Store
from rebut.memory.values import RecordedCall, RunStart
from rebut.testing.databases import Database

Start = Callable[..., RunStart]
Called = Callable[..., RecordedCall]


def exported(url: str | Path, choice: Choice | None = None) -> bytes:
    out = io.BytesIO()
    archive.export(address(url), out, choice or Choice())
    return out.getvalue()


def imported(url: str | Path, body: bytes) -> Taken:
    return archive.import_(address(url), io.BytesIO(body), "x.jsonl")


async def fill(store: Store, start: Start, called: Called, runs: int = 3) -> None:
    """Runs that share texts: one finished, one failed, one that goes on; the last is a fork of the first."""
    for number in range(runs):
        run = start(f"run-{number}", started=1000.0 + number)
        journal = await store.begin(run)
        for place in range(3):
            call = called(f"solve/{place}", f"shared {place} \u2603\x00", asked="the same question")
            await journal.record(call.site, call.request, call.outcome)
        if number < 2:
            status = ("finished", "failed")[number]
            await store.finish(run.run, status=status, answer={"a": [1, None]}, detail="é", seconds=1.5)  # type: ignore[arg-type]


async def test_what_is_exported_imported_and_exported_is_the_same(
    where: Database, store: Store, start: Start, called: Called, tmp_path: Path
) -> None:
    await fill(store, start, called)
    await store.close()
    first = exported(where.url)
    other = tmp_path / "other.db"
    assert imported(other, first) == Taken(new=3, calls=9)
    assert exported(other) == first
    assert imported(where.url, first).same == 3
    async with Store.open(where.url) as one, Store.open(other) as two:
        for run in ("run-0", "run-1", "run-2"):
            assert await one.calls(run) == await two.calls(run)
            assert await one.said(run) == await two.said(run)
            assert await one.cassette(run) == await two.cassette(run)


async def test_what_was_exported_elsewhere_comes_into_any_kind_of_store(
    where: Database, start: Start, called: Called, tmp_path: Path
) -> None:
    async with Store.open(tmp_path / "other.db") as store:
        await fill(store, start, called)
    first = exported(tmp_path / "other.db")
    assert imported(where.url, first).new == 3
    assert imported(where.url, first).same == 3
    assert exported(where.url) == first


async def test_an_imported_run_replays_and_resumes(
    store: Store, path: Path, where: Database, start: Start, called: Called
) -> None:
    await fill(store, start, called)
    await store.close()
    other = path.with_name("other.db")
    imported(other, exported(where.url))
    async with Store.open(other) as taken:
        assert (await taken.run("run-2")).status == "interrupted"
        _, journal = await taken.reopen("run-2")
        recorded = await taken.calls("run-2")
        for call in recorded:
            assert await journal.recall(call.site, call.request) == call.outcome
        more = called("solve/9", "new")
        await journal.record(more.site, more.request, more.outcome)
        await taken.finish("run-2", status="finished")
        assert len(await taken.calls("run-2")) == 4
        replay = CassetteJournal(await taken.cassette("run-0"))
        assert await replay.recall(recorded[0].site, recorded[0].request) == recorded[0].outcome


async def test_a_run_that_differs_is_named_and_left_as_it_is(
    path: Path, start: Start, called: Called, tmp_path: Path
) -> None:
    async with Store.open(path) as store:
        await fill(store, start, called)
    body = exported(path)
    other = body.replace(b'"detail":"\xc3\xa9"', b'"detail":"e"', 1)
    assert other != body
    taken = imported(path, other)
    assert (taken.new, taken.same, taken.differing) == (0, 2, ["run-0"])
    assert exported(path) == body


async def test_a_run_under_way_is_exported_as_interrupted_and_not_overwritten(
    path: Path, start: Start, called: Called
) -> None:
    async with Store.open(path) as store:
        await fill(store, start, called)
        out = io.BytesIO()
        assert archive.export(address(path), out, Choice()).alive == 1
        assert out.getvalue().count(b'"status":"running"') == 0
        assert imported(path, out.getvalue()).differing == ["run-2"]
    assert imported(path, out.getvalue()).same == 3


async def test_runs_are_chosen_by_id_state_scenario_and_date(
    where: Database, store: Store, start: Start
) -> None:
    for number, run in enumerate(("261121-a", "261121-b", "sums.x", "sums-2.y")):
        await store.begin(start(run, started=100.0 * number))
        await store.finish(run, status="failed" if number == 1 else "finished")
    runs = {
        Choice(): 4,
        Choice(runs=("261121-a", "sums.")): 2,
        Choice(scenario="sums"): 1,
        Choice(scenario="sum"): 0,
        Choice(statuses=frozenset({"failed"})): 1,
        Choice(since=100.0): 3,
        Choice(since=100.0, until=300.0): 2,
        Choice(runs=("261121-a",), statuses=frozenset({"failed"})): 0,
    }
    for choice, count in runs.items():
        body = exported(where.url, choice)
        assert body.count(b'{"rebut_journal"') == count, choice
        assert body.endswith(b'{"rebut_store_end":%d}\n' % count)
    with pytest.raises(InputError, match="no run 'nosuch'"):
        exported(where.url, Choice(runs=("nosuch",)))
    with pytest.raises(InputError, match="not the only one"):
        exported(where.url, Choice(runs=("261121-",)))


HEAD = b'{"rebut_store":1}\n'
DAMAGED = {
    "empty": (b"", "x.jsonl is empty: not an export of a store"),
    "foreign": (b'{"a":1}\n', "x.jsonl:1: not an export of a store"),
    "not JSON": (b"PK\x03\x04\n", "x.jsonl:1: not an export of a store"),
    "one run": (
        b'{"rebut_journal":1}\n',
        "holds one run, not a store: take it in with: rebut import x.jsonl",
    ),
    "newer": (
        b'{"rebut_store":2}\n',
        "x.jsonl:1: store format 2 is not known here (known: 1): upgrade rebut",
    ),
    "no end": (HEAD, "x.jsonl: the file is cut off in its end after 0 whole runs"),
    "junk": (HEAD + b'{"x":1}\n{"rebut_store_end":1}\n', "x.jsonl:2: not a rebut journal"),
    "half a line": (HEAD + b'{"rebut_jour\n{"rebut_store_end":1}\n', "x.jsonl:2: not JSON"),
    "newer run": (
        HEAD + b'{"rebut_journal":9}\n{"rebut_store_end":1}\n',
        "x.jsonl:2: journal format 9 is not",
    ),
    "wrong count": (HEAD + b'{"rebut_store_end":7}\n', "x.jsonl:2: the file says that it has 7 runs, 0 were"),
    "goes on": (HEAD + b'{"rebut_store_end":0}\n{}\n', "x.jsonl:3: the file goes on after its end"),
}


@pytest.mark.parametrize(("body", "message"), DAMAGED.values(), ids=DAMAGED.keys())
def test_a_file_that_is_no_export_is_refused_with_its_line(body: bytes, message: str, path: Path) -> None:
    with pytest.raises(InputError) as refused:
        imported(path, body)
    assert message in str(refused.value)
    assert not path.exists() or exported(path) == HEAD + b'{"rebut_store_end":0}\n'


async def test_a_damaged_run_is_not_taken_in_and_those_before_it_are(
    path: Path, start: Start, called: Called, tmp_path: Path
) -> None:
    async with Store.open(path) as store:
        await fill(store, start, called)
    lines = exported(path).splitlines(keepends=True)
    second = next(n for n, line in enumerate(lines) if line.startswith(b'{"rebut_journal"') and n > 1)
    lines[second + 2] = lines[second + 2].replace(b'"seq":2', b'"seq":"2"')
    with pytest.raises(InputError, match=f"x.jsonl:{second + 3}: the call does not fit"):
        imported(tmp_path / "other.db", b"".join(lines))
    async with Store.open(tmp_path / "other.db") as other:
        assert [info.id for info in await other.runs()] == ["run-0"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """An export of three runs without calls."""
    import asyncio

    path = tmp_path_factory.mktemp("whole") / "s.db"

    async def made() -> None:
        async with Store.open(path) as store:
            for number in range(3):
                await store.begin(RunStart(run=f"run-{number}", workflow="w", started=float(number)))
                await store.finish(f"run-{number}", status="finished")

    asyncio.run(made())
    return exported(path)


@given(data=st.data())
def test_a_file_cut_off_anywhere_is_refused(
    data: st.DataObject, whole: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    cut = data.draw(st.integers(0, len(whole) - 2))
    with pytest.raises(InputError):
        for _ in archive._runs(io.BytesIO(whole[:cut]), "x"):
            pass
