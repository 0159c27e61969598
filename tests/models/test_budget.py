"""Budgets: reserved before use, nested, never passed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from rebut.errors import BudgetSpent, InputError
from rebut.models.budget import Budget, Limits, Reservation
from rebut.records import Usage


@pytest.mark.parametrize(
    ("text", "limits"),
    [
        ("10", Limits(calls=10)),
        ("$0.5", Limits(usd=0.5)),
        ("calls=10,tokens=20k,usd=0.5,seconds=60", Limits(10, 20_000, 0.5, 60.0)),
        ("tokens=1.5M", Limits(tokens=1_500_000)),
        (" calls = 3 , seconds = 2m ", Limits(calls=3, seconds=120.0)),
        ("seconds=1.5h,usd=$2", Limits(usd=2.0, seconds=5400.0)),
        ("calls=0", Limits(calls=0)),
    ],
)
def test_limits_are_read_as_users_write_them(text: str, limits: Limits) -> None:
    assert Limits.parse(text) == limits


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("call=10", "did you mean 'calls'"),
        ("", "empty budget"),
        ("calls=1,calls=2", "given twice"),
        ("calls=1.5", "not a whole number"),
        ("calls=-1", "cannot read"),
        ("tokens=20q", "units: k, M, m"),
        ("seconds=soon", "cannot read"),
        ("usd=", "cannot read"),
        ("calls=nan", "cannot read"),
        ("=5", "unknown budget ''"),
    ],
)
def test_unreadable_limits_say_what_is_possible(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        Limits.parse(text)


def test_a_negative_limit_is_the_callers_mistake() -> None:
    with pytest.raises(InputError, match="cannot be calls=-1"):
        Limits(calls=-1)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        limits = Limits.parse(text)
    except InputError:
        return
    assert limits.any


def test_a_reservation_counts_in_all_parents() -> None:
    run = Budget(Limits(calls=3))
    node = Budget(Limits(calls=2), run, "node weigh")
    held = node.reserve(calls=2)
    assert (run.used_calls, node.used_calls) == (2, 2)
    held.settle(Usage(calls=2, prompt=5, completion=1))
    assert run.spent == node.spent == Usage(calls=2, prompt=5, completion=1)


def test_a_refused_reservation_holds_nothing_anywhere() -> None:
    run = Budget(Limits(tokens=100))
    node = Budget(Limits(calls=5), run, "node solve")
    with pytest.raises(BudgetSpent) as spent:
        node.reserve(calls=1, prompt_tokens=60, completion_tokens=41)
    assert (spent.value.resource, spent.value.limit, spent.value.scope) == ("tokens", 100, "run")
    assert node.used_calls == run.used_calls == run.used_tokens == 0


def test_release_gives_all_back_and_only_once() -> None:
    budget = Budget(Limits(calls=1, usd=0.1))
    held = budget.reserve(usd=0.1)
    held.release()
    held.release()
    held.settle(Usage(calls=1))
    assert budget.room() == Limits(calls=1, usd=0.1)


def test_a_call_of_unknown_price_keeps_what_was_held_and_wipes_out_nothing() -> None:
    run = Budget(Limits(usd=1.0))
    node = Budget(Limits(usd=0.9), run)
    node.reserve(usd=0.4).settle(Usage(calls=1, usd=0.4))
    node.reserve(usd=0.25).settle(Usage(calls=1, usd=None))
    assert run.used_usd == node.used_usd == pytest.approx(0.65)
    assert run.spent.usd is None, "what was spent is not known"
    with pytest.raises(BudgetSpent):
        node.reserve(usd=0.3)


def test_room_is_the_least_of_the_chain() -> None:
    run = Budget(Limits(calls=10, usd=1.0))
    node = Budget(Limits(calls=20, tokens=50), run)
    node.reserve(calls=4, prompt_tokens=20, usd=0.25)
    assert node.room() == Limits(calls=6, tokens=30, usd=0.75)
    assert node.grant(100) == 6
    assert Budget().grant(100) == 100


def test_time_is_the_runs_clock() -> None:
    now = [5.0]
    run = Budget(Limits(seconds=60), clock=lambda: now[0])
    node = Budget(Limits(seconds=10), run, "node solve")
    now[0] = 14.0
    assert node.remaining_seconds() == 1.0
    assert node.remaining_seconds(now=14.5) == 0.5
    assert node.ends_at() == 15.0
    now[0] = 15.0
    with pytest.raises(BudgetSpent, match=r"seconds limit of 10 \(node solve\)"):
        node.reserve()
    assert (node.remaining_seconds(), run.remaining_seconds()) == (0.0, 50.0)


def test_unknown_prices_are_told_apart_from_free_calls() -> None:
    budget = Budget()
    budget.reserve().settle(Usage(calls=1, usd=None))
    assert budget.spent.usd is None


class Interleaved(RuleBasedStateMachine):
    """Reservations of a run and two nodes, settled and released in any order."""

    @initialize(
        calls=st.integers(0, 12), tokens=st.integers(0, 300), usd=st.floats(0, 1), own=st.integers(0, 8)
    )
    def begin(self, calls: int, tokens: int, usd: float, own: int) -> None:
        self.run_budget = Budget(Limits(calls=calls, tokens=tokens, usd=usd))
        self.nodes = [
            Budget(Limits(calls=own), self.run_budget),
            Budget(Limits(tokens=tokens // 2), self.run_budget),
        ]
        self.open: list[tuple[Reservation, int, int, float]] = []

    @rule(node=st.integers(0, 2), n=st.integers(1, 4), tokens=st.integers(0, 90), usd=st.floats(0, 0.4))
    def reserve(self, node: int, n: int, tokens: int, usd: float) -> None:
        budget = [*self.nodes, self.run_budget][node]
        try:
            held = budget.reserve(
                calls=n, prompt_tokens=tokens // 2, completion_tokens=tokens - tokens // 2, usd=usd
            )
        except BudgetSpent:
            return
        self.open.append((held, n, tokens, usd))

    @rule(which=st.integers(0, 50), part=st.floats(0, 1))
    def settle(self, which: int, part: float) -> None:
        if self.open:
            held, n, tokens, usd = self.open.pop(which % len(self.open))
            held.settle(Usage(calls=n, prompt=int(tokens * part), usd=usd * part))

    @rule(which=st.integers(0, 50))
    def release(self, which: int) -> None:
        if self.open:
            self.open.pop(which % len(self.open))[0].release()

    @invariant()
    def no_limit_is_passed(self) -> None:
        for budget in (self.run_budget, *self.nodes) if hasattr(self, "run_budget") else ():
            limits = budget.limits
            assert limits.calls is None or budget.used_calls <= limits.calls
            assert limits.tokens is None or budget.used_tokens <= limits.tokens
            assert limits.usd is None or budget.used_usd <= limits.usd + 1e-8
            assert budget.used_calls >= 0
            assert budget.used_tokens >= 0

    def teardown(self) -> None:
        for held, *_ in getattr(self, "open", ()):
            held.release()
        if hasattr(self, "run_budget"):
            assert self.run_budget.used_calls == self.run_budget.spent.calls
            assert self.run_budget.used_tokens == self.run_budget.spent.tokens


TestInterleaved = Interleaved.TestCase
