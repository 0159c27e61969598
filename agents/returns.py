"""What agents return: for each kind of reply its JSON Schema, the words that ask for it, and its record."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal

from rebut.errors import Unparsed, WorkflowError
from rebut.records import Candidates, Critique, Label, Reply, Sample, Score, Verdict

from ..models.wire import Inside, TokenLogprob
from . import forms
from .answers import extract, instruction
from .forms import Form
from .labels import checked
from .parsing import CUT, parse
from .steps import split_steps
from .wires import CandidatesWire, CritiqueWire, ScoreWire, StepScoresWire, VerdictWire

Returns = Literal["text", "verdict", "critique", "score", "step_scores", "candidates", "label"]
Returned = Sample | Verdict | Critique | Score | Candidates | Label | Reply

NEITHER = "neither"
_UNDECIDED = frozenset({"", "undecided"})
_ANSWERS: Mapping[str, str] = {
    "number": "a number",
    "math": "a number or formula",
    "choice": "the letter of the choice",
    "yesno": "yes or no",
    "code": "the code",
    "json": "JSON as text",
}
_STRING: Mapping[str, Any] = {"type": "string"}
_GRADE: Mapping[str, Any] = {"type": "integer", "enum": list(range(11))}


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What one call is to return.

    Attributes:
        returns: the kind of reply.
        kind: the workflow's kind of answer.
        sides: the agents that a judge may support.
        steps: how many steps a step scorer has before it.
        answer_required: whether a reply without an answer does not fit.
        candidates: the answers that a judge who must decide has before it.
        lengths: of the facts that a form of the role's own is measured by.
        labels: the labels of which one is to be given.
    """

    returns: Returns | Form = "text"
    kind: str = "auto"
    sides: tuple[str, ...] = ()
    steps: int = 0
    answer_required: bool = False
    candidates: tuple[str, ...] = ()
    lengths: Mapping[str, int] = field(default_factory=dict)
    labels: tuple[str, ...] = ()


def expected(returns: Returns | Form, kind: str, facts: Mapping[str, Any], answer_required: bool) -> Expected:
    """What a call with these facts is to return.

    A judge's sides are the fact `sides`, or else whoever speaks in `arguments` or `evidence`; a step
    scorer's steps are those of `item`; the labels are the fact `labels`.

    Raises:
        WorkflowError: a form is measured by a fact that is no list, or the labels cannot be told apart.
    """
    if isinstance(returns, Form):
        return Expected(returns=returns, kind=kind, lengths=_lengths(returns, facts))
    if returns == "label":
        return Expected(returns=returns, kind=kind, labels=_labels(facts))
    if returns == "text":
        return _free(kind, answer_required)
    item, candidates = facts.get("item"), facts.get("candidates")
    return Expected(
        returns=returns,
        kind=kind,
        sides=_sides(facts) if returns == "verdict" else (),
        steps=len(split_steps(item.text)) if returns == "step_scores" and isinstance(item, Sample) else 0,
        answer_required=answer_required,
        candidates=candidates.answers if isinstance(candidates, Candidates) else (),
    )


@lru_cache(maxsize=32)
def _free(kind: str, answer_required: bool) -> Expected:
    """What a free reply is to hold: the same for every call, whatever its facts."""
    return Expected(returns="text", kind=kind, answer_required=answer_required)


def _lengths(form: Form, facts: Mapping[str, Any]) -> dict[str, int]:
    try:
        return forms.sizes(form, facts)
    except ValueError as error:
        raise WorkflowError(str(error)) from None


def _labels(facts: Mapping[str, Any]) -> tuple[str, ...]:
    try:
        return checked(facts.get("labels", ()))
    except ValueError as error:
        raise WorkflowError(str(error)) from None


