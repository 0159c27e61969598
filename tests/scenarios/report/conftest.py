"""Evidence from a store that a talkative model of sums has filled."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from typing import Any

import pytest

import rebut
from rebut.models.wire import Message, Request, Response, Sink
from rebut.scenarios.report import Evidence, read
from rebut.scenarios.runner import measure

from ..adder import Adder, scenario

HOSTILE = (
    "<script>document.title='owned'</script><img src=x onerror=alert(1)></details></div>"
    "\x1b[31mred\x07 \u202egnp.exe\u202c {{ 7*7 }} &amp; ]]> \u2066"
)


@dataclass
class Talker(Adder):
    """An `Adder` that says more than it must."""

    says: str = HOSTILE

    async def complete(self, request: Request, sink: Sink | None = None) -> Response:
        if " " not in "".join(re.findall(r"\d [-+*] \d", request.messages[-1].content)):
            whole = " ".join(message.content for message in request.messages)
            request = replace(request, messages=(Message("user", whole),))
        response = await super().complete(request, sink)
        said = tuple(replace(c, text=f"{self.says}\n{c.text}") for c in response.completions)
        return replace(response, completions=said)


def errs(request: Request, number: int) -> bool:
    """Wrong now and then, whatever the order."""
    odd = sum(map(ord, request.messages[-1].content)) % 2
    return bool(odd) and (request.seed or 0) % 2 == 0


@pytest.fixture
def gather(runtime: Callable[[Adder], rebut.Runtime]) -> Callable[..., Any]:
    """Measures a scenario with a model, and reads what the store then holds."""

    async def made(model: Adder | None = None, most: int = 20_000, **changes: Any) -> Evidence:
        async with runtime(model or Talker(wrong=errs)) as opened:
            await measure(scenario(**changes), opened)
            return await read(scenario(**changes), opened, most=most)

    return made


class Tree(HTMLParser):
    """What a page is made of: its elements in order, and the text under the ids of some."""

    VOID = frozenset({"meta", "link", "input", "br", "img"})

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.rows: dict[str, list[list[str]]] = {}
        self.texts: list[tuple[str, str]] = []
        self._open: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)
        self.close()
        assert not self._open, f"not closed: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag != "img", "an image came through"
        self.elements.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append((tag, dict(attrs)))
        table = self._table()
        if table and tag == "tr":
            self.rows.setdefault(table, []).append([])
        if table and tag in ("td", "th"):
            self.rows[table][-1].append("")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        inner = self._open[-1][0] if self._open else ""
        self.texts.append((inner, data))
        table = self._table()
        if table and self.rows.get(table) and self.rows[table][-1] and not self._hidden():
            self.rows[table][-1][-1] += data.strip()

    def _table(self) -> str | None:
        return next((a.get("id") for tag, a in reversed(self._open) if tag == "table"), None)

    def _hidden(self) -> bool:
        return any((a.get("class") or "") in ("unseen", "number") for _, a in self._open)

    def having(self, **wanted: str) -> list[dict[str, str | None]]:
        """Attributes of the elements with these; ``kind`` stands for ``class``."""
        keys = {("class" if key == "kind" else key): value for key, value in wanted.items()}
        return [
            a for _, a in self.elements if all(value in (a.get(k) or "").split() for k, value in keys.items())
        ]


@pytest.fixture
def tree() -> type[Tree]:
    return Tree
