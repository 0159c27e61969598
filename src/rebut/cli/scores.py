"""``rebut scores``: how the first samples of kept runs were graded, to normalise scores by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from statistics import fmean, pstdev
from typing import TYPE_CHECKING, Any

import click

from . import inputs, options, output
from .watching import go

if TYPE_CHECKING:
    from ..memory.values import FirstScore


@click.command()
@click.argument("workflow", required=False)
@options.param
@options.store
@options.as_json
def scores(workflow: str | None, params: tuple[str, ...], store: str | None, as_json: bool) -> None:
    """Mean and spread of the scores in kept runs. Of each run's first sample, when it was first graded.

    MAgICoRe's mu and sigma are these two of its node "grade", over questions of your own. With -p only
    the runs with such parameters count.

    \b
    rebut scores magicore
    rebut scores magicore -p prm_agg=min
    """
    from .history import with_store

    wanted = inputs.params_of(params)
    found = go(with_store(store, lambda kept: kept.first_scores(workflow)))
    rows = list(_groups([one for one in found if _has(one.params, wanted)]))
    if as_json:
        output.say_json(rows)
    elif not rows:
        output.tell(
            "no run has scores yet" if workflow is None else f"no run of {workflow!r} has such scores yet"
        )
    else:
        heading = ("WORKFLOW", "NODE", "RUNS", "MEAN", "SD", "MODELS")
        output.say_table(heading, [_row(row) for row in rows])


def _has(params: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    """Whether a run's parameters are these; true, yes and on are one, as on every command line."""
    from ..graphs.params import read_as

    return all(
        name in params and read_as(text, params[name]) == params[name] for name, text in wanted.items()
    )


def _groups(found: Sequence[FirstScore]) -> Iterator[dict[str, Any]]:
    """Mean and standard deviation by workflow, node and models: other scorers grade otherwise."""

    def kind(one: FirstScore) -> tuple[str, str, list[tuple[str, str]]]:
        return one.workflow, one.node, sorted(one.models.items())

    for (workflow, node, models), group in groupby(sorted(found, key=kind), key=kind):
        values = [one.score for one in group]
        yield {
            "workflow": workflow,
            "node": node,
            "models": dict(models),
            "runs": len(values),
            "mean": fmean(values),
            "sd": pstdev(values),
        }


def _row(row: Mapping[str, Any]) -> tuple[str, ...]:
    models = ", ".join(dict.fromkeys(row["models"].values()))
    return row["workflow"], row["node"], str(row["runs"]), f"{row['mean']:.4g}", f"{row['sd']:.4g}", models
