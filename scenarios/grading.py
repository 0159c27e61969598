"""Answers held against the gold: whether they are right, and what is measured of them without a model."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import orjson

from rebut.errors import InputError
from rebut.records import plain

from .checkers import CHECKS
from .items import Item
from .metrics import scores
from .spec import ScenarioSpec

CODE_ALLOWED: ContextVar[bool] = ContextVar("CODE_ALLOWED", default=False)
"""Whether who began this allows that programs of models are run, whatever the scenario's file says."""


@dataclass(frozen=True, slots=True)
class Graded:
    """How an answer did."""

    right: bool
    scores: dict[str, float]


class Grader:
    """Grades the answers of a scenario; what takes long is done once."""

    def __init__(self, spec: ScenarioSpec) -> None:
        self._spec, self._check = spec, CHECKS[spec.check]
        self._allowed = spec.allow_code or CODE_ALLOWED.get()
        self._known: dict[tuple[str, tuple[str, ...]], bool] = {}

    def ready(self) -> None:
        """
        Raises:
            InputError: programs would have to be run, and nobody has allowed it.
            SettingsError: this machine cannot shut them in.
        """
        if not self._check.runs_code:
            return
        if not self._allowed:
            raise InputError(
                f"scenario {self._spec.name!r} runs programs that models write (see docs/scenarios.md): "
                "allow it with --allow-code, or with allow_code: true in its file"
            )
        from ..tools import sandbox

        sandbox.ready()

    def grade(self, answer: Any, item: Item, kind: str) -> Graded:
        """Grade an answer; none is wrong.

        Raises:
            InputError, SettingsError: as `ready`.
        """
        text = _text(answer)
        return Graded(self._right(text, item, kind), scores(self._spec.metrics, text, item.gold))

    async def ahead(self, answers: Iterable[tuple[Any, Item]]) -> None:
        """Run what takes long for these answers, several at a time, so that `grade` finds it done."""
        if not self._check.runs_code:
            return
        wanted = {(text, item.gold) for answer, item in answers if (text := _text(answer)) is not None}
        todo = [one for one in wanted if one not in self._known]
        if not todo:
            return
        self.ready()
        room = asyncio.Semaphore(os.cpu_count() or 1)

        async def check(text: str, gold: tuple[str, ...]) -> None:
            async with room:
                right = await asyncio.to_thread(self._check.right, text, gold, self._spec.kind)
                self._known[text, gold] = right

        async with asyncio.TaskGroup() as group:
            for text, gold in todo:
                group.create_task(check(text, gold))

    def _right(self, text: str | None, item: Item, kind: str) -> bool:
        if text is None:
            return False
        if not self._check.runs_code:
            return self._check.right(text, item.gold, kind)
        key = (text, item.gold)
        if key not in self._known:
            self.ready()
            self._known[key] = self._check.right(text, item.gold, kind)
        return self._known[key]


def _text(answer: Any) -> str | None:
    if answer is None or isinstance(answer, str):
        return answer
    return orjson.dumps(plain(answer)).decode()
