"""Drives many runs at once in a process that may be killed at any moment: begins what its store does not
hold, resumes what it holds unfinished, and prints all answers.

Usage: worker.py STORE URL COUNT
"""

from __future__ import annotations

import asyncio
import json
import sys

import rebut
from rebut import Runtime

WORKFLOWS = (
    ("debate", {"rounds": 3}),
    ("magicore", {"k": 3, "iterations": 2, "router": "always_hard"}),
)


async def main(store: str, url: str, count: int) -> None:
    model = f"openai/mock@{url}"
    async with Runtime(store) as runtime:
        assert runtime.store is not None
        workflows = [
            rebut.load(name, params=params, models=model, kind="number", runtime=runtime)
            for name, params in WORKFLOWS
        ]
        known = {r.start.input["question"]: r for r in await runtime.store.runs(limit=1000)}

        async def drive(i: int) -> None:
            question = f"Question {i}: what is {i} times 3?"
            await asyncio.sleep(0.03 * i)
            if question not in known:
                await workflows[i % 2].run(question, seed=i)
            elif known[question].status != "finished":
                await (await runtime.resume(known[question].id, watch=False)).execute()

        await asyncio.gather(*[drive(i) for i in range(count)])
        done = [r for r in await runtime.store.runs(limit=1000) if r.status == "finished"]
        answers = {r.start.input["question"]: (r.result.answer, r.result.usage.calls) for r in done}
    sys.stdout.write(json.dumps(answers) + "\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
