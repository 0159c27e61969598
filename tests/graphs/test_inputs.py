"""The inputs of a run: the first by its place, others by name, whatever they are called."""

from __future__ import annotations

from typing import Any

import pytest

import rebut
from rebut.errors import InputError
from rebut.graphs.workflow import Workflow

from .chance import Chance, runtime_of

ECHO = """
name: w
inputs: [text, question, seed, self, inputs]
nodes: {a: {set: {x: "[text, question, seed, self, inputs]"}}}
edges: {start: a, a: end}
answer: x
"""
OTHERS = {"seed": "c", "self": "d", "inputs": "e"}


def workflow(**options: Any) -> Workflow:
    return rebut.loads(ECHO, **options)


async def test_inputs_whose_names_are_taken_are_given_in_a_mapping() -> None:
    async with runtime_of(Chance(), "none") as runtime:
        echo = workflow(runtime=runtime)
        by_name = {"text": "a", "question": "b", **OTHERS}
        for result in (
            await echo.run("a", question="b", inputs=OTHERS),
            await echo.run("a", self="d", inputs={"question": "b", "seed": "c", "inputs": "e"}, seed=7),
            await echo.run(inputs=by_name),
            await echo.start("a", question="b", inputs=OTHERS).result(),
        ):
            assert result.answer == ["a", "b", "c", "d", "e"]
        last = [event async for event in echo.stream("a", question="b", inputs=OTHERS)][-1]
        assert last.as_dict()["answer"] == ["a", "b", "c", "d", "e"]


async def test_the_question_may_be_given_by_its_name() -> None:
    async with runtime_of(Chance(), "none") as runtime:
        result = await rebut.load("self-refine", kind="number", runtime=runtime).run(question="6 * 7?")
    assert result.answer is not None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"question": "b", "inputs": {"question": "b"}}, "input 'question' is given twice"),
        ({"inputs": {"text": "a"}}, "input 'text' is given twice"),
        ({"inputs": "e"}, "inputs is a mapping of inputs by name, found str"),
    ],
)
async def test_what_does_not_fit_is_refused(given: dict[str, Any], message: str) -> None:
    async with runtime_of(Chance(), "none") as runtime:
        with pytest.raises(InputError, match=message):
            await workflow(runtime=runtime).run("a", **given)
