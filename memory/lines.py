"""Values of the journal as JSON, and back; the file format and the store share them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import orjson
from pydantic import ConfigDict

from rebut.errors import InputError
from rebut.records import Record, Usage, jsonable, plain

from ..models.journal import CallSite, Outcome
from ..models.wire import request_of, response_of
from .values import RecordedCall, RunResult, RunStart, Status


class ResultLine(Record):
    """The fields of a result in a file; strict, so that a wrong type is named."""

    model_config = ConfigDict(strict=True)

    status: Status
    answer: Any
    stop_reason: str
    detail: str
    usage: dict[str, Any]
    seconds: float | None
    finished: float | None


class HeadLine(Record):
    """The first line of a file, without the number of its format."""

    model_config = ConfigDict(strict=True)

    version: str
    run: str
    workflow: str
    snapshot: dict[str, Any]
    input: dict[str, Any]
    params: dict[str, Any]
    models: dict[str, str]
    seed: int
    budget: dict[str, Any]
    started: float
    parent: str | None
    result: ResultLine


class CallLine(Record):
    """The line of a call."""

    model_config = ConfigDict(strict=True)

    seq: int
    path: str
    node: str
    visit: int
    agent: str
    role: str
    request: dict[str, Any]
    response: dict[str, Any] | None
    error: str | None
    message: str
    status: int | None
    attempts: int
    at: float
    wall: float
    used: bool


def json(value: Any, what: str) -> str:
    """The value as JSON text, key order kept.

    Raises:
        InputError: it holds something that is not JSON, or text that is not Unicode (a lone surrogate).
    """
    try:
        return orjson.dumps(value, default=jsonable, option=orjson.OPT_NON_STR_KEYS).decode()
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} cannot be kept as JSON: {error}") from error


def start_fields(start: RunStart) -> dict[str, Any]:
    """The start of a run as JSON types."""
    return {f.name: plain(getattr(start, f.name)) for f in fields(RunStart)}


def result_fields(result: RunResult) -> dict[str, Any]:
    """The result of a run as JSON types."""
    return {f.name: plain(getattr(result, f.name)) for f in fields(RunResult)}


def head_of(data: Mapping[str, Any]) -> tuple[RunStart, RunResult, str]:
    """The start, the result and rebut's version in the first line of a file.

    Raises:
        ValueError: a field is missing, too much, or of another type.
    """
    head = HeadLine.model_validate(data)
    start = RunStart(**{f.name: getattr(head, f.name) for f in fields(RunStart)})
    rest = dict(data["result"])
    return start, RunResult(usage=Usage(**rest.pop("usage")), **rest), head.version


def call_line(call: RecordedCall) -> bytes:
    """A call with its request and outcome, as one line of JSON without the line's end."""
    site, outcome = call.site, call.outcome
    response = outcome.response
    return orjson.dumps(
        {
            "seq": call.seq,
            "path": site.path,
            "node": site.node,
            "visit": site.visit,
            "agent": site.agent,
            "role": site.role,
            "request": orjson.Fragment(call.request.as_json()),
            "response": None if response is None else orjson.Fragment(response.as_json()),
            "error": outcome.error,
            "message": outcome.message,
            "status": outcome.status,
            "attempts": outcome.attempts,
            "at": outcome.at,
            "wall": call.wall,
            "used": call.used,
        }
    )


def call_of(data: Mapping[str, Any]) -> RecordedCall:
    """The call that `call_line` described.

    Raises:
        ValueError: a field is missing, too much, or of another type.
    """
    CallLine.model_validate(data)
    rest = dict(data)
    response = rest.pop("response")
    return RecordedCall(
        seq=rest.pop("seq"),
        wall=rest.pop("wall"),
        used=rest.pop("used"),
        request=request_of(orjson.dumps(rest.pop("request"))),
        site=CallSite(**{name: rest.pop(name) for name in ("path", "node", "visit", "agent", "role")}),
        outcome=Outcome(response=None if response is None else response_of(orjson.dumps(response)), **rest),
    )
