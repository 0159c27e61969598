"""The benchmark of shared prompts: what it counts, and how it asks."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from rebut.models.scripted import ScriptedBackend
from rebut.models.wire import Message, Request, Response, Sink

FOLDER = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def prefix(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The module, imported as the script imports its own."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return import_module("prefix")


def row(prefix: Any, order: str, *calls: tuple[str, int, int]) -> Any:
    made = tuple(prefix.Call(node, 1, prompt, cached) for node, prompt, cached in calls)
    return prefix.Row("local/m", "society", order, made, 1.5)


def test_the_first_reading_of_each_fan_out_is_left_out_of_the_warm_share(prefix: Any) -> None:
    found = row(prefix, "as it is", ("a", 100, 0), ("a", 100, 90), ("b", 200, 0), ("b", 200, 150))
    assert (found.prompt, found.computed) == (600, 360)
    assert found.warm == pytest.approx(240 / 300)
    assert row(prefix, "as it is", ("a", 100, 0)).warm is None


def test_the_table_compares_with_the_naive_order(prefix: Any) -> None:
    rows = [row(prefix, "naive", ("a", 300, 0), ("a", 300, 0)), row(prefix, "as it is", ("a", 200, 0))]
    lines = prefix.table(rows).splitlines()
    assert [line.split("|")[-3].strip() for line in lines[2:]] == ["1.0", "3.0"]


class Heard(ScriptedBackend):
    """Keeps what it is asked."""

    async def complete(self, request: Request, sink: Sink | None = None) -> Response:
        self.asked = [*getattr(self, "asked", []), request.messages[0].content]
        return await super().complete(request, sink)


async def test_only_the_naive_order_puts_words_of_its_own_first(prefix: Any, tmp_path: Path) -> None:
    script = tmp_path / "s.yaml"
    script.write_text("rules: [{say: hm}]")
    request = Request(model=f"scripted/{script}", messages=(Message("system", "Be brief."),))
    for order, wanted in ((prefix.ORDERS[0], ["Request 1.\nBe brief.", "Request 2.\nBe brief."]),
                          (prefix.ORDERS[1], ["Be brief.", "Be brief."])):  # fmt: skip
        backend = Heard()
        asked = prefix.Asked(backend, order)
        for _ in range(2):
            await asked.complete(request)
        assert backend.asked == wanted
        assert not asked.capabilities(request.model).n
