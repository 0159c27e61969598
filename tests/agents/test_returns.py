"""What agents return."""

from __future__ import annotations

import json
import math
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rebut.agents.forms import form_of
from rebut.agents.returns import (
    Expected,
    Returned,
    Returns,
    confidence,
    expected,
    read_json,
    read_text,
    reply_format,
    schema_of,
)
from rebut.agents.wires import CandidatesWire, CritiqueWire, ScoreWire, StepScoresWire, VerdictWire, Wire
from rebut.errors import Unparsed, WorkflowError
from rebut.models.wire import TokenLogprob
from rebut.records import Candidates, Critique, Record, Sample, Score, Verdict

SIDES = ("ada", "bel")
WIRES: dict[Returns, type[Wire]] = {
    "verdict": VerdictWire,
    "critique": CritiqueWire,
    "score": ScoreWire,
    "step_scores": StepScoresWire,
    "candidates": CandidatesWire,
}


def read(want: Expected, **wire: Any) -> Returned:
    return read_json(json.dumps(wire), want)[0]


def refusal(want: Expected, **wire: Any) -> str:
    with pytest.raises(Unparsed) as caught:
        read(want, **wire)
    return caught.value.reason


def judge(kind: str = "number", **more: Any) -> Expected:
    return Expected(returns="verdict", kind=kind, sides=SIDES, **more)


@pytest.mark.parametrize("returns", WIRES)
def test_a_schema_asks_for_the_fields_of_its_wire_and_is_strict(returns: Returns) -> None:
    schema = schema_of(Expected(returns=returns, sides=SIDES, steps=3))
    assert schema is not None
    assert list(schema["properties"]) == schema["required"] == list(WIRES[returns].model_fields)
    assert schema["additionalProperties"] is False


def test_free_text_has_no_schema() -> None:
    assert schema_of(Expected()) is None


def test_reasons_come_before_rulings() -> None:
    for returns in ("verdict", "score"):
        assert next(iter(WIRES[returns].model_fields)) == "reason"


def test_a_judge_may_name_only_the_sides_or_neither() -> None:
    schema = schema_of(judge())
    assert schema and schema["properties"]["side"]["enum"] == ["ada", "bel", "neither"]


@pytest.mark.parametrize(
    ("required", "answers", "limited"),
    [(True, ("56", "54"), True), (False, ("56", "54"), False), (True, (), False), (True, ("x" * 81,), False)],
)
def test_a_judge_who_must_decide_chooses_among_short_candidates(
    required: bool, answers: tuple[str, ...], limited: bool
) -> None:
    want = expected("verdict", "number", {"candidates": Candidates(answers=answers)}, required)
    schema = schema_of(want)
    assert schema and schema["properties"]["answer"].get("enum") == (list(answers) if limited else None)


def test_a_step_scorer_is_held_to_the_number_of_steps() -> None:
    schema = schema_of(Expected(returns="step_scores", steps=4))
    assert schema and (
        schema["properties"]["scores"]["minItems"],
        schema["properties"]["scores"]["maxItems"],
    ) == (4, 4)


@pytest.mark.parametrize("returns", WIRES)
def test_the_words_for_the_model_name_every_field(returns: Returns) -> None:
    words = reply_format(Expected(returns=returns, kind="number", sides=SIDES, steps=3))
    assert all(f'"{name}": ' in words for name in WIRES[returns].model_fields)


@pytest.mark.parametrize("returns", get_args(Returns))
def test_copying_the_words_for_the_model_is_no_answer(returns: Returns) -> None:
    want = Expected(returns=returns, kind="number", sides=SIDES, answer_required=True)
    with pytest.raises(Unparsed):
        _ = read_text(reply_format(want), want) if returns == "text" else read_json(reply_format(want), want)


def test_a_verdict_is_decided_when_it_has_an_answer() -> None:
    verdict = read(judge(), reason="Ada checked it.", side="Ada", answer="so it is 56.")
    assert verdict == Verdict(decided=True, answer="56", side="ada", reason="Ada checked it.")


@pytest.mark.parametrize("answer", ["", None, "Undecided", "no number here", "<the answer>"])
def test_a_verdict_without_an_answer_is_undecided(answer: str | None) -> None:
    verdict = read(judge(), reason="r", side="neither", answer=answer)
    assert verdict == Verdict(decided=False, answer=None, side=None, reason="r")


def test_a_judge_who_must_decide_is_asked_again() -> None:
    reason = refusal(judge(answer_required=True), reason="r", side="ada", answer="")
    assert reason == "\"answer\" must hold the final answer (a number), it is ''"


def test_a_side_that_does_not_exist_does_not_fit() -> None:
    assert (
        refusal(judge(), side="cyd", answer="4") == "\"side\" must be one of ada, bel, neither, it is 'cyd'"
    )
    assert refusal(judge(), answer="4") == '"side" is missing'


def test_a_field_that_holds_just_code_or_a_long_text_is_an_answer() -> None:
    code = read(judge("code"), side="ada", answer="print(1)")
    assert isinstance(code, Verdict) and code.answer == "print(1)"
    text = read(judge("text"), side="ada", answer="First line\nsecond line")
    assert isinstance(text, Verdict) and text.answer == "First line\nsecond line"


def test_a_critique_that_refuses_must_say_why() -> None:
    want = Expected(returns="critique")
    assert read(want, text="Step 2 is off.", accepted="no") == Critique(text="Step 2 is off.", accepted=False)
    assert read(want, text="", accepted=True) == Critique(text="", accepted=True)
    assert refusal(want, text=" ", accepted=False).startswith('"text" must say what is wrong')


