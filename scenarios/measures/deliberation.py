"""What agents answered from round to round, in the form that the measures read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from reprlib import repr as short
from typing import cast

from rebut.errors import InputError

from ..statistics.checks import enough

Answer = str | None


@dataclass(frozen=True, slots=True)
class Deliberation:
    """One item: the answer of every agent in every round.

    Answers are compared as texts; `Deliberation.of` brings answers that say the same to one text first.

    Attributes:
        rounds: of each round the agents' answers, always in the same order of agents; None or blank where an
            agent gave none.
        gold: the right answer; None where it is not known, and measures of right and wrong refuse the item.

    Raises:
        InputError: no rounds, no agents, rounds of unlike length, or an answer that is no text.
    """

    rounds: tuple[tuple[Answer, ...], ...]
    gold: Answer = None

    def __post_init__(self) -> None:
        enough("rounds", self.rounds, 0)
        for i, answers in enumerate(self.rounds, 1):
            enough(f"round {i}", answers, 0)
        if not self.rounds or not self.rounds[0]:
            raise InputError("a deliberation needs at least one round with one agent")
        width = len(self.rounds[0])
        for i, answers in enumerate(self.rounds, 1):
            if len(answers) != width:
                raise InputError(f"round {i} has {len(answers)} answers, round 1 has {width}")
            for k, answer in enumerate(answers):
                if not _is_answer(answer):
                    raise InputError(f"answer must be text or None: {short(answer)}, agent {k} in round {i}")
        if not _is_answer(self.gold) or (self.gold is not None and not self.gold.strip()):
            raise InputError(f"gold must be a text that is not blank, or None: {short(self.gold)}")
        blank = tuple(tuple(_said(answer) for answer in answers) for answers in self.rounds)
        object.__setattr__(self, "rounds", blank)

    @classmethod
    def of(cls, rounds: Sequence[Sequence[Answer]], gold: Answer = None, kind: str = "auto") -> Deliberation:
        """A deliberation in which equivalent answers are one text: the gold answer's, or the first's.

        Args:
            kind: of the answers, as `rebut.agents.answers` compares them (``number``, ``choice``, ...).

        Raises:
            InputError: as the class, or an unknown kind.
        """
        from ...agents.answers import cluster

        plain = cls(cast("tuple[tuple[Answer, ...], ...]", rounds), gold)
        flat = [gold, *(answer for answers in plain.rounds for answer in answers)]
        for members in cluster(flat, kind):
            for i in members:
                flat[i] = flat[members[0]]
        width = len(plain.rounds[0])
        return cls(tuple(tuple(flat[i : i + width]) for i in range(1, len(flat), width)), gold)

    def right(self, at: int) -> tuple[bool, ...]:
        """Of each agent, whether it was right in round `at`, from 0; no answer is wrong.

        Raises:
            InputError: the right answer is not known.
        """
        if self.gold is None:
            raise InputError("the right answer of a deliberation is not known: give its gold answer")
        return tuple(answer == self.gold for answer in self.rounds[at])

    def until(self, length: int) -> Deliberation:
        """The same with `length` rounds: the last one repeated where it ended earlier, or cut off."""
        last = self.rounds[-1:] * max(0, length - len(self.rounds))
        return Deliberation(self.rounds[:length] + last, self.gold)


def _is_answer(value: object) -> bool:
    return value is None or isinstance(value, str)


def _said(answer: Answer) -> Answer:
    return answer if answer is not None and answer.strip() else None


def aligned(items: Sequence[Deliberation], carry: bool) -> list[list[Deliberation]]:
    """Of each round, from the first to the last of the longest, the items that have it.

    With `carry` an item that ended earlier keeps its last round, so that every round has all items: those
    that end early are those that agree, and without them later rounds look worse than they are.

    Raises:
        InputError: no items.
    """
    if not len(items):
        raise InputError("deliberations are empty: at least 1 needed")
    longest = max(len(item.rounds) for item in items)
    given = [item.until(longest) for item in items] if carry else list(items)
    return [[item for item in given if len(item.rounds) > at] for at in range(longest)]
