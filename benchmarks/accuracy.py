"""What the workflows of the library gain and cost: accuracy, calls, tokens and time on school mathematics.

    python benchmarks/accuracy.py --rows 25 --out benchmarks/results/gsm8k-25.md
    python benchmarks/accuracy.py --rows 200 --workflows greedy,magicore --set magicore.k=3 --time-limit 3600

Every answered question is a line in the JSONL file beside the table, and is not asked again when the same
command is given once more. Reference answers are used for grading only, when a run is over. The workflows
run one after the other, so that their seconds compare; `greedy` is the solver alone at temperature 0.
A local model decodes as many samples side by side as it has slots: `--model 'local/default?slots=8'`.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import math
import os
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from accuracy_rows import NAME, Book, Question, Row, Session, Unusable, read_questions, settings_of
from accuracy_table import BASE, page
from machine import command, hidden, machine, versions
from progress import Progress
from script import parser_of

import rebut
from rebut.agents.answers import correct
from rebut.errors import ModelUnavailable, RebutError, SettingsError
from rebut.graphs.loader import names as library

KIND = "number"
WORKFLOWS = (BASE, "self-consistency", "self-refine", "society", "debate", "magicore")
GREEDY = """\
name: greedy
title: One solution at temperature 0
agents:
  solver: {role: solver, temperature: 0}
nodes:
  solve: {ask: solver, save: draft}
edges: {start: solve, solve: end}
answer: draft.answer
"""


def load(
    ref: str, runtime: rebut.Runtime, model: str | None, params: Mapping[str, str], budget: str | None = None
) -> rebut.Workflow:
    """A workflow of the library or a file, or the base, with its model, parameters and budget of a run.

    Raises:
        RebutError: it does not exist, or a parameter or the budget does not fit.
    """
    made = rebut.loads(GREEDY) if ref == BASE else rebut.load(ref)
    return made.with_(runtime=runtime, kind=KIND, params=params, models=model, budget=budget)


def settings_told(workflow: rebut.Workflow) -> dict[str, Any]:
    """Parameters and budget of a workflow, as rows keep them."""
    limits = asdict(workflow.budget) if workflow.budget else {}
    return dict(workflow.params) | {f"budget.{k}": v for k, v in limits.items() if v is not None}


def named(workflows: str) -> list[str]:
    """Names and files; ``library`` stands for all workflows of the library that need only a question."""
    found: list[str] = []
    for name in filter(None, workflows.split(",")):
        alone = (n for n in library() if rebut.load(n).spec.inputs == ("question",))
        found += alone if name == "library" else [name]
    return list(dict.fromkeys(found))


def model_of(workflow: rebut.Workflow, settings: rebut.Settings) -> str:
    """The models of a workflow's agents, with the name of the weights behind ``local/default``."""
    models = set(workflow.own_voices(settings.models, settings.model).values())
    return ", ".join(sorted({_weights(model, settings) for model in models}))


def _weights(model: str, settings: rebut.Settings) -> str:
    from rebut.models.local import weights

    if model.partition("?")[0] != "local/default":
        return hidden(model)
    found = weights.installed(settings.folder())
    return f"{model} = {found[0].name}" if found else model


def seed_of(seed: int, question: Question) -> int:
    """The seed of one run: the same for every workflow, different for every question."""
    digest = hashlib.blake2b(f"{seed}/{question.id}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") & 0x7FFFFFFF


