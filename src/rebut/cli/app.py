"""The ``rebut`` command: its sections, its options, and what becomes of errors."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, NoReturn

import click

from rebut.errors import JournalDrift, QuorumMissed, RebutError, Unparsed

from . import codes, forking, history, library, models, output, running, scenario, scores, store, writing
from .codes import Exit
from .watching import Stopped

NAME = "rebut"

SECTIONS: dict[str, Sequence[click.Command]] = {
    "Run": (running.run, running.resume, forking.fork),
    "Workflows": (library.list_, library.describe, library.plan, library.draw),
    "Write your own": (writing.new, writing.check, writing.schema),
    "Measure": (scenario.scenario,),
    "Look back": (history.runs, history.show, scores.scores, history.replay, history.export, history.import_),
    "Set up": (models.models, store.store),
}


class App(click.Group):
    """The group of all commands; every error ends here, with a message and an exit code."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands by what they are for."""
        listed = {name for commands in SECTIONS.values() for name in (c.name for c in commands)}
        others = [command for name, command in self.commands.items() if name not in listed]
        for section, commands in [*SECTIONS.items(), ("More", others)]:
            rows = [(c.name or "", c.get_short_help_str(60)) for c in commands]
            if rows:
                with formatter.section(section):
                    formatter.write_dl(rows)

    def main(  # type: ignore[override]
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        **extra: Any,
    ) -> NoReturn:
        """Run a command line and exit with its code."""
        output.prepare_streams()
        try:
            self._main_shell_completion(extra, prog_name or NAME, complete_var)
            with self.make_context(NAME, list(sys.argv[1:] if args is None else args)) as ctx:
                code = self.invoke(ctx)
            sys.stdout.flush()
        except BaseException as error:
            code = failed(error)
        sys.exit(int(code or 0))


def failed(error: BaseException) -> int:
    """Say what went wrong on stderr, and give the exit code."""
    if isinstance(error, BrokenPipeError):
        return _pipe_closed()
    with suppress(BrokenPipeError):
        return _told(error)
    return _pipe_closed()


def _told(error: BaseException) -> int:
    match error:
        case SystemExit():
            return error.code if isinstance(error.code, int) else int(error.code is not None)
        case click.exceptions.Exit():
            return error.exit_code
        case click.ClickException():
            error.show()
            return Exit.WRONG
        case click.Abort() | KeyboardInterrupt() | EOFError():
            output.tell("stopped")
            return Exit.INTERRUPTED
        case Stopped():
            output.tell(str(error))
            return error.code
        case _:
            pass
    wrong = list(_leaves(error))
    if debugging() or not all(isinstance(one, RebutError) for one in wrong):
        return _broken(error)
    return _mended(wrong)


def _mended(wrong: Sequence[BaseException]) -> int:
    """Say errors that the user can mend, and how a run that they ended goes on."""
    for message, one in {str(one): one for one in wrong}.items():
        if hasattr(one, "diagnostics"):  # a report of its own, with places and carets
            output.tell(message)
        else:
            output.complain(message)
        file = getattr(one, "file", "")
        if file and file not in message:
            output.tell(f"the file is {file}")
    # what differs from its journal would differ again
    for run in dict.fromkeys(getattr(one, "run", "") for one in wrong if not isinstance(one, JournalDrift)):
        if run:
            output.tell(f"to go on from there: rebut resume {run}")
    if any(isinstance(one, QuorumMissed | Unparsed) for one in wrong):
        return Exit.NO_ANSWER
    return Exit.DRIFT if any(isinstance(one, JournalDrift) for one in wrong) else Exit.WRONG


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors inside a group of errors, or the error itself."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _broken(error: BaseException) -> int:
    ours = all(isinstance(one, RebutError) for one in _leaves(error))
    if debugging():
        import traceback

        output.tell("".join(traceback.format_exception(error)).rstrip())
    if ours:
        return Exit.WRONG
    output.complain(f"{type(error).__name__}: {error}")
    hint = "" if debugging() else " (REBUT_DEBUG=1 shows where)"
    output.tell(f"this is a bug in rebut{hint}")
    return Exit.BUG


def _pipe_closed() -> int:
    """Nobody reads on; what is still buffered must not raise at exit."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Exit.PIPE


def debugging() -> bool:
    """Whether tracebacks are wanted: ``--debug`` or ``REBUT_DEBUG``."""
    return os.environ.get("REBUT_DEBUG", "") not in ("", "0")


def _debug(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        os.environ["REBUT_DEBUG"] = "1"


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if not value or ctx.resilient_parsing:
        return
    from importlib.metadata import version

    output.say(f"rebut {version('rebut')}")
    ctx.exit()


@click.group(
    cls=App,
    epilog=codes.HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option("--debug", is_flag=True, expose_value=False, callback=_debug, help="Show tracebacks.")
@click.option(
    "--version", is_flag=True, expose_value=False, is_eager=True, callback=_version, help="Show the version."
)
def app() -> None:
    """Workflows in which language models solve, review, refine, debate and judge.

    \b
    rebut run debate "Is 3.11 larger than 3.9?"
    """


for _commands in SECTIONS.values():
    for _command in _commands:
        app.add_command(_command)
