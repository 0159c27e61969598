"""How a local model is to be run: `local/<name>?ctx=8192&slots=4&threads=2&reply=256`."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from pathlib import Path
from urllib.parse import parse_qsl

from rebut.errors import SettingsError, suggest

PREFIX = "local/"

_LIMITS = {
    "ctx": (256, 1 << 20),
    "slots": (1, 256),
    "threads": (1, 512),
    "reply": (1, 1 << 20),
    "cache": (0, 1),
}


@dataclass(frozen=True, slots=True)
class Options:
    """How an engine is set up.

    Attributes:
        ctx: tokens that one conversation and its reply may fill; never more than the model was trained for.
        slots: conversations decoded at the same time, each with a context of its own.
        threads: of the decoder; None for one on each physical core that this process may use.
        reply: the most tokens of any reply, also where a role allows more; None for no such limit. For slow
            machines; it is no part of the engine, which models with different ones share.
        cache: 1 reads what a prompt has in common with earlier ones only once; 0 reads every prompt anew,
            which is slower, and makes a reply independent of what was asked before to the last bit. No part
            of the engine either.
    """

    ctx: int = 8192
    slots: int = 4
    threads: int | None = None
    reply: int | None = None
    cache: int = 1

    def cap(self, max_tokens: int | None) -> int | None:
        """The limit of a reply for which `max_tokens` were asked."""
        return min((most for most in (self.reply, max_tokens) if most is not None), default=None)


def split(model: str, defaults: Options) -> tuple[str, Options]:
    """The name of the weights in a model string, and the options in it.

    >>> split("local/default?ctx=2048", Options())
    ('default', Options(ctx=2048, slots=4, threads=None, reply=None, cache=1))

    Raises:
        SettingsError: an option is not known or not a sensible number; or no name is given.
    """
    name, _, query = model.removeprefix(PREFIX).partition("?")
    if not name:
        raise SettingsError(
            f"no weights named in the model {model!r} (expected: local/NAME, such as local/default)"
        )
    asked = {f.name: getattr(defaults, f.name) for f in fields(Options)}
    for key, value in parse_qsl(query, keep_blank_values=True):
        asked[key] = _number(key, value, model)
    return name, Options(**asked)


def _number(key: str, value: str, model: str) -> int:
    if key not in _LIMITS:
        raise SettingsError(f"unknown option {key!r} in the model {model!r}{suggest(key, list(_LIMITS))}")
    low, high = _LIMITS[key]
    if not (value.isascii() and value.isdigit() and low <= int(value) <= high):
        raise SettingsError(f"{key}={value} in the model {model!r}: expected a whole number, {low} to {high}")
    return int(value)


def usable_cores() -> int | None:
    """Physical cores that this process may use, by its affinity and its quota; None where not known."""
    if not hasattr(os, "sched_getaffinity"):
        return None
    cpus = os.sched_getaffinity(0)
    cores = {_core(cpu) for cpu in cpus}
    quota = _quota()
    return max(1, min(len(cores), quota) if quota else len(cores))


def _core(cpu: int) -> tuple[str, str]:
    """What the hardware threads of one core have in common."""
    folder = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology")
    try:
        return (folder / "physical_package_id").read_text(), (folder / "core_id").read_text()
    except OSError:
        return ("", str(cpu))


def _quota() -> int | None:
    """Whole cores that the control group grants; None when it sets no limit."""
    try:
        granted, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
    except (OSError, ValueError):
        return None
    return None if granted == "max" else max(1, int(granted) // int(period))