@dataclass(slots=True)
class Bench:
    """The questions, and where the rows go. `deadline` in seconds of `time.monotonic`."""

    runtime: rebut.Runtime
    questions: Sequence[Question]
    book: Book
    seed: int
    concurrency: int
    deadline: float = math.inf
    grace: float = math.inf
    progress: Progress = field(default_factory=Progress)
    on_row: Callable[[], None] | None = None

    @property
    def late(self) -> bool:
        """Whether the time for starting new rows is over."""
        return time.monotonic() >= self.deadline

    def missing(self, workflow: rebut.Workflow) -> list[Question]:
        """The questions that the book does not hold for this workflow."""
        return [q for q in self.questions if (workflow.name, q.id) not in self.book.rows]

    async def measure(self, workflow: rebut.Workflow, model: str) -> None:
        """Ask what is not in the book yet, several questions at a time, until the time is over.

        Raises:
            RebutError: the model cannot be had, or a setting is wrong.
        """
        todo = deque(self.missing(workflow))
        if not todo or self.late:
            return
        self.progress.begin(workflow.name, len(todo))
        end = self.deadline + self.grace
        with suppress(TimeoutError):
            async with asyncio.timeout(None if math.isinf(end) else max(0.0, end - time.monotonic())):
                try:
                    async with asyncio.TaskGroup() as group:
                        for _ in range(min(self.concurrency, len(todo))):
                            group.create_task(self._work(workflow, model, todo))
                except BaseExceptionGroup as several:
                    raise several.exceptions[0] from None

    async def _work(self, workflow: rebut.Workflow, model: str, todo: deque[Question]) -> None:
        while todo and not self.late:
            row = await self.ask(workflow, model, todo.popleft())
            self.book.add(row)
            self.progress.step(row.stop == "failed")
            if self.on_row is not None:
                self.on_row()

    async def ask(self, workflow: rebut.Workflow, model: str, question: Question) -> Row:
        """Put one question to the workflow, and grade the answer.

        Raises:
            ModelUnavailable, SettingsError: no row could be had; that says nothing about the workflow.
        """
        seed = seed_of(self.seed, question)
        run = self.runtime.begin(workflow, workflow.inputs(question.text, {}), seed=seed, watch=False)
        started, begun = time.time(), time.perf_counter()
        answer, stop, error = None, "failed", ""
        try:
            result = await run.execute()
            answer, stop = result.answer, result.stop_reason
        except (ModelUnavailable, SettingsError):
            raise
        except RebutError as bad:
            error = f"{type(bad).__name__}: {hidden(str(bad))}"[:300]
        seconds = time.perf_counter() - begun
        used, notes = run.usage, run.notes
        lost = sum(int(note.data["abstained"]) for note in notes if "abstained" in note.data)
        return Row(
            id=question.id,
            workflow=workflow.name,
            model=model,
            params=settings_told(workflow),
            seed=self.seed,
            concurrency=self.concurrency,
            answer=answer,
            gold=question.gold,
            correct=grade(answer, question.gold),
            stop=stop,
            error=error,
            calls=used.calls,
            prompt=used.prompt,
            cached=used.cached,
            completion=used.completion,
            seconds=round(seconds, 3),
            started=round(started, 3),
            ended=round(started + seconds, 3),
            notes=dict(Counter(note.what for note in notes if "abstained" not in note.data)),
            lost_votes=lost,
            said=tuple(f"{n.node}: {n.what}: {hidden(n.text)}"[:200] for n in notes),
        )


def grade(answer: Any, gold: str) -> bool:
    """Whether the answer is the reference answer's number; no answer is wrong."""
    return answer is not None and correct(str(answer), gold, KIND)


async def warm(workflow: rebut.Workflow, runtime: rebut.Runtime) -> None:
    """Ask one thing that is not counted, so that the model is loaded before the first row.

    Raises:
        RebutError: the model cannot be asked at all.
    """
    aside = rebut.Runtime("none", settings=runtime.settings, gateway=runtime.gateway)
    await workflow.with_(runtime=aside).run("What is 2 plus 3?", seed=0)


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = parser_of(__doc__)
    parser.add_argument(
        "--rows", type=_positive, default=25, help="questions for each workflow, from the first"
    )
    parser.add_argument(
        "--workflows", default=",".join(WORKFLOWS), help="names or files, with commas between; library: all"
    )
    parser.add_argument("--budget", metavar="LIMITS", help="of each run, such as calls=20,seconds=60")
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("REBUT_DATA") or "../shared/data"),
                        help=f"folder with {NAME}/{NAME}.jsonl, or such a file ($REBUT_DATA)")  # fmt: skip
    parser.add_argument("--model", help="of all agents; default the one of the settings")
    parser.add_argument("--set", action="append", default=[], metavar="WORKFLOW.PARAM=VALUE", dest="params",
                        help="a parameter of a workflow; may be given often")  # fmt: skip
    parser.add_argument("--out", type=Path, help=f"the table; default benchmarks/results/{NAME}-ROWS.md")
    parser.add_argument("--store", default="none", help="file for the journals of the runs; default none")
    parser.add_argument("--concurrency", type=_positive, default=4, help="questions at a time")
    parser.add_argument("--time-limit", type=_seconds, default=math.inf, metavar="SECONDS",
                        help="start no new question after it")  # fmt: skip
    parser.add_argument("--grace", type=_seconds, default=math.inf, metavar="SECONDS",
                        help="so long after it cut off what still runs; default never")  # fmt: skip
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)
    args.out = args.out or Path(__file__).parent / "results" / f"{NAME}-{args.rows}.md"
    if args.out.suffix != ".md":
        parser.error(f"--out {args.out}: a file ending with .md is wanted (the rows go beside it, as .jsonl)")
    return args


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1")
    return int(text)


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not value >= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")
    return value