def schema_of(want: Expected) -> dict[str, Any] | None:
    """The JSON Schema of the reply, fit for strict modes; None where the reply is free text."""
    if isinstance(want.returns, Form):
        return forms.schema(want.returns, want.lengths)
    if want.returns == "verdict":
        side = {"type": "string", "enum": [*want.sides, NEITHER]} if want.sides else _STRING
        return _object(reason=_STRING, side=side, answer=_answer(want))
    if want.returns == "critique":
        return _object(text=_STRING, accepted={"type": "boolean"})
    if want.returns == "score":
        return _object(reason=_STRING, score=_GRADE)
    if want.returns == "step_scores":
        count = {"minItems": want.steps, "maxItems": want.steps} if want.steps else {"minItems": 1}
        return _object(scores={"type": "array", "items": _GRADE, **count})
    if want.returns == "candidates":
        return _object(answers={"type": "array", "items": _STRING})
    return None


def reply_format(want: Expected) -> str:
    """The sentence of a prompt that says how to reply."""
    if want.returns == "text":
        return instruction(want.kind)
    if want.labels:
        return f"Reply with {' or '.join(want.labels)}, and nothing else."
    return f"Reply with one JSON object and nothing else:\n{{{_keys(want)}}}"


def read_text(
    text: str,
    want: Expected,
    logprobs: Sequence[TokenLogprob] | None = None,
    *,
    cut: bool = False,
    **about: Any,
) -> Sample:
    """The sample of a free reply; `cut` as in `read_json`, `about` holds the sample's further fields.

    Raises:
        Unparsed: it has no answer, and one is required.
    """
    answer = extract(text, want.kind)
    if answer is None and want.answer_required:
        raise Unparsed(text, CUT if cut else "the reply holds no final answer")
    return Sample(text=text, answer=answer, confidence=confidence(logprobs), cut=cut, **about)


def read_json(text: str, want: Expected, *, cut: bool = False, **about: Any) -> tuple[Returned, bool]:
    """The record of a JSON reply, and whether it had to be repaired; `about` holds who said it.

    `cut` says that the reply was stopped by its length limit.

    Raises:
        Unparsed: it does not fit; the reason can be sent back to the model.
    """
    if isinstance(want.returns, Form):
        filled, repaired = parse(text, forms.wire(want.returns, want.lengths), cut=cut)
        return want.returns.record(**dict(filled), **about), repaired
    if want.returns == "verdict":
        verdict, repaired = parse(text, VerdictWire, cut=cut)
        return _verdict(text, verdict, want, about), repaired
    if want.returns == "critique":
        critique, repaired = parse(text, CritiqueWire, cut=cut)
        return _critique(text, critique, about), repaired
    if want.returns == "score":
        score, repaired = parse(text, ScoreWire, cut=cut)
        return Score(value=score.score / 10, reason=score.reason), repaired
    if want.returns == "step_scores":
        grades, repaired = parse(text, StepScoresWire, cut=cut)
        return _step_scores(text, grades, want), repaired
    candidates, repaired = parse(text, CandidatesWire, cut=cut)
    return _candidates(text, candidates, want, about), repaired


def confidence(logprobs: Sequence[TokenLogprob] | None) -> float | None:
    """exp of the mean token log-probability, in [0, 1]; None where no token has one."""
    if not logprobs:
        return None
    mean = math.fsum(token.logprob for token in logprobs) / len(logprobs)
    return None if math.isnan(mean) else math.exp(min(mean, 0.0))


def certainty(inside: Inside | None) -> float | None:
    """Self-certainty: the mean over the tokens of KL(uniform || p) in nats; None where no token has one.

    Forward from uniform, so that a longer reply is neither better nor worse (Kang et al. 2025,
    arXiv:2502.18581).
    """
    if inside is None or not inside.certainty:
        return None
    mean = math.fsum(inside.certainty) / len(inside.certainty)
    return mean if math.isfinite(mean) else None


def _sides(facts: Mapping[str, Any]) -> tuple[str, ...]:
    sides = facts.get("sides")
    if isinstance(sides, str):
        return (sides,)
    if sides:
        return tuple(map(str, sides))
    said = facts.get("arguments") or facts.get("evidence")
    speakers = [s.agent for s in said if isinstance(s, Sample)] if isinstance(said, list | tuple) else []
    return tuple(dict.fromkeys(filter(None, speakers)))


