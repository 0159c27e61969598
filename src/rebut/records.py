"""Typed records that agents return and workflows keep in their state.

All are frozen: a node never changes a record, it writes a new one (`record.model_copy(update=...)`).
Field names follow the papers' vocabulary. Nothing here has a silent default score: what could not be
read is `None`, and the call that gave it is counted as an abstention.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Record(BaseModel):
    """Base of all records: frozen, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Score(Record):
    """A judgement in numbers of one candidate.

    Attributes:
        value: in [0, 1].
        steps: per reasoning step, each in [0, 1]; None for a scorer of outcomes.
        reason: the scorer's words, where it gave any.
        raw: the output of a reward model before it was brought into [0, 1]; None for a prompted scorer.
    """

    value: float = Field(ge=0, le=1)
    steps: tuple[float, ...] | None = None
    reason: str = ""
    raw: float | None = None


class Sample(Record):
    """One completion of an agent: its text and the answer found in it.

    Attributes:
        text: the completion as written.
        answer: the extracted answer, or None when there is none (the sample then abstains in a vote).
        agent: who said it, by its name in the workflow.
        model: the model string.
        index: place in its fan-out, from 0.
        visit: which visit of the node made it, from 1.
        confidence: exp of the mean token log-probability, in (0, 1]; None where not asked for or not given.
        certainty: self-certainty, the mean over the tokens of KL(uniform || p) in nats, from 0 up
            (arXiv:2502.18581); None likewise.
        cut: whether a length limit ended it before the model did.
        scores: by scorer's name.
        score: the combined score that a `score` node wrote.
        call: path of the model call in the run's journal.
    """

    text: str
    answer: str | None = None
    agent: str = ""
    model: str = ""
    index: int = 0
    visit: int = 1
    confidence: float | None = None
    certainty: float | None = None
    cut: bool = False
    scores: Mapping[str, Score] = Field(default_factory=dict)
    score: float | None = None
    call: str = ""


class Critique(Record):
    """A reviewer's reading of one candidate.

    Attributes:
        accepted: True when the reviewer found nothing to mend.
        text: what is wrong and how to mend it.
    """

    accepted: bool
    text: str
    agent: str = ""
    model: str = ""
    call: str = ""


class Verdict(Record):
    """A judge's ruling.

    Attributes:
        decided: whether the judge settled on an answer (`answer` is then not None).
        answer: the answer.
        side: the supported agent's name, or None for neither.
        reason: the judge's words.
    """

    decided: bool
    answer: str | None = None
    side: str | None = None
    reason: str = ""
    agent: str = ""
    model: str = ""
    call: str = ""


class Candidates(Record):
    """The distinct answers that a judge found in a debate."""

    answers: tuple[str, ...]
    agent: str = ""
    model: str = ""
    call: str = ""


class Label(Record):
    """Which of a few labels an agent gives, and how sure its model is of each.

    Attributes:
        value: the label: the most probable, or the written one where no probabilities are known.
        probabilities: of each label, in the order of the labels, together 1; None where not known.
        mass: the probability of everything but the labels, in [0, 1], before that was left out; None
            likewise.
        layers: of each layer of the network from the first to the last, the labels' probabilities, together
            1; None where not asked for.
    """

    value: str
    probabilities: Mapping[str, float] | None = None
    mass: float | None = None
    layers: tuple[tuple[float, ...], ...] | None = None
    agent: str = ""
    model: str = ""
    call: str = ""

    @property
    def answer(self) -> str:
        """The label, as what the agent votes for."""
        return self.value


class Reply(Record):
    """What an agent returned in a form of its role's own; the role's front matter names the fields.

    Each such form is a subclass with those fields beside these.
    """

    agent: str = ""
    model: str = ""
    call: str = ""


class Called(Record):
    """What a workflow gave to the node that called it.

    Attributes:
        workflow: its name.
        answer: its answer; None when it had none, and it then abstains in a vote.
        stop_reason: ``answered``, or ``budget`` when a limit ended or shortened it; `detail` says which one.
        calls: completions that it was charged for; `tokens` of prompts and completions together.
        index: place among the items it was called for, from 0.
        kept: what it had saved under the names that the node keeps.
        call: its place in the run, which the paths of its calls begin with.
    """

    workflow: str
    answer: Any = None
    stop_reason: str = "answered"
    detail: str = ""
    calls: int = 0
    tokens: int = 0
    index: int = 0
    kept: Mapping[str, Any] = Field(default_factory=dict)
    call: str = ""


class Tally(Record):
    """One answer in a vote.

    Attributes:
        answer: as the first voter wrote it.
        weight: summed weight of its voters (its count in a plain vote).
        members: indices of its voters among the voted items.
    """

    answer: str
    weight: float
    members: tuple[int, ...]


