"""The head of a role file: YAML between two ``---`` lines, checked key by key."""

from __future__ import annotations

from typing import Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    InstanceOf,
    ValidationError,
    field_validator,
    model_validator,
)

from rebut.errors import WorkflowError, suggest

from .forms import Form, form_of
from .labels import checked
from .returns import Returns

_FENCE = "---"


class FrontMatter(BaseModel):
    """What a mode of a role says about itself.

    Attributes:
        about: one sentence on what the mode does.
        returns: which record a reply becomes; a mapping of names to kinds describes one of its own.
        labels: where the mode returns a label, those of which one is given; a workflow may name others.
        answer: whether a reply without an answer is asked again (``required``) or stands (``optional``).
        sees: the fact that holds the pictures, which stand before the first words of the user.
        temperature: default where the agent sets none; the same for `top_p`, `max_tokens` and `stop`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    about: str = Field(min_length=1)
    returns: Returns | InstanceOf[Form] = "text"
    labels: tuple[str, ...] = ()
    answer: Literal["optional", "required"] = "optional"
    sees: str = Field(default="", pattern=r"^([a-z][a-z0-9_]*)?$")
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1)
    stop: tuple[str, ...] = ()

    @field_validator("returns", mode="before")
    @classmethod
    def _form(cls, value: object) -> object:
        return form_of(value) if isinstance(value, dict) else value

    @field_validator("labels", mode="before")
    @classmethod
    def _labels(cls, value: object) -> object:
        return checked(value)

    @model_validator(mode="after")
    def _labelled(self) -> FrontMatter:
        if self.labels and self.returns != "label":
            raise ValueError("labels mean something only where the mode returns a label")
        return self

    @field_validator("stop", mode="before")
    @classmethod
    def _one_or_many(cls, value: object) -> object:
        return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, list) else value


def parse(source: str, file: str) -> tuple[FrontMatter, str]:
    """Head and template of a role file; empty lines stand for the head, so that line numbers stay true.

    Raises:
        WorkflowError: with file and line: no head, broken YAML, an unknown or wrong key.
    """
    lines = source.removeprefix("\ufeff").splitlines()
    if not lines or lines[0].rstrip() != _FENCE:
        raise WorkflowError(f"{file}:1: a role file starts with front matter between two '---' lines")
    end = next((i for i, line in enumerate(lines[1:], 1) if line.rstrip() == _FENCE), None)
    if end is None:
        raise WorkflowError(f"{file}:1: the front matter is not closed by a '---' line")
    head = _head("\n".join(lines[1:end]), file)
    return head, "\n" * (end + 1) + "\n".join(lines[end + 1 :])


def _head(text: str, file: str) -> FrontMatter:
    try:
        tree = yaml.compose(text, Loader=yaml.SafeLoader)
        data = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        raise WorkflowError(f"{file}:{mark.line + 2 if mark else 1}: {error.problem}") from error
    except yaml.YAMLError as error:
        raise WorkflowError(f"{file}:1: {error}") from error
    if not isinstance(tree, yaml.MappingNode):
        raise WorkflowError(f"{file}:2: front matter is a mapping of keys to values")
    places = _places(tree, file)
    try:
        return FrontMatter.model_validate(data)
    except ValidationError as error:
        raise WorkflowError(_complaint(error, places, file)) from error


def _places(tree: yaml.MappingNode, file: str) -> dict[str, int]:
    """Line of each key in the file, from 1."""
    places: dict[str, int] = {}
    for key, _ in tree.value:
        line = key.start_mark.line + 2
        if key.value in places:
            raise WorkflowError(f"{file}:{line}: {key.value!r} is given twice")
        places[key.value] = line
    return places


def _complaint(error: ValidationError, places: dict[str, int], file: str) -> str:
    lines: list[str] = []
    for problem in error.errors(include_url=False):
        key = str(problem["loc"][0]) if problem["loc"] else ""
        place = f"{file}:{places.get(key, 1)}"
        if problem["type"] == "extra_forbidden":
            lines.append(f"{place}: unknown key: {key!r}{suggest(key, list(FrontMatter.model_fields))}")
        elif problem["type"] == "missing":
            lines.append(f"{place}: {key!r} is missing")
        else:
            lines.append(f"{place}: {key}: {problem['msg'][0].lower()}{problem['msg'][1:]}")
    return "\n".join(lines)
