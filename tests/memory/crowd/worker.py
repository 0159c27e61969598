"""One of several processes that make many runs on one store: first its share, then what others left behind.

Usage: worker.py STORE URL NUMBER OF_HOW_MANY RUNS
"""

from __future__ import annotations

import asyncio
import sys

import rebut
from rebut import Runtime
from rebut.errors import InputError, StoreError


async def main(store: str, url: str, number: int, workers: int, runs: int) -> None:
    async with Runtime(store) as runtime:
        assert runtime.store is not None
        workflow = rebut.load(
            "debate", params={"rounds": 1}, models=f"openai/mock@{url}", kind="number", runtime=runtime
        )

        async def begin(i: int) -> None:
            inputs = workflow.inputs(f"Question {i}: what is {i} times 3?", {})
            await runtime.begin(workflow, inputs, seed=i, watch=False, run=f"crowd-{i}").execute()

        async def take_up(run: str) -> None:
            try:
                await (await runtime.resume(run, watch=False)).execute()
            except (InputError, StoreError) as error:
                if not any(said in str(error) for said in ("is finished", "is being run by")):
                    raise

        await asyncio.gather(*map(begin, range(number, runs, workers)))
        while True:
            kept = await runtime.store.runs(limit=2 * runs)
            if all(info.status == "finished" for info in kept):
                return
            left = [info.id for info in kept if info.status not in ("finished", "running")]
            await asyncio.gather(*map(take_up, left))
            await asyncio.sleep(0.1)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])))
