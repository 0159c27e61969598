"""What orchestration costs: CPU per workflow and per model call, beside other frameworks, in one run.

    uv run python benchmarks/overhead.py --harness FOLDER

A mock server answers at once, so all that is measured is the client. Every row runs the same four graphs of
calls in a process of its own; the rows take turns, so that noise falls on all alike, and ratios are taken
within a turn. Before each measurement comes an unmeasured burst, so that connections are open. The harness
(server, graphs, the other frameworks' adapters) is copied to a cache folder, where their environments are.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CALLS = {"sc8": 8, "refine": 5, "debate": 9, "society": 7}
FLOOR, RIVAL = "raw-aiohttp", "example-fast"


@dataclass(frozen=True)
class Row:
    """One line of the table: a framework, or one way to use it."""

    name: str
    venv: str
    adapter: str
    env: Mapping[str, str] = field(default_factory=dict)
    only: tuple[str, ...] = tuple(CALLS)


def own_rows(stores: Path) -> list[Row]:
    """rebut without and with its journal, and with the samples of sc8 in one request."""
    adapter = str(HERE / "adapters" / "rebut_adapter.py")
    store = str(stores / "journal.db")
    return [
        Row("rebut", sys.executable, adapter),
        Row("rebut+journal", sys.executable, adapter, {"REBUT_STORE": store}),
        Row("rebut, n=8 in one", sys.executable, adapter, {"REBUT_N": "1"}, ("sc8",)),
    ]


OTHERS = [
    Row(FLOOR, "raw_aiohttp", "raw_aiohttp.py"),
    Row(RIVAL, "lg_litellm", "example_fast.py"),
    Row("langgraph+litellm", "lg_litellm", "lg_litellm.py"),
    Row("agno", "agno", "agno_agents.py"),
    Row("agent-framework", "agent_framework", "agent_framework_ms.py"),
    Row("dspy", "dspy", "dspy_predict.py"),
    Row("autogen-agentchat", "autogen", "autogen.py"),
    Row("pydantic-ai", "pydantic_ai", "pydantic_ai.py"),
]


def prepare(source: Path, work: Path, rows: list[Row]) -> None:
    """Copy the harness to a folder that can be written, and build the environments that are missing."""
    work.mkdir(parents=True, exist_ok=True)
    for path in source.rglob("*"):
        target = work / path.relative_to(source)
        if path.is_dir():
            target.mkdir(exist_ok=True)
        elif not target.exists() or target.read_bytes() != path.read_bytes():
            shutil.copyfile(path, target)
    venvs = dict.fromkeys(["server", *(row.venv for row in rows if not os.path.isabs(row.venv))])
    env = {**os.environ, "PERF_PY": platform.python_version()}
    subprocess.run(["bash", work / "setup_venvs.sh", *venvs], check=True, env=env)


class Bench:
    """The mock server and a running worker for each row."""

    def __init__(self, work: Path, rows: list[Row]) -> None:
        sys.path.insert(0, str(work))
        import harness

        self.died = harness.WorkerDied
        self.server = harness.Server(0, 0)
        self.rows = rows
        self.workers = {
            r.name: harness.Worker(_file(r), r.venv, r.adapter, self.server.base, r.env) for r in rows
        }

    def start(self) -> None:
        """Bring all workers up, each with one small burst of every workload; those that fail are left out."""
        for row in list(self.rows):
            try:
                self.workers[row.name].start()
                for workload in row.only:
                    self.workers[row.name].run(workload, 4)
            except self.died as error:
                print(f"{row.name}: left out: {error}", file=sys.stderr)
                self.rows.remove(row)

    def stop(self) -> None:
        for worker in self.workers.values():
            worker.quit()
        self.server.stop()

    def measure(self, row: Row, workload: str, n: int, warm: float) -> dict[str, Any]:
        """One burst of `n` workflows at once: CPU seconds, wall seconds, peak memory.

        Raises:
            RuntimeError: a workflow failed, or the server did not see the calls that the graph has.
        """
        worker = self.workers[row.name]
        if warm:
            worker.run(workload, max(4, int(n * warm)))
        self.server.reset()
        result: dict[str, Any] = worker.run(workload, n, timeout=600)
        seen = self.server.stats()["choices"]
        if result["err"] or seen != CALLS[workload] * n or result["n_answers"] != n:
            raise RuntimeError(f"{row.name} {workload}: {seen} calls for {n} workflows, {result['err']}")
        return {"row": row.name, "workload": workload, "n": n, **result}


def _file(row: Row) -> str:
    return "".join(c if c.isalnum() else "_" for c in row.name)


def turns(bench: Bench, n: int, repeats: int, warm: float, workloads: list[str]) -> Iterator[dict[str, Any]]:
    """All measurements of one size, the rows taking turns within each repeat."""
    for workload in workloads:
        for turn in range(repeats):
            for row in bench.rows:
                if workload in row.only:
                    yield {"turn": turn, **bench.measure(row, workload, n, warm)}
        print(f"{workload}: {n} at once, {repeats} turns done", file=sys.stderr, flush=True)


Cells = dict[tuple[str, str], list[dict[str, Any]]]


def cells_of(results: list[dict[str, Any]]) -> Cells:
    cells: Cells = {}
    for result in results:
        cells.setdefault((result["row"], result["workload"]), []).append(result)
    return cells


def ratio(cells: Cells, row: str, workload: str, against: str) -> float | None:
    """Median over the turns of CPU against another row's in the same turn."""
    base = {r["turn"]: r["cpu"] for r in cells.get((against, workload), [])}
    found = [r["cpu"] / base[r["turn"]] for r in cells.get((row, workload), []) if base.get(r["turn"])]
    return statistics.median(found) if found else None


