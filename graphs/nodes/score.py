"""``score``: samples graded by scorers, each pair of sample and scorer side by side."""

from __future__ import annotations

from typing import Any

from rebut.errors import BudgetSpent, WorkflowError
from rebut.records import Sample, Score

from ..context import RunContext, Scope, value_of
from ..fanout import FanOut
from ..spec import ScoreNode
from . import Work
from .common import EXPECTED, failed, prompt_facts, saved, whole


def scoring(node: ScoreNode) -> Work:
    """The work of a `score` node."""

    async def work(run: RunContext, scope: Scope, visit: int) -> dict[str, Any]:
        items = _items(node, scope)
        active = [s for s in node.by if s not in node.when or node.when[s](scope)]
        scores: list[dict[str, Score]] = [dict(item.scores) if item else {} for item in items]
        pairs = [
            (i, scorer)
            for i, item in enumerate(items)
            for scorer in active
            if item is not None and scorer not in item.scores
        ]
        errors = await _grade(node, run, scope, visit, items, scores, pairs)
        if not any(item is not None and all(s in scores[i] for s in active) for i, item in enumerate(items)):
            _raise_for(errors, len(pairs))
        graded = [
            None if item is None else _with_total(node, scope, item, scores[i], active)
            for i, item in enumerate(items)
        ]
        return saved(node.save, graded)

    return work


async def _grade(
    node: ScoreNode,
    run: RunContext,
    scope: Scope,
    visit: int,
    items: list[Sample | None],
    scores: list[dict[str, Score]],
    pairs: list[tuple[int, str]],
) -> list[Exception]:
    """Fill in `scores`; the failures of calls are noted and given back."""
    errors: list[Exception] = []
    budget = run.limits(node.name, node.budget, scope)

    def settled(job: int, outcome: Any) -> bool:
        index, scorer = pairs[job]
        if isinstance(outcome, Exception):
            failed(run, node.name, f"{scorer} of item {index}", outcome)
            errors.append(outcome)
        elif outcome[0] is not None:
            scores[index][scorer] = outcome[0]
        return False

    def job(index: int, scorer: str) -> Any:
        path = f"{run.at(node.name)}/{visit}[{index}].{scorer}"
        return lambda: (
            run.agents[scorer]
            .seat(index)
            .ask(
                run.session,
                path=path,
                node=run.at(node.name),
                visit=visit,
                mode=None,
                facts=prompt_facts(run, {**scope, "item": items[index]}, {}, visit, index),
                kind=run.kind,
                seed=run.seed_for(path),
                budget=budget,
                timeout=value_of(node.timeout, scope),
                on_note=lambda what, text, data: run.note(node.name, what, text, data),
            )
        )

    await FanOut([job(*pair) for pair in pairs], settled, expected=EXPECTED).run()
    return errors


def _raise_for(errors: list[Exception], of: int) -> None:
    """When nothing was graded: end the run where the budget or the model is to blame, and no reply was read.

    Raises:
        BudgetSpent: the budget kept samples from being graded.
        ModelError: every call failed.
    """
    for error in errors:
        if isinstance(error, BudgetSpent):
            raise error
    if errors and len(errors) == of:
        raise errors[0]


def _items(node: ScoreNode, scope: Scope) -> list[Sample | None]:
    items = node.items(scope)
    if not isinstance(items, list | tuple):
        raise WorkflowError(
            f"node {node.name!r}: score needs a list of samples, "
            f"{node.items.source!r} is {type(items).__name__}"
        )
    for item in items:
        if item is not None and not isinstance(item, Sample):
            raise WorkflowError(
                f"node {node.name!r}: score needs samples, {node.items.source!r} holds {type(item).__name__}"
            )
    if node.at_most is not None:
        items = items[: whole(node.at_most, scope, what=f"at_most of {node.name!r}")]
    return list(items)


def _with_total(
    node: ScoreNode, scope: Scope, item: Sample, scores: dict[str, Score], active: list[str]
) -> Sample:
    """The sample with its scores, and a total only when every active scorer gave one."""
    total: float | None = None
    if all(scorer in scores for scorer in active):
        if node.total is not None:
            bound = {scorer: scores.get(scorer) for scorer in node.by}
            total = float(node.total({**scope, **bound, "item": item}))
        elif active:
            total = sum(scores[s].value for s in active) / len(active)
    return item.model_copy(update={"scores": scores, "score": total})
