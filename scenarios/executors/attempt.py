"""One attempt at a trial on a runtime, as every executor makes it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, cast

from rebut.errors import InputError, RebutError, RunExists
from rebut.records import Usage

from ...graphs.result import Result, StopReason
from ...graphs.run import Run
from ...graphs.runtime import Runtime
from ...graphs.workflow import Workflow
from ...memory.values import RunInfo, RunResult
from . import Made


async def attempt(
    runtime: Runtime, workflow: Workflow, run: str, inputs: Mapping[str, Any], seed: int, *, resumed: bool
) -> Made:
    """Drive the run of a trial to its end: a new one, or one that the store holds (`resumed`)."""
    under_way: Run | None = None
    began = time.perf_counter()
    try:
        if resumed:
            under_way = await runtime.resume(run, watch=False)
        else:
            given = workflow.inputs(None, dict(inputs))
            under_way = runtime.begin(workflow, given, seed=seed, watch=False, run=run)
        return Made(result=await under_way.execute())
    except RebutError as error:
        used = under_way.usage if under_way else Usage()
        taken = isinstance(error, RunExists) or (not used.calls and await _is_taken(runtime, run))
        return Made(failure=error, usage=used, seconds=time.perf_counter() - began, elsewhere=taken)


async def _is_taken(runtime: Runtime, run: str) -> bool:
    """Whether another process has begun the same run."""
    if runtime.store is None:
        return False
    with suppress(InputError):
        return (await runtime.store.run(run)).status in ("running", "finished")
    return False


def result_of(info: RunInfo) -> Result:
    """The result of a run that the store holds."""
    kept: RunResult = info.result
    return Result(
        answer=kept.answer,
        stop_reason=cast(StopReason, kept.stop_reason),
        detail=kept.detail,
        run=info.id,
        usage=kept.usage,
        seconds=kept.seconds or 0.0,
    )
