"""A workflow that wants more of a model than it can is refused before anything is spent."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from rebut.errors import SettingsError
from rebut.graphs.workflow import loads

from .stage import SINGLE, Stage, able, noted

SURE = """
name: sure
params: {sure: true, way: left}
agents: {solver: solver}
nodes:
  left: {sample: solver, n: 2, certainty: =params.sure, save: drafts}
  right: {sample: solver, n: 2, prefill: "=kind", save: drafts}
edges:
  start:
    - {when: params.way == 'left', to: left}
    - {to: right}
  left: end
  right: end
answer: majority(drafts)
"""


def stage(**can: bool) -> Stage:
    return Stage({"solver": "Answer: 4"}, can=able(**can))


async def test_certainty_is_refused_where_the_model_cannot_tell_it() -> None:
    play = stage()
    with pytest.raises(SettingsError, match="node 'left', agent 'solver': 'stage/solver' cannot tell how"):
        await play.play(SURE)
    assert play.calls == 0


def test_a_plan_says_that_its_run_would_be_refused() -> None:
    plan = stage().workflow(SURE).plan()
    assert plan.calls == 2
    assert plan.notes[0].startswith("a run is refused: node 'left', agent 'solver': 'stage/solver' cannot")
    assert not any("refused:" in note for note in stage(certainty=True).workflow(SURE).plan().notes)


async def test_what_the_parameters_rule_out_is_not_demanded() -> None:
    assert (await stage().play(SURE, params={"sure": False})).answer == "4"
    assert (await stage(prefill=True).play(SURE, params={"way": "right"})).answer == "4"
    with pytest.raises(SettingsError, match=r"node 'right'.* cannot continue a reply"):
        await stage(prefill=False).play(SURE, params={"way": "right"})


async def test_what_only_the_run_decides_is_refused_when_it_comes_to_it() -> None:
    text = SURE.replace("certainty: =params.sure", "certainty: =len(question) > 3")
    play = stage()
    with pytest.raises(SettingsError, match="agent 'solver': 'stage/solver' cannot tell how certain"):
        await play.play(text, "long")
    assert (await stage().play(text, "1+1")).answer == "4"


async def test_layers_need_a_model_that_shows_them() -> None:
    with pytest.raises(SettingsError, match="cannot tell what its layers predict"):
        await stage().play("internal-consistency", kind="yesno")


def replies(node: str) -> str:
    return (
        f"name: one\nagents: {{solver: solver}}\nnodes:\n  a: {{{node}, save: out}}\n"
        "edges: {start: a, a: end}\nanswer: out.text\n"
    )


@pytest.mark.parametrize(
    ("key", "says"),
    [
        ("prefill: =visits.a", "prefill of 'a' must be a text, it is 1"),
        ("max_tokens: 2.5 * visits.a", "max_tokens of 'a' must be a whole number"),
        ('until: "=[visits.a]"', "until of 'a' must be a text, it is 1"),
    ],
)
async def test_a_value_of_the_wrong_kind_is_named(key: str, says: str) -> None:
    with pytest.raises(Exception, match=says):
        await stage().play(replies(f"ask: solver, {key}"))


async def test_a_node_says_how_its_replies_begin_and_end() -> None:
    play = stage()
    node = "ask: solver, prefill: \"=question + ' Well,'\", max_tokens: visits.a * 5, "
    node += 'until: [".", "=[kind, \'\']"]'
    result = await play.play(replies(node), "Hm?")
    [request] = play.asked("solver")
    assert request.messages[-1].content == "Hm? Well,"
    assert (request.max_tokens, request.stop) == (5, (".", "number"))
    assert str(result.answer).startswith("Hm? Well,Answer: 4")


async def test_each_item_has_a_beginning_of_its_own() -> None:
    text = """
name: each
agents: {solver: solver}
nodes:
  a:
    ask: solver
    for_each: "['one', 'two']"
    as: word
    prefill: =word + str(index)
    max_tokens: index + 1
    save: out
edges: {start: a, a: end}
answer: join(out.text, '|')
"""
    play = Stage({"solver": "!"}, can=SINGLE)
    assert (await play.play(text)).answer == "one0!|two1!"
    assert sorted((r.messages[-1].content, r.max_tokens) for r in play.asked("solver")) == [
        ("one0", 1),
        ("two1", 2),
    ]


def test_the_limit_of_a_node_bounds_its_tokens() -> None:
    def tokens(more: str) -> int:
        return loads(replies(f"ask: solver{more}")).plan().tokens

    assert tokens(", max_tokens: 10") < tokens(", max_tokens: 500") < tokens("")
    assert tokens(", max_tokens: 10, prefill: So") > tokens(", max_tokens: 10")


async def test_a_model_without_probabilities_gives_labels_in_words() -> None:
    play = Stage({"solver": "Answer: 4", "judge": "A"}, can=replace(SINGLE, logprobs=False))
    result = await play.play("p-true", params={"samples": 1})
    label: Any = result.state["checks"][0]
    assert (label.value, label.probabilities, result.state["confidence"]) == ("A", None, 1.0)
    assert play.asked("judge")[0].logprobs is None
    assert not noted(result, "abstained")
