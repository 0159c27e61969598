"""A run as a row of its table, and back."""

from __future__ import annotations

from typing import Any

import orjson
from sqlalchemy import RowMapping

from rebut.errors import InputError
from rebut.records import Usage

from .lines import json
from .rows import content_hash
from .values import RunInfo, RunResult, RunStart


def run_cells(start: RunStart, version: str) -> tuple[dict[str, Any], str]:
    """The columns of a run that is beginning, without its owner; and the body of its snapshot.

    Raises:
        InputError: something in it is not JSON.
    """
    snapshot = json(start.snapshot, "the snapshot of the workflow")
    if not -(2**63) <= start.seed < 2**63:
        raise InputError(f"seed {start.seed} is too large: a seed has at most 63 bits")
    cells = {
        "id": start.run,
        "workflow": start.workflow,
        "snapshot": content_hash(snapshot),
        "input": json(start.input, "the input"),
        "params": json(start.params, "the parameters"),
        "models": json(start.models, "the table of models"),
        "seed": start.seed,
        "budget": json(start.budget, "the budget"),
        "started": start.started,
        "parent": start.parent,
        "version": version,
    }
    return cells, snapshot


def result_cells(result: RunResult) -> dict[str, Any]:
    """The columns of a run that say how it stands.

    Raises:
        InputError: the answer is not JSON.
    """
    usage = result.usage
    return {
        "status": result.status,
        "answer": json(result.answer, "the answer"),
        "stop_reason": result.stop_reason,
        "detail": result.detail,
        "calls": usage.calls,
        "requests": usage.requests,
        "prompt_tokens": usage.prompt,
        "completion_tokens": usage.completion,
        "cached_tokens": usage.cached,
        "reasoning_tokens": usage.reasoning,
        "usd": usage.usd,
        "busy": usage.seconds,
        "seconds": result.seconds,
        "finished": result.finished,
    }


def start_of(row: RowMapping, snapshot: str = "{}") -> RunStart:
    """The start of the run that a row describes."""
    return RunStart(
        run=row["id"],
        workflow=row["workflow"],
        snapshot=orjson.loads(snapshot),
        input=orjson.loads(row["input"]),
        params=orjson.loads(row["params"]),
        models=orjson.loads(row["models"]),
        seed=row["seed"],
        budget=orjson.loads(row["budget"]),
        started=row["started"],
        parent=row["parent"],
    )


def result_of(row: RowMapping) -> RunResult:
    """How the run that a row describes stands, as the row has it."""
    usage = Usage(
        calls=row["calls"],
        requests=row["requests"],
        prompt=row["prompt_tokens"],
        completion=row["completion_tokens"],
        cached=row["cached_tokens"],
        reasoning=row["reasoning_tokens"],
        usd=row["usd"],
        seconds=row["busy"],
    )
    return RunResult(
        status=row["status"],
        answer=orjson.loads(row["answer"]),
        stop_reason=row["stop_reason"],
        detail=row["detail"],
        usage=usage,
        seconds=row["seconds"],
        finished=row["finished"],
    )


def info_of(row: RowMapping) -> RunInfo:
    """The run that a row describes, as it is listed."""
    return RunInfo(start=start_of(row), result=result_of(row), version=row["version"])