@given(st.integers(0, 10))
def test_a_grade_becomes_a_tenth(grade: int) -> None:
    score = read(Expected(returns="score"), reason="r", score=grade)
    assert score == Score(value=grade / 10, reason="r")


def test_step_grades_multiply_to_the_value() -> None:
    score = read(Expected(returns="step_scores", steps=3), scores=[10, 5, 8])
    assert isinstance(score, Score)
    assert score.steps == (1.0, 0.5, 0.8)
    assert math.isclose(score.value, 0.4)


@pytest.mark.parametrize("grades", [[10], [10, 10, 10]])
def test_a_wrong_number_of_step_grades_does_not_fit(grades: list[int]) -> None:
    reason = refusal(Expected(returns="step_scores", steps=2), scores=grades)
    assert reason == f'"scores" must hold 2 numbers, it holds {len(grades)}'


def test_candidates_are_distinct_answers() -> None:
    want = Expected(returns="candidates", kind="number")
    assert read(want, answers=["56", "It is 54", "56", "none"]) == Candidates(answers=("56", "54"))
    assert refusal(want, answers=["none"]) == '"answers" must hold the answers that were given (a number)'


def test_a_sample_without_an_answer_stands_unless_one_is_required() -> None:
    assert read_text("Who knows?", Expected(kind="number")) == Sample(text="Who knows?", answer=None)
    with pytest.raises(Unparsed, match="no final answer"):
        read_text("Who knows?", Expected(kind="number", answer_required=True))


def test_a_sample_has_the_confidence_of_its_tokens() -> None:
    tokens = [TokenLogprob("a", math.log(0.5)), TokenLogprob("b", math.log(0.125))]
    sample = read_text("Answer: 4", Expected(kind="number"), tokens, agent="ada")
    assert sample.answer == "4" and sample.agent == "ada"
    assert sample.confidence == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("logprobs", "is_"),
    [([], None), ([0.0], 1.0), ([1e-9], 1.0), ([float("-inf")], 0.0), ([float("nan")], None)],
)
def test_confidence_stays_within_its_bounds(logprobs: list[float], is_: float | None) -> None:
    assert confidence([TokenLogprob("t", p) for p in logprobs]) == is_


@pytest.mark.parametrize(
    ("facts", "sides"),
    [
        ({"sides": ["ada", "bel"], "arguments": [Sample(text="", agent="cyd")]}, ("ada", "bel")),
        ({"arguments": [Sample(text="", agent="ada"), None, Sample(text="", agent="ada")]}, ("ada",)),
        ({"evidence": (Sample(text="", agent="bel"),)}, ("bel",)),
        ({"sides": "ada"}, ("ada",)),
        ({"arguments": 4}, ()),
        ({}, ()),
    ],
)
def test_the_sides_are_told_or_heard(facts: dict[str, Any], sides: tuple[str, ...]) -> None:
    assert expected("verdict", "auto", facts, False).sides == sides


def test_a_step_scorer_counts_the_steps_of_its_item() -> None:
    facts = {"item": Sample(text="Step 1: a\nStep 2: b")}
    assert expected("step_scores", "auto", facts, False).steps == 2
    assert expected("score", "auto", facts, False).steps == 0


REPLIES = st.one_of(
    st.text(),
    st.fixed_dictionaries(
        {},
        optional={
            "reason": st.text(max_size=5),
            "text": st.text(max_size=5),
            "side": st.sampled_from(["ada", "bel", "cyd", "neither", None]),
            "answer": st.one_of(st.text(max_size=5), st.integers(), st.none()),
            "accepted": st.one_of(st.booleans(), st.text(max_size=3)),
            "score": st.one_of(st.integers(), st.floats(), st.text(max_size=2), st.booleans()),
            "scores": st.lists(st.integers(-1, 11), max_size=4),
            "answers": st.lists(st.one_of(st.text(max_size=5), st.integers()), max_size=3),
        },
    ).map(json.dumps),
)


@given(REPLIES, st.sampled_from(list(WIRES)), st.booleans())
def test_any_reply_is_a_record_or_unparsed(text: str, returns: Returns, required: bool) -> None:
    want = Expected(returns=returns, kind="number", sides=SIDES, steps=2, answer_required=required)
    try:
        record, _ = read_json(text, want)
    except Unparsed as unfit:
        assert unfit.reason and unfit.text.strip() == text.strip()
    else:
        assert isinstance(record, Record)
        assert type(record).model_validate(record.model_dump()) == record


PICKS = form_of({"reason": "text", "best": "whole 1..answers"})


def test_a_form_of_the_role_s_own_becomes_its_record() -> None:
    want = expected(PICKS, "auto", {"answers": ["a", "b"]}, False)
    assert schema_of(want)["properties"]["best"] == {"type": "integer", "enum": [1, 2]}  # type: ignore[index]
    assert "whole number from 1 to 2" in reply_format(want)
    record, repaired = read_json('{"reason": "sound", "best": 2}', want, agent="judge")
    assert (record, repaired) == (PICKS.record(reason="sound", best=2, agent="judge"), False)  # type: ignore[call-arg]


def test_a_form_whose_measure_is_missing_is_the_workflow_s_fault() -> None:
    with pytest.raises(WorkflowError, match="measured by 'answers'"):
        expected(PICKS, "auto", {}, False)
