"""Prints how many calls a second a store records, on either database: python tests/memory/measure.py [RUNS]

Each run records 20 calls one after the other, of two messages with 500 characters and a completion with
as many; all runs go side by side. The server is one of its own that flushes its disk, as a real one does.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from itertools import product
from pathlib import Path

from rebut.memory.store import Store
from rebut.memory.values import RunStart
from rebut.models.journal import CallSite, Outcome
from rebut.models.wire import Completion, Message, Request, Response
from rebut.records import Usage
from rebut.testing.postgres import Cluster

CALLS = 20


async def one(store: Store, run: str) -> None:
    journal = await store.begin(RunStart(run=run, workflow="w", snapshot={"source": "x" * 5000}))
    for number in range(CALLS):
        site = CallSite(path=f"a/{number}", node="a", visit=number, agent="ada", role="solver")
        asked = (Message("system", "brief " * 80), Message("user", f"{run} {number} " * 30))
        said = Completion(text=f"{run} says {number} " * 30)
        usage = Usage(calls=1, requests=1, prompt=200, completion=100, usd=0.001)
        outcome = Outcome(response=Response(completions=(said,), usage=usage), at=float(number))
        await journal.record(site, Request(model="m", messages=asked), outcome)
    await store.finish(run, status="finished", answer="yes", stop_reason="answered")


async def measure(name: str, url: str, runs: int) -> None:
    async with Store.open(url) as store:
        await one(store, "warm")
        began, commits, cpu = time.perf_counter(), store.commits, time.process_time()
        await asyncio.gather(*(one(store, f"run-{number}") for number in range(runs)))
        took, cpu = time.perf_counter() - began, time.process_time() - cpu
        commits = store.commits - commits
    rate = f"{runs * CALLS / took:7.0f} calls/s  {commits / took:5.0f} commits/s  {cpu / took:4.2f} cores"
    sys.stdout.write(f"{name:24} {runs:4} runs  {took:6.2f} s  {rate}\n")


def main() -> None:
    sizes = [int(one) for one in sys.argv[1:]] or [1, 20, 200]
    with tempfile.TemporaryDirectory() as folder, Cluster(fsync="on", autovacuum="on") as cluster:
        for size, durability in product(sizes, ("normal", "full")):
            file = Path(folder) / f"{durability}_{size}.db"
            url = f"sqlite:///{file}?durability={durability}"
            asyncio.run(measure(f"sqlite {durability}", url, size))
            cluster.create(file.stem)
            url = cluster.url(file.stem, durability=durability)
            asyncio.run(measure(f"postgresql {durability}", url, size))


if __name__ == "__main__":
    main()
