from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from pathlib import Path

import orjson
import pytest

from rebut.errors import InputError, JournalDrift
from rebut.events import NodeFinished, NodeStarted
from rebut.memory import cassette
from rebut.memory.cassette import Cassette, CassetteJournal
from rebut.memory.store import Store
from rebut.memory.values import RecordedCall, RunResult, RunStart
from rebut.models.wire import Completion
from rebut.records import Usage

Start = Callable[..., RunStart]
Called = Callable[..., RecordedCall]
Record = Callable[..., Coroutine[None, None, None]]


async def test_export_import_export_gives_the_same_bytes(
    store: Store, tmp_path: Path, start: Start, record: Record
) -> None:
    await _a_run(store, start(), record)
    first, second = tmp_path / "a.jsonl", tmp_path / "deep" / "b.jsonl"
    await store.export("run-1", first)
    async with Store.open(tmp_path / "other.db") as other:
        assert await other.import_(first) == "run-1"
        await other.export("run-1", second)
        assert await other.calls("run-1") == await store.calls("run-1")
        assert await other.run("run-1") == await store.run("run-1")
        assert await other.said("run-1") == await store.said("run-1")
    assert first.read_bytes() == second.read_bytes()


async def test_a_run_is_imported_once(store: Store, tmp_path: Path, start: Start, record: Record) -> None:
    await _a_run(store, start(), record)
    await store.export("run-1", tmp_path / "a.jsonl")
    with pytest.raises(InputError, match=r"run 'run-1' is in store .* already"):
        await store.import_(tmp_path / "a.jsonl")


async def test_an_interrupted_run_can_be_carried_elsewhere_and_resumed_there(
    store: Store, tmp_path: Path, start: Start, called: Called, record: Record
) -> None:
    journal = await store.begin(start())
    await record(journal, "a/1")
    await store.export("run-1", tmp_path / "a.jsonl")
    async with Store.open(tmp_path / "other.db") as other:
        await other.import_(tmp_path / "a.jsonl")
        assert (await other.run("run-1")).status == "interrupted"
        began, resumed = await other.reopen("run-1")
        call = called("a/1")
        assert began == start()
        assert await resumed.recall(call.site, call.request) is not None
        assert not resumed.recalling


async def test_a_cassette_replays_without_a_store(tmp_path: Path, start: Start, called: Called) -> None:
    calls = (called("b/1", seq=1), called("a/1", seq=4))
    path = tmp_path / "a.jsonl"
    cassette.write(path, _cassette(start(), calls))
    journal = CassetteJournal(path)
    outcomes = await asyncio.gather(*(journal.recall(call.site, call.request) for call in reversed(calls)))
    assert outcomes == [call.outcome for call in reversed(calls)]
    assert journal.recalling and journal.left == 0


async def test_a_replay_makes_no_call(start: Start, called: Called) -> None:
    call = called("a/1")
    journal = CassetteJournal(_cassette(start()), drift_after=0.05)
    with pytest.raises(JournalDrift, match="call 'a/1' was made during a replay, which makes none"):
        await journal.record(call.site, call.request, call.outcome)
    with pytest.raises(JournalDrift, match="the journal ends before 'a/1'"):
        await journal.recall(call.site, call.request)


async def test_an_outcome_that_nobody_got_is_not_replayed(start: Start, called: Called) -> None:
    from dataclasses import replace

    lost, call = replace(called("lost"), used=False), called("a", seq=2)
    journal = CassetteJournal(_cassette(start(), (lost, call)))
    waiting = asyncio.create_task(journal.recall(lost.site, lost.request))
    assert await journal.recall(call.site, call.request) == call.outcome
    await asyncio.sleep(0.01)
    assert not waiting.done()
    waiting.cancel()
    await asyncio.wait([waiting])


def test_events_of_a_replay_are_compared_with_the_recorded_ones(start: Start) -> None:
    events = [NodeStarted(run="run-1", seq=n, node="a", visit=1) for n in range(2)]
    recorded = _cassette(start(), events=tuple(event.as_json() for event in events))
    journal = CassetteJournal(recorded)
    journal.event(events[0])
    journal.event(NodeFinished(run="run-1", seq=1, node="a", visit=1, wrote={}))
    difference = journal.difference()
    assert difference is not None
    assert '-{"kind":"node.started","run":"run-1","seq":1,' in difference
    assert '+{"kind":"node.finished","run":"run-1","seq":1,' in difference
    journal = CassetteJournal(recorded)
    for event in events:
        journal.event(event)
    assert journal.difference() is None


def test_a_cassette_comes_back_as_it_was_written(tmp_path: Path, start: Start, called: Called) -> None:
    from dataclasses import replace

    odd = called("a/1", "line\nbreak\r\u2028 and \x00 zero")
    failed = replace(called("a/2", "gone", error="ModelBusy", seq=2), used=False, wall=5.5)
    response = odd.outcome.response
    assert response is not None
    odd = replace(
        odd, outcome=replace(odd.outcome, response=replace(response, completions=(Completion(text=""),)))
    )
    written = _cassette(start(), (odd, failed), (NodeStarted(node="a", visit=1, seq=0).as_json(),))
    cassette.write(tmp_path / "a.jsonl", written)
    assert cassette.read(tmp_path / "a.jsonl") == written


