"""How much of a server's throughput a scenario of many items uses, in one process: speed, memory, CPU.

    python benchmarks/scale.py
    python benchmarks/scale.py --items 400 --slots 32 --seconds 0.2

A server on this machine has so many slots, and a completion takes one for so many seconds: it can give at
most slots / seconds completions a second. `rebut scenario run` puts the items to `self-consistency` of 8,
with its store. Each row is a process of its own: with eight samples in one request, and with a request each.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from accuracy_table import markdown
from machine import command, machine, versions

MAIN = "from rebut.cli import main; main()"
SAMPLES = 8
SPEC = """
name: scale
data: {{generate: arithmetic, n: {items}}}
kind: number
workflows: {{vote: {{workflow: self-consistency, params: {{samples: {samples}}}}}}}
"""
EVERY = 0.5
"""Seconds between two looks at the process."""

MODES = {"8 in one request": (), "a request each": ("--single",)}


@contextmanager
def server(slots: int, seconds: float, more: Sequence[str]) -> Generator[str]:
    """The address of a server in a process of its own."""
    program = [sys.executable, str(Path(__file__).with_name("slots.py")), str(slots), str(seconds), *more]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            yield f"http://127.0.0.1:{json.loads(child.stdout.readline())['port']}"
        finally:
            child.kill()


def served(url: str) -> dict[str, Any]:
    """What the server has served so far."""
    with urllib.request.urlopen(f"{url}/served", timeout=30) as reply:
        found: dict[str, Any] = json.load(reply)
    return found


def look(pid: int) -> tuple[float, float]:
    """CPU seconds and resident bytes of a process; zeros once it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    except OSError:
        return 0.0, 0.0
    ticks, page = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")
    return (int(fields[11]) + int(fields[12])) / ticks, float(fields[21]) * page


def measure(mode: str, args: argparse.Namespace) -> dict[str, Any]:
    """One scenario from its first request to its end.

    Raises:
        SystemExit: the scenario failed, or the server saw another number of completions than it should.
    """
    with server(args.slots, args.seconds, MODES[mode]) as url, tempfile.TemporaryDirectory() as folder:
        Path(folder, "scale.yaml").write_text(SPEC.format(items=args.items, samples=SAMPLES), "utf-8")
        given = ["scale.yaml", "-m", f"openai/mock@{url}/v1", "--store", "scale.db", "--json", "-q"]
        given += ["--concurrency", str(args.concurrency)]
        env = {**os.environ, "REBUT_HOME": folder, "OPENAI_API_KEY": "none"}
        env["REBUT_CONCURRENCY"] = str(args.in_flight)
        program = [sys.executable, "-c", MAIN, "scenario", "run", *given]
        pipe = subprocess.PIPE
        with subprocess.Popen(program, cwd=folder, env=env, stdout=pipe, stderr=pipe, text=True) as child:
            try:
                looks = list(watched(child, url))
                out, err = child.communicate()
            finally:
                child.kill()
        if child.returncode:
            raise SystemExit(f"error: {mode}: {err[-2000:]}")
        done, size = served(url), Path(folder, "scale.db").stat().st_size
    if done["completions"] != args.items * SAMPLES:
        raise SystemExit(f"error: {mode}: {done['completions']} completions for {args.items} items")
    [line] = json.loads(out)["lines"]
    return {"mode": mode, **done, "looks": looks, "n": line["n"], "store": size}


def watched(child: subprocess.Popen[str], url: str) -> Generator[tuple[float, float, float]]:
    """Completions served, CPU seconds and resident bytes, again and again while the process lives."""
    while child.poll() is None:
        cpu, memory = look(child.pid)
        if cpu:
            yield served(url)["completions"], cpu, memory
        time.sleep(EVERY)


