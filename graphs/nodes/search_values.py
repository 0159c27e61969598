"""The valuing of a search tree: texts are put to evaluators, carried on before where that is wanted."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from rebut.errors import WorkflowError
from rebut.records import Critique, Sample, Score

from ...agents.continuing import add_to
from ..search.tree import TreeNode
from ..search.views import branch
from .search_units import Searching, begun, joined


@dataclass(frozen=True, slots=True)
class Text:
    """A text to be valued: a node's own (`roll` 0), or as it was carried on by `roll` units."""

    at: TreeNode
    text: str
    roll: int = 0


@dataclass(slots=True)
class Valuing:
    """The evaluators of one search, and what they said of which text: equal texts are valued once."""

    search: Searching
    said: dict[str, dict[str, Score | None]] = field(default_factory=dict)
    carried: dict[int, tuple[str, ...]] = field(default_factory=dict)

    async def value(self, nodes: Sequence[TreeNode]) -> None:
        """Value the nodes that have no value yet; those that nobody can value are closed."""
        todo = list(dict.fromkeys(n for n in nodes if n.value is None and not n.closed))
        rollout, mix = self.search.node.rollout, self.search.slots.mix
        if rollout is None or mix is not None:
            await self._own(todo)
        if rollout is not None:
            await self._rolled(todo, mix, rollout.of)
        for node in todo:
            if node.value is None:
                self.search.abstained += 1
                self.search.tree.close(node)
            else:
                self.search.evaluated += 1

    async def _own(self, nodes: Sequence[TreeNode]) -> None:
        await self._hear([Text(node, node.text) for node in nodes])
        for node in nodes:
            node.value = self._worth(Text(node, node.text))
            node.reason = self._reason(node.text)

    async def _rolled(self, nodes: Sequence[TreeNode], mix: float | None, of: str) -> None:
        chosen = [node for node in nodes if mix is None or node.value is not None]
        if of == "best":
            chosen = _best_of_each(chosen)
        await self._carry_on(chosen)
        texts = {n.id: [Text(n, t, k) for k, t in enumerate(self.carried[n.id], 1)] for n in chosen}
        if mix is None:
            last = {n.id: texts[n.id][-1:] or [Text(n, n.text)] for n in chosen}
            await self._hear([text for found in last.values() for text in found])
            for node in chosen:
                node.value = self._worth(last[node.id][0])
                node.reason = self._reason(last[node.id][0].text)
            return
        await self._hear([text for found in texts.values() for text in found])
        for node in chosen:
            met = [worth for text in texts[node.id] if (worth := self._worth(text)) is not None]
            if met and node.value is not None:
                node.value = (1 - mix) * node.value + mix * max(met)

    async def _carry_on(self, nodes: Sequence[TreeNode]) -> None:
        """Write on from each node, one unit after another, as long as there is more to say."""
        self.carried |= {node.id: () for node in nodes}
        going = [node for node in nodes if not node.done]
        for k in range(self.search.slots.rolls):
            jobs = [partial(self._unit, node, k) for node in going]
            found = await self.search.all_of(jobs, [f"rollout of {node.id}" for node in going])
            ahead: list[TreeNode] = []
            for node, pieces in zip(going, found, strict=True):
                text = self._text(node)
                if pieces and pieces[0].text.strip():
                    self.carried[node.id] += (joined(self.search, text, pieces[0].text),)
                    ahead.append(node)
            going = ahead

    def _text(self, node: TreeNode) -> str:
        return self.carried[node.id][-1] if self.carried[node.id] else node.text

    async def _unit(self, node: TreeNode, k: int) -> Any:
        search, rollout, text = self.search, self.search.node.rollout, self._text(node)
        assert rollout is not None
        name = rollout.agent or search.node.agent
        mode = rollout.mode or (search.node.mode if rollout.agent is None else None)
        path = search.path(f"{node.id}.rollout[{k}]")
        return await add_to(
            search.run.agents[name],
            search.run.session,
            begun=begun(search, text) if search.node.unit == "continue" else None,
            path=path,
            node=search.run.at(search.node.name),
            visit=search.visit,
            mode=mode,
            facts=search.facts(text, node, width=1),
            kind=search.run.kind,
            seed=search.run.seed_for(path),
            max_tokens=search.slots.roll_tokens,
            until=rollout.until or search.node.until,
            greedy=True,
            budget=search.budget,
            timeout=search.slots.timeout,
        )

    async def _hear(self, texts: Sequence[Text]) -> None:
        """Put each new text to every evaluator, all side by side."""
        if not self.search.node.by:
            return
        new = {text.text: text for text in reversed(texts) if text.text not in self.said}
        asked = [
            (text, agent, vote, swapped)
            for text in reversed(new.values())
            for agent, vote, swapped in self._votes()
        ]
        jobs: list[Callable[[], Awaitable[Any]]] = [partial(self._ask, *one) for one in asked]
        labels = [f"{agent} of {text.at.id}" for text, agent, *_ in asked]
        replies = await self.search.all_of(jobs, labels)
        heard: dict[str, dict[str, dict[int, list[tuple[Any, float]]]]] = {}
        for (text, agent, vote, swapped), found in zip(asked, replies, strict=True):
            votes = heard.setdefault(text.text, {}).setdefault(agent, {}).setdefault(vote, [])
            if found and found[0] is not None:
                votes.append((found[0], self._count(found[0], agent, vote, swapped)))
        for text_, agents in heard.items():
            self.said[text_] = {agent: self._mean(votes) for agent, votes in agents.items()}

    def _votes(self) -> list[tuple[str, int, bool]]:
        slots = self.search.slots
        sides = (False, True) if slots.swap else (False,)
        return [(a, v, s) for a in self.search.node.by for v in range(slots.votes) for s in sides]

    def _mean(self, votes: dict[int, list[tuple[Any, float]]]) -> Score | None:
        """What an evaluator said on the whole; a vote whose other side is missing does not count."""
        sides = 2 if self.search.slots.swap else 1
        valid = [pair for found in votes.values() if len(found) == sides for pair in found]
        if not valid:
            return None
        mean = math.fsum(worth for _, worth in valid) / len(valid)
        first = valid[0][0]
        reason = getattr(first, "reason", "") or getattr(first, "text", "") or ""
        # a worth may lie beyond [0, 1], as what `worth` gives does
        return Score.model_construct(value=mean, steps=getattr(first, "steps", None), reason=reason, raw=None)

    def _count(self, reply: Any, agent: str, vote: int, swapped: bool) -> float:
        """What one reply is worth."""
        node = self.search.node
        if node.worth is not None:
            bound = {"reply": reply, "swapped": swapped, "vote": vote}
            return _number(node.worth({**self.search.scope, **bound}), f"worth of node {node.name!r}")
        if isinstance(reply, Critique):
            return float(reply.accepted)
        if isinstance(reply, Score):
            return reply.value
        raise WorkflowError(
            f"node {node.name!r}: {agent!r} gave a {type(reply).__name__}; say with `worth` what it counts"
        )

    async def _ask(self, text: Text, agent: str, vote: int, swapped: bool) -> Any:
        search, sides = self.search, 2 if self.search.slots.swap else 1
        total = search.slots.votes * sides
        tail = f"{text.at.id}+{text.roll}" if text.roll else f"{text.at.id}"
        number = f"[{vote * sides + swapped}]" if total > 1 else ""
        path = search.path(f"{tail}.{agent}{number}")
        item = Sample(
            text=text.text, answer=search.answer(text.text), agent=search.node.agent, visit=search.visit,
            index=text.at.id, call=text.at.call,
        )  # fmt: skip
        return await search.run.agents[agent].ask(
            search.run.session,
            path=path,
            node=search.run.at(search.node.name),
            visit=search.visit,
            mode=search.node.modes.get(agent),
            facts=search.facts(text.text, text.at, item=item, swapped=swapped, vote=vote),
            kind=search.run.kind,
            seed=search.run.seed_for(path),
            budget=search.budget,
            timeout=search.slots.timeout,
            on_note=lambda what, words, data: search.run.note(search.node.name, what, words, data),
        )

    def _worth(self, text: Text) -> float | None:
        """The value of a text; None where an evaluator abstained, or the expression gives None."""
        node, said = self.search.node, self.said.get(text.text, {})
        if any(said.get(agent) is None for agent in node.by):
            return None
        if node.value is None:
            return math.fsum(score.value for score in said.values() if score) / len(node.by)
        view = branch(text.at)
        if text.roll:
            view = view.model_copy(update={"text": text.text, "answer": self.search.answer(text.text)})
        value = node.value({**self.search.scope, **said, "node": view})
        return None if value is None else _number(value, f"value of node {node.name!r}")

    def _reason(self, text: str) -> str:
        return next((s.reason for s in self.said.get(text, {}).values() if s is not None and s.reason), "")


def _best_of_each(nodes: Sequence[TreeNode]) -> list[TreeNode]:
    """The node of highest value of each family."""
    families: dict[int, TreeNode] = {}
    for node in nodes:
        key = node.parent.id if node.parent is not None else -1
        best = families.get(key)
        if best is None or (node.value or 0.0) > (best.value or 0.0):
            families[key] = node
    return list(families.values())


def _number(value: Any, what: str) -> float:
    if isinstance(value, bool):
        return float(value)
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise WorkflowError(f"{what} must be a number, it is {value!r}")
    return float(value)
