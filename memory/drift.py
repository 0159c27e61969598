"""Words for a run that asks for something its journal does not hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from difflib import unified_diff

import orjson

from ..models.journal import CallSite
from ..models.wire import Request
from .rows import content_hash

SHOWN = 60


def changed(site: CallSite, recorded: Request, asked: Request) -> str:
    """What differs between the recorded and the asked request, as a unified diff of at most `SHOWN` lines."""
    diff = unified_diff(_lines(recorded), _lines(asked), "recorded", "asked", lineterm="", n=2)
    head = f"call {site.path!r} ({_who(site)}) asks something else than its journal holds"
    return f"{head}:\n{clip(diff)}"


def reached_back(site: CallSite, recorded: Request, asked: Request) -> str:
    """What a fork's changes make different in a call before it."""
    differs = changed(site, recorded, asked)
    return f"what is changed reaches back behind the fork (fork at {site.path!r} or before): {differs}"


def missing(expected: CallSite, seq: int, asked: Iterable[CallSite], waited: float) -> str:
    """The journal's next call was not asked for, while others wait."""
    return (
        f"the journal holds call {expected.path!r} ({_who(expected)}) as number {seq}, but the run "
        f"did not ask for it within {waited:g} s; it asked for {_paths(asked)}"
    )


def ended(asked: Iterable[CallSite], waited: float) -> str:
    """All recorded calls were handed over, and the run asks for more than a replay can give."""
    return (
        f"the journal ends before {_paths(asked)}, and nothing came for {waited:g} s: the recorded run "
        "stopped there, or the workflow has changed since (resume the run to make the call)"
    )


def clip(lines: Iterable[str]) -> str:
    """The first `SHOWN` lines, and how many were left off."""
    every = list(lines)
    more = len(every) - SHOWN
    return "\n".join(every[:SHOWN] + ([f"... ({more} more lines)"] if more > 0 else []))


def _who(site: CallSite) -> str:
    return f"node {site.node!r}, agent {site.agent!r}"


def _paths(sites: Iterable[CallSite], most: int = 5) -> str:
    paths = [repr(site.path) for site in sites]
    more = f" and {len(paths) - most} more" if len(paths) > most else ""
    return ", ".join(paths[:most]) + more if paths else "nothing"


def _lines(request: Request) -> list[str]:
    return [*_settings(request), *_turns(request)]


def _settings(request: Request) -> Iterator[str]:
    for key, value in orjson.loads(request.as_json()).items():
        if key != "messages":
            yield f"{key}: {orjson.dumps(value).decode()}"


def _turns(request: Request) -> Iterator[str]:
    for message in request.messages:
        yield f"[{message.role}]"
        yield from (f"(image {content_hash(image)[:12]})" for image in message.images)
        yield from message.content.splitlines()
