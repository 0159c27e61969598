"""A trial as a sample of a log: the question, the debate as messages, the answer, its score, what it took."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rebut.records import Usage

from ...memory.spent import Spent
from ...memory.talks import Turn
from ...memory.values import RunInfo
from ..items import Item
from ..trials import Trial

SCORER = "correct"


def sample(
    trial: Trial, item: Item, epoch: int, info: RunInfo, turns: Sequence[Turn], spent: Sequence[Spent]
) -> dict[str, Any]:
    """The sample of a trial, as JSON types; `epoch` counts from 1."""
    question = asked(item)
    model = turns[-1].model if turns else ""
    made: dict[str, Any] = {
        "id": trial.item,
        "epoch": epoch,
        "input": question,
        "target": trial.gold[0] if len(trial.gold) == 1 else list(trial.gold),
        "messages": [
            {"id": f"{trial.run}:question", "role": "user", "content": question, "source": "input"},
            *_messages(trial, turns),
        ],
        "output": _output(trial, model),
        "scores": dict(_scores(trial)),
        "metadata": _metadata(trial),
        "store": {},
        "events": [],
        "model_usage": usages((one.model, one.usage) for one in spent),
        "role_usage": usages((one.agent, one.usage) for one in spent),
        "started_at": moment(info.start.started),
        "completed_at": moment(info.result.finished or info.start.started + trial.seconds),
        "total_time": trial.seconds,
        "working_time": trial.seconds,
        "uuid": trial.run,
        "attachments": {},
    }
    if trial.stop == "failed":
        made["error"] = {"message": trial.error, "traceback": "", "traceback_ansi": ""}
    if trial.stop == "budget":
        made["limit"] = {"type": "custom", "limit": 1, "reason": "the budget of the run was spent"}
    return made


def summary(made: Mapping[str, Any]) -> dict[str, Any]:
    """The line of a sample in the list of all samples."""
    kept = ("id", "epoch", "input", "target", "metadata", "scores", "model_usage", "role_usage", "uuid")
    times = ("started_at", "completed_at", "total_time", "working_time")
    said = {name: made[name] for name in (*kept, *times)}
    said |= {"completed": True, "retries": 0, "message_count": len(made["messages"])}
    if "error" in made:
        said["error"] = made["error"]["message"]
    if "limit" in made:
        said["limit"] = made["limit"]["type"]
    return said


def asked(item: Item) -> str:
    """What the workflow was given: the question, and other inputs under their names."""
    first = item.inputs.get("question", "")
    others = [f"{name}:\n{text}" for name, text in item.inputs.items() if name != "question"]
    return "\n\n".join([*([first] if first else []), *others])


def _messages(trial: Trial, turns: Sequence[Turn]) -> Iterator[dict[str, Any]]:
    for turn in turns:
        if turn.error:
            yield _message(trial, turn, 0, f"_{turn.error}: {turn.message}_")
        for place, words in enumerate(turn.said):
            cut = f"\n\n_(cut: {words.length} characters in all)_" if len(words.text) < words.length else ""
            yield _message(trial, turn, place, words.text + cut)


def _message(trial: Trial, turn: Turn, place: int, text: str) -> dict[str, Any]:
    of = f", {place + 1} of {len(turn.said)}" if len(turn.said) > 1 else ""
    unused = "" if turn.used else ", not waited for"
    return {
        "id": f"{trial.run}:{turn.path}:{place}",
        "role": "assistant",
        "content": f"**{turn.agent}** ({turn.role}, {turn.path}{of}{unused})\n\n{text}",
        "source": "generate",
        "model": turn.model,
        "metadata": {"agent": turn.agent, "call": turn.path},
    }


def _output(trial: Trial, model: str) -> dict[str, Any]:
    made: dict[str, Any] = {"model": model, "choices": [], "completion": trial.answer or ""}
    if trial.answer is not None:
        said = {
            "role": "assistant",
            "content": trial.answer,
            "source": "generate",
            "id": f"{trial.run}:answer",
        }
        made["choices"] = [{"message": said, "stop_reason": "stop"}]
    made["usage"] = usage(trial.usage)
    made["time"] = trial.seconds
    return made


def _scores(trial: Trial) -> Iterator[tuple[str, dict[str, Any]]]:
    yield SCORER, {"value": "C" if trial.right else "I", "answer": trial.answer or "", "metadata": {}}
    for name, value in trial.scores.items():
        if name != SCORER:
            yield name, {"value": value, "answer": trial.answer or "", "metadata": {}}


def _metadata(trial: Trial) -> dict[str, Any]:
    return {
        "run": trial.run,
        "contender": trial.label,
        "seed": trial.seed,
        "stop": trial.stop,
        "group": trial.group,
    }


def usages(parts: Iterator[tuple[str, Usage]]) -> dict[str, Any]:
    """Usage by model or agent, summed up."""
    sums: dict[str, Usage] = {}
    for name, part in parts:
        sums[name] = sums.get(name, Usage()) + part
    return {name: usage(one) for name, one in sums.items()}


def usage(one: Usage) -> dict[str, Any]:
    """Usage in a log's own words, where tokens from a cache are not part of the input."""
    said: dict[str, Any] = {
        "input_tokens": max(0, one.prompt - one.cached),
        "output_tokens": one.completion,
        "total_tokens": one.tokens,
        "input_tokens_cache_read": one.cached,
        "reasoning_tokens": one.reasoning,
    }
    return said if one.usd is None else said | {"total_cost": one.usd}


def moment(seconds: float) -> str:
    """A time as logs have it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()