def per_workflow(cells: Cells, row: str, workload: str) -> float | None:
    """Median CPU milliseconds of one workflow."""
    found = [r["cpu"] / r["n"] * 1e3 for r in cells.get((row, workload), [])]
    return statistics.median(found) if found else None


def table(cells: Cells, rows: list[Row], workloads: list[str]) -> str:
    """CPU ms per workflow, in brackets its ratios to the floor and to the rival; then CPU per call."""
    head = ["row", *workloads, "ms per call", f"x {FLOOR}", f"x {RIVAL}", "peak MB"]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    for row in rows:
        mine = [w for w in workloads if (row.name, w) in cells]
        if not mine:
            continue
        shown = [_cell(cells, row.name, w) if w in mine else "-" for w in workloads]
        done = [r for w in mine for r in cells[row.name, w]]
        per_call = statistics.mean((per_workflow(cells, row.name, w) or 0.0) / CALLS[w] for w in mine)
        against = [_mean_ratio(cells, row.name, mine, other) for other in (FLOOR, RIVAL)]
        peak = max(r["rss_peak_kb"] for r in done) / 1024
        lines.append("| " + " | ".join([row.name, *shown, f"{per_call:.3f}", *against, f"{peak:.0f}"]) + " |")
    return "\n".join(lines)


def _cell(cells: Cells, row: str, workload: str) -> str:
    floor, rival = ratio(cells, row, workload, FLOOR), ratio(cells, row, workload, RIVAL)
    shown = " / ".join("-" if x is None else f"{x:.2f}" for x in (floor, rival))
    return f"{per_workflow(cells, row, workload):.2f} ({shown})"


def _mean_ratio(cells: Cells, row: str, workloads: list[str], against: str) -> str:
    found = [x for w in workloads if (x := ratio(cells, row, w, against))]
    return f"{statistics.geometric_mean(found):.2f}" if found else "-"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--harness", type=Path, required=True, help="folder with the server, the graphs and the adapters"
    )
    parser.add_argument(
        "--work",
        type=Path,
        default=Path.home() / ".cache/rebut/perf",
        help="folder for its copy and the environments",
    )
    parser.add_argument(
        "--rows", default="", help="only these rows, and the floor; names with commas between"
    )
    parser.add_argument("--workloads", default=",".join(CALLS))
    parser.add_argument("-n", type=int, default=40, help="workflows at once")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--warm", type=float, default=0.25, help="size of the unmeasured burst before each, as a part of n"
    )
    parser.add_argument(
        "--thousand",
        action="store_true",
        help="also 1,000 workflows at once, own rows and the two yardsticks",
    )
    parser.add_argument("--out", type=Path, help="file for every measurement, a line of JSON each")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    args = arguments()
    wanted = [name for name in args.rows.split(",") if name]
    workloads = args.workloads.split(",")
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="rebut-overhead-") as stores:
        own = own_rows(Path(stores))
        rows = [r for r in [*OTHERS, *own] if not wanted or r.name in wanted or r.name == FLOOR]
        prepare(args.harness, args.work, rows)
        bench = Bench(args.work, rows)
        try:
            bench.start()
            results += turns(bench, args.n, args.repeats, args.warm, workloads)
            print(f"\nCPU ms per workflow, {args.n} at once (x {FLOOR} / x {RIVAL})\n")
            print(table(cells_of(results), bench.rows, workloads))
            if args.thousand:
                bench.rows = [r for r in bench.rows if r in own or r.name in (FLOOR, RIVAL)]
                many = list(turns(bench, 1000, 1, args.warm, workloads))
                print(f"\nCPU ms per workflow, 1,000 at once (x {FLOOR} / x {RIVAL})\n")
                print(table(cells_of(many), bench.rows, workloads))
                results += many
        finally:
            bench.stop()
    if args.out:
        args.out.write_text("".join(json.dumps(r) + "\n" for r in results), "utf-8")


if __name__ == "__main__":
    main()
