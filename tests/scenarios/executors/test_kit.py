"""What crosses to workers and back arrives as it was."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import rebut
from rebut.errors import BudgetSpent, InputError, ModelBusy, QuorumMissed, RebutError, Unparsed
from rebut.graphs.result import Result
from rebut.memory.store import Store
from rebut.records import Usage
from rebut.scenarios.executors import Made
from rebut.scenarios.executors.kit import Failure, Reply, address_of, is_file, kit_of, packed
from rebut.scenarios.runner import Runner
from rebut.settings import Settings

from ..adder import Adder, scenario

Open = Callable[[Adder], rebut.Runtime]

ERRORS = [
    InputError("no such thing"),
    ModelBusy("later", model="m", status=429, retry_after=2.0),
    Unparsed("42", "not a number"),
    BudgetSpent("calls", 3),
    QuorumMissed("vote", stood=1, quorum=2, of=3),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_every_error_arrives_whole(error: RebutError) -> None:
    error.run = "sums.a"
    arrived = pickle.loads(pickle.dumps(Reply.of(Made(failure=error)))).told().failure
    assert type(arrived) is type(error) and str(arrived) == str(error)
    assert vars(arrived) == vars(error)


def test_an_error_of_the_worker_itself_is_raised() -> None:
    reply = Reply(failure=Failure.of(InputError("no store")), broken=True)
    with pytest.raises(InputError, match="no store"):
        pickle.loads(pickle.dumps(reply)).told()


def test_settings_arrive_whole() -> None:
    settings = Settings(model="openai/x", concurrency={"*": 3}, prices={"openai/x": (1e-6, 2e-6)})
    assert Settings(**pickle.loads(pickle.dumps(packed(settings)))) == settings


def test_what_a_model_takes_in_a_minute_is_shared_among_workers() -> None:
    settings = Settings(rates={"openai/x": (10, 1000), "*": (None, 9)})
    assert packed(settings, 3)["rates"] == {"openai/x": (3, 333), "*": (None, 3)}
    with pytest.raises(InputError, match="'openai/x' a minute is too small to be shared by 11 workers"):
        packed(settings, 11)


def test_a_kit_and_a_result_can_be_sent(runtime: Open) -> None:
    opened = runtime(Adder())
    kit = kit_of("sums", opened, Runner(scenario(), opened).entrants, threads=2)
    arrived = pickle.loads(pickle.dumps(kit))
    assert arrived == kit and list(arrived.workflows) == ["solve", "vote"]
    result = Result(answer="4", stop_reason="answered", usage=Usage(calls=2), seconds=1.5)
    sent = Reply.of(Made(result=replace(result, state={"none": lambda: "of this can be pickled"})))
    assert pickle.loads(pickle.dumps(sent)).told() == Made(result=result)


async def test_the_address_of_a_store_is_the_same_from_any_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert address_of(rebut.Runtime("s.db")) == str(tmp_path / "s.db")
    url = address_of(rebut.Runtime("sqlite:///s.db?durability=full"))
    assert url == f"sqlite:///{tmp_path}/s.db?durability=full"
    async with Store.open("s.db") as store:
        assert address_of(rebut.Runtime(store)) == str(tmp_path / "s.db")
    server = "postgresql://me:secret@db/runs"
    assert address_of(rebut.Runtime(server)) == server and not is_file(server)
    assert is_file(url) and is_file(str(tmp_path / "s.db"))


def test_without_a_store_workers_share_nothing() -> None:
    with pytest.raises(InputError, match=r"give one \(--store PATH\)"):
        address_of(rebut.Runtime("none"))
