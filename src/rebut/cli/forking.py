"""``rebut fork``: a kept run, gone on with otherwise from one of its calls."""

from __future__ import annotations

from typing import Any

import click

from . import inputs, options, output
from .options import Look, look_of
from .watching import go, told, watch


@click.command()
@click.argument("run")
@click.option("--at", required=True, metavar="CALL|NODE", help="Where it goes another way.")
@click.option("--say", metavar="TEXT", help="What the agent said there instead.")
@click.option("--edit", metavar="FILE", help="The same from a file (- is stdin).")
@options.model
@options.param
@options.budget
@click.option("--seed", type=int, help="Draw anew; else a model that keeps to seeds repeats itself.")
@options.store
@options.look
def fork(
    run: str,
    at: str,
    say: str | None,
    edit: str | None,
    models: tuple[str, ...],
    params: tuple[str, ...],
    budget: str | None,
    seed: int | None,
    store: str | None,
    **look: bool,
) -> int:
    """Go on with a run in another way. What came before is taken over and not paid again.

    RUN is an id, the beginning of one, or "last"; its calls: rebut show RUN --calls.

    \b
    rebut fork last --at judge -m judge=openai/gpt-5-mini
    rebut fork 261121-k3f --at weigh/2 --say "I was wrong: 3.9 is larger."
    """
    if say is not None and edit is not None:
        raise click.UsageError("--say and --edit exclude each other")
    reply = inputs.reply_of(say, edit)
    chosen = {"say": reply, "models": inputs.models_of(models), "budget": budget, "seed": seed}
    return go(_fork(run, at, params, chosen, store, look_of(**look)))


async def _fork(
    run: str, at: str, params: tuple[str, ...], chosen: dict[str, Any], store: str | None, look: Look
) -> int:
    import rebut

    from .history import full_id, opened, there
    from .library import planned

    async with rebut.Runtime(there(store)) as runtime:
        kept = await full_id(opened(runtime), run)
        running = await runtime.fork(kept, at, params=inputs.params_of(params), **chosen)
        if not look.quiet:
            output.tell(f"forked from {kept} at {at}")
        return told(await watch(running, look, planned(running.workflow)), look)