def figures(found: Mapping[str, Any], args: argparse.Namespace) -> dict[str, float]:
    """What the table says of a row.

    `share` is the completions a second between the first request and the last reply, of the most that the
    server can give; `busy` the share of the time of its slots that was taken, which a server that wakes up
    late does not lower. `grows` is how much memory is held at the end beyond what was held at a quarter.
    """
    most, wanted = args.slots / args.seconds, args.items * SAMPLES
    seconds = found["last"] - found["first"]
    after = {part: _memory_at(found["looks"], wanted * part) for part in (0.25, 0.5, 1.0)}
    cpu = max(look[1] for look in found["looks"])
    return {
        "seconds": seconds,
        "rate": wanted / seconds,
        "share": wanted / seconds / most,
        "busy": found["busy"] / seconds / args.slots,
        "cpu": cpu,
        "cpu each": cpu / wanted * 1e3,
        "quarter": after[0.25],
        "half": after[0.5],
        "end": after[1.0],
        "grows": after[1.0] / after[0.25] - 1,
    }


def _memory_at(looks: Sequence[tuple[float, float, float]], completions: float) -> float:
    """What was held when so many completions were served: the last look before, or the first."""
    before = [memory for done, _, memory in looks if done <= completions]
    return before[-1] if before else looks[0][2]


LEGEND = """\
`share`: completions a second between the server's first request and its last reply, of the {most:g} that it
can give ({slots} slots, {seconds:g} s each). `slots busy`: of their time between these two; it is higher than
`share` where the server itself wakes up late. `CPU`: of the whole process, from its start, each completion.
`memory`: resident when a quarter, half and all of the completions were served."""


def summary(found: Sequence[Mapping[str, Any]], args: argparse.Namespace) -> str:
    """One line for each mode."""
    titles = (
        "samples",
        "requests",
        "seconds",
        "completions/s",
        "share",
        "slots busy",
        "CPU ms each",
        "memory MB",
        "store MB",
    )
    return markdown(titles, [_line(one, figures(one, args)) for one in found])


def _line(one: Mapping[str, Any], said: Mapping[str, float]) -> list[str]:
    memory = " / ".join(f"{said[name] / 1e6:.0f}" for name in ("quarter", "half", "end"))
    return [
        one["mode"],
        str(one["requests"]),
        f"{said['seconds']:.1f}",
        f"{said['rate']:.1f}",
        f"{said['share']:.1%}",
        f"{said['busy']:.1%}",
        f"{said['cpu each']:.2f}",
        memory,
        f"{one['store'] / 1e6:.0f}",
    ]


def page(found: Sequence[Mapping[str, Any]], args: argparse.Namespace) -> str:
    """The whole document."""
    facts = {
        "command": f"`{command(sys.argv)}`",
        "machine": machine() + (f"; {args.note}" if args.note else ""),
        "date": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "versions": versions(),
        "scenario": f"{args.items} items x `self-consistency` of {SAMPLES}, one process, store on SQLite",
        "at a time": f"{args.concurrency} runs, and at most {args.in_flight} requests",
    }
    head = "\n".join(f"- {name}: {said}" for name, said in facts.items())
    legend = LEGEND.format(most=args.slots / args.seconds, slots=args.slots, seconds=args.seconds)
    return "\n\n".join(["# Scale", head, summary(found, args), legend]) + "\n"


def arguments() -> argparse.Namespace:
    """The command line."""
    about, _, rest = (__doc__ or "").partition("\n")
    form = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=about, epilog=rest, formatter_class=form)
    parser.add_argument("--items", type=int, default=2000)
    parser.add_argument("--slots", type=int, default=64, help="of the server")
    parser.add_argument("--seconds", type=float, default=0.4, help="that a completion takes a slot")
    parser.add_argument("--concurrency", type=int, default=24, help="runs at a time")
    parser.add_argument("--in-flight", type=int, default=96, help="the most requests in flight")
    parser.add_argument("--modes", default=",".join(MODES), help="with commas between")
    parser.add_argument("--note", default="", help="what else the machine was doing")
    parser.add_argument("--out", type=Path, help="file for the table; it is printed in any case")
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was begun is ended
    args = arguments()
    found = []
    for mode in args.modes.split(","):
        found.append(measure(mode, args))
        print(f"{mode}: done", file=sys.stderr)
        if args.out:  # what is found is kept, also where a later mode fails
            args.out.write_text(page(found, args), "utf-8")
    print(page(found, args), end="")


if __name__ == "__main__":
    main()