class Vote(Record):
    """The outcome of a vote over equivalence classes of answers.

    Attributes:
        answer: the winning answer, or None when nobody voted or a tie stayed open.
        winner: index of the winner's best voter (highest weight, then first) among the voted items.
        share: the winner's part of all weight, in [0, 1].
        margin: the winner's share less the runner-up's, in [0, 1].
        entropy: Shannon entropy of the weights in nats.
        tallies: all answers, heaviest first.
        voters: how many items voted.
        abstained: how many items had no answer.
        failed: how many calls failed before they could vote.
        tied: whether the first place was tied, and was given by the tie rule.
        rule: the decision rule, such as ``majority``; `tie` the tie rule.
    """

    answer: str | None
    winner: int | None
    share: float
    margin: float
    entropy: float
    tallies: tuple[Tally, ...]
    voters: int
    abstained: int
    failed: int = 0
    tied: bool = False
    rule: str = "majority"
    tie: str = "first"

    @property
    def members(self) -> tuple[int, ...]:
        """Indices of the voters for the winning answer."""
        return self.tallies[0].members if self.tallies and self.answer is not None else ()


class Twig(Record):
    """One node of a search tree, for whoever draws it; the whole of its text stands under its call.

    Attributes:
        id: place in the order of making; 0 is the root. `parent` is the parent's, None for the root.
        unit: the beginning of what it added to its parent's text.
        value: its own valuation, or None; `mean` what backup made of those below it; `visits` how often.
        prior: its weight among its siblings.
        state: ``open``, ``done`` (complete), ``closed`` (failed or not valued), ``committed``.
        call: path of the model call that wrote the unit.
    """

    id: int
    parent: int | None
    unit: str
    value: float | None = None
    mean: float = 0.0
    visits: float = 0.0
    prior: float = 1.0
    state: str = "open"
    call: str = ""


class Found(Record):
    """What a search found.

    Attributes:
        best: the solution that was chosen; its `score` is its value.
        value: the same value, or None where it was never valued.
        units: what the solution is made of, in order.
        leaves: all complete solutions with their values, in the order of their making.
        depth: units of the solution.
        nodes: how many the tree has, the root included; `expanded` of them were asked for children,
            `evaluated` were valued.
        iterations: rounds of selection, or levels.
        abstained: nodes that no evaluator could value; `failed`: model calls that failed.
        reason: why it ended: ``finished`` (a solution is complete), ``stopped`` (by `stop`), ``iterations``,
            ``depth``, ``exhausted`` (nothing was left to grow) or ``budget``.
        tree: all nodes, in short.
    """

    best: Sample
    value: float | None = None
    units: tuple[str, ...] = ()
    leaves: tuple[Sample, ...] = ()
    depth: int = 0
    nodes: int = 1
    expanded: int = 0
    evaluated: int = 0
    iterations: int = 0
    abstained: int = 0
    failed: int = 0
    reason: str = "finished"
    tree: tuple[Twig, ...] = ()

    @property
    def answer(self) -> str | None:
        """The answer of the chosen solution."""
        return self.best.answer

    @property
    def text(self) -> str:
        """The text of the chosen solution."""
        return self.best.text


class Usage(Record):
    """What calls used. Tokens are the server's own count; `usd` is None when a price is not known.

    Attributes:
        calls: completions asked for (one request for n samples counts n).
        requests: HTTP requests or engine requests that were answered.
        prompt: prompt tokens; `cached` of them came from the server's prefix cache.
        completion: completion tokens; `reasoning` of them were hidden reasoning.
        usd: price in US dollars.
        seconds: summed time of the calls (not the wall time of the run).
    """

    calls: int = 0
    requests: int = 0
    prompt: int = 0
    completion: int = 0
    cached: int = 0
    reasoning: int = 0
    usd: float | None = 0.0
    seconds: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        usd = None if self.usd is None or other.usd is None else self.usd + other.usd
        return Usage.model_construct(
            calls=self.calls + other.calls,
            requests=self.requests + other.requests,
            prompt=self.prompt + other.prompt,
            completion=self.completion + other.completion,
            cached=self.cached + other.cached,
            reasoning=self.reasoning + other.reasoning,
            usd=usd,
            seconds=self.seconds + other.seconds,
        )

    @property
    def tokens(self) -> int:
        """Prompt and completion tokens together."""
        return self.prompt + self.completion


def plain(value: Any) -> Any:
    """A value made of JSON types only: records become objects, tuples become lists."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(v) for v in value]
    return value


def jsonable(value: Any) -> Any:
    """For `orjson.dumps(..., default=jsonable)`: one step from a record, mapping or set towards JSON types.

    Raises:
        TypeError: the value has no form in JSON.
    """
    if isinstance(value, BaseModel):
        return value.__dict__
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, set | frozenset):
        return list(value)
    raise TypeError(f"{type(value).__name__} has no form in JSON")
