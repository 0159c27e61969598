"""The line about a scenario under way."""

from __future__ import annotations

from typing import Any

import pytest

from rebut.cli.progress import Progress
from rebut.records import Usage
from rebut.scenarios.loader import loads
from rebut.scenarios.runner import Report
from rebut.scenarios.trials import Trial

SPEC = loads(
    "name: sums\ndata: {generate: arithmetic, n: 8}\nkind: number\n"
    "workflows: {solve: solve, vote: self-consistency}\nmodels: scripted/x\n"
)


def a_trial(**more: Any) -> Trial:
    about: dict[str, Any] = {
        "item": "a",
        "group": "a",
        "label": "solve",
        "seed": 0,
        "run": "r",
        "gold": ("1",),
    }
    return Trial(**(about | more))


class Watch:
    """A scenario of 16 trials, of which a new one is told now and then."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.now, self._capsys = 1000.0, capsys
        monkeypatch.setattr("rebut.cli.progress.time.monotonic", lambda: self.now)
        self.report = Report(SPEC, ("solve", "vote"), wanted=16)
        self.progress = Progress(quiet=False)

    def line(self, after: float, label: str = "solve", seconds: float = 2.0, **more: Any) -> str:
        """What is said when a trial ends so many seconds after the one before."""
        self.now += after
        trial = a_trial(label=label, seconds=seconds, usage=Usage(usd=0.001), **more)
        self.report.trials.append(trial)
        self.progress.see(self.report, trial)
        return self._capsys.readouterr().err.strip()


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Watch:
    return Watch(monkeypatch, capsys)


def test_what_is_right_is_told_with_its_interval_and_price(watch: Watch) -> None:
    assert watch.line(300, right=True) == "sums: 1 of 16, 100% right (21% to 100%), $0.0010"
    assert watch.line(6).startswith("sums: 2 of 16, 50% right (9% to 91%), $0.0020")


def test_the_rate_leaves_out_the_wait_for_the_model_and_is_told_when_there_is_one(watch: Watch) -> None:
    assert "minute" not in watch.line(300) and "minute" not in watch.line(6)
    assert "10.0 a minute, 1m18s to go" in watch.line(6)


def test_time_left_looks_at_who_has_trials_left(watch: Watch) -> None:
    for _ in range(5):
        watch.line(6, "solve", 2.0)
    line = watch.line(
        6, "vote", 8.0
    )  # 3 of solve at 2 s and 7 of vote at 8 s are left; 3 s is the mean so far
    assert "10.0 a minute, 2m04s to go, slowest vote (8.0s each)" in line


def test_nobody_is_slow_while_some_are_not_known(watch: Watch) -> None:
    assert not any("slowest" in watch.line(6) for _ in range(4))


def test_those_of_an_earlier_sitting_are_told_and_no_part_of_the_rate(
    watch: Watch, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = [a_trial(kept=True) for _ in range(8)]
    watch.report.trials.extend(kept)
    watch.progress.see(watch.report, None)
    assert "8 of 16 were made before" in capsys.readouterr().err
    for _ in range(2):
        watch.line(6, "vote", 8.0)
    assert "11 of 16" in (line := watch.line(6, "vote", 8.0)) and "10.0 a minute, 30.0s to go" in line


def test_the_last_line_has_nothing_to_go(watch: Watch) -> None:
    for _ in range(15):
        watch.line(0.5)
    assert "to go" not in (line := watch.line(0.5)) and "16 of 16" in line
