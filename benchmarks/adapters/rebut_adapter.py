"""The four workloads as rebut workflows, for the benchmark's worker process.

`setup(base_url)` gives a coroutine function per workload, from the number of a question to its answer.
`REBUT_STORE` names the store that keeps the runs; without it the journal is off. `REBUT_N=1` asks for the
eight samples of sc8 in one request, which no other row of the table does.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from workloads import question

import rebut
from rebut.settings import Settings

LOOP = "uvloop"
HERE = Path(__file__).parent
FILES = {
    "sc8": "sc8n.yaml" if os.environ.get("REBUT_N") else "sc8.yaml",
    "refine": "refine.yaml",
    "debate": "debate.yaml",
    "society": "society.yaml",
}
_runtimes: list[rebut.Runtime] = []


async def setup(base_url: str) -> dict[str, Callable[[int], Awaitable[Any]]]:
    """Load the workflows against a server, in a runtime with as many connections as the other rows have."""
    settings = Settings(
        model=f"openai/mock-model@{base_url}",
        store=os.environ.get("REBUT_STORE") or "none",
        concurrency={"*": 1000},
    )
    runtime = rebut.Runtime(settings=settings)
    _runtimes.append(runtime)
    return {name: _runner(rebut.load(HERE / file, runtime=runtime)) for name, file in FILES.items()}


def _runner(workflow: rebut.Workflow) -> Callable[[int], Awaitable[Any]]:
    async def run(number: int) -> Any:
        return (await workflow.run(question(number))).answer

    return run


async def teardown() -> None:
    """Close the connections and the store."""
    for runtime in _runtimes:
        await runtime.close()
