"""``rebut runs``, ``show``, ``replay``, ``export`` and ``import``: runs that were kept."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rebut.errors import InputError, RebutError

from . import options, output
from .codes import Exit
from .options import look_of
from .watching import go, result_json, told, watch

if TYPE_CHECKING:
    from ..graphs.result import Result
    from ..graphs.run import Run
    from ..graphs.runtime import Runtime
    from ..memory.store import Store
    from ..memory.values import RunInfo


@click.command()
@click.option("-n", "--limit", type=click.IntRange(1), default=20, show_default=True, help="How many.")
@options.store
@options.as_json
def runs(limit: int, store: str | None, as_json: bool) -> None:
    """List recent runs.

    \b
    rebut runs -n 5
    """
    found = go(with_store(store, lambda kept: listed(kept, limit)))
    if as_json:
        output.say_json([run_json(info) for info in found])
    elif not found:
        output.tell('no runs yet; start one with: rebut run debate "Is 3.11 larger than 3.9?"')
    else:
        forks = any(info.start.parent for info in found)
        hits = any(info.result.usage.cached for info in found)
        columns = ("RUN", "FORK OF", "WHEN", "WORKFLOW", "HOW", "CALLS", "TOKENS IN", "QUESTION")
        shown = [name for name in columns if {"FORK OF": forks, "TOKENS IN": hits}.get(name, True)]
        rows = [_row(info) for info in found]
        output.say_table(shown, [[row[name] for name in shown] for row in rows])


def _row(info: RunInfo) -> Mapping[str, str]:
    """What the columns say of a run."""
    from ..view.text import cached, one_line, short, words

    asked = one_line(words(next(iter(info.start.input.values()), "")), 200)
    when = time.strftime("%Y-%m-%d %H:%M", time.localtime(info.start.started))
    usage = info.result.usage
    from_cache = cached(usage.cached, usage.prompt)
    return {
        "RUN": info.id,
        "FORK OF": info.start.parent or "",
        "WHEN": when,
        "WORKFLOW": info.start.workflow,
        "HOW": how(info),
        "CALLS": str(usage.calls) if usage.calls else "",
        "TOKENS IN": (short(usage.prompt) if usage.prompt else "")
        + (f" ({from_cache})" if from_cache else ""),
        "QUESTION": asked,
    }


def how(info: RunInfo) -> str:
    """How the run stands, in a word: its stop reason when it has ended by itself."""
    return info.result.stop_reason or info.status if info.status == "finished" else info.status


def run_json(info: RunInfo) -> dict[str, Any]:
    """A listed run as JSON types."""
    start, result = info.start, info.result
    return {
        "run": info.id,
        "workflow": start.workflow,
        "status": info.status,
        "started": start.started,
        "input": start.input,
        "params": start.params,
        "models": start.models,
        "seed": start.seed,
        "parent": start.parent,
        "answer": result.answer,
        "stop_reason": result.stop_reason,
        "detail": result.detail,
        "usage": result.usage,
        "seconds": result.seconds,
    }


@click.command()
@click.argument("run")
@click.option("--calls", is_flag=True, help="The model calls: what was sent and what came back.")
@options.store
@options.as_json
def show(run: str, calls: bool, store: str | None, as_json: bool) -> None:
    """Show a run as it happened. Who said what, votes, rulings, notes, spend.

    RUN is an id, the beginning of one, or "last".

    \b
    rebut show last
    rebut show 261121-k3f --calls --json
    """
    from . import telling

    go(with_store(store, lambda kept: telling.tell_run(kept, run, calls=calls, as_json=as_json)))


@click.command()
@click.argument("source", metavar="FILE_OR_RUN")
@options.store
@options.look
def replay(source: str, store: str | None, **look: bool) -> int:
    """Play a run again offline, and compare. Exit 1 when it differs from its record.

    \b
    rebut replay bug-report.jsonl
    """
    return go(_replay(source, Path(source).is_file(), store, look_of(**look)))


async def _replay(source: str, is_file: bool, store: str | None, look: options.Look) -> int:
    import rebut

    async with rebut.Runtime(store if is_file else there(store)) as runtime:
        if not is_file:
            source = await full_id(opened(runtime), source)
        run = await runtime.replay(source)
        failure: RebutError | None = None
        try:
            code = told(await watch(run, look, kept=False), look, shown=False)
        except RebutError as error:
            failure, code = error, Exit.OK
            if look.form == "json":
                output.say_json(result_json(_failed(run, error)))
    difference = run.difference()
    if failure is not None and difference is None:
        output.tell(f"the run ended with: {failure}")
    elif failure is not None:
        output.complain(str(failure))
    if difference is None:
        output.tell("the replay agrees with the record")
        return code
    output.tell("the replay differs from the record:")
    output.tell(difference)
    return Exit.DRIFT


def _failed(run: Run, error: RebutError) -> Result:
    """What a replay that failed gives instead of its result."""
    from ..graphs.result import Result

    return Result(
        answer=None,
        stop_reason="failed",
        detail=str(error),
        run=run.id,
        usage=run.usage,
        notes=run.notes,
        state=run.context.state,
    )


@click.command()
@click.argument("run")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=False))
@click.option("--force", is_flag=True, help="Overwrite the file.")
@options.store
def export(run: str, file: str, force: bool, store: str | None) -> None:
    """Write a run to a file. For a test, a bug report or another machine.

    \b
    rebut export last debate.jsonl
    """
    if Path(file).exists() and not force:
        raise InputError(f"{file} exists (--force overwrites it)")
    id_ = go(with_store(store, lambda kept: _export(kept, run, file)))
    output.tell(f"wrote run {id_} to {file}; replay with: rebut replay {file}")


async def _export(store: Store, run: str, file: str) -> str:
    id_ = await full_id(store, run)
    await store.export(id_, Path(file))
    return id_


@click.command("import")
@click.argument("file", type=click.Path())
@options.store
def import_(file: str, store: str | None) -> None:
    """Take a run from a file into the store.

    \b
    rebut import debate.jsonl
    """
    id_ = go(with_store(store, lambda kept: kept.import_(Path(file)), makes=True))
    output.tell(f"took in run {id_}; look at it with: rebut show {id_}")


async def with_store(ref: str | None, work: Any, *, makes: bool = False) -> Any:
    """What `work` makes of the store, which is closed behind it.

    Raises:
        InputError: runs are not kept, or the store that was named is not there; with `makes` it is made.
    """
    import rebut

    async with rebut.Runtime(ref if makes else there(ref)) as runtime:
        return await work(opened(runtime))


def there(ref: str | None) -> str | None:
    """The store's address, for those who only look at runs: a slip in it must make no store.

    Raises:
        InputError: the option or the environment names a file that is not there.
    """
    from ..memory.dialect import File, address

    named = ref or os.environ.get("REBUT_STORE", "")
    if named and named != "none":
        where = address(named)
        if isinstance(where, File) and not where.path.is_file():
            raise InputError(f"there is no store at {where} (--store names another; rebut run makes one)")
    return ref


def opened(runtime: Runtime) -> Store:
    """The runtime's store.

    Raises:
        InputError: runs are not kept.
    """
    if runtime.store is None:
        raise InputError("runs are not kept (store is none); give --store PATH")
    return runtime.store


async def listed(store: Store, limit: int) -> list[RunInfo]:
    """The latest runs, newest first."""
    return list(await store.runs(limit=limit))


async def full_id(store: Store, run: str) -> str:
    """The id that an id, its beginning, its beginning behind the day, or ``last`` stands for.

    Raises:
        InputError: no run, or several.
    """
    if run == "last":
        latest = await listed(store, 1)
        if not latest:
            raise InputError("no runs yet")
        return latest[0].id
    try:
        return (await store.run(run)).id
    except InputError:
        recent = [info.id for info in await listed(store, 1000)] if run else []
        found = [one for one in recent if one.partition("-")[2].startswith(run)]
        if len(found) != 1:
            raise
        return found[0]
