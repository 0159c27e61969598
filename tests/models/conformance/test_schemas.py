"""Where a back end declares it, what is written fits the schema, however unlikely that is."""

from __future__ import annotations

import json
from typing import Any, Literal

import jsonschema
import pytest
from pydantic import BaseModel

from rebut.errors import ModelRefused

from .subject import Subject

VERDICT: dict[str, Any] = {
    "type": "object",
    "properties": {"winner": {"enum": ["A", "B"]}, "score": {"type": "integer", "minimum": 0, "maximum": 9}},
    "required": ["winner", "score"],
    "additionalProperties": False,
}


class Step(BaseModel):
    name: Literal["add", "take"]
    fine: bool


class Plan(BaseModel):
    steps: list[Step]


PLAN = Plan.model_json_schema()
PLAN["properties"]["steps"] |= {"minItems": 1, "maxItems": 2}


@pytest.mark.parametrize("schema", [VERDICT, PLAN], ids=["verdict", "plan of pydantic"])
@pytest.mark.parametrize("temperature", [0.0, 1.2])
async def test_what_is_written_fits(subject: Subject, schema: dict[str, Any], temperature: float) -> None:
    completion = await subject.one("Who won?", schema=schema, temperature=temperature, seed=4, max_tokens=120)
    if subject.can.schema:
        jsonschema.validate(json.loads(completion.text), schema)
        assert completion.finish == "stop"
    else:
        assert completion.text.strip()


async def test_signs_beyond_ascii_are_written_whole(subject: Subject) -> None:
    said = "é 🎉 नमस्ते 𝕏"
    response, pieces = await subject.heard("Write.", schema={"enum": [said]}, max_tokens=90)
    text = response.completions[0].text
    if subject.can.schema:
        assert json.loads(text) == said
    if subject.can.stream:
        assert "".join(pieces[0]) == text
    assert "\ufffd" not in text


async def test_several_completions_all_fit(subject: Subject) -> None:
    response = await subject.answer("Who won?", schema=VERDICT, n=3, temperature=1.0, seed=5, max_tokens=60)
    for completion in response.completions if subject.can.schema else ():
        jsonschema.validate(json.loads(completion.text), VERDICT)


async def test_a_schema_that_cannot_be_is_refused(subject: Subject) -> None:
    ask = subject.answer("Who won?", schema={"type": "objekt"})
    if subject.can.schema and subject.context:
        with pytest.raises(ModelRefused, match=r"objekt|schema"):
            await ask
    elif subject.can.schema:
        with pytest.raises(KeyError):  # the script knows no such type either
            await ask
    else:
        assert (await ask).completions[0].text
