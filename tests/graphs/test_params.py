"""Parameters are held to their types and bounds, and what is wrong is said in plain words."""

from __future__ import annotations

from typing import Any

import pytest

import rebut
from rebut.errors import InputError
from rebut.graphs.loader import loads
from rebut.graphs.params import resolve_params
from rebut.graphs.spec import WorkflowSpec

FLOW = """
name: w
params:
  rounds: {default: 2, min: 1, max: 9, help: of the debate}
  warmth: {default: 0.5, min: 0, help: of the voice}
  strict: {default: true, help: whether to be}
  tone: {default: dry, choices: [dry, warm], help: of the voice}
  names: {default: [a, b], help: of all}
nodes: {say: {set: {out: "[params.rounds, params.warmth, params.strict, params.tone, params.names]"}}}
edges: {start: say, say: end}
answer: out
"""


@pytest.fixture(scope="module")
def spec() -> WorkflowSpec:
    return loads(FLOW)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"rounds": "x"}, "parameter 'rounds' must be a whole number, it is 'x'"),
    ({"rounds": 2.5}, "parameter 'rounds' must be a whole number, it is 2.5"),
    ({"rounds": True}, "parameter 'rounds' must be a whole number, it is True"),
    ({"rounds": 0}, "parameter 'rounds' must be at least 1, it is 0"),
    ({"rounds": "10"}, "parameter 'rounds' must be at most 9, it is 10"),
    ({"warmth": "hot"}, "parameter 'warmth' must be a number, it is 'hot'"),
    ({"warmth": "nan"}, "parameter 'warmth' must be a number, it is 'nan'"),
    ({"strict": "perhaps"}, "parameter 'strict' must be true or false, it is 'perhaps'"),
    ({"tone": "sweet"}, "parameter 'tone' must be one of dry, warm, it is 'sweet'"),
    ({"tone": 3}, "parameter 'tone' must be a text, it is 3"),
    ({"names": "a"}, "parameter 'names' must be a list such as [a, b], it is 'a'"),
    ({"names": "["}, "parameter 'names' must be a list such as [a, b], it is '['"),
    ({"names": "!!python/object/apply:os.system [ls]"}, "parameter 'names' must be a list such as [a, b]"),
    ({"round": 2}, "workflow 'w' has no parameter 'round' (did you mean 'rounds'?)"),
]


@pytest.mark.parametrize(("given", "said"), WRONG, ids=[f"{given}" for given, _ in WRONG])
def test_a_parameter_that_does_not_fit_is_said_plainly(
    given: dict[str, Any], said: str, spec: WorkflowSpec
) -> None:
    with pytest.raises(InputError) as wrong:
        resolve_params(spec, given)
    assert str(wrong.value).startswith(said)


def test_texts_of_a_command_line_become_values(spec: WorkflowSpec) -> None:
    given = {"rounds": "3", "warmth": "1e-2", "strict": "off", "tone": "warm", "names": "[c, 2]"}
    assert resolve_params(spec, given) == {
        "rounds": 3,
        "warmth": 0.01,
        "strict": False,
        "tone": "warm",
        "names": ["c", 2],
    }


def test_a_whole_number_does_where_any_number_is_wanted(spec: WorkflowSpec) -> None:
    warmth = resolve_params(spec, {"warmth": 1})["warmth"]
    assert (warmth, type(warmth)) == (1.0, float)


SPOKEN = """
name: w
agents: {ann: {role: solver, model: filed/a}, bob: solver, eve: {role: solver, model: filed/e}, joe: judge}
nodes: {say: {ask: ann, save: draft}}
edges: {start: say, say: end}
answer: draft.answer
"""


@pytest.mark.parametrize(
    ("given", "models"),
    [
        ({}, ["filed/a", "set/solver", "filed/e", "set/all"]),
        ({"*": "x/all"}, ["x/all"] * 4),
        ({"*": "x/all", "solver": "x/role"}, ["x/role"] * 3 + ["x/all"]),
        ({"*": "x/all", "solver": "x/role", "ann": "x/own"}, ["x/own", "x/role", "x/role", "x/all"]),
        ({"bob": "x/own"}, ["filed/a", "x/own", "filed/e", "set/all"]),
    ],
)
def test_what_is_given_goes_before_what_the_file_says(given: dict[str, str], models: list[str]) -> None:
    workflow = rebut.loads(SPOKEN, models=given)
    assert [agent.model for agent in workflow.agents({"solver": "set/solver"}, "set/all").values()] == models


def test_a_parameter_that_is_given_goes_before_its_default_and_the_last_word_counts() -> None:
    given = rebut.loads(FLOW, params={"rounds": 3, "tone": "warm"})
    assert (given.params["rounds"], given.params["tone"], given.params["warmth"]) == (3, "warm", 0.5)
    assert given.with_(params={"rounds": 4}).params == {**given.params, "rounds": 4}
