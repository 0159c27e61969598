"""How ``rebut show`` tells a kept run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import output
from .history import full_id, how, run_json

if TYPE_CHECKING:
    from rebut.events import Event

    from ..memory.store import Store
    from ..memory.values import RecordedCall, RunInfo

STYLES: Mapping[str, Mapping[str, Any]] = {
    "run": {"bold": True},
    "speech": {"fg": "cyan", "bold": True},
    "vote": {"bold": True},
    "ruling": {"bold": True},
    "round": {"dim": True},
    "note": {"fg": "yellow"},
    "trouble": {"fg": "red"},
    "end": {"dim": True},
}


async def tell_run(store: Store, run: str, *, calls: bool, as_json: bool) -> None:
    """Print the run: as the debate it was, or its calls; as text or JSON."""
    info = await store.run(await full_id(store, run))
    events = await store.events(info.id)
    recorded = await store.calls(info.id) if calls or info.start.parent else []
    if as_json:
        told = {
            **run_json(info),
            **(_handed(recorded) if info.start.parent else {}),
            "events": [event.as_dict() for event in events],
        }
        output.say_json(told | ({"calls": [call_json(call) for call in recorded]} if calls else {}))
        return
    for line in heading(info, recorded):
        output.say(line)
    if calls:
        for call in recorded:
            for style, line in call_lines(call):
                output.say(line, style=STYLES.get(style))
    else:
        _say_events(events)


def _say_events(events: list[Event]) -> None:
    from ..view.transcript import transcript

    for style, line in transcript(events):
        output.say(line, style=STYLES.get(style))


def _handed(recorded: Sequence[RecordedCall]) -> dict[str, Any]:
    """What a fork took over and what was written by hand, as JSON types."""
    return {
        "taken_over": sum(call.taken and not call.edited for call in recorded),
        "edited": [call.site.path for call in recorded if call.edited],
    }


def heading(info: RunInfo, recorded: Sequence[RecordedCall]) -> Iterator[str]:
    """The run's id, where it comes from, its models and parameters."""
    from ..view.text import many

    yield f"run {info.id} ({how(info)})"
    if info.start.parent:
        handed = _handed(recorded)
        edited = f", {', '.join(handed['edited'])} written by hand" if handed["edited"] else ""
        yield f"forked from {info.start.parent} ({many(handed['taken_over'], 'call')} taken over{edited})"
    models = dict.fromkeys(info.start.models.values())
    yield f"models: {', '.join(models) or 'none'}"
    if info.start.params:
        yield "params: " + ", ".join(f"{name}={value}" for name, value in info.start.params.items())
    yield ""


def call_lines(call: RecordedCall) -> Iterator[tuple[str, str]]:
    """A call as text: the messages sent, the completions that came, what it used."""
    from ..view.text import clean, clock, many

    yield "speech", f"{call.site.path}  {call.site.agent} ({call.request.model})"
    for message in call.request.messages:
        yield "note", f"  [{message.role}]"
        yield from (("note", f"    (a picture, {len(image)} characters)") for image in message.images)
        yield from (("body", f"    {line}") for line in clean(message.content).splitlines())
    outcome = call.outcome
    if outcome.error is not None:
        yield "trouble", f"  {outcome.error}: {clean(outcome.message)}"
    if outcome.response is not None:
        for completion in outcome.response.completions:
            written = "written by hand" if completion.finish == "edited" else f"answered, {completion.finish}"
            yield "ruling", f"  [{written}]"
            yield from (("body", f"    {line}") for line in clean(completion.text).splitlines())
        usage = outcome.response.usage
        from_cache = f" ({usage.cached} cached)" if usage.cached else ""
        tokens = f"{usage.prompt}{from_cache} + {usage.completion} tokens"
        spent = f"{tokens}, {clock(outcome.response.seconds)}"
        yield "end", f"  {spent}, {'taken over' if call.taken else many(outcome.attempts, 'attempt')}"
    yield "", ""


def call_json(call: RecordedCall) -> dict[str, Any]:
    """A call as JSON types."""
    import orjson

    from ..memory.lines import call_line

    value: dict[str, Any] = orjson.loads(call_line(call))
    return value
