"""What is asked of an executor is checked before anything begins."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

import rebut
from rebut.cli.app import app
from rebut.errors import InputError, SettingsError
from rebut.scenarios.executors.choosing import executor_of
from rebut.scenarios.executors.driver import RayExecutor
from rebut.scenarios.executors.local import LocalExecutor
from rebut.scenarios.runner import measure

from ..adder import Adder, scenario

Open = Callable[[Adder], rebut.Runtime]


def test_executors_have_names(runtime: Open) -> None:
    assert isinstance(executor_of("local", runtime(Adder())), LocalExecutor)
    assert isinstance(executor_of("ray", runtime(Adder()), workers=3), RayExecutor)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("rya", {}, "unknown executor 'rya'"),
        ("local", {"workers": 2}, "options of the executor ray"),
        ("local", {"address": "auto"}, "options of the executor ray"),
        ("ray", {"workers": 0}, "at least 1"),
        ("ray", {"address": "ray://head:10001"}, "run the command on a machine of the cluster"),
    ],
)
def test_what_does_not_fit_is_refused(runtime: Open, name: str, options: dict[str, int], words: str) -> None:
    with pytest.raises(InputError, match=words):
        executor_of(name, runtime(Adder()), **options)  # type: ignore[arg-type]


async def test_without_ray_one_sentence_says_what_to_install(
    runtime: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    async with runtime(Adder()) as opened:
        with pytest.raises(SettingsError, match=r"^the executor ray needs Ray: install rebut\[ray\]$"):
            await measure(scenario(), opened, executor=executor_of("ray", opened))


def test_the_command_says_so_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    command = ["scenario", "run", "arithmetic", "-n", "1", "--store", str(tmp_path / "s.db")]
    result = CliRunner().invoke(app, [*command, "--executor", "ray"])
    assert isinstance(result.exception, SettingsError) or "install rebut[ray]" in result.output