def test_a_private_cassette_stays_private(tmp_path: Path, start: Start) -> None:
    new, old = tmp_path / "new.jsonl", tmp_path / "old.jsonl"
    old.touch(0o600)
    before = os.umask(0o027)
    try:
        for path in (new, old):
            cassette.write(path, _cassette(start()))
    finally:
        os.umask(before)
    assert [path.stat().st_mode & 0o777 for path in (new, old)] == [0o640, 0o600]


def test_a_file_that_cannot_be_replaced_is_left_alone(tmp_path: Path, start: Start) -> None:
    (tmp_path / "a.jsonl").mkdir()
    with pytest.raises(InputError, match=r"cannot write .*a.jsonl: Is a directory"):
        cassette.write(tmp_path / "a.jsonl", _cassette(start()))
    assert [p.name for p in tmp_path.iterdir()] == ["a.jsonl"]


@pytest.mark.parametrize(
    ("number", "line", "said"),
    [
        (1, "", ":1: not JSON"),
        (1, "[1]", ":1: expected an object, found list"),
        (1, '{"a":1}', r':1: not a rebut journal: its first line has no "rebut_journal"'),
        (1, '{"rebut_journal":2}', ":1: journal format 2 is not known here .known: 1.: upgrade rebut"),
        (1, '{"rebut_journal":1,"version":"1"}', ":1: the header does not fit: run: field required"),
        (2, '{"path":"a/1"}', ":2: the call does not fit: seq: field required"),
        (2, '{"seq":1', ":2: not JSON"),
        (3, None, ":3: call number 1 comes after number 1"),
        (3, '{"kind":"node.flown"}', r":3: neither a call nor a known event \(kind: 'node.flown'\)"),
        (3, '{"kind":"node.started","seq":0}', ":3: the event does not fit: .*missing"),
        (3, '{"kind":"node.started","seq":-1,"node":"a","visit":1}', ":3: event number -1 comes after"),
        (3, '{"kind":"node.started","node":"a","visit":1}', ":3: event number None comes after"),
        (3, "\xff\xfe", ":3: not JSON"),
    ],
)
def test_a_wrong_line_is_named(
    tmp_path: Path, start: Start, called: Called, number: int, line: str | None, said: str
) -> None:
    path = tmp_path / "a.jsonl"
    cassette.write(path, _cassette(start(), (called("a/1"),)))
    lines = path.read_bytes().splitlines()
    lines[number - 1 : number] = [lines[1] if line is None else line.encode("latin-1")]
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(InputError, match=f"a.jsonl{said}"):
        cassette.read(path)


@pytest.mark.parametrize(
    ("key", "value"),
    [("run", 5), ("input", "x"), ("seed", "x"), ("more", 1), ("result", None), ("result", {"status": "odd"})],
)
def test_a_header_of_wrong_types_is_refused(tmp_path: Path, start: Start, key: str, value: object) -> None:
    path = tmp_path / "a.jsonl"
    cassette.write(path, _cassette(start()))
    head = orjson.loads(path.read_bytes())
    path.write_bytes(orjson.dumps(head | {key: value}))
    with pytest.raises(InputError, match=r"a\.jsonl:1: the header does not fit"):
        cassette.read(path)


@pytest.mark.parametrize(
    ("key", "value"), [("seq", "1"), ("at", None), ("agent", 7), ("request", {"model": 1})]
)
def test_a_call_of_wrong_types_is_refused(
    tmp_path: Path, start: Start, called: Called, key: str, value: object
) -> None:
    path = tmp_path / "a.jsonl"
    cassette.write(path, _cassette(start(), (called("a/1"),)))
    head, line = path.read_bytes().splitlines()
    path.write_bytes(head + b"\n" + orjson.dumps(orjson.loads(line) | {key: value}))
    with pytest.raises(InputError, match=r"a\.jsonl:2: the call does not fit"):
        cassette.read(path)


def test_a_call_that_comes_twice_is_refused(tmp_path: Path, start: Start, called: Called) -> None:
    path = tmp_path / "a.jsonl"
    cassette.write(path, _cassette(start(), (called("a/1"), called("a/1", seq=2))))
    with pytest.raises(InputError, match=r"a\.jsonl:3: call 'a/1' comes twice"):
        cassette.read(path)


def test_an_empty_or_absent_file_is_no_journal(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    with pytest.raises(InputError, match="empty is empty: not a rebut journal"):
        cassette.read(tmp_path / "empty")
    with pytest.raises(InputError, match=r"cannot read .*absent: No such file"):
        CassetteJournal(tmp_path / "absent")


async def _a_run(store: Store, start: RunStart, record: Record) -> None:
    journal = await store.begin(start)
    journal.event(NodeStarted(run=start.run, seq=0, node="a", visit=1))
    await record(journal, "a/1", "Größe 🦊\n\x00")
    await record(journal, "a/2", "no luck", error="ModelBusy")
    journal.event(NodeFinished(run=start.run, seq=1, t=1.5, node="a", visit=1, wrote={"said": [1, None]}))
    await store.finish(
        start.run, status="finished", answer=["yes"], stop_reason="answered", usage=Usage(calls=2)
    )


def _cassette(
    start: RunStart, calls: tuple[RecordedCall, ...] = (), events: tuple[bytes, ...] = ()
) -> Cassette:
    return Cassette(start=start, result=RunResult(status="finished"), calls=calls, events=events, version="1")
