"""Values as rows of the tables, and back."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

import orjson
from sqlalchemy import RowMapping

from rebut.errors import StoreError
from rebut.events import Event
from rebut.records import Usage

from ..models.journal import CallSite, Outcome
from ..models.wire import Completion, Message, Request, Response, message_of, request_of, response_of
from .values import RecordedCall, Said

Cells = tuple[Any, ...]
"""The cells of one row, in the order of the table's columns."""


@dataclass(slots=True)
class CallRows:
    """All rows of one recorded call."""

    contents: list[tuple[str, str]]
    call: Cells
    messages: list[Cells]


def content_hash(body: str) -> str:
    """The content address of a text: BLAKE2b-128, 32 hex digits."""
    return hashlib.blake2b(body.encode(), digest_size=16).hexdigest()


def call_rows(run: str, call: RecordedCall) -> CallRows:
    """The rows of a call, with every text replaced by the hash of its content.

    Raises:
        StoreError: a text is not Unicode (a lone surrogate), or the request is not JSON.
    """
    contents: list[tuple[str, str]] = []
    try:
        request = _shelve_request(call.request, contents)
        response, said = _shelve_response(call.outcome.response, contents)
    except (TypeError, ValueError) as error:
        raise StoreError(f"call {call.site.path!r} of run {run!r} cannot be kept: {error}") from error
    messages = [
        (run, call.seq, place, call.site.path, call.site.agent, call.site.role, text)
        for place, text in enumerate(said)
    ]
    return CallRows(contents, _call_cells(run, call, request, response), messages)


def _shelve(body: str, contents: list[tuple[str, str]]) -> str:
    address = content_hash(body)
    contents.append((address, body))
    return address


def _shelved(message: Message, contents: list[tuple[str, str]]) -> list[Any]:
    """The cells of a message, with the hashes of its text and its images in their place."""
    text = _shelve(message.content, contents)
    if not message.images:
        return [message.role, text]
    return [message.role, text, [_shelve(image, contents) for image in message.images]]


def _shelve_request(request: Request, contents: list[tuple[str, str]]) -> str:
    said = [_shelved(message, contents) for message in request.messages]
    address = request.hash()
    contents.append((address, request.as_json(said).decode()))
    return address


def _shelve_response(
    response: Response | None, contents: list[tuple[str, str]]
) -> tuple[str | None, list[str]]:
    if response is None:
        return None, []
    said = [_shelve(completion.text, contents) for completion in response.completions]
    return _shelve(response.as_json(said).decode(), contents), said


def _with_text(completion: Completion, text: str) -> Completion:
    return Completion(
        text=text,
        finish=completion.finish,
        logprobs=completion.logprobs,
        reasoning=completion.reasoning,
        inside=completion.inside,
    )


def _call_cells(run: str, call: RecordedCall, request: str, response: str | None) -> Cells:
    site, outcome = call.site, call.outcome
    answered = outcome.response
    usage = _NOTHING if answered is None else answered.usage
    return (
        run, site.path, call.seq, site.node, site.visit, site.agent, site.role,
        call.request.model, call.request.n, request, response,
        outcome.error, outcome.message, outcome.status, outcome.attempts,
        usage.prompt, usage.completion, usage.cached, usage.reasoning, usage.usd,
        0.0 if answered is None else answered.seconds, outcome.at, call.wall, call.used,
    )  # fmt: skip


_NOTHING = Usage()


def call_of(row: RowMapping, contents: Mapping[str, str]) -> RecordedCall:
    """The call that a row describes.

    Raises:
        StoreError: a content is missing.
    """
    try:
        return RecordedCall(
            seq=row["seq"],
            site=CallSite(**{name: row[name] for name in ("path", "node", "visit", "agent", "role")}),
            request=_unshelve_request(row["request"], contents),
            outcome=Outcome(
                response=response_at(row["response"], contents) if row["response"] else None,
                error=row["error"],
                message=row["message"],
                status=row["http_status"],
                attempts=row["attempts"],
                at=row["at"],
            ),
            wall=row["wall"],
            used=bool(row["used"]),
        )
    except KeyError as error:
        raise StoreError(
            f"content {error.args[0]} of call {row['path']!r} of run {row['run']!r} is missing from the store"
        ) from error


def _unshelve_request(address: str, contents: Mapping[str, str]) -> Request:
    request = request_of(contents[address])
    messages = tuple(
        Message(m.role, contents[m.content], tuple(contents[image] for image in m.images))
        for m in request.messages
    )
    return replace(request, messages=messages)


def response_at(address: str, contents: Mapping[str, str]) -> Response:
    """The response under an address.

    Raises:
        KeyError: a content is missing.
    """
    response = response_of(contents[address])
    return replace(response, completions=tuple(_with_text(c, contents[c.text]) for c in response.completions))


def references(body: str) -> list[str]:
    """The content hashes in the shelved form of a request or a response."""
    data = orjson.loads(body)
    if "completions" in data:
        return [completion["text"] for completion in data["completions"]]
    return [kept for m in map(message_of, data["messages"]) for kept in (m.content, *m.images)]


def event_cells(event: Event) -> Cells:
    """The row of a durable event.

    Raises:
        StoreError: it holds something that is not JSON, or text that is not Unicode.
    """
    try:
        payload = event.as_json().decode()
    except TypeError as error:
        raise StoreError(f"event {event.seq} of run {event.run!r} cannot be kept: {error}") from error
    return event.run, event.seq, event.kind, getattr(event, "node", ""), payload


def payload_cells(run: str, payload: bytes) -> Cells:
    """The row of a durable event of a run, from its line of JSON."""
    data = orjson.loads(payload)
    return run, data["seq"], data["kind"], data.get("node", ""), payload.decode()


_SAID = tuple(field.name for field in fields(Said))


def said_of(row: RowMapping) -> Said:
    """The completion that a row of `message`, `call` and `content` describes."""
    return Said(**{name: row[name] for name in _SAID})
