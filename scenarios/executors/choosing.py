"""The executor of a name."""

from __future__ import annotations

from collections.abc import Callable

from rebut.errors import InputError, suggest

from ...graphs.runtime import Runtime
from . import Executor

NAMES = ("local", "ray")


def executor_of(
    name: str,
    runtime: Runtime,
    *,
    workers: int | None = None,
    address: str | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Executor:
    """The executor of a name.

    Args:
        workers: processes of ``ray``; None for 2.
        address: of a Ray cluster, ``auto`` for the one of this machine; None for `$RAY_ADDRESS`, else one
            that is started here and ends with the scenario.
        say: is told what the user should know meanwhile.

    Raises:
        InputError: no executor of this name, or an option that it does not have.
    """
    if name not in NAMES:
        raise InputError(f"unknown executor {name!r}{suggest(name, NAMES)}")
    if name == "local":
        if workers is not None or address is not None:
            raise InputError("workers and address are options of the executor ray (--executor ray)")
        from .local import LocalExecutor

        return LocalExecutor(runtime)
    from .driver import RayExecutor

    return RayExecutor(runtime, workers=2 if workers is None else workers, address=address, say=say)