def params_of(pairs: Sequence[str], workflows: Sequence[str]) -> dict[str, dict[str, str]]:
    """The parameters by workflow, as text; the workflow reads and checks them.

    Raises:
        Unusable: a pair is not of the form ``workflow.name=value``, or its workflow is not run.
    """
    given: dict[str, dict[str, str]] = {}
    for pair in pairs:
        place, equals, value = pair.partition("=")
        workflow, dot, name = place.rpartition(".")
        if not (equals and dot and name):
            raise Unusable(f"--set {pair}: expected WORKFLOW.PARAM=VALUE, such as magicore.k=3")
        if workflow not in workflows:
            raise Unusable(f"--set {pair}: {workflow!r} is not run (it runs: {', '.join(workflows)})")
        given.setdefault(workflow, {})[name] = value
    return given


async def benchmark(args: argparse.Namespace, session: Session) -> None:
    """Ask, and write the table after every row.

    Raises:
        Unusable, RebutError: something that was given is wrong, or the model cannot be had.
    """
    deadline = time.monotonic() + args.time_limit
    refs = named(args.workflows)
    params = params_of(args.params, refs)
    questions = read_questions(args.data, args.rows)
    book = Book(args.out.with_suffix(".jsonl"))
    if book.unread:
        print(f"{book.unread} lines of {book.path.name} cannot be read; left as they are", file=sys.stderr)
    async with rebut.Runtime(args.store) as runtime:
        flows = [load(ref, runtime, args.model, params.get(ref, {}), args.budget) for ref in refs]
        models = {flow.name: model_of(flow, runtime.settings) for flow in flows}
        for flow in flows:
            book.hold_to(flow.name, settings_of(models[flow.name], settings_told(flow), args.seed))
        bench = Bench(runtime, questions, book, args.seed, args.concurrency, deadline, args.grace)
        table = Table(args.out, book, [q.id for q in questions], list(models))
        bench.on_row = table.write
        try:
            if any(bench.missing(flow) for flow in flows):
                await warm(flows[0], runtime)
                book.begin(replace(session, model=", ".join(dict.fromkeys(models.values()))))
            for flow in flows:
                await bench.measure(flow, models[flow.name])
        finally:
            table.write()


@dataclass(frozen=True, slots=True)
class Table:
    """The file of the table. `ids` of the questions; `first` are the workflows that stand first."""

    path: Path
    book: Book
    ids: Sequence[str]
    first: Sequence[str]

    def write(self) -> None:
        """Put the table of all that is in the book in the place of the one before."""
        names = dict.fromkeys([*self.first, *(workflow for workflow, _ in self.book.rows)])
        rows = {name: self.book.of(name, self.ids) for name in names}
        text = page(rows, self.book.sessions, len(self.ids))
        self.path.parent.mkdir(parents=True, exist_ok=True)
        part = self.path.with_suffix(".part")
        part.write_text(text, "utf-8")
        part.replace(self.path)


def main() -> int:
    """Measure, and print the table; the exit code."""
    args = arguments()
    session = Session(
        session=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        command=command(sys.argv),
        machine=machine(),
        versions=versions(),
        model="",
        seed=args.seed,
        concurrency=args.concurrency,
    )
    code = 0
    try:
        asyncio.run(benchmark(args, session))
    except (Unusable, RebutError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from here", file=sys.stderr)
        code = 130
    if args.out.exists():
        print(args.out.read_text("utf-8"), end="")
    return code


if __name__ == "__main__":
    sys.exit(main())
