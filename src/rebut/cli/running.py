"""``rebut run`` and ``rebut resume``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from . import inputs, options
from .options import Look, look_of
from .watching import go, told, watch

if TYPE_CHECKING:
    from ..graphs.runtime import Runtime


@click.command()
@click.argument("workflow")
@click.argument("question", required=False)
@click.option("-f", "--file", metavar="FILE", help="Read the question from a file (- is stdin).")
@click.option(
    "-i", "--input", "inputs_", multiple=True, metavar="NAME=VALUE", help="Another input; @FILE reads a file."
)
@options.model
@options.param
@click.option("--kind", metavar="KIND", help="Kind of answer: number, choice, yesno, text, ...")
@options.budget
@click.option("--seed", type=int, help="Repeat the same draws where the model can.")
@options.store
@options.look
def run(
    workflow: str,
    question: str | None,
    file: str | None,
    inputs_: tuple[str, ...],
    models: tuple[str, ...],
    params: tuple[str, ...],
    kind: str | None,
    budget: str | None,
    seed: int | None,
    store: str | None,
    **look: bool,
) -> int:
    """Ask a workflow. The answer goes to stdout, the run to stderr.

    WORKFLOW is a name from the library (rebut list) or a file; QUESTION may be piped in.

    \b
    rebut run debate "Is 3.11 larger than 3.9?" -p rounds=2 -m judge=openai/gpt-5-mini
    cat question.txt | rebut run self_consistency --budget calls=5 > answer.txt
    """
    chosen = {"models": inputs.models_of(models), "kind": kind, "budget": budget}
    typed = _Typed(question, file, inputs_, params)
    return go(_run(workflow, typed, chosen, seed, store, look_of(**look)))


class _Typed:
    """What was typed, to be understood once the workflow is known."""

    def __init__(
        self, question: str | None, file: str | None, others: tuple[str, ...], params: tuple[str, ...]
    ) -> None:
        self.question, self.file, self.others, self.params = question, file, others, params


async def _run(
    ref: str, typed: _Typed, chosen: dict[str, Any], seed: int | None, store: str | None, look: Look
) -> int:
    import rebut

    from .library import planned

    async with rebut.Runtime(store) as runtime:
        workflow = rebut.load(ref, runtime=runtime, **chosen)
        workflow = workflow.with_(params=inputs.params_of(typed.params))
        named: dict[str, Any] = inputs.inputs_of(typed.others, workflow.spec)
        first = next(iter(workflow.spec.inputs), None)
        wanted = first is not None and first not in named
        question = inputs.question_of(typed.question, typed.file, wanted=wanted)
        plan = planned(workflow)
        running = workflow.start(question, inputs=named, seed=seed)
        result = await watch(running, look, plan, kept=runtime.store is not None)
        return told(result, look, shown=runtime.store is not None)


@click.command()
@click.argument("run", required=False)
@click.option("--last", is_flag=True, help="The latest run that did not finish.")
@options.store
@options.look
def resume(run: str | None, last: bool, store: str | None, **look: bool) -> int:
    """Go on with a run that was interrupted or failed. Finished calls are not paid again.

    \b
    rebut resume 261121-k3f9qz7m2a
    rebut resume --last
    """
    if (run is None) != last:
        raise click.UsageError("give a run's id, or --last")
    return go(_resume(run, store, look_of(**look)))


async def _resume(run: str | None, store: str | None, look: Look) -> int:
    import rebut

    from .history import full_id, opened, there
    from .library import planned

    async with rebut.Runtime(there(store)) as runtime:
        id_ = await last_unfinished(runtime) if run is None else await full_id(opened(runtime), run)
        running = await runtime.resume(id_)
        return told(await watch(running, look, planned(running.workflow)), look)


async def last_unfinished(runtime: Runtime) -> str:
    """The id of the latest run that can be resumed.

    Raises:
        InputError: there is none.
    """
    from rebut.errors import InputError

    from .history import listed, opened

    for info in await listed(opened(runtime), 200):
        if info.status in ("interrupted", "cancelled", "failed"):
            return info.id
    raise InputError("no run to resume: every run has finished (rebut runs lists them)")
