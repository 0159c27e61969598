"""Where a run is forked: what it takes over of another one, up to a call, and a reply written by hand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from rebut.errors import InputError, StoreError, suggest
from rebut.records import Usage

from ..models.wire import Completion, Response, sound

if TYPE_CHECKING:
    from ..memory.cassette import Cassette
    from ..memory.values import RecordedCall

_NTH = re.compile(r"(.+)#(\d+)")


def forked(kept: Cassette, at: str, say: str | None = None) -> list[RecordedCall]:
    """The calls that a fork of a run takes over: what came in before `at`, and the reply written by hand.

    Raises:
        InputError: the other run made no such call, or the reply does not fit its place.
        StoreError: the other run is still going on.
    """
    run = kept.start.run
    if kept.result.status == "running":
        raise StoreError(f"run {run!r} is still running: fork it when it has ended, or stop it")
    place, nth = _place(kept, at)
    taken = [_taken(call) for call in kept.calls[:place]]
    if say is not None:
        taken.append(_edited(kept.calls[place], nth, say))
    return taken


def _place(kept: Cassette, at: str) -> tuple[int, int | None]:
    """The index of a call; and which of its completions is meant, where `at` says so."""
    paths = {call.site.path: i for i, call in enumerate(kept.calls)}
    if at in paths:
        return paths[at], None
    nth = _NTH.fullmatch(at)
    if nth and nth[1] in paths and int(nth[2]) < kept.calls[paths[nth[1]]].request.n:
        return paths[nth[1]], int(nth[2])
    for i, call in enumerate(kept.calls):
        if at in (call.site.node, f"{call.site.node}/{call.site.visit}"):
            return i, None
    raise InputError(f"run {kept.start.run!r} made no call {at!r}{_meant(at, kept.calls)}")


def _meant(at: str, calls: Sequence[RecordedCall]) -> str:
    nodes = list(dict.fromkeys(call.site.node for call in calls))
    hint = suggest(at, [*nodes, *(call.site.path for call in calls)])
    return hint if hint.startswith(" (did") else suggest(at, nodes)


def _taken(call: RecordedCall) -> RecordedCall:
    return replace(call, outcome=replace(call.outcome, attempts=0))


def _edited(call: RecordedCall, nth: int | None, text: str) -> RecordedCall:
    """The call with a completion that a person wrote.

    Raises:
        InputError: the text is empty, or it is not clear which completion it replaces.
    """
    if not text.strip():
        raise InputError("the reply is empty")
    path, n, answered = call.site.path, call.request.n, call.outcome.response
    written = Completion(text=text, finish="edited")
    if n == 1:
        response = Response(completions=(written,), usage=Usage(calls=1))
    elif nth is None:
        raise InputError(f"call {path!r} has {n} completions: say which, from {path}#0 to {path}#{n - 1}")
    elif answered is None or nth >= len(answered.completions):
        raise InputError(f"call {path!r} did not give completion {nth}: fork at another one")
    else:
        others = answered.completions
        response = replace(answered, completions=(*others[:nth], written, *others[nth + 1 :]))
    outcome = replace(call.outcome, response=sound(response), error=None, message="", status=None, attempts=0)
    return replace(call, outcome=outcome, used=True)
