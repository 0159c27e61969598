"""What a model is asked to write: one pydantic model for each kind of reply, reasons before rulings.

They are lax where nothing is guessed (a number may be quoted, yes stands for true), and strict where a
guess would be needed: a number out of range, a fraction of a grade or a missing ruling does not fit.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_GRADE = re.compile(r"([0-9]{1,2})(?:\.0{1,3})?", re.ASCII)
_YES_NO = {"yes": True, "true": True, "no": False, "false": False}


def _text(value: object) -> object:
    """Text as it is; a number or a truth value as it would be written; none as nothing."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        value = str(value)
    if not isinstance(value, str):
        raise ValueError("must be a text")
    # Halves of a surrogate pair and NUL cannot be stored; JSON escapes can smuggle both in.
    return value.encode("utf-8", "replace").decode().replace("\x00", "").strip()


def _grade(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("must be a whole number from 0 to 10")
    written = _GRADE.fullmatch(str(value).strip())
    if written is None or int(written[1]) > 10:
        raise ValueError("must be a whole number from 0 to 10")
    return int(written[1])


def _yes_no(value: object) -> object:
    if isinstance(value, str):
        value = _YES_NO.get(value.strip().strip(".!").casefold())
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


Text = Annotated[str, BeforeValidator(_text)]
Grade = Annotated[int, BeforeValidator(_grade)]
YesNo = Annotated[bool, BeforeValidator(_yes_no)]


class Wire(BaseModel):
    """Base of what models write. Keys that were not asked for are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    def rulings(self) -> Mapping[str, tuple[str, ...]]:
        """Fields whose values must stand literally in the reply, with patterns of how they are written."""
        return {}


class VerdictWire(Wire):
    """A judge's ruling; `answer` is empty while it is undecided."""

    reason: Text = ""
    side: Text
    answer: Text


class CritiqueWire(Wire):
    """A reviewer's findings."""

    text: Text
    accepted: YesNo

    def rulings(self) -> Mapping[str, tuple[str, ...]]:
        return {"accepted": ("true|yes" if self.accepted else "false|no",)}


class ScoreWire(Wire):
    """One grade, 0 to 10."""

    reason: Text = ""
    score: Grade

    def rulings(self) -> Mapping[str, tuple[str, ...]]:
        return {"score": (f"0?{self.score}",)}


class StepScoresWire(Wire):
    """A grade, 0 to 10, for each step."""

    scores: tuple[Grade, ...] = Field(min_length=1)

    def rulings(self) -> Mapping[str, tuple[str, ...]]:
        return {"scores": tuple(f"0?{score}" for score in self.scores)}


class CandidatesWire(Wire):
    """The answers put forward."""

    answers: tuple[Text, ...]
