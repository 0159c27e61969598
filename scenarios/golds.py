"""Gold answers: read in the scenario's kind, each and all together."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from ..agents.answers import extract
from ..agents.answers.guess import guess
from ..agents.answers.numbers import quantity
from ..agents.answers.surface import clean
from .checkers import CHECKS
from .choices import Misfit, among_shown, letter_of
from .data import Problems
from .data.problems import SHOWN
from .rows import MISSING, said
from .spec import ScenarioSpec

_STATED = ("auto", "number", "math", "choice", "yesno")
_FAMILIES = {"number": "a number", "math": "a number", "choice": "a letter", "yesno": "yes or no"}
_LONG = 100
"""Characters from which on a gold answer is taken for a whole solution, whose statement counts."""


class Golds:
    """Reads the gold answers of a scenario's rows, and notes those that do not fit."""

    def __init__(self, spec: ScenarioSpec, column: str, problems: Problems) -> None:
        self._kind, self._check, self._column = spec.kind, spec.check, column
        self._alike = spec.kind == "auto" and not spec.as_it_looks and spec.check == "equal"
        self._problems = problems
        self._families: defaultdict[str, list[tuple[str, int, str]]] = defaultdict(list)
        self._sizes: defaultdict[str, int] = defaultdict(int)

    def read(self, row: int, value: Any, options: Mapping[str, str], question: str) -> tuple[str, ...]:
        """The accepted answers of a row; what does not fit is noted and left out."""
        if value is MISSING:
            return ()
        before = self._problems.count
        if isinstance(value, list) and not value:
            self._wrong(row, "the list of accepted answers is empty")
        several = value if isinstance(value, list) else [value]
        if self._check == "tests" and isinstance(value, list) and all(isinstance(v, str) for v in value):
            several = ["\n".join(value)] if value else []
        found: list[str] = []
        for one in several:
            try:
                found.append(self._accepted(one, options, question))
            except Misfit as misfit:
                self._wrong(row, str(misfit))
        if self._problems.count > before:
            return ()
        self._remember(row, found[0])
        return tuple(dict.fromkeys(found))

    def finish(self) -> None:
        """Note answers that look like another kind than most of the others."""
        if len(self._families) < 2:
            return
        most = max(self._sizes, key=self._sizes.__getitem__)
        rest = [
            (name, row, f"{text} is {family}")
            for family, seen in self._families.items()
            if family != most
            for name, row, text in seen
        ]
        note = f"where {self._sizes[most]} others are {most}; say kind: text, or kind: auto if that is meant"
        for name, row, text in sorted(rest)[:SHOWN]:
            self._problems.add(row, f"field {self._column!r}: {text}, {note}", name)
        told = min(len(rest), SHOWN)
        self._problems.count += sum(self._sizes.values()) - self._sizes[most] - told

    def _wrong(self, row: int, message: str) -> None:
        self._problems.add(row, f"field {self._column!r}: {message}")

    def _remember(self, row: int, gold: str) -> None:
        if not self._alike:
            return
        family = _FAMILIES.get(guess(clean(gold)), "a text")
        self._sizes[family] += 1
        if len(self._families[family]) < SHOWN:
            self._families[family].append((self._problems.name, row, said(gold)))

    def _accepted(self, value: Any, options: Mapping[str, str], question: str) -> str:
        if options:
            return letter_of(value, options)
        text = self._text(value)
        if not text.strip():
            raise Misfit(f"an answer is needed, not {said(value)}")
        if self._check != "equal":
            if reason := CHECKS[self._check].unfit(text):
                raise Misfit(reason)
            return text
        return self._of_kind(text, question)

    def _text(self, value: Any) -> str:
        if isinstance(value, bool):
            return ("yes" if value else "no") if self._kind == "yesno" else str(value).lower()
        if isinstance(value, float) and not math.isfinite(value):
            raise Misfit(f"an answer is needed, not {said(value)}")
        if self._kind == "json" and isinstance(value, dict):
            return json.dumps(value, ensure_ascii=False)
        if isinstance(value, str):
            return value
        if isinstance(value, list | dict) or value is None:
            raise Misfit(f"an answer is needed, not {said(value)}")
        return repr(value) if isinstance(value, int | float) else str(value)

    def _of_kind(self, text: str, question: str) -> str:
        """A gold answer by itself, also where it ends a whole solution (``... #### 72``)."""
        kind = self._kind
        if kind in _STATED and ("\n" in text or "####" in text or len(text) > _LONG):
            text = extract(text, kind, strict=True) or text
        if kind == "number" and quantity(clean(text)) is None:
            if extract(f"Answer: {text}", kind) is None:
                raise Misfit(f"{said(text)} is no answer of kind 'number'")
            raise Misfit(f"{said(text)} is not one number, written 1234.5 or 1,234.5")
        if kind in ("choice", "yesno"):
            found = extract(f"Answer: {text}", kind)
            if found is None:
                raise Misfit(f"{said(text)} is no answer of kind {kind!r}")
            if kind == "choice" and not among_shown(found, question):
                raise Misfit(f"{said(text)} is none of the choices that the question shows")
        return text