def _final(written: str, kind: str) -> str | None:
    """The answer in a field that holds nothing else."""
    answer = extract(written, kind)
    if answer is None and kind == "code":
        return extract(f"```\n{written}\n```", kind)
    if answer is None and kind in ("auto", "text") and "\n" in written:
        return written
    return answer


def _verdict(text: str, wire: VerdictWire, want: Expected, about: Mapping[str, Any]) -> Verdict:
    side = _side(text, wire.side, want.sides)
    answer = None if wire.answer.casefold() in _UNDECIDED else _final(wire.answer, want.kind)
    if answer is None and want.answer_required:
        raise Unparsed(text, f'"answer" must hold the final answer{_hint(want)}, it is {wire.answer!r}')
    return Verdict(decided=answer is not None, answer=answer, side=side, reason=wire.reason, **about)


def _side(text: str, written: str, sides: tuple[str, ...]) -> str | None:
    names = {side.casefold(): side for side in sides}
    name = written.strip(" .\"'").casefold()
    if name in (NEITHER, ""):
        return None
    if not sides:
        return written
    if name not in names:
        raise Unparsed(text, f'"side" must be one of {", ".join([*sides, NEITHER])}, it is {written!r}')
    return names[name]


def _critique(text: str, wire: CritiqueWire, about: Mapping[str, Any]) -> Critique:
    if not wire.accepted and not wire.text:
        raise Unparsed(text, '"text" must say what is wrong, as "accepted" is false')
    return Critique(accepted=wire.accepted, text=wire.text, **about)


def _step_scores(text: str, wire: StepScoresWire, want: Expected) -> Score:
    """The grades of the steps; `value` is their product, as MAgICoRe (arXiv:2409.12147) takes it."""
    if want.steps and len(wire.scores) != want.steps:
        raise Unparsed(text, f'"scores" must hold {want.steps} numbers, it holds {len(wire.scores)}')
    steps = tuple(grade / 10 for grade in wire.scores)
    return Score(value=math.prod(steps), steps=steps)


def _candidates(text: str, wire: CandidatesWire, want: Expected, about: Mapping[str, Any]) -> Candidates:
    found = dict.fromkeys(answer for written in wire.answers if (answer := _final(written, want.kind)))
    if not found:
        raise Unparsed(text, f'"answers" must hold the answers that were given{_hint(want)}')
    return Candidates(answers=tuple(found), **about)


def _keys(want: Expected) -> str:
    if isinstance(want.returns, Form):
        return forms.keys(want.returns, want.lengths)
    if want.returns == "verdict":
        side = " or ".join(f'"{side}"' for side in (*want.sides, NEITHER))
        answer = f"the final answer{_hint(want)}" + (
            "" if want.answer_required else ", or nothing if undecided"
        )
        return f'"reason": "<one or two sentences>", "side": {side}, "answer": "<{answer}>"'
    if want.returns == "critique":
        return '"text": "<what is wrong and how to mend it>", "accepted": <true or false>'
    if want.returns == "score":
        return '"reason": "<one or two sentences>", "score": <whole number from 0 to 10>'
    if want.returns == "step_scores":
        count = f"{want.steps} whole numbers" if want.steps else "one whole number for each step"
        return f'"scores": [<{count}, each from 0 to 10>]'
    return f'"answers": ["<an answer{_hint(want)}>", "<another answer>"]'


def _hint(want: Expected) -> str:
    return f" ({_ANSWERS[want.kind]})" if want.kind in _ANSWERS else ""


def _answer(want: Expected) -> Mapping[str, Any]:
    """One of the candidates where they are few and short: a small model then cannot but decide."""
    short = len(want.candidates) <= 20 and all(len(answer) <= 80 for answer in want.candidates)
    if want.answer_required and want.candidates and short:
        return {"type": "string", "enum": list(want.candidates)}
    return _STRING


def _object(**properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }
